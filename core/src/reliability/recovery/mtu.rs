//! Probes of the path's MTU, and the losses that tell that it has become less.

use super::{Eliciting, Record, Recovery, Verdict};
use crate::path::mtu::Suspicion;
use crate::reliability::ledger::Packet;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::{DATAGRAM_BASE, DATAGRAM_FLOOR};

/// Long packets that were lost in a row.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Whether losses are watched at all.
    is_on: bool,
    beyond_floor: Row,
    beyond_base: Row,
    /// A probe for lost packets had to be sent since the last long packet arrived.
    is_silent: bool,
    /// The probe of the path's MTU under way.
    pub(super) probe: Option<u64>,
    /// Probes that were lost, which are no losses.
    pub(super) probes_lost: u64,
}

saved!(Suspects {
    is_on,
    beyond_floor,
    beyond_base,
    is_silent,
    probe,
    probes_lost
});

/// Packets above a size that were lost, none of them acknowledged in between.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// Those before this number say nothing: a later one arrived, or they went another way.
    from: u64,
    lost: u32,
}

saved!(Row { from, lost });

impl Row {
    fn forget(&mut self, from: u64) {
        *self = Self {
            from: self.from.max(from),
            lost: 0,
        };
    }
}

impl Suspects {
    /// The rows that a packet of `size` bytes belongs to.
    fn rows(&mut self, size: u64) -> impl Iterator<Item = &mut Row> {
        let rows = [
            (DATAGRAM_FLOOR, &mut self.beyond_floor),
            (DATAGRAM_BASE, &mut self.beyond_base),
        ];
        let is_in = move |above: usize| size > above as u64;
        let rows = rows.into_iter().filter(move |(above, _)| is_in(*above));
        rows.map(|(_, row)| row)
    }

    pub(super) fn on_acked(&mut self, number: u64, size: u64) {
        let mut is_long = false;
        for row in self.rows(size) {
            is_long = true;
            if number >= row.from {
                row.forget(number + 1);
            }
        }
        self.is_silent &= !is_long;
    }

    pub(super) fn on_lost(&mut self, number: u64, size: u64) {
        for row in self.rows(size).filter(|row| number >= row.from) {
            row.lost += 1;
        }
    }

    /// A probe for lost packets leaves, because nothing is heard.
    pub(super) const fn on_silence(&mut self) {
        self.is_silent = true;
    }

    /// Only packets from this number on are meant.
    pub(super) fn forget(&mut self, from: u64) {
        self.beyond_floor.forget(from);
        self.beyond_base.forget(from);
        self.is_silent = false;
    }
}

impl Recovery {
    /// The probe assembled left with `size` bytes, as there is much to send. It is in flight, but nobody waits for it, and its loss is no loss.
    pub(crate) fn on_mtu_probe_sent(&mut self, now: Instant, size: usize) {
        let number = self.on_sent(now, size, Eliciting::Lazy, None, false);
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

    /// Whether losses of long packets are watched.
    pub(crate) fn suspect(&mut self, is_on: bool) {
        if self.suspects.is_on != is_on {
            self.suspects.is_on = is_on;
            self.suspects.forget(self.next_number);
        }
    }

    /// What left until now says nothing any more.
    pub(crate) fn forget_suspects(&mut self) {
        self.suspects.forget(self.next_number);
    }

    /// Datagrams have this many bytes at most from here on. What congestion control counts in datagrams is counted in those of 1,200 at
    /// most: longer ones are no reason for a longer queue.
    pub(crate) fn on_datagram_size(&mut self, bytes: usize) {
        self.congestion
            .on_datagram_size(bytes.min(DATAGRAM_BASE) as u64);
    }

    /// Long packets lost in a row.
    pub(crate) const fn suspicion(&self) -> Suspicion {
        let Suspects {
            is_on,
            beyond_floor,
            beyond_base,
            is_silent,
            ..
        } = self.suspects;
        if !is_on {
            return Suspicion::NONE;
        }
        Suspicion {
            beyond_floor: beyond_floor.lost,
            beyond_base: beyond_base.lost,
            is_silent,
        }
    }

    /// Probes since the last acknowledgement.
    pub(crate) const fn backoff(&self) -> u32 {
        self.backoff
    }
}
