//! Views: cheap, no effect.

use core::net::SocketAddr;

use super::Machine;
use crate::config::Config;
use crate::crypto::PublicKey;
use crate::id::PeerId;
use crate::peer::Peer;
use crate::stats::{EndpointStats, PeerStats};
use crate::time::Instant;

impl Machine {
    /// The peers that are being dialled, connected or closing, by slot.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.slots
            .iter()
            .filter(|found| found.peer.is_visible())
            .map(|found| found.peer.id)
    }

    /// Where a peer is.
    #[must_use]
    pub fn peer_address(&self, peer: PeerId) -> Option<SocketAddr> {
        self.slots.peer(peer).map(|found| found.address)
    }

    /// When the last authentic datagram of a peer came; of its creation before the first.
    #[must_use]
    pub fn last_heard(&self, peer: PeerId) -> Option<Instant> {
        self.slots.peer(peer).map(|found| found.last_heard)
    }

    /// A peer's counters; `None` once its connection is over.
    #[must_use]
    pub fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.slots.peer(peer).map(Peer::stats)
    }

    /// The endpoint's counters.
    #[must_use]
    pub fn stats(&self) -> EndpointStats {
        EndpointStats {
            peers_now: u64::from(self.connected),
            half_open_now: self.half_open.len() as u64,
            discovery_answers: self.discovery.answers_sent(),
            unread_bytes: self.shared.unread_bytes as u64,
            ..self.stats
        }
    }

    /// The key by which clients know this endpoint.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.identity.public_key()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }
}
