//! The endpoint's books against its peers.

use super::Machine;
use super::datagram::ANSWERS_MAX;
use super::slots::{Entry, Slot};
use crate::audit::{Checked, Depth, Fingerprint, at_most, equal, holds};
use crate::peer::State;

/// All slots are looked at in every audit while there are no more.
const FEW: usize = 4;
/// One audit in so many looks at one more slot in turn, which is cold: the others at the one touched last.
const TURN_EVERY: u64 = 8;
/// One audit in so many takes long sums.
const WHOLE_EVERY: u64 = 64;

impl Machine {
    /// After a call and its polls: the books are in order. `round` counts audits.
    pub(crate) fn audit(&self, round: u64) -> Checked {
        self.shared.notes.check()?;
        let (depth, turn) = match round {
            _ if round.is_multiple_of(WHOLE_EVERY) => (Depth::Whole, Some(round / WHOLE_EVERY)),
            _ if round.is_multiple_of(TURN_EVERY) => (Depth::Quick, Some(round / TURN_EVERY)),
            _ => (Depth::Quick, None),
        };
        let len = self.slots.len();
        if len <= FEW {
            for slot in 0..len {
                self.audit_slot(slot as u32, depth)?;
            }
        } else {
            self.audit_slot(self.shared.notes.touched, depth)?;
            if let Some(turn) = turn {
                self.audit_slot((turn % len as u64) as u32, depth)?;
            }
        }
        if len <= FEW || depth == Depth::Whole {
            self.audit_sums()?;
        }
        self.admission
            .audit(self.shared.config.used_tokens_bytes_max())?;
        let (half_open, half_open_max) = (self.half_open.len(), self.shared.config.half_open_max);
        at_most(2, "half-open peers", half_open as u64, half_open_max.into())?;
        at_most(
            4,
            "answers to strangers",
            self.answers.len() as u64,
            2 * ANSWERS_MAX as u64,
        )
    }

    fn audit_slot(&self, slot: u32, depth: Depth) -> Checked {
        let Some(found) = self.slots.get(slot) else {
            let deadline = self.schedule.of(slot);
            return holds(9, "no deadline of an empty slot", deadline.is_none());
        };
        found.peer.audit(self.now, depth)?;
        self.audit_books(slot, found)
            .map_err(|unsound| unsound.of(found.peer.id))
    }

    fn audit_books(&self, slot: u32, found: &Slot) -> Checked {
        let peer = &found.peer;
        let address = self.by_address.get(&peer.address) == Some(&slot);
        match found.entry {
            Entry::HalfOpen => {
                let key = (peer.address, peer.began_with);
                let is_found = self.half_open.get(&key) == Some(&slot);
                holds(2, "a half-open peer is found by its HELLO", is_found)?;
                holds(
                    2,
                    "a half-open peer is half-open",
                    matches!(peer.state, State::Accepting(_)),
                )?;
            }
            Entry::Dialled => holds(
                12,
                "a dialled peer is found by its address",
                address != found.is_displaced,
            )?,
            Entry::Connected => holds(
                12,
                "a connected peer is found by its address",
                address != found.is_displaced,
            )?,
            Entry::Over => holds(12, "a peer that is over is found no more", !address)?,
        }
        let is_over = found.entry == Entry::Over;
        holds(
            12,
            "the entry of a peer that is over",
            is_over == peer.is_over(),
        )?;
        if !peer.is_over() {
            holds(
                9,
                "who is due waits to send",
                !found.is_due || found.waits_to_send,
            )?;
        }
        if found.waits_for_reckoning {
            return Ok(());
        }
        let due_at = self.schedule.of(slot);
        let Some(deadline) = peer.deadline(&self.shared) else {
            return Ok(());
        };
        holds(
            9,
            "a peer is woken in time",
            due_at.is_some_and(|at| at <= deadline),
        )
    }

    /// Sums over all peers.
    fn audit_sums(&self) -> Checked {
        let (mut used, mut half_open, mut connected, mut due, mut unread) = (0, 0, 0, 0, 0);
        for found in self.slots.iter() {
            used += 1;
            half_open += u64::from(found.entry == Entry::HalfOpen);
            connected += u64::from(found.entry == Entry::Connected);
            due += u64::from(found.is_due);
            unread += found.peer.inbox.unread_bytes() as u64;
        }
        equal(4, "slots in use", self.slots.used().into(), used)?;
        equal(
            2,
            "half-open peers in the books",
            self.half_open.len() as u64,
            half_open,
        )?;
        equal(12, "connected peers", self.connected.into(), connected)?;
        equal(9, "peers due", self.due.into(), due)?;
        equal(
            4,
            "bytes unread of all peers",
            self.shared.unread_bytes as u64,
            unread,
        )?;
        for (client, slot) in self.admission.present() {
            let found = self.slots.get(slot);
            let found = found.filter(|found| found.entry == Entry::Connected);
            let holder = found.and_then(|found| found.peer.holder());
            holds(
                12,
                "who is here by token is connected",
                holder.is_some_and(|holder| holder.client.id == client),
            )?;
        }
        at_most(
            4,
            "probes",
            self.probes.len() as u64,
            super::commands::PROBES_MAX as u64,
        )
    }

    /// A hash of everything that a datagram without authority must leave as it is: all but the time, the counters, the
    /// answers to strangers and their rate limit.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut into = Fingerprint::new();
        for found in self.slots.iter() {
            found.peer.fingerprint(&mut into);
            into.add(&(found.entry, found.is_displaced));
            into.add(&(found.is_due, found.waits_to_send, found.waits_for_reckoning));
            into.add(&(found.waits_to_be_read, found.waits_for_flush));
        }
        into.add(&(&self.by_address, &self.half_open, self.connected, self.due));
        into.add(&(&self.schedule, &self.probes, self.events.len()));
        into.add(&(self.shared.unread_bytes, self.admission.books()));
        into.value()
    }
}
