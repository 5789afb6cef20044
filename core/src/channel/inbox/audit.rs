//! The inbox's sums against what it holds.

use alloc::vec::Vec;

use super::{Inbox, Item};
use crate::audit::{Checked, Depth, Fingerprint, at_most, equal};
use crate::channel::receive::ReceiveChannel;

impl Inbox {
    /// Not for a connection that is over: what was incomplete is gone then.
    pub(crate) fn audit(&self, depth: Depth) -> Checked {
        at_most(
            4,
            "bytes of unreliable messages and of parities",
            (self.unreliable_bytes + self.parity_bytes) as u64,
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
        let kept: usize = self.channels.iter().map(ReceiveChannel::parity_bytes).sum();
        equal(
            4,
            "bytes of all parities",
            self.parity_bytes as u64,
            kept as u64,
        )?;
        let (mut all_unread, mut reliable, mut unreliable) = (0, 0, 0);
        for (index, channel) in self.channels.iter().enumerate() {
            let unread = self.unread_bytes_of(index);
            all_unread += unread;
            let buffered = channel.buffered_bytes();
            channel.audit(buffered, unread)?;
            if channel.is_reliable() {
                reliable += buffered + unread;
            } else {
                unreliable += buffered + unread;
            }
        }
        equal(
            4,
            "bytes unread",
            self.unread_bytes as u64,
            all_unread as u64,
        )?;
        equal(4, "credit in use", self.all.in_use(), reliable as u64)?;
        equal(
            4,
            "bytes of all unreliable messages",
            self.unreliable_bytes as u64,
            unreliable as u64,
        )
    }

    /// Cost of a channel's messages that wait for the owner.
    fn unread_bytes_of(&self, index: usize) -> usize {
        let costs = self.items.iter().map(|item| match item {
            Item::Message { channel, cost, .. } if usize::from(*channel) == index => *cost,
            Item::Message { .. }
            | Item::Delivered { .. }
            | Item::Abandoned { .. }
            | Item::Pong { .. }
            | Item::Event(_) => 0,
        });
        costs.sum()
    }

    /// Cost of what waits for the owner.
    pub(crate) const fn unread_bytes(&self) -> usize {
        self.unread_bytes
    }

    /// All but the counters of drops; messages by their lengths.
    pub(crate) fn fingerprint(&self, into: &mut Fingerprint) {
        let items: Vec<usize> = self.items.iter().map(Item::len).collect();
        into.add(&(items, &self.all, self.unread_bytes, self.messages_received));
        into.add(&(self.unreliable_bytes, self.parity_bytes, self.ready.len()));
        for channel in &self.channels {
            channel.fingerprint(into);
        }
    }
}

impl Item {
    const fn len(&self) -> usize {
        match self {
            Self::Message { bytes, .. } => bytes.len(),
            Self::Delivered { .. } | Self::Abandoned { .. } => 1,
            Self::Pong { .. } => 2,
            Self::Event(_) => 3,
        }
    }
}
