//! Looking for the least round trip anew: half of what the path holds is in flight for a moment, so that queues run dry.
//! "ProbeRTT".

use core::time::Duration;

use super::super::Progress;
use super::Bbr;
use super::cycle::{Acks, Phase};
use crate::time::Instant;

/// "`ProbeRTTDuration`".
const PROBE_RTT_FOR: Duration = Duration::from_millis(200);

impl Bbr {
    /// "`CheckProbeRTT`".
    pub(super) fn check_probe_rtt(&mut self, progress: &Progress, is_round_start: bool, due: bool) {
        if !self.cycle.phase.is_probe_rtt() && due && !self.idle_restart {
            self.save_window();
            self.cycle.phase = Phase::ProbeRtt {
                done_at: None,
                has_round: false,
            };
            self.cycle.acks = Acks::Stopping;
            self.model.start_round();
        }
        self.probe_rtt(progress, is_round_start);
        self.idle_restart = false;
    }

    /// "`HandleProbeRTT`". That its samples are low the delivery rate knows by `Controller::holds_back`.
    fn probe_rtt(&mut self, progress: &Progress, is_round_start: bool) {
        let is_low = progress.in_flight <= self.probe_rtt_window();
        let Phase::ProbeRtt { done_at, has_round } = &mut self.cycle.phase else {
            return;
        };
        if done_at.is_some() {
            *has_round |= is_round_start;
            if *has_round {
                self.check_probe_rtt_done(progress.now);
            }
        } else if is_low {
            *done_at = Some(progress.now + PROBE_RTT_FOR);
            self.model.start_round();
        }
    }

    /// "`CheckProbeRTTDone`" and "`ExitProbeRTT`".
    pub(super) fn check_probe_rtt_done(&mut self, now: Instant) {
        let Phase::ProbeRtt {
            done_at: Some(done_at),
            ..
        } = self.cycle.phase
        else {
            return;
        };
        if now <= done_at {
            return;
        }
        self.model.probed_at = now;
        self.cwnd = self.cwnd.max(self.prior_cwnd);
        self.bounds.forget_shortterm();
        if self.model.is_full {
            self.start_down(now);
            self.cycle.phase = Phase::Cruise;
        } else {
            self.cycle.phase = Phase::Startup;
        }
    }
}
