//! Marks of congestion: which packets leave with one, and what is told of them.

use super::Recovery;
use crate::reliability::ecn::{Heed, Marking};
use crate::stats::EcnState;
use crate::time::Instant;
use crate::transmit::{Ecn, EcnCounts};

impl Recovery {
    /// Marks packets from here on, or does not.
    pub(crate) fn with_ecn(mut self, is_on: bool) -> Self {
        self.marking = Marking::new(is_on);
        self
    }

    /// The mark that the packet sent last leaves with.
    pub(crate) fn sent_mark(&self) -> Option<Ecn> {
        let latest = self.ledger.latest()?;
        let is_it = latest.number + 1 == self.next_number;
        (is_it && latest.is_marked).then_some(Ecn::Ect0)
    }

    /// The packet being built is a probe.
    pub(crate) const fn mark_probe(&mut self) {
        self.marking.on_probe();
    }

    /// The ACK frame that was just read, in the newest packet so far, told of these marks, or of none.
    pub(crate) fn on_ecn_counts(&mut self, now: Instant, counts: Option<EcnCounts>) {
        if self.marking.on_ack_frame(counts) == Heed::Congestion {
            let sent_at = self.newest_acked_at.unwrap_or(Instant::ZERO);
            self.congestion.on_marked(now, sent_at);
        }
    }

    /// What is known of marks on the way to the peer.
    pub(crate) const fn ecn_state(&self) -> EcnState {
        self.marking.state()
    }

    /// Packets that met congestion, as the peer told.
    pub(crate) const fn marks_told(&self) -> u64 {
        self.marking.congested()
    }
}
