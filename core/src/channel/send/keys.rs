//! The newest message of each supersede key.

use alloc::vec::Vec;

use crate::saved::saved;

/// Key and id, sorted by key. The message may be settled by now: such entries are taken out when they are many.
#[derive(Debug, Default)]
pub(super) struct Keys {
    list: Vec<(u64, u64)>,
}

saved!(Keys { list } if |keys, _| keys.list.is_sorted_by(|a, b| a.0 < b.0));

impl Keys {
    fn position(&self, key: u64) -> Result<usize, usize> {
        self.list.binary_search_by_key(&key, |entry| entry.0)
    }

    pub(super) fn newest(&self, key: u64) -> Option<u64> {
        let position = self.position(key).ok()?;
        Some(self.list[position].1)
    }

    /// A newer message has the key.
    pub(super) fn set(&mut self, key: u64, id: u64) {
        match self.position(key) {
            Ok(position) => self.list[position].1 = id,
            Err(position) => self.list.insert(position, (key, id)),
        }
    }

    pub(super) fn retain(&mut self, is_wanted: impl Fn(u64) -> bool) {
        self.list.retain(|(_, id)| is_wanted(*id));
    }

    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }
}
