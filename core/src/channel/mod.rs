//! Channels: streams of messages, each with one delivery promise.
//!
//! [`Outbox`] holds what a peer is to receive: one [`send::SendChannel`] for each channel. [`Inbox`]
//! holds what came from it: one [`receive::ReceiveChannel`] each, and the items its owner has not polled yet.
//!
//! Kept here:
//! - a reliable message stays in the outbox until it is acknowledged, and is in the inbox before it is;
//! - every byte is charged: against the queue's bound, and for reliable channels against the credit
//!   that the receiver gave ([`credit`]), so that what arrives always finds its room;
//! - a message costs its length and [`MESSAGE_COST`](crate::MESSAGE_COST), and a sixteenth of its length if it may come in
//!   fragments.
//!
//! A message that is too long for a datagram leaves in fragments: any bytes of it, named by where they begin, as many as fit.
//! So what was lost can be cut anew when datagrams have become shorter, and nothing is decided beforehand.

pub(crate) mod assembly;
pub(crate) mod copies;
pub(crate) mod credit;
pub(crate) mod inbox;
mod meter;
pub(crate) mod options;
pub(crate) mod outbox;
pub(crate) mod outgoing;
pub(crate) mod parity;
pub(crate) mod qos;
pub(crate) mod ranges;
pub(crate) mod receive;
mod scattered;
pub(crate) mod send;
mod shares;
pub(crate) mod turns;

pub(crate) use inbox::Inbox;
pub(crate) use outbox::Outbox;

use crate::MESSAGE_COST;
use crate::wire::frame::Covered;
use crate::wire::{DATAGRAM_BASE, DATAGRAM_FLOOR};

/// Bytes of a fragment, at least. Bounds what it costs to remember which bytes of a message are here.
pub(crate) const FRAGMENT_LEN_MIN: usize = 128;

/// Room that a message leaves in its datagram: header (13), tag (16), frame header (18, of a parity as long as the longest fragment)
/// and some acknowledgements.
const MESSAGE_ROOM: usize = 72;
const _: () = assert!(13 + 16 + Covered::HEADER_LEN_MAX + 24 < MESSAGE_ROOM);

/// Bytes of a message, at most, that goes whole through the shortest datagram that a way may carry.
pub(crate) const SHORT_LEN: usize = whole_len(DATAGRAM_FLOOR);

/// Bytes that a fragment is reckoned with before it is cut: what fills a datagram of usual length.
pub(crate) const USUAL_LEN: usize = whole_len(DATAGRAM_BASE);

/// Bytes of a message, at most, that goes whole into a datagram of this size.
pub(crate) const fn whole_len(datagram_size: usize) -> usize {
    datagram_size - MESSAGE_ROOM
}

/// What a message of `len` bytes costs in queues and credit, however it is sent: its length, what it costs to remember it, and
/// which of its bytes have come if it may come in fragments: at most two numbers of 4 bytes for each 128 of its own.
pub(crate) const fn message_cost(len: usize) -> usize {
    let parts = if len > SHORT_LEN {
        len / (FRAGMENT_LEN_MIN / 8)
    } else {
        0
    };
    len + MESSAGE_COST + parts
}
