//! The first byte of a record.
//!
//! ```text
//!   7   6   5   4   3   2 1 0
//! | D | C | B | P | T | kind  |
//!               peer time
//! ```
//!
//! What follows has the order of the bits: time, peer, then what the kind says.

pub(super) const KIND: u8 = 0x07;

/// Time has passed since the record before: a number of microseconds follows.
pub(super) const TIME: u8 = 0x08;

/// Of another peer than the record before: its number follows.
pub(super) const PEER: u8 = 0x10;

pub(super) const END: u8 = 0;

/// A packet left. B: its length is not that of the datagram sent before, and follows. C: its number is not the next of
/// its peer's, and follows.
pub(super) const SENT: u8 = 1;

/// A packet arrived. B: its length is not that of the datagram that arrived before, and follows. C: its number is not the
/// next of its peer's, and the difference follows. D: its ECN mark is
/// not that of the datagram that arrived before, and follows.
pub(super) const TAKEN: u8 = 2;

/// A datagram left that has no number. B: as `SENT`.
pub(super) const SENT_OTHER: u8 = 3;

/// A datagram arrived that is no new packet. B, D: as `TAKEN`. C: a byte follows that says what is wrong with it.
pub(super) const ARRIVED_OTHER: u8 = 4;

/// Packets in a row were acknowledged for the first time. B: the first is not the one after those acknowledged before, and
/// the difference follows. C: more than one, and their number less two follows. D: the round trip of the last follows, in
/// units of 8 microseconds.
pub(super) const ACKNOWLEDGED: u8 = 5;

/// A packet was declared lost: how many were sent after it follows. B and C: the cause, as a number of two bits.
pub(super) const LOST: u8 = 6;

/// How far the packets of a peer are, whose records before this are not in the recording: the next that is sent, the one
/// after the largest that arrived, and the one after those acknowledged last follow.
pub(super) const STANDS: u8 = 7;

pub(super) const B: u8 = 0x20;
pub(super) const C: u8 = 0x40;
pub(super) const D: u8 = 0x80;

/// Where the cause of a loss begins.
pub(super) const CAUSE_SHIFT: u32 = 5;

/// Microseconds of a unit of round trip: that in which acknowledgements tell their delay.
pub(super) const ROUND_TRIP_UNIT_US: u64 = 8;

/// A difference as a number without sign: 0, -1, 1, -2, 2, ...
pub(super) const fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)) as u64
}

pub(super) const fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{unzigzag, zigzag};

    proptest! {
        #[test]
        fn differences_survive(difference: i64) {
            prop_assert_eq!(unzigzag(zigzag(difference)), difference);
        }
    }

    #[test]
    fn small_differences_are_small_numbers() {
        assert_eq!([0, -1, 1, -2, 2].map(zigzag), [0, 1, 2, 3, 4]);
    }
}
