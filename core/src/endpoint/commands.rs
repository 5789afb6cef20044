//! What the owner asks for: done at once, or refused at once and without effect.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::slots::Entry;
use super::{Endpoint, PROBES_MAX, Probe};
use crate::channel::send::QueueFull;
use crate::crypto::ServerIdentity;
use crate::discovery::{DiscoveryQuery, Prefix};
use crate::error::{ConnectError, DiscoverError, PingError, SendError};
use crate::event::{Farewell, Role};
use crate::id::{ChannelId, MessageId, PeerId};
use crate::peer::{Birth, Dialled, Peer};
use crate::time::Instant;
use crate::wire::handshake::{PROBE, PROBE_LEN};

impl Endpoint {
    /// Begins a connection. [`Event::Connected`](crate::Event::Connected) or [`Event::Disconnected`](crate::Event::Disconnected) tells how it went.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the address cannot be dialled, is connected already, or all places are taken.
    pub fn connect(
        &mut self,
        now: Instant,
        to: SocketAddr,
        server: ServerIdentity,
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

    /// Queues a copy of `payload` for `peer`. It leaves with the next [`flush`](Self::flush), or after
    /// the coalescing delay, and is delivered as the channel promises.
    ///
    /// # Errors
    ///
    /// [`SendError`]; with `QueueFull` the same message may be offered again later.
    pub fn send(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
    ) -> Result<MessageId, SendError> {
        self.queue(now, peer, channel, payload, false)
    }

    /// As [`send`](Self::send); once the peer's endpoint has acknowledged the message,
    /// [`Event::Delivered`](crate::Event::Delivered) says so. On unreliable channels no receipt comes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); also `QueueFull` while 4,096 receipts are outstanding or unread.
    pub fn send_with_receipt(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
    ) -> Result<MessageId, SendError> {
        self.queue(now, peer, channel, payload, true)
    }

    fn queue(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
        receipt: bool,
    ) -> Result<MessageId, SendError> {
        self.advance(now);
        let shared = &mut self.shared;
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
        let size_max = shared.config.datagram_size_max;
        let queued = found.outbox.push(
            self.now,
            channel,
            payload,
            receipt,
            size_max,
            &mut shared.pool,
        );
        let (message, dropped) = queued.map_err(|QueueFull| SendError::QueueFull)?;
        found.inbox.drops.send_queue_full += dropped;
        found.on_message_queued();
        self.unflushed.push(peer.slot() as u32, &mut self.slots);
        self.update(peer.slot() as u32);
        Ok(MessageId::new(message))
    }

    /// The owner's tick is over: everything queued leaves as soon as it may, in as few datagrams as possible.
    pub fn flush(&mut self, now: Instant) {
        self.advance(now);
        while let Some(slot) = self.unflushed.pop(&mut self.slots) {
            if let Some(found) = self.slots.get_mut(slot) {
                found.peer.flush();
            }
            self.update(slot);
        }
    }

    /// Measures the round trip now: [`Event::Pong`](crate::Event::Pong) brings it.
    ///
    /// # Errors
    ///
    /// [`PingError`] if there is no such peer or it is not connected.
    pub fn ping(&mut self, now: Instant, peer: PeerId) -> Result<(), PingError> {
        self.advance(now);
        let found = self.slots.peer_mut(peer).ok_or(PingError::UnknownPeer)?;
        if !found.is_established() {
            return Err(PingError::NotConnected);
        }
        found.ping();
        self.update(peer.slot() as u32);
        Ok(())
    }

    /// Asks whether an endpoint listens at `to`, without connecting: [`Event::ProbeAnswered`](crate::Event::ProbeAnswered) if so.
    /// A lost probe is not repeated. Of more than 32 unanswered probes the oldest is forgotten.
    pub fn probe(&mut self, now: Instant, to: SocketAddr) {
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

    /// Ends a connection. What is queued reliably is delivered first, for `close_timeout` at most; then both
    /// sides learn the reason. [`Event::Disconnected`](crate::Event::Disconnected) follows and tells how many messages were not delivered.
    pub fn disconnect(&mut self, now: Instant, peer: PeerId, farewell: Farewell) {
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

    /// Looks for servers on the LAN: [`Event::ServerFound`](crate::Event::ServerFound) for each, [`Event::DiscoveryEnded`](crate::Event::DiscoveryEnded) at the end.
    ///
    /// # Errors
    ///
    /// [`DiscoverError`] if a search is under way or the query has no target or too many.
    pub fn discover(&mut self, now: Instant, query: DiscoveryQuery) -> Result<(), DiscoverError> {
        self.advance(now);
        self.discovery.discover(self.now, query)
    }

    /// The number of players that discovery answers show. Without a call: the connected peers.
    pub fn set_players(&mut self, players: u32) {
        self.players = Some(players);
        self.discovery.set_players(players);
    }

    /// The port that discovery answers name, where it is known only once the socket is bound.
    pub fn set_announce_port(&mut self, port: u16) {
        self.discovery.set_port(port);
    }

    /// Where unasked announcements go: broadcast and multicast addresses.
    pub fn set_announce_targets(&mut self, targets: &[SocketAddr]) {
        self.discovery.set_announce_targets(targets);
    }

    /// The networks of the host's interfaces: who is "on the LAN" for discovery.
    pub fn set_interfaces(&mut self, interfaces: &[Prefix]) {
        self.discovery.set_interfaces(interfaces);
    }

    /// Refuses new connections from this address. Present ones stay: disconnect them.
    pub fn ban(&mut self, address: IpAddr) {
        self.banned.insert(address.to_canonical());
    }

    /// Lifts a ban.
    pub fn unban(&mut self, address: IpAddr) {
        self.banned.remove(&address.to_canonical());
    }

    /// Takes new connections or refuses them. At first as `Config` says.
    pub fn set_accepting(&mut self, accepting: bool) {
        self.is_accepting = accepting;
    }

    /// Switches the trace of sent datagrams on or off; see [`poll_trace`](Self::poll_trace).
    pub fn set_trace(&mut self, on: bool) {
        self.shared.set_trace(on);
    }
}
