//! A send channel's sums against its queue.

use super::SendChannel;
use crate::audit::{Checked, Depth, Fingerprint, at_most, equal, holds};
use crate::channel::outgoing::Fragments;
use crate::wire::MESSAGE_WINDOW;

impl SendChannel {
    /// Not for a connection that is over: it keeps its count of what is undelivered.
    pub(crate) fn audit(&self, depth: Depth) -> Checked {
        if self.is_reliable() {
            self.allowance.audit()?;
        }
        self.meter.audit()?;
        if self.is_at_rest() {
            return Ok(());
        }
        at_most(
            4,
            "bytes queued",
            self.queued_bytes as u64,
            self.queue_bytes_max as u64,
        )?;
        at_most(
            11,
            "messages unsent",
            self.unsent.len() as u64,
            self.queue.len() as u64,
        )?;
        // Both ends of the window may be behind the first.
        let begun = self.begun.len() as u64;
        at_most(4, "messages that began", begun, 2 * MESSAGE_WINDOW)?;
        let is_open = self.begun.front().is_none_or(|id| !self.is_settled(*id));
        holds(11, "the first that began is not settled", is_open)?;
        let asides = self.keys.len().max(self.expiries.len()) as u64;
        at_most(4, "keys or expiries", asides, self.asides_max() as u64)?;
        let is_kept = self.queue.front().is_none_or(|front| !front.settled);
        holds(4, "a settled message makes room", is_kept)?;
        if !depth.sums(self.queue.len() + self.lost.len()) {
            return Ok(());
        }
        let open = self.queue.iter().filter(|message| message.is_open());
        let bytes: usize = open.clone().map(|message| message.cost).sum();
        equal(
            4,
            "bytes queued of all messages",
            self.queued_bytes as u64,
            bytes as u64,
        )?;
        equal(
            11,
            "messages pending",
            self.pending.into(),
            open.count() as u64,
        )?;
        let is_unsent = |id: u64| {
            let message = id
                .checked_sub(self.base)
                .and_then(|at| self.queue.get(at as usize));
            message.is_some_and(|message| {
                !message.settled && (message.is_abandoned || !message.is_sent_in_full())
            })
        };
        holds(
            11,
            "unsent messages are in the queue",
            self.unsent.iter().all(is_unsent),
        )?;
        // Those of which nothing is lost any more are passed by when their turn comes.
        let waiting = self.lost.iter().filter(|id| {
            let message = self.message(**id);
            message.is_some_and(|message| message.next_lost().is_some())
        });
        at_most(
            4,
            "messages to send again",
            waiting.count() as u64,
            2 * self.queue.len() as u64,
        )
    }

    /// Nothing is queued and every sum says so: nothing more to look at, which is how most channels are most of the time.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.queue.is_empty()
            && self.lost.is_empty()
            && self.unsent.is_empty()
            && self.expiries.len() == 0
            && self.begun.is_empty()
            && self.queued_bytes == 0
            && self.pending == 0
    }

    /// Messages by what became of them, not by what they say.
    pub(crate) fn fingerprint(&self, into: &mut Fingerprint) {
        into.add(&(
            self.base,
            self.unsent.first(),
            self.long_count,
            self.queued_bytes,
        ));
        into.add(&(
            self.unsent.len(),
            &self.begun,
            self.keys.len(),
            self.expiries.first(),
        ));
        into.add(&(self.pending, &self.lost, &self.allowance));
        into.add(&self.meter);
        for message in &self.queue {
            let fragments = message.fragments.as_ref();
            let next = fragments.map(|fragments| (fragments.rest_len(), fragments.lost_bytes()));
            into.add(&(message.settled, message.is_abandoned));
            into.add(&(message.resend_queued, message.sent_at, next));
            into.add(&fragments.map(Fragments::group));
            let acked = fragments.into_iter().flat_map(Fragments::acked);
            acked.for_each(|part| into.add(&(part.start, part.end)));
        }
    }
}
