//! The owners of the hosts: they dial, say who they are, hear and speak.

use std::time::Duration;

use tickwire_core::{ChannelId, CloseReason, Event, Instant, PeerId, ServerIdentity};

use super::setup::JOIN_CHANNEL;
use super::{Action, Place, Run};
use crate::scenario::clients::Group;
use crate::scenario::link::WayKeys;
use crate::scenario::outcome::Direction;

/// A client's owner.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) place: Place,
    /// Its link as it now is.
    pub(super) link: WayKeys,
    reconnect: Option<Duration>,
    pub(super) phase: Phase,
    /// When its connection ended that it wants again.
    lost_at: Option<Instant>,
    /// Until then it stands still.
    pub(super) stalled_until: Instant,
    /// What the server calls it, while it is connected there.
    pub(super) at_server: Option<PeerId>,
}

/// What a client is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Away,
    Dialling(PeerId, Instant),
    Connected(PeerId),
}

impl Client {
    pub(super) fn new(place: Place, group: &Group) -> Self {
        Self {
            place,
            link: group.link.clone(),
            reconnect: group.reconnect,
            phase: Phase::Away,
            lost_at: None,
            stalled_until: Instant::ZERO,
            at_server: None,
        }
    }

    /// What the client calls the server, if it is connected.
    pub(super) fn connected(&self) -> Option<PeerId> {
        match self.phase {
            Phase::Connected(peer) => Some(peer),
            Phase::Away | Phase::Dialling(..) => None,
        }
    }

    fn peer(&self) -> Option<PeerId> {
        match self.phase {
            Phase::Dialling(peer, _) | Phase::Connected(peer) => Some(peer),
            Phase::Away => None,
        }
    }
}

impl Run<'_> {
    pub(super) fn dial(&mut self, client: usize) {
        let Client { place, phase, .. } = &self.clients[client];
        let host = place.host;
        if *phase != Phase::Away || self.world.is_down(host) {
            return;
        }
        let (address, key) = (self.world.address(self.server), self.server_key);
        let dialled = self.world.act(host, |endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::Known(key))
        });
        let now = self.world.now();
        match dialled {
            Ok(peer) => {
                self.clients[client].phase = Phase::Dialling(peer, now);
                self.dialled += 1;
                self.note(now, client, "dials");
            }
            // The old connection is still ending.
            Err(_) => self.plan(now + Duration::from_millis(500), Action::Dial(client)),
        }
    }

    pub(super) fn client_tick(&mut self, client: usize) {
        let now = self.world.now();
        self.plan(now + self.tick_length(), Action::ClientTick(client));
        let host = self.clients[client].place.host;
        if self.world.is_down(host) || now < self.clients[client].stalled_until {
            return;
        }
        for (at, event) in self.world.timed_events(host) {
            self.on_client_event(client, at, event);
        }
        let peer = self.clients[client].connected();
        if self.is_talking() {
            self.flows
                .speak(&mut self.world, host, client, Direction::Up, peer);
        }
        if peer.is_some() {
            self.world.act(host, |endpoint, now| endpoint.flush(now));
        }
    }

    fn on_client_event(&mut self, client: usize, at: Instant, event: Event) {
        match event {
            Event::Connected { peer, .. } => self.on_connected(client, at, peer),
            Event::Message {
                channel, payload, ..
            } => {
                self.flows.hear(
                    at,
                    client,
                    Direction::Down,
                    channel,
                    &payload,
                    &mut self.sampler,
                );
            }
            Event::Disconnected { peer, reason, .. }
                if self.clients[client].peer() == Some(peer) =>
            {
                self.on_disconnected(client, at, &reason);
            }
            Event::Delivered { .. } | Event::Abandoned { .. } => {
                self.flows.on_receipt(Direction::Up, &event);
            }
            _ => {}
        }
    }

    fn on_connected(&mut self, client: usize, at: Instant, peer: PeerId) {
        let found = &mut self.clients[client];
        let Phase::Dialling(dialled, since) = found.phase else {
            return;
        };
        if dialled != peer {
            return;
        }
        found.phase = Phase::Connected(peer);
        self.handshake.add(
            at.saturating_duration_since(since)
                .as_micros()
                .try_into()
                .unwrap_or(u64::MAX),
        );
        if let Some(lost_at) = found.lost_at.take() {
            let took = at.saturating_duration_since(lost_at).as_micros();
            self.reconnect.add(took.try_into().unwrap_or(u64::MAX));
        }
        self.note(at, client, "connected");
        let host = self.clients[client].place.host;
        let number = u16::try_from(client).unwrap_or(u16::MAX).to_be_bytes();
        // A new connection has room for two bytes, and if it is over by now, its end is the next event.
        let _ = self.world.act(host, |endpoint, now| {
            endpoint.send(now, peer, ChannelId::new(JOIN_CHANNEL), &number)
        });
    }

    fn on_disconnected(&mut self, client: usize, at: Instant, reason: &CloseReason) {
        let found = &mut self.clients[client];
        let was_connected = found.connected().is_some();
        found.phase = Phase::Away;
        if matches!(reason, CloseReason::Local(_)) {
            return;
        }
        if was_connected {
            found.lost_at = Some(at);
        }
        if let Some(pause) = found.reconnect {
            self.plan(self.world.now().max(at + pause), Action::Dial(client));
        }
        self.disconnects += 1;
        *self.endings.entry((false, reason.to_string())).or_default() += 1;
        self.note(at, client, format!("disconnected: {reason}"));
    }

    pub(super) fn server_tick(&mut self) {
        let now = self.world.now();
        self.plan(now + self.tick_length(), Action::ServerTick);
        if self.world.is_down(self.server) || now < self.server_stalled_until {
            return;
        }
        for (at, event) in self.world.timed_events(self.server) {
            self.on_server_event(at, event);
        }
        if self.is_talking() {
            for client in 0..self.clients.len() {
                let peer = self.clients[client].at_server;
                self.flows
                    .speak(&mut self.world, self.server, client, Direction::Down, peer);
            }
        }
        self.world
            .act(self.server, |endpoint, now| endpoint.flush(now));
    }

    fn on_server_event(&mut self, at: Instant, event: Event) {
        match event {
            Event::Message {
                peer,
                channel,
                payload,
            } if channel == ChannelId::new(JOIN_CHANNEL) => {
                let number = payload
                    .first_chunk()
                    .map(|bytes| u16::from_be_bytes(*bytes));
                let client = number.map_or(usize::MAX, usize::from);
                if let Some(found) = self.clients.get_mut(client) {
                    found.at_server = Some(peer);
                    self.clients_by_peer.insert(peer, client);
                }
            }
            Event::Message {
                channel, payload, ..
            } => {
                let client = super::flow::sender(&payload);
                self.flows.hear(
                    at,
                    client,
                    Direction::Up,
                    channel,
                    &payload,
                    &mut self.sampler,
                );
            }
            Event::Disconnected { peer, reason, .. } => self.on_gone(peer, &reason),
            Event::Delivered { .. } | Event::Abandoned { .. } => {
                self.flows.on_receipt(Direction::Down, &event);
            }
            _ => {}
        }
    }

    fn on_gone(&mut self, peer: PeerId, reason: &CloseReason) {
        if let Some(client) = self.clients_by_peer.remove(&peer) {
            let known = &mut self.clients[client].at_server;
            *known = known.filter(|known| *known != peer);
        }
        let is_asked_for = matches!(reason, CloseReason::Local(_) | CloseReason::Remote(_));
        if !is_asked_for {
            *self.endings.entry((true, reason.to_string())).or_default() += 1;
        }
    }

    /// The server's endpoint is a new one: nobody is connected there.
    pub(super) fn forget_clients(&mut self) {
        self.clients_by_peer.clear();
        self.clients
            .iter_mut()
            .for_each(|client| client.at_server = None);
    }
}
