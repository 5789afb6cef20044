//! Messages of a channel that are in several packets.

use super::{COPIED_LEN_MAX, Copies, Outgoing, SendChannel};
use crate::channel::ranges::Piece;
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::peer::packet::PacketBuilder;
use crate::time::Instant;
use crate::wire::{NUMBERED_MESSAGES_PER_PACKET_MAX, varint};

/// Bytes of the frame of a whole message: type, number, length, payload.
const fn frame_len(len: usize) -> usize {
    3 + varint::len(len as u64) + len
}

/// That of an empty message without a number.
const FRAME_LEN_LEAST: usize = 2;

impl SendChannel {
    /// Whether there may be copies at all.
    pub(crate) const fn allow_copies(&mut self, allowed: bool) {
        self.is_redundant &= allowed;
    }

    /// A message was put into a packet, for the first time or because it was lost: it is watched if it may be copied.
    pub(super) fn on_carried(
        &mut self,
        now: Instant,
        id: u64,
        piece: Piece,
        packet: u64,
        copies: &mut Copies,
    ) {
        if !self.is_reliable() || piece != Piece::Whole {
            return;
        }
        let is_redundant = self.is_redundant;
        let channel = self.index;
        let Some(message) = self.find(id) else {
            return;
        };
        message.carriers += 1;
        let len = message.bytes.len();
        let is_only = message.carriers == 1;
        if is_redundant && len <= COPIED_LEN_MAX {
            copies.on_left(now, (channel, id), frame_len(len), packet, is_only);
        }
    }

    /// A packet with a whole message was lost. Tells whether another with the same message is in flight: then there is no
    /// need to send it again.
    pub(super) fn is_carried_on(&mut self, id: u64) -> bool {
        let Some(message) = self.find(id) else {
            return false;
        };
        message.carriers = message.carriers.saturating_sub(1);
        message.carriers > 0
    }

    /// Puts a copy of a message into the packet if there is room for it, there and in the channel's rate.
    pub(crate) fn put_copy(
        &mut self,
        now: Instant,
        id: u64,
        packet: &mut PacketBuilder<'_>,
        pen: &mut Pen<'_>,
    ) -> bool {
        let has_room = packet.numbered(self.index) < NUMBERED_MESSAGES_PER_PACKET_MAX;
        let len = self.queue[self.position(id)].bytes.len();
        let is_ready = self.meter.ready_at(frame_len(len)) <= now;
        if !has_room || !is_ready || self.put(packet, id, Piece::Whole).is_none() {
            return false;
        }
        self.meter.spend(now, frame_len(len));
        packet.mark_copy(frame_len(len));
        pen.note(Step::Copied {
            channel: ChannelId::new(self.index),
            id,
            packet: packet.number(),
        });
        if let Some(message) = self.find(id) {
            message.carriers += 1;
        }
        true
    }

    /// Whether what is lost or unsent here, and may leave by its rate, fits into `room`, from which it is taken. Looks at no
    /// more than would.
    pub(crate) fn fits_into(&self, now: Instant, room: &mut usize) -> bool {
        if self.meter.ready_at(FRAME_LEN_LEAST) > now {
            return true;
        }
        let mut lost = self.lost.iter().filter_map(|id| {
            let position = usize::try_from(id.checked_sub(self.base)?).ok()?;
            self.queue.get(position)
        });
        let mut unsent = (self.unsent.iter()).map(|id| &self.queue[self.position(id)]);
        let mut takes = |message: &Outgoing| {
            let left = room.checked_sub(frame_len(message.bytes.len()));
            *room = left.unwrap_or(0);
            left.is_some() && message.fragments.is_none()
        };
        lost.all(&mut takes) && unsent.all(&mut takes)
    }

    /// Whether a message that is watched is where it should be.
    pub(crate) fn is_watchable(&self, id: u64) -> bool {
        let position = id
            .checked_sub(self.base)
            .and_then(|position| usize::try_from(position).ok());
        let message = position.and_then(|position| self.queue.get(position));
        message.is_some_and(|message| {
            message.is_open() && message.sent_at.is_some() && message.fragments.is_none()
        })
    }
}
