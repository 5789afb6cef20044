//! How much may be in flight: the product of rate and round trip, and the long-term bound's way up. "Congestion Window", "ProbeBW".

use super::super::{Controller, initial_window};
use super::cycle::Phase;
use super::{Bbr, PROBE_RTT_GAIN, WINDOW_MAX, scale};

impl Bbr {
    /// "`BBR.bw`".
    pub(super) fn bandwidth(&self) -> u64 {
        self.model.max_bandwidth().min(self.bounds.bandwidth)
    }

    /// "`BDPMultiple`" of the bandwidth, or of another one.
    pub(super) fn product(&self, bandwidth: u64, gain: u64) -> u64 {
        let Some(round_trip_us) = self.model.round_trip_us() else {
            return initial_window(self.datagram_size);
        };
        scale(scale(bandwidth, round_trip_us, 1_000_000), gain, 1_000)
    }

    /// "`QuantizationBudget`".
    pub(super) fn quantized(&self, inflight: u64) -> u64 {
        let budget = Controller::burst(self).unwrap_or(0);
        let more = match self.cycle.phase == Phase::Up {
            true => 2 * self.datagram_size,
            false => 0,
        };
        inflight.max(budget).max(self.pipe_min()) + more
    }

    /// "`Inflight(gain)`".
    pub(super) fn inflight(&self, bandwidth: u64, gain: u64) -> u64 {
        self.quantized(self.product(bandwidth, gain))
    }

    /// "`TargetInflight`".
    pub(super) fn target(&self) -> u64 {
        self.product(self.bandwidth(), 1_000).min(self.cwnd)
    }

    /// "`InflightWithHeadroom`".
    pub(super) fn with_headroom(&self) -> u64 {
        let longterm = self.bounds.inflight_longterm;
        if longterm == u64::MAX {
            return u64::MAX;
        }
        let headroom = scale(longterm, 15, 100).max(self.datagram_size);
        longterm.saturating_sub(headroom).max(self.pipe_min())
    }

    pub(super) fn probe_rtt_window(&self) -> u64 {
        self.product(self.bandwidth(), PROBE_RTT_GAIN)
            .max(self.pipe_min())
    }

    /// "`ProbeInflightLongtermUpward`".
    pub(super) fn probe_upward(&mut self, acked: u64, is_round_start: bool) {
        if !self.is_cwnd_limited() || self.cwnd < self.bounds.inflight_longterm {
            return;
        }
        let cycle = &mut self.cycle;
        cycle.up_acked = cycle.up_acked.saturating_add(acked);
        let steps = cycle.up_acked / cycle.up_step;
        cycle.up_acked -= steps * cycle.up_step;
        let grown = scale(steps, self.datagram_size, 1);
        let longterm = self.bounds.inflight_longterm;
        self.bounds.inflight_longterm = longterm.saturating_add(grown).min(WINDOW_MAX);
        if is_round_start {
            self.raise_slope();
        }
    }

    /// "`RaiseInflightLongtermSlope`".
    pub(super) fn raise_slope(&mut self) {
        let growth = 1u64 << self.cycle.up_rounds;
        self.cycle.up_rounds = (self.cycle.up_rounds + 1).min(30);
        self.cycle.up_step = (self.cwnd / growth).max(self.datagram_size);
    }
}
