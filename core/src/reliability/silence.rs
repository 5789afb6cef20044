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
/// Timers are not finer than this (RFC 9002 section 6.1.2): a question and its probe never fall on the same instant.
const GRANULARITY: Duration = Duration::from_millis(1);
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
        let due = usual.saturating_sub(early).max(GRANULARITY);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Duration, Instant, Question, Silence};

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// What left at 100 ms, of which the answer usually takes 60 ms, give or take one.
    fn question(backoff: u32) -> Question {
        Question {
            sent_at: at(100),
            asked_at: at(100),
            usual: Duration::from_millis(60),
            deviation_us: 1_000,
            backoff,
        }
    }

    #[test]
    fn a_datagram_without_the_answer_that_was_due_asks_again() {
        for (heard, expected) in [
            (143, None),
            (156, None),
            (157, Some(at(157))),
            (300, Some(at(300))),
        ] {
            let mut silence = Silence::default();
            silence.on_heard(at(heard), None, question(0));
            assert_eq!(silence.probe_at(at(100)), expected, "{heard}");
            assert_eq!(silence.probe_at(at(101)), None, "this is another question");
        }
    }

    #[test]
    fn a_datagram_that_is_missing_may_have_had_the_answer() {
        let mut silence = Silence::default();
        silence.on_heard(at(174), Some(at(157)), question(0));
        assert_eq!(silence.probe_at(at(100)), None);
        // This one should have come before it was due.
        silence.on_heard(at(174), Some(at(156)), question(0));
        assert_eq!(silence.probe_at(at(100)), Some(at(174)));
    }

    #[test]
    fn two_probes_leave_early_and_further_ones_back_off() {
        for (backoff, due) in [(0, 157), (1, 157), (2, 157), (3, 214), (4, 328)] {
            let mut silence = Silence::default();
            silence.on_heard(at(due - 1), None, question(backoff));
            assert_eq!(silence.probe_at(at(100)), None, "{backoff}");
            silence.on_heard(at(due), None, question(backoff));
            assert_eq!(silence.probe_at(at(100)), Some(at(due)), "{backoff}");
        }
    }

    #[test]
    fn where_answers_take_no_time_a_question_still_has_a_millisecond() {
        let mut silence = Silence::default();
        let asked = Question {
            usual: Duration::ZERO,
            ..question(0)
        };
        silence.on_heard(at(100), None, asked);
        assert_eq!(silence.probe_at(at(100)), None);
        silence.on_heard(at(101), None, asked);
        assert_eq!(silence.probe_at(at(100)), Some(at(101)));
    }

    #[test]
    fn a_question_is_asked_again_at_the_first_datagram_without_its_answer() {
        let mut silence = Silence::default();
        silence.on_heard(at(157), None, question(0));
        silence.on_heard(at(180), None, question(0));
        assert_eq!(silence.probe_at(at(100)), Some(at(157)));
    }

    #[test]
    fn of_several_packets_that_were_missed_the_oldest_teaches() {
        let mut silence = Silence::default();
        let later = Question {
            sent_at: at(200),
            asked_at: at(200),
            ..question(0)
        };
        silence.on_heard(at(160), None, question(0));
        silence.on_heard(at(260), None, later);
        silence.on_acked(at(200));
        assert!(silence.probe_at(at(200)).is_some(), "no word of the oldest");
        silence.on_acked(at(100));
        assert_eq!(silence.probe_at(at(200)), None);
    }

    /// One question after the other, each missed; `is_lost`: what came of it.
    fn trusts_after(outcomes: &[bool]) -> bool {
        let mut silence = Silence::default();
        for is_lost in outcomes {
            silence.on_heard(at(160), None, question(0));
            match is_lost {
                true => silence.on_lost(at(100)),
                false => silence.on_acked(at(100)),
            }
            silence.noticed = None;
        }
        silence.on_heard(at(160), None, question(0));
        silence.probe_at(at(100)).is_some()
    }

    #[test]
    fn who_is_wrong_as_often_as_right_is_not_heeded() {
        assert!(trusts_after(&[]));
        assert!(!trusts_after(&[false]));
        assert!(trusts_after(&[false, true]));
        assert!(trusts_after(&[true, true, true, false, false]));
        assert!(!trusts_after(&[true, true, true, false, false, false]));
        assert!(!trusts_after(&[true, false].repeat(20)));
        assert!(trusts_after(&[true, true, false].repeat(20)));
    }

    #[test]
    fn only_what_was_missed_teaches() {
        let mut silence = Silence::default();
        (0..100).for_each(|_| silence.on_acked(at(100)));
        silence.on_heard(at(157), None, question(0));
        silence.on_acked(at(101));
        assert!(silence.probe_at(at(100)).is_some());
    }

    proptest! {
        /// Whatever is heard, silence asks no sooner than answers take, but for what networks are unpunctual, and its
        /// trust is a share.
        #[test]
        fn a_probe_never_leaves_before_its_time(
            steps in prop::collection::vec((0u64..2_000, 0u64..2_000, 0u32..40, 0u8..3), 1..100),
            usual_ms in 0u64..1_000,
            deviation_us in 0u64..1_000_000,
        ) {
            let mut silence = Silence::default();
            for (heard, asked, backoff, outcome) in steps {
                let asked_at = at(asked);
                let usual = Duration::from_millis(usual_ms);
                let asked = Question { sent_at: asked_at, asked_at, usual, deviation_us, backoff };
                silence.on_heard(at(heard), None, asked);
                if let Some(probe_at) = silence.probe_at(asked_at) {
                    prop_assert!(probe_at + Duration::from_millis(3) >= asked_at + usual);
                }
                match outcome {
                    0 => silence.on_acked(asked_at),
                    1 => silence.on_lost(asked_at),
                    _ => {}
                }
                prop_assert!(silence.trust <= super::TRUST_FULL);
            }
        }
    }
}
