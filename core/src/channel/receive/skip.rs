//! Messages that their sender gave up: they count as arrived, and the credit spent on them comes back.

use super::{ReceiveChannel, Whole, bit, word};
use crate::channel::credit::Grant;
use crate::config::Delivery;
use crate::event::Violation;
use crate::id::ChannelId;
use crate::journal::{Discard, Pen, Step};
use crate::pool::Pool;
use crate::wire::frame::Skip;
use crate::wire::{MESSAGE_WINDOW, number};

impl ReceiveChannel {
    /// Counts a message as arrived, unless it has; what waited for it goes to `ready`. Returns whether it was new.
    ///
    /// A message that arrived whole stays: it was on its way when it was given up, and nobody is served by its loss.
    pub(crate) fn skip(
        &mut self,
        skip: &Skip,
        all: &mut Grant,
        ready: &mut impl Extend<Whole>,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Result<bool, Violation> {
        let id = number::expand(self.floor, u64::from(skip.id), 16);
        if self.has(id) {
            return Ok(false);
        }
        if id >= self.floor + MESSAGE_WINDOW {
            return Err(Violation::OverCredit);
        }
        // What came of it was charged. That stays until all is checked: a peer that ends is in order, too.
        let charged = self.assemblies.cost_of(id);
        let cost = usize::try_from(skip.cost).map_err(|_| Violation::OverCredit)?;
        let more = cost.checked_sub(charged).ok_or(Violation::OverCredit)?;
        if !self.grant.covers(more) || !all.covers(more) {
            return Err(Violation::OverCredit);
        }
        self.assemblies.drop_one(id, pool);
        for grant in [&mut self.grant, all] {
            grant.on_received(more);
            grant.on_consumed(cost);
        }
        pen.note(Step::Discarded {
            channel: ChannelId::new(skip.channel),
            name: Some(id),
            why: Discard::Skipped,
        });
        self.pass_by(id, ready);
        Ok(true)
    }

    fn pass_by(&mut self, id: u64, ready: &mut impl Extend<Whole>) {
        if self.delivery == Delivery::Ordered {
            self.hold(Whole::skipped(id), ready);
        } else {
            self.see(id);
        }
    }

    /// Reliable: this id has arrived.
    pub(super) fn see(&mut self, id: u64) {
        if self.seen.is_empty() {
            self.seen = alloc::vec![0; super::WINDOW_WORDS];
        }
        self.seen[word(id)] |= bit(id);
        while self.seen[word(self.floor)] & bit(self.floor) != 0 {
            self.seen[word(self.floor)] &= !bit(self.floor);
            self.floor += 1;
        }
    }
}
