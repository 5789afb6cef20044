//! What a channel tells the journal of its messages.

use super::put::SKIP;
use super::{Allowance, SendChannel};
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
        piece: u32,
        pen: &mut Pen<'_>,
    ) {
        if piece == SKIP {
            return;
        }
        pen.note(Step::Left {
            channel: ChannelId::new(self.index),
            id,
            piece,
            packet: packet.number(),
        });
    }

    pub(super) fn requeued(&self, id: u64, piece: u32, is_probe: bool) -> Step {
        Step::Requeued {
            channel: ChannelId::new(self.index),
            id,
            piece,
            is_probe,
        }
    }

    /// Into how many pieces the latest message is cut.
    pub(crate) fn pieces_of_newest(&self) -> u32 {
        let fragments = self
            .queue
            .back()
            .and_then(|message| message.fragments.as_ref());
        fragments.map_or(1, |fragments| fragments.count)
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
            let fragments = message.fragments.as_ref();
            let pieces = fragments.map_or(1, |fragments| fragments.count);
            let queued = Step::Queued {
                channel: ChannelId::new(self.index),
                id,
                len: message.bytes.len(),
                pieces,
            };
            pen.note_at(message.queued_at, queued);
            for piece in 0..pieces {
                if fragments.is_some_and(|fragments| fragments.is_acked(piece)) {
                    pen.note(Step::PieceAcked {
                        channel: ChannelId::new(self.index),
                        id,
                        piece,
                    });
                }
            }
        }
        for (id, piece) in self.lost.iter().filter(|(_, piece)| *piece != SKIP) {
            pen.note(self.requeued(*id, *piece, false));
        }
    }
}
