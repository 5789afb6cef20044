//! Which packets arrived, on both sides.
//!
//! Every packet has a number, from 0 on, used once. The receiving half, [`received`], remembers the latest 1,024
//! numbers: it refuses replays and knows what to acknowledge, and when. The sending half, [`recovery`], remembers
//! what each packet carried and decides, by RFC 9002, that it arrived or was lost. A packet is never sent again; what
//! it carried may be, in a new packet with a new number, so an acknowledgement is never ambiguous.
//!
//! An acknowledgement has two forms: *ranges* (the ACK frame, exact, with the delay that makes it a round trip
//! sample) and *compact* (one byte: this number and the 31 below it arrived). See [`received::AckForm`].

pub(crate) mod ack_time;
pub(crate) mod ecn;
pub(crate) mod ledger;
pub(crate) mod loss_history;
pub(crate) mod received;
pub(crate) mod recovery;
pub(crate) mod redundancy;
pub(crate) mod reordering;
pub(crate) mod rtt;
pub(crate) mod silence;
#[cfg(test)]
mod tests;

/// Ranges in one acknowledgement, at most; more are ignored by the receiver.
pub(crate) const ACK_RANGES_MAX: usize = 32;

/// Numbers that a compact acknowledgement speaks for.
pub(crate) const COMPACT_SPAN: u64 = 32;
