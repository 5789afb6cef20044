//! When an answer is overdue, so that a probe asks for it (RFC 9002 section 6.2).

use core::time::Duration;

use super::Recovery;
use crate::reliability::silence::Question;
use crate::time::Instant;

/// Backoff of probes goes no further.
const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(1);

impl Recovery {
    /// The peer's newest packet came, and its acknowledgements were taken in. `missing` have not come that it sent since the
    /// newest before, which came at `before`. Returns whether a probe is due for that.
    pub(crate) fn on_heard(&mut self, now: Instant, before: Instant, missing: u64) -> bool {
        let (Some(since), Some(usual)) = (self.ledger.awaited_since(), self.ack_time.usual())
        else {
            return false;
        };
        // In the middle of bulk each answer is one of many, and tells of what arrived before, not of what it does not name.
        if self.ledger.awaits_patiently() || !self.ledger.awaited_is_app_limited() {
            return false;
        }
        let steps = u32::try_from(missing).unwrap_or(u32::MAX).saturating_add(1);
        let step = now.saturating_duration_since(before) / steps;
        let missed_at = (missing > 0).then(|| now - step);
        let asked = Question {
            sent_at: since,
            asked_at: since.max(self.probed_at),
            usual,
            deviation_us: self.ack_time.deviation_us(),
            backoff: self.backoff,
        };
        self.silence.on_heard(now, missed_at, asked);
        let is_missed = self.silence.probe_at(asked.asked_at).is_some();
        is_missed && self.deadline().is_some_and(|due| due <= now)
    }

    /// A probe leaves.
    pub(super) fn on_probe(&mut self, now: Instant) {
        self.backoff = self.backoff.saturating_add(1);
        self.probed_at = now;
        self.probes += 1;
    }

    /// How long the answer to a packet of reliable data is awaited before a probe asks for it, before any backoff: by what
    /// was seen of such answers, and never longer than RFC 9002 waits.
    fn answer_timeout(&self) -> Duration {
        let longest = self.probe_timeout();
        if self.ledger.awaits_patiently() {
            return longest;
        }
        self.ack_time
            .overdue()
            .map_or(longest, |overdue| overdue.min(longest))
    }

    pub(super) fn probe_deadline(&self) -> Option<Instant> {
        let since = match self.ledger.awaited_since() {
            Some(since) => since,
            // Room gets scarce and no packet left with a PING, perhaps because none may: a probe will ask, or a silent
            // peer would block us for ever.
            None if self.wants_ack() => self.ledger.last_sent_at()?,
            None => return None,
        };
        let asked_at = since.max(self.probed_at);
        let timeout = self.answer_timeout();
        let doubled = timeout.saturating_mul(1 << self.backoff.min(16));
        let backed_off = doubled.min(PROBE_TIMEOUT_MAX).max(timeout);
        // Copies put a probe off, but not for longer than one answer takes.
        let copies_until = self.copied_at + timeout;
        let silent = self.silence.probe_at(asked_at);
        let timer = asked_at + backed_off;
        let probe_at = silent.map_or(timer, |at| at.min(timer));
        Some(probe_at.max(copies_until.min(probe_at + timeout)))
    }
}
