//! Commands: at once, without effect if refused.

use alloc::borrow::Cow;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::Endpoint;
use crate::channel::options::SendOptions;
use crate::channel::outbox::Request;
use crate::channel::qos::Qos;
use crate::congestion::CongestionControl;
use crate::crypto::{ConnectToken, ServerIdentity};
use crate::discovery::{DiscoveryQuery, Prefix};
use crate::error::{
    CongestionError, ConnectError, DiscoverError, PingError, QosError, RebindError, SendError,
};
use crate::event::Farewell;
use crate::id::{ChannelId, MessageId, PeerId};
use crate::record::Call;
use crate::time::Instant;

/// Commands: at once, without effect if refused.
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
        self.begin(Some(now), &Call::Connect { to, server });
        let result = self.machine.connect(now, to, server, None);
        self.end(result)
    }

    /// As [`connect`](Self::connect), with a connect token: the server's key is that of the token, and the server is told
    /// who this client is. The token is used up once the server has heard that the handshake is complete, not before; an attempt
    /// that failed may be made again with it until it expires.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; also if the token is not good for this address, has expired by the time that
    /// [`set_unix_time`](Self::set_unix_time) told, or is too long: up to 6 channels any token fits, beyond that each takes 4 bytes
    /// of what is left for user data.
    pub fn connect_with_token(
        &mut self,
        now: Instant,
        to: SocketAddr,
        token: &ConnectToken,
    ) -> Result<PeerId, ConnectError> {
        let call = Call::ConnectWithToken {
            to,
            token: Cow::Borrowed(token),
        };
        self.begin(Some(now), &call);
        let result = self.machine.connect_with_token(now, to, token);
        self.end(result)
    }

    /// Tells what time it is by the calendar: `since_epoch` has passed since 1970 (Unix time). Connect tokens expire by it: a
    /// server that was not told takes none. It goes on with the endpoint's clock; tell it again after the calendar's was set.
    pub fn set_unix_time(&mut self, now: Instant, since_epoch: Duration) {
        self.begin(Some(now), &Call::SetUnixTime { since_epoch });
        self.machine.set_unix_time(now, since_epoch);
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
        self.send_with(now, peer, channel, payload, &SendOptions::new())
    }

    /// As [`send`](Self::send), with options for this message: priority, time to live, supersede key, receipt.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); with a receipt also `QueueFull` while 4,096 receipts are outstanding or unread.
    pub fn send_with(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: ChannelId,
        payload: &[u8],
        options: &SendOptions,
    ) -> Result<MessageId, SendError> {
        let call = Call::Send {
            peer,
            channel,
            payload,
            options: *options,
        };
        self.begin(Some(now), &call);
        let request = Request {
            channel,
            payload,
            options: *options,
        };
        let result = self.machine.send(now, peer, request);
        self.end(result)
    }

    /// The owner's tick is over: everything queued leaves as soon as it may, in as few datagrams as possible.
    pub fn flush(&mut self, now: Instant) {
        self.begin(Some(now), &Call::Flush);
        self.machine.flush(now);
    }

    /// Measures the round trip now: [`Event::Pong`](crate::Event::Pong) brings it.
    ///
    /// # Errors
    ///
    /// [`PingError`] if there is no such peer or it is not connected.
    pub fn ping(&mut self, now: Instant, peer: PeerId) -> Result<(), PingError> {
        self.begin(Some(now), &Call::Ping { peer });
        let result = self.machine.ping(now, peer);
        self.end(result)
    }

    /// Asks whether an endpoint listens at `to`, without connecting: [`Event::ProbeAnswered`](crate::Event::ProbeAnswered) if so.
    /// A lost probe is not repeated. Of more than 32 unanswered probes the oldest is forgotten.
    pub fn probe(&mut self, now: Instant, to: SocketAddr) {
        self.begin(Some(now), &Call::Probe { to });
        self.machine.probe(now, to);
    }

    /// Ends a connection. What is queued reliably is delivered first, for `close_timeout` at most; then both
    /// sides learn the reason. [`Event::Disconnected`](crate::Event::Disconnected) follows and tells how many messages were not delivered.
    pub fn disconnect(&mut self, now: Instant, peer: PeerId, farewell: Farewell) {
        let (code, text) = (farewell.code, farewell.text());
        self.begin(Some(now), &Call::Disconnect { peer, code, text });
        self.machine.disconnect(now, peer, farewell);
    }

    /// Looks for servers on the LAN: [`Event::ServerFound`](crate::Event::ServerFound) for each, [`Event::DiscoveryEnded`](crate::Event::DiscoveryEnded) at the end.
    ///
    /// # Errors
    ///
    /// [`DiscoverError`] if a search is under way or the query has no target or too many.
    pub fn discover(&mut self, now: Instant, query: DiscoveryQuery) -> Result<(), DiscoverError> {
        let (targets, timeout) = (Cow::Borrowed(&query.targets[..]), query.timeout);
        self.begin(Some(now), &Call::Discover { targets, timeout });
        let result = self.machine.discover(now, query);
        self.end(result)
    }

    /// The number of players that discovery answers show. Without a call: the connected peers.
    pub fn set_players(&mut self, players: u32) {
        self.begin(None, &Call::SetPlayers { players });
        self.machine.set_players(players);
    }

    /// The port that discovery answers name, where it is known only once the socket is bound.
    pub fn set_announce_port(&mut self, port: u16) {
        self.begin(None, &Call::SetAnnouncePort { port });
        self.machine.set_announce_port(port);
    }

    /// Where unasked announcements go: broadcast and multicast addresses.
    pub fn set_announce_targets(&mut self, targets: &[SocketAddr]) {
        let call = Call::SetAnnounceTargets {
            targets: Cow::Borrowed(targets),
        };
        self.begin(None, &call);
        self.machine.set_announce_targets(targets);
    }

    /// The networks of the host's interfaces: who is "on the LAN" for discovery.
    pub fn set_interfaces(&mut self, interfaces: &[Prefix]) {
        let call = Call::SetInterfaces {
            interfaces: Cow::Borrowed(interfaces),
        };
        self.begin(None, &call);
        self.machine.set_interfaces(interfaces);
    }

    /// Refuses new connections from this address. Present ones stay: disconnect them.
    pub fn ban(&mut self, address: IpAddr) {
        self.begin(None, &Call::Ban { address });
        self.machine.ban(address);
    }

    /// Lifts a ban.
    pub fn unban(&mut self, address: IpAddr) {
        self.begin(None, &Call::Unban { address });
        self.machine.unban(address);
    }

    /// Takes new connections or refuses them. At first as `Config` says.
    pub fn set_accepting(&mut self, accepting: bool) {
        self.begin(None, &Call::SetAccepting { accepting });
        self.machine.set_accepting(accepting);
    }

    /// The owner sends by another socket from here on: all connections to servers move there. What was measured of the old way
    /// holds on until the server answered by the new one, and then only if it is no other network, as far as the
    /// owner knows. Returns how many connections move; [`Event::Rebinding`](crate::Event::Rebinding) tells how each goes on. A
    /// driver reads the old socket until [`is_rebinding`](Self::is_rebinding) ends.
    ///
    /// # Errors
    ///
    /// [`RebindError`] while peers are here that connected to this endpoint.
    pub fn rebind(&mut self, now: Instant, is_other_network: bool) -> Result<usize, RebindError> {
        self.begin(Some(now), &Call::Rebind { is_other_network });
        let result = self.machine.rebind(now, is_other_network);
        self.end(result)
    }

    /// Sends to a peer by another congestion controller from here on. It goes on with the window that the one before had.
    ///
    /// # Errors
    ///
    /// [`CongestionError`] if there is no such peer.
    pub fn set_congestion(
        &mut self,
        peer: PeerId,
        congestion: CongestionControl,
    ) -> Result<(), CongestionError> {
        self.begin(None, &Call::SetCongestion { peer, congestion });
        let result = self.machine.set_congestion(peer, congestion);
        self.end(result)
    }

    /// Serves a channel to a peer so from here on: who goes first, shares, and the most that may leave. At first as
    /// [`ChannelConfig::qos`](crate::ChannelConfig::qos) says. A new limit fills no bucket: changing it often gains nothing.
    ///
    /// # Errors
    ///
    /// [`QosError`] if there is no such peer or channel, a value is out of range, or the rate is so low that the channel's
    /// longest message could not be delivered in time.
    pub fn set_qos(&mut self, peer: PeerId, channel: ChannelId, qos: &Qos) -> Result<(), QosError> {
        let call = Call::SetQos {
            peer,
            channel,
            qos: *qos,
        };
        self.begin(None, &call);
        let result = self.machine.set_qos(peer, channel, qos);
        self.end(result)
    }

    /// Makes the endpoint note for [`audit`](Self::audit) what cannot be seen afterwards: whether each packet decodes to what was
    /// put into it, and leaves only as its congestion window permits.
    pub fn set_audit(&mut self, on: bool) {
        self.machine.set_audit(on);
    }

    /// Switches the trace of sent datagrams on or off; see [`poll_trace`](Self::poll_trace).
    pub fn set_trace(&mut self, on: bool) {
        self.machine.set_trace(on);
    }

    /// Switches on or off that what happens to messages is noted; see [`poll_journal`](Self::poll_journal).
    pub fn set_journal(&mut self, on: bool) {
        self.machine.set_journal(on);
    }

    /// **Exposes secrets.** Switches on that the keys of connections made from now on can be taken out with
    /// [`poll_key_log`](Self::poll_key_log): who has them can read and forge what these connections say. Made for the
    /// simulator and for looking at captures; off by default, and a driver switches it on for nobody who did not ask
    /// for it by name.
    pub fn set_key_log(&mut self, on: bool) {
        self.machine.set_key_log(on);
    }
}
