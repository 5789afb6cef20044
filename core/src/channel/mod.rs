//! Channels: streams of messages, each with one delivery promise.
//!
//! [`Outbox`] holds what a peer is to receive: one [`send::SendChannel`] for each channel. [`Inbox`]
//! holds what came from it: one [`receive::ReceiveChannel`] each, and the items its owner has not polled yet.
//!
//! Kept here:
//! - a reliable message stays in the outbox until it is acknowledged, and is in the inbox before it is;
//! - every byte is charged: against the queue's bound, and for reliable channels against the credit
//!   that the receiver gave ([`credit`]), so that what arrives always finds its room;
//! - a message costs its length and [`MESSAGE_COST`](crate::MESSAGE_COST) for each datagram it fills.

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

/// Bytes of a fragment, at least. Bounds the number of fragments, and what they cost beside their bytes.
pub(crate) const FRAGMENT_LEN_MIN: usize = 128;

/// Room that a fragment leaves in its datagram: header (13), tag (16), frame header (11) and some acknowledgements.
const FRAGMENT_ROOM: usize = 72;

/// Bytes of a fragment, at most, in datagrams of this size.
pub(crate) const fn fragment_len(datagram_size_max: usize) -> usize {
    datagram_size_max - FRAGMENT_ROOM
}

/// Into how many pieces a message of `len` bytes is cut in datagrams of this size.
pub(crate) const fn pieces(len: usize, datagram_size_max: usize) -> u32 {
    let pieces = len.div_ceil(fragment_len(datagram_size_max));
    if pieces == 0 { 1 } else { pieces as u32 }
}

/// What a message of `len` bytes costs in queues and credit if it is cut into pieces of `fragment_len`.
pub(crate) const fn message_cost(len: usize, fragment_len: usize) -> usize {
    let pieces = len.div_ceil(fragment_len);
    len + MESSAGE_COST * if pieces == 0 { 1 } else { pieces }
}
