//! BBRv3: a model of the path, its rate and its least round trip, and what may be in flight by it. By draft-ietf-ccwg-bbr-06, of
//! which the names in quotes and the section titles are.
//!
//! | file        | idea                                                                                  |
//! |-------------|---------------------------------------------------------------------------------------|
//! | here        | the control parameters: window, rate, burst; idle and the end of it                    |
//! | `model`     | the path: rate, least round trip, how acknowledgements bunch, whether the pipe is full |
//! | `bounds`    | what losses and marks say: short-term and long-term limits, and how they are undone    |
//! | `cycle`     | the states, and when each ends                                                         |
//! | `volume`    | how much may be in flight by the model                                                |
//! | `probe_rtt` | the state that looks for the least round trip anew                                     |
//!
//! Where we differ from the draft, and why:
//! - All is integers: rates in bytes a second, gains in thousandths.
//! - The draft leaves ECN open but for "treat any CE marks as congestion": a mark counts as a loss rate above "`LossThresh`" does
//!   where bandwidth is probed, ends Startup, and elsewhere counts as a loss in its round.
//! - Persistent congestion leaves two datagrams (RFC 9002 section 7.6.2), not one, and the window grows back by what arrives; it
//!   is not restored at the end of a loss recovery, since nothing else made it smaller.
//! - Where fewer than 50 datagrams are in flight, a single lost one is above "`LossThresh`", and a path that loses 2 % by chance
//!   would be probed up to nothing. Without a queue, less than a quarter of the least round trip, more than one datagram must be lost.
//! - "`send_quantum`" is what leaves in two milliseconds, and four datagrams at least: drivers wake no finer.
//! - The window of "`extra_acked`" is five to ten round trips, in two slots.
//! - Chance ("`random_int_between`") is a hash that follows from the connection's ids, so that a run happens again to the byte.

use alloc::vec::Vec;

use super::{AckedPacket, Controller, LostPacket, Progress, initial_window};
use crate::saved::{Saved, saved};
use crate::time::Instant;

mod bounds;
mod cycle;
mod model;
mod probe_rtt;
#[cfg(test)]
mod tests;
mod volume;

use self::bounds::Bounds;
use self::cycle::{Cycle, Phase};
use self::model::Model;

/// No window is larger, so that sums of them fit.
const WINDOW_MAX: u64 = 1 << 40;
/// "`MinPipeCwnd`", in datagrams.
const PIPE_MIN: u64 = 4;
/// "`StartupPacingGain`".
const STARTUP_GAIN: u64 = 2_770;
/// 1 less "`PacingMarginPercent`".
const MARGIN_PERMILLE: u64 = 990;
/// "`ProbeRTTCwndGain`".
const PROBE_RTT_GAIN: u64 = 500;

/// See the module.
#[derive(Debug)]
pub(crate) struct Bbr {
    datagram_size: u64,
    /// "`cwnd`", and the last one that no probe of the round trip had made smaller.
    cwnd: u64,
    prior_cwnd: u64,
    pacing_rate: Option<u64>,
    model: Model,
    bounds: Bounds,
    cycle: Cycle,
    /// The flow begins again after it had nothing in flight.
    idle_restart: bool,
    /// The window was used up, in this round trip and in the one before: "`is_cwnd_limited`".
    is_limited: bool,
    was_limited: bool,
}

saved!(Bbr {
    datagram_size,
    cwnd,
    prior_cwnd,
    pacing_rate,
    model,
    bounds,
    cycle,
    idle_restart,
    is_limited,
    was_limited
});

impl Bbr {
    /// Names it in a checkpoint.
    pub(super) const CODE: u8 = 4;

    pub(crate) fn new(datagram_size: u64, seed: u64) -> Self {
        Self {
            datagram_size,
            cwnd: initial_window(datagram_size),
            prior_cwnd: 0,
            pacing_rate: None,
            model: Model::default(),
            bounds: Bounds::default(),
            cycle: Cycle::new(seed),
            idle_restart: false,
            is_limited: false,
            was_limited: false,
        }
    }

    const fn pipe_min(&self) -> u64 {
        PIPE_MIN * self.datagram_size
    }

    const fn is_cwnd_limited(&self) -> bool {
        self.is_limited || self.was_limited
    }

    /// "`SaveCwnd`".
    fn save_window(&mut self) {
        self.prior_cwnd = match self.cycle.phase.is_probe_rtt() {
            true => self.prior_cwnd.max(self.cwnd),
            false => self.cwnd,
        };
    }

    /// "`SetPacingRateWithGain`"; before there is a bandwidth, "`InitPacingRate`".
    fn set_pacing_rate(&mut self, gain: u64) {
        let Some(latest_us) = self.model.round_trip_us() else {
            return;
        };
        let first = scale(initial_window(self.datagram_size), 1_000_000, latest_us);
        let current = *self
            .pacing_rate
            .get_or_insert(scale(first, STARTUP_GAIN, 1_000).max(1));
        let rate = scale(self.bandwidth(), gain * MARGIN_PERMILLE, 1_000_000);
        if self.model.is_full || rate > current {
            self.pacing_rate = Some(rate.max(1));
        }
    }

    /// "`SetCwnd`".
    fn set_window(&mut self, progress: &Progress) {
        let gain = self.cycle.phase.window_gain();
        let inflight = self.product(self.bandwidth(), gain) + self.model.extra_acked();
        let inflight_max = self.quantized(inflight);
        let grown = self.cwnd.saturating_add(progress.acked_bytes);
        if self.model.is_full {
            self.cwnd = grown.min(inflight_max);
        } else if self.cwnd < inflight_max
            || progress.delivered < initial_window(self.datagram_size)
        {
            self.cwnd = grown;
        }
        self.cwnd = self.cwnd.clamp(self.pipe_min(), WINDOW_MAX);
        if self.cycle.phase.is_probe_rtt() {
            self.cwnd = self.cwnd.min(self.probe_rtt_window());
        }
        // "BoundCwndForModel".
        let cap = match self.cycle.phase {
            Phase::Startup | Phase::Drain { .. } => u64::MAX,
            Phase::Down | Phase::Refill | Phase::Up => self.bounds.inflight_longterm,
            Phase::Cruise | Phase::ProbeRtt { .. } => self.with_headroom(),
        };
        let cap = cap.min(self.bounds.inflight_shortterm).max(self.pipe_min());
        self.cwnd = self.cwnd.min(cap);
    }
}

impl Controller for Bbr {
    /// "`HandleRestartFromIdle`".
    fn on_sent(&mut self, now: Instant, bytes: u64, in_flight: u64) {
        let room = bytes.saturating_add(self.datagram_size);
        self.is_limited |= in_flight.saturating_add(room) > self.window();
        if in_flight > 0 {
            return;
        }
        self.idle_restart = true;
        self.model.restart_aggregation(now);
        if self.cycle.phase.is_probe_bw() {
            self.set_pacing_rate(1_000);
        } else {
            self.check_probe_rtt_done(now);
        }
    }

    /// Counted as a whole: [`on_progress`](Self::on_progress).
    fn on_acked(&mut self, _packet: &AckedPacket) {}

    /// "`HandleLostPacket`".
    fn on_packet_lost(&mut self, packet: &LostPacket) {
        self.note_loss(packet.delivered);
        self.bounds.count_lost(packet.number);
        if self.cycle.is_probe_sample && self.is_too_high(packet.lost, packet.sent_in_flight) {
            let inflight = bounds::inflight_at_loss(packet);
            self.on_too_high(packet.now, inflight, packet.is_app_limited);
        }
    }

    /// "`UpdateModelAndState`" and "`UpdateControlParameters`".
    fn on_progress(&mut self, progress: &Progress) {
        let is_round_start = self.model.begin(progress);
        if is_round_start {
            self.was_limited = core::mem::take(&mut self.is_limited);
            self.cycle.rounds_since_probe = self.cycle.rounds_since_probe.saturating_add(1);
        }
        self.update_bounds(progress);
        let (bandwidth, cwnd) = (self.bandwidth(), self.cwnd);
        self.model.aggregate(progress, bandwidth, cwnd);
        self.model.check_full(progress, is_round_start);
        self.check_startup();
        self.check_drain(progress);
        self.advance_cycle(progress, is_round_start);
        let expired = self.model.take_round_trip(progress);
        self.check_probe_rtt(progress, is_round_start, expired);
        self.bounds.end(progress);
        self.set_pacing_rate(self.cycle.phase.pacing_gain());
        self.set_window(progress);
    }

    /// Losses are told one by one.
    fn on_congestion_event(&mut self) {}

    fn on_marked(&mut self) {
        self.note_loss(self.model.delivered);
        if self.cycle.phase == Phase::Startup {
            self.leave_startup();
        } else if self.cycle.is_probe_sample {
            self.on_too_high(self.model.now, self.model.sent_in_flight, false);
        }
    }

    /// "`HandleSpuriousLossDetection`".
    fn on_spurious_event(&mut self) {
        self.cwnd = self.cwnd.max(self.prior_cwnd).min(WINDOW_MAX);
        self.undo();
    }

    fn on_persistent_congestion(&mut self) {
        self.note_loss(self.model.delivered);
        self.cwnd = 2 * self.datagram_size;
    }

    fn on_datagram_size(&mut self, bytes: u64) {
        self.datagram_size = bytes;
    }

    fn take_over(&mut self, window: u64) {
        self.cwnd = window.clamp(self.pipe_min(), WINDOW_MAX);
    }

    fn window(&self) -> u64 {
        self.cwnd.max(2 * self.datagram_size)
    }

    fn pacing_rate(&self) -> Option<u64> {
        self.pacing_rate
    }

    fn burst(&self) -> Option<u64> {
        let wakes = scale(self.pacing_rate?, 2, 1_000);
        Some(wakes.clamp(4 * self.datagram_size, 64_000.max(4 * self.datagram_size)))
    }

    fn holds_back(&self) -> bool {
        self.cycle.phase.is_probe_rtt()
    }

    fn save(&self, out: &mut Vec<u8>) {
        out.push(Self::CODE);
        Saved::save(self, out);
    }
}

/// `value * num / den`, rounded down.
fn scale(value: u64, num: u64, den: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(num) / u128::from(den.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX).min(WINDOW_MAX)
}
