//! CoDel (RFC 8289): keeps a queue short by dropping from its head once datagrams have waited too long for too long.
//!
//! What may be marked is marked instead of dropped where the link does that (RFC 8289 section 4.2 and RFC 3168): it is sent, and counts
//! as a drop for all else.
//!
//! All in integers: RFC 8289 section 5.5 divides the interval by the square root of the drop count; here the square root
//! is taken of the square of the interval divided by the count, which is the same without fractions.

use std::time::Duration;

use tickwire_core::Instant;

use super::ecn::Markable;
use super::rate::Backlog;

/// Wait that is good for a link (RFC 8289 section 4.3).
const TARGET: Duration = Duration::from_millis(5);
/// A wait above the target for this long means a standing queue (RFC 8289 section 4.2).
const INTERVAL_NANOS: u64 = 100_000_000;
const INTERVAL: Duration = Duration::from_nanos(INTERVAL_NANOS);
/// A queue of no more than this is short enough whatever the wait: one datagram of full size, in bytes.
const BYTES_MIN: usize = 1_500;

/// The state of the algorithm, by the names of RFC 8289 section 5.1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codel {
    first_above_time: Option<Instant>,
    drop_next: Instant,
    count: u64,
    last_count: u64,
    is_dropping: bool,
    /// Marks rather than drops.
    is_ecn: bool,
}

impl Codel {
    pub(crate) fn new(is_ecn: bool) -> Self {
        Self {
            is_ecn,
            ..Self::default()
        }
    }

    /// Takes the next datagram that may be sent; those that are dropped before it go to `dropped`.
    pub(crate) fn dequeue<T: Markable>(
        &mut self,
        now: Instant,
        backlog: &mut Backlog<T>,
        dropped: &mut Vec<T>,
    ) -> Option<(usize, T)> {
        let (mut head, mut may_drop) = self.take(now, backlog)?;
        if self.is_dropping {
            self.is_dropping = may_drop;
            while self.is_dropping && now >= self.drop_next {
                self.count += 1;
                if self.is_ecn && head.1.mark() {
                    self.drop_next = after(self.drop_next, self.count);
                    break;
                }
                dropped.push(head.1);
                (head, may_drop) = self.take(now, backlog)?;
                self.is_dropping = may_drop;
                self.drop_next = after(self.drop_next, self.count);
            }
        } else if may_drop && self.is_ecn && head.1.mark() {
            self.start_dropping(now);
        } else if may_drop {
            dropped.push(head.1);
            let next = self.take(now, backlog);
            self.start_dropping(now);
            (head, _) = next?;
        }
        Some(head)
    }

    /// Drops again soon if it stopped not long ago (RFC 8289 section 5.4).
    fn start_dropping(&mut self, now: Instant) {
        let recent = self.count - self.last_count;
        let is_again = now.saturating_duration_since(self.drop_next) < INTERVAL * 16;
        self.is_dropping = true;
        self.count = if recent > 1 && is_again { recent } else { 1 };
        self.drop_next = after(now, self.count);
        self.last_count = self.count;
    }

    /// The head of the queue, and whether it has seen a wait above the target for an interval.
    fn take<T>(&mut self, now: Instant, backlog: &mut Backlog<T>) -> Option<((usize, T), bool)> {
        let Some((since, len, item)) = backlog.pop() else {
            self.first_above_time = None;
            self.is_dropping = false;
            return None;
        };
        let waited = now.saturating_duration_since(since);
        let is_short = waited < TARGET || backlog.bytes() <= BYTES_MIN;
        let mut may_drop = false;
        match self.first_above_time {
            _ if is_short => self.first_above_time = None,
            None => self.first_above_time = Some(now + INTERVAL),
            Some(time) => may_drop = now >= time,
        }
        Some(((len, item), may_drop))
    }
}

/// The control law: the more was dropped, the sooner the next.
fn after(time: Instant, count: u64) -> Instant {
    let nanos = (INTERVAL_NANOS * INTERVAL_NANOS / count.max(1)).isqrt();
    time + Duration::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_law_is_that_of_the_rfc() {
        let at = |count| after(Instant::ZERO, count).as_micros();
        assert_eq!([at(1), at(4), at(100)], [100_000, 50_000, 10_000]);
        assert_eq!(at(2), 70_710);
    }
}
