//! The journal: what happens to each message, step by step, for whoever asks why one was late.
//!
//! One endpoint sees one side. Of what it *sends*: when a message was queued, what held it back, in which packets its
//! pieces left, which of them were lost or acknowledged. Of what it *receives*: which pieces came in which packet, which
//! message had to wait for one before it, and when its owner took it.
//!
//! It is off unless asked for, and then costs a branch. Nothing depends on it: an endpoint does the same with it and
//! without. Payloads are not kept.
//!
//! A *piece* is a message that fits into a datagram, or one fragment of a longer one: the bytes from one number to another.

use alloc::collections::VecDeque;

use crate::event::Abandonment;
use crate::id::{ChannelId, PeerId};
pub use crate::notice::LossCause;
use crate::time::Instant;

/// Entries kept for an owner who does not poll them.
const ENTRIES_MAX: usize = 1 << 18;

/// A step in the life of messages to or from one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened.
    pub at: Instant,
    /// With whom.
    pub peer: PeerId,
    /// What happened.
    pub step: Step,
}

/// What happened. The `id` of a message sent is its [`MessageId::number`](crate::MessageId::number).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// `send` took a message.
    Queued {
        /// Its channel.
        channel: ChannelId,
        /// Its number.
        id: u64,
        /// Bytes of its payload.
        len: usize,
    },
    /// An unreliable message made room for a newer one, before all of it had left.
    Dropped {
        /// Its channel.
        channel: ChannelId,
        /// Its number.
        id: u64,
    },
    /// What would leave next on a channel waits, and for what. Holds until the next such step of the channel.
    Waits {
        /// The channel.
        channel: ChannelId,
        /// It left before, and is to leave again.
        again: bool,
        /// What it waits for.
        hold: Hold,
    },
    /// A piece left.
    Left {
        /// Its channel.
        channel: ChannelId,
        /// Its message.
        id: u64,
        /// Where it begins and ends; `None`: it is all of the message.
        part: Option<(u32, u32)>,
        /// Number of the packet it left in.
        packet: u64,
    },
    /// A piece left again in a packet, though nobody knows that it was lost: redundancy.
    Copied {
        /// Its channel.
        channel: ChannelId,
        /// Its message, which is one piece.
        id: u64,
        /// Number of the packet that it rides in.
        packet: u64,
    },
    /// A parity left: by it one of these fragments, if it is lost, comes back.
    ParityLeft {
        /// Its channel.
        channel: ChannelId,
        /// Its message.
        id: u64,
        /// Where in the message what it stands for begins and ends.
        part: (u32, u32),
        /// Number of the packet it left in.
        packet: u64,
    },
    /// A packet was declared lost.
    PacketLost {
        /// Its number.
        packet: u64,
        /// Why.
        cause: LossCause,
    },
    /// Packets were acknowledged, most of them perhaps not for the first time.
    PacketsAcked {
        /// The number of the first.
        first: u64,
        /// The number of the last.
        last: u64,
    },
    /// A piece is to leave again.
    Requeued {
        /// Its channel.
        channel: ChannelId,
        /// Its message.
        id: u64,
        /// Where it begins and ends; `None`: it is all of the message.
        part: Option<(u32, u32)>,
        /// Its packet is not known to be lost: no answer came, and it leaves once more to ask for one.
        is_probe: bool,
    },
    /// A piece of a reliable message was acknowledged.
    PieceAcked {
        /// Its channel.
        channel: ChannelId,
        /// Its message.
        id: u64,
        /// Where it begins and ends; `None`: it is all of the message.
        part: Option<(u32, u32)>,
    },
    /// All of a reliable message was acknowledged.
    Delivered {
        /// Its channel.
        channel: ChannelId,
        /// Its number.
        id: u64,
    },
    /// A message was given up before it was delivered. A reliable one is from then on a note that it will not come.
    Abandoned {
        /// Its channel.
        channel: ChannelId,
        /// Its number.
        id: u64,
        /// Why.
        why: Abandonment,
    },
    /// The connection is over. May come more than once.
    Ended,
    /// A piece came that had not come before.
    Arrived {
        /// Its channel.
        channel: ChannelId,
        /// Reliable: the number of its message. Else what its fragments have in common, and of a whole message nothing.
        name: Option<u64>,
        /// Where in the message it begins.
        offset: u32,
        /// Bytes of the message.
        total: u32,
        /// Bytes of it that had not come before.
        len: usize,
        /// Number of the packet it came in; `None`: it was there when the journal began.
        packet: Option<u64>,
    },
    /// Bytes that had not come are here all the same, by a parity and by what came of its group.
    Recovered {
        /// Its channel.
        channel: ChannelId,
        /// What its fragments have in common: for a reliable message its number.
        name: u64,
        /// Where in the message they begin.
        offset: u32,
        /// How many had not come before.
        len: usize,
        /// Number of the packet that told the last of it.
        packet: u64,
    },
    /// A piece came and was not taken, since the owner has too much unread. If it is reliable it will come again.
    Refused {
        /// Its channel.
        channel: ChannelId,
        /// As of [`Arrived`](Self::Arrived).
        name: Option<u64>,
        /// Number of the packet it came in.
        packet: u64,
    },
    /// A message is whole and waits for those before it.
    Held {
        /// Its channel.
        channel: ChannelId,
        /// Its number.
        id: u64,
        /// The first that is missing.
        missing: u64,
    },
    /// A message, or what had come of it, was given up.
    Discarded {
        /// Its channel.
        channel: ChannelId,
        /// As of [`Arrived`](Self::Arrived); `None`: the one that came just before on this channel.
        name: Option<u64>,
        /// Why.
        why: Discard,
    },
    /// A message can be polled.
    Ready {
        /// Its channel.
        channel: ChannelId,
        /// Its number if it is reliable; else it is the one of which a piece came just before on this channel.
        id: Option<u64>,
    },
    /// The owner polled a message: of those that are ready, of all channels, the one that became so first.
    HandedOut {
        /// Its channel.
        channel: ChannelId,
    },
}

/// What keeps a piece from leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hold {
    /// The end of the owner's tick: a `flush`, or until then the coalescing delay.
    Tick {
        /// When it leaves without a `flush`.
        until: Instant,
    },
    /// Credit of its channel: the peer's owner has not taken enough of what came.
    ChannelCredit,
    /// Credit of all reliable channels together.
    ConnectionCredit,
    /// An older message of the channel that is not acknowledged, 4,096 before it.
    Window,
    /// The congestion window is full.
    Congestion,
    /// Pacing.
    Paced {
        /// When it may leave.
        until: Instant,
    },
    /// The rate of its channel ([`RateLimit`](crate::RateLimit)).
    Rate {
        /// When it may leave.
        until: Instant,
    },
    /// So many packets are unanswered that no further one could be remembered.
    Ledger,
    /// Nothing: it leaves with the next `poll_transmit`.
    Due,
}

/// Why something was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discard {
    /// Sequenced: one sent later had become ready.
    Stale,
    /// Too much was unread or in pieces.
    NoRoom,
    /// Other pieces of it did not come in time.
    Expired,
    /// Reliable: its sender gave it up.
    Skipped,
}

/// The entries, if anybody wants them.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Option<VecDeque<Entry>>,
}

impl Journal {
    pub(crate) fn set(&mut self, on: bool) {
        self.entries = on.then(VecDeque::new);
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.entries.is_some()
    }

    pub(crate) fn poll(&mut self) -> Option<Entry> {
        self.entries.as_mut()?.pop_front()
    }

    /// For what happens now with `peer`.
    pub(crate) const fn pen(&mut self, at: Instant, peer: PeerId) -> Pen<'_> {
        Pen {
            entries: self.entries.as_mut(),
            at,
            peer,
        }
    }
}

/// Writes entries of one peer at one time; without a journal nothing.
#[derive(Debug)]
pub(crate) struct Pen<'a> {
    entries: Option<&'a mut VecDeque<Entry>>,
    at: Instant,
    peer: PeerId,
}

impl Pen<'_> {
    pub(crate) const fn is_on(&self) -> bool {
        self.entries.is_some()
    }

    /// The same pen, for a while.
    pub(crate) fn lend(&mut self) -> Pen<'_> {
        Pen {
            entries: self.entries.as_deref_mut(),
            at: self.at,
            peer: self.peer,
        }
    }

    pub(crate) fn note(&mut self, step: Step) {
        self.note_at(self.at, step);
    }

    /// Notes what happened before the journal began.
    pub(crate) fn note_at(&mut self, at: Instant, step: Step) {
        let Some(entries) = &mut self.entries else {
            return;
        };
        if entries.len() == ENTRIES_MAX {
            entries.pop_front();
        }
        let peer = self.peer;
        entries.push_back(Entry { at, peer, step });
    }
}
