//! What a channel tells the journal of its messages.

use super::{Allowance, Outgoing, SendChannel};
use crate::channel::outgoing::Fragments;
use crate::channel::ranges::Piece;
use crate::id::ChannelId;
use crate::journal::{Hold, Pen, Step};
use crate::peer::packet::PacketBuilder;
use crate::time::Instant;

impl SendChannel {
    /// Notes that a piece left. The note that a message will not come is none of its pieces.
    pub(super) fn note_left(
        &self,
        packet: &PacketBuilder<'_>,
        id: u64,
        piece: Piece,
        pen: &mut Pen<'_>,
    ) {
        let (channel, packet) = (ChannelId::new(self.index), packet.number());
        match piece {
            Piece::Skip => {}
            Piece::Parity => {
                let message = self.message(id).and_then(Outgoing::parity);
                pen.note(Step::ParityLeft {
                    channel,
                    id,
                    part: message.map_or((0, 0), |due| (due.part.start, due.part.end)),
                    packet,
                });
            }
            Piece::Whole | Piece::Part(_) => pen.note(Step::Left {
                channel,
                id,
                part: piece.bounds(),
                packet,
            }),
        }
    }

    pub(super) fn requeued(&self, id: u64, piece: Piece, is_probe: bool) -> Step {
        Step::Requeued {
            channel: ChannelId::new(self.index),
            id,
            part: piece.bounds(),
            is_probe,
        }
    }

    /// Notes what holds back what was lost, and what is new and has its credit.
    pub(crate) fn note_waits(
        &self,
        now: Instant,
        lost: Hold,
        new: Hold,
        all: &Allowance,
        pen: &mut Pen<'_>,
    ) {
        let channel = ChannelId::new(self.index);
        let or_rate = |ready: Instant, hold| match ready > now {
            true => Hold::Rate { until: ready },
            false => hold,
        };
        if let Some(ready) = self.lost_at() {
            pen.note(Step::Waits {
                channel,
                again: true,
                hold: or_rate(ready, lost),
            });
        }
        if let Some(id) = self.unsent.first() {
            let next = &self.queue[self.position(id)];
            let ready = self.ready_at(id, next.next_piece());
            let hold = self.obstacle(id, next, all);
            pen.note(Step::Waits {
                channel,
                again: false,
                hold: hold.unwrap_or_else(|| or_rate(ready, new)),
            });
        }
    }

    /// Notes all messages, as a journal begins.
    pub(crate) fn note_found(&self, pen: &mut Pen<'_>) {
        for (id, message) in (self.base..).zip(&self.queue) {
            if !message.is_open() {
                continue;
            }
            let queued = Step::Queued {
                channel: ChannelId::new(self.index),
                id,
                len: message.bytes.len(),
            };
            pen.note_at(message.queued_at, queued);
            let fragments = message.fragments.iter();
            for part in fragments.flat_map(Fragments::acked) {
                pen.note(Step::PieceAcked {
                    channel: ChannelId::new(self.index),
                    id,
                    part: Piece::Part(part).bounds(),
                });
            }
        }
        for id in &self.lost {
            let piece = self.message(*id).and_then(Outgoing::next_lost);
            if let Some(piece) = piece.filter(|piece| *piece != Piece::Skip) {
                pen.note(self.requeued(*id, piece, false));
            }
        }
    }
}
