//! Saying something again until it is answered.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// A datagram that is repeated on a schedule until it is answered: the same interval a few times, then longer ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeat {
    pub(crate) at: Instant,
    interval: Duration,
    /// Repeats left before the interval grows.
    steady: u8,
}

saved!(Repeat {
    at,
    interval,
    steady
});

impl Repeat {
    const INTERVAL_MAX: Duration = Duration::from_millis(500);

    /// Due at once, and then after pauses that begin with `interval`.
    pub(crate) const fn new(now: Instant, interval: Duration) -> Self {
        Self {
            at: now,
            interval,
            steady: 4,
        }
    }

    /// It was sent now: when again?
    pub(crate) fn advance(&mut self, now: Instant) {
        self.at = now + self.interval;
        if self.steady > 0 {
            self.steady -= 1;
            return;
        }
        self.interval = (self.interval * 3 / 2).min(Self::INTERVAL_MAX);
    }
}
