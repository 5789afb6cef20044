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
    /// The peer's next datagram came, without an answer to the packet that left at `sent_at` and was asked for at
    /// `asked_at`. Answers usually take `usual`, give or take `deviation_us`; `backoff` probes have asked since.
    pub(crate) fn on_heard(
        &mut self,
        now: Instant,
        sent_at: Instant,
        asked_at: Instant,
        (usual, deviation_us): (Duration, u64),
        backoff: u32,
    ) {
        let early = Duration::from_micros((4 * deviation_us).min(EARLY_US));
        let due = usual.saturating_sub(early);
        let doubled = due.saturating_mul(1 << backoff.saturating_sub(QUICK_MAX).min(16));
        let is_noticed = self.noticed.is_some_and(|(asked, _)| asked == asked_at);
        if is_noticed || now < asked_at + doubled {
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
