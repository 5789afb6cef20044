//! The endpoint: one synchronous value for one UDP socket. It routes and keeps the books; what a
//! connection does is its [`Peer`](crate::peer::Peer)'s business.
//!
//! | file       | idea                                                                  |
//! |------------|-----------------------------------------------------------------------|
//! | `mod`      | the verbs: input, commands, output, views                             |
//! | `datagram` | a datagram's way to whom it concerns                                  |
//! | `accept`   | a stranger's HELLO                                                    |
//! | `books`    | after every call: who is ready to send or be read, who is due when    |
//! | `slots`    | the table of peers                                                    |
//! | `schedule` | the heap of deadlines                                                 |
//! | `waiting`  | queues of peers                                                       |
//! | `shared`   | settings and memory lent to the peers                                 |

mod accept;
mod books;
mod datagram;
mod limit;
mod schedule;
pub(crate) mod shared;
mod slots;
mod waiting;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use self::limit::RateLimit;
use self::schedule::Schedule;
use self::shared::Shared;
use self::slots::{Entry, Slots};
use self::waiting::Waiting;
use crate::channel::send::QueueFull;
use crate::config::Config;
use crate::crypto::{PublicKey, ResetKey, SecretKey, ServerIdentity};
use crate::discovery::{Discovery, DiscoveryQuery, Prefix};
use crate::entropy::Entropy;
use crate::error::{ConnectError, DiscoverError, PingError, SendError};
use crate::event::{Event, Farewell, Role};
use crate::id::{ChannelId, MessageId, PeerId};
use crate::peer::{Birth, Dialled, HelloKey, Peer};
use crate::rng::{Rng, SecretRng};
use crate::stats::{EndpointStats, PeerStats};
use crate::tick::TickClock;
use crate::time::Instant;
use crate::transmit::{Arrival, Transmit};
use crate::wire::handshake::{PROBE, PROBE_LEN};
use crate::wire::show;

/// Answers to strangers (refusals, resets, probe replies) a second, together.
const STRANGER_ANSWERS_PER_SECOND: u32 = 1_000;

/// Probes that wait for their answer; an older one is forgotten.
const PROBES_MAX: usize = 32;

/// A socket's worth of connections as one state machine: bytes and time go in, bytes, events and
/// deadlines come out. See the [crate's documentation](crate) for the order of calls.
///
/// It cannot fail because of the network; it can only refuse a command of its owner.
#[derive(Debug)]
pub struct Endpoint {
    now: Instant,
    shared: Shared,
    identity: SecretKey,
    public_key: PublicKey,
    reset_key: Option<ResetKey>,
    slots: Slots,
    schedule: Schedule,
    /// Peers with something to send.
    ready: Waiting,
    /// Peers with something to read.
    unread: Waiting,
    /// Peers that were sent something since the last flush.
    unflushed: Waiting,
    /// Peers whose next datagram may leave now.
    due: u32,
    by_address: BTreeMap<SocketAddr, u32>,
    /// By address and HELLO: a HELLO of somebody else under a client's address must not end the client's handshake.
    half_open: BTreeMap<(SocketAddr, HelloKey), u32>,
    banned: BTreeSet<IpAddr>,
    is_accepting: bool,
    /// Answers to strangers, which have no peer to send them.
    answers: VecDeque<Answer>,
    answer_limit: RateLimit,
    probes: VecDeque<Probe>,
    events: VecDeque<Event>,
    discovery: Discovery,
    /// Peers connected now.
    connected: u32,
    /// Players as the owner counts them.
    players: Option<u32>,
    tick: Option<TickClock>,
    handshake_rng: SecretRng,
    probe_rng: SecretRng,
    stats: EndpointStats,
}

/// A datagram to somebody who is no peer.
#[derive(Debug)]
struct Answer {
    to: SocketAddr,
    from: Option<IpAddr>,
    bytes: Vec<u8>,
}

/// A probe that was sent.
#[derive(Debug)]
struct Probe {
    nonce: [u8; 8],
    to: SocketAddr,
    sent_at: Instant,
}

impl Endpoint {
    /// An endpoint without peers. The same configuration, entropy and later inputs give the same outputs.
    #[must_use]
    pub fn new(config: Config, entropy: Entropy, now: Instant) -> Self {
        let secrets = SecretRng::new(entropy.secret);
        let mut identity_rng = secrets.fork("identity");
        let identity = config.identity.clone().unwrap_or_else(|| {
            let mut bytes = [0; 32];
            identity_rng.fill(&mut bytes);
            SecretKey::from_bytes(bytes)
        });
        let slots_max = config.peers_max + config.half_open_max;
        Self {
            now,
            public_key: identity.public_key(),
            // A key that does not survive a restart cannot prove one.
            reset_key: config.identity.as_ref().map(ResetKey::new),
            identity,
            slots: Slots::new(
                slots_max,
                config.connection_id_len,
                secrets.fork("connection ids"),
            ),
            schedule: Schedule::default(),
            ready: Waiting::new(|slot| &mut slot.waits_to_send),
            unread: Waiting::new(|slot| &mut slot.waits_to_be_read),
            unflushed: Waiting::new(|slot| &mut slot.waits_for_flush),
            due: 0,
            by_address: BTreeMap::new(),
            half_open: BTreeMap::new(),
            banned: BTreeSet::new(),
            is_accepting: config.accepts,
            answers: VecDeque::new(),
            answer_limit: RateLimit::new(STRANGER_ANSWERS_PER_SECOND, now),
            probes: VecDeque::new(),
            events: VecDeque::new(),
            discovery: Discovery::new(
                config.announce.clone(),
                Rng::new(entropy.seed).fork("discovery").next_u64(),
                now,
            ),
            connected: 0,
            players: None,
            tick: config.tick.map(|tick| TickClock::new(tick, now)),
            handshake_rng: secrets.fork("handshake"),
            probe_rng: secrets.fork("probe"),
            stats: EndpointStats::default(),
            shared: Shared::new(config),
        }
    }

    // ---- input: total, whatever the network brings ----

    /// Takes a datagram, which is decrypted in place. Whatever it holds, this returns: what is
    /// not ours or not authentic is counted in [`stats`](Self::stats) and changes nothing else.
    pub fn handle_datagram(&mut self, now: Instant, arrival: Arrival, datagram: &mut [u8]) {
        self.advance(now);
        self.stats.datagrams_received += 1;
        self.stats.bytes_received += datagram.len() as u64;
        self.route(arrival, datagram);
    }

    /// Deadlines may have passed. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        // A slot that is due again at once waits for the next call: one pass has an end.
        for _ in 0..self.slots.used() {
            let Some(slot) = self.schedule.pop_due(self.now) else {
                break;
            };
            if let Some(found) = self.slots.get_mut(slot) {
                found.peer.handle_timeout(self.now, &mut self.shared);
            }
            self.update(slot);
        }
        self.discovery.handle_timeout(self.now);
        if let Some(tick) = &mut self.tick {
            tick.handle_timeout(self.now);
        }
    }

    /// Time never runs back.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    // ---- commands: at once, without effect if refused ----

    /// Begins a connection. [`Event::Connected`] or [`Event::Disconnected`] tells how it went.
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
    /// [`Event::Delivered`] says so. On unreliable channels no receipt comes.
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

    /// Measures the round trip now: [`Event::Pong`] brings it.
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

    /// Asks whether an endpoint listens at `to`, without connecting: [`Event::ProbeAnswered`] if so.
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
    /// sides learn the reason. [`Event::Disconnected`] follows and tells how many messages were not delivered.
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

    /// Looks for servers on the LAN: [`Event::ServerFound`] for each, [`Event::DiscoveryEnded`] at the end.
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

    // ---- output: call each until `None`, after every input and command ----

    /// Appends the next datagram to `buf` and says where it goes. Answers to strangers come first, then
    /// discovery, then peers in the order in which they got something to send.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        self.advance(now);
        let transmit = self
            .transmit_answer(buf)
            .or_else(|| self.transmit_discovery(buf))
            .or_else(|| self.transmit_peer(buf))?;
        self.stats.datagrams_sent += 1;
        self.stats.bytes_sent += transmit.len as u64;
        Some(transmit)
    }

    fn transmit_answer(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let answer = self.answers.pop_front()?;
        self.shared.trace(|_| show::other(&answer.bytes));
        buf.extend_from_slice(&answer.bytes);
        Some(Transmit {
            from: answer.from,
            ..Transmit::game(answer.to, answer.bytes.len())
        })
    }

    fn transmit_discovery(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let start = buf.len();
        let transmit = self.discovery.poll_transmit(self.now, buf)?;
        self.shared.trace(|_| show::other(&buf[start..]));
        Some(transmit)
    }

    fn transmit_peer(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        while let Some(slot) = self.ready.front(&mut self.slots) {
            let found = self.slots.get_mut(slot)?;
            let transmit = found.peer.poll_transmit(self.now, &mut self.shared, buf);
            if transmit.is_some() {
                return transmit;
            }
            self.ready.pop(&mut self.slots);
            self.update(slot);
            self.expect_not_due(slot);
        }
        None
    }

    /// The next event. Events appear inside other calls only: poll after those. Of one peer they come in
    /// the order in which they happened; ticks come after everything that arrived before them.
    ///
    /// What is not polled stays, and fills the credit of its sender: an owner that cannot keep up stops polling.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.poll_peer_event()
            .or_else(|| self.events.pop_front())
            .or_else(|| self.discovery.poll_event())
            .or_else(|| self.tick.as_mut()?.poll_event())
    }

    fn poll_peer_event(&mut self) -> Option<Event> {
        let slot = self.unread.pop(&mut self.slots)?;
        let shared = &mut self.shared;
        let peer = &mut *self.slots.get_mut(slot)?.peer;
        let event = peer.inbox.poll(
            peer.id,
            &mut shared.unread_bytes,
            &mut shared.pool,
            &mut shared.blocks,
        );
        if matches!(event, Some(Event::Delivered { .. })) {
            peer.outbox.on_receipt_polled();
        }
        self.update(slot);
        event
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) or [`poll_transmit`](Self::poll_transmit) if nothing
    /// else happens. It is not after the last `now` only while one of them has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.answers.is_empty() || self.due > 0 {
            return Some(self.now);
        }
        let tick = self.tick.as_ref().and_then(TickClock::poll_timeout);
        [self.schedule.next(), self.discovery.poll_timeout(), tick]
            .into_iter()
            .flatten()
            .min()
    }

    /// With [`set_trace`](Self::set_trace): one line for each datagram that `poll_transmit` handed out, in that
    /// order, as `#3 Ack(0..=2 after 1.200 ms) Ordered(ch3 m1, 20 B)`. Lines beyond 4,096 unpolled ones are dropped.
    #[must_use]
    pub fn poll_trace(&mut self) -> Option<String> {
        self.shared.poll_trace()
    }

    // ---- views ----

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
        self.public_key
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }
}

#[cfg(test)]
mod tests;
