//! The inbox's sums against what it holds.

use alloc::vec::Vec;

use super::{Inbox, Item};
use crate::audit::{Checked, Depth, Fingerprint, at_most, equal};

/// Channels that a connection can have.
const CHANNELS: usize = 31;

impl Inbox {
    /// Not for a connection that is over: what was incomplete is gone then.
    pub(crate) fn audit(&self, depth: Depth) -> Checked {
        at_most(
            4,
            "bytes of unreliable messages",
            self.unreliable_bytes as u64,
            self.unreliable_bytes_max as u64,
        )?;
        equal(
            4,
            "messages on their way to the owner",
            self.ready.len() as u64,
            0,
        )?;
        self.all.audit()?;
        if !depth.sums(self.items.len()) {
            return Ok(());
        }
        let mut unread = [0; CHANNELS];
        for item in &self.items {
            if let Item::Message { channel, cost, .. } = item {
                unread[usize::from(*channel)] += cost;
            }
        }
        let all_unread: usize = unread.iter().sum();
        equal(
            4,
            "bytes unread",
            self.unread_bytes as u64,
            all_unread as u64,
        )?;
        let (mut reliable, mut unreliable) = (0, 0);
        for (channel, unread) in self.channels.iter().zip(unread) {
            channel.audit(unread)?;
            let bytes = channel.buffered_bytes() + unread;
            *if channel.is_reliable() {
                &mut reliable
            } else {
                &mut unreliable
            } += bytes;
        }
        equal(4, "credit in use", self.all.in_use(), reliable as u64)?;
        equal(
            4,
            "bytes of all unreliable messages",
            self.unreliable_bytes as u64,
            unreliable as u64,
        )
    }

    /// Cost of what waits for the owner.
    pub(crate) const fn unread_bytes(&self) -> usize {
        self.unread_bytes
    }

    /// All but the counters of drops; messages by their lengths.
    pub(crate) fn fingerprint(&self, into: &mut Fingerprint) {
        let items: Vec<usize> = self.items.iter().map(Item::len).collect();
        into.add(&(items, &self.all, self.unread_bytes, self.messages_received));
        into.add(&(self.unreliable_bytes, self.ready.len()));
        for channel in &self.channels {
            channel.fingerprint(into);
        }
    }
}

impl Item {
    const fn len(&self) -> usize {
        match self {
            Self::Message { bytes, .. } => bytes.len(),
            Self::Delivered { .. } => 1,
            Self::Pong { .. } => 2,
            Self::Event(_) => 3,
        }
    }
}
