//! A TCP sender that never ends, as far as a queue notices it: Reno (RFC 5681) with selective acknowledgements (RFC 6675).
//!
//! It counts whole datagrams, and the window grows by those that are acknowledged, not by acknowledgements (RFC 3465). Nothing is
//! lost but by the queue. It has no window that grows by time (CUBIC, RFC 9438: on the short paths of a test that is as Reno is),
//! and does not leave slow start before the first loss.

use std::collections::VecDeque;

/// Windows count in thousandths of a datagram.
const ONE: u64 = 1_000;
/// What a flow begins with (RFC 6928 section 2).
const WINDOW_FIRST: u64 = 10 * ONE;
/// The least that a loss leaves (RFC 5681 section 3.1, equation 4).
const WINDOW_MIN: u64 = 2 * ONE;
/// What a receiver has room for: 6 MB, the default of Linux.
const WINDOW_MAX: u64 = 4_000 * ONE;
/// A datagram is lost once one has arrived that was sent so many later (RFC 5681 section 3.2).
const REORDERING_MAX: u64 = 3;
/// Longest wait, as a power of two of the first one (RFC 6298 section 5.5).
const BACKOFF_MAX: u32 = 6;

/// The sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    window: u64,
    /// Slow start is below.
    threshold: u64,
    /// Number of the next datagram.
    next: u64,
    /// Sent, and neither acknowledged nor known to be lost.
    in_flight: u64,
    /// Dropped, and not known to be lost, by number.
    dropped: VecDeque<u64>,
    /// What has a lower number was sent before the window was cut last.
    recovers_at: u64,
    backoff: u32,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            window: WINDOW_FIRST,
            threshold: u64::MAX,
            next: 0,
            in_flight: 0,
            dropped: VecDeque::new(),
            recovers_at: 0,
            backoff: 0,
        }
    }

    /// The number of the next datagram, if it may be sent.
    pub(super) fn send(&mut self) -> Option<u64> {
        if self.in_flight >= self.window / ONE {
            return None;
        }
        self.in_flight += 1;
        self.next += 1;
        Some(self.next - 1)
    }

    /// The queue has no room for it. The flow does not know that yet.
    pub(super) fn drop(&mut self, number: u64) {
        self.dropped.push_back(number);
    }

    /// It has arrived, and the flow hears of it.
    pub(super) fn on_acknowledged(&mut self, number: u64) {
        self.in_flight -= 1;
        self.backoff = 0;
        while self
            .dropped
            .front()
            .is_some_and(|lost| lost + REORDERING_MAX <= number)
        {
            let lost = self.dropped.pop_front().unwrap_or_default();
            self.in_flight -= 1;
            self.on_lost(lost);
        }
        if number < self.recovers_at {
            return;
        }
        self.window += match self.window < self.threshold {
            true => ONE,
            false => ONE * ONE / self.window,
        };
        self.window = self.window.min(WINDOW_MAX);
    }

    /// Half, once for all that was under way together.
    fn on_lost(&mut self, number: u64) {
        if number >= self.recovers_at {
            self.window = (self.window / 2).max(WINDOW_MIN);
            self.threshold = self.window;
            self.recovers_at = self.next;
        }
    }

    /// Whether the receiver misses something before this.
    pub(super) fn has_gap(&self, number: u64) -> bool {
        self.dropped.front().is_some_and(|lost| *lost < number)
    }

    /// Nothing will be acknowledged any more: all that is under way was dropped.
    pub(super) fn is_stuck(&self) -> bool {
        self.in_flight > 0 && self.in_flight == self.dropped.len() as u64
    }

    /// Which wait it is, as a power of two of the first one.
    pub(super) fn backoff(&self) -> u32 {
        self.backoff
    }

    /// It has waited long enough: begins anew with one datagram (RFC 5681 section 3.1).
    pub(super) fn on_timeout(&mut self) {
        self.threshold = (self.window / 2).max(WINDOW_MIN);
        self.window = ONE;
        self.in_flight = 0;
        self.dropped.clear();
        self.recovers_at = self.next;
        self.backoff = (self.backoff + 1).min(BACKOFF_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends all that it may; their numbers.
    fn sent(flow: &mut Flow) -> Vec<u64> {
        std::iter::from_fn(|| flow.send()).collect()
    }

    #[test]
    fn a_window_doubles_each_round_trip_until_the_first_loss_and_then_grows_by_one() {
        let mut flow = Flow::new();
        let mut windows = Vec::new();
        let mut flight = sent(&mut flow);
        for round in 0..6 {
            windows.push(flight.len());
            let mut next = Vec::new();
            for number in flight {
                match round == 2 && number == 30 {
                    true => flow.drop(number),
                    false => flow.on_acknowledged(number),
                }
                next.extend(sent(&mut flow));
            }
            flight = next;
        }
        assert_eq!(windows[..3], [10, 20, 40]);
        // Half of 40 and of the two that were acknowledged before three had arrived behind the lost one.
        assert_eq!(flow.threshold, 21 * ONE);
        assert_eq!(windows[4..], [21, 22], "{windows:?}");
    }

    #[test]
    fn many_losses_of_one_flight_halve_the_window_once() {
        let mut flow = Flow::new();
        let flight = sent(&mut flow);
        flight[..4].iter().for_each(|number| flow.drop(*number));
        flight[4..]
            .iter()
            .for_each(|number| flow.on_acknowledged(*number));
        assert_eq!((flow.window, flow.in_flight), (5 * ONE, 0));
        assert!(!flow.is_stuck());
        assert_eq!(sent(&mut flow).len(), 5);
    }

    #[test]
    fn a_flow_of_which_all_was_dropped_waits_ever_longer_and_begins_with_one() {
        let mut flow = Flow::new();
        for backoff in [0, 1, 2, 3, 4, 5, 6, 6] {
            assert_eq!(flow.backoff(), backoff);
            for number in sent(&mut flow) {
                flow.drop(number);
            }
            assert!(flow.is_stuck());
            flow.on_timeout();
            assert_eq!(flow.window, ONE);
        }
        let one = sent(&mut flow);
        assert_eq!(one.len(), 1);
        flow.on_acknowledged(one[0]);
        assert_eq!((flow.backoff(), sent(&mut flow).len()), (0, 2));
    }

    #[test]
    fn a_window_has_a_bound() {
        let mut flow = Flow::new();
        for _ in 0..20 {
            for number in sent(&mut flow) {
                flow.on_acknowledged(number);
            }
        }
        assert_eq!(sent(&mut flow).len(), 4_000);
    }
}
