//! Views: cheap, no effect, not recorded.

use core::net::SocketAddr;

use super::Endpoint;
use crate::audit::Unsound;
use crate::config::Config;
use crate::crypto::PublicKey;
use crate::event::TokenClient;
use crate::id::{ChannelId, PeerId};
use crate::record::state_hash;
use crate::stats::{ChannelStats, EndpointStats, PeerStats};
use crate::time::Instant;

/// Views: cheap, no effect.
impl Endpoint {
    /// The peers that are being dialled, connected or closing, by slot.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.machine.peers()
    }

    /// Where a peer is.
    #[must_use]
    pub fn peer_address(&self, peer: PeerId) -> Option<SocketAddr> {
        self.machine.peer_address(peer)
    }

    /// Who a client is, if it joined with a connect token.
    #[must_use]
    pub fn client(&self, peer: PeerId) -> Option<TokenClient> {
        self.machine.client(peer)
    }

    /// When the last authentic datagram of a peer came; of its creation before the first.
    #[must_use]
    pub fn last_heard(&self, peer: PeerId) -> Option<Instant> {
        self.machine.last_heard(peer)
    }

    /// A peer's counters; `None` once its connection is over.
    #[must_use]
    pub fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.machine.peer_stats(peer)
    }

    /// Payload bytes that may be sent to a peer in this tick so that nothing waits: what congestion window and pacing let
    /// leave within a tick (of `Config::tick`, else of 60 Hz), without what waits already. 0 if there is no such peer or it is
    /// not connected. Small messages take more than their bytes: about 4 each, and 48 a datagram.
    #[must_use]
    pub fn budget(&self, peer: PeerId, now: Instant) -> u64 {
        self.machine.budget(peer, now)
    }

    /// As [`budget`](Self::budget), of one channel: not more than its queue takes and the peer gave credit for. Unreliable channels
    /// go before reliable ones, and have a little beyond the window.
    #[must_use]
    pub fn channel_budget(&self, peer: PeerId, channel: ChannelId, now: Instant) -> u64 {
        self.machine.channel_budget(peer, channel, now)
    }

    /// What one channel to a peer did and how it is; `None` if there is no such channel, or the connection is over.
    #[must_use]
    pub fn channel_stats(&self, peer: PeerId, channel: ChannelId) -> Option<ChannelStats> {
        self.machine.channel_stats(peer, channel)
    }

    /// The endpoint's counters.
    #[must_use]
    pub fn stats(&self) -> EndpointStats {
        self.machine.stats()
    }

    /// Whether peers are here that connected to this endpoint, not it to them: it cannot [`rebind`](Self::rebind) then.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.machine.is_serving()
    }

    /// Whether a connection has not yet proven the socket that [`rebind`](Self::rebind) moved it to. The old one may still be
    /// heard of then.
    #[must_use]
    pub fn is_rebinding(&self) -> bool {
        self.machine.is_rebinding()
    }

    /// The key by which clients know this endpoint.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.machine.public_key()
    }

    /// A hash of the whole state. Endpoints with the same one answer the same calls in the same way, whatever their past;
    /// of two replays that part it finds the call. Takes as long as a checkpoint.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        state_hash(&self.machine)
    }

    /// Checks the books against what they are about, and what no state may be: for simulators and tests, after a call
    /// and its polls. Cheap: `round`, the number of the audit, chooses what is looked at besides the peer touched last.
    ///
    /// # Errors
    ///
    /// [`Unsound`] names what is wrong: a mistake of Tickwire's, not of its owner's.
    pub fn audit(&self, round: u64) -> Result<(), Unsound> {
        self.machine.audit(round)
    }

    /// A hash of everything that a datagram without authority must not change: not of the time, counters of drops, and
    /// answers to strangers with their rate limit. Slow.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.machine.fingerprint()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.machine.config()
    }
}
