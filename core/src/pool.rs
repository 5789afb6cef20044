//! Memory for messages, recycled so that nothing is allocated for one in steady state.
//!
//! Two kinds, because they are held for different times by different owners:
//! - [`Pool`]: buffers of their own for messages inside the endpoint (queued, in reassembly, out of
//!   order, unread). A message of one datagram pins at most 63 bytes more than its size, a longer one at
//!   most a sixteenth more, however long a slow peer holds it.
//! - [`Blocks`]: large blocks shared by the messages handed to the owner as [`Bytes`]; reclaimed when all
//!   of them are dropped. Who keeps such a message for long keeps its block: copy it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::channel::ranges::{Part, Parts};

/// Small buffers come in steps of this many bytes, so that a message pins hardly more than its size.
const STEP: usize = 64;
const SMALL_MAX: usize = 2_048;
const SMALL_CLASSES: usize = SMALL_MAX / STEP;

/// Large ones, which only messages of several fragments need, in so many steps to each power of two, up to 1 MiB.
const STEPS: usize = 16;
const LARGE_CLASSES: usize = 9 * STEPS;
const CLASSES: usize = SMALL_CLASSES + LARGE_CLASSES;

/// Idle buffers kept for reuse, in bytes over all classes.
const IDLE_BYTES_MAX: usize = 4 << 20;

/// Idle sets kept for reuse, and the parts that one of them has room for, at most: a fragment of 128 bytes may get two of them.
const IDLE_PARTS_MAX: usize = 1_024;
const PARTS_LEN_MAX: usize = 16;

/// Recycled buffers, by size.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: [Vec<Vec<u8>>; CLASSES],
    idle_bytes: usize,
    /// Memory of sets, for messages in fragments.
    parts: Vec<Vec<Part>>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            idle: core::array::from_fn(|_| Vec::new()),
            idle_bytes: 0,
            parts: Vec::new(),
        }
    }
}

impl Pool {
    /// An empty buffer with room for `len` bytes, at most 1 MiB.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let class = class_of(len);
        let Some(buffer) = self.idle[class].pop() else {
            return Vec::with_capacity(class_size(class).max(len));
        };
        self.idle_bytes -= buffer.capacity();
        buffer
    }

    /// A buffer with a copy of `bytes`.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut buffer = self.take(bytes.len());
        buffer.extend_from_slice(bytes);
        buffer
    }

    /// Takes a buffer back. One that was not given back is merely freed.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let class = class_of(capacity);
        if class_size(class) != capacity || self.idle_bytes + capacity > IDLE_BYTES_MAX {
            return;
        }
        buffer.clear();
        self.idle_bytes += capacity;
        self.idle[class].push(buffer);
    }

    /// Bytes of all buffers that wait to be taken again.
    #[cfg(test)]
    pub(crate) const fn idle_bytes(&self) -> usize {
        self.idle_bytes
    }

    /// An empty set of bytes of a message.
    pub(crate) fn take_parts(&mut self) -> Parts {
        Parts::recycled(self.take_list())
    }

    /// Takes a set back.
    pub(crate) fn give_parts(&mut self, parts: Parts) {
        self.give_list(parts.into_list());
    }

    /// An empty list.
    pub(crate) fn take_list(&mut self) -> Vec<Part> {
        self.parts.pop().unwrap_or_default()
    }

    /// Takes a list back.
    pub(crate) fn give_list(&mut self, mut list: Vec<Part>) {
        let is_usual = (1..=PARTS_LEN_MAX).contains(&list.capacity());
        if is_usual && self.parts.len() < IDLE_PARTS_MAX {
            list.clear();
            self.parts.push(list);
        }
    }
}

fn class_of(len: usize) -> usize {
    if len <= SMALL_MAX {
        return len.max(1).div_ceil(STEP) - 1;
    }
    let (doublings, step) = large(len - 1);
    let class = SMALL_CLASSES + doublings * STEPS + (len - 1) / step % STEPS;
    class.min(CLASSES - 1)
}

/// How often `SMALL_MAX` doubled is at most this, and the step between sizes there.
const fn large(len: usize) -> (usize, usize) {
    let doublings = (len / SMALL_MAX).ilog2() as usize;
    (doublings, (SMALL_MAX << doublings) / STEPS)
}

const fn class_size(class: usize) -> usize {
    if class < SMALL_CLASSES {
        return (class + 1) * STEP;
    }
    let class = class - SMALL_CLASSES;
    let least = SMALL_MAX << (class / STEPS);
    least + (class % STEPS + 1) * (least / STEPS)
}

/// Bytes of a shared block.
const BLOCK_LEN: usize = 64 * 1024;

/// Messages above this get memory of their own, so that they do not pin or waste a block.
const SHARED_LEN_MAX: usize = BLOCK_LEN / 8;

/// Full blocks that wait to be reclaimed, at most; older ones are left to their messages.
const RESTING_MAX: usize = 32;

/// Blocks shared by the messages handed to the owner.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    current: BytesMut,
    resting: VecDeque<BytesMut>,
}

impl Blocks {
    /// A view of a copy of `bytes`.
    pub(crate) fn share(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        if bytes.len() > SHARED_LEN_MAX {
            return Bytes::copy_from_slice(bytes);
        }
        if self.current.capacity() < bytes.len() && !self.current.try_reclaim(BLOCK_LEN) {
            self.rotate();
        }
        self.current.extend_from_slice(bytes);
        self.current.split().freeze()
    }

    /// Makes the oldest resting block current if its messages are gone, else a new one.
    fn rotate(&mut self) {
        let reclaimed = self
            .resting
            .front_mut()
            .is_some_and(|block| block.try_reclaim(BLOCK_LEN));
        let next = if reclaimed {
            self.resting.pop_front()
        } else {
            None
        };
        let next = next.unwrap_or_else(|| BytesMut::with_capacity(BLOCK_LEN));
        let full = core::mem::replace(&mut self.current, next);
        if self.resting.len() == RESTING_MAX {
            self.resting.pop_front();
        }
        self.resting.push_back(full);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{BLOCK_LEN, Blocks, IDLE_BYTES_MAX, Pool, class_of, class_size};

    #[test]
    fn a_class_holds_its_length_and_hardly_more() {
        for len in (0..70_000).chain([(1 << 20) - 1, 1 << 20]) {
            let size = class_size(class_of(len));
            assert!(
                size >= len && size <= len + 64.max(len / 16),
                "{len}: {size}"
            );
            assert_eq!(class_of(size), class_of(len), "{len}");
        }
        assert_eq!(class_size(class_of(65)), 128);
        assert_eq!(class_size(class_of(2_049)), 2_176);
    }

    #[test]
    fn a_buffer_given_back_is_taken_again() {
        let mut pool = Pool::default();
        let buffer = pool.copy(&[7; 100]);
        let address = buffer.as_ptr();
        pool.give(buffer);
        let again = pool.take(120);
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
    }

    #[test]
    fn idle_memory_is_bounded() {
        let mut pool = Pool::default();
        let buffers: Vec<_> = (0..8).map(|_| pool.take(1 << 20)).collect();
        buffers.into_iter().for_each(|buffer| pool.give(buffer));
        assert_eq!(pool.idle_bytes, IDLE_BYTES_MAX);
    }

    #[test]
    fn a_block_is_reclaimed_once_its_messages_are_dropped() {
        let mut blocks = Blocks::default();
        let first = blocks.share(&[1; 1_000]);
        let address = first.as_ptr();
        drop(first);
        for _ in 1..BLOCK_LEN / 1_000 {
            drop(blocks.share(&[2; 1_000]));
        }
        assert_eq!(blocks.share(&[3; 1_000]).as_ptr(), address);
    }

    #[test]
    fn a_message_kept_by_the_owner_is_never_overwritten() {
        let mut blocks = Blocks::default();
        let kept = blocks.share(&[1; 1_000]);
        for _ in 0..4 * BLOCK_LEN / 1_000 {
            drop(blocks.share(&[2; 1_000]));
        }
        assert!(kept.iter().all(|byte| *byte == 1));
    }
}
