//! How much packets overtake each other on this path: the window in which one that was overtaken is not yet given up.
//!
//! After RFC 8985 (RACK) section 6.2: the window is a quarter of the least round trip, grows when a packet was given up too
//! early, and shrinks again. Where we differ, and why:
//! - It grows by what was seen to be missing, not by another quarter a round trip: the packet that came late tells how late.
//! - Once packets are seen to overtake each other their count says nothing, as in RFC 8985; until then three later ones
//!   make one lost (RFC 9002 section 6.1.1) however close together they left, so that bulk is repaired early.

use core::time::Duration;

use crate::saved::saved;

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
        let late_us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        let wanted_us = self.extra_us.saturating_add(late_us).max(EXTRA_MIN_US);
        self.extra_us = wanted_us.min(rtt_us.max(EXTRA_MIN_US));
    }
}
