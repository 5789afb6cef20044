//! How long it takes until a packet of reliable data is acknowledged, all told: the way there, the peer's wait for a
//! datagram of its own, and the way back.
//!
//! RFC 9002 section 6.2.1 waits for the round trip, four deviations and the longest delay that the peer may take. A peer that
//! ticks sends with every tick, and its acknowledgement comes much sooner than it promised: what was seen is the better
//! guide. It counts from the acknowledgement that comes first, so it needs no delay told and compact ones count as well.

use core::time::Duration;

use crate::saved::saved;

/// Timers are not finer than this (RFC 9002 section 6.1.2).
const GRANULARITY_US: u64 = 1_000;
/// One sample moves the estimate as far as one that is off by this many deviations, and no further: a lost acknowledgement
/// adds a tick of the peer's and says nothing about the next one.
const SURPRISE_DEVIATIONS: u64 = 2;
/// Fewer samples are no guide.
const SAMPLES_MIN: u32 = 4;
/// A longer sample counts as this, as for round trips.
const SAMPLE_MAX_US: u64 = 10_000_000;

/// Smoothed time and its deviation, in the manner of RFC 6298.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AckTime {
    smoothed_us: u64,
    deviation_us: u64,
    samples: u32,
}

saved!(AckTime {
    smoothed_us,
    deviation_us,
    samples
});

impl AckTime {
    /// Of the packets that an acknowledgement named first, the oldest that awaited one left so long ago.
    pub(crate) fn on_sample(&mut self, time: Duration) {
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let time_us = time_us.min(SAMPLE_MAX_US);
        self.samples = self.samples.saturating_add(1);
        if self.samples == 1 {
            self.smoothed_us = time_us;
            self.deviation_us = time_us / 8;
            return;
        }
        let most_us = SURPRISE_DEVIATIONS * self.deviation_us + GRANULARITY_US / 2;
        let error_us = time_us.abs_diff(self.smoothed_us).min(most_us);
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

    /// When nothing came for so long, something is probably lost; `None` until it is known.
    pub(crate) fn overdue(&self) -> Option<Duration> {
        let margin = Duration::from_micros((4 * self.deviation_us).max(GRANULARITY_US));
        Some(self.usual()? + margin)
    }
}
