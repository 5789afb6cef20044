//! Views: cheap, no effect.

use core::net::SocketAddr;

use super::Machine;
use crate::config::Config;
use crate::crypto::PublicKey;
use crate::event::{Role, TokenClient};
use crate::id::{ChannelId, PeerId};
use crate::peer::Peer;
use crate::stats::{ChannelStats, EndpointStats, PeerStats};
use crate::time::Instant;

impl Machine {
    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.slots
            .iter()
            .filter(|found| found.peer.is_visible())
            .map(|found| found.peer.id)
    }

    pub(crate) fn is_serving(&self) -> bool {
        let mut peers = self.slots.iter();
        peers.any(|found| found.peer.role == Role::Server && !found.peer.is_over())
    }

    pub(crate) fn is_rebinding(&self) -> bool {
        let mut peers = self.slots.iter();
        peers.any(|found| found.peer.path.is_rebinding() && !found.peer.is_over())
    }

    pub(crate) fn peer_address(&self, peer: PeerId) -> Option<SocketAddr> {
        self.slots.peer(peer).map(|found| found.address)
    }

    pub(crate) fn client(&self, peer: PeerId) -> Option<TokenClient> {
        self.slots.peer(peer)?.client()
    }

    pub(crate) fn last_heard(&self, peer: PeerId) -> Option<Instant> {
        self.slots.peer(peer).map(|found| found.last_heard)
    }

    pub(crate) fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.slots.peer(peer).map(Peer::stats)
    }

    pub(crate) fn channel_stats(&self, peer: PeerId, channel: ChannelId) -> Option<ChannelStats> {
        self.slots.peer(peer)?.outbox.channel_stats(channel)
    }

    pub(crate) fn budget(&self, peer: PeerId, now: Instant) -> u64 {
        let (now, config) = (now.max(self.now), &self.shared.config);
        let found = self.slots.peer(peer);
        found.map_or(0, |found| found.budget(now, config))
    }

    pub(crate) fn channel_budget(&self, peer: PeerId, channel: ChannelId, now: Instant) -> u64 {
        let (now, config) = (now.max(self.now), &self.shared.config);
        let found = self.slots.peer(peer);
        found.map_or(0, |found| found.channel_budget(now, channel, config))
    }

    pub(crate) fn stats(&self) -> EndpointStats {
        EndpointStats {
            peers_now: u64::from(self.connected),
            half_open_now: self.half_open.len() as u64,
            discovery_answers: self.discovery.answers_sent(),
            unread_bytes: self.shared.unread_bytes as u64,
            used_tokens_now: self.admission.remembered(),
            ..self.stats
        }
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.identity.public_key()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }
}
