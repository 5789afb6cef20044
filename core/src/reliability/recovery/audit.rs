//! What no state of recovery may be.

use super::Recovery;
use crate::audit::{Checked, Depth, at_most, equal};

impl Recovery {
    pub(crate) fn audit(&self, depth: Depth) -> Checked {
        self.ledger.audit(self.next_number, depth)?;
        let acked = self.largest_acked.map_or(0, |largest| largest + 1);
        at_most(
            7,
            "the largest acknowledged number",
            acked,
            self.next_number,
        )?;
        equal(
            11,
            "packets lost",
            self.packets_lost + self.suspects.probes_lost,
            self.ledger.lost(),
        )?;
        let (marked, arrived) = self.marking.sums();
        at_most(11, "marked packets that arrived", arrived, marked)?;
        at_most(11, "marks told", self.marks_told(), marked)?;
        at_most(11, "loss in permille", self.loss_permille().into(), 1_000)?;
        at_most(
            11,
            "least round trip",
            self.rtt.min_us(),
            self.rtt.latest_us(),
        )
    }
}
