//! What a message's time went into.

use std::fmt;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::journal::Hold;

/// What a message spent a part of its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It was under way before the recording begins, which tells nothing of that time.
    Unknown,
    /// Sent: it waited for the end of its owner's tick, a `flush`, or until then the coalescing delay.
    Tick,
    /// Sent: the receiver's owner had not taken enough for there to be credit.
    Credit,
    /// Sent: so many messages of its channel were on their way that it could not be told apart from the oldest.
    Window,
    /// Sent: the congestion window was full.
    Congestion,
    /// Sent: pacing.
    Pacing,
    /// Sent: the rate that its channel was given.
    Rate,
    /// Sent: so many packets were unanswered that no further one could be remembered.
    Ledger,
    /// Sent: it could leave, and nobody called `poll_transmit`.
    Unpolled,
    /// Sent: it was lost, and this side had yet to find out.
    Loss,
    /// Sent: on its way, and the acknowledgement on its way back.
    Network,
    /// Sent: it left and no answer came. Whether it arrived, this side cannot tell.
    Unanswered,
    /// Received: other parts of it were missing.
    Parts,
    /// Received: a message before it was missing.
    Order,
    /// Received: its owner did not poll it, or had so much unread that it was not taken.
    Owner,
}

impl Cause {
    /// One word, for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Tick => "tick",
            Self::Credit => "credit",
            Self::Window => "window",
            Self::Congestion => "congestion",
            Self::Pacing => "pacing",
            Self::Rate => "rate",
            Self::Ledger => "ledger",
            Self::Unpolled => "unpolled",
            Self::Loss => "loss",
            Self::Network => "network",
            Self::Unanswered => "unanswered",
            Self::Parts => "parts",
            Self::Order => "order",
            Self::Owner => "owner",
        }
    }

    const fn of(hold: Hold) -> Self {
        match hold {
            Hold::Tick { .. } => Self::Tick,
            Hold::ChannelCredit | Hold::ConnectionCredit => Self::Credit,
            Hold::Window => Self::Window,
            Hold::Congestion => Self::Congestion,
            Hold::Paced { .. } => Self::Pacing,
            Hold::Rate { .. } => Self::Rate,
            Hold::Ledger => Self::Ledger,
            // What a later version may add is not a reason that this one knows.
            Hold::Due | _ => Self::Unpolled,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "not known: before the recording begins",
            Self::Tick => "queued: for the end of the tick (flush)",
            Self::Credit => "queued: for credit (the receiver's owner had too much unread)",
            Self::Window => "queued: 4,096 messages after one that is unacknowledged",
            Self::Congestion => "queued: the congestion window was full",
            Self::Pacing => "queued: paced",
            Self::Rate => "queued: for the rate of its channel",
            Self::Ledger => "queued: too many packets were unanswered",
            Self::Unpolled => "queued: it could leave, and was not polled",
            Self::Loss => "lost: until that was found out",
            Self::Network => "network: on its way, and its acknowledgement back",
            Self::Unanswered => "no answer: on its way or lost, this side cannot tell",
            Self::Parts => "waiting for its other parts",
            Self::Order => "waiting for order: a message before it was missing",
            Self::Owner => "unread: its owner did not poll",
        })
    }
}

/// A stretch of a message's time. The spans of an explanation follow each other without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from: Instant,
    /// Its end, where the next begins.
    pub to: Instant,
    /// What it went into.
    pub cause: Cause,
}

impl Span {
    /// How long it is.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.to.saturating_duration_since(self.from)
    }
}

/// Spans under construction, one after the other.
#[derive(Debug)]
pub(super) struct Spans {
    list: Vec<Span>,
    at: Instant,
    /// Nothing is known of what was before.
    known_from: Instant,
}

impl Spans {
    pub(super) const fn new(from: Instant, known_from: Instant) -> Self {
        Self {
            list: Vec::new(),
            at: from,
            known_from,
        }
    }

    /// All up to `to` that has no cause yet went into this one.
    pub(super) fn until(&mut self, to: Instant, cause: Cause) {
        if self.at < self.known_from {
            self.push(to.min(self.known_from), Cause::Unknown);
        }
        self.push(to, cause);
    }

    fn push(&mut self, to: Instant, cause: Cause) {
        if to <= self.at {
            return;
        }
        let from = self.at;
        self.at = to;
        match self.list.last_mut() {
            Some(last) if last.cause == cause => last.to = to,
            _ => self.list.push(Span { from, to, cause }),
        }
    }

    pub(super) fn finish(self) -> Vec<Span> {
        self.list
    }
}

/// What held back a channel, from when on.
#[derive(Debug, Default)]
pub(super) struct Track {
    holds: Vec<(Instant, Hold)>,
    /// Where it is worth to look what can be forgotten.
    look_at: usize,
}

/// Holds that are kept before it is looked which can be forgotten.
const HOLDS_KEPT: usize = 1_024;

impl Track {
    /// From `at` on it is this. Nobody will ask for what was before `oldest`.
    pub(super) fn note(&mut self, at: Instant, hold: Hold, oldest: Instant) {
        if self.holds.last().is_some_and(|(_, last)| *last == hold) {
            return;
        }
        self.holds.push((at, hold));
        if self.holds.len() >= self.look_at.max(HOLDS_KEPT) {
            let later = self.holds.partition_point(|(at, _)| *at <= oldest);
            self.holds.drain(..later.saturating_sub(1));
            self.look_at = 2 * self.holds.len();
        }
    }

    /// Gives all up to `to` its causes.
    pub(super) fn explain(&self, to: Instant, spans: &mut Spans) {
        let first = self.holds.partition_point(|(at, _)| *at <= spans.at);
        let first = first.saturating_sub(1);
        let ends = self.holds.iter().skip(first + 1).map(|(at, _)| *at);
        let ends = ends.chain(std::iter::once(to));
        for ((_, hold), end) in self.holds.iter().skip(first).zip(ends) {
            let end = end.min(to);
            if let Hold::Tick { until } | Hold::Paced { until } | Hold::Rate { until } = *hold {
                spans.until(end.min(until), Cause::of(*hold));
                spans.until(end, Cause::Unpolled);
            } else {
                spans.until(end, Cause::of(*hold));
            }
        }
        spans.until(to, Cause::Unknown);
    }
}
