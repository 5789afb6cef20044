//! Credit: how many bytes of reliable messages a side may send, counted from the connection's start (as in
//! RFC 9000 section 4.1, with messages for streams).

use crate::audit::{Checked, at_most};
use crate::saved::saved;

/// What we may send.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowance {
    limit: u64,
    used: u64,
}

saved!(Allowance { limit, used });

impl Allowance {
    /// The peer raised the limit; an older, lower one is ignored.
    pub(crate) fn raise(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    pub(crate) const fn covers(&self, cost: usize) -> bool {
        self.used + cost as u64 <= self.limit
    }

    /// What may still be sent.
    pub(crate) const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Never more is spent than was given.
    pub(crate) fn audit(&self) -> Checked {
        at_most(4, "credit spent", self.used, self.limit)
    }

    pub(crate) const fn spend(&mut self, cost: usize) {
        self.used += cost as u64;
    }
}

/// What we allow the peer to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    window: u64,
    /// Cost of the largest message: with less credit left the peer may be unable to send anything.
    message_cost_max: u64,
    limit: u64,
    received: u64,
    consumed: u64,
    /// The greatest limit that the peer is known to know.
    heard: u64,
    due: bool,
}

saved!(Grant {
    window,
    message_cost_max,
    limit,
    received,
    consumed,
    heard,
    due
});

impl Grant {
    pub(crate) const fn new(window: usize, message_cost_max: usize) -> Self {
        Self {
            window: window as u64,
            message_cost_max: message_cost_max as u64,
            limit: window as u64,
            received: 0,
            consumed: 0,
            heard: window as u64,
            due: false,
        }
    }

    /// Whether the peer has credit for this much more.
    pub(crate) const fn covers(&self, cost: usize) -> bool {
        self.received + cost as u64 <= self.limit
    }

    pub(crate) const fn on_received(&mut self, cost: usize) {
        self.received += cost as u64;
    }

    /// The owner took a message. A new limit is due when a quarter of the window can be given back, or
    /// when what is left may not cover a message of the largest size: so the peer never waits for nothing.
    pub(crate) const fn on_consumed(&mut self, cost: usize) {
        self.consumed += cost as u64;
        let gain = self.consumed + self.window - self.limit;
        let scarce = self.limit - self.received < self.message_cost_max;
        if gain >= self.window / 4 || (gain > 0 && scarce) {
            self.due = true;
        }
    }

    /// Cost of what has arrived and was not taken by the owner.
    pub(crate) const fn in_use(&self) -> u64 {
        self.received - self.consumed
    }

    /// Never more is received than was given, and never more is given than fits.
    pub(crate) fn audit(&self) -> Checked {
        at_most(4, "bytes received by credit", self.received, self.limit)?;
        at_most(4, "credit given", self.limit, self.consumed + self.window)?;
        at_most(4, "credit that the peer knows", self.heard, self.limit)
    }

    pub(crate) const fn is_due(&self) -> bool {
        self.due
    }

    /// The limit to announce now.
    pub(crate) const fn announce(&mut self) -> u64 {
        self.due = false;
        self.limit = self.consumed + self.window;
        self.limit
    }

    /// The peer knows this limit.
    pub(crate) const fn on_acked(&mut self, limit: u64) {
        if limit > self.heard {
            self.heard = limit;
        }
    }

    /// The announcement of this limit was lost. Those after it speak for themselves.
    pub(crate) const fn on_lost(&mut self, limit: u64) {
        if limit == self.limit {
            self.probe();
        }
    }

    /// Says the limit again if the peer may not know it: one that waits for credit may have nothing else to say.
    pub(crate) const fn probe(&mut self) {
        if self.limit > self.heard {
            self.due = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Allowance, Grant};

    #[test]
    fn a_limit_is_told_again_until_the_peer_knows_it_and_only_the_newest() {
        let mut grant = Grant::new(1_000, 1_000);
        grant.probe();
        assert!(!grant.is_due(), "the handshake told it");
        grant.on_received(900);
        grant.on_consumed(400);
        let first = grant.announce();
        grant.probe();
        assert!(grant.is_due(), "it may be lost");
        grant.on_consumed(500);
        let second = grant.announce();
        grant.on_lost(first);
        assert!(!grant.is_due(), "a newer one is under way");
        grant.on_acked(first);
        grant.on_lost(second);
        assert!(grant.is_due());
        assert_eq!(grant.announce(), second);
        grant.on_acked(second);
        grant.on_lost(second);
        grant.probe();
        assert!(!grant.is_due(), "the peer knows it");
    }

    proptest! {
        /// Whatever the sizes, a sender that waits for credit gets it once the owner has taken all that arrived.
        #[test]
        fn a_waiting_sender_is_always_served(window in 1_000usize..10_000, sizes in prop::collection::vec(1usize..1_000, 1..200)) {
            let mut grant = Grant::new(window, 1_000);
            let mut allowance = Allowance::default();
            allowance.raise(window as u64);
            let mut unread = Vec::new();
            for cost in sizes {
                while !allowance.covers(cost) {
                    let taken = unread.pop().expect("credit is withheld though everything was taken");
                    grant.on_consumed(taken);
                    if grant.is_due() {
                        allowance.raise(grant.announce());
                    }
                }
                allowance.spend(cost);
                prop_assert!(grant.covers(cost), "the sender never exceeds what was granted");
                grant.on_received(cost);
                prop_assert!(grant.received - grant.consumed <= window as u64);
                unread.push(cost);
            }
        }
    }
}
