//! One message on its way out, and which of its fragments are acknowledged.

use alloc::vec::Vec;

use super::options::Priority;
use super::send::SKIP;
use crate::config::Config;
use crate::pool::Pool;
use crate::saved::saved;
use crate::time::Instant;

/// A queued message.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    /// What it is charged in the queue; once abandoned, the credit that was spent on it.
    pub(crate) cost: usize,
    pub(crate) queued_at: Instant,
    /// When its first piece left for the first time.
    pub(crate) sent_at: Option<Instant>,
    pub(crate) priority: Priority,
    pub(crate) receipt: bool,
    /// Nothing more is to be done: acknowledged, or unreliable and sent or given up.
    pub(crate) settled: bool,
    /// Reliable: given up, and the peer is to be told.
    pub(crate) is_abandoned: bool,
    /// Whole messages: waits in the queue of lost pieces.
    pub(crate) resend_queued: bool,
    /// Whole messages: packets in flight that carry it.
    pub(crate) carriers: u32,
    pub(crate) fragments: Option<Fragments>,
}

saved!(Outgoing {
    bytes,
    cost,
    queued_at,
    sent_at,
    priority,
    receipt,
    settled,
    is_abandoned,
    resend_queued,
    carriers,
    fragments
});

/// How a long message is cut, and the fate of its pieces: one bit each for "acknowledged" and "waits to be sent again".
#[derive(Debug)]
pub(crate) struct Fragments {
    /// Names the message to the peer: its id, or on unreliable channels the number of long messages before it.
    pub(crate) id: u64,
    /// Bytes of the message.
    len: usize,
    pub(crate) count: u32,
    /// First piece that was never sent.
    pub(crate) next: u32,
    acked_count: u32,
    bits: Vec<u8>,
}

saved!(Fragments { id, len, count, next, acked_count, bits } if Fragments::is_sound);

impl Fragments {
    /// Cuts a message into as few fragments of at most `len_max` bytes as possible, of equal length to
    /// the byte: a short last one would cost its receiver more than it holds.
    pub(crate) fn new(id: u64, message_len: usize, len_max: usize, pool: &mut Pool) -> Self {
        let count = message_len.div_ceil(len_max);
        let count = count as u32;
        let bytes = 2 * (count as usize).div_ceil(8);
        let mut bits = pool.take(bytes);
        bits.resize(bytes, 0);
        Self {
            id,
            len: message_len,
            count,
            next: 0,
            acked_count: 0,
            bits,
        }
    }

    fn is_sound(&self, _: &Config) -> bool {
        let count = self.count as usize;
        count > 0 && self.bits.len() == 2 * count.div_ceil(8) && self.next <= self.count
    }

    /// Where a fragment begins in the message; of the count, its end.
    const fn start(&self, index: u32) -> usize {
        (index as u64 * self.len as u64 / self.count as u64) as usize
    }

    fn bit(&self, index: u32, resend: bool) -> (usize, u8) {
        let half = if resend { self.bits.len() / 2 } else { 0 };
        (half + index as usize / 8, 1 << (index % 8))
    }

    pub(crate) fn is_acked(&self, index: u32) -> bool {
        let (byte, mask) = self.bit(index, false);
        self.bits[byte] & mask != 0
    }

    pub(crate) fn is_resend_queued(&self, index: u32) -> bool {
        let (byte, mask) = self.bit(index, true);
        self.bits[byte] & mask != 0
    }

    pub(crate) fn set_resend_queued(&mut self, index: u32, queued: bool) {
        let (byte, mask) = self.bit(index, true);
        if queued {
            self.bits[byte] |= mask;
        } else {
            self.bits[byte] &= !mask;
        }
    }

    /// Marks a piece; returns whether all are acknowledged.
    pub(crate) fn on_acked(&mut self, index: u32) -> bool {
        if index < self.count && !self.is_acked(index) {
            let (byte, mask) = self.bit(index, false);
            self.bits[byte] |= mask;
            self.acked_count += 1;
        }
        self.acked_count == self.count
    }

    /// The first piece that was sent and is not acknowledged.
    pub(crate) fn first_unacked(&self) -> Option<u32> {
        (0..self.next).find(|index| !self.is_acked(*index))
    }
}

impl Outgoing {
    /// One piece without options, at no cost.
    pub(crate) const fn new(queued_at: Instant, bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            cost: 0,
            queued_at,
            sent_at: None,
            priority: Priority::Normal,
            receipt: false,
            settled: false,
            is_abandoned: false,
            resend_queued: false,
            carriers: 0,
            fragments: None,
        }
    }

    /// Whether it is still to be delivered.
    pub(crate) const fn is_open(&self) -> bool {
        !self.settled && !self.is_abandoned
    }

    /// Whether the piece is still to be acknowledged; of an abandoned message that is the note, or what settles it.
    pub(crate) fn wants(&self, index: u32) -> bool {
        if self.settled {
            return false;
        }
        if self.is_abandoned {
            return index == SKIP;
        }
        let fragments = self.fragments.as_ref();
        index != SKIP && fragments.is_none_or(|fragments| !fragments.is_acked(index))
    }

    /// The piece that leaves next of one that has not left in full.
    pub(crate) fn next_piece(&self) -> u32 {
        if self.is_abandoned {
            return SKIP;
        }
        self.fragments
            .as_ref()
            .map_or(0, |fragments| fragments.next)
    }

    /// The first piece that was sent and is not acknowledged.
    pub(crate) fn first_unacked(&self) -> Option<u32> {
        if self.is_abandoned {
            return Some(SKIP);
        }
        match &self.fragments {
            None => Some(0),
            Some(fragments) => fragments.first_unacked(),
        }
    }

    pub(crate) fn is_sent_in_full(&self) -> bool {
        let fragments = self.fragments.as_ref();
        self.sent_at.is_some()
            && fragments.is_none_or(|fragments| fragments.next == fragments.count)
    }

    /// Gives it up: its memory goes back, and what stays is the credit spent on it.
    pub(crate) fn abandon(&mut self, pool: &mut Pool) {
        self.is_abandoned = true;
        self.resend_queued = false;
        if self.sent_at.is_none() {
            self.cost = 0;
        }
        self.release(pool);
    }

    /// The piece at `index`: of a whole message, all of it.
    pub(crate) fn piece(&self, index: u32) -> &[u8] {
        let Some(fragments) = &self.fragments else {
            return &self.bytes;
        };
        &self.bytes[fragments.start(index)..fragments.start(index + 1)]
    }

    /// Gives the memory back; the entry stays until those before it are acknowledged too.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        pool.give(core::mem::take(&mut self.bytes));
        if let Some(fragments) = &mut self.fragments {
            pool.give(core::mem::take(&mut fragments.bits));
        }
        self.fragments = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Fragments, Outgoing};
    use crate::channel::{
        FRAGMENT_COST, FRAGMENT_LEN_MAX, FRAGMENT_LEN_MIN, fragment_len, message_cost,
    };
    use crate::pool::Pool;
    use crate::time::Instant;
    use crate::{MESSAGE_COST, wire};

    fn assert_cut(len: usize, datagram_size_max: usize) {
        let len_max = fragment_len(datagram_size_max);
        let mut pool = Pool::default();
        let fragments = Fragments::new(0, len, len_max, &mut pool);
        let count = fragments.count;
        let bytes = (0..len).map(|byte| byte as u8).collect();
        let message = Outgoing {
            fragments: Some(fragments),
            ..Outgoing::new(Instant::ZERO, bytes)
        };
        let pieces = (0..count).map(|index| message.piece(index));
        // Each is possible to the receiver, and it counts the cost that the sender counted.
        let mut cost = 0;
        for piece in pieces.clone() {
            assert!(
                (FRAGMENT_LEN_MIN..=len_max).contains(&piece.len()),
                "{len} bytes: a fragment of {}",
                piece.len()
            );
            cost += piece.len() + FRAGMENT_COST;
        }
        let once = MESSAGE_COST - FRAGMENT_COST;
        assert_eq!(cost + once, message_cost(len, len_max));
        assert_eq!(pieces.flatten().count(), len);
    }

    proptest! {
        #[test]
        fn fragments_are_of_equal_length_and_all_there(
            count in 1usize..=2_200, more in 0usize..476, size in wire::DATAGRAM_FLOOR..=1_452,
        ) {
            let len = (count * fragment_len(size) + more).clamp(FRAGMENT_LEN_MAX + 1, 1 << 20);
            assert_cut(len, size);
        }
    }

    #[test]
    fn fragments_at_the_edges_are_long_enough() {
        for size in [548, 1_200, 1_452] {
            let len_max = fragment_len(size);
            for count in 2..(1usize << 20) / len_max {
                assert_cut(count * len_max + 1, size);
            }
            assert_cut(1 << 20, size);
        }
    }
}
