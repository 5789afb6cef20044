//! The books: after every call that touched a peer, by what address or id a datagram finds it and whether it can be
//! read; and before anybody is served, who is ready to send and who is due when.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::Machine;
use super::slots::Entry;
use crate::audit::holds;
use crate::event::{CloseReason, Refusal};
use crate::log::debug;
use crate::peer::HelloKey;
use crate::planted::Bug;

impl Machine {
    /// Brings the books up to date with what a peer is. When it wants to send is [reckoned](Self::reckon) later.
    pub(super) fn update(&mut self, slot: u32) {
        self.shared.notes.touched = slot;
        self.update_entry(slot);
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        found.peer.note_waits(self.now, &mut self.shared);
        if found.peer.is_spent() {
            self.due -= u32::from(found.is_due);
            self.schedule.set(slot, None);
            self.slots.remove(slot);
            if self.shared.config.planted.has(Bug::NameUsedAgain) {
                self.slots.name_again(slot);
            }
            return;
        }
        let is_readable = found.peer.inbox.has_items() && found.entry != Entry::HalfOpen;
        if is_readable {
            self.unread.push(slot, &mut self.slots);
        }
        self.changed.push(slot, &mut self.slots);
    }

    /// Reckons for all peers that changed when they want to send and when they are due: once, however many calls changed
    /// them.
    pub(super) fn reckon(&mut self) {
        while let Some(slot) = self.changed.pop(&mut self.slots) {
            self.reckon_slot(slot);
        }
    }

    fn reckon_slot(&mut self, slot: u32) {
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        let transmit_at = found.peer.transmit_at(self.now, &self.shared);
        let was_due = found.is_due;
        found.is_due = transmit_at.is_some_and(|at| at <= self.now);
        self.due = self.due + u32::from(found.is_due) - u32::from(was_due);
        let later = transmit_at.filter(|_| !found.is_due);
        let deadline = found
            .peer
            .deadline(&self.shared)
            .into_iter()
            .chain(later)
            .min();
        let forgets =
            self.shared.config.planted.has(Bug::TimerForgotten) && found.peer.recovery.probes() > 0;
        let deadline = deadline.filter(|_| !forgets);
        self.schedule.set(slot, deadline);
        if found.is_due {
            self.ready.push(slot, &mut self.slots);
        }
    }

    /// The owner took something from a peer. Of a connection this changes nothing but what is left to read, unless
    /// there is credit to give back now.
    pub(super) fn on_event_polled(&mut self, slot: u32) {
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        let has_more_to_say = found.peer.inbox.is_credit_due();
        if has_more_to_say || found.entry != Entry::Connected {
            self.update(slot);
            self.reckon();
            return;
        }
        self.shared.notes.touched = slot;
        if found.peer.inbox.has_items() {
            self.unread.push(slot, &mut self.slots);
        }
    }

    /// A peer that has just yielded nothing is not due, or the owner would poll for ever. Should one be all the
    /// same, by a mistake of ours, it waits a millisecond: late is better than never for all others.
    pub(super) fn expect_not_due(&mut self, slot: u32) {
        let Some(found) = self.slots.get_mut(slot).filter(|found| found.is_due) else {
            return;
        };
        let id = found.peer.id;
        let checked = holds(9, "who is due has something to send", false);
        self.shared.notes.note(id, checked);
        debug_assert!(
            self.shared.notes.is_on,
            "{id} is due and has nothing to send"
        );
        found.is_due = false;
        found.waits_to_send = false;
        self.due -= 1;
        self.schedule
            .set(slot, Some(self.now + Duration::from_millis(1)));
    }

    /// A peer was heard that was at `before`: perhaps it has moved. Who stood in the books under its new address is found
    /// by its connection id only, until it moves itself: it is where a translator gave its port to another.
    pub(super) fn on_heard(&mut self, slot: u32, before: SocketAddr) {
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        let address = found.peer.address;
        if address == before {
            return;
        }
        found.is_displaced = false;
        let local_id = found.peer.local_id;
        if self.identity.is_lasting() {
            let token = self.reset_token(&local_id, address);
            if let Some(found) = self.slots.get_mut(slot) {
                found.peer.tell_reset_token(token);
            }
        }
        if self.by_address.get(&before) == Some(&slot) {
            self.by_address.remove(&before);
        }
        let other = self.by_address.insert(address, slot);
        if let Some(other) = other.and_then(|other| self.slots.get_mut(other)) {
            other.is_displaced = true;
        }
    }

    /// Moves a peer between the books when its state has changed.
    fn update_entry(&mut self, slot: u32) {
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        let (is_established, is_over) = (found.peer.is_established(), found.peer.is_over());
        let address = found.peer.address;
        let hello = (address, found.peer.began_with);
        let before = found.entry;
        match before {
            Entry::HalfOpen if found.peer.is_proven() => {
                found.entry = Entry::Connected;
                self.half_open.remove(&hello);
                self.on_accepted(slot);
                if is_over {
                    self.update_entry(slot);
                }
            }
            Entry::HalfOpen if is_over => {
                found.entry = Entry::Over;
                if !self.shared.config.planted.has(Bug::HalfOpenKept) {
                    self.half_open.remove(&hello);
                }
            }
            Entry::Dialled if is_established => {
                found.entry = Entry::Connected;
                debug!("connected to {}", address);
                self.stats.connections_ever += 1;
                self.connected += 1;
                self.show_players();
            }
            Entry::Dialled | Entry::Connected if is_over => {
                found.entry = Entry::Over;
                if self.by_address.get(&address) == Some(&slot) {
                    self.by_address.remove(&address);
                }
                self.connected -= u32::from(before == Entry::Connected);
                if let Some(holder) = found.peer.holder() {
                    self.admission.leave(holder.client.id, slot);
                }
                self.show_players();
            }
            Entry::HalfOpen | Entry::Dialled | Entry::Connected | Entry::Over => {}
        }
    }

    /// A client proved itself: it takes its place, and that of its stale self if it has one.
    fn on_accepted(&mut self, slot: u32) {
        self.stats.connections_ever += 1;
        self.stats.accepted += 1;
        self.connected += 1;
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        let address = found.peer.address;
        debug!("{} proved itself and is connected", address);
        self.forget_half_open(address, HelloKey::default());
        let stale = self.by_address.insert(address, slot);
        if let Some(stale) = stale {
            self.replace(stale);
        }
        match self.admit(slot) {
            Err(refusal) => self.refuse_late(slot, refusal),
            Ok(takes_over) => {
                let has_place = stale.is_some() || takes_over;
                if !has_place && self.places_used() > self.shared.config.peers_max {
                    self.refuse_late(slot, Refusal::Full);
                }
            }
        }
        self.show_players();
    }

    /// The token of a client that proved itself is used, and ends the connection that came of an older one. Tells whether
    /// there was such a connection, whose place is free soon.
    fn admit(&mut self, slot: u32) -> Result<bool, Refusal> {
        let Some(holder) = self.slots.get(slot).and_then(|found| found.peer.holder()) else {
            return Ok(false);
        };
        let (client, serial) = (holder.client.id, holder.serial);
        let bytes_max = self.shared.config.used_tokens_bytes_max();
        let before = self.admission.admit(self.now, holder, slot, bytes_max)?;
        self.forget_rivals(client, serial);
        let Some(before) = before.filter(|before| *before != slot) else {
            return Ok(false);
        };
        if let Some(found) = self.slots.get_mut(before) {
            found.peer.give_way(self.now);
        }
        self.update(before);
        Ok(true)
    }

    /// Forgets the half-open handshakes that are begun with the same token or an older one of the same client.
    fn forget_rivals(&mut self, client: u64, serial: u64) {
        let is_rival = |slot: &u32| {
            let found = self.slots.get(*slot);
            let holder = found.and_then(|found| found.peer.holder());
            holder.is_some_and(|holder| holder.client.id == client && holder.serial <= serial)
        };
        let rivals: Vec<u32> = self.half_open.values().copied().filter(is_rival).collect();
        for rival in rivals {
            if let Some(found) = self.slots.get_mut(rival) {
                found.peer.forget();
            }
            self.update(rival);
        }
    }

    /// The stale self leaves its place, also if its end waits to be polled.
    fn replace(&mut self, stale: u32) {
        let Some(found) = self.slots.get_mut(stale) else {
            return;
        };
        found
            .peer
            .finish(CloseReason::Replaced, &mut self.shared.pool);
        self.update(stale);
    }

    /// What was there while this client said hello, a place or room to remember its token, was taken while it proved itself.
    fn refuse_late(&mut self, slot: u32, refusal: Refusal) {
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        found.peer.refuse_late(self.now, refusal);
        let address = found.peer.address;
        self.count_refusal(address, refusal);
    }

    /// Peers that are not half-open: connected, dialled, or over with something unread.
    pub(super) fn places_used(&self) -> u32 {
        self.slots.used() - self.half_open.len() as u32
    }

    fn show_players(&mut self) {
        if self.players.is_none() {
            self.discovery.set_players(self.connected);
        }
    }
}
