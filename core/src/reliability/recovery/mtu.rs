//! Probes of the path's MTU, and the losses that tell that it has become less.

use super::{Eliciting, Record, Recovery, Verdict};
use crate::reliability::ledger::Packet;
use crate::saved::saved;
use crate::time::Instant;

/// Long packets that were lost in a row, none of them acknowledged in between.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Packets longer than this are meant.
    above: Option<u64>,
    /// Those before this number say nothing: a later one arrived, or they went another way.
    from: u64,
    lost: u32,
    /// The longest of the other packets that arrived meanwhile.
    arrived: u64,
    /// The probe of the path's MTU under way.
    pub(super) probe: Option<u64>,
    /// Probes that were lost, which are no losses.
    pub(super) probes_lost: u64,
}

saved!(Suspects {
    above,
    from,
    lost,
    arrived,
    probe,
    probes_lost
});

impl Suspects {
    fn is_meant(&self, size: u64) -> bool {
        self.above.is_some_and(|above| size > above)
    }

    pub(super) fn on_acked(&mut self, number: u64, size: u64) {
        if number < self.from {
            return;
        }
        if self.is_meant(size) {
            self.forget(number + 1);
        } else {
            self.arrived = self.arrived.max(size);
        }
    }

    pub(super) fn on_lost(&mut self, number: u64, size: u64) {
        if self.is_meant(size) && number >= self.from {
            self.lost += 1;
        }
    }

    /// Only packets from this number on are meant.
    pub(super) fn forget(&mut self, from: u64) {
        self.from = self.from.max(from);
        self.lost = 0;
        self.arrived = 0;
    }
}

impl Recovery {
    /// The probe assembled left with `size` bytes. It is in flight, but nobody waits for it, and its loss is no loss.
    pub(crate) fn on_mtu_probe_sent(&mut self, now: Instant, size: usize) {
        let number = self.on_sent(now, size, Eliciting::Lazy, None, true);
        self.suspects.probe = Some(number);
    }

    /// A packet was lost: if it is the probe, it was too long, which is no sign of congestion (RFC 8899 section 3,
    /// requirement 7).
    pub(super) fn on_mtu_probe_lost(
        &mut self,
        packet: &Packet,
        sink: &mut impl FnMut(Verdict, Record),
    ) -> bool {
        if self.suspects.probe != Some(packet.number) {
            return false;
        }
        self.suspects.probes_lost += 1;
        for record in self.ledger.records_of(packet) {
            sink(Verdict::Lost, record);
        }
        true
    }

    /// Losses of packets longer than this are counted from here on; `None`: of none.
    pub(crate) fn suspect_above(&mut self, size: Option<usize>) {
        let above = size.map(|size| size as u64);
        if self.suspects.above != above {
            self.suspects.above = above;
            self.suspects.forget(self.next_number);
        }
    }

    /// Datagrams have this many bytes at most from here on.
    pub(crate) fn on_datagram_size(&mut self, bytes: usize) {
        self.congestion.on_datagram_size(bytes as u64);
    }

    /// Long packets lost in a row, and the longest of the others that arrived meanwhile.
    pub(crate) const fn suspects_lost(&self) -> (u32, u64) {
        (self.suspects.lost, self.suspects.arrived)
    }

    /// Probes since the last acknowledgement.
    pub(crate) const fn backoff(&self) -> u32 {
        self.backoff
    }
}
