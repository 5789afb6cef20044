//! What it means that the other side spoke and did not acknowledge what it should have.
//!
//! A peer that ticks puts the acknowledgement of a reliable message into its next datagram. So the datagram that would have
//! held it, and does not, tells of the loss: some milliseconds before the probe timer may fire, which has to wait until even
//! a late datagram would have come (RFC 9002 section 6.2.1), and a tick before a later packet of ours can prove it. RFC
//! 9002 knows no such evidence: its peers speak when they have something to acknowledge.
//!
//! It is evidence and no proof: the message may have come just after that datagram left, as on a path whose delay varies by
//! more than a tick. So what it causes is a probe, the same as the timer's, once for each time that is asked; and whether
//! it was right is learned from what became of the message, also while nothing is done for it.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// Probes in a row that may leave so early; the backoff of RFC 9002 section 6.2.1 holds for those that follow.
const QUICK_MAX: u32 = 2;
/// A datagram that comes so much before the usual time may be the one that should have had the answer: networks are not
/// punctual.
const EARLY_US: u64 = 3_000;
/// How often it must have been right for a probe to leave: at first nothing is known.
const TRUST_LEAST: u16 = 500;
const TRUST_FIRST: u16 = 500;
const TRUST_FULL: u16 = 1_000;

/// What was learned, and what is known of the question that is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// Of the latest so many were right, in tenths of a percent.
    trust: u16,
    /// When what awaits its answer was asked, and when the datagram came that did not have it.
    noticed: Option<(Instant, Instant)>,
    /// When the packet left that was missed so, the oldest if there are some.
    missed: Option<Instant>,
}

saved!(Silence {
    trust,
    noticed,
    missed
});

/// What awaits an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// When the oldest packet left that awaits one.
    pub(crate) sent_at: Instant,
    /// When that was asked for: then, or by the latest probe.
    pub(crate) asked_at: Instant,
    /// How long answers usually take, give or take.
    pub(crate) usual: Duration,
    pub(crate) deviation_us: u64,
    /// Probes that have asked since.
    pub(crate) backoff: u32,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            trust: TRUST_FIRST,
            noticed: None,
            missed: None,
        }
    }
}

impl Silence {
    /// The peer's newest datagram came, without an answer to what is asked. `missed_at`: when the latest of those between it
    /// and the one before should have come, if there are some; one that should have had the answer would explain it.
    pub(crate) fn on_heard(&mut self, now: Instant, missed_at: Option<Instant>, asked: Question) {
        let Question {
            sent_at,
            asked_at,
            usual,
            deviation_us,
            backoff,
        } = asked;
        let early = Duration::from_micros((4 * deviation_us).min(EARLY_US));
        let due = usual.saturating_sub(early);
        let doubled = due.saturating_mul(1 << backoff.saturating_sub(QUICK_MAX).min(16));
        let is_noticed = self.noticed.is_some_and(|(asked, _)| asked == asked_at);
        let is_due = |at| at >= asked_at + doubled;
        if is_noticed || !is_due(now) || missed_at.is_some_and(is_due) {
            return;
        }
        self.noticed = Some((asked_at, now));
        self.missed.get_or_insert(sent_at);
    }

    /// When the probe for what was asked at `asked_at` may leave, if silence says so and is to be trusted.
    pub(crate) fn probe_at(&self, asked_at: Instant) -> Option<Instant> {
        let (asked, at) = self.noticed?;
        (asked == asked_at && self.trust >= TRUST_LEAST).then_some(at)
    }

    /// The packet that left at `sent_at` was acknowledged.
    pub(crate) fn on_acked(&mut self, sent_at: Instant) {
        if self.missed == Some(sent_at) {
            self.missed = None;
            self.trust -= self.trust / 8;
        }
    }

    /// The packet that left at `sent_at` was given up.
    pub(crate) fn on_lost(&mut self, sent_at: Instant) {
        if self.missed == Some(sent_at) {
            self.missed = None;
            self.trust += (TRUST_FULL - self.trust) / 8;
        }
    }
}
