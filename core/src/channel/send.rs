//! One channel's messages that are to be sent or acknowledged.

use alloc::collections::VecDeque;

use super::credit::Allowance;
use super::outgoing::{Fragments, Outgoing};
use super::{fragment_len, message_cost};
use crate::config::{ChannelConfig, Config, Delivery};
use crate::id::ChannelId;
use crate::journal::{Hold, Pen, Step};
use crate::peer::packet::PacketBuilder;
use crate::pool::Pool;
use crate::reliability::recovery::{Record, Verdict};
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::{Fragment, Message};
use crate::wire::{MESSAGE_WINDOW, NUMBERED_MESSAGES_PER_PACKET_MAX};

mod audit;
mod fresh;
mod journal;
mod room;

/// A reliable channel keeps messages until acknowledged; an unreliable one until sent.
#[derive(Debug)]
pub(crate) struct SendChannel {
    index: u8,
    delivery: Delivery,
    queue_bytes_max: usize,
    queue: VecDeque<Outgoing>,
    /// Id of the queue's front.
    base: u64,
    /// Id of the first message that was not sent in full.
    unsent: u64,
    /// Unreliable: messages queued ever that are longer than a datagram.
    long_count: u64,
    queued_bytes: usize,
    /// Messages in the queue that are not acknowledged.
    pending: u32,
    /// Pieces to send again: message id and index.
    lost: VecDeque<(u64, u32)>,
    pub(crate) allowance: Allowance,
}

saved!(SendChannel {
    index, delivery, queue_bytes_max, queue, base, unsent, long_count, queued_bytes, pending, lost, allowance,
} if SendChannel::is_sound);

/// An acknowledged message that its owner wanted to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) channel: u8,
    pub(crate) id: u64,
    pub(crate) queued_at: Instant,
}

saved!(Receipt {
    channel,
    id,
    queued_at
});

/// The queue is at its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl SendChannel {
    pub(crate) fn new(index: u8, config: &ChannelConfig) -> Self {
        Self {
            index,
            delivery: config.delivery,
            queue_bytes_max: config.send_queue_bytes_max,
            queue: VecDeque::new(),
            base: 0,
            unsent: 0,
            long_count: 0,
            queued_bytes: 0,
            pending: 0,
            lost: VecDeque::new(),
            allowance: Allowance::default(),
        }
    }

    /// The first message has this number.
    pub(crate) const fn begin_at(&mut self, number: u64) {
        self.base = number;
        self.unsent = number;
        self.long_count = number;
    }

    /// It fits to its settings, and the accounts are right: room is made as long as they say that there is none.
    fn is_sound(&self, config: &Config) -> bool {
        let settings = config.channels.get(usize::from(self.index));
        let unacked = self.queue.iter().filter(|message| !message.acked);
        let cost: u128 = unacked.clone().map(|message| message.cost as u128).sum();
        let unsent = self.unsent.checked_sub(self.base);
        settings.is_some_and(|settings| {
            settings.delivery == self.delivery
                && settings.send_queue_bytes_max == self.queue_bytes_max
        }) && self.queued_bytes as u128 == cost
            // What is undelivered stays counted when its memory is given back.
            && (self.queue.is_empty() || self.pending as usize == unacked.count())
            && unsent.is_some_and(|unsent| unsent <= self.queue.len() as u64)
    }

    /// Queues a copy of `payload`. Returns its id and how many older unreliable messages made room.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        payload: &[u8],
        receipt: bool,
        datagram_size_max: usize,
        pool: &mut Pool,
    ) -> Result<(u64, u64), QueueFull> {
        let piece_len = fragment_len(datagram_size_max);
        let cost = message_cost(payload.len(), piece_len);
        let mut dropped = 0;
        while self.queued_bytes + cost > self.queue_bytes_max {
            if self.delivery.is_reliable() {
                return Err(QueueFull);
            }
            self.pop_front(pool);
            dropped += 1;
        }
        let id = self.base + self.queue.len() as u64;
        let is_long = payload.len() > piece_len;
        let fragments = is_long.then(|| {
            let name = if self.delivery.is_reliable() {
                id
            } else {
                self.long_count
            };
            Fragments::new(name, payload.len(), piece_len, pool)
        });
        self.long_count += u64::from(is_long);
        let bytes = pool.copy(payload);
        self.queue.push_back(Outgoing {
            bytes,
            cost,
            queued_at: now,
            sent_at: None,
            receipt,
            acked: false,
            resend_queued: false,
            fragments,
        });
        self.queued_bytes += cost;
        self.pending += 1;
        Ok((id, dropped))
    }

    /// Bytes queued or unacknowledged, by cost.
    pub(crate) const fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Messages that are not acknowledged (reliable) or not sent (unreliable).
    pub(crate) const fn pending(&self) -> u32 {
        self.pending
    }

    pub(crate) const fn is_reliable(&self) -> bool {
        self.delivery.is_reliable()
    }

    /// When the oldest unacknowledged message was first sent.
    pub(crate) fn oldest_sent_at(&self) -> Option<Instant> {
        if !self.is_reliable() {
            return None;
        }
        self.queue.front().and_then(|message| message.sent_at)
    }

    /// When the first message that can leave was queued.
    pub(crate) fn sendable_since(&self, all: &Allowance) -> Option<Instant> {
        self.may_send(all)
            .then(|| self.queue[self.position(self.unsent)].queued_at)
    }

    pub(crate) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    fn position(&self, id: u64) -> usize {
        (id - self.base) as usize
    }

    fn find(&mut self, id: u64) -> Option<&mut Outgoing> {
        let position = usize::try_from(id.checked_sub(self.base)?).ok()?;
        self.queue.get_mut(position)
    }

    /// Whether the next unsent piece may go: there is one, the window has room, credit covers its message.
    fn may_send(&self, all: &Allowance) -> bool {
        let next = self.queue.get(self.position(self.unsent));
        next.is_some_and(|message| self.obstacle(message, all).is_none())
    }

    /// What of this channel's keeps the next unsent message from going.
    fn obstacle(&self, message: &Outgoing, all: &Allowance) -> Option<Hold> {
        if !self.is_reliable() || message.sent_at.is_some() {
            return None;
        }
        if self.unsent - self.base >= MESSAGE_WINDOW {
            return Some(Hold::Window);
        }
        if !self.allowance.covers(message.cost) {
            return Some(Hold::ChannelCredit);
        }
        (!all.covers(message.cost)).then_some(Hold::ConnectionCredit)
    }

    /// Puts lost pieces into the packet, oldest loss first; returns how many.
    pub(crate) fn fill_lost(&mut self, packet: &mut PacketBuilder<'_>, pen: &mut Pen<'_>) -> u64 {
        let mut resent = 0;
        while let Some((id, index)) = self.lost.front().copied() {
            let numbered = packet.numbered(self.index);
            if self.is_wanted(id, index) {
                if numbered >= NUMBERED_MESSAGES_PER_PACKET_MAX || !self.put(packet, id, index) {
                    return resent;
                }
                pen.note(self.left(packet, id, index));
                resent += 1;
            }
            self.lost.pop_front();
            self.set_resend_queued(id, index, false);
        }
        resent
    }

    /// Whether the piece is still unacknowledged.
    fn is_wanted(&mut self, id: u64, index: u32) -> bool {
        let Some(message) = self.find(id) else {
            return false;
        };
        !message.acked
            && message
                .fragments
                .as_ref()
                .is_none_or(|fragments| !fragments.is_acked(index))
    }

    fn set_resend_queued(&mut self, id: u64, index: u32, queued: bool) {
        let Some(message) = self.find(id) else { return };
        match &mut message.fragments {
            Some(fragments) => fragments.set_resend_queued(index, queued),
            None => message.resend_queued = queued,
        }
    }

    /// Puts new messages into the packet, in order, as far as they fit and may go.
    pub(crate) fn fill_new(
        &mut self,
        now: Instant,
        all: &mut Allowance,
        packet: &mut PacketBuilder<'_>,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) {
        while self.may_send(all) {
            let id = self.unsent;
            let position = self.position(id);
            let message = &self.queue[position];
            let index = message
                .fragments
                .as_ref()
                .map_or(0, |fragments| fragments.next);
            let has_number = self.is_reliable() || message.fragments.is_some();
            if has_number && packet.numbered(self.index) >= NUMBERED_MESSAGES_PER_PACKET_MAX {
                return;
            }
            if !self.put(packet, id, index) {
                return;
            }
            pen.note(self.left(packet, id, index));
            self.on_sent_new(now, position, all);
            if !self.is_reliable() && self.unsent > id {
                self.pop_front(pool);
            }
        }
    }

    fn on_sent_new(&mut self, now: Instant, position: usize, all: &mut Allowance) {
        let is_reliable = self.is_reliable();
        let message = &mut self.queue[position];
        if message.sent_at.is_none() && is_reliable {
            self.allowance.spend(message.cost);
            all.spend(message.cost);
        }
        message.sent_at.get_or_insert(now);
        let is_complete = message.fragments.as_mut().is_none_or(|fragments| {
            fragments.next += 1;
            fragments.next == fragments.count
        });
        self.unsent += u64::from(is_complete);
    }

    /// Puts one piece into the packet if it fits.
    fn put(&self, packet: &mut PacketBuilder<'_>, id: u64, index: u32) -> bool {
        let message = &self.queue[self.position(id)];
        let fragment = message.fragments.as_ref().map(|fragments| Fragment {
            index,
            count: fragments.count,
        });
        // Only what must be told apart on the way is named, so that the names last: 16 bits travel.
        let name = match &message.fragments {
            Some(fragments) => Some(fragments.id),
            None => self.is_reliable().then_some(id),
        };
        let frame = Message {
            channel: self.index,
            id: name.map(|name| name as u16),
            fragment,
            payload: message.piece(index),
        };
        let record = self.is_reliable().then_some(match fragment {
            None => Record::Message {
                channel: self.index,
                id,
            },
            Some(_) => Record::Fragment {
                channel: self.index,
                id,
                index,
            },
        });
        packet.message(&frame, record)
    }

    /// A packet with a piece of ours was acknowledged or lost. Returns the receipt that became due.
    pub(crate) fn on_verdict(
        &mut self,
        verdict: Verdict,
        id: u64,
        index: u32,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Receipt> {
        match verdict {
            Verdict::Acked => self.on_acked(id, index, pool, pen),
            Verdict::Lost => {
                self.on_lost(id, index, false, pen);
                None
            }
        }
    }

    fn on_lost(&mut self, id: u64, index: u32, is_probe: bool, pen: &mut Pen<'_>) {
        let Some(message) = self.find(id) else { return };
        let is_settled = match &message.fragments {
            Some(fragments) => fragments.is_acked(index) || fragments.is_resend_queued(index),
            None => message.resend_queued,
        };
        if message.acked || is_settled {
            return;
        }
        self.set_resend_queued(id, index, true);
        self.lost.push_back((id, index));
        pen.note(self.requeued(id, index, is_probe));
    }

    fn on_acked(
        &mut self,
        id: u64,
        index: u32,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Receipt> {
        let channel = self.index;
        let message = self.find(id)?;
        let is_complete = message
            .fragments
            .as_mut()
            .is_none_or(|fragments| fragments.on_acked(index));
        if message.acked {
            return None;
        }
        pen.note(Step::PieceAcked {
            channel: ChannelId::new(channel),
            id,
            piece: index,
        });
        if !is_complete {
            return None;
        }
        pen.note(Step::Delivered {
            channel: ChannelId::new(channel),
            id,
        });
        message.acked = true;
        let receipt = message.receipt.then_some(Receipt {
            channel,
            id,
            queued_at: message.queued_at,
        });
        let cost = message.cost;
        message.release(pool);
        self.queued_bytes -= cost;
        self.pending -= 1;
        while self.queue.front().is_some_and(|front| front.acked) {
            self.queue.pop_front();
            self.base += 1;
        }
        receipt
    }

    /// Queues the oldest unacknowledged piece to be sent again, as a probe. Returns whether there is one.
    pub(crate) fn probe(&mut self, pen: &mut Pen<'_>) -> bool {
        let Some(front) = self
            .queue
            .front()
            .filter(|front| self.delivery.is_reliable() && front.sent_at.is_some())
        else {
            return false;
        };
        let index = match &front.fragments {
            None => Some(0),
            Some(fragments) => fragments.first_unacked(),
        };
        let Some(index) = index else { return false };
        self.on_lost(self.base, index, true, pen);
        true
    }

    /// Drops the front of an unreliable queue.
    fn pop_front(&mut self, pool: &mut Pool) {
        let Some(mut message) = self.queue.pop_front() else {
            return;
        };
        self.queued_bytes -= message.cost;
        self.pending -= 1;
        message.release(pool);
        self.base += 1;
        self.unsent = self.unsent.max(self.base);
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        for message in &mut self.queue {
            message.release(pool);
        }
        self.queue = VecDeque::new();
        self.lost = VecDeque::new();
        self.queued_bytes = 0;
        self.unsent = self.base;
    }
}
