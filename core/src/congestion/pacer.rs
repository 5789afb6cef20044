//! Spreads the window over the round trip: a bucket of bytes, filled at the controller's rate, or at 5/4 of the window in
//! each round trip (RFC 9002 section 7.7).
//!
//! The bucket holds about one tick, and never less than the controller's burst: what a game says in one tick leaves at
//! once, only bulk is spread.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// One tick at 60 Hz.
const TICK: Duration = Duration::from_micros(16_667);
/// RFC 9002 section 7.7: a burst may be as large as the initial window.
const BURST_DATAGRAMS: u64 = 10;

/// What may leave at once after a rest, if the controller does not say: one tick's bytes, and not less than ten
/// datagrams, but not more than the window.
pub(super) fn burst(rate: Rate, datagram_size: u64, window: u64) -> u64 {
    rate.bytes_in(TICK)
        .max(BURST_DATAGRAMS * datagram_size)
        .min(window)
}

/// How fast the bucket fills: so many bytes in so many microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    bytes: u64,
    micros: u64,
}

impl Rate {
    /// 5/4 of the window in each round trip.
    pub(crate) fn of_window(window_bytes: u64, rtt_us: u64) -> Self {
        Self {
            bytes: window_bytes.saturating_mul(5).max(1),
            micros: rtt_us.saturating_mul(4).max(1),
        }
    }

    pub(crate) fn of_second(bytes: u64) -> Self {
        Self {
            bytes: bytes.max(1),
            micros: 1_000_000,
        }
    }

    pub(crate) fn bytes_per_second(self) -> u64 {
        self.bytes_in(Duration::from_secs(1))
    }

    /// Bytes that come in `duration`, rounded down.
    pub(crate) fn bytes_in(self, duration: Duration) -> u64 {
        let bytes =
            duration.as_nanos() * u128::from(self.bytes) / (u128::from(self.micros) * 1_000);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Time until `bytes` have come, rounded up.
    fn time_for(self, bytes: u64) -> Duration {
        let nanos =
            (u128::from(bytes) * u128::from(self.micros) * 1_000).div_ceil(self.bytes.into());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    datagram_size: u64,
    bytes: u64,
    /// `None`: never asked, so the bucket is full.
    filled_at: Option<Instant>,
}

saved!(Pacer {
    datagram_size,
    bytes,
    filled_at
});

impl Pacer {
    pub(crate) const fn new(datagram_size: u64) -> Self {
        Self {
            datagram_size,
            bytes: 0,
            filled_at: None,
        }
    }

    /// Datagrams have this many bytes at most from here on.
    pub(crate) const fn on_datagram_size(&mut self, bytes: u64) {
        self.datagram_size = bytes;
    }

    /// `None` if `bytes` may leave now, else when they may: always later than `now`, and then they really may unless
    /// the rate fell meanwhile. The bucket holds `burst` bytes, and two datagrams at least.
    pub(crate) fn permit(
        &mut self,
        now: Instant,
        bytes: u64,
        rate: Rate,
        burst: u64,
    ) -> Option<Instant> {
        let burst = burst.max(2 * self.datagram_size);
        let filled_at = self.fill(now, burst, rate);
        let missing = bytes.min(burst).saturating_sub(self.bytes);
        if missing == 0 {
            return None;
        }
        let until = filled_at + rate.time_for(missing);
        Some(until.max(now + Duration::from_nanos(1)))
    }

    /// What the bucket holds now.
    pub(crate) fn available(mut self, now: Instant, rate: Rate, burst: u64) -> u64 {
        self.fill(now, burst.max(2 * self.datagram_size), rate);
        self.bytes
    }

    /// `bytes` left. Probes leave unasked, so the bucket may have had less.
    pub(crate) const fn on_sent(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
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

    /// 5/4 of 12,000 bytes in 100 ms.
    fn ask(pacer: &mut Pacer, now: Instant) -> Option<Instant> {
        pacer.permit(now, SIZE, Rate::of_window(12_000, 100_000), 12_000)
    }

    #[test]
    fn a_fresh_connection_may_burst_ten_datagrams() {
        let mut pacer = Pacer::new(1_200);
        let now = Instant::from_millis(1);
        for _ in 0..10 {
            assert_eq!(ask(&mut pacer, now), None);
            pacer.on_sent(SIZE);
        }
        // 1,200 bytes at 5/4 * 12,000 bytes / 100 ms = 150 bytes/ms take 8 ms.
        assert_eq!(ask(&mut pacer, now), Some(Instant::from_millis(9)));
    }

    #[test]
    fn an_empty_bucket_fills_at_five_quarters_of_the_window_each_round_trip() {
        let mut pacer = Pacer::new(1_200);
        let start = Instant::from_millis(1);
        assert_eq!(ask(&mut pacer, start), None);
        pacer.on_sent(u64::MAX);
        let mut sent = 0;
        for millis in 1..=1_001 {
            let now = Instant::from_millis(millis);
            while ask(&mut pacer, now).is_none() {
                pacer.on_sent(SIZE);
                sent += SIZE;
            }
        }
        assert_eq!(sent, 150_000);
    }

    #[test]
    fn a_collapsed_window_still_lets_two_datagrams_go() {
        let mut pacer = Pacer::new(1_200);
        let rate = Rate::of_window(2_400, 500_000);
        let now = Instant::from_millis(1);
        for _ in 0..2 {
            assert_eq!(pacer.permit(now, SIZE, rate, 2_400), None);
            pacer.on_sent(SIZE);
        }
        assert!(pacer.permit(now, SIZE, rate, 2_400).is_some());
    }

    proptest! {
        /// The definition of a token bucket: over any time `t` no more leaves than the burst and what the rate brings in `t`.
        #[test]
        fn over_any_time_no_more_leaves_than_burst_and_rate(
            bytes_per_second in 1_000u64..200_000_000,
            burst in 2 * SIZE..100_000,
            steps in prop::collection::vec((1..=SIZE, 0u64..3_000_000), 1..100),
        ) {
            let rate = Rate::of_second(bytes_per_second);
            let mut pacer = Pacer::new(SIZE);
            let mut now = Instant::ZERO;
            let mut left = alloc::vec::Vec::new();
            for (bytes, pause) in steps {
                now = now + Duration::from_nanos(pause);
                if let Some(until) = pacer.permit(now, bytes, rate, burst) {
                    now = until;
                    prop_assert_eq!(pacer.permit(now, bytes, rate, burst), None);
                }
                prop_assert!(pacer.available(now, rate, burst) >= bytes);
                pacer.on_sent(bytes);
                left.push((now.as_nanos(), bytes));
            }
            for (first, (from, _)) in left.iter().enumerate() {
                let mut sum = 0;
                for (to, bytes) in &left[first..] {
                    sum += u128::from(*bytes);
                    let brought = u128::from(bytes_per_second) * u128::from(to - from);
                    prop_assert!(sum * 1_000_000_000 <= u128::from(burst) * 1_000_000_000 + brought);
                }
            }
        }

        /// A driver that wakes at the instant it was told may send then: it neither spins nor sleeps in vain.
        #[test]
        fn the_promised_instant_is_later_and_enough(
            window_bytes in 2_400u64..100_000_000,
            rtt_us in 0u64..2_000_000,
            start in 0u64..1_000_000_000_000,
            steps in proptest::collection::vec((1u64..=SIZE, 0u64..50_000), 1..200),
        ) {
            let rate = Rate::of_window(window_bytes, rtt_us);
            let mut pacer = Pacer::new(1_200);
            let mut now = Instant::from_nanos(start);
            for (bytes, pause) in steps {
                if let Some(until) = pacer.permit(now, bytes, rate, window_bytes) {
                    prop_assert!(until > now);
                    now = until;
                    prop_assert_eq!(pacer.permit(now, bytes, rate, window_bytes), None);
                }
                pacer.on_sent(bytes);
                now = now + Duration::from_nanos(pause);
            }
        }
    }
}
