//! A server follows its client: RFC 9000 section 9.3.
//!
//! Only the newest packet says where the client is (section 9.3, last paragraph), and only one that holds more than
//! questions about ways. So packets that were overtaken do not make it flap, a copy of a packet is a duplicate and says
//! nothing, and a client may ask whether a new way works before it uses it.

use alloc::boxed::Box;
use core::net::SocketAddr;

use super::{Heard, Path, Patience, Proven, Validation};
use crate::rng::SecretRng;
use crate::time::Instant;

impl Path {
    /// A packet of the client's came. Returns the way to which the connection moves now, from its present address `at`.
    pub(crate) fn follow(
        &mut self,
        now: Instant,
        heard: &Heard,
        at: SocketAddr,
        patience: Patience,
        rng: &mut SecretRng,
    ) -> Option<Proven> {
        let from = heard.way.remote;
        if from == at {
            self.on_heard_at_home(heard);
        } else {
            self.on_heard_elsewhere(now, heard, patience, rng);
        }
        let candidate = self.candidate.as_mut()?;
        if candidate.way.remote == from {
            candidate.way.local = heard.way.local;
            if let Some(data) = heard.response {
                candidate.on_response(now, data);
            }
        }
        if !(candidate.is_proven && candidate.is_wanted) {
            return None;
        }
        let proven = Proven {
            way: candidate.way,
            round_trip: candidate.round_trip,
        };
        self.candidate = None;
        self.counts.changed += 1;
        Some(proven)
    }

    fn on_heard_at_home(&mut self, heard: &Heard) {
        self.owe(heard.way, heard.challenge);
        // It is back where it was, or never left: what came from elsewhere was forwarded by somebody.
        if heard.is_newest
            && heard.moves
            && let Some(candidate) = &mut self.candidate
        {
            candidate.is_wanted = false;
        }
    }

    fn on_heard_elsewhere(
        &mut self,
        now: Instant,
        heard: &Heard,
        patience: Patience,
        rng: &mut SecretRng,
    ) {
        let from = heard.way.remote;
        let is_known = |found: &Validation| found.way.remote == from;
        if heard.is_newest && !self.candidate.as_deref().is_some_and(is_known) {
            let mut data = [0; 8];
            rng.fill(&mut data);
            let candidate = Validation::new(now, heard.way, data, patience);
            self.candidate = Some(Box::new(candidate));
            // What the one before was to be told may not go there any more without its limit.
            self.owed = None;
            self.counts.asked += 1;
        }
        let candidate = self.candidate.as_deref_mut();
        let Some(candidate) = candidate.filter(|found| is_known(found)) else {
            return;
        };
        candidate.on_received(heard.len);
        candidate.is_wanted |= heard.is_newest && heard.moves;
        self.owe(heard.way, heard.challenge);
    }
}
