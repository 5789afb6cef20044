//! The endpoint: one synchronous value for one UDP socket. It routes and keeps the books; what a
//! connection does is its [`Peer`](crate::peer::Peer)'s business.
//!
//! | file       | idea                                                                  |
//! |------------|-----------------------------------------------------------------------|
//! | `mod`      | birth and input                                                       |
//! | `commands` | what the owner asks for: done at once or refused                      |
//! | `output`   | datagrams, events, the deadline                                       |
//! | `views`    | counters and addresses                                                |
//! | `audit`    | the books against the peers                                           |
//! | `datagram` | a datagram's way to whom it concerns                                  |
//! | `accept`   | a stranger's HELLO                                                    |
//! | `admission` | connect tokens: opening, judging, remembering the used ones           |
//! | `retry`    | under load: a stranger proves its address first                       |
//! | `books`    | who is found by what and can be read; before a poll, who is due when  |
//! | `slots`    | the table of peers                                                    |
//! | `schedule` | the heap of deadlines                                                 |
//! | `waiting`  | queues of peers                                                       |
//! | `saved`    | all of it as bytes, for a checkpoint                                  |
//! | `shared`   | settings and memory lent to the peers                                 |

mod accept;
pub(crate) mod admission;
mod audit;
mod books;
mod commands;
mod datagram;
mod limit;
mod output;
mod retry;
mod saved;
mod schedule;
pub(crate) mod shared;
mod slots;
mod views;
mod waiting;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use self::admission::{Admission, Opener};
use self::limit::RateLimit;
use self::schedule::Schedule;
use self::shared::Shared;
use self::slots::{Slot, Slots};
use self::waiting::Waiting;
use crate::config::Config;
use crate::crypto::{Agreed, CookieKey, Identity, SecretKey, TokenBytes};
use crate::discovery::Discovery;
use crate::entropy::Entropy;
use crate::event::Event;
use crate::notice::Notices;
use crate::peer::HelloKey;
use crate::planted::Bug;
use crate::rng::{Rng, SecretRng};
use crate::saved::saved;
use crate::stats::EndpointStats;
use crate::tick::TickClock;
use crate::time::Instant;
use crate::transmit::Arrival;

/// Answers to strangers (refusals, resets, probe replies) a second, together.
const STRANGER_ANSWERS_PER_SECOND: u32 = 1_000;

/// What an [`Endpoint`](crate::Endpoint) is behind its face: the verbs are described there.
#[derive(Debug)]
pub(crate) struct Machine {
    now: Instant,
    shared: Shared,
    identity: Identity,
    opener: Opener,
    admission: Admission,
    slots: Slots,
    schedule: Schedule,
    /// Peers that were touched since they were last reckoned with.
    changed: Waiting,
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
    /// Handshakes of clients that have not proved their address.
    unproven_limit: RateLimit,
    cookie_key: CookieKey,
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

/// What keys that no recording holds gave for a datagram: with it the same datagram has the same effect without them.
#[derive(Default)]
pub(crate) struct Revealed {
    /// What the long-term key agreed on with its sender.
    pub(crate) agreed: Option<Agreed>,
    /// What its connect token said.
    pub(crate) token: Option<TokenBytes>,
}

/// A datagram to somebody who is no peer.
#[derive(Debug)]
struct Answer {
    to: SocketAddr,
    from: Option<IpAddr>,
    bytes: Vec<u8>,
}

saved!(Answer { to, from, bytes });

/// A probe that was sent.
#[derive(Debug)]
struct Probe {
    nonce: [u8; 8],
    to: SocketAddr,
    sent_at: Instant,
}

saved!(Probe { nonce, to, sent_at });

const WAITS_FOR_RECKONING: fn(&mut Slot) -> &mut bool = |slot| &mut slot.waits_for_reckoning;
const WAITS_TO_SEND: fn(&mut Slot) -> &mut bool = |slot| &mut slot.waits_to_send;
const WAITS_TO_BE_READ: fn(&mut Slot) -> &mut bool = |slot| &mut slot.waits_to_be_read;
const WAITS_FOR_FLUSH: fn(&mut Slot) -> &mut bool = |slot| &mut slot.waits_for_flush;

impl Machine {
    /// A machine whose long-term key is what `identity` says, whatever `config` holds.
    pub(crate) fn new(config: Config, entropy: Entropy, identity: Identity, now: Instant) -> Self {
        let secrets = SecretRng::new(entropy.secret);
        Self {
            now,
            opener: Opener::new(&config, &identity.public_key()),
            admission: Admission::default(),
            identity,
            slots: Slots::new(
                config.slots_max(),
                config.connection_id_len,
                secrets.fork("connection ids"),
            ),
            schedule: Schedule::default(),
            changed: Waiting::new(WAITS_FOR_RECKONING),
            ready: Waiting::new(WAITS_TO_SEND),
            unread: Waiting::new(WAITS_TO_BE_READ),
            unflushed: Waiting::new(WAITS_FOR_FLUSH),
            due: 0,
            by_address: BTreeMap::new(),
            half_open: BTreeMap::new(),
            banned: BTreeSet::new(),
            is_accepting: config.accepts,
            answers: VecDeque::new(),
            answer_limit: RateLimit::new(STRANGER_ANSWERS_PER_SECOND, now),
            unproven_limit: RateLimit::new(config.unproven_per_second, now),
            cookie_key: CookieKey::new(secrets.fork("cookies")),
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
            shared: Shared::new(config, secrets.fork("path")),
        }
    }

    // ---- input: total, whatever the network brings ----

    pub(crate) fn handle_datagram(&mut self, now: Instant, arrival: Arrival, datagram: &mut [u8]) {
        self.advance(now);
        self.stats.datagrams_received += 1;
        self.stats.bytes_received += datagram.len() as u64;
        self.route(arrival, datagram);
    }

    pub(crate) fn handle_too_long(&mut self, now: Instant, to: SocketAddr, len: usize) {
        self.advance(now);
        let Some(slot) = self.by_address.get(&to).copied() else {
            return;
        };
        if let Some(found) = self.slots.get_mut(slot) {
            found.peer.handle_too_long(self.now, len, &mut self.shared);
            self.update(slot);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        self.reckon();
        // A slot that is due again at once waits for the next call: one pass has an end.
        for _ in 0..self.slots.used() {
            let Some(slot) = self.schedule.pop_due(self.now) else {
                break;
            };
            if let Some(found) = self.slots.get_mut(slot) {
                found.peer.handle_timeout(self.now, &mut self.shared);
            }
            self.update(slot);
            self.reckon();
        }
        self.discovery.handle_timeout(self.now);
        if let Some(tick) = &mut self.tick {
            tick.handle_timeout(self.now);
        }
    }

    /// For a redacted recording: what is noticed of the fate of packets.
    pub(crate) fn notices(&mut self) -> &mut Notices {
        &mut self.shared.notices
    }

    /// For a recorder: what keys that it does not record gave for the latest datagram.
    pub(crate) fn take_revealed(&mut self) -> Option<Revealed> {
        let (agreed, token) = (self.identity.take_agreed(), self.opener.take());
        (agreed.is_some() || token.is_some()).then_some(Revealed { agreed, token })
    }

    /// For a replay: what such keys give for the next datagram.
    pub(crate) fn expect_revealed(&mut self, revealed: Revealed) {
        self.identity.expect_agreed(revealed.agreed);
        self.opener.expect(revealed.token);
    }

    /// Whether a recorder wants to know what such keys give.
    pub(crate) fn keep_revealed(&mut self, keep: bool) {
        self.identity.keep_agreed(keep);
        self.opener.keep(keep);
    }

    /// Time never runs back.
    fn advance(&mut self, now: Instant) {
        self.now = if self.shared.config.planted.has(Bug::TimeRunsBack) {
            now
        } else {
            self.now.max(now)
        };
    }
}

/// The long-term key: the configured one, or one drawn for this life.
pub(crate) fn identity(config: &Config, entropy: &Entropy) -> Identity {
    if let Some(secret) = &config.identity {
        return Identity::new(secret.clone(), true);
    }
    let mut bytes = [0; 32];
    let mut rng = SecretRng::new(entropy.secret).fork("identity");
    rng.fill(&mut bytes);
    Identity::new(SecretKey::from_bytes(bytes), false)
}

#[cfg(test)]
mod tests;
