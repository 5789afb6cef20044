//! What a run did: its datagrams and what its owners were told; and where two runs part.

use std::fmt::{self, Write as _};

use tickwire_core::{Event, Instant};

use super::CLIENT;

/// A datagram as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) from: usize,
    pub(super) bytes: Vec<u8>,
    /// What its sender says that it holds.
    pub(super) text: String,
}

/// What an owner learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Event(Event),
    /// What a command returned.
    Answer(String),
}

/// All of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sent: Vec<Sent>,
    pub(super) told: Vec<(Instant, usize, Told)>,
}

impl Record {
    /// Where two runs part first; `None` if they are equal.
    pub(super) fn difference(&self, other: &Self, names: [&str; 2]) -> Option<String> {
        let sent = first_difference(&self.sent, &other.sent);
        let told = first_difference(&self.told, &other.told);
        let time = |index: Option<usize>, at: fn(&Self, usize) -> Option<Instant>| {
            let index = index?;
            [at(self, index), at(other, index)]
                .into_iter()
                .flatten()
                .min()
        };
        let sent_at = time(sent, |run, index| run.sent.get(index).map(|sent| sent.at));
        let told_at = time(told, |run, index| run.told.get(index).map(|told| told.0));
        match (sent, told) {
            (None, None) => None,
            (None, Some(index)) => Some(parting("told", index, names, [&self.told, &other.told])),
            (Some(index), Some(_)) if sent_at <= told_at => {
                Some(self.sent_parting(other, index, names))
            }
            (Some(_), Some(index)) => {
                Some(parting("told", index, names, [&self.told, &other.told]))
            }
            (Some(index), None) => Some(self.sent_parting(other, index, names)),
        }
    }

    fn sent_parting(&self, other: &Self, index: usize, names: [&str; 2]) -> String {
        let mut text = parting("datagram", index, names, [&self.sent, &other.sent]);
        if let (Some(one), Some(two)) = (self.sent.get(index), other.sent.get(index))
            && let Some(offset) = first_difference(&one.bytes, &two.bytes)
        {
            let bytes = [one, two].map(|sent| sent.bytes.get(offset).copied());
            write!(text, "\n  the bytes part at offset {offset}: {bytes:02x?}")
                .expect("a String takes everything");
        }
        text
    }
}

/// The first index at which two lists are not the same.
fn first_difference<T: PartialEq>(one: &[T], two: &[T]) -> Option<usize> {
    let common = one.iter().zip(two).take_while(|(one, two)| one == two);
    let index = common.count();
    (index < one.len().max(two.len())).then_some(index)
}

/// A few rows before the difference, and then each side's own.
fn parting<T: Row>(what: &str, index: usize, names: [&str; 2], lists: [&[T]; 2]) -> String {
    let mut text = format!("{what} {index} is not the same:");
    for row in &lists[0][index.saturating_sub(5)..index] {
        write!(text, "\n  both: {}", Shown(row)).expect("a String takes everything");
    }
    for (name, list) in names.iter().zip(lists) {
        match list.get(index) {
            Some(row) => write!(text, "\n  {name}: {}", Shown(row)),
            None => write!(text, "\n  {name}: nothing more"),
        }
        .expect("a String takes everything");
    }
    text
}

/// Something that can be shown in one line.
trait Row {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

struct Shown<'a, T>(&'a T);

impl<T: Row> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

impl Row for Sent {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.from {
            CLIENT => "C→S",
            _ => "C←S",
        };
        let (at, len) = (self.at.as_nanos(), self.bytes.len());
        write!(f, "{at:>11} ns  {direction}  {len:>5} B  {}", self.text)
    }
}

impl Row for (Instant, usize, Told) {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.1 {
            CLIENT => "C",
            _ => "S",
        };
        let mut text = format!("{:?}", self.2);
        if let Some((end, _)) = text.char_indices().nth(160) {
            text.truncate(end);
        }
        write!(f, "{:>11} ns  {host}  {text}", self.0.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(at: u64, bytes: &[u8], text: &str) -> Sent {
        Sent {
            at: Instant::from_nanos(at),
            from: CLIENT,
            bytes: bytes.to_vec(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn equal_runs_have_no_difference() {
        let run = Record {
            sent: vec![sent(1, b"hello", "Hello")],
            told: vec![(Instant::ZERO, CLIENT, Told::Answer("Ok".to_owned()))],
        };
        assert_eq!(run.difference(&run, ["sim", "tokio"]), None);
    }

    #[test]
    fn a_difference_shows_both_views_and_the_byte() {
        let hello = sent(1, b"hello", "Hello");
        let one = Record {
            sent: vec![hello.clone(), sent(5, b"ping", "#0 Ping")],
            told: Vec::new(),
        };
        let two = Record {
            sent: vec![hello, sent(5, b"pong", "#0 Ping"), sent(9, b"more", "x")],
            told: vec![(
                Instant::from_nanos(7),
                CLIENT,
                Told::Answer("late".to_owned()),
            )],
        };
        let text = one.difference(&two, ["  sim", "tokio"]).expect("they part");
        insta::assert_snapshot!(text, @r"
        datagram 1 is not the same:
          both:           1 ns  C→S      5 B  Hello
            sim:           5 ns  C→S      4 B  #0 Ping
          tokio:           5 ns  C→S      4 B  #0 Ping
          the bytes part at offset 1: [Some(69), Some(6f)]
        ");
    }

    #[test]
    fn what_is_missing_at_the_end_is_a_difference() {
        let one = Record {
            sent: vec![sent(1, b"hello", "Hello")],
            told: Vec::new(),
        };
        let text = one.difference(&Record::default(), ["sim", "tokio"]);
        assert!(text.expect("they part").contains("tokio: nothing more"));
    }
}
