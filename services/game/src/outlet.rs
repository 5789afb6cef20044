//! Where a game machine's messages go: an endpoint in the simulator, a driver's handle in production.

use tickwire_core::{ChannelId, Endpoint, Farewell, Instant, PeerId, PeerStats, SendError};

/// What the machines need of an endpoint. The same game runs on whatever offers this.
pub trait Outlet {
    /// Queues a message.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::send`].
    fn send(&mut self, peer: PeerId, channel: ChannelId, payload: &[u8]) -> Result<(), SendError>;

    /// Ends a connection once what is queued reliably is delivered.
    fn disconnect(&mut self, peer: PeerId, farewell: Farewell);

    /// Ends the tick: what is queued may leave now.
    fn flush(&mut self);

    /// What is known of a peer's connection.
    fn peer_stats(&self, peer: PeerId) -> Option<PeerStats>;

    /// The number of players to show to those who look for a server.
    fn set_players(&mut self, players: u32);
}

/// An endpoint at one instant, as an [`Outlet`].
#[derive(Debug)]
pub struct EndpointAt<'a> {
    /// The endpoint.
    pub endpoint: &'a mut Endpoint,
    /// The instant passed with every call.
    pub now: Instant,
}

impl Outlet for EndpointAt<'_> {
    fn send(&mut self, peer: PeerId, channel: ChannelId, payload: &[u8]) -> Result<(), SendError> {
        self.endpoint
            .send(self.now, peer, channel, payload)
            .map(|_id| ())
    }

    fn disconnect(&mut self, peer: PeerId, farewell: Farewell) {
        self.endpoint.disconnect(self.now, peer, farewell);
    }

    fn flush(&mut self) {
        self.endpoint.flush(self.now);
    }

    fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.endpoint.peer_stats(peer)
    }

    fn set_players(&mut self, players: u32) {
        self.endpoint.set_players(players);
    }
}
