//! What round trips tell: the least, the standing one, and how a train of packets is slowed.

use core::time::Duration;

use crate::saved::saved;
use crate::time::{Instant, micros};

/// The least round trip is remembered for this long at least, and twice as long at most.
const BASE_FOR: Duration = Duration::from_secs(10);
/// The first time it is looked for again earlier: a flow may have begun in a queue of others.
const BASE_FIRST: Duration = Duration::from_secs(5);
/// A round trip that comes so close to the least is as good.
const BASE_NEAR_US: u64 = 1_000;

/// The least values of this period and of the one before.
#[derive(Clone, Copy, Debug)]
struct Least {
    now_us: u64,
    before_us: u64,
    until: Instant,
}

saved!(Least {
    now_us,
    before_us,
    until
});

impl Least {
    const NONE: Self = Self {
        now_us: u64::MAX,
        before_us: u64::MAX,
        until: Instant::ZERO,
    };

    fn get(&self) -> u64 {
        self.now_us.min(self.before_us)
    }

    fn add(&mut self, value_us: u64) {
        self.now_us = self.now_us.min(value_us);
    }

    fn turn(&mut self, until: Instant) {
        self.before_us = self.now_us;
        self.now_us = u64::MAX;
        self.until = until;
    }
}

/// Round trips in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    base: Least,
    standing: Least,
    smoothed_us: u64,
    latest_us: u64,
    /// The window rested already in this period.
    has_rested: bool,
}

saved!(Delays {
    base,
    standing,
    smoothed_us,
    latest_us,
    has_rested
});

impl Delays {
    pub(super) const fn new() -> Self {
        Self {
            base: Least::NONE,
            standing: Least::NONE,
            smoothed_us: 0,
            latest_us: 0,
            has_rested: false,
        }
    }

    pub(super) const fn is_measured(&self) -> bool {
        self.smoothed_us > 0
    }

    /// Takes in a round trip. Returns whether the least one is about to be forgotten and was not seen again: a queue of
    /// ours may hide it.
    pub(super) fn on_sample(&mut self, now: Instant, round_trip_us: u64) -> bool {
        let sample_us = round_trip_us.max(1);
        if !self.is_measured() {
            self.smoothed_us = sample_us;
            self.base.until = now + BASE_FIRST;
        }
        self.smoothed_us = (7 * self.smoothed_us + sample_us) / 8;
        self.smoothed_us = self.smoothed_us.max(1);
        self.latest_us = sample_us;
        let half = Duration::from_micros(self.smoothed_us / 2);
        if now >= self.standing.until {
            self.standing.turn(now + half);
        }
        self.standing.add(sample_us);
        self.base.add(sample_us);
        let is_fresh = self.base.now_us <= self.base.before_us.saturating_add(BASE_NEAR_US)
            && self.base.before_us < u64::MAX;
        if now < self.base.until {
            return false;
        }
        if !is_fresh && !self.has_rested {
            self.has_rested = true;
            self.base.until = now + 4 * half;
            return true;
        }
        self.has_rested = false;
        self.base.turn(now + BASE_FOR);
        self.base.add(sample_us);
        false
    }

    /// The least, 0 before the first.
    pub(super) fn base_us(&self) -> u64 {
        match self.base.get() {
            u64::MAX => 0,
            base_us => base_us,
        }
    }

    pub(super) const fn smoothed_us(&self) -> u64 {
        self.smoothed_us
    }

    /// How much longer even the shortest of the latest round trips are.
    pub(super) fn queue_us(&self) -> u64 {
        match self.standing.get() {
            u64::MAX => 0,
            standing_us => standing_us.saturating_sub(self.base_us()),
        }
    }

    /// How much longer the latest round trip is.
    pub(super) fn latest_queue_us(&self) -> u64 {
        self.latest_us.saturating_sub(self.base_us())
    }

    /// As [`without_queue`](Self::without_queue), by the latest round trip alone.
    pub(super) fn without_latest(&self, in_flight: u64) -> u64 {
        super::scale(in_flight, self.base_us(), self.latest_us)
    }

    /// The part of what was in flight that was on the way, not in the queue.
    pub(super) fn without_queue(&self, in_flight: u64) -> u64 {
        let base_us = self.base_us();
        super::scale(in_flight, base_us, base_us + self.queue_us())
    }
}

/// Packets of one round trip, sent faster than the path may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Train {
    /// The packet with the least round trip, and what arrived since.
    began_at: Instant,
    least_us: u64,
    bytes: u64,
}

saved!(Train {
    began_at,
    least_us,
    bytes
});

impl Train {
    pub(super) const fn new(now: Instant, round_trip_us: u64) -> Self {
        Self {
            began_at: now,
            least_us: round_trip_us,
            bytes: 0,
        }
    }

    /// More of it arrived. The rate in bytes a second, if the path slowed it by so much.
    pub(super) fn rate(
        &mut self,
        now: Instant,
        round_trip_us: u64,
        bytes: u64,
        slowed_us: u64,
    ) -> Option<u64> {
        if round_trip_us <= self.least_us {
            *self = Self::new(now, round_trip_us);
            return None;
        }
        self.bytes += bytes;
        let took = micros(now.saturating_duration_since(self.began_at));
        let is_slowed = round_trip_us - self.least_us >= slowed_us;
        (is_slowed && took > 0).then(|| super::scale(self.bytes, 1_000_000, took))
    }
}
