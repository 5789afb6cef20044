//! Which packets are marked as able to be marked, and whether what comes back can be believed: RFC 9000 section 13.4.2 and
//! appendix A.4.
//!
//! Ten packets are marked, then none until an acknowledgement counts them. Not counted means that the path takes marks away or
//! that the peer cannot see them; all lost, that the path drops what is marked; all congested, that it marks whatever passes.
//! In each of these cases nothing more is marked on this path.
//!
//! Where we differ from RFC 9000, and why:
//! - Sums since the path began are compared, not what one acknowledgement adds to the one before (section 13.4.2.1):
//!   acknowledgements without counts are the rule here.
//! - Probes are not marked, nor is anything else while answers stay away, and the trial waits then: a path that drops what is
//!   marked, or begins to, costs a probe or two and not the connection. After persistent congestion ten packets are tried again.
//! - Fewer than three lost ones prove nothing.
//! - Acknowledgements alone are not marked: nobody acknowledges them, so that nobody could compare.

use crate::saved::saved;
use crate::stats::EcnState;
use crate::transmit::EcnCounts;

/// Packets of the trial: RFC 9000 section 13.4.2.
const TRIAL: u32 = 10;
/// Losses of marked packets, and of no other, that are no chance.
const LOSSES: u64 = 3;

/// What came of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heed {
    Nothing,
    /// Packets met congestion.
    Congestion,
}

/// The marks of one connection's packets.
#[derive(Debug, Default)]
pub(crate) struct Marking {
    state: EcnState,
    /// Packets ever marked.
    marked: u64,
    /// Packets from this number on went this way.
    from: u64,
    /// Of those: marked in the trial, and how many of the marked arrived, or were lost before any arrived.
    tried: u32,
    arrived: u64,
    lost: u64,
    /// What was counted when the path began, and at last.
    before: EcnCounts,
    counted: EcnCounts,
    /// Marked packets that the acknowledgement being read acknowledged first.
    fresh: u64,
    /// The next packet is a probe.
    is_probe: bool,
}

saved!(Marking {
    state,
    marked,
    from,
    tried,
    arrived,
    lost,
    before,
    counted,
    fresh,
    is_probe
});

impl Marking {
    pub(crate) fn new(is_on: bool) -> Self {
        Self {
            state: match is_on {
                true => EcnState::Testing,
                false => EcnState::Off,
            },
            ..Self::default()
        }
    }

    /// Packets from number `from` on go another way, of which nothing is known.
    pub(crate) const fn restart(&mut self, from: u64) {
        if matches!(self.state, EcnState::Off) {
            return;
        }
        self.state = EcnState::Testing;
        self.from = from;
        (self.tried, self.arrived, self.lost) = (0, 0, 0);
        self.before = self.counted;
    }

    /// The next packet is a probe: what came before is not answered.
    pub(crate) const fn on_probe(&mut self) {
        self.is_probe = true;
        if matches!(self.state, EcnState::Testing) && self.tried > 0 && self.arrived == 0 {
            self.state = EcnState::Unknown;
        }
    }

    /// A packet leaves that will be acknowledged: is it marked? `is_answered`: answers came in time until now.
    pub(crate) const fn on_sent(&mut self, is_answered: bool) -> bool {
        let is_probe = core::mem::replace(&mut self.is_probe, false);
        let marks = matches!(self.state, EcnState::Testing | EcnState::Capable);
        if !marks || is_probe || !is_answered {
            return false;
        }
        self.marked += 1;
        if matches!(self.state, EcnState::Testing) {
            self.tried += 1;
            if self.tried >= TRIAL {
                self.state = EcnState::Unknown;
            }
        }
        true
    }

    /// An acknowledgement is going to be read.
    pub(crate) const fn begin_ack(&mut self) {
        self.fresh = 0;
    }

    /// It acknowledged a marked packet for the first time.
    pub(crate) const fn on_acked(&mut self, number: u64) {
        if number >= self.from {
            self.arrived += 1;
            self.fresh += 1;
        }
    }

    /// A marked packet was declared lost.
    pub(crate) const fn on_lost(&mut self, number: u64) {
        if number < self.from || self.arrived > 0 {
            return;
        }
        self.lost += 1;
        if matches!(self.state, EcnState::Unknown) && self.lost >= self.tried as u64 {
            self.state = match self.lost >= LOSSES {
                true => EcnState::Failed,
                false => EcnState::Testing,
            };
        }
    }

    /// An ACK frame was read, in the newest packet so far, with these counts.
    pub(crate) fn on_ack_frame(&mut self, counts: Option<EcnCounts>) -> Heed {
        if matches!(self.state, EcnState::Off | EcnState::Failed) {
            return Heed::Nothing;
        }
        let Some(counts) = counts else {
            // Who sees marks tells of them from his first acknowledgement on.
            if self.fresh > 0 && self.counted == EcnCounts::default() {
                self.state = EcnState::Failed;
            }
            return Heed::Nothing;
        };
        if !self.is_sound(counts) {
            self.state = EcnState::Failed;
            return Heed::Nothing;
        }
        let congested = counts.ce - self.counted.ce;
        self.counted = counts;
        self.judge_trial();
        match self.state == EcnState::Capable && congested > 0 {
            true => Heed::Congestion,
            false => Heed::Nothing,
        }
    }

    /// Whether an honest peer on a path that leaves marks alone may have counted this.
    fn is_sound(&self, counts: EcnCounts) -> bool {
        let Some(total) = counts.ect0.checked_add(counts.ce) else {
            return false;
        };
        let is_less = counts.ect0 < self.counted.ect0 || counts.ce < self.counted.ce;
        let is_other = counts.ect1 != self.counted.ect1;
        let since = total.saturating_sub(self.before.ect0 + self.before.ce);
        !is_less && !is_other && total <= self.marked && since >= self.arrived
    }

    fn judge_trial(&mut self) {
        if !matches!(self.state, EcnState::Testing | EcnState::Unknown) {
            return;
        }
        let congested = self.counted.ce - self.before.ce;
        if self.counted.ect0 > self.before.ect0 {
            self.state = EcnState::Capable;
        } else if congested >= u64::from(TRIAL) {
            self.state = EcnState::Failed;
        }
    }

    pub(crate) const fn state(&self) -> EcnState {
        self.state
    }

    /// Marked packets that met congestion, as the peer told.
    pub(crate) const fn congested(&self) -> u64 {
        self.counted.ce
    }

    /// Packets ever marked, and those of this path that arrived.
    pub(crate) const fn sums(&self) -> (u64, u64) {
        (self.marked, self.arrived)
    }
}
