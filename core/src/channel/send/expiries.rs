//! When messages expire.

use alloc::collections::VecDeque;

use crate::saved::saved;
use crate::time::Instant;

/// Time and id, the earliest first. Messages that were settled before their time are taken out when they come to the front,
/// or when they are many.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    list: VecDeque<(Instant, u64)>,
}

saved!(Expiries { list } if |expiries, _| expiries.list.iter().is_sorted());

impl Expiries {
    /// Messages mostly live equally long, so that this is mostly at the end.
    pub(super) fn insert(&mut self, at: Instant, id: u64) {
        let position = self.list.partition_point(|entry| *entry < (at, id));
        self.list.insert(position, (at, id));
    }

    pub(super) fn first(&self) -> Option<(Instant, u64)> {
        self.list.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.list.pop_front();
    }

    pub(super) fn retain(&mut self, is_wanted: impl Fn(u64) -> bool) {
        self.list.retain(|(_, id)| is_wanted(*id));
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}
