//! What losses and marks say of rate and volume: "Updating the Model Upon Packet Loss".

use super::super::{LostPacket, Progress};
use super::cycle::Phase;
use super::{Bbr, scale};
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::DATAGRAM_MAX;

/// "`Beta`".
const BETA_PERMILLE: u64 = 700;
/// "`LossThresh`".
const LOSS_PERMILLE: u64 = 20;
/// A queue as long as this part of the least round trip makes one lost datagram no chance.
const QUEUE_DIVISOR: u64 = 4;
/// "`BBRStartupFullLossCnt`".
const STARTUP_LOSSES: u32 = 6;

/// `u64::MAX` is no bound.
#[derive(Debug)]
pub(super) struct Bounds {
    /// "`bw_shortterm`", "`inflight_shortterm`", "`inflight_longterm`".
    pub(super) bandwidth: u64,
    pub(super) inflight_shortterm: u64,
    pub(super) inflight_longterm: u64,
    /// "`bw_latest`", "`inflight_latest`": the most of a round trip.
    rate_latest: u64,
    volume_latest: u64,
    loss_round: u64,
    is_loss_round_start: bool,
    is_loss_in_round: bool,
    /// A loss was seen in the round before too.
    was_loss_in_round: bool,
    /// Rows of lost packets in this round, and the end of the last one.
    rows: u32,
    last_lost: Option<u64>,
    /// Before the latest losses, and the state that they ended.
    undo: [u64; 3],
    pub(super) undo_phase: Option<Phase>,
}

saved!(Bounds {
    bandwidth,
    inflight_shortterm,
    inflight_longterm,
    rate_latest,
    volume_latest,
    loss_round,
    is_loss_round_start,
    is_loss_in_round,
    was_loss_in_round,
    rows,
    last_lost,
    undo,
    undo_phase
});

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bandwidth: u64::MAX,
            inflight_shortterm: u64::MAX,
            inflight_longterm: u64::MAX,
            rate_latest: 0,
            volume_latest: 0,
            loss_round: 0,
            is_loss_round_start: false,
            is_loss_in_round: false,
            was_loss_in_round: false,
            rows: 0,
            last_lost: None,
            undo: [0; 3],
            undo_phase: None,
        }
    }
}

impl Bounds {
    /// "`ResetShortTermModel`".
    pub(super) const fn forget_shortterm(&mut self) {
        self.bandwidth = u64::MAX;
        self.inflight_shortterm = u64::MAX;
    }

    /// "`ResetCongestionSignals`".
    pub(super) const fn forget_signals(&mut self) {
        self.is_loss_in_round = false;
        self.rate_latest = 0;
        self.volume_latest = 0;
    }

    pub(super) fn count_lost(&mut self, number: u64) {
        let before = self.last_lost.replace(number);
        self.rows += u32::from(before.is_none_or(|before| number != before + 1));
    }

    pub(super) fn volume_latest(&self) -> u64 {
        self.volume_latest
    }

    /// "`AdvanceLatestDeliverySignals`", after all that looked at them.
    pub(super) fn end(&mut self, progress: &Progress) {
        if self.is_loss_round_start {
            self.rate_latest = progress.rate.map_or(0, |rate| rate.bytes_per_second);
            self.volume_latest = progress.delivered.saturating_sub(progress.prior_delivered);
            self.rows = 0;
        }
    }
}

/// "`InflightAtLoss`".
pub(super) fn inflight_at_loss(packet: &LostPacket) -> u64 {
    let before = packet.sent_in_flight.saturating_sub(packet.bytes);
    let lost_before = packet.lost.saturating_sub(packet.bytes);
    let missing = scale(before, LOSS_PERMILLE, 1_000).saturating_sub(lost_before);
    before.saturating_add(scale(missing, 1_000, 1_000 - LOSS_PERMILLE))
}

impl Bbr {
    /// "`IsInflightTooHigh`". Of fewer than 50 datagrams one is more than "`LossThresh`" already: while no queue is seen, it says of no
    /// rate that it is too high.
    pub(super) fn is_too_high(&self, lost: u64, sent_in_flight: u64) -> bool {
        let least_us = self.model.round_trip_us().unwrap_or(0);
        let chance = match self.model.queue_us() < least_us / QUEUE_DIVISOR {
            true => DATAGRAM_MAX as u64,
            false => 0,
        };
        lost > scale(sent_in_flight, LOSS_PERMILLE, 1_000).max(chance)
    }

    /// "`NoteLoss`" and "`SaveStateUponLoss`".
    pub(super) fn note_loss(&mut self, delivered: u64) {
        if self.bounds.is_loss_in_round {
            return;
        }
        self.save_window();
        let bounds = &mut self.bounds;
        bounds.is_loss_in_round = true;
        bounds.loss_round = delivered;
        bounds.undo_phase = None;
        bounds.undo = [
            bounds.bandwidth,
            bounds.inflight_shortterm,
            bounds.inflight_longterm,
        ];
    }

    /// "`UpdateLatestDeliverySignals`" and "`UpdateCongestionSignals`".
    pub(super) fn update_bounds(&mut self, progress: &Progress) {
        let bounds = &mut self.bounds;
        bounds.rate_latest = bounds.rate_latest.max(self.model.rate);
        bounds.volume_latest = bounds.volume_latest.max(self.model.volume);
        bounds.is_loss_round_start = progress.prior_delivered >= bounds.loss_round;
        if !bounds.is_loss_round_start {
            return;
        }
        bounds.loss_round = progress.delivered;
        if bounds.is_loss_in_round && !self.cycle.phase.is_probing() {
            self.lower_shortterm();
        }
        self.check_startup_losses(progress);
        let bounds = &mut self.bounds;
        bounds.was_loss_in_round = core::mem::take(&mut bounds.is_loss_in_round);
    }

    /// "`InitLowerBounds`" and "`LossLowerBounds`".
    fn lower_shortterm(&mut self) {
        let (bandwidth, cwnd) = (self.model.max_bandwidth(), self.cwnd);
        let bounds = &mut self.bounds;
        if bounds.bandwidth == u64::MAX {
            bounds.bandwidth = bandwidth;
        }
        if bounds.inflight_shortterm == u64::MAX {
            bounds.inflight_shortterm = cwnd;
        }
        let cut = |value| scale(value, BETA_PERMILLE, 1_000);
        bounds.bandwidth = bounds.rate_latest.max(cut(bounds.bandwidth)).max(1);
        bounds.inflight_shortterm = bounds.volume_latest.max(cut(bounds.inflight_shortterm));
    }

    /// "`CheckStartupHighLoss`", at the end of a round.
    fn check_startup_losses(&mut self, progress: &Progress) {
        let bounds = &self.bounds;
        let is_long = bounds.is_loss_in_round && bounds.was_loss_in_round;
        if self.cycle.phase == Phase::Startup
            && is_long
            && bounds.rows >= STARTUP_LOSSES
            && self.is_too_high(progress.lost_since_sent, progress.sent_in_flight)
        {
            self.leave_startup();
        }
    }

    /// Startup ends by losses or marks; what arrived lately is safe to have in flight.
    pub(super) fn leave_startup(&mut self) {
        self.bounds.undo_phase = Some(Phase::Startup);
        self.model.is_full = true;
        self.bounds.inflight_longterm = self
            .product(self.bandwidth(), 1_000)
            .max(self.bounds.volume_latest());
    }

    /// "`HandleInflightTooHigh`".
    pub(super) fn on_too_high(&mut self, now: Instant, inflight: u64, is_app_limited: bool) {
        self.cycle.was_too_high = true;
        self.cycle.is_probe_sample = false;
        if !is_app_limited {
            let least = scale(self.target(), BETA_PERMILLE, 1_000);
            self.bounds.inflight_longterm = inflight.max(least);
        }
        if self.cycle.phase == Phase::Up {
            self.bounds.undo_phase = Some(Phase::Up);
            self.start_down(now);
        }
    }

    /// "`HandleSpuriousLossDetection`", but for the window.
    pub(super) fn undo(&mut self) {
        let bounds = &mut self.bounds;
        bounds.is_loss_in_round = false;
        let [bandwidth, shortterm, longterm] = bounds.undo;
        bounds.bandwidth = bounds.bandwidth.max(bandwidth);
        bounds.inflight_shortterm = bounds.inflight_shortterm.max(shortterm);
        bounds.inflight_longterm = bounds.inflight_longterm.max(longterm);
        let ended = bounds.undo_phase.take();
        self.model.look_for_full(0);
        if ended.is_none() || ended == Some(self.cycle.phase) {
            return;
        }
        let was_startup = ended == Some(Phase::Startup);
        self.model.is_full &= !was_startup;
        if self.cycle.phase.is_probe_rtt() {
            return;
        }
        match was_startup {
            true => self.cycle.phase = Phase::Startup,
            false => self.start_refill(),
        }
    }
}
