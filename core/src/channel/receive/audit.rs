//! What no state of a receive channel may be.

use super::{ReceiveChannel, UNRELIABLE_ASSEMBLIES_MAX};
use crate::audit::{Checked, Fingerprint, at_most, equal, holds};

impl ReceiveChannel {
    /// `buffered`: its [`buffered_bytes`](Self::buffered_bytes); `unread`: cost of its messages that wait for the owner.
    pub(crate) fn audit(&self, buffered: usize, unread: usize) -> Checked {
        let (kept, sum) = (self.parity_bytes(), self.assemblies.parity_bytes_sum());
        equal(4, "bytes of parities", kept as u64, sum as u64)?;
        if !self.is_reliable() {
            let (assemblies, limit) = (self.assemblies.len(), UNRELIABLE_ASSEMBLIES_MAX);
            return at_most(4, "messages in reassembly", assemblies as u64, limit as u64);
        }
        let held = (buffered + unread) as u64;
        equal(4, "credit in use on a channel", self.grant.in_use(), held)?;
        self.grant.audit()?;
        let mut floor = self.floor;
        for whole in &self.held {
            holds(3, "messages held in order", whole.id > floor)?;
            floor = whole.id;
        }
        Ok(())
    }

    /// Messages by their names, not by what they say.
    pub(crate) fn fingerprint(&self, into: &mut Fingerprint) {
        into.add(&(self.floor, &self.seen, self.newest, self.grant));
        into.add(&(self.assemblies.len(), self.assemblies.bytes()));
        into.add(&self.assemblies.parity_state());
        for whole in &self.held {
            into.add(&(whole.id, whole.cost));
        }
    }
}
