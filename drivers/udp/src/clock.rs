//! The only conversion between the endpoint's time and the host's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tickwire_core::Instant;

/// A clock for one endpoint: its epoch is the clock's start. Clones share it.
///
/// The host's clock is the monotonic one of [`std::time::Instant`]: setting the date does not move it. A manual clock
/// stands still until it is told, so that a test or a debugger decides what time it is.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Host { start: std::time::Instant },
    Manual { nanos: Arc<AtomicU64> },
}

impl Clock {
    /// The host's clock, which shows zero now.
    #[must_use]
    pub fn start() -> Self {
        let start = std::time::Instant::now();
        Self {
            source: Source::Host { start },
        }
    }

    /// A clock that shows zero until [`advance_to`](Self::advance_to) moves it.
    #[must_use]
    pub fn manual() -> Self {
        let nanos = Arc::new(AtomicU64::new(0));
        Self {
            source: Source::Manual { nanos },
        }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.source {
            Source::Host { start } => Instant::ZERO + start.elapsed(),
            Source::Manual { nanos } => Instant::from_nanos(nanos.load(Ordering::Acquire)),
        }
    }

    /// What the host's calendar shows: time since 1970. `None` for a manual clock, whose owner tells the endpoint itself.
    #[must_use]
    pub fn unix_time(&self) -> Option<Duration> {
        match &self.source {
            Source::Host { .. } => SystemTime::now().duration_since(UNIX_EPOCH).ok(),
            Source::Manual { .. } => None,
        }
    }

    /// Moves a manual clock forward; an earlier `now` than it shows, and the host's clock, change nothing.
    pub fn advance_to(&self, now: Instant) {
        if let Source::Manual { nanos } = &self.source {
            nanos.fetch_max(now.as_nanos(), Ordering::AcqRel);
        }
    }

    /// When the host's clock will show `deadline`. `None` if it never will: the clock is manual, or the deadline is
    /// beyond what the host can express.
    #[must_use]
    pub fn deadline(&self, deadline: Instant) -> Option<std::time::Instant> {
        match &self.source {
            Source::Host { start } => start.checked_add(Duration::from_nanos(deadline.as_nanos())),
            Source::Manual { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told_and_never_back() {
        let clock = Clock::manual();
        let clone = clock.clone();
        clock.advance_to(Instant::from_millis(7));
        clock.advance_to(Instant::from_millis(3));
        assert_eq!(clone.now(), Instant::from_millis(7));
        assert_eq!(clone.deadline(Instant::from_millis(9)), None);
    }

    #[test]
    fn a_deadline_of_the_host_clock_is_the_moment_it_shows() {
        let clock = Clock::start();
        let now = clock.now();
        let in_a_second = now + Duration::from_secs(1);
        let deadline = clock
            .deadline(in_a_second)
            .expect("a second can be expressed");
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        assert!(left <= Duration::from_secs(1));
        assert!(left > Duration::from_millis(500), "{left:?}");
    }
}
