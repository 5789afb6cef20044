//! The application's side of an endpoint.

mod recording;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use tickwire_core::{
    ChannelId, ChannelStats, CongestionControl, CongestionError, ConnectError, ConnectToken,
    DiscoverError, DiscoveryQuery, Endpoint, EndpointStats, Event, Farewell, Instant, MessageId,
    PeerId, PeerStats, PingError, PublicKey, Qos, QosError, SendError, SendOptions, ServerIdentity,
};
use tickwire_udp::{BindError, Interfaces, IoStats, JoinFailure};

use crate::shared::{Shared, ShutdownReport};
use crate::sockets::Bound;

/// An endpoint that a task runs. Clones name the same endpoint, and any thread may use one.
///
/// Commands act on the endpoint at once and refuse at once; what they cause to be sent is sent by the task. When the last
/// clone is dropped, the task disconnects all peers as [`shutdown`](Self::shutdown) does and ends.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// Dropped with the last handle.
struct Owner {
    shared: Arc<Shared>,
    bound: Bound,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.lock().on_panic();
        }
        self.shared.stop(Farewell::default());
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("local_addr", &self.local_addr())
            .finish_non_exhaustive()
    }
}

/// Addresses.
impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, bound: Bound) -> Self {
        let owner = Owner {
            shared: Arc::clone(&shared),
            bound,
        };
        Self {
            shared,
            owner: Arc::new(owner),
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Where the game socket is bound, or soon is after [`rebind`](Self::rebind).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.lock().local_addr
    }

    /// Where the discovery socket is bound, or why it is not; `None` if it was not asked for.
    #[must_use]
    pub fn discovery(&self) -> Option<Result<SocketAddr, &BindError>> {
        let outcome = self.owner.bound.discovery.as_ref()?;
        Some(outcome.as_ref().copied())
    }

    /// The multicast groups that could not be joined when the discovery socket was bound: clients that ask by these
    /// alone do not find this server.
    #[must_use]
    pub fn join_failures(&self) -> &[JoinFailure] {
        &self.owner.bound.join_failures
    }

    /// Where to look for servers that listen on discovery port `port`: everybody that this host's interfaces, and
    /// this endpoint's socket, reach.
    #[must_use]
    pub fn discovery_targets(&self, port: u16) -> Vec<SocketAddr> {
        let interfaces = Interfaces::read().unwrap_or_default();
        interfaces.discovery_targets(port, self.local_addr())
    }
}

/// Commands. Each is the endpoint's own, at the time now.
impl Handle {
    /// Begins to connect; ends with `Event::Connected` or `Event::Disconnected`. See [`Endpoint::connect`].
    ///
    /// # Errors
    ///
    /// [`ConnectError`], at once and without effect.
    pub fn connect(&self, to: SocketAddr, server: ServerIdentity) -> Result<PeerId, ConnectError> {
        self.with(|endpoint, now| endpoint.connect(now, to, server))
    }

    /// As [`connect`](Self::connect), with a connect token. See [`Endpoint::connect_with_token`]. The endpoint is told the time first.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], at once and without effect.
    pub fn connect_with_token(
        &self,
        to: SocketAddr,
        token: &ConnectToken,
    ) -> Result<PeerId, ConnectError> {
        let unix_time = self.shared.clock.unix_time();
        self.with(|endpoint, now| {
            if let Some(unix_time) = unix_time {
                endpoint.set_unix_time(now, unix_time);
            }
            endpoint.connect_with_token(now, to, token)
        })
    }

    /// Queues a message. See [`Endpoint::send`].
    ///
    /// # Errors
    ///
    /// [`SendError`], at once and without effect. After `QueueFull`, wait for an event and try again.
    pub fn send(
        &self,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
    ) -> Result<MessageId, SendError> {
        self.with(|endpoint, now| endpoint.send(now, peer, channel, payload))
    }

    /// As [`send`](Self::send), with options for this message: priority, time to live, supersede key, receipt.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_with(
        &self,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
        options: &SendOptions,
    ) -> Result<MessageId, SendError> {
        self.with(|endpoint, now| endpoint.send_with(now, peer, channel, payload, options))
    }

    /// Ends the owner's tick: what is queued leaves at once, together.
    pub fn flush(&self) {
        self.with(Endpoint::flush);
    }

    /// Measures the round trip; ends with `Event::Pong`.
    ///
    /// # Errors
    ///
    /// [`PingError`], at once and without effect.
    pub fn ping(&self, peer: PeerId) -> Result<(), PingError> {
        self.with(|endpoint, now| endpoint.ping(now, peer))
    }

    /// Asks whether an endpoint listens at `to`, without connecting; `Event::ProbeAnswered` if so.
    pub fn probe(&self, to: SocketAddr) {
        self.with(|endpoint, now| endpoint.probe(now, to));
    }

    /// Ends a connection once what is queued reliably is delivered; ends with `Event::Disconnected`.
    pub fn disconnect(&self, peer: PeerId, farewell: Farewell) {
        self.with(|endpoint, now| endpoint.disconnect(now, peer, farewell));
    }

    /// Looks for servers; ends with `Event::DiscoveryEnded`.
    ///
    /// # Errors
    ///
    /// [`DiscoverError`], at once and without effect.
    pub fn discover(&self, query: DiscoveryQuery) -> Result<(), DiscoverError> {
        self.with(|endpoint, now| endpoint.discover(now, query))
    }

    /// Sets the number of players in discovery answers.
    pub fn set_players(&self, players: u32) {
        self.with(|endpoint, _| endpoint.set_players(players));
    }

    /// Whether new connections are accepted from here on, where the configuration accepts any.
    pub fn set_accepting(&self, accepting: bool) {
        self.with(|endpoint, _| endpoint.set_accepting(accepting));
    }

    /// Refuses an address from here on. Connections that exist stay.
    pub fn ban(&self, address: IpAddr) {
        self.with(|endpoint, _| endpoint.ban(address));
    }

    /// Takes a ban back.
    pub fn unban(&self, address: IpAddr) {
        self.with(|endpoint, _| endpoint.unban(address));
    }

    /// Sends to a peer by another congestion controller from here on.
    ///
    /// # Errors
    ///
    /// [`CongestionError`] if there is no such peer.
    pub fn set_congestion(
        &self,
        peer: PeerId,
        congestion: CongestionControl,
    ) -> Result<(), CongestionError> {
        self.with(|endpoint, _| endpoint.set_congestion(peer, congestion))
    }

    /// Serves a channel to a peer so from here on: who goes first, shares, and the most that may leave; see
    /// [`Endpoint::set_qos`].
    ///
    /// # Errors
    ///
    /// [`QosError`] if there is no such peer or channel, or it cannot be served so.
    pub fn set_qos(&self, peer: PeerId, channel: ChannelId, qos: &Qos) -> Result<(), QosError> {
        self.with(|endpoint, _| endpoint.set_qos(peer, channel, qos))
    }

    /// Calls `f` with the endpoint and the time now, and has the task send what comes of it. This is the way for code that
    /// is written against [`Endpoint`], and for several commands at one instant.
    ///
    /// Keep `f` short: everything else of this endpoint waits for it. Call no other method of a handle to this endpoint
    /// in it, or it waits for itself.
    pub fn with<R>(&self, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let mut state = self.shared.lock();
        // Read under the lock, so that the endpoint sees time in order.
        let now = self.shared.clock.now();
        let result = f(&mut state.endpoint, now);
        state.wake_task();
        result
    }
}

/// Views.
impl Handle {
    /// The endpoint's time now.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Counters of the endpoint.
    #[must_use]
    pub fn stats(&self) -> EndpointStats {
        self.view(Endpoint::stats)
    }

    /// Counters of the sockets.
    #[must_use]
    pub fn io_stats(&self) -> IoStats {
        self.shared.lock().io_stats
    }

    /// Counters of a connection; `None` once it is gone.
    #[must_use]
    pub fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.view(|endpoint| endpoint.peer_stats(peer))
    }

    /// Payload bytes that may be sent to a peer in this tick so that nothing waits; see [`Endpoint::budget`].
    #[must_use]
    pub fn budget(&self, peer: PeerId) -> u64 {
        let now = self.now();
        self.view(|endpoint| endpoint.budget(peer, now))
    }

    /// What one channel to a peer did and how it is; see [`Endpoint::channel_stats`].
    #[must_use]
    pub fn channel_stats(&self, peer: PeerId, channel: ChannelId) -> Option<ChannelStats> {
        self.view(|endpoint| endpoint.channel_stats(peer, channel))
    }

    /// Likewise of one channel; see [`Endpoint::channel_budget`].
    #[must_use]
    pub fn channel_budget(&self, peer: PeerId, channel: ChannelId) -> u64 {
        let now = self.now();
        self.view(|endpoint| endpoint.channel_budget(peer, channel, now))
    }

    /// A peer's address; `None` once it is gone.
    #[must_use]
    pub fn peer_address(&self, peer: PeerId) -> Option<SocketAddr> {
        self.view(|endpoint| endpoint.peer_address(peer))
    }

    /// The peers now.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerId> {
        self.view(|endpoint| endpoint.peers().collect())
    }

    /// The key by which clients know this server.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.view(Endpoint::public_key)
    }

    /// When the task will wake by itself, at the latest. A test with a manual clock moves it there.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.shared.lock().wake_at
    }

    fn view<R>(&self, f: impl FnOnce(&Endpoint) -> R) -> R {
        f(&self.shared.lock().endpoint)
    }
}

/// Events and the end.
impl Handle {
    /// Waits for the next event, oldest first; `None` once the endpoint is shut down and all was read.
    ///
    /// Events wait in the endpoint, within its bounds: a reader that stops reading stops the senders, and their `send`
    /// refuses with `QueueFull`. Nothing is lost when the wait is cancelled. Several may wait: each event goes to one.
    pub async fn next_event(&self) -> Option<Event> {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            // From here on nothing is missed, though it is looked at only below.
            changed.as_mut().enable();
            if let Some(event) = self.try_next_event() {
                return Some(event);
            }
            if self.shared.lock().report().is_some() {
                return self.try_next_event();
            }
            changed.await;
        }
    }

    /// The next event if there is one.
    #[must_use]
    pub fn try_next_event(&self) -> Option<Event> {
        self.shared.poll_event()
    }

    /// Disconnects every peer, waits until all that is queued reliably is delivered and all peers are gone, or 5 s, and
    /// ends the task. Events can be read meanwhile and afterwards. Once begun it goes on though the wait is cancelled;
    /// called again, it waits for the same end. Afterwards commands have no effect.
    pub async fn shutdown(&self, farewell: Farewell) -> ShutdownReport {
        self.shared.stop(farewell);
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            if let Some(report) = self.shared.lock().report() {
                return report;
            }
            changed.await;
        }
    }
}
