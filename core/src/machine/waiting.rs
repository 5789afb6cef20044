//! Slots that wait for something, each once, in the order in which they began to.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::slots::{Slot, Slots};
use crate::saved::{Loader, Saved};
use crate::wire::DecodeError;

/// A queue of slots. Its flag in the slot says that the slot stands in it, so that it stands there once.
///
/// A slot that was freed meanwhile leaves a stale entry, which is skipped; stale entries are swept out before they
/// outnumber the peers, so the queue is bounded by them.
#[derive(Debug)]
pub(super) struct Waiting {
    queue: VecDeque<u32>,
    flag: fn(&mut Slot) -> &mut bool,
}

impl Waiting {
    pub(super) const fn new(flag: fn(&mut Slot) -> &mut bool) -> Self {
        Self {
            queue: VecDeque::new(),
            flag,
        }
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        let Self { queue, flag: _ } = self;
        queue.save(out);
    }

    pub(super) fn load(
        from: &mut Loader<'_>,
        flag: fn(&mut Slot) -> &mut bool,
    ) -> Result<Self, DecodeError> {
        let queue = from.field("Waiting.queue")?;
        Ok(Self { queue, flag })
    }

    pub(super) fn push(&mut self, slot: u32, slots: &mut Slots) {
        let Some(found) = slots.get_mut(slot) else {
            return;
        };
        if core::mem::replace((self.flag)(found), true) {
            return;
        }
        if self.queue.len() > 2 * slots.used() as usize + 16 {
            self.sweep(slots);
        }
        self.queue.push_back(slot);
    }

    /// The slot that waits longest; it stays.
    pub(super) fn front(&mut self, slots: &mut Slots) -> Option<u32> {
        loop {
            let slot = *self.queue.front()?;
            if slots.get_mut(slot).is_some_and(|found| *(self.flag)(found)) {
                return Some(slot);
            }
            self.queue.pop_front();
        }
    }

    /// Takes the slot that waits longest.
    pub(super) fn pop(&mut self, slots: &mut Slots) -> Option<u32> {
        let slot = self.front(slots)?;
        self.queue.pop_front();
        if let Some(found) = slots.get_mut(slot) {
            *(self.flag)(found) = false;
        }
        Some(slot)
    }

    /// The slot at the front waits no more.
    pub(super) fn leave(&mut self, slot: u32, slots: &mut Slots) {
        if self.queue.front() == Some(&slot) {
            self.queue.pop_front();
        }
        if let Some(found) = slots.get_mut(slot) {
            *(self.flag)(found) = false;
        }
    }

    /// Whether none waits, but for those that were freed meanwhile.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Keeps one entry of every slot that waits. The newest push is not in the queue yet: its flag stays.
    fn sweep(&mut self, slots: &mut Slots) {
        let flag = self.flag;
        let mut kept = Vec::new();
        self.queue.retain(|slot| {
            let waits = slots
                .get_mut(*slot)
                .is_some_and(|found| core::mem::take(flag(found)));
            if waits {
                kept.push(*slot);
            }
            waits
        });
        for slot in kept {
            if let Some(found) = slots.get_mut(slot) {
                *flag(found) = true;
            }
        }
    }
}
