//! One direction of a path: a bottleneck with a queue, then chance, then distance.
//!
//! In that order: what chance takes has used the bottleneck's capacity, as on a radio behind a router, and a datagram
//! that the queue had no room for is never among the link's random losses.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::loss::{Loss, LossState};
use super::rng::Rng;
use super::{Micros, Outgoing};

/// Bytes of IPv4 and UDP headers, which every datagram costs beside its payload.
pub(crate) const HEADERS: u64 = 28;

/// What a direction is like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) delay: Micros,
    /// Each datagram takes up to this much more or less, evenly; one may overtake another.
    pub(crate) jitter: Micros,
    pub(crate) loss: Loss,
    pub(crate) bottleneck: Option<Bottleneck>,
}

/// A rate with a drop-tail queue before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bottleneck {
    pub(crate) bits_per_second: u64,
    pub(crate) queue_bytes: u64,
}

impl Shape {
    /// Half of a round trip of this many milliseconds, nothing lost.
    pub(crate) const fn half_of(rtt_ms: u64) -> Self {
        Self {
            delay: rtt_ms * 500,
            jitter: 0,
            loss: Loss::None,
            bottleneck: None,
        }
    }

    pub(crate) const fn jitter_ms(self, ms: u64) -> Self {
        let jitter = ms * 1_000;
        Self { jitter, ..self }
    }

    pub(crate) fn loss(self, loss: Loss) -> Self {
        Self { loss, ..self }
    }

    pub(crate) fn bottleneck(self, bits_per_second: u64, queue_bytes: u64) -> Self {
        let bottleneck = Some(Bottleneck {
            bits_per_second,
            queue_bytes,
        });
        Self { bottleneck, ..self }
    }
}

/// What went into a direction and what became of it. Bytes are those of the wire, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    pub(crate) overflowed: u64,
    /// Messages of unreliable state that were in what chance took.
    pub(crate) states_lost: u64,
}

impl Traffic {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            datagrams: self.datagrams + other.datagrams,
            bytes: self.bytes + other.bytes,
            lost: self.lost + other.lost,
            overflowed: self.overflowed + other.overflowed,
            states_lost: self.states_lost + other.states_lost,
        }
    }

    /// What was added since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            datagrams: self.datagrams - earlier.datagrams,
            bytes: self.bytes - earlier.bytes,
            lost: self.lost - earlier.lost,
            overflowed: self.overflowed - earlier.overflowed,
            states_lost: self.states_lost - earlier.states_lost,
        }
    }
}

/// A datagram on its way, between the numbered pair of hosts that it belongs to.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) pair: usize,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// A direction at work.
#[derive(Debug)]
pub(crate) struct Link {
    shape: Shape,
    loss: LossState,
    jitter: Rng,
    /// When the bottleneck has sent all that it has taken.
    busy_until: Micros,
    /// By time of arrival, then in the order in which they were sent.
    in_flight: BTreeMap<(Micros, u64), InFlight>,
    pub(crate) traffic: Traffic,
}

impl Link {
    pub(crate) fn new(shape: Shape, seed: u64, label: &str) -> Self {
        Self {
            loss: LossState::new(&shape.loss, Rng::new(seed, &format!("{label} loss"))),
            jitter: Rng::new(seed, &format!("{label} jitter")),
            shape,
            busy_until: 0,
            in_flight: BTreeMap::new(),
            traffic: Traffic::default(),
        }
    }

    pub(crate) fn send(&mut self, now: Micros, pair: usize, sent: &Outgoing, bytes: &[u8]) {
        let len = bytes.len() as u64 + HEADERS;
        self.traffic.datagrams += 1;
        self.traffic.bytes += len;
        // Drawn for each datagram whatever becomes of it, so that the n-th meets the same luck everywhere.
        let is_lost = self.loss.takes(now);
        let jitter = self.jitter.below(2 * self.shape.jitter + 1);
        let Some(leaves) = self.pass_bottleneck(now, len) else {
            self.traffic.overflowed += 1;
            return;
        };
        if is_lost {
            self.traffic.lost += 1;
            self.traffic.states_lost += u64::from(sent.states);
            return;
        }
        let arrives = leaves + (self.shape.delay + jitter).saturating_sub(self.shape.jitter);
        let in_flight = InFlight {
            pair,
            from: sent.from,
            to: sent.to,
            bytes: bytes.to_vec(),
        };
        self.in_flight
            .insert((arrives, self.traffic.datagrams), in_flight);
    }

    /// When a datagram of this length has left the bottleneck, if its queue has room.
    fn pass_bottleneck(&mut self, now: Micros, len: u64) -> Option<Micros> {
        let Some(bottleneck) = self.shape.bottleneck else {
            return Some(now);
        };
        let rate = bottleneck.bits_per_second;
        let waits = self.busy_until.saturating_sub(now);
        let queued = waits * rate / 8_000_000;
        if queued + len > bottleneck.queue_bytes {
            return None;
        }
        self.busy_until = now.max(self.busy_until) + (len * 8_000_000).div_ceil(rate);
        Some(self.busy_until)
    }

    /// Forgets what is under way.
    pub(crate) fn clear(&mut self) {
        self.in_flight.clear();
    }

    /// The next datagram that has arrived.
    pub(crate) fn receive(&mut self, now: Micros) -> Option<InFlight> {
        let first = self.in_flight.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
