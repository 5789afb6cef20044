//! NewReno as RFC 9002 section 7 has it: double each round trip until the first loss, then halve on loss and add one
//! datagram each round trip.
//!
//! Where we differ: an event whose packets all arrived after all is undone, as RFC 9438 section 4.9.2 does it.

use alloc::vec::Vec;

use super::{AckedPacket, Controller, initial_window};
use crate::saved::{Saved, saved};

/// State of RFC 9002 appendix B.2.
#[derive(Debug)]
pub(crate) struct NewReno {
    datagram_size: u64,
    window: u64,
    /// Slow start ends here.
    threshold: u64,
    /// Bytes acknowledged in congestion avoidance, towards the next datagram of window.
    credit: u64,
    /// Window and threshold before the latest event.
    before: Option<(u64, u64)>,
}

saved!(NewReno {
    datagram_size,
    window,
    threshold,
    credit,
    before
});

impl NewReno {
    /// Names it in a checkpoint.
    pub(super) const CODE: u8 = 0;

    pub(crate) fn new(datagram_size: u64) -> Self {
        Self {
            datagram_size,
            window: initial_window(datagram_size),
            threshold: u64::MAX,
            credit: 0,
            before: None,
        }
    }

    const fn window_min(&self) -> u64 {
        2 * self.datagram_size
    }
}

impl Controller for NewReno {
    fn on_acked(&mut self, packet: &AckedPacket) {
        if packet.is_app_limited || packet.is_in_recovery {
            return;
        }
        if self.window < self.threshold {
            self.window = self.window.saturating_add(packet.bytes);
            return;
        }
        self.credit += packet.bytes;
        if self.credit >= self.window {
            self.credit -= self.window;
            self.window = self.window.saturating_add(self.datagram_size);
        }
    }

    fn on_congestion_event(&mut self) {
        self.before = Some((self.window, self.threshold));
        self.window = (self.window / 2).max(self.window_min());
        self.threshold = self.window;
        self.credit = 0;
    }

    fn on_spurious_event(&mut self) {
        if let Some((window, threshold)) = self.before.take() {
            self.window = self.window.max(window);
            self.threshold = self.threshold.max(threshold);
        }
    }

    fn on_persistent_congestion(&mut self) {
        self.window = self.window_min();
        self.credit = 0;
        self.before = None;
    }

    fn on_datagram_size(&mut self, bytes: u64) {
        self.datagram_size = bytes;
        self.window = self.window.max(self.window_min());
    }

    fn take_over(&mut self, window: u64) {
        self.window = window.max(self.window_min());
        self.threshold = self.window;
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
    use super::super::tests::acked;
    use super::*;

    const SIZE: u64 = 1_200;

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
            reno.on_acked(&acked(1, SIZE));
        }
        assert_eq!(reno.window(), 24_000);
        reno.on_congestion_event();
        assert_eq!(reno.window(), 12_000);
        for _ in 0..10 {
            reno.on_acked(&acked(3, SIZE));
        }
        assert_eq!(reno.window(), 13_200);
    }

    #[test]
    fn a_loss_that_was_none_is_undone() {
        let mut reno = NewReno::new(SIZE);
        reno.on_congestion_event();
        reno.on_spurious_event();
        assert_eq!(reno.window(), 12_000);
        reno.on_acked(&acked(3, SIZE));
        assert_eq!(reno.window(), 13_200, "slow start goes on");
    }

    #[test]
    fn an_idle_application_does_not_grow_the_window() {
        let mut reno = NewReno::new(SIZE);
        reno.on_acked(&AckedPacket {
            is_app_limited: true,
            ..acked(1, SIZE)
        });
        reno.on_acked(&AckedPacket {
            is_in_recovery: true,
            ..acked(1, SIZE)
        });
        assert_eq!(reno.window(), 12_000);
    }
}
