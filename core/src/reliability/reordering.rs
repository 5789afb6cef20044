//! How much packets overtake each other on this path: the window in which one that was overtaken is not yet given up.
//!
//! After RFC 8985 (RACK) section 6.2: the window is a quarter of the least round trip, grows when a packet was given up too
//! early, and shrinks again. Where we differ, and why:
//! - It grows by what was seen to be missing, not by another quarter a round trip: the packet that came late tells how late.
//! - Once packets are seen to overtake each other their count says nothing, as in RFC 8985; until then three later ones
//!   make one lost (RFC 9002 section 6.1.1) however close together they left, so that bulk is repaired early.

use core::time::Duration;

use crate::saved::saved;
use crate::time::micros;

/// Losses after which the window is halved, if none of them was a mistake (RFC 8985 section 6.2: 16 recoveries).
const LOSSES_TO_SHRINK: u32 = 16;
/// A window that only adds less than this adds nothing.
const EXTRA_MIN_US: u64 = 500;

/// What was learned.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reordering {
    /// Added to the window since packets came later than it allows.
    extra_us: u64,
    /// Losses since the latest mistake, or since the window was halved.
    losses: u32,
}

saved!(Reordering { extra_us, losses });

impl Reordering {
    /// Given to a packet that was overtaken by one that left later, counted between their departures.
    pub(crate) fn window(&self, rtt_min_us: u64, rtt_us: u64) -> Duration {
        let window_us = (rtt_min_us / 4).saturating_add(self.extra_us);
        Duration::from_micros(window_us.min(rtt_us))
    }

    /// Added to the time after which a packet is lost.
    pub(crate) const fn extra(&self) -> Duration {
        Duration::from_micros(self.extra_us)
    }

    /// Packets overtake each other here: how many did says nothing.
    pub(crate) const fn is_seen(&self) -> bool {
        self.extra_us > 0
    }

    /// A packet was given up.
    pub(crate) const fn on_lost(&mut self) {
        self.losses += 1;
        if self.losses < LOSSES_TO_SHRINK {
            return;
        }
        self.losses = 0;
        self.extra_us /= 2;
        if self.extra_us < EXTRA_MIN_US {
            self.extra_us = 0;
        }
    }

    /// A packet arrived `late` after it was given up. The window never grows beyond the round trip.
    pub(crate) fn on_mistake(&mut self, late: Duration, rtt_us: u64) {
        self.losses = 0;
        let wanted_us = self.extra_us.saturating_add(micros(late));
        let wanted_us = wanted_us.max(EXTRA_MIN_US);
        self.extra_us = wanted_us.min(rtt_us.max(EXTRA_MIN_US));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Duration, LOSSES_TO_SHRINK, Reordering};

    const MS: Duration = Duration::from_millis(1);
    const RTT_US: u64 = 40_000;

    #[test]
    fn the_window_is_a_quarter_of_the_least_round_trip_and_what_was_missing() {
        let mut found = Reordering::default();
        assert!(!found.is_seen());
        assert_eq!(found.window(RTT_US, RTT_US), 10 * MS);
        found.on_mistake(3 * MS, RTT_US);
        assert!(found.is_seen());
        assert_eq!(
            (found.window(RTT_US, RTT_US), found.extra()),
            (13 * MS, 3 * MS)
        );
        found.on_mistake(2 * MS, RTT_US);
        assert_eq!(found.extra(), 5 * MS, "five in all were missing");
        found.on_mistake(Duration::from_micros(1), 100);
        assert_eq!(
            found.extra(),
            Duration::from_micros(500),
            "a round trip at most, and this at least"
        );
    }

    #[test]
    fn sixteen_losses_without_a_mistake_halve_what_was_added() {
        let mut found = Reordering::default();
        found.on_mistake(3 * MS, RTT_US);
        let lose = |found: &mut Reordering| (0..LOSSES_TO_SHRINK).for_each(|_| found.on_lost());
        lose(&mut found);
        assert_eq!(found.extra(), Duration::from_micros(1_500));
        (1..LOSSES_TO_SHRINK).for_each(|_| found.on_lost());
        found.on_mistake(MS, RTT_US);
        (1..LOSSES_TO_SHRINK).for_each(|_| found.on_lost());
        assert_eq!(
            found.extra(),
            Duration::from_micros(2_500),
            "a mistake begins the count anew"
        );
        for halved_us in [1_250, 625, 0, 0] {
            lose(&mut found);
            found.on_mistake_for_tests();
            assert_eq!(found.extra(), Duration::from_micros(halved_us));
        }
        assert!(!found.is_seen());
    }

    impl Reordering {
        /// Begins the count anew, as a mistake does, without adding to the window.
        fn on_mistake_for_tests(&mut self) {
            self.losses = 0;
        }
    }

    proptest! {
        /// Whatever happens, the window is never above the round trip.
        #[test]
        fn the_window_never_exceeds_the_round_trip(
            steps in prop::collection::vec((any::<bool>(), 0u64..1_000_000), 0..100),
            rtt_us in 1_000u64..500_000,
        ) {
            let mut found = Reordering::default();
            for (is_mistake, late_us) in steps {
                match is_mistake {
                    true => found.on_mistake(Duration::from_micros(late_us), rtt_us),
                    false => found.on_lost(),
                }
                prop_assert!(found.window(rtt_us, rtt_us) <= Duration::from_micros(rtt_us));
                prop_assert!(found.extra() <= Duration::from_micros(rtt_us));
            }
        }
    }
}
