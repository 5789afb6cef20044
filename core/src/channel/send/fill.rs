//! What of a channel may leave, when, and into the packet with it: a piece each time, when the channel's turn has come.

use super::put::parity_frame_len;
use super::{Copies, Outgoing, SendChannel};
use crate::channel::credit::Allowance;
use crate::channel::ranges::Piece;
use crate::config::Config;
use crate::journal::Pen;
use crate::peer::packet::PacketBuilder;
use crate::pool::Pool;
use crate::time::Instant;
use crate::wire::NUMBERED_MESSAGES_PER_PACKET_MAX;

/// When a message may leave for the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// What is queued leaves now.
    pub(crate) flush: bool,
    pub(crate) config: &'a Config,
}

impl Terms<'_> {
    /// When the owner's tick lets it.
    pub(super) fn since(self, queued_at: Instant) -> Instant {
        match self.flush {
            true => Instant::ZERO,
            false => queued_at + self.config.coalesce_delay,
        }
    }
}

impl SendChannel {
    /// Whether it has nothing to send, neither new nor lost.
    pub(crate) fn is_idle(&self) -> bool {
        self.unsent.is_empty() && self.lost.is_empty()
    }

    /// When the next piece that never left may leave, as far as it is for the channel to say. An unreliable one that is too
    /// old by then does not count.
    pub(crate) fn new_at(&self, all: &Allowance, terms: Terms<'_>) -> Option<Instant> {
        if !self.is_reliable() {
            return self.fresh(Instant::ZERO, terms).map(|(at, ..)| at);
        }
        let (id, message) = self.next(all)?;
        let ready = self.ready_at(id, message.next_piece());
        Some(ready.max(terms.since(message.queued_at)))
    }

    /// When the next piece that was lost may leave; what is not wanted any more is free.
    pub(crate) fn lost_at(&self) -> Option<Instant> {
        let id = *self.lost.front()?;
        let piece = self.message(id).and_then(Outgoing::next_lost);
        Some(piece.map_or(Instant::ZERO, |piece| self.ready_at(id, piece)))
    }

    /// When the rate lets a piece leave.
    pub(super) fn ready_at(&self, id: u64, piece: Piece) -> Instant {
        if !self.meter.is_limited() {
            return Instant::ZERO;
        }
        self.meter.ready_at(self.piece_cost(id, piece))
    }

    /// What a piece takes of the rate and of the channel's share, at most. A note that a message will not come takes nothing.
    fn piece_cost(&self, id: u64, piece: Piece) -> usize {
        let message = self.message(id).filter(|message| message.wants(piece));
        message.map_or(0, |message| self.frame_len(message, id, self.usual(piece)))
    }

    fn frame_len(&self, message: &Outgoing, id: u64, piece: Piece) -> usize {
        match piece {
            Piece::Skip => 0,
            Piece::Parity => parity_frame_len(message),
            Piece::Whole | Piece::Part(_) => self.frame(message, id, piece).encoded_len(),
        }
    }

    /// Whether a lost piece may leave now. Forgets those that nobody wants any more.
    pub(crate) fn has_lost_due(&mut self, now: Instant) -> bool {
        while let Some(&id) = self.lost.front() {
            if let Some(piece) = self.message(id).and_then(Outgoing::next_lost) {
                return self.admits(now, id, piece);
            }
            self.forget_lost(id);
        }
        false
    }

    /// Nothing of the message at the front is to leave again.
    fn forget_lost(&mut self, id: u64) {
        self.lost.pop_front();
        if let Some(message) = self.find(id) {
            message.resend_queued = false;
        }
    }

    /// Whether a piece that never left may leave now, apart from the owner's tick.
    pub(crate) fn has_new_due(&mut self, now: Instant, all: &Allowance) -> bool {
        let Some((id, message)) = self.next(all) else {
            return false;
        };
        let piece = message.next_piece();
        self.admits(now, id, piece)
    }

    fn admits(&mut self, now: Instant, id: u64, piece: Piece) -> bool {
        if !self.meter.is_limited() {
            return true;
        }
        let cost = self.piece_cost(id, piece);
        self.meter.admits(now, cost)
    }

    /// Puts the oldest lost piece, which is [due](Self::has_lost_due), into the packet if it fits; tells what it takes.
    pub(crate) fn put_lost(
        &mut self,
        now: Instant,
        copies: &mut Copies,
        packet: &mut PacketBuilder<'_>,
        pen: &mut Pen<'_>,
    ) -> Option<usize> {
        let id = *self.lost.front()?;
        let piece = self.message(id)?.next_lost()?;
        let numbered = packet.numbered(self.index);
        if numbered >= NUMBERED_MESSAGES_PER_PACKET_MAX {
            return None;
        }
        let (piece, cost) = self.put(packet, id, piece)?;
        self.meter.spend(now, cost);
        self.note_left(packet, id, piece, pen);
        self.on_carried(now, id, piece, packet.number(), copies);
        let message = self.find(id)?;
        let is_done = match (&mut message.fragments, piece) {
            (Some(fragments), Piece::Part(part)) => fragments.on_left_again(part),
            _ => true,
        };
        if is_done {
            self.forget_lost(id);
        }
        Some(cost)
    }

    /// Puts the next new piece, which is [due](Self::has_new_due), into the packet if it fits; tells what it takes.
    pub(crate) fn put_new(
        &mut self,
        now: Instant,
        all: &mut Allowance,
        copies: &mut Copies,
        packet: &mut PacketBuilder<'_>,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<usize> {
        let (id, message) = self.next(all)?;
        let piece = message.next_piece();
        let has_number = self.is_reliable() || message.fragments.is_some();
        if has_number && packet.numbered(self.index) >= NUMBERED_MESSAGES_PER_PACKET_MAX {
            return None;
        }
        let (piece, cost) = self.put(packet, id, piece)?;
        self.meter.spend(now, cost);
        if piece != Piece::Parity {
            packet.mark_new();
        }
        self.note_left(packet, id, piece, pen);
        self.on_carried(now, id, piece, packet.number(), copies);
        self.on_sent_new(now, id, piece, all, pool);
        Some(cost)
    }

    fn on_sent_new(
        &mut self,
        now: Instant,
        id: u64,
        piece: Piece,
        all: &mut Allowance,
        pool: &mut Pool,
    ) {
        let is_reliable = self.is_reliable();
        let position = self.position(id);
        let message = &self.queue[position];
        if message.sent_at.is_none() && is_reliable {
            self.allowance.spend(message.cost);
            all.spend(message.cost);
            self.begin(id);
        }
        let message = &mut self.queue[position];
        message.sent_at.get_or_insert(now);
        match (&mut message.fragments, piece) {
            (Some(fragments), Piece::Part(part)) => fragments.on_left(part),
            (Some(fragments), Piece::Parity) => fragments.clear_parity(),
            _ => {}
        }
        self.finish(id, pool);
    }

    /// If all of a message left it is not unsent any more; and if it is unreliable nothing more is to be done.
    pub(super) fn finish(&mut self, id: u64, pool: &mut Pool) {
        let Some(message) = self.find(id).filter(|message| message.is_sent_in_full()) else {
            return;
        };
        let priority = message.priority;
        self.unsent.remove(priority, id);
        if !self.is_reliable() {
            self.settle(id, pool);
        }
    }
}
