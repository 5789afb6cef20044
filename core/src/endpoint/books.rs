//! The books: after every call that touched a peer, who is ready to send, who can be read, who is due
//! when, and by what address or id a datagram finds it.

use super::Endpoint;
use super::slots::Entry;
use crate::event::CloseReason;
use crate::log::debug;

impl Endpoint {
    /// Brings the books up to date with what a peer wants.
    pub(super) fn update(&mut self, slot: u32) {
        self.update_entry(slot);
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        if found.peer.is_spent() {
            self.schedule.set(slot, None);
            self.slots.remove(slot);
            return;
        }
        if found.peer.inbox.has_items() && found.entry != Entry::HalfOpen && !found.is_unread {
            found.is_unread = true;
            self.unread.push_back(slot);
        }
        let transmit_at = found.peer.transmit_at(self.now, &self.shared);
        let is_due = transmit_at.is_some_and(|at| at <= self.now);
        if is_due && !found.is_ready {
            self.ready.push_back(slot);
        }
        found.is_ready = is_due;
        let later = transmit_at.filter(|_| !is_due);
        let deadline = [found.peer.deadline(&self.shared), later]
            .into_iter()
            .flatten()
            .min();
        self.schedule.set(slot, deadline);
    }

    /// Moves a peer between the books when its state has changed.
    fn update_entry(&mut self, slot: u32) {
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        let (is_established, is_over) = (found.peer.is_established(), found.peer.is_over());
        let address = found.peer.address;
        let before = found.entry;
        match before {
            Entry::HalfOpen if is_established => {
                found.entry = Entry::Connected;
                self.half_open.remove(&address);
                self.on_accepted(slot);
            }
            Entry::HalfOpen if is_over => {
                found.entry = Entry::Over;
                self.half_open.remove(&address);
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
        let stale = self.by_address.insert(address, slot);
        if let Some(stale) = stale
            && let Some(found) = self.slots.get_mut(stale)
        {
            found
                .peer
                .finish(CloseReason::Replaced, &mut self.shared.pool);
            self.update(stale);
        }
        if self.places_used() > self.shared.config.peers_max
            && let Some(found) = self.slots.get_mut(slot)
        {
            self.stats.refused.full += 1;
            found.peer.refuse_full(self.now);
        }
        self.show_players();
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
