//! CUBIC as RFC 9438 has it, in integers: after a loss the window returns along a cubic curve to where the loss was, rests
//! there, and then goes on faster and faster, but is never below what Reno would have.
//!
//! Where we differ, and why:
//! - The window counts in bytes, the curve in microseconds, and the cube root (section 4.2) is that of an integer.
//! - A loss cuts what the window is, not what is in flight (section 4.6): the window does not grow while the application
//!   leaves it unused, so that the two are about the same.
//! - Time in which the application has little to send does not count for the curve (section 5.8 leaves it open how).
//! - A mark cuts to 0.85, not to 0.7: RFC 8511 section 3.1.

use alloc::vec::Vec;

use super::hystart::HyStart;
use super::{AckedPacket, Controller, Progress, initial_window};
use crate::saved::{Saved, saved};
use crate::time::{Instant, micros};

/// 1 s³ in µs³, over C = 0.4: section 5.
const CUBE_PER_DATAGRAM: u128 = 2_500_000_000_000_000_000;
/// A curve is followed so long at most: an hour.
const CURVE_MAX_US: u64 = 3_600_000_000;

/// State of RFC 9438 section 4.1.
#[derive(Debug)]
pub(crate) struct Cubic {
    datagram_size: u64,
    window: u64,
    /// Slow start ends here.
    threshold: u64,
    /// `W_max`: the plateau.
    plateau: u64,
    /// `cwnd_prior`: the window at the latest event.
    prior: u64,
    curve: Option<Curve>,
    /// Of the first slow start; `None` when it is over.
    hystart: Option<HyStart>,
    /// Round trip, smoothed over eight; 0 before the first.
    rtt_us: u64,
    before: Option<Before>,
}

saved!(Cubic {
    datagram_size,
    window,
    threshold,
    plateau,
    prior,
    curve,
    hystart,
    rtt_us,
    before
});

/// One stage of congestion avoidance.
#[derive(Clone, Copy, Debug)]
struct Curve {
    /// Moves on while the application is idle.
    began_at: Instant,
    /// `K`: from the beginning to the plateau.
    rise_us: u64,
    /// `W_est`: what Reno would have, and the part of a byte that is missing there, in bytes times window.
    reno: u64,
    reno_credit: u64,
    /// The part of a byte that the window has earned, likewise.
    credit: u64,
    acked_at: Instant,
}

saved!(Curve {
    began_at,
    rise_us,
    reno,
    reno_credit,
    credit,
    acked_at
});

/// What an event changed.
#[derive(Clone, Copy, Debug)]
struct Before {
    window: u64,
    threshold: u64,
    plateau: u64,
    prior: u64,
    curve: Option<Curve>,
}

saved!(Before {
    window,
    threshold,
    plateau,
    prior,
    curve
});

impl Cubic {
    /// Names it in a checkpoint.
    pub(super) const CODE: u8 = 1;

    pub(crate) fn new(datagram_size: u64) -> Self {
        Self {
            datagram_size,
            window: initial_window(datagram_size),
            threshold: u64::MAX,
            plateau: 0,
            prior: 0,
            curve: None,
            hystart: Some(HyStart::new()),
            rtt_us: 0,
            before: None,
        }
    }

    const fn window_min(&self) -> u64 {
        2 * self.datagram_size
    }

    /// Section 4.2: `K`, and the stage's other beginnings.
    fn begin_curve(&mut self, now: Instant) -> Curve {
        // After slow start without a loss the curve begins at its plateau.
        self.plateau = self.plateau.max(self.window);
        let missing = u128::from(self.plateau - self.window);
        let cube = missing * CUBE_PER_DATAGRAM / u128::from(self.datagram_size);
        Curve {
            began_at: now,
            rise_us: cube_root(cube),
            reno: self.window,
            reno_credit: 0,
            credit: 0,
            acked_at: now,
        }
    }

    /// `W_cubic(t)`, equation 1.
    fn height(&self, curve: &Curve, time_us: u64) -> u64 {
        let distance = u128::from(time_us.abs_diff(curve.rise_us));
        let cube = distance * distance * distance;
        let bytes = cube * u128::from(self.datagram_size) / CUBE_PER_DATAGRAM;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match time_us < curve.rise_us {
            true => self.plateau.saturating_sub(bytes),
            false => self.plateau.saturating_add(bytes),
        }
    }

    fn avoid(&mut self, packet: &AckedPacket) {
        let mut curve = match self.curve {
            Some(curve) => curve,
            None => self.begin_curve(packet.now),
        };
        curve.acked_at = packet.now;
        let since = packet.now.saturating_duration_since(curve.began_at);
        let time_us = micros(since).min(CURVE_MAX_US);
        self.follow_reno(&mut curve, packet.bytes);
        if self.height(&curve, time_us) < curve.reno {
            self.window = self.window.max(curve.reno);
        } else {
            let target = self.height(&curve, time_us.saturating_add(self.rtt_us));
            let growth = target
                .min(self.window.saturating_add(self.window / 2))
                .saturating_sub(self.window);
            let gain = u128::from(growth) * u128::from(packet.bytes);
            let earned = earn(&mut curve.credit, gain, self.window);
            self.window = self.window.saturating_add(earned);
        }
        self.curve = Some(curve);
    }

    /// Section 4.3: 9/17 of a datagram each round trip, and a whole one once the window of the loss is reached.
    fn follow_reno(&self, curve: &mut Curve, bytes: u64) {
        let (num, den) = match curve.reno >= self.prior {
            true => (1, 1),
            false => (9, 17),
        };
        let gain = u128::from(bytes) * u128::from(self.datagram_size) * num / den;
        let earned = earn(&mut curve.reno_credit, gain, self.window);
        curve.reno = curve.reno.saturating_add(earned);
    }
}

impl Cubic {
    /// Sections 4.6 and 4.7.
    fn cut(&mut self, window: u64) {
        self.prior = self.window;
        self.plateau = match self.window < self.plateau {
            true => self.window / 20 * 17,
            false => self.window,
        };
        self.window = window.max(self.window_min());
        self.threshold = self.window;
        self.curve = None;
        self.hystart = None;
    }
}

impl Controller for Cubic {
    fn on_acked(&mut self, packet: &AckedPacket) {
        if packet.is_app_limited {
            if let Some(curve) = &mut self.curve {
                let idle = packet.now.saturating_duration_since(curve.acked_at);
                curve.began_at = curve.began_at + idle;
                curve.acked_at = packet.now;
            }
            return;
        }
        if packet.is_in_recovery {
            return;
        }
        if self.window < self.threshold {
            let growth = match &self.hystart {
                Some(hystart) => hystart.growth(packet.bytes),
                None => packet.bytes,
            };
            self.window = self.window.saturating_add(growth);
            return;
        }
        self.avoid(packet);
    }

    fn on_progress(&mut self, progress: &Progress) {
        if let Some(round_trip_us) = progress.round_trip_us {
            let round_trip_us = round_trip_us.min(CURVE_MAX_US);
            self.rtt_us = match self.rtt_us {
                0 => round_trip_us,
                rtt_us => (7 * rtt_us + round_trip_us) / 8,
            };
        }
        let Some(hystart) = &mut self.hystart else {
            return;
        };
        if progress.is_round_start && hystart.on_round() {
            self.threshold = self.window;
        }
        if let Some(round_trip_us) = progress.round_trip_us {
            hystart.on_sample(round_trip_us);
        }
        if self.window >= self.threshold {
            self.hystart = None;
        }
    }

    fn on_congestion_event(&mut self) {
        self.before = Some(Before {
            window: self.window,
            threshold: self.threshold,
            plateau: self.plateau,
            prior: self.prior,
            curve: self.curve,
        });
        self.cut(self.window / 10 * 7);
    }

    fn on_marked(&mut self) {
        self.before = None;
        self.cut(self.window / 20 * 17);
    }

    /// Section 4.9.2.
    fn on_spurious_event(&mut self) {
        let Some(before) = self.before.take() else {
            return;
        };
        self.window = self.window.max(before.window);
        self.threshold = before.threshold;
        self.plateau = before.plateau;
        self.prior = before.prior;
        self.curve = before.curve;
    }

    /// Section 4.8.
    fn on_persistent_congestion(&mut self) {
        self.window = self.window_min();
        self.plateau = 0;
        self.curve = None;
        self.before = None;
    }

    fn on_datagram_size(&mut self, bytes: u64) {
        self.datagram_size = bytes;
        self.window = self.window.max(self.window_min());
    }

    fn take_over(&mut self, window: u64) {
        self.window = window.max(self.window_min());
        self.threshold = self.window;
        self.hystart = None;
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn save(&self, out: &mut Vec<u8>) {
        out.push(Self::CODE);
        Saved::save(self, out);
    }
}

/// Adds to a credit of bytes times `window`, and takes whole bytes out.
fn earn(credit: &mut u64, gain: u128, window: u64) -> u64 {
    let window = u128::from(window.max(1));
    let sum = gain + u128::from(*credit);
    *credit = (sum % window) as u64;
    u64::try_from(sum / window).unwrap_or(u64::MAX)
}

/// The largest integer whose cube is not above `value`, bit by bit from above.
fn cube_root(value: u128) -> u64 {
    let mut root = 0u128;
    let bits = 128 - value.leading_zeros();
    for bit in (0..=bits / 3).rev() {
        let next = root | 1 << bit;
        if next.checked_pow(3).is_some_and(|cube| cube <= value) {
            root = next;
        }
    }
    root as u64
}

#[cfg(test)]
mod tests;
