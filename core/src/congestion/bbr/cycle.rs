//! The states, and when each ends: "State Machine Operation".

use core::time::Duration;

use super::super::Progress;
use super::Bbr;
use crate::rng::Rng;
use crate::saved::saved;
use crate::time::Instant;

/// Rounds for which Drain may last.
const DRAIN_ROUNDS: u64 = 3;
/// Rounds after which the bandwidth is probed at the latest: 62 or 63, since "`PickProbeWait`" begins at 0 or 1.
const PROBE_ROUNDS: u64 = 63;

/// "`BBR.state`".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Startup,
    Drain {
        since_round: u64,
    },
    /// The four of ProbeBW.
    Down,
    Cruise,
    Refill,
    Up,
    /// `done_at`: from when on little was in flight, and so long.
    ProbeRtt {
        done_at: Option<Instant>,
        has_round: bool,
    },
}

saved!(enum Phase {
    0 = Startup, 1 = Drain { since_round }, 2 = Down, 3 = Cruise, 4 = Refill, 5 = Up, 6 = ProbeRtt { done_at, has_round },
});

impl Phase {
    /// In thousandths: "Summary of Control Behavior in the State Machine".
    pub(super) const fn pacing_gain(self) -> u64 {
        match self {
            Self::Startup => super::STARTUP_GAIN,
            Self::Drain { .. } => 500,
            Self::Down => 900,
            Self::Cruise | Self::Refill | Self::ProbeRtt { .. } => 1_000,
            Self::Up => 1_250,
        }
    }

    pub(super) const fn window_gain(self) -> u64 {
        match self {
            Self::Up => 2_250,
            Self::ProbeRtt { .. } => super::PROBE_RTT_GAIN,
            Self::Startup | Self::Drain { .. } | Self::Down | Self::Cruise | Self::Refill => 2_000,
        }
    }

    pub(super) const fn is_probe_bw(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }

    pub(super) const fn is_probe_rtt(self) -> bool {
        matches!(self, Self::ProbeRtt { .. })
    }

    /// "`IsProbingBW`".
    pub(super) const fn is_probing(self) -> bool {
        matches!(self, Self::Startup | Self::Refill | Self::Up)
    }
}

/// "`ack_phase`": what acknowledgements say about the bandwidth probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acks {
    Nothing,
    Refilling,
    Starting,
    Feedback,
    Stopping,
}

saved!(enum Acks { 0 = Nothing, 1 = Refilling, 2 = Starting, 3 = Feedback, 4 = Stopping });

#[derive(Debug)]
pub(super) struct Cycle {
    pub(super) phase: Phase,
    pub(super) acks: Acks,
    /// "`is_bw_probe_sample`".
    pub(super) is_probe_sample: bool,
    /// "`prev_probe_too_high`", "`prev_probe_precautionary`".
    pub(super) was_too_high: bool,
    was_cautious: bool,
    began_at: Instant,
    wait: Duration,
    pub(super) rounds_since_probe: u64,
    pub(super) up_rounds: u32,
    pub(super) up_acked: u64,
    /// "`probe_up_acked_per_inc`".
    pub(super) up_step: u64,
    dice: u64,
}

saved!(Cycle {
    phase,
    acks,
    is_probe_sample,
    was_too_high,
    was_cautious,
    began_at,
    wait,
    rounds_since_probe,
    up_rounds,
    up_acked,
    up_step,
    dice
});

impl Cycle {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            phase: Phase::Startup,
            acks: Acks::Nothing,
            is_probe_sample: false,
            was_too_high: false,
            was_cautious: false,
            began_at: Instant::ZERO,
            wait: Duration::ZERO,
            rounds_since_probe: 0,
            up_rounds: 0,
            up_acked: 0,
            up_step: u64::MAX,
            dice: seed,
        }
    }

    /// "`PickProbeWait`": 0 or 1 rounds done, and two to three seconds to go.
    fn pick_wait(&mut self) {
        self.dice = Rng::new(self.dice).next_u64();
        self.rounds_since_probe = self.dice & 1;
        self.wait = Duration::from_micros(2_000_000 + (self.dice >> 1) % 1_000_000);
    }
}

impl Bbr {
    /// "`CheckStartupDone`".
    pub(super) const fn check_startup(&mut self) {
        if matches!(self.cycle.phase, Phase::Startup) && self.model.is_full {
            self.cycle.phase = Phase::Drain {
                since_round: self.model.round_count,
            };
        }
    }

    /// "`CheckDrainDone`".
    pub(super) fn check_drain(&mut self, progress: &Progress) {
        let Phase::Drain { since_round } = self.cycle.phase else {
            return;
        };
        let is_late = self.model.round_count > since_round + DRAIN_ROUNDS;
        if is_late || progress.in_flight <= self.inflight(self.bandwidth(), 1_000) {
            self.start_down(progress.now);
        }
    }

    /// "`StartProbeBW_DOWN`".
    pub(super) fn start_down(&mut self, now: Instant) {
        self.bounds.forget_signals();
        self.cycle.up_step = u64::MAX;
        self.cycle.pick_wait();
        self.cycle.began_at = now;
        self.cycle.acks = Acks::Stopping;
        self.model.start_round();
        self.cycle.phase = Phase::Down;
    }

    /// "`StartProbeBW_REFILL`".
    pub(super) fn start_refill(&mut self) {
        self.bounds.forget_shortterm();
        self.cycle.up_rounds = 0;
        self.cycle.up_acked = 0;
        self.cycle.was_cautious = false;
        self.cycle.acks = Acks::Refilling;
        self.model.start_round();
        self.cycle.phase = Phase::Refill;
    }

    /// "`StartProbeBW_UP`".
    fn start_up(&mut self) {
        self.cycle.acks = Acks::Starting;
        self.model.start_round();
        self.model.look_for_full(self.model.rate);
        self.cycle.phase = Phase::Up;
        self.raise_slope();
    }

    /// "`UpdateProbeBWCyclePhase`".
    pub(super) fn advance_cycle(&mut self, progress: &Progress, is_round_start: bool) {
        if !self.model.is_full || self.adapt_longterm(progress, is_round_start) {
            return;
        }
        let phase = self.cycle.phase;
        match phase {
            Phase::Down | Phase::Cruise if self.is_time_to_probe(progress.now) => {
                self.start_refill();
            }
            Phase::Down if self.is_time_to_cruise(progress.in_flight) => {
                self.cycle.phase = Phase::Cruise;
            }
            Phase::Refill if is_round_start => {
                self.cycle.is_probe_sample = true;
                self.start_up();
            }
            Phase::Up if self.is_time_to_go_down(progress.in_flight) => {
                self.cycle.was_too_high = false;
                self.start_down(progress.now);
            }
            Phase::Startup
            | Phase::Drain { .. }
            | Phase::Down
            | Phase::Cruise
            | Phase::Refill
            | Phase::Up
            | Phase::ProbeRtt { .. } => {}
        }
    }

    /// "`IsTimeToProbeBW`": by the clock, or as soon as Reno would have grown so far.
    fn is_time_to_probe(&self, now: Instant) -> bool {
        let reno_rounds = self.target() / self.datagram_size;
        now > self.cycle.began_at + self.cycle.wait
            || self.cycle.rounds_since_probe >= reno_rounds.min(PROBE_ROUNDS)
    }

    fn is_time_to_cruise(&self, in_flight: u64) -> bool {
        let held = self.inflight(self.model.max_bandwidth(), 1_000);
        in_flight <= self.with_headroom() && in_flight <= held
    }

    fn is_time_to_go_down(&mut self, in_flight: u64) -> bool {
        let longterm = self.bounds.inflight_longterm;
        if self.cycle.was_too_high && in_flight >= longterm {
            self.cycle.was_cautious = true;
            return true;
        }
        if self.is_cwnd_limited() && self.cwnd >= longterm {
            self.model.look_for_full(self.model.rate);
            return false;
        }
        self.model.is_full_now
    }

    /// "`AdaptLongTermModel`". Whether it decided what comes next.
    fn adapt_longterm(&mut self, progress: &Progress, is_round_start: bool) -> bool {
        if self.cycle.acks == Acks::Starting && is_round_start {
            self.cycle.acks = Acks::Feedback;
        }
        if self.cycle.acks == Acks::Stopping && is_round_start {
            self.cycle.is_probe_sample = false;
            self.cycle.acks = Acks::Nothing;
            let probes = self.cycle.phase.is_probe_bw();
            if probes && !progress.is_app_limited {
                self.model.advance_bandwidth();
            }
            if probes && self.cycle.was_cautious && !self.cycle.was_too_high {
                self.start_refill();
                return true;
            }
        }
        let is_too_high = self.is_too_high(progress.lost_since_sent, progress.sent_in_flight);
        if is_too_high || self.bounds.inflight_longterm == u64::MAX {
            return false;
        }
        let sent = self.model.sent_in_flight;
        self.bounds.inflight_longterm = self.bounds.inflight_longterm.max(sent);
        if self.cycle.phase == Phase::Up {
            self.probe_upward(progress.acked_bytes, is_round_start);
        }
        false
    }
}
