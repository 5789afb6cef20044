//! What the journal asks.

use super::{Permit, Record, Recovery};
use crate::channel::ranges::Piece;
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::time::Instant;

impl Recovery {
    /// As [`permit`](Self::permit), but nothing is changed by asking.
    pub(crate) fn foresee(&self, now: Instant, bytes: usize) -> Permit {
        if let Some(full) = self.full(bytes) {
            return full;
        }
        self.congestion
            .foresee_paced_until(now, bytes as u64, &self.rtt)
            .map_or(Permit::Now, Permit::At)
    }

    /// As [`permit_fresh`](Self::permit_fresh), but nothing is changed by asking.
    pub(crate) fn foresee_fresh(&self, now: Instant, bytes: usize) -> Permit {
        if self.ledger.is_full() {
            return Permit::LedgerFull;
        }
        self.congestion
            .foresee_fresh_until(now, bytes as u64, &self.rtt)
            .map_or(Permit::Now, Permit::At)
    }

    /// Notes when each remembered piece left, as a journal begins.
    pub(crate) fn note_found(&self, pen: &mut Pen<'_>) {
        let packets = (0..).map_while(|index| self.ledger.get(index));
        for packet in packets {
            for record in self.ledger.records_of(packet) {
                let (channel, id, part) = match record {
                    Record::Message { channel, id } => (channel, id, None),
                    Record::Fragment { channel, id, part } => {
                        (channel, id, Piece::Part(part).bounds())
                    }
                    Record::Skip { .. }
                    | Record::Credit { .. }
                    | Record::CreditAll { .. }
                    | Record::Ping
                    | Record::Close
                    | Record::ResetToken
                    | Record::MtuProbe { .. } => continue,
                };
                let left = Step::Left {
                    channel: ChannelId::new(channel),
                    id,
                    part,
                    packet: packet.number,
                };
                pen.note_at(packet.sent_at, left);
            }
        }
    }
}
