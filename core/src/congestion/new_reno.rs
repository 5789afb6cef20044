//! NewReno as RFC 9002 section 7 has it: double each round trip until the first loss, then halve on loss and add one
//! datagram each round trip.

use alloc::vec::Vec;

use super::Controller;
use crate::saved::{Saved, saved};
use crate::time::Instant;

/// RFC 9002 section 7.2: ten datagrams, but not more than this many bytes.
const INITIAL_WINDOW_MAX: u64 = 14_720;

/// State of RFC 9002 appendix B.2.
#[derive(Debug)]
pub(crate) struct NewReno {
    datagram_size_max: u64,
    window: u64,
    /// Slow start ends here.
    threshold: u64,
    /// Packets sent until then belong to a loss already answered (section 7.3.2).
    recovery_until: Option<Instant>,
    /// Bytes acknowledged in congestion avoidance, towards the next datagram of window.
    credit: u64,
}

saved!(NewReno {
    datagram_size_max,
    window,
    threshold,
    recovery_until,
    credit
});

impl NewReno {
    /// Names it in a checkpoint.
    pub(super) const CODE: u8 = 0;

    pub(crate) fn new(datagram_size_max: usize) -> Self {
        let size = datagram_size_max as u64;
        Self {
            datagram_size_max: size,
            window: (10 * size).min(INITIAL_WINDOW_MAX.max(2 * size)),
            threshold: u64::MAX,
            recovery_until: None,
            credit: 0,
        }
    }

    const fn window_min(&self) -> u64 {
        2 * self.datagram_size_max
    }

    fn in_recovery(&self, sent_at: Instant) -> bool {
        self.recovery_until.is_some_and(|until| sent_at <= until)
    }
}

impl Controller for NewReno {
    fn on_acked(&mut self, sent_at: Instant, bytes: u64, app_limited: bool) {
        if app_limited || self.in_recovery(sent_at) {
            return;
        }
        if self.window < self.threshold {
            self.window = self.window.saturating_add(bytes);
            return;
        }
        self.credit += bytes;
        if self.credit >= self.window {
            self.credit -= self.window;
            self.window = self.window.saturating_add(self.datagram_size_max);
        }
    }

    fn on_congestion_event(&mut self, now: Instant, sent_at: Instant) {
        if self.in_recovery(sent_at) {
            return;
        }
        self.recovery_until = Some(now);
        self.window = (self.window / 2).max(self.window_min());
        self.threshold = self.window;
        self.credit = 0;
    }

    fn on_persistent_congestion(&mut self) {
        self.window = self.window_min();
        self.recovery_until = None;
        self.credit = 0;
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn save(&self, out: &mut Vec<u8>) {
        out.push(Self::CODE);
        Saved::save(self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 1_200;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn the_initial_window_follows_the_rfc() {
        assert_eq!(NewReno::new(1_200).window(), 12_000);
        assert_eq!(NewReno::new(1_472).window(), 14_720);
        assert_eq!(NewReno::new(9_000).window(), 18_000);
    }

    #[test]
    fn slow_start_doubles_and_avoidance_adds_one_datagram_a_round_trip() {
        let mut reno = NewReno::new(SIZE);
        for _ in 0..10 {
            reno.on_acked(at(1), 1_200, false);
        }
        assert_eq!(reno.window(), 24_000);
        reno.on_congestion_event(at(2), at(1));
        assert_eq!(reno.window(), 12_000);
        for _ in 0..10 {
            reno.on_acked(at(3), 1_200, false);
        }
        assert_eq!(reno.window(), 13_200);
    }

    #[test]
    fn one_round_trip_of_losses_halves_once() {
        let mut reno = NewReno::new(SIZE);
        reno.on_congestion_event(at(100), at(50));
        reno.on_congestion_event(at(110), at(90));
        reno.on_congestion_event(at(120), at(100));
        assert_eq!(reno.window(), 6_000);
        reno.on_acked(at(99), 1_200, false);
        assert_eq!(reno.window(), 6_000, "sent before the loss was answered");
        reno.on_congestion_event(at(130), at(101));
        assert_eq!(reno.window(), 3_000);
    }

    #[test]
    fn an_idle_application_does_not_grow_the_window() {
        let mut reno = NewReno::new(SIZE);
        reno.on_acked(at(1), 1_200, true);
        assert_eq!(reno.window(), 12_000);
    }

    #[test]
    fn the_window_never_falls_below_two_datagrams() {
        let mut reno = NewReno::new(SIZE);
        for i in 0..20 {
            reno.on_congestion_event(at(2 * i + 1), at(2 * i + 1));
        }
        assert_eq!(reno.window(), 2_400);
        reno.on_persistent_congestion();
        assert_eq!(reno.window(), 2_400);
    }
}
