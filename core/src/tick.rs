//! The tick clock: simulation steps of fixed length, handed out as events.
//!
//! Step `n` is due at `start + n / rate`, computed anew from `n` each time, in whole numbers: no error adds up, over
//! years or at any rate. A step's number is its place in time: **tick n belongs to instant n**, also after the owner
//! was late. Of the steps that became due meanwhile the latest `catch_up_max` are handed out, one after the other; the older
//! ones are skipped, their numbers too, and the next event tells how many. So an owner that is too slow loses steps instead of
//! falling behind for ever, and what waits is bounded even if nobody polls.

use crate::config::TickConfig;
use crate::event::Event;
use crate::saved::saved;
use crate::time::Instant;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[derive(Debug)]
pub(crate) struct TickClock {
    rate_hz: u32,
    catch_up_max: u64,
    start: Instant,
    now: Instant,
    /// The next step to hand out.
    next: u64,
    /// The first step that is not due; those from `next` on wait.
    due_end: u64,
    /// Steps skipped since the last one handed out.
    skipped: u64,
}

saved!(TickClock {
    rate_hz,
    catch_up_max,
    start,
    now,
    next,
    due_end,
    skipped
});

impl TickClock {
    /// A clock whose step 0 is due at once.
    pub(crate) fn new(config: TickConfig, now: Instant) -> Self {
        let mut clock = Self {
            rate_hz: config.rate_hz.get(),
            catch_up_max: u64::from(config.catch_up_max.max(1)),
            start: now,
            now,
            next: 0,
            due_end: 0,
            skipped: 0,
        };
        clock.handle_timeout(now);
        clock
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.due_end = self.steps_due(self.now);
        let waiting = self.due_end - self.next;
        let excess = waiting.saturating_sub(self.catch_up_max);
        self.next += excess;
        self.skipped += excess;
    }

    /// The next step's deadline; `None` while a step waits to be polled, which needs no timer.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        (self.next == self.due_end).then(|| self.deadline(self.next))
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        if self.next == self.due_end {
            return None;
        }
        let tick = self.next;
        self.next += 1;
        Some(Event::Tick {
            tick,
            skipped: core::mem::take(&mut self.skipped),
            late: self.now.saturating_duration_since(self.deadline(tick)),
        })
    }

    /// `start + tick / rate`, rounded down to a nanosecond.
    fn deadline(&self, tick: u64) -> Instant {
        let offset = u128::from(tick) * NANOS_PER_SECOND / u128::from(self.rate_hz);
        let nanos = u128::from(self.start.as_nanos()) + offset;
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many steps have a deadline that is not after `now`: the least `n` whose own is.
    fn steps_due(&self, now: Instant) -> u64 {
        let elapsed = u128::from(now.as_nanos() - self.start.as_nanos());
        let steps = ((elapsed + 1) * u128::from(self.rate_hz)).div_ceil(NANOS_PER_SECOND);
        u64::try_from(steps).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
