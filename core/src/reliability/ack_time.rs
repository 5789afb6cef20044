//! How long it takes until a packet of reliable data is acknowledged, all told: the way there, the peer's wait for a
//! datagram of its own, and the way back.
//!
//! RFC 9002 section 6.2.1 waits for the round trip, four deviations and the longest delay that the peer may take. A peer that
//! ticks sends with every tick, and its acknowledgement comes much sooner than it promised: what was seen is the better
//! guide. It counts from the acknowledgement that comes first, so it needs no delay told and compact ones count as well.

use core::time::Duration;

use crate::saved::saved;
use crate::time::micros;

/// Timers are not finer than this (RFC 9002 section 6.1.2).
const GRANULARITY_US: u64 = 1_000;
/// One sample moves the estimate as far as one that is off by this many deviations, and no further: a lost acknowledgement
/// adds a tick of the peer's and says nothing about the next one.
const SURPRISE_DEVIATIONS: u64 = 2;
/// So many in a row are no accident, and count in full.
const SURPRISES_MAX: u32 = 3;
/// Fewer samples are no guide.
const SAMPLES_MIN: u32 = 16;
/// A longer sample counts as this, as for round trips.
const SAMPLE_MAX_US: u64 = 10_000_000;

/// Smoothed time and its deviation, in the manner of RFC 6298.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AckTime {
    smoothed_us: u64,
    deviation_us: u64,
    samples: u32,
    /// Surprises in a row.
    surprises: u32,
}

saved!(AckTime {
    smoothed_us,
    deviation_us,
    samples,
    surprises
});

impl AckTime {
    /// Of the packets that an acknowledgement named first, the oldest that awaited one left so long ago.
    pub(crate) fn on_sample(&mut self, time: Duration) {
        let time_us = micros(time).min(SAMPLE_MAX_US);
        self.samples = self.samples.saturating_add(1);
        if self.samples == 1 {
            self.smoothed_us = time_us;
            self.deviation_us = time_us / 8;
            return;
        }
        let most_us = SURPRISE_DEVIATIONS * self.deviation_us + GRANULARITY_US / 2;
        let error_us = time_us.abs_diff(self.smoothed_us);
        self.surprises = match error_us > most_us {
            true => self.surprises + 1,
            false => 0,
        };
        let error_us = match self.surprises {
            0..SURPRISES_MAX => error_us.min(most_us),
            _ => error_us,
        };
        self.deviation_us = (7 * self.deviation_us + error_us) / 8;
        if time_us >= self.smoothed_us {
            self.smoothed_us += error_us / 8;
        } else {
            self.smoothed_us -= error_us / 8;
        }
    }

    /// The usual time; `None` until it is known.
    pub(crate) fn usual(&self) -> Option<Duration> {
        (self.samples >= SAMPLES_MIN).then(|| Duration::from_micros(self.smoothed_us))
    }

    pub(crate) const fn deviation_us(&self) -> u64 {
        self.deviation_us
    }

    /// When nothing came for so long, something is probably lost; `None` until it is known.
    pub(crate) fn overdue(&self) -> Option<Duration> {
        let margin = Duration::from_micros((4 * self.deviation_us).max(GRANULARITY_US));
        Some(self.usual()? + margin)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AckTime, Duration, SAMPLES_MIN};

    const MS: Duration = Duration::from_millis(1);

    fn learned(time: Duration) -> AckTime {
        let mut found = AckTime::default();
        (0..SAMPLES_MIN).for_each(|_| found.on_sample(time));
        found
    }

    #[test]
    fn nothing_is_known_before_enough_samples() {
        let mut found = AckTime::default();
        for _ in 1..SAMPLES_MIN {
            found.on_sample(60 * MS);
            assert_eq!((found.usual(), found.overdue()), (None, None));
        }
        found.on_sample(60 * MS);
        assert_eq!(found.usual(), Some(60 * MS));
        // Sixteen equal ones leave little of the first guess of an eighth.
        let margin = found.overdue().unwrap_or_default() - 60 * MS;
        assert!(MS <= margin && margin < 6 * MS, "{margin:?}");
    }

    #[test]
    fn a_single_late_answer_moves_little_and_three_in_a_row_count() {
        let mut found = learned(60 * MS);
        found.on_sample(160 * MS);
        let once = found.usual().unwrap_or_default();
        assert!(once < 61 * MS, "{once:?}");
        found.on_sample(160 * MS);
        found.on_sample(160 * MS);
        let thrice = found.usual().unwrap_or_default();
        assert!(thrice > 71 * MS, "{thrice:?}");
        // What is usual between them begins the row anew.
        let mut broken = learned(60 * MS);
        for _ in 0..8 {
            broken.on_sample(160 * MS);
            broken.on_sample(160 * MS);
            broken.on_sample(broken.usual().unwrap_or_default());
        }
        assert!(broken.usual() < Some(80 * MS), "{:?}", broken.usual());
    }

    proptest! {
        /// The usual time is among those seen, and what is overdue is later than it by a millisecond at least.
        #[test]
        fn what_is_usual_lies_between_the_extremes(micros in prop::collection::vec(1u64..20_000_000, 16..200)) {
            let mut found = AckTime::default();
            micros.iter().for_each(|us| found.on_sample(Duration::from_micros(*us)));
            let seen = micros.iter().map(|us| Duration::from_micros((*us).min(10_000_000)));
            let usual = found.usual().expect("sixteen samples");
            prop_assert!(seen.clone().min() <= Some(usual) && Some(usual) <= seen.max());
            prop_assert!(found.overdue() >= Some(usual + MS));
        }
    }
}
