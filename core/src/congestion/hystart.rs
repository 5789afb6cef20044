//! `HyStart++` (RFC 9406): slow start ends, by way of a slower start, when the round trip grows, not only when packets are lost.

use crate::saved::saved;

/// Section 4.3, the recommended values.
const THRESHOLD_MIN_US: u64 = 4_000;
const THRESHOLD_MAX_US: u64 = 16_000;
const THRESHOLD_DIVISOR: u64 = 8;
const SAMPLES_MIN: u32 = 8;
const CAUTIOUS_GROWTH_DIVISOR: u64 = 4;
const CAUTIOUS_ROUNDS: u32 = 5;

/// The first slow start of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct HyStart {
    before_min_us: u64,
    round_min_us: u64,
    samples: u32,
    /// Conservative slow start began with this least round trip, so many rounds ago.
    cautious: Option<(u64, u32)>,
}

saved!(HyStart {
    before_min_us,
    round_min_us,
    samples,
    cautious
});

impl HyStart {
    pub(super) const fn new() -> Self {
        Self {
            before_min_us: u64::MAX,
            round_min_us: u64::MAX,
            samples: 0,
            cautious: None,
        }
    }

    /// What the window grows by for so many bytes acknowledged.
    pub(super) const fn growth(&self, bytes: u64) -> u64 {
        match self.cautious {
            None => bytes,
            Some(_) => bytes / CAUTIOUS_GROWTH_DIVISOR,
        }
    }

    /// A round trip is over. Returns whether slow start is.
    pub(super) const fn on_round(&mut self) -> bool {
        self.before_min_us = self.round_min_us;
        self.round_min_us = u64::MAX;
        self.samples = 0;
        if let Some((_, rounds)) = &mut self.cautious {
            *rounds += 1;
            return *rounds >= CAUTIOUS_ROUNDS;
        }
        false
    }

    pub(super) fn on_sample(&mut self, round_trip_us: u64) {
        self.round_min_us = self.round_min_us.min(round_trip_us);
        self.samples += 1;
        if self.samples < SAMPLES_MIN {
            return;
        }
        match self.cautious {
            Some((baseline_us, _)) if self.round_min_us < baseline_us => self.cautious = None,
            Some(_) => {}
            None if self.before_min_us < u64::MAX => {
                let threshold_us = (self.before_min_us / THRESHOLD_DIVISOR)
                    .clamp(THRESHOLD_MIN_US, THRESHOLD_MAX_US);
                if self.round_min_us >= self.before_min_us.saturating_add(threshold_us) {
                    self.cautious = Some((self.round_min_us, 0));
                }
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(start: &mut HyStart, round_trip_us: u64) -> bool {
        let is_over = start.on_round();
        for _ in 0..SAMPLES_MIN {
            start.on_sample(round_trip_us);
        }
        is_over
    }

    #[test]
    fn a_growing_round_trip_slows_the_start_and_five_rounds_later_ends_it() {
        let mut start = HyStart::new();
        round(&mut start, 50_000);
        // An eighth of 50 ms is 6.25 ms.
        round(&mut start, 56_249);
        assert_eq!(start.growth(1_200), 1_200);
        round(&mut start, 64_000);
        assert_eq!(start.growth(1_200), 300);
        for _ in 0..4 {
            assert!(!round(&mut start, 64_000));
        }
        assert!(round(&mut start, 64_000));
    }

    #[test]
    fn a_round_trip_that_shrinks_again_was_a_false_alarm() {
        let mut start = HyStart::new();
        round(&mut start, 50_000);
        round(&mut start, 60_000);
        assert_eq!(start.growth(1_200), 300);
        round(&mut start, 59_999);
        assert_eq!(start.growth(1_200), 1_200);
    }

    #[test]
    fn few_samples_say_nothing() {
        let mut start = HyStart::new();
        round(&mut start, 50_000);
        start.on_round();
        for _ in 1..SAMPLES_MIN {
            start.on_sample(90_000);
        }
        assert_eq!(start.growth(1_200), 1_200);
    }
}
