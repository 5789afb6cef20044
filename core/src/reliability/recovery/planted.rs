//! What planted mistakes need.

use super::Recovery;

impl Recovery {
    /// The first packet has this number.
    pub(crate) const fn begin_at(&mut self, number: u64) {
        self.next_number = number;
    }

    /// For a planted mistake: counts losses once more.
    pub(crate) fn count_again(&mut self, packets_lost: u32) {
        self.packets_lost += u64::from(packets_lost);
    }

    /// For a planted mistake: takes an acknowledgement for true.
    pub(crate) fn believe(&mut self, largest: u64) {
        self.largest_acked = self.largest_acked.max(Some(largest));
    }
}
