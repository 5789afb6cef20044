//! One message on its way out, and which of its fragments are acknowledged.

use alloc::vec::Vec;

use crate::pool::Pool;
use crate::time::Instant;

/// A queued message.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    pub(crate) cost: usize,
    pub(crate) queued_at: Instant,
    /// When its first piece left for the first time.
    pub(crate) sent_at: Option<Instant>,
    pub(crate) receipt: bool,
    pub(crate) acked: bool,
    /// Whole messages: waits in the queue of lost pieces.
    pub(crate) resend_queued: bool,
    pub(crate) fragments: Option<Fragments>,
}

/// How a long message is cut, and the fate of its pieces: one bit each for "acknowledged" and "waits to be sent again".
#[derive(Debug)]
pub(crate) struct Fragments {
    pub(crate) len: usize,
    pub(crate) count: u32,
    /// First piece that was never sent.
    pub(crate) next: u32,
    acked_count: u32,
    bits: Vec<u8>,
}

impl Fragments {
    pub(crate) fn new(message_len: usize, len: usize, pool: &mut Pool) -> Self {
        let count = message_len.div_ceil(len) as u32;
        let bytes = 2 * (count as usize).div_ceil(8);
        let mut bits = pool.take(bytes);
        bits.resize(bytes, 0);
        Self {
            len,
            count,
            next: 0,
            acked_count: 0,
            bits,
        }
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
    /// The piece at `index`: of a whole message, all of it.
    pub(crate) fn piece(&self, index: u32) -> &[u8] {
        let Some(fragments) = &self.fragments else {
            return &self.bytes;
        };
        let start = index as usize * fragments.len;
        &self.bytes[start..self.bytes.len().min(start + fragments.len)]
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
