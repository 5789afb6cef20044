//! How much of a channel left, and how much may: a token bucket.
//!
//! The bucket fills with the rate and holds the burst. A piece leaves when the bucket covers all of it, so nothing is ever
//! owed, and over any time `t` at most `burst + rate * t` leave. The arithmetic is exact: the bucket counts
//! billionths of a byte, so that a rate of whole bytes a second fills it by a whole number each nanosecond.
//!
//! It is the token bucket of RFC 2697 section 3 with one rate and one burst, where what does not conform waits instead of
//! being marked.

use crate::audit::{Checked, at_most};
use crate::channel::qos::RateLimit;
use crate::saved::saved;
use crate::time::Instant;

/// Of a byte.
const PARTS: u64 = 1_000_000_000;

/// What of a channel leaves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    bucket: Option<Bucket>,
    /// Bytes of frames that left, ever.
    pub(crate) bytes_sent: u64,
    /// Pieces that had to wait for the rate, ever.
    pub(crate) rate_waits: u64,
    /// The next one was counted.
    is_waiting: bool,
}

saved!(Meter {
    bucket,
    bytes_sent,
    rate_waits,
    is_waiting
});

#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: u64,
    burst: u64,
    /// What it held at `filled_at`, in billionths of a byte.
    parts: u64,
    filled_at: Instant,
}

saved!(Bucket { rate, burst, parts, filled_at } if |bucket, _| {
    bucket.rate > 0 && bucket.burst <= u64::MAX / PARTS && bucket.parts <= bucket.burst * PARTS
});

impl Meter {
    /// A full bucket.
    pub(crate) fn new(limit: Option<RateLimit>) -> Self {
        let mut meter = Self::default();
        meter.set(Instant::ZERO, limit);
        meter
    }

    /// The bucket is full at first, and is not filled by a new limit.
    pub(crate) fn set(&mut self, now: Instant, limit: Option<RateLimit>) {
        let before = self.bucket;
        self.is_waiting = false;
        self.bucket = limit.map(|limit| {
            let full = limit.burst_bytes * PARTS;
            Bucket {
                rate: limit.bytes_per_second,
                burst: limit.burst_bytes,
                parts: before.map_or(full, |bucket| bucket.parts_at(now).min(full)),
                filled_at: now,
            }
        });
    }

    /// What was set.
    pub(crate) fn limit(&self) -> Option<RateLimit> {
        let bucket = self.bucket?;
        Some(RateLimit::new(bucket.rate, bucket.burst))
    }

    /// Whether there is a limit: what a piece takes need not be known if there is none.
    pub(crate) const fn is_limited(&self) -> bool {
        self.bucket.is_some()
    }

    /// When so many bytes may leave, if nothing does until then: long ago, if there is no limit.
    pub(crate) fn ready_at(&self, bytes: usize) -> Instant {
        self.bucket
            .map_or(Instant::ZERO, |bucket| bucket.ready_at(bytes))
    }

    /// What may leave until then.
    pub(crate) fn bytes_until(&self, until: Instant) -> u64 {
        self.bucket
            .map_or(u64::MAX, |bucket| bucket.parts_at(until) / PARTS)
    }

    /// Whether a piece of so many bytes may leave; if not, it is counted as one that waits.
    pub(crate) fn admits(&mut self, now: Instant, bytes: usize) -> bool {
        let is_ready = self.ready_at(bytes) <= now;
        if !is_ready && !self.is_waiting {
            self.is_waiting = true;
            self.rate_waits += 1;
        }
        is_ready
    }

    /// So many bytes leave.
    pub(crate) fn spend(&mut self, now: Instant, bytes: usize) {
        self.bytes_sent += bytes as u64;
        self.is_waiting = false;
        if let Some(bucket) = &mut self.bucket {
            bucket.parts = bucket.parts_at(now).saturating_sub(bytes as u64 * PARTS);
            bucket.filled_at = now;
        }
    }

    pub(crate) fn audit(&self) -> Checked {
        let Some(bucket) = self.bucket else {
            return Ok(());
        };
        let full = bucket.burst * PARTS;
        at_most(8, "what a channel's rate lets leave", bucket.parts, full)
    }
}

impl Bucket {
    fn parts_at(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.filled_at).as_nanos();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let parts = self.parts.saturating_add(self.rate.saturating_mul(elapsed));
        parts.min(self.burst * PARTS)
    }

    /// No piece is longer than the least burst; should one be, a full bucket covers it.
    fn ready_at(&self, bytes: usize) -> Instant {
        let needed = (bytes as u64).min(self.burst) * PARTS;
        let missing = needed.saturating_sub(self.parts);
        let nanos = missing.div_ceil(self.rate);
        Instant::from_nanos(self.filled_at.as_nanos().saturating_add(nanos))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::Meter;
    use crate::channel::qos::RateLimit;
    use crate::time::Instant;

    proptest! {
        /// Of any two moments: between them leave at most a burst and what the rate brings. And nobody waits longer than
        /// needed: a nanosecond before it was admitted it would not have been.
        #[test]
        fn over_any_time_no_more_leaves_than_burst_and_rate(
            rate in 100u64..50_000_000,
            burst in 1_500u64..20_000,
            pieces in prop::collection::vec((1usize..1_400, 0u64..3_000_000), 1..120),
        ) {
            let mut meter = Meter::default();
            meter.set(Instant::ZERO, Some(RateLimit::new(rate, burst)));
            let mut now = Instant::ZERO;
            let mut left: Vec<(u64, u64)> = Vec::new();
            for (bytes, pause) in pieces {
                now = Instant::from_nanos(now.as_nanos() + pause);
                let ready = meter.ready_at(bytes);
                if ready > now {
                    prop_assert!(!meter.admits(now, bytes));
                    let early = Instant::from_nanos(ready.as_nanos() - 1);
                    prop_assert!(early < now || !meter.admits(early, bytes));
                    now = ready;
                }
                prop_assert!(meter.admits(now, bytes));
                meter.spend(now, bytes);
                left.push((now.as_nanos(), bytes as u64));
            }
            for (first, (from, _)) in left.iter().enumerate() {
                let mut sum = 0;
                for (to, bytes) in &left[first..] {
                    sum += bytes;
                    let bound = u128::from(burst) * 1_000_000_000
                        + u128::from(rate) * u128::from(to - from);
                    prop_assert!(u128::from(sum) * 1_000_000_000 <= bound);
                }
            }
        }
    }

    #[test]
    fn a_new_limit_fills_no_bucket() {
        let second = Instant::from_millis(1_000);
        let mut meter = Meter::default();
        meter.set(Instant::ZERO, Some(RateLimit::new(1_000, 2_000)));
        meter.spend(Instant::ZERO, 2_000);
        meter.set(second, Some(RateLimit::new(500, 50_000)));
        assert_eq!(meter.bytes_until(second), 1_000);
        assert_eq!(meter.ready_at(1_200), Instant::from_millis(1_400));
        meter.set(second, Some(RateLimit::new(500, 1_500)));
        assert_eq!(meter.bytes_until(Instant::from_millis(60_000)), 1_500);
        meter.set(second, None);
        assert_eq!(meter.ready_at(usize::MAX), Instant::ZERO);
    }

    #[test]
    fn a_piece_waits_once() {
        let mut meter = Meter::default();
        meter.set(Instant::ZERO, Some(RateLimit::new(1_000, 1_500)));
        meter.spend(Instant::ZERO, 1_500);
        for _ in 0..3 {
            assert!(!meter.admits(Instant::ZERO, 100));
        }
        let later = Instant::from_millis(100);
        assert!(meter.admits(later, 100));
        meter.spend(later, 100);
        assert!(!meter.admits(later, 1));
        assert_eq!((meter.rate_waits, meter.bytes_sent), (2, 1_600));
    }
}
