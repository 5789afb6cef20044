//! Putting fragments together, in memory that grows only with what arrived.

use alloc::vec::Vec;
use core::time::Duration;

use super::FRAGMENT_LEN_MIN;
use crate::MESSAGE_COST;
use crate::event::Violation;
use crate::pool::Pool;
use crate::time::Instant;
use crate::wire::frame::Fragment;

/// An unreliable message whose fragments do not all come within this time is dropped: at 30 Hz it is
/// 30 steps old by then.
pub(crate) const ASSEMBLY_TIMEOUT: Duration = Duration::from_secs(1);

/// The fragments of one message that have arrived, sorted by index.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) id: u64,
    pub(crate) started_at: Instant,
    /// Order of the first fragment among all packets, for sequenced channels.
    pub(crate) order: Option<(u64, u32)>,
    count: u32,
    pieces: Pieces,
    len: usize,
}

/// Fragments that have arrived, by index.
pub(crate) type Pieces = Vec<(u32, Vec<u8>)>;

/// Checks that a fragment is possible at all: a bound on the count bounds all that follows.
pub(crate) fn check(
    fragment: Fragment,
    len: usize,
    message_size_max: usize,
) -> Result<(), Violation> {
    if fragment.count < 2 || fragment.index >= fragment.count || len == 0 {
        return Err(Violation::BadFragment);
    }
    // Below the count, so that one more is still a number.
    let is_last = fragment.index + 1 == fragment.count;
    if !is_last && len < FRAGMENT_LEN_MIN {
        return Err(Violation::BadFragment);
    }
    if fragment.count as usize > message_size_max / FRAGMENT_LEN_MIN + 1 || len > message_size_max {
        return Err(Violation::TooLarge);
    }
    Ok(())
}

impl Assembly {
    /// An assembly without fragments; `pieces` is an empty list to use.
    pub(crate) const fn new(now: Instant, id: u64, count: u32, pieces: Pieces) -> Self {
        Self {
            id,
            started_at: now,
            order: None,
            count,
            pieces,
            len: 0,
        }
    }

    /// What it is charged: the fragments' bytes and the cost of each.
    pub(crate) fn cost(&self) -> usize {
        self.len + self.pieces.len() * MESSAGE_COST
    }

    pub(crate) fn has(&self, index: u32) -> bool {
        self.pieces
            .binary_search_by_key(&index, |piece| piece.0)
            .is_ok()
    }

    /// Whether the fragment fits to the others.
    pub(crate) fn check(
        &self,
        fragment: Fragment,
        len: usize,
        message_size_max: usize,
    ) -> Result<(), Violation> {
        if fragment.count != self.count {
            return Err(Violation::BadFragment);
        }
        if self.len + len > message_size_max {
            return Err(Violation::TooLarge);
        }
        Ok(())
    }

    /// Keeps a copy of a fragment that is new and passed [`check`](Self::check).
    pub(crate) fn insert(&mut self, index: u32, bytes: &[u8], pool: &mut Pool) {
        let Err(position) = self.pieces.binary_search_by_key(&index, |piece| piece.0) else {
            return;
        };
        self.len += bytes.len();
        self.pieces.insert(position, (index, pool.copy(bytes)));
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.pieces.len() == self.count as usize
    }

    /// The whole message, and the list for the next one.
    pub(crate) fn join(mut self, pool: &mut Pool) -> (Vec<u8>, Pieces) {
        let mut message = pool.take(self.len);
        for (_, piece) in self.pieces.drain(..) {
            message.extend_from_slice(&piece);
            pool.give(piece);
        }
        (message, self.pieces)
    }

    /// Gives the memory back.
    pub(crate) fn release(mut self, pool: &mut Pool) {
        self.pieces
            .drain(..)
            .for_each(|(_, piece)| pool.give(piece));
    }
}
