//! `tickwire replay --explain`: why a message was late.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use tickwire_core::Instant;
use tickwire_sim::explain::{Answer, Direction, Explanation, Known, Question, Which};
use tickwire_sim::{Replay, ReplayReport};

use crate::failure::bad_input;
use crate::output::{self, Table};

/// Ranges of messages that one line names.
const KNOWN_MAX: usize = 12;

/// The JSON object of `--explain --json`.
#[derive(Debug, Serialize)]
struct Told {
    identical: bool,
    messages: Vec<Message>,
}

/// A message. Times are nanoseconds since the recording begins; what is before it is negative.
#[derive(Debug, Serialize)]
struct Message {
    name: String,
    direction: &'static str,
    peer: String,
    address: Option<String>,
    channel: usize,
    delivery: String,
    id: u64,
    bytes: usize,
    parts: u32,
    began_ns: i64,
    ended_ns: i64,
    total_ns: u64,
    end: &'static str,
    /// They add up to the total.
    causes_ns: BTreeMap<&'static str, u64>,
    spans: Vec<Span>,
    moments: Vec<Moment>,
}

#[derive(Debug, Serialize)]
struct Span {
    from_ns: i64,
    to_ns: i64,
    cause: &'static str,
}

#[derive(Debug, Serialize)]
struct Moment {
    at_ns: i64,
    what: String,
}

/// Runs a replay and answers the question.
pub(super) fn run(
    file: &Path,
    replay: Replay<'_>,
    question: &Question,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let (report, answer) = replay.explain(question);
    if let Some(divergence) = &report.divergence {
        output::remark(&output::clean(&output::one_line(&format!(
            "what follows ends where the replay is not what was recorded: {divergence}"
        ))));
    }
    if let Question::Message(which) = question {
        check(file, which, &answer)?;
    }
    if json {
        let messages = answer.explanations.iter().map(Message::new);
        output::json(&Told {
            identical: report.is_identical(),
            messages: messages.collect(),
        })?;
    } else {
        output::line(&text(question, &answer))?;
    }
    Ok(exit_code(&report))
}

fn exit_code(report: &ReplayReport) -> ExitCode {
    ExitCode::from(u8::from(!report.is_identical()))
}

/// There is one such message, or one each way.
fn check(file: &Path, which: &Which, answer: &Answer) -> anyhow::Result<()> {
    let shown = file.display();
    let asked = format!("{}.{}", which.channel.index(), which.id);
    let found = &answer.explanations;
    if found.is_empty() {
        let known = known(&answer.known);
        return Err(bad_input(format!(
            "{shown} has no such message {asked}: {known}"
        )));
    }
    let ways = [Direction::Sent, Direction::Received];
    let of = |way| found.iter().filter(move |told| told.direction == way);
    if ways.into_iter().all(|way| of(way).count() <= 1) {
        return Ok(());
    }
    let names: Vec<String> = found.iter().map(Explanation::name).collect();
    let count = names.len();
    Err(bad_input(format!(
        "{shown} has {count} messages {asked}; say which: {}",
        shorten(names)
    )))
}

fn known(known: &[Known]) -> String {
    let names = known.iter().map(|known| {
        let Known {
            direction,
            peer,
            channel,
            first,
            last,
            ..
        } = known;
        let channel = channel.index();
        format!("{direction}:{peer}:{channel}.{first} to {channel}.{last}")
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return "there is none at all".to_owned();
    }
    format!("there are {}", shorten(names))
}

fn shorten(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(KNOWN_MAX);
    names.truncate(KNOWN_MAX);
    let names = names.join(", ");
    match more {
        0 => names,
        more => format!("{names}, and {more} more"),
    }
}

fn text(question: &Question, answer: &Answer) -> String {
    let told = &answer.explanations;
    match question {
        Question::Message(_) => {
            let pages: Vec<String> = told.iter().map(Explanation::to_string).collect();
            pages.join("\n\n")
        }
        Question::Late(_) if told.is_empty() => "there are no messages".to_owned(),
        Question::Late(_) => {
            let mut table = Table::new(["MESSAGE", "BYTES", "TOTAL MS", "MOST OF IT"]);
            for told in told {
                table.row([
                    told.name(),
                    told.len.to_string(),
                    told.total_text(),
                    told.gist(),
                ]);
            }
            table.render()
        }
    }
}

impl Message {
    fn new(told: &Explanation) -> Self {
        let at = |at: Instant| nanos(at, told.origin);
        let causes = told.causes().into_iter();
        let spans = told.spans.iter().map(|span| Span {
            from_ns: at(span.from),
            to_ns: at(span.to),
            cause: span.cause.word(),
        });
        let moments = told.moments.iter().map(|moment| Moment {
            at_ns: at(moment.at),
            what: moment.what.clone(),
        });
        Self {
            name: told.name(),
            direction: match told.direction {
                Direction::Sent => "sent",
                Direction::Received => "received",
            },
            peer: told.peer.to_string(),
            address: told.address.map(|address| address.to_string()),
            channel: told.channel.index(),
            delivery: format!("{:?}", told.delivery).to_lowercase(),
            id: told.id,
            bytes: told.len,
            parts: told.parts,
            began_ns: at(told.began_at),
            ended_ns: at(told.ended_at),
            total_ns: whole_nanos(told.total()),
            end: told.end.word(),
            causes_ns: causes
                .map(|(cause, time)| (cause.word(), whole_nanos(time)))
                .collect(),
            spans: spans.collect(),
            moments: moments.collect(),
        }
    }
}

fn whole_nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn nanos(at: Instant, origin: Instant) -> i64 {
    let nanos = i128::from(at.as_nanos()) - i128::from(origin.as_nanos());
    i64::try_from(nanos).unwrap_or(i64::MAX)
}
