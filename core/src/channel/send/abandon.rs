//! Messages that are given up before they were delivered: expired, or superseded by a newer one.
//!
//! An unreliable one is forgotten. The place of a reliable one is known to the peer, or will be, which waits for it: so a
//! note takes the message's place, that it will not come (as FORWARD-TSN of RFC 3758 section 3.2 does). The note is sent,
//! lost, sent again and acknowledged as the message would have been.

use super::{Abandoned, Outgoing, Receipt, SendChannel};
use crate::channel::ranges::Piece;
use crate::event::Abandonment;
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::pool::Pool;
use crate::time::Instant;

/// Keys and expiries of messages that are not open any more are cleared when there are more than this and twice the queue.
const STALE_MAX: usize = 64;

impl SendChannel {
    fn is_open(&self, id: u64) -> bool {
        let position = id.checked_sub(self.base).map(|position| position as usize);
        let message = position.and_then(|position| self.queue.get(position));
        message.is_some_and(Outgoing::is_open)
    }

    /// The message that one with this key would supersede.
    fn old_of(&self, key: Option<u64>) -> Option<u64> {
        self.keys.newest(key?).filter(|id| self.is_open(*id))
    }

    /// The cost of what a message with this key would supersede.
    pub(super) fn superseded_cost(&self, key: Option<u64>) -> usize {
        self.old_of(key)
            .map_or(0, |id| self.queue[self.position(id)].cost)
    }

    /// Message `id` is the newest of its key. Returns the older one, which is given up.
    pub(super) fn supersede(
        &mut self,
        id: u64,
        key: Option<u64>,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Abandoned> {
        let key = key?;
        let old = self.old_of(Some(key));
        self.keys.set(key, id);
        self.abandon(old?, Abandonment::Superseded, pool, pen)
    }

    pub(super) fn expire_at(&mut self, at: Instant, id: u64) {
        self.expiries.insert(at, id);
    }

    /// Keys and expiries, at most.
    pub(super) fn asides_max(&self) -> usize {
        2 * self.queue.len() + STALE_MAX
    }

    /// Forgets keys and expiries that are of no use: those of messages that are not open any more, at once where somebody
    /// would wake for them, and else when they are many.
    pub(super) fn tidy(&mut self) {
        let is_stale = |channel: &Self| {
            let first = channel.expiries.first();
            first.is_some_and(|(_, id)| !channel.is_open(id))
        };
        while is_stale(self) {
            self.expiries.pop();
        }
        let asides_max = self.asides_max();
        if self.expiries.len() > asides_max {
            let mut expiries = core::mem::take(&mut self.expiries);
            expiries.retain(|id| self.is_open(id));
            self.expiries = expiries;
        }
        if self.keys.len() > asides_max {
            let mut keys = core::mem::take(&mut self.keys);
            keys.retain(|id| self.is_open(id));
            self.keys = keys;
        }
    }

    /// When the next message expires.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| at)
    }

    /// Gives up what has expired, one message at a time: `None` when no more has.
    pub(crate) fn expire(
        &mut self,
        now: Instant,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Abandoned> {
        // The first is always open.
        let (_, id) = self.expiries.first().filter(|(at, _)| *at <= now)?;
        let expired = self.abandon(id, Abandonment::Expired, pool, pen);
        self.tidy();
        expired
    }

    /// Gives an open message up.
    fn abandon(
        &mut self,
        id: u64,
        why: Abandonment,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Abandoned> {
        let channel = self.index;
        let is_reliable = self.is_reliable();
        let message = self.find(id).filter(|message| message.is_open())?;
        pen.note(Step::Abandoned {
            channel: ChannelId::new(channel),
            id,
            why,
        });
        let receipt = message.receipt.then_some(Receipt {
            channel,
            id,
            queued_at: message.queued_at,
        });
        let abandoned = Some(Abandoned { id, receipt });
        if !is_reliable {
            self.settle(id, pool);
            return abandoned;
        }
        let cost = message.cost;
        let is_sent = message.is_sent_in_full();
        message.abandon(pool);
        self.queued_bytes -= cost;
        self.pending -= 1;
        // One that has not left in full says so when its turn comes.
        if is_sent {
            self.on_lost(id, Piece::Skip, false, pen);
        }
        abandoned
    }
}
