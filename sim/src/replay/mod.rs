//! Replay: the calls of a recording, made again, and what came out compared with what came out then.
//!
//! A recording keeps four bytes of what came out: a hash of all outputs so far. So the first call after which the
//! replay is not the same is known exactly, and nothing before it was different. Why it is different is told by what
//! the replay sees there: the datagram, decrypted, or the event.

mod divergence;
mod panics;
mod stats;
#[cfg(test)]
mod tests;

use tickwire_core::Instant;
use tickwire_core::record::{Call, EndReason, Output, Record, Recording, Replica};

use crate::explain::{Answer, Explainer, Question};

pub use divergence::Divergence;
pub use panics::quiet_replays;
pub use stats::ReplayStats;

/// A recording about to be lived again.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    recording: &'a Recording,
    until: Option<Instant>,
}

/// How a replay went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayReport {
    /// What was done, up to the end or the divergence.
    pub stats: ReplayStats,
    /// The first call that did not give what it gave then.
    pub divergence: Option<Divergence>,
    /// The recording ends with a panic of its owner. With a message: of the endpoint, in the last call, now as then.
    pub panic: Option<RecordedPanic>,
    /// Hash of the endpoint's state in the end: see [`Endpoint::state_hash`](tickwire_core::Endpoint::state_hash). 0
    /// after a panic of the endpoint.
    pub state_hash: u64,
}

/// The panic that ended a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedPanic {
    /// What the endpoint said in the replay; `None` if it was not the endpoint that panicked.
    pub message: Option<String>,
}

impl ReplayReport {
    /// Whether every call gave what it gave then.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.divergence.is_none()
    }
}

impl<'a> Replay<'a> {
    /// A replay of all of `recording`.
    #[must_use]
    pub fn new(recording: &'a Recording) -> Self {
        Self {
            recording,
            until: None,
        }
    }

    /// Leaves out the calls after `time`.
    #[must_use]
    pub fn until(mut self, time: Instant) -> Self {
        self.until = Some(time);
        self
    }

    /// Makes the calls, up to the first that panics or gives anything else than it gave then.
    #[must_use]
    pub fn run(self) -> ReplayReport {
        self.run_with(|_, _| {})
    }

    /// Makes the calls and records them without secrets, up to the first that gives anything else than it gave then: that one
    /// comes along.
    #[must_use]
    pub fn redacted(self) -> (Vec<u8>, Option<Divergence>) {
        let mut replica = Replica::new(self.recording);
        replica.record_redacted(self.recording.begins_at());
        let (mut redacted, mut divergence) = (Vec::new(), None);
        let mut records = self.wanted().peekable();
        while let Some(record) = records.next() {
            divergence = match panics::caught(|| replica.call(&record)) {
                Ok(output) if output.outcome == record.outcome => None,
                Ok(output) => Some(Divergence::new(&record, output)),
                Err(_) if records.peek().is_some_and(is_panic) => break,
                Err(message) => Some(Divergence::panicked(&record, message)),
            };
            if divergence.is_some() {
                break;
            }
            replica.take_redacted(&mut redacted);
        }
        replica.end_redacted(&mut redacted);
        (redacted, divergence)
    }

    /// As [`run`](Self::run), and tells why messages took as long as they did.
    #[must_use]
    pub fn explain(self, question: &Question) -> (ReplayReport, Answer) {
        let origin = self.recording.begins_at();
        let (report, answer) = self
            .clone()
            .follow(Explainer::new(question.clone(), origin));
        match question {
            Question::Message(_) => (report, answer),
            // What happens to a message after its end belongs to its story. Whose story to keep that long is known now.
            Question::Late(_) => self.follow(Explainer::of(&answer.explanations, origin)),
        }
    }

    fn follow(self, mut explainer: Explainer) -> (ReplayReport, Answer) {
        let mut replica = Replica::new(self.recording);
        replica.set_journal(true);
        let report = self.run_on(&mut replica, |replica, _, _| {
            while let Some(entry) = replica.poll_journal() {
                explainer.take(&entry, replica.endpoint());
            }
        });
        let ended_at = report.stats.ended_at;
        (report, explainer.answer(ended_at, replica.endpoint()))
    }

    /// The calls to be made.
    fn wanted(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let until = self.until;
        let is_wanted = move |record: &Record<'_>| until.is_none_or(|until| record.at <= until);
        self.recording.records().take_while(is_wanted)
    }

    /// As [`run`](Self::run), and shows each call with what it gives this time.
    pub fn run_with(self, mut look: impl FnMut(&Record<'_>, &Output)) -> ReplayReport {
        let mut replica = Replica::new(self.recording);
        self.run_on(&mut replica, |_, record, output| look(record, output))
    }

    fn run_on(
        self,
        replica: &mut Replica,
        mut look: impl FnMut(&mut Replica, &Record<'_>, &Output),
    ) -> ReplayReport {
        let mut report = ReplayReport {
            stats: ReplayStats::new(self.recording.begins_at()),
            divergence: None,
            panic: None,
            state_hash: 0,
        };
        let mut records = self.wanted().peekable();
        while let Some(record) = records.next() {
            let output = match panics::caught(|| replica.call(&record)) {
                Ok(output) => output,
                Err(message) if records.peek().is_some_and(is_panic) => {
                    let message = Some(message);
                    report.panic = Some(RecordedPanic { message });
                    return report;
                }
                Err(message) => {
                    report.divergence = Some(Divergence::panicked(&record, message));
                    return report;
                }
            };
            if is_panic(&record) {
                report.panic = Some(RecordedPanic { message: None });
            }
            report.stats.count(&record, &output);
            look(replica, &record, &output);
            if output.outcome != record.outcome {
                report.divergence = Some(Divergence::new(&record, output));
                break;
            }
        }
        report.state_hash = replica.endpoint().state_hash();
        report
    }
}

/// Whether the owner's panic ended the recording.
fn is_panic(record: &Record<'_>) -> bool {
    let reason = EndReason::Panicked;
    record.call == Call::End { reason }
}
