//! What it means that the other side spoke and did not acknowledge what it should have.
//!
//! A peer that ticks puts the acknowledgement of a reliable message into its next datagram. So the datagram that would have
//! held it, and does not, tells of the loss: some milliseconds before the probe timer may fire, which has to wait until even
//! a late datagram would have come (RFC 9002 section 6.2.1 waits four deviations and the longest delay besides), and
//! long before a later packet of ours proves it. RFC 9002 knows no such evidence: its peers speak when they have something to acknowledge.
//!
//! It is evidence and no proof: the message may have come just after that datagram left. So what it causes is a probe, the
//! same as the timer's, once for each that is asked, and it learns: an answer that came after all tells how long to wait
//! next time, as in [`Reordering`](super::reordering::Reordering).

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// Probes in a row that may leave so early; the backoff of RFC 9002 section 6.2.1 holds for those that follow.
const QUICK_MAX: u32 = 2;
/// A datagram that comes so much before the usual time may be the one that should have had the answer: networks are not
/// punctual.
const EARLY_US: u64 = 3_000;
/// Probes that were no mistake after which what was added is halved, as for reordering.
const RIGHT_TO_SHRINK: u32 = 16;
/// What adds less than this adds nothing.
const EXTRA_MIN_US: u64 = 500;
/// And no more than this is added: by then the timer has fired.
const EXTRA_MAX_US: u64 = 1_000_000;

/// What was learned, and what is known of the question that is open.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Silence {
    /// Added to the time after which a datagram without an answer tells something.
    extra_us: u64,
    /// Probes since the latest mistake, or since that time was halved, that were none.
    right: u32,
    /// When what awaits its answer was asked, and when the datagram came that did not have it.
    noticed: Option<(Instant, Instant)>,
    /// A probe left for this reason: when the packet had left that it asks for, and when the probe did.
    probed: Option<(Instant, Instant)>,
}

saved!(Silence {
    extra_us,
    right,
    noticed,
    probed
});

impl Silence {
    /// The peer's next datagram came, without an answer to what was asked at `asked_at`. Answers usually take `usual`, give
    /// or take `deviation_us`; `backoff` probes have asked since.
    pub(crate) fn on_heard(
        &mut self,
        now: Instant,
        asked_at: Instant,
        usual: Duration,
        deviation_us: u64,
        backoff: u32,
    ) {
        let early = Duration::from_micros((4 * deviation_us).min(EARLY_US));
        let due = usual.saturating_sub(early) + Duration::from_micros(self.extra_us);
        let doubled = due.saturating_mul(1 << backoff.saturating_sub(QUICK_MAX).min(16));
        let is_noticed = self.noticed.is_some_and(|(asked, _)| asked == asked_at);
        if !is_noticed && now >= asked_at + doubled {
            self.noticed = Some((asked_at, now));
        }
    }

    /// When the probe for what was asked at `asked_at` may leave, if silence says so.
    pub(crate) fn probe_at(&self, asked_at: Instant) -> Option<Instant> {
        let (asked, at) = self.noticed?;
        (asked == asked_at).then_some(at)
    }

    /// A probe leaves. The oldest packet without an answer left at `sent_at`, and was asked for at `asked_at`.
    pub(crate) fn on_probe(&mut self, now: Instant, sent_at: Instant, asked_at: Instant) {
        if self.probe_at(asked_at).is_some() {
            self.probed = Some((sent_at, now));
        }
        self.noticed = None;
    }

    /// A packet was acknowledged that left at `sent_at`.
    pub(crate) fn on_acked(&mut self, now: Instant, sent_at: Instant) {
        let Some((of, probed_at)) = self.probed else {
            return;
        };
        if of != sent_at {
            return;
        }
        self.probed = None;
        self.right = 0;
        let late = now.saturating_duration_since(probed_at);
        let late_us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        let wanted_us = self.extra_us.saturating_add(late_us);
        self.extra_us = wanted_us.clamp(EXTRA_MIN_US, EXTRA_MAX_US);
    }

    /// A packet was given up that left at `sent_at`: the probe for it was right.
    pub(crate) fn on_lost(&mut self, sent_at: Instant) {
        if self.probed.is_none_or(|(of, _)| of != sent_at) {
            return;
        }
        self.probed = None;
        self.right += 1;
        if self.right < RIGHT_TO_SHRINK {
            return;
        }
        self.right = 0;
        self.extra_us /= 2;
        if self.extra_us < EXTRA_MIN_US {
            self.extra_us = 0;
        }
    }
}
