//! The clock that a host's owner reads: it may run fast or slow, and it may jump.
//!
//! A driver's clock is monotonic, but not right: quartz is off by up to 100 ppm, a virtual machine that was paused
//! finds hours gone, and a bad hypervisor goes back. The endpoint never sees the world's time, only its host's.

use std::time::Duration;

use tickwire_core::Instant;

const PPM: i64 = 1_000_000;
/// Most that a clock may be off, in parts per million: half or double speed.
pub(crate) const DRIFT_MAX: i32 = 500_000;

/// Shows a time that follows from the world's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// When the clock was last set, in the world's time, and what it showed then.
    set_at: Instant,
    shown: Instant,
    drift_ppm: i32,
}

impl Clock {
    /// What the clock shows.
    pub(crate) fn read(&self, now: Instant) -> Instant {
        let passed = now.saturating_duration_since(self.set_at);
        self.shown + self.scale(passed, PPM + i64::from(self.drift_ppm), PPM, 0)
    }

    /// When, in the world's time, the clock first shows `reading` or more.
    pub(crate) fn when(&self, reading: Instant) -> Instant {
        let missing = reading.saturating_duration_since(self.shown);
        let rate = PPM + i64::from(self.drift_ppm);
        self.set_at + self.scale(missing, PPM, rate, rate - 1)
    }

    /// `time * numerator / denominator`, with `round` added before the division.
    fn scale(&self, time: Duration, numerator: i64, denominator: i64, round: i64) -> Duration {
        if self.drift_ppm == 0 {
            return time;
        }
        let wide = |number: i64| u128::from(number.unsigned_abs());
        let nanos = (time.as_nanos() * wide(numerator) + wide(round)) / wide(denominator);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Runs this much too fast, or too slow if negative, from `now` on.
    pub(crate) fn drift(&mut self, now: Instant, ppm: i32) {
        self.shown = self.read(now);
        self.set_at = now;
        self.drift_ppm = ppm.clamp(-DRIFT_MAX, DRIFT_MAX);
    }

    /// Jumps ahead.
    pub(crate) fn jump_ahead(&mut self, now: Instant, by: Duration) {
        self.shown = self.read(now) + by;
        self.set_at = now;
    }

    /// Jumps back, to its epoch at most.
    pub(crate) fn jump_back(&mut self, now: Instant, by: Duration) {
        self.shown = self.read(now) - by;
        self.set_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_new_clock_shows_the_time() {
        let clock = Clock::default();
        assert_eq!((clock.read(at(5)), clock.when(at(5))), (at(5), at(5)));
    }

    #[test]
    fn a_fast_clock_gains() {
        let mut clock = Clock::default();
        clock.drift(at(1_000), 1_000);
        assert_eq!(clock.read(at(2_000)), at(2_001));
        assert_eq!(clock.when(at(2_001)), at(2_000));
    }

    #[test]
    fn jumps_move_the_reading_and_not_the_pace() {
        let mut clock = Clock::default();
        clock.jump_ahead(at(10), ms(3_600_000));
        assert_eq!(clock.read(at(20)), at(3_600_020));
        clock.jump_back(at(30), ms(3_600_020));
        assert_eq!(clock.read(at(30)), at(10));
        assert_eq!(clock.when(at(15)), at(35));
        // It shows more than that already.
        assert_eq!(clock.when(at(5)), at(30));
    }

    #[test]
    fn a_deadline_has_come_when_the_clock_says_so_and_not_a_nanosecond_later() {
        for ppm in [-DRIFT_MAX, -333, -1, 1, 77, DRIFT_MAX] {
            let mut clock = Clock::default();
            clock.drift(Instant::from_nanos(17), ppm);
            for nanos in [18, 1_000, 999_999_999, 12_345_678_901] {
                let deadline = Instant::from_nanos(nanos);
                let when = clock.when(deadline);
                assert!(clock.read(when) >= deadline, "{ppm} ppm");
                let before = Instant::from_nanos(when.as_nanos() - 1);
                assert!(clock.read(before) < deadline, "{ppm} ppm");
            }
        }
    }
}
