//! Commands: at once, without effect if refused.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::slots::Entry;
use super::{Machine, Probe};
use crate::channel::outbox::Request;
use crate::channel::qos::Qos;
use crate::channel::send::QueueFull;
use crate::channel::whole_len;
use crate::congestion::CongestionControl;
use crate::crypto::{ConnectToken, ServerIdentity};
use crate::discovery::{DiscoveryQuery, Prefix};
use crate::error::{
    CongestionError, ConnectError, DiscoverError, PingError, QosError, RebindError, SendError,
};
use crate::event::{Abandonment, Farewell, Role};
use crate::id::{ChannelId, MessageId, PeerId};
use crate::peer::{Birth, Dialled, Peer};
use crate::time::Instant;
use crate::wire::handshake::{Hello, PROBE, PROBE_LEN};

/// Probes that wait for their answer; an older one is forgotten.
pub(super) const PROBES_MAX: usize = 32;

impl Machine {
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        to: SocketAddr,
        server: ServerIdentity,
        token: Option<&ConnectToken>,
    ) -> Result<PeerId, ConnectError> {
        self.advance(now);
        if to.port() == 0 || to.ip().is_unspecified() {
            return Err(ConnectError::BadAddress);
        }
        if self.by_address.contains_key(&to) {
            return Err(ConnectError::AlreadyConnected);
        }
        if self.places_used() >= self.shared.config.peers_max {
            return Err(ConnectError::Full);
        }
        let (id, local_id) = self.slots.reserve().ok_or(ConnectError::Full)?;
        let birth = Birth {
            id,
            address: to,
            local: None,
            role: Role::Client,
            local_id,
            remote_id: local_id,
        };
        let dialled = Dialled {
            server,
            token,
            config: &self.shared.config,
            rng: &mut self.handshake_rng,
        };
        let peer = Peer::dial(self.now, birth, dialled);
        // Who dials us from there gives way to us, unless its attempt goes first.
        self.forget_half_open(to, peer.began_with);
        self.slots.insert(id, peer, Entry::Dialled);
        self.by_address.insert(to, id.slot() as u32);
        self.update(id.slot() as u32);
        Ok(id)
    }

    pub(crate) fn connect_with_token(
        &mut self,
        now: Instant,
        to: SocketAddr,
        token: &ConnectToken,
    ) -> Result<PeerId, ConnectError> {
        self.advance(now);
        let server = token.identity_of(to).ok_or(ConnectError::NotInToken)?;
        let unix_time = self.admission.unix_time(self.now);
        if unix_time.is_some_and(|unix_time| token.expires_at() <= unix_time) {
            return Err(ConnectError::TokenExpired);
        }
        let room = Hello::token_room(self.slots.id_len(), &self.shared.config);
        if token.sealed().len() > room {
            return Err(ConnectError::TokenTooLong);
        }
        self.connect(now, to, server, Some(token))
    }

    pub(crate) fn set_unix_time(&mut self, now: Instant, since_epoch: Duration) {
        self.advance(now);
        self.admission.set_clock(self.now, since_epoch);
    }

    pub(crate) fn send(
        &mut self,
        now: Instant,
        peer: PeerId,
        request: Request<'_>,
    ) -> Result<MessageId, SendError> {
        self.advance(now);
        let shared = &mut self.shared;
        let (channel, payload) = (request.channel, request.payload);
        let slot = self.slots.by_id_mut(peer).ok_or(SendError::UnknownPeer)?;
        let found = &mut slot.peer;
        if !found.is_established() {
            return Err(SendError::NotConnected);
        }
        let config = shared
            .config
            .channels
            .get(channel.index())
            .ok_or(SendError::UnknownChannel)?;
        if payload.len() > config.message_size_max {
            return Err(SendError::TooLarge {
                size: payload.len(),
                size_max: config.message_size_max,
            });
        }
        let datagram_size = found.mtu.size();
        let mut pen = shared.journal.pen(self.now, peer);
        let queued =
            found
                .outbox
                .push(self.now, request, datagram_size, &mut shared.pool, &mut pen);
        let queued = queued.map_err(|QueueFull| SendError::QueueFull)?;
        let drops = &mut found.inbox.drops;
        drops.send_queue_full += queued.dropped;
        drops.superseded += u64::from(queued.superseded.is_some());
        if let Some(receipt) = queued.superseded.and_then(|old| old.receipt) {
            found.inbox.push_abandoned(receipt, Abandonment::Superseded);
        }
        found.note_queued(channel, queued.id, payload.len(), &mut pen);
        if payload.len() > whole_len(datagram_size) {
            found.mtu.want(payload.len());
        }
        found.on_message_queued();
        self.unflushed.push(peer.slot() as u32, &mut self.slots);
        self.update(peer.slot() as u32);
        Ok(MessageId::new(queued.id))
    }

    pub(crate) fn flush(&mut self, now: Instant) {
        self.advance(now);
        while let Some(slot) = self.unflushed.pop(&mut self.slots) {
            if let Some(found) = self.slots.get_mut(slot) {
                found.peer.flush(self.now, &self.shared.config);
            }
            self.update(slot);
        }
    }

    pub(crate) fn ping(&mut self, now: Instant, peer: PeerId) -> Result<(), PingError> {
        self.advance(now);
        let found = self.slots.peer_mut(peer).ok_or(PingError::UnknownPeer)?;
        if !found.is_established() {
            return Err(PingError::NotConnected);
        }
        found.ping();
        self.update(peer.slot() as u32);
        Ok(())
    }

    pub(crate) fn probe(&mut self, now: Instant, to: SocketAddr) {
        self.advance(now);
        let mut nonce = [0; 8];
        self.probe_rng.fill(&mut nonce);
        let mut bytes = Vec::with_capacity(PROBE_LEN);
        bytes.push(PROBE);
        bytes.extend_from_slice(&nonce);
        self.answer(to, None, bytes);
        if self.probes.len() == PROBES_MAX {
            self.probes.pop_front();
        }
        self.probes.push_back(Probe {
            nonce,
            to,
            sent_at: self.now,
        });
    }

    pub(crate) fn disconnect(&mut self, now: Instant, peer: PeerId, farewell: Farewell) {
        self.advance(now);
        let Some(found) = self.slots.peer_mut(peer) else {
            return;
        };
        found.disconnect(
            self.now,
            farewell,
            &self.shared.config,
            &mut self.shared.pool,
        );
        self.update(peer.slot() as u32);
    }

    pub(crate) fn discover(
        &mut self,
        now: Instant,
        query: DiscoveryQuery,
    ) -> Result<(), DiscoverError> {
        self.advance(now);
        self.discovery.discover(self.now, query)
    }

    pub(crate) fn set_players(&mut self, players: u32) {
        self.players = Some(players);
        self.discovery.set_players(players);
    }

    pub(crate) fn set_announce_port(&mut self, port: u16) {
        self.discovery.set_port(port);
    }

    pub(crate) fn set_announce_targets(&mut self, targets: &[SocketAddr]) {
        self.discovery.set_announce_targets(targets);
    }

    pub(crate) fn set_interfaces(&mut self, interfaces: &[Prefix]) {
        self.discovery.set_interfaces(interfaces);
    }

    pub(crate) fn ban(&mut self, address: IpAddr) {
        self.banned.insert(address.to_canonical());
    }

    pub(crate) fn unban(&mut self, address: IpAddr) {
        self.banned.remove(&address.to_canonical());
    }

    pub(crate) fn set_accepting(&mut self, accepting: bool) {
        self.is_accepting = accepting;
    }

    pub(crate) fn rebind(
        &mut self,
        now: Instant,
        is_other_network: bool,
    ) -> Result<usize, RebindError> {
        self.advance(now);
        if self.is_serving() {
            return Err(RebindError::Serving);
        }
        let peers: Vec<PeerId> = self.slots.iter().map(|found| found.peer.id).collect();
        let mut moving = 0;
        for peer in peers {
            if let Some(found) = self.slots.peer_mut(peer)
                && found.rebind(self.now, is_other_network, &mut self.shared)
            {
                moving += 1;
            }
            self.update(peer.slot() as u32);
        }
        Ok(moving)
    }

    pub(crate) fn set_congestion(
        &mut self,
        peer: PeerId,
        congestion: CongestionControl,
    ) -> Result<(), CongestionError> {
        let found = self.slots.peer_mut(peer);
        let found = found.ok_or(CongestionError::UnknownPeer)?;
        found.recovery.set_congestion(congestion);
        self.update(peer.slot() as u32);
        Ok(())
    }

    pub(crate) fn set_qos(
        &mut self,
        peer: PeerId,
        channel: ChannelId,
        qos: &Qos,
    ) -> Result<(), QosError> {
        let found = self.slots.peer_mut(peer).ok_or(QosError::UnknownPeer)?;
        self.shared.config.check_qos(channel, qos)?;
        found.outbox.set_qos(self.now, channel, qos);
        self.update(peer.slot() as u32);
        Ok(())
    }

    pub(crate) fn set_audit(&mut self, on: bool) {
        self.shared.notes.is_on = on;
    }

    pub(crate) fn set_trace(&mut self, on: bool) {
        self.shared.set_trace(on);
    }

    pub(crate) fn set_journal(&mut self, on: bool) {
        self.shared.journal.set(on);
        for found in self.slots.iter() {
            let mut pen = self.shared.journal.pen(self.now, found.peer.id);
            found.peer.note_found(&mut pen);
            found.peer.note_waits(self.now, &mut self.shared);
        }
    }

    pub(crate) fn set_key_log(&mut self, on: bool) {
        self.shared.key_log.set(on);
    }
}
