//! The endpoint: one synchronous value for one UDP socket.
#![allow(unused_variables, missing_docs)] // skeleton

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::config::Config;
use crate::crypto::{PublicKey, ServerIdentity};
use crate::discovery::{DiscoveryQuery, Prefix};
use crate::entropy::Entropy;
use crate::error::{ConnectError, DiscoverError, PingError, SendError};
use crate::event::{Event, Farewell};
use crate::id::{ChannelId, MessageId, PeerId};
use crate::stats::{EndpointStats, PeerStats};
use crate::time::Instant;
use crate::transmit::{Arrival, Transmit};

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {}

impl Endpoint {
    pub fn new(config: Config, entropy: Entropy, now: Instant) -> Self {
        unimplemented!()
    }

    // Input
    pub fn handle_datagram(&mut self, now: Instant, arrival: Arrival, datagram: &mut [u8]) {
        unimplemented!()
    }
    pub fn handle_timeout(&mut self, now: Instant) {
        unimplemented!()
    }

    // Commands
    pub fn connect(
        &mut self,
        now: Instant,
        to: SocketAddr,
        server: ServerIdentity,
    ) -> Result<PeerId, ConnectError> {
        unimplemented!()
    }
    pub fn send(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
    ) -> Result<MessageId, SendError> {
        unimplemented!()
    }
    /// As `send`, and reports `Event::Delivered` once acknowledged (reliable channels only; else as `send`).
    pub fn send_with_receipt(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
    ) -> Result<MessageId, SendError> {
        unimplemented!()
    }
    pub fn flush(&mut self, now: Instant) {
        unimplemented!()
    }
    pub fn ping(&mut self, now: Instant, peer: PeerId) -> Result<(), PingError> {
        unimplemented!()
    }
    /// Asks whether a Tickwire endpoint listens at `to`, without connecting.
    pub fn probe(&mut self, now: Instant, to: SocketAddr) {
        unimplemented!()
    }
    /// Graceful: what is queued reliably is delivered first, for `close_timeout` at most.
    pub fn disconnect(&mut self, now: Instant, peer: PeerId, reason: Farewell) {
        unimplemented!()
    }
    pub fn discover(&mut self, now: Instant, query: DiscoveryQuery) -> Result<(), DiscoverError> {
        unimplemented!()
    }
    /// Live number of players shown in discovery answers; the connected peers if never called.
    pub fn set_players(&mut self, players: u32) {
        unimplemented!()
    }
    /// Where unasked announcements go (broadcast and multicast addresses of the interfaces).
    pub fn set_announce_targets(&mut self, targets: &[SocketAddr]) {
        unimplemented!()
    }
    /// The networks of the host's interfaces, for "on link".
    pub fn set_interfaces(&mut self, interfaces: &[Prefix]) {
        unimplemented!()
    }
    pub fn ban(&mut self, address: IpAddr) {
        unimplemented!()
    }
    pub fn unban(&mut self, address: IpAddr) {
        unimplemented!()
    }
    /// Refuse new connections with `Refusal::Full`/`NotAccepting` from here on (draining a server).
    pub fn set_accepting(&mut self, accepting: bool) {
        unimplemented!()
    }

    // Output
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        unimplemented!()
    }
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        unimplemented!()
    }
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        unimplemented!()
    }

    // Views
    pub fn peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        core::iter::empty()
    }
    pub fn peer_address(&self, peer: PeerId) -> Option<SocketAddr> {
        unimplemented!()
    }
    pub fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        unimplemented!()
    }
    pub fn stats(&self) -> EndpointStats {
        unimplemented!()
    }
    pub fn public_key(&self) -> PublicKey {
        unimplemented!()
    }
    pub fn config(&self) -> &Config {
        unimplemented!()
    }
}
