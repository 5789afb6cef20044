//! Channels: streams of messages, each with one delivery promise.
//!
//! [`Outbox`] holds what a peer is to receive: one [`send::SendChannel`] for each channel. [`Inbox`]
//! holds what came from it: one [`receive::ReceiveChannel`] each, and the items its owner has not polled yet.
//!
//! Kept here:
//! - a reliable message stays in the outbox until it is acknowledged, and is in the inbox before it is;
//! - every byte is charged: against the queue's bound, and for reliable channels against the credit
//!   that the receiver gave ([`credit`]), so that what arrives always finds its room;
//! - a message costs its length and [`MESSAGE_COST`](crate::MESSAGE_COST), and a little for each fragment but one.

pub(crate) mod assembly;
pub(crate) mod copies;
pub(crate) mod credit;
pub(crate) mod inbox;
mod meter;
pub(crate) mod options;
pub(crate) mod outbox;
pub(crate) mod outgoing;
pub(crate) mod qos;
pub(crate) mod receive;
pub(crate) mod send;
mod shares;
pub(crate) mod turns;

pub(crate) use inbox::Inbox;
pub(crate) use outbox::Outbox;

use crate::MESSAGE_COST;
use crate::wire::DATAGRAM_FLOOR;

/// Bytes of a fragment, at least. Bounds the number of fragments, and what they cost beside their bytes.
pub(crate) const FRAGMENT_LEN_MIN: usize = 128;

/// Room that a fragment leaves in its datagram: header (13), tag (16), frame header (11) and some acknowledgements.
const FRAGMENT_ROOM: usize = 72;

/// Bytes of a fragment, at most: one fits in the shortest datagram that a way may carry. Nothing must be cut anew when a
/// way begins to carry less.
pub(crate) const FRAGMENT_LEN_MAX: usize = DATAGRAM_FLOOR - FRAGMENT_ROOM;

/// Bytes that a long message's fragments have at most, whatever the size of datagrams; a bound of the message's cost.
pub(crate) const FRAGMENT_LEN_LEAST: usize = 300;

/// What a fragment costs beside its bytes, if another of its message was there before.
pub(crate) const FRAGMENT_COST: usize = 32;

/// Bytes of a fragment's frame beside its payload, if another fragment follows.
const FRAGMENT_HEADER: usize = 9;

/// Bytes of a message, at most, that goes whole into a datagram of this size.
pub(crate) const fn whole_len(datagram_size: usize) -> usize {
    datagram_size - FRAGMENT_ROOM
}

/// Bytes of a fragment, at most, so that a few of them fill a datagram of this size: 370 for 1,200, three of them.
pub(crate) const fn fragment_len(datagram_size: usize) -> usize {
    let room = whole_len(datagram_size);
    let count = room.div_ceil(FRAGMENT_LEN_MAX);
    let len = (room - (count - 1) * FRAGMENT_HEADER) / count;
    if len < FRAGMENT_LEN_LEAST {
        FRAGMENT_LEN_MAX
    } else {
        len
    }
}

/// How messages are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) datagram_size: usize,
    /// Datagrams may become shorter.
    pub(crate) is_adaptive: bool,
}

impl Cut {
    /// Bytes of a message, at most, that goes whole. What is reliable may have to be sent again when datagrams have become
    /// shorter, and cannot be cut then; what is unreliable leaves once.
    pub(crate) const fn whole_len(self, is_reliable: bool) -> usize {
        if self.is_adaptive && is_reliable {
            FRAGMENT_LEN_MAX
        } else {
            whole_len(self.datagram_size)
        }
    }

    /// Bytes of a fragment, at most.
    pub(crate) const fn piece_len(self) -> usize {
        if self.is_adaptive {
            fragment_len(self.datagram_size)
        } else {
            whole_len(self.datagram_size)
        }
    }
}

/// What a message of `len` bytes costs at most.
pub(crate) const fn message_cost_most(len: usize) -> usize {
    message_cost(len, FRAGMENT_LEN_LEAST)
}

/// What a message of `len` bytes costs in queues and credit if it is cut into pieces of `fragment_len`.
pub(crate) const fn message_cost(len: usize, fragment_len: usize) -> usize {
    let pieces = len.div_ceil(fragment_len);
    len + MESSAGE_COST + FRAGMENT_COST * pieces.saturating_sub(1)
}
