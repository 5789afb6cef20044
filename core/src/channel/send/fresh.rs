//! What ages: unreliable messages leave now or never.
//!
//! State that waits behind something else is wrong when it arrives. So an unreliable message that could not leave is not
//! kept for longer than `unreliable_age_max`, and a sequenced one not once a newer one of a later tick waits beside it.

use core::time::Duration;

use super::fill::Terms;
use super::{Outgoing, SendChannel};
use crate::config::{Config, Delivery};
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::pool::Pool;
use crate::time::Instant;

/// Sequenced messages queued within this time are of one tick, and do not replace each other.
const TICK: Duration = Duration::from_millis(10);

impl SendChannel {
    /// The first unreliable message that may still leave: when it may, when it was queued, and the bytes of its next piece.
    pub(crate) fn fresh(
        &self,
        now: Instant,
        terms: Terms<'_>,
    ) -> Option<(Instant, Instant, usize)> {
        if self.is_reliable() || self.unsent.is_empty() {
            return None;
        }
        let mut waiting = self.unsent.iter().map(|id| {
            let message = &self.queue[self.position(id)];
            let piece = message.next_piece();
            let at = self.ready_at(id, piece).max(terms.since(message.queued_at));
            (message, at, message.piece_len(self.usual(piece)))
        });
        let (message, at, bytes) =
            waiting.find(|(message, at, _)| !is_stale(message, now.max(*at), terms.config))?;
        Some((at, message.queued_at, bytes))
    }

    /// Drops what became stale before it could leave; returns how many.
    pub(crate) fn drop_stale(
        &mut self,
        now: Instant,
        config: &Config,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> u64 {
        if self.is_reliable() || self.unsent.is_empty() {
            return 0;
        }
        let mut dropped = 0;
        while let Some(id) = self.first_stale(now, config) {
            pen.note(Step::Dropped {
                channel: ChannelId::new(self.index),
                id,
            });
            self.settle(id, pool);
            dropped += 1;
        }
        dropped
    }

    /// Of each priority the oldest is the first to age. One that its channel's rate lets leave too late only is not waited for:
    /// those behind it may be shorter.
    fn first_stale(&self, now: Instant, config: &Config) -> Option<u64> {
        self.unsent.fronts().find(|id| {
            let message = &self.queue[self.position(*id)];
            let at = now.max(self.ready_at(*id, message.next_piece()));
            is_stale(message, at, config) || self.is_superseded(message, now, config)
        })
    }

    /// It was due, did not leave, and something newer waits.
    fn is_superseded(&self, front: &Outgoing, now: Instant, config: &Config) -> bool {
        let newest = self.queue.back().map(|newest| newest.queued_at);
        self.delivery == Delivery::Sequenced
            && front.sent_at.is_none()
            && now >= front.queued_at + config.coalesce_delay + TICK
            && newest.is_some_and(|newest| newest >= front.queued_at + TICK)
    }
}

/// What has begun to leave is finished.
fn is_stale(message: &Outgoing, now: Instant, config: &Config) -> bool {
    message.sent_at.is_none() && now > message.queued_at + config.unreliable_age_max
}
