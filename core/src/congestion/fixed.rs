//! A rate that somebody chose: for paths that are known, and one's own.
//!
//! Losses change nothing, since nothing is asked of the path. But persistent congestion (RFC 9002 section 7.6)
//! does: while nothing arrives two datagrams are in flight, and from there it doubles each round trip.

use alloc::vec::Vec;

use super::{AckedPacket, Controller, initial_window};
use crate::saved::{Saved, saved};

/// A rate, and a window that does not limit it while packets arrive.
#[derive(Debug)]
pub(crate) struct Fixed {
    datagram_size: u64,
    bytes_per_second: u64,
    window: u64,
}

saved!(Fixed {
    datagram_size,
    bytes_per_second,
    window
});

impl Fixed {
    /// Names it in a checkpoint.
    pub(super) const CODE: u8 = 2;

    pub(crate) fn new(datagram_size: u64, bytes_per_second: u64) -> Self {
        let mut fixed = Self {
            datagram_size,
            bytes_per_second,
            window: 0,
        };
        fixed.window = fixed.window_max();
        fixed
    }

    /// What is sent in a second: more is in flight on no path on earth.
    fn window_max(&self) -> u64 {
        self.bytes_per_second
            .max(initial_window(self.datagram_size))
    }
}

impl Controller for Fixed {
    fn on_acked(&mut self, packet: &AckedPacket) {
        self.window = self
            .window
            .saturating_add(packet.bytes)
            .min(self.window_max());
    }

    fn on_congestion_event(&mut self) {}

    fn on_persistent_congestion(&mut self) {
        self.window = 2 * self.datagram_size;
    }

    fn on_datagram_size(&mut self, bytes: u64) {
        self.datagram_size = bytes;
        self.window = self.window.max(2 * bytes);
    }

    fn take_over(&mut self, _window: u64) {}

    fn window(&self) -> u64 {
        self.window
    }

    fn pacing_rate(&self) -> Option<u64> {
        Some(self.bytes_per_second)
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

    #[test]
    fn losses_change_nothing_and_silence_does() {
        let mut fixed = Fixed::new(1_200, 125_000);
        fixed.on_congestion_event();
        assert_eq!(fixed.window(), 125_000);
        assert_eq!(fixed.pacing_rate(), Some(125_000));
        fixed.on_persistent_congestion();
        assert_eq!(fixed.window(), 2_400);
        for _ in 0..200 {
            fixed.on_acked(&acked(2, 1_200));
        }
        assert_eq!(fixed.window(), 125_000);
    }
}
