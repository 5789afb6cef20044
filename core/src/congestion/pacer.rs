//! Spreads the window over the round trip: a bucket of bytes, filled at 5/4 of window / rtt (RFC 9002 section 7.7).
//!
//! The bucket holds about one tick, and never less than the initial window: what a game says in one tick leaves at
//! once, only bulk is spread.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// The time that a full bucket stands for: one tick at 60 Hz.
const BURST_US: u64 = 16_667;
/// RFC 9002 section 7.7: a burst may be as large as the initial window.
const BURST_DATAGRAMS: u64 = 10;

/// How fast the bucket fills: 5/4 of `window_bytes` in `rtt_us`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) window_bytes: u64,
    pub(crate) rtt_us: u64,
}

impl Rate {
    /// Bytes that come in `duration`, rounded down.
    fn bytes_in(self, duration: Duration) -> u64 {
        let bytes = duration.as_nanos() * u128::from(self.window_bytes) * 5
            / (u128::from(self.rtt_us.max(1)) * 4_000);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Time until `bytes` have come, rounded up.
    fn time_for(self, bytes: u64) -> Duration {
        let nanos = (u128::from(bytes) * u128::from(self.rtt_us.max(1)) * 4_000)
            .div_ceil(u128::from(self.window_bytes.max(1)) * 5);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    datagram_size_max: u64,
    bytes: u64,
    /// `None`: never asked, so the bucket is full.
    filled_at: Option<Instant>,
}

saved!(Pacer {
    datagram_size_max,
    bytes,
    filled_at
});

impl Pacer {
    pub(crate) fn new(datagram_size_max: usize) -> Self {
        Self {
            datagram_size_max: datagram_size_max as u64,
            bytes: 0,
            filled_at: None,
        }
    }

    /// `None` if `bytes` may leave now, else when they may: always later than `now`, and then they really may unless
    /// the rate fell meanwhile.
    pub(crate) fn permit(&mut self, now: Instant, bytes: u64, rate: Rate) -> Option<Instant> {
        let burst = self.burst(rate);
        let filled_at = self.fill(now, burst, rate);
        let missing = bytes.min(burst).saturating_sub(self.bytes);
        if missing == 0 {
            return None;
        }
        let until = filled_at + rate.time_for(missing);
        Some(until.max(now + Duration::from_nanos(1)))
    }

    /// `bytes` left. Probes leave unasked, so the bucket may have had less.
    pub(crate) const fn on_sent(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// What the bucket holds: at least two datagrams, and not more than the window.
    fn burst(&self, rate: Rate) -> u64 {
        let tick = rate.bytes_in(Duration::from_micros(BURST_US));
        tick.max(BURST_DATAGRAMS * self.datagram_size_max)
            .min(rate.window_bytes)
            .max(2 * self.datagram_size_max)
    }

    /// Fills the bucket and returns the time up to which it was filled: `now`, or earlier while less than a byte came.
    fn fill(&mut self, now: Instant, burst: u64, rate: Rate) -> Instant {
        let Some(filled_at) = self.filled_at else {
            self.filled_at = Some(now);
            self.bytes = burst;
            return now;
        };
        let gained = rate.bytes_in(now.saturating_duration_since(filled_at));
        self.bytes = self.bytes.saturating_add(gained).min(burst);
        if gained == 0 {
            return filled_at;
        }
        self.filled_at = Some(now);
        now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: u64 = 1_200;
    const SLOW: Rate = Rate {
        window_bytes: 12_000,
        rtt_us: 100_000,
    };

    #[test]
    fn a_fresh_connection_may_burst_ten_datagrams() {
        let mut pacer = Pacer::new(1_200);
        let now = Instant::from_millis(1);
        for _ in 0..10 {
            assert_eq!(pacer.permit(now, SIZE, SLOW), None);
            pacer.on_sent(SIZE);
        }
        // 1,200 bytes at 5/4 * 12,000 bytes / 100 ms = 150 bytes/ms take 8 ms.
        assert_eq!(pacer.permit(now, SIZE, SLOW), Some(Instant::from_millis(9)));
    }

    #[test]
    fn an_empty_bucket_fills_at_five_quarters_of_the_window_each_round_trip() {
        let mut pacer = Pacer::new(1_200);
        let start = Instant::from_millis(1);
        assert_eq!(pacer.permit(start, SIZE, SLOW), None);
        pacer.on_sent(u64::MAX);
        let mut sent = 0;
        for millis in 1..=1_001 {
            let now = Instant::from_millis(millis);
            while pacer.permit(now, SIZE, SLOW).is_none() {
                pacer.on_sent(SIZE);
                sent += SIZE;
            }
        }
        assert_eq!(sent, 150_000);
    }

    #[test]
    fn a_collapsed_window_still_lets_two_datagrams_go() {
        let mut pacer = Pacer::new(1_200);
        let rate = Rate {
            window_bytes: 2_400,
            rtt_us: 500_000,
        };
        let now = Instant::from_millis(1);
        for _ in 0..2 {
            assert_eq!(pacer.permit(now, SIZE, rate), None);
            pacer.on_sent(SIZE);
        }
        assert!(pacer.permit(now, SIZE, rate).is_some());
    }

    proptest! {
        /// A driver that wakes at the instant it was told may send then: it neither spins nor sleeps in vain.
        #[test]
        fn the_promised_instant_is_later_and_enough(
            window_bytes in 2_400u64..100_000_000,
            rtt_us in 0u64..2_000_000,
            start in 0u64..1_000_000_000_000,
            steps in proptest::collection::vec((1u64..=SIZE, 0u64..50_000), 1..200),
        ) {
            let rate = Rate { window_bytes, rtt_us };
            let mut pacer = Pacer::new(1_200);
            let mut now = Instant::from_nanos(start);
            for (bytes, pause) in steps {
                if let Some(until) = pacer.permit(now, bytes, rate) {
                    prop_assert!(until > now);
                    now = until;
                    prop_assert_eq!(pacer.permit(now, bytes, rate), None);
                }
                pacer.on_sent(bytes);
                now = now + Duration::from_nanos(pause);
            }
        }
    }
}
