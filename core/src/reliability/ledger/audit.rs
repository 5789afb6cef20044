//! The ledger's sums against its packets.

use super::{Fate, Ledger, PACKETS_MAX};
use crate::audit::{Checked, Depth, at_most, equal, holds};

/// Packets that probes may add to a full ledger.
const MORE: usize = 64;

impl Ledger {
    /// `next_number`: no packet in here has reached it.
    pub(crate) fn audit(&self, next_number: u64, depth: Depth) -> Checked {
        let last = self.packets.back().map_or(0, |packet| packet.number + 1);
        at_most(6, "the latest packet's number", last, next_number)?;
        let owned = self.records_base + self.records.len() as u64;
        equal(4, "records of packets", self.records_owned, owned)?;
        let len = self.packets.len();
        at_most(
            4,
            "packets remembered",
            len as u64,
            (PACKETS_MAX + MORE) as u64,
        )?;
        let is_timed = self.awaited_since.is_some();
        let is_awaiting = self.awaited_count > 0;
        holds(
            9,
            "a time for the oldest awaited packet",
            is_timed == is_awaiting,
        )?;
        if !depth.sums(len) {
            return Ok(());
        }
        self.audit_packets()
    }

    fn audit_packets(&self) -> Checked {
        let (mut bytes, mut awaited, mut flying, mut records, mut lowest) = (0, 0, 0, 0, 0);
        for packet in &self.packets {
            holds(6, "numbers in order", packet.number >= lowest)?;
            lowest = packet.number + 1;
            records += u64::from(packet.records_count);
            if packet.fate == Fate::Flying {
                bytes += packet.size;
                awaited += u64::from(packet.is_awaited);
                flying += 1;
                holds(
                    11,
                    "the oldest in flight",
                    packet.number >= self.flying_from,
                )?;
            }
        }
        equal(11, "bytes in flight", self.flying_bytes, bytes)?;
        equal(
            11,
            "packets awaited",
            u64::from(self.awaited_count),
            awaited,
        )?;
        equal(
            4,
            "records of all packets",
            self.records.len() as u64,
            records,
        )?;
        let known = self.acked + self.lost + flying;
        equal(
            11,
            "sent, of acked, lost and in flight",
            self.entered,
            known,
        )
    }
}
