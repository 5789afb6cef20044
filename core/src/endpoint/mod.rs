//! The endpoint: one synchronous value for one UDP socket. It routes and keeps the books; what a
//! connection does is its [`Peer`](crate::peer::Peer)'s business.
//!
//! | file       | idea                                                                  |
//! |------------|-----------------------------------------------------------------------|
//! | `mod`      | the endpoint itself, its input and its views                          |
//! | `commands` | what the owner asks for                                               |
//! | `output`   | what the owner polls                                                  |
//! | `datagram` | a datagram's way to whom it concerns                                  |
//! | `accept`   | a stranger's HELLO                                                    |
//! | `books`    | after every call: who is ready to send or be read, who is due when    |
//! | `slots`    | the table of peers                                                    |
//! | `schedule` | the heap of deadlines                                                 |
//! | `waiting`  | queues of peers                                                       |
//! | `shared`   | settings and memory lent to the peers                                 |

mod accept;
mod books;
mod commands;
mod datagram;
mod limit;
mod output;
mod schedule;
pub(crate) mod shared;
mod slots;
mod waiting;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use self::limit::RateLimit;
use self::schedule::Schedule;
use self::shared::Shared;
use self::slots::Slots;
use self::waiting::Waiting;
use crate::config::Config;
use crate::crypto::{PublicKey, ResetKey, SecretKey};
use crate::discovery::Discovery;
use crate::entropy::Entropy;
use crate::event::Event;
use crate::id::PeerId;
use crate::peer::{HelloKey, Peer};
use crate::rng::{Rng, SecretRng};
use crate::stats::{EndpointStats, PeerStats};
use crate::tick::TickClock;
use crate::time::Instant;
use crate::transmit::Arrival;

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

    // ---- input: total, whatever the network brings; commands and output have files of their own ----

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
