//! What the journal asks.

use super::{Permit, Record, Recovery};
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::time::Instant;

impl Recovery {
    /// As [`permit`](Self::permit), but nothing is changed by asking.
    pub(crate) fn foresee(&self, now: Instant, bytes: usize) -> Permit {
        self.permit_by(&mut { self.pacer }, now, bytes)
    }

    /// Notes when each remembered piece left, as a journal begins.
    pub(crate) fn note_found(&self, pen: &mut Pen<'_>) {
        let packets = (0..).map_while(|index| self.ledger.get(index));
        for packet in packets {
            for record in self.ledger.records_of(packet) {
                let (channel, id, piece) = match record {
                    Record::Message { channel, id } => (channel, id, 0),
                    Record::Fragment { channel, id, index } => (channel, id, index),
                    Record::Skip { .. }
                    | Record::Credit { .. }
                    | Record::CreditAll
                    | Record::Ping
                    | Record::Close
                    | Record::ResetToken => continue,
                };
                let left = Step::Left {
                    channel: ChannelId::new(channel),
                    id,
                    piece,
                    packet: packet.number,
                };
                pen.note_at(packet.sent_at, left);
            }
        }
    }
}
