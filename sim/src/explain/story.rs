//! An explanation: where a message's time went, and what happened when.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::journal::{Discard, LossCause};
use tickwire_core::{Abandonment, ChannelId, Delivery, Instant, PeerId};

use super::cause::{Cause, Span};
use super::question::Direction;

/// Why a message took as long as it did, as one side can tell.
///
/// `Display` is a page: what happened, in order, then what the time went into.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// Which way it went.
    pub direction: Direction,
    /// To or from whom.
    pub peer: PeerId,
    /// Where the peer was.
    pub address: Option<SocketAddr>,
    /// Its channel.
    pub channel: ChannelId,
    /// What that channel promises.
    pub delivery: Delivery,
    /// Its number. Unreliable messages do not tell theirs: of those received it is the place among all that came on the
    /// channel since the recording begins.
    pub id: u64,
    /// Bytes of it, as far as they are known.
    pub len: usize,
    /// Into how many parts it is cut.
    pub parts: u32,
    /// When the recording begins: times are shown from there.
    pub origin: Instant,
    /// Sent: when `send` took it. Received: when the first of it came.
    pub began_at: Instant,
    /// When its story ends.
    pub ended_at: Instant,
    /// How.
    pub end: End,
    /// What happened, in order.
    pub moments: Vec<Moment>,
    /// What the time went into, from beginning to end without a gap. Of a message in parts, it is the time of the part that
    /// came to its end last.
    pub spans: Vec<Span>,
}

/// How the story of a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Sent, reliable: all of it was acknowledged.
    Acknowledged,
    /// Sent, unreliable: all of it left. More is not promised.
    Left,
    /// Sent, unreliable: it made room for newer ones before it left.
    Dropped,
    /// Sent: given up, as its options asked.
    Abandoned(Abandonment),
    /// Received: its owner has it.
    HandedOut,
    /// Received, unreliable: it was given up.
    Discarded(Discard),
    /// The connection ended before.
    ConnectionOver,
    /// The recording, or the part of it that was asked for, ends before.
    RecordingOver,
}

impl End {
    /// One word, for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Left => "left",
            Self::Dropped => "dropped",
            Self::Abandoned(Abandonment::Expired) => "expired_unsent",
            Self::Abandoned(Abandonment::Superseded) => "superseded",
            Self::HandedOut => "handed_out",
            Self::Discarded(Discard::Stale) => "stale",
            Self::Discarded(Discard::NoRoom) => "no_room",
            Self::Discarded(Discard::Skipped) => "skipped",
            Self::Discarded(_) => "expired",
            Self::ConnectionOver => "connection_over",
            Self::RecordingOver => "recording_over",
        }
    }
}

/// Something that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// What, in words.
    pub what: String,
}

/// What a life tells of itself.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) len: usize,
    pub(super) parts: u32,
    pub(super) began_at: Instant,
    pub(super) ended_at: Instant,
    pub(super) end: End,
    pub(super) moments: Vec<Moment>,
    pub(super) spans: Vec<Span>,
}

impl Explanation {
    /// Time from beginning to end.
    #[must_use]
    pub const fn total(&self) -> Duration {
        self.ended_at.saturating_duration_since(self.began_at)
    }

    /// What the time went into. The sum is the [total](Self::total), to the nanosecond.
    #[must_use]
    pub fn causes(&self) -> BTreeMap<Cause, Duration> {
        let mut causes = BTreeMap::new();
        for span in &self.spans {
            *causes.entry(span.cause).or_default() += span.length();
        }
        causes
    }

    /// The question that asks for this message: `sent:p0.1:2.17`.
    #[must_use]
    pub fn name(&self) -> String {
        let Self {
            direction,
            peer,
            channel,
            id,
            ..
        } = self;
        format!("{direction}:{peer}:{}.{id}", channel.index())
    }

    /// The total in milliseconds, as it is shown everywhere.
    #[must_use]
    pub fn total_text(&self) -> String {
        millis(self.between(self.began_at, self.ended_at))
    }

    /// Where most of the time went, in one line: `61.250 ms lost: until that was found out; 50.000 ms network: ...`.
    #[must_use]
    pub fn gist(&self) -> String {
        let mut causes: Vec<(Cause, u64)> = self.shown_causes().into_iter().collect();
        causes.sort_by_key(|(cause, micros)| (u64::MAX - micros, *cause));
        // What is less than a tenth is not where the time went.
        let all: u64 = causes.iter().map(|(_, micros)| micros).sum();
        causes.retain(|(_, micros)| micros.saturating_mul(10) >= all);
        let shown = causes.iter().take(2);
        let shown: Vec<String> = shown
            .map(|(cause, micros)| format!("{} ms {cause}", millis(*micros)))
            .collect();
        shown.join("; ")
    }

    /// Microseconds since the origin, cut. What is before it is negative.
    fn micros(&self, at: Instant) -> i64 {
        let (at, origin) = (at.as_nanos(), self.origin.as_nanos());
        let nanos = i64::try_from(i128::from(at) - i128::from(origin)).unwrap_or(i64::MAX);
        nanos.div_euclid(1_000)
    }

    /// Microseconds from one instant to another as both are shown: so that what is shown adds up too.
    fn between(&self, from: Instant, to: Instant) -> u64 {
        self.micros(to).abs_diff(self.micros(from))
    }

    fn shown_causes(&self) -> BTreeMap<Cause, u64> {
        let mut causes = BTreeMap::new();
        for span in &self.spans {
            *causes.entry(span.cause).or_default() += self.between(span.from, span.to);
        }
        causes
    }

    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (preposition, delivery) = match self.direction {
            Direction::Sent => ("to", name(self.delivery)),
            Direction::Received => ("from", name(self.delivery)),
        };
        write!(f, "{}: {delivery}, {} B", self.name(), self.len)?;
        if self.parts > 1 {
            write!(f, " in {} parts", self.parts)?;
        }
        if let Some(address) = self.address {
            write!(f, ", {preposition} {address}")?;
        }
        write!(f, ": {} ms {}", self.total_text(), self.end)
    }
}

/// Microseconds as milliseconds.
pub(super) fn millis(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

const fn name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Unreliable => "unreliable",
        Delivery::Sequenced => "sequenced",
        Delivery::Reliable => "reliable",
        Delivery::Ordered => "ordered",
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f)?;
        write!(f, "\n       at ms        took")?;
        let mut spans = self.spans.iter().peekable();
        for moment in &self.moments {
            while let Some(span) = spans.next_if(|span| span.from < moment.at) {
                self.span_line(span, f)?;
            }
            let at = self.micros(moment.at);
            let sign = if at < 0 { "-" } else { "" };
            let at = format!("{sign}{}", millis(at.unsigned_abs()));
            write!(f, "\n{at:>12}              {}", moment.what)?;
        }
        for span in spans {
            self.span_line(span, f)?;
        }
        write!(f, "\n         sum")?;
        let total = self.between(self.began_at, self.ended_at);
        for (cause, micros) in self.shown_causes() {
            let percent = micros.saturating_mul(100) / total.max(1);
            write!(f, "\n{:>24}  {percent:>3} %  {cause}", millis(micros))?;
        }
        write!(f, "\n{:>24}  total", millis(total))
    }
}

impl Explanation {
    fn span_line(&self, span: &Span, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = millis(self.between(span.from, span.to));
        write!(f, "\n{took:>24}  {}", span.cause)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged => f.write_str("until it was acknowledged"),
            Self::Left => f.write_str("until it left"),
            Self::Dropped => f.write_str("until it made room for newer ones, unsent"),
            Self::Abandoned(Abandonment::Expired) => f.write_str("until its time to live was over"),
            Self::Abandoned(Abandonment::Superseded) => {
                f.write_str("until a newer message with its key took its place")
            }
            Self::HandedOut => f.write_str("from its arrival until its owner had it"),
            Self::Discarded(why) => write!(f, "until it was given up: {}", reason(*why)),
            Self::ConnectionOver => f.write_str("until the connection ended, before it was done"),
            Self::RecordingOver => f.write_str("until the recording ends, not done"),
        }
    }
}

pub(super) const fn reason(why: Discard) -> &'static str {
    match why {
        Discard::Stale => "one sent later had come before it",
        Discard::NoRoom => "too much was unread or in parts",
        Discard::Skipped => "its sender gave it up",
        Discard::Expired => "its other parts did not come in time",
        _ => "for another reason",
    }
}

pub(super) const fn lost_by(cause: LossCause) -> &'static str {
    match cause {
        LossCause::Overtaken => "one sent three later was acknowledged",
        LossCause::Late => "a later one was acknowledged, and 9/8 of a round trip had passed",
        LossCause::Outrun => "one that left much later was acknowledged",
        LossCause::Forgotten => "its place was needed for a probe",
    }
}

/// Moments under construction: what happened at one instant in the same way to many parts becomes one line.
#[derive(Debug, Default)]
pub(super) struct Moments {
    list: Vec<(Instant, Happening, Vec<u32>, Vec<u64>)>,
}

/// What can happen to many parts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Leaves,
    LeavesAgain,
    Copied,
    Lost(LossCause),
    Probed,
    Acked,
    /// Unreliable: the packet was acknowledged.
    PacketAcked,
    Comes,
    /// It did not come, and follows from what did.
    Recovered,
    WasThere,
    Refused,
}

impl Happening {
    /// What comes first of what happens at one instant.
    const fn rank(self) -> u8 {
        match self {
            Self::WasThere | Self::Refused | Self::Comes | Self::Recovered => 0,
            Self::Lost(_) => 1,
            Self::Probed => 2,
            Self::Leaves | Self::LeavesAgain | Self::Copied => 3,
            Self::PacketAcked | Self::Acked => 4,
        }
    }
}

impl Moments {
    pub(super) fn add(
        &mut self,
        at: Instant,
        what: Happening,
        part: Option<u32>,
        packet: Option<u64>,
    ) {
        let same = |(known_at, known, ..): &&mut (Instant, Happening, Vec<u32>, Vec<u64>)| {
            (*known_at, *known) == (at, what)
        };
        if let Some((_, _, parts, packets)) = self.list.iter_mut().rev().find(same) {
            parts.extend(part);
            packets.extend(packet);
        } else {
            let (parts, packets) = (part.into_iter().collect(), packet.into_iter().collect());
            self.list.push((at, what, parts, packets));
        }
    }

    /// As text, of a message of so many parts.
    pub(super) fn finish(self, count: u32) -> Vec<Moment> {
        let mut list = self.list;
        list.sort_by_key(|(at, what, ..)| (*at, what.rank()));
        let moments = list.into_iter();
        moments
            .map(|(at, what, mut parts, mut packets)| {
                parts.sort_unstable();
                parts.dedup();
                packets.sort_unstable();
                packets.dedup();
                let what = tell(what, &parts, &packets, count);
                Moment { at, what }
            })
            .collect()
    }
}

fn tell(what: Happening, parts: &[u32], packets: &[u64], count: u32) -> String {
    let is_one = parts.len() <= 1;
    let subject = if count <= 1 {
        "it".to_owned()
    } else {
        let numbers = ranges(parts.iter().map(|part| u64::from(*part) + 1));
        format!("part{} {numbers}/{count}", if is_one { "" } else { "s" })
    };
    let many = if packets.len() == 1 { "" } else { "s" };
    let packets = format!("packet{many} {}", ranges(packets.iter().copied()));
    let (s, is) = if is_one { ("s", "is") } else { ("", "are") };
    match what {
        Happening::Leaves => format!("{subject} leave{s} in {packets}"),
        Happening::LeavesAgain => format!("{subject} leave{s} again in {packets}"),
        Happening::Copied => format!("a copy of {subject} rides in {packets}"),
        Happening::Lost(cause) => {
            let are = if packets.contains("packets") {
                "are"
            } else {
                "is"
            };
            format!("{packets} {are} lost with {subject}: {}", lost_by(cause))
        }
        Happening::Probed => {
            format!("no answer came: {subject} {is} to leave again and ask for one")
        }
        Happening::Acked => format!("{subject} {is} acknowledged"),
        Happening::PacketAcked => format!("{packets} acknowledged"),
        Happening::Comes => format!("{subject} come{s} in {packets}"),
        Happening::Recovered => {
            format!("{subject} {is} here by a parity: {packets} told the rest of its group")
        }
        Happening::WasThere => format!("{subject} {is} there already"),
        Happening::Refused => {
            format!("it comes in {packets}, and is not taken: its owner has too much unread")
        }
    }
}

/// `3`, `3–5, 9`.
fn ranges(numbers: impl Iterator<Item = u64>) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let shown = ranges.into_iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}–{last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}
