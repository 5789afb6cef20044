//! One channel's messages that are to be sent or acknowledged.

use alloc::collections::VecDeque;

use self::expiries::Expiries;
use self::keys::Keys;
use self::lanes::Lanes;
use super::copies::{COPIED_LEN_MAX, Copies};
use super::credit::Allowance;
use super::meter::Meter;
use super::options::{Priority, SendOptions};
use super::outgoing::{Fragments, Outgoing};
use super::ranges::Piece;
use super::{message_cost, whole_len};
use crate::config::{ChannelConfig, Config, Delivery};
use crate::id::ChannelId;
use crate::journal::{Hold, Pen, Step};
use crate::pool::Pool;
use crate::reliability::recovery::Verdict;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::MESSAGE_WINDOW;

mod abandon;
mod audit;
mod begun;
mod copies;
mod expiries;
mod fill;
mod fresh;
mod journal;
mod keys;
mod lanes;
mod put;
mod recut;
mod room;

pub(crate) use fill::Terms;

/// A reliable channel keeps messages until acknowledged; an unreliable one until sent.
#[derive(Debug)]
pub(crate) struct SendChannel {
    index: u8,
    delivery: Delivery,
    queue_bytes_max: usize,
    /// Small messages may ride along again.
    is_redundant: bool,
    /// Fragments of a long message that a parity stands for; 0: none does.
    parity: u8,
    queue: VecDeque<Outgoing>,
    /// Id of the queue's front.
    base: u64,
    /// Messages that were not sent in full.
    unsent: Lanes,
    /// Reliable: messages that have begun to leave, in that order; the first is not settled.
    begun: VecDeque<u64>,
    /// Unreliable: messages queued ever that are longer than a datagram.
    long_count: u64,
    queued_bytes: usize,
    /// Messages in the queue that are neither settled nor abandoned.
    pending: u32,
    /// Messages of which something is to be sent again. One that is not any more may still be named.
    lost: VecDeque<u64>,
    keys: Keys,
    expiries: Expiries,
    pub(crate) allowance: Allowance,
    pub(crate) meter: Meter,
}

saved!(SendChannel {
    index, delivery, queue_bytes_max, is_redundant, parity, queue, base, unsent, begun, long_count, queued_bytes, pending, lost, keys,
    expiries, allowance, meter,
} if SendChannel::is_sound);

/// A message that its owner wanted to hear of, and what became of it.
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

/// A message in the queue, and what its coming did to older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) id: u64,
    /// Older unreliable messages that made room.
    pub(crate) dropped: u64,
    /// The older message with the same key.
    pub(crate) superseded: Option<Abandoned>,
}

/// A message that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned {
    pub(crate) id: u64,
    /// If its owner wants to hear of it.
    pub(crate) receipt: Option<Receipt>,
}

impl SendChannel {
    pub(crate) fn new(index: u8, config: &ChannelConfig) -> Self {
        Self {
            index,
            delivery: config.delivery,
            queue_bytes_max: config.send_queue_bytes_max,
            is_redundant: config.redundancy && config.delivery.is_reliable(),
            parity: config.parity,
            queue: VecDeque::new(),
            base: 0,
            unsent: Lanes::default(),
            begun: VecDeque::new(),
            long_count: 0,
            queued_bytes: 0,
            pending: 0,
            lost: VecDeque::new(),
            keys: Keys::default(),
            expiries: Expiries::default(),
            allowance: Allowance::default(),
            meter: Meter::new(config.qos.rate),
        }
    }

    /// The first message has this number.
    pub(crate) const fn begin_at(&mut self, number: u64) {
        self.base = number;
        self.long_count = number;
    }

    /// It fits to its settings, and the accounts are right: room is made as long as they say that there is none.
    fn is_sound(&self, config: &Config) -> bool {
        let settings = config.channels.get(usize::from(self.index));
        let open = self.queue.iter().filter(|message| message.is_open());
        let cost: u128 = open.clone().map(|message| message.cost as u128).sum();
        let end = self.base.checked_add(self.queue.len() as u64);
        settings.is_some_and(|settings| {
            settings.delivery == self.delivery
                && settings.send_queue_bytes_max == self.queue_bytes_max
                && settings.parity == self.parity
        }) && self.queued_bytes as u128 == cost
            // What is undelivered stays counted when its memory is given back.
            && (self.queue.is_empty() || self.pending as usize == open.count())
            && end.is_some_and(|end| self.unsent.iter().all(|id| (self.base..end).contains(&id)))
            && self.begun.front().is_none_or(|id| !self.is_settled(*id))
    }

    /// Queues a copy of `payload`, to go in datagrams of this size. Older unreliable messages make room.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        payload: &[u8],
        options: &SendOptions,
        datagram_size: usize,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Result<Queued, QueueFull> {
        let is_long = payload.len() > whole_len(datagram_size);
        let cost = message_cost(payload.len());
        let dropped = self.make_room(cost, options, pool, pen)?;
        let id = self.base + self.queue.len() as u64;
        let superseded = self.supersede(id, options.key, pool, pen);
        let fragments = is_long.then(|| {
            let name = if self.delivery.is_reliable() {
                id
            } else {
                self.long_count
            };
            Fragments::new(name, payload.len(), self.parity, pool)
        });
        self.long_count += u64::from(is_long);
        let priority = self.priority(options);
        let expires_at = options.time_to_live.map(|ttl| now + ttl);
        self.queue.push_back(Outgoing {
            cost,
            priority,
            receipt: options.receipt,
            fragments,
            ..Outgoing::new(now, pool.copy(payload))
        });
        self.unsent.push(priority, id);
        if let Some(expires_at) = expires_at {
            self.expire_at(expires_at, id);
        }
        self.queued_bytes += cost;
        self.pending += 1;
        self.tidy();
        Ok(Queued {
            id,
            dropped,
            superseded,
        })
    }

    /// Where the order sent is the promise, all are alike.
    const fn priority(&self, options: &SendOptions) -> Priority {
        match self.delivery {
            Delivery::Unreliable | Delivery::Reliable => options.priority,
            Delivery::Sequenced | Delivery::Ordered => Priority::Normal,
        }
    }

    /// Returns how many older unreliable messages were dropped. What a message of a reliable channel would supersede
    /// counts as room: its owner asked for the new one in its place.
    fn make_room(
        &mut self,
        cost: usize,
        options: &SendOptions,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Result<u64, QueueFull> {
        let mut dropped = 0;
        while self.queued_bytes - self.superseded_cost(options.key) + cost > self.queue_bytes_max {
            if self.delivery.is_reliable() {
                return Err(QueueFull);
            }
            self.drop_oldest(pool, pen);
            dropped += 1;
        }
        Ok(dropped)
    }

    fn drop_oldest(&mut self, pool: &mut Pool, pen: &mut Pen<'_>) {
        pen.note(Step::Dropped {
            channel: ChannelId::new(self.index),
            id: self.base,
        });
        self.settle(self.base, pool);
    }

    /// Bytes queued or unacknowledged, by cost.
    pub(crate) const fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Messages that are not acknowledged (reliable) or not sent (unreliable), without those given up.
    pub(crate) const fn pending(&self) -> u32 {
        self.pending
    }

    pub(crate) const fn is_reliable(&self) -> bool {
        self.delivery.is_reliable()
    }

    fn position(&self, id: u64) -> usize {
        (id - self.base) as usize
    }

    fn message(&self, id: u64) -> Option<&Outgoing> {
        let position = usize::try_from(id.checked_sub(self.base)?).ok()?;
        self.queue.get(position)
    }

    fn find(&mut self, id: u64) -> Option<&mut Outgoing> {
        let position = usize::try_from(id.checked_sub(self.base)?).ok()?;
        self.queue.get_mut(position)
    }

    /// The message whose next piece leaves next: there is one, the window has room, credit covers it.
    ///
    /// If the first may not leave, none behind it may take what it waits for. But one that has begun goes on, and the
    /// oldest when the window ends: the first may wait for just these.
    fn next(&self, all: &Allowance) -> Option<(u64, &Outgoing)> {
        let message = |id| (id, &self.queue[self.position(id)]);
        let (id, first) = message(self.unsent.first()?);
        let Some(hold) = self.obstacle(id, first, all) else {
            return Some((id, first));
        };
        let mut others = self.unsent.fronts().map(message);
        others.find(|(id, message)| {
            let is_awaited = message.sent_at.is_some() || *id == self.base && hold == Hold::Window;
            is_awaited && self.obstacle(*id, message, all).is_none()
        })
    }

    /// What of this channel's keeps the next unsent message from going.
    fn obstacle(&self, id: u64, message: &Outgoing, all: &Allowance) -> Option<Hold> {
        if !self.is_reliable() || message.sent_at.is_some() {
            return None;
        }
        if id - self.base >= MESSAGE_WINDOW {
            return Some(Hold::Window);
        }
        if !self.allowance.covers(message.cost) {
            return Some(Hold::ChannelCredit);
        }
        (!all.covers(message.cost)).then_some(Hold::ConnectionCredit)
    }

    /// A packet with a piece of ours was acknowledged or lost. Returns the receipt that became due.
    pub(crate) fn on_verdict(
        &mut self,
        verdict: Verdict,
        id: u64,
        piece: Piece,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Receipt> {
        match verdict {
            Verdict::Acked => self.on_acked(id, piece, pool, pen),
            Verdict::Lost => {
                if piece != Piece::Whole || !self.is_carried_on(id) {
                    self.on_lost(id, piece, false, pen);
                }
                None
            }
        }
    }

    /// Queues a piece to be sent again, unless that is settled or it waits already.
    fn on_lost(&mut self, id: u64, piece: Piece, is_probe: bool, pen: &mut Pen<'_>) {
        let Some(message) = self.find(id).filter(|message| message.wants(piece)) else {
            return;
        };
        let was_queued = message.resend_queued;
        if !message.lose(piece) {
            return;
        }
        if !was_queued {
            self.lost.push_back(id);
        }
        if piece != Piece::Skip {
            pen.note(self.requeued(id, piece, is_probe));
        }
    }

    fn on_acked(
        &mut self,
        id: u64,
        piece: Piece,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Receipt> {
        let channel = self.index;
        let message = self.find(id).filter(|message| message.wants(piece))?;
        if message.is_abandoned {
            self.settle(id, pool);
            return None;
        }
        pen.note(Step::PieceAcked {
            channel: ChannelId::new(channel),
            id,
            part: piece.bounds(),
        });
        if !message.on_acked(piece) {
            return None;
        }
        pen.note(Step::Delivered {
            channel: ChannelId::new(channel),
            id,
        });
        let receipt = message.receipt.then_some(Receipt {
            channel,
            id,
            queued_at: message.queued_at,
        });
        self.settle(id, pool);
        receipt
    }

    /// A message needs nothing more: its memory goes back at once, its place once all before it are settled too.
    fn settle(&mut self, id: u64, pool: &mut Pool) {
        let position = self.position(id);
        let message = &mut self.queue[position];
        if message.is_open() {
            self.queued_bytes -= message.cost;
            self.pending -= 1;
        }
        message.settled = true;
        message.release(pool);
        let priority = message.priority;
        self.unsent.remove(priority, id);
        while self.queue.front().is_some_and(|front| front.settled) {
            self.queue.pop_front();
            self.base += 1;
        }
        self.trim_begun();
        self.tidy();
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        for message in &mut self.queue {
            message.release(pool);
        }
        self.queue = VecDeque::new();
        self.unsent = Lanes::default();
        self.begun = VecDeque::new();
        self.lost = VecDeque::new();
        self.keys = Keys::default();
        self.expiries = Expiries::default();
        self.queued_bytes = 0;
    }
}
