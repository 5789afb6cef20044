//! A host: an endpoint with its address, the clock and the driver it has, and what its owner has not read yet.
//!
//! The driver is where hosts differ: it may be late, blocked, stopped or dead; see [`World`](crate::World).

use std::collections::VecDeque;

use bytes::Bytes;
use tickwire_core::{
    Arrival, ChannelId, Config, Endpoint, Entropy, Event, Instant, PeerId, Prefix,
};

use crate::address;
use crate::clock::Clock;
use crate::driver::Driver;
use crate::invariants::{Broken, Guard, has_no_authority, unchanged};
use crate::rng::Rng;

/// Names a host of a [`World`](crate::World): 0, 1, 2, ... in the order they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(u16);

impl HostId {
    pub(crate) const fn new(number: u16) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u16 {
        self.0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The host that was added after this one, if there can be one.
    pub(crate) fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// One number for a direction between two hosts.
    pub(crate) fn pair_number(self, to: Self) -> u64 {
        u64::from(self.0) << 32 | u64::from(to.0)
    }

    /// As [`pair_number`](Self::pair_number); a missing receiver stands for nobody or everybody.
    pub(crate) fn pair_number_or_all(from: Self, to: Option<Self>) -> u64 {
        to.map_or(u64::from(from.0) << 32 | 0xffff_ffff, |to| {
            from.pair_number(to)
        })
    }
}

/// A message that an owner was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub peer: PeerId,
    /// On which channel.
    pub channel: ChannelId,
    /// What it says.
    pub payload: Bytes,
}

/// An endpoint with its address, and what its owner has not read yet.
#[derive(Debug)]
pub(crate) struct Host {
    id: HostId,
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
    /// What its endpoint recorded, if it does.
    pub(crate) recording: Vec<u8>,
    /// The same without secrets.
    pub(crate) redacted: Vec<u8>,
    /// Number of restarts: each life draws new entropy.
    incarnation: u64,
    /// Datagrams and bytes that the lives before this one sent.
    sent_before: (u64, u64),
    /// What the owner was told, and when, in the world's time.
    pub(crate) events: VecDeque<(Instant, Event)>,
    /// Whether the owner takes events out of the endpoint.
    pub(crate) is_reading: bool,
    /// What the owner takes for the time.
    pub(crate) clock: Clock,
    pub(crate) driver: Driver,
    pub(crate) guard: Guard,
    /// When it was last woken, in the world's time.
    woken_at: Instant,
    /// Times woken at that very instant without anything arriving in between.
    wakes: u32,
}

/// Most times an endpoint may be woken at one instant before this counts as a busy loop.
const WAKES_MAX: u32 = 8;

impl Host {
    pub(crate) fn new(id: HostId, config: Config, rng: &Rng, now: Instant) -> Self {
        let (guard, config) = Guard::new(config);
        Self {
            id,
            name: name(id),
            endpoint: birth(Endpoint::new, id, 0, config, rng, now),
            recording: Vec::new(),
            redacted: Vec::new(),
            incarnation: 0,
            sent_before: (0, 0),
            events: VecDeque::new(),
            is_reading: true,
            clock: Clock::default(),
            driver: Driver::new(rng.fork_nth("driver", id.number().into())),
            guard,
            woken_at: now,
            wakes: 0,
        }
    }

    /// Begins a new life with new entropy; nothing of the old one is left.
    pub(crate) fn restart(&mut self, config: Config, rng: &Rng, now: Instant) {
        self.incarnation += 1;
        self.sent_before = self.sent();
        let config = self.guard.reborn(config);
        self.endpoint = birth(
            Endpoint::new,
            self.id,
            self.incarnation,
            config,
            rng,
            self.clock.read(now),
        );
        self.events.clear();
        self.driver.restart();
    }

    /// Begins the present life again, recorded.
    pub(crate) fn record(&mut self, rng: &Rng, now: Instant) {
        let config = self.endpoint.config().clone();
        let (life, now) = (self.incarnation, self.clock.read(now));
        self.endpoint = birth(Endpoint::recorded, self.id, life, config, rng, now);
        self.recording.clear();
        self.events.clear();
        self.driver.restart();
    }

    pub(crate) fn record_redacted(&mut self, now: Instant) {
        self.endpoint.record_redacted(self.clock.read(now));
        self.redacted.clear();
    }

    /// Datagrams and their bytes that its endpoints handed out, over all its lives.
    pub(crate) fn sent(&self) -> (u64, u64) {
        let (datagrams, bytes) = self.sent_before;
        let stats = self.endpoint.stats();
        (datagrams + stats.datagrams_sent, bytes + stats.bytes_sent)
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.incarnation
    }

    pub(crate) fn handle_datagram(&mut self, now: Instant, arrival: Arrival, bytes: &mut [u8]) {
        self.wakes = 0;
        self.guard.on_received(arrival.from, bytes.len());
        let now = self.clock.read(now);
        self.endpoint.handle_datagram(now, arrival, bytes);
    }

    /// The same with a datagram that was damaged on its way, or made by somebody without keys.
    pub(crate) fn handle_forgery(
        &mut self,
        now: Instant,
        arrival: Arrival,
        bytes: &mut [u8],
    ) -> Result<(), Broken> {
        if !has_no_authority(bytes) {
            self.handle_datagram(now, arrival, bytes);
            return Ok(());
        }
        let before = self.endpoint.fingerprint();
        self.handle_datagram(now, arrival, bytes);
        unchanged(before, self.endpoint.fingerprint())
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if std::mem::replace(&mut self.woken_at, now) < now {
            self.wakes = 0;
        }
        self.wakes += 1;
        self.endpoint.handle_timeout(self.clock.read(now));
    }

    /// I9: whoever was woken has something to do, and is not woken for the same again.
    pub(crate) fn is_awake_for_something(&self) -> Result<(), Broken> {
        match self.wakes < WAKES_MAX {
            true => Ok(()),
            false => Err("I9: it asks to be woken at the same instant again and again".to_owned()),
        }
    }

    /// Hands the events to the owner, if it reads, and asks for the deadline: the end of draining. Tells when something
    /// happens here next, in the world's time.
    pub(crate) fn poll_events_and_timeout(
        &mut self,
        now: Instant,
    ) -> Result<Option<Instant>, Broken> {
        if self.is_reading {
            while let Some(event) = self.endpoint.poll_event() {
                self.guard.on_event(&event)?;
                self.events.push_back((now, event));
            }
        }
        self.endpoint.take_recording(&mut self.recording);
        self.endpoint.take_redacted(&mut self.redacted);
        let wake_at = self.wake_at(now);
        self.guard.on_drained(&self.endpoint)?;
        Ok(wake_at)
    }

    /// When something happens here next, in the world's time.
    pub(crate) fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        let deadline = self.endpoint.poll_timeout();
        self.driver.wake_at(now, &self.clock, deadline)
    }
}

/// An endpoint whose randomness follows from the world's seed, the host and its number of restarts.
fn birth(
    new: fn(Config, Entropy, Instant) -> Endpoint,
    id: HostId,
    incarnation: u64,
    config: Config,
    rng: &Rng,
    now: Instant,
) -> Endpoint {
    let mut endpoint = new(config, entropy(id, incarnation, rng), now);
    endpoint.set_audit(true);
    endpoint.set_interfaces(&[Prefix {
        address: address::game_address(id).ip(),
        len: address::PREFIX_LEN,
    }]);
    endpoint
}

pub(crate) fn entropy(id: HostId, incarnation: u64, rng: &Rng) -> Entropy {
    let life = rng.fork_nth("host", id.number().into());
    Entropy::from_seed(life.fork_nth("life", incarnation).draw())
}

/// A to Z, then H26 and on.
fn name(id: HostId) -> String {
    match u8::try_from(id.number()) {
        Ok(letter @ 0..26) => char::from(b'A' + letter).to_string(),
        Ok(_) | Err(_) => format!("H{}", id.number()),
    }
}
