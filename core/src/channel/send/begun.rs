//! Messages in the order in which they began to leave: priorities make it another than that of their numbers.

use super::{COPIED_LEN_MAX, Outgoing, SendChannel};
use crate::channel::{SHORT_LEN, USUAL_LEN};
use crate::journal::Pen;
use crate::pool::Pool;
use crate::time::Instant;

impl SendChannel {
    /// Reliable: a message leaves for the first time.
    pub(super) fn begin(&mut self, id: u64) {
        self.begun.push_back(id);
    }

    /// Forgets from the front what is settled.
    pub(super) fn trim_begun(&mut self) {
        while self.begun.front().is_some_and(|id| self.is_settled(*id)) {
            self.begun.pop_front();
        }
    }

    pub(super) fn is_settled(&self, id: u64) -> bool {
        let position = id.checked_sub(self.base).map(|position| position as usize);
        let message = position.and_then(|position| self.queue.get(position));
        message.is_none_or(|message| message.settled)
    }

    /// The message that is unacknowledged for the longest time.
    fn oldest(&self) -> Option<(u64, &Outgoing)> {
        let id = *self.begun.front()?;
        Some((id, &self.queue[self.position(id)]))
    }

    /// When the oldest unacknowledged message was first sent.
    pub(crate) fn oldest_sent_at(&self) -> Option<Instant> {
        self.oldest().and_then(|(_, message)| message.sent_at)
    }

    /// Queues the oldest unacknowledged piece to be sent again, as a probe. One that is to be `short` goes in fragments if it is
    /// too long for the shortest datagram. Returns whether there is one.
    pub(crate) fn probe(&mut self, short: bool, pool: &mut Pool, pen: &mut Pen<'_>) -> bool {
        let Some(id) = self.begun.front().copied() else {
            return false;
        };
        let mut len_max = USUAL_LEN;
        if short {
            len_max = SHORT_LEN;
            self.cut(self.position(id), len_max, pool);
        }
        let oldest = self.message(id);
        let Some(piece) = oldest.and_then(|message| message.first_unacked(len_max)) else {
            return false;
        };
        self.on_lost(id, piece, true, pen);
        true
    }

    /// As [`probe`](Self::probe), if it is a whole message of few bytes that no copies make up for.
    pub(crate) fn probe_small(&mut self, pool: &mut Pool, pen: &mut Pen<'_>) -> bool {
        let is_small = |message: &Outgoing| {
            message.fragments.is_none() && message.bytes.len() <= COPIED_LEN_MAX
        };
        let is_wanted =
            !self.is_redundant && self.oldest().is_some_and(|(_, message)| is_small(message));
        is_wanted && self.probe(false, pool, pen)
    }
}
