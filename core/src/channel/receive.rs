//! One channel's messages from the peer: which are new, which wait for others.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use super::assembly::{self, Assembly, Pieces};
use super::credit::Grant;
use super::{fragment_len, message_cost};
use crate::MESSAGE_COST;
use crate::config::{ChannelConfig, Delivery};
use crate::event::Violation;
use crate::pool::Pool;
use crate::stats::PeerDrops;
use crate::time::Instant;
use crate::wire::frame::Message;
use crate::wire::{HELLO_LEN_MIN, MESSAGE_WINDOW, number};

const WINDOW_WORDS: usize = MESSAGE_WINDOW as usize / 64;

/// The receive side of one channel.
#[derive(Debug)]
pub(crate) struct ReceiveChannel {
    delivery: Delivery,
    message_size_max: usize,
    /// Reliable: every message below this id has arrived whole. Ordered: and was passed on.
    floor: u64,
    /// Reliable: ids at and above `floor` that have arrived, a bit each at id modulo the window.
    seen: Vec<u64>,
    /// Ordered: whole messages above `floor`, by id.
    held: VecDeque<Whole>,
    /// Sequenced: place of the newest message passed on: packet number and place in the packet.
    newest: Option<(u64, u32)>,
    assemblies: Vec<Assembly>,
    /// The list of a finished assembly, kept for the next.
    spare: Pieces,
    pub(crate) grant: Grant,
}

/// A message that has arrived whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) id: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) cost: usize,
}

/// Where a message stood: its packet and its place among the packet's frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) packet: u64,
    pub(crate) frame: u32,
}

/// What the inbox lends to a channel while it takes a message.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    pub(crate) now: Instant,
    pub(crate) pool: &'a mut Pool,
    pub(crate) drops: &'a mut PeerDrops,
    /// Credit over all reliable channels.
    pub(crate) all: &'a mut Grant,
    /// Bytes that unreliable messages may still take.
    pub(crate) unreliable_room: usize,
    /// Charged to unreliable messages here, to be added to their account.
    pub(crate) unreliable_taken: usize,
    /// Given back by unreliable messages that were dropped here.
    pub(crate) unreliable_freed: usize,
    /// Messages to pass on, in order.
    pub(crate) ready: &'a mut VecDeque<Whole>,
}

impl ReceiveChannel {
    pub(crate) fn new(config: &ChannelConfig) -> Self {
        let message_cost_max = message_cost(config.message_size_max, fragment_len(HELLO_LEN_MIN));
        Self {
            delivery: config.delivery,
            message_size_max: config.message_size_max,
            floor: 0,
            seen: Vec::new(),
            held: VecDeque::new(),
            newest: None,
            assemblies: Vec::new(),
            spare: Pieces::new(),
            grant: Grant::new(config.receive_bytes_max, message_cost_max),
        }
    }

    pub(crate) const fn is_reliable(&self) -> bool {
        self.delivery.is_reliable()
    }

    /// Takes a message or fragment: keeps it, passes on what became ready, or drops and counts it.
    pub(crate) fn accept(
        &mut self,
        message: &Message<'_>,
        place: Place,
        intake: &mut Intake<'_>,
    ) -> Result<(), Violation> {
        if message.payload.len() > self.message_size_max {
            return Err(Violation::TooLarge);
        }
        if self.is_reliable() {
            return self.accept_reliable(message, intake);
        }
        self.accept_unreliable(message, place, intake)
    }

    fn accept_reliable(
        &mut self,
        message: &Message<'_>,
        intake: &mut Intake<'_>,
    ) -> Result<(), Violation> {
        let truncated = message.id.ok_or(Violation::BadFrame)?;
        let id = number::expand(self.floor, u64::from(truncated), 16);
        if self.has(id) {
            intake.drops.duplicate_message += 1;
            return Ok(());
        }
        if id >= self.floor + MESSAGE_WINDOW {
            return Err(Violation::OverCredit);
        }
        let Some(fragment) = message.fragment else {
            if self.assemblies.iter().any(|assembly| assembly.id == id) {
                return Err(Violation::BadFragment);
            }
            let cost = message.payload.len() + MESSAGE_COST;
            self.charge(cost, intake)?;
            let bytes = intake.pool.copy(message.payload);
            self.on_whole(Whole { id, bytes, cost }, intake);
            return Ok(());
        };
        assembly::check(fragment, message.payload.len(), self.message_size_max)?;
        let position = self
            .assemblies
            .iter()
            .position(|assembly| assembly.id == id);
        if let Some(assembly) = position.map(|position| &self.assemblies[position]) {
            if assembly.has(fragment.index) {
                intake.drops.duplicate_message += 1;
                return Ok(());
            }
            assembly.check(fragment, message.payload.len(), self.message_size_max)?;
        }
        self.charge(message.payload.len() + MESSAGE_COST, intake)?;
        let position = position.unwrap_or_else(|| self.begin(intake.now, id, fragment.count));
        self.assemblies[position].insert(fragment.index, message.payload, intake.pool);
        if let Some(whole) = self.complete(position, intake.pool) {
            self.on_whole(whole, intake);
        }
        Ok(())
    }

    fn has(&self, id: u64) -> bool {
        if id < self.floor {
            return true;
        }
        match self.delivery {
            Delivery::Ordered => self
                .held
                .binary_search_by_key(&id, |whole| whole.id)
                .is_ok(),
            Delivery::Unreliable | Delivery::Sequenced | Delivery::Reliable => {
                self.seen
                    .get(word(id))
                    .is_some_and(|bits| bits & bit(id) != 0)
                    && id < self.floor + MESSAGE_WINDOW
            }
        }
    }

    fn charge(&mut self, cost: usize, intake: &mut Intake<'_>) -> Result<(), Violation> {
        if !self.grant.covers(cost) || !intake.all.covers(cost) {
            return Err(Violation::OverCredit);
        }
        self.grant.on_received(cost);
        intake.all.on_received(cost);
        Ok(())
    }

    fn begin(&mut self, now: Instant, id: u64, count: u32) -> usize {
        let pieces = core::mem::take(&mut self.spare);
        self.assemblies.push(Assembly::new(now, id, count, pieces));
        self.assemblies.len() - 1
    }

    fn complete(&mut self, position: usize, pool: &mut Pool) -> Option<Whole> {
        if !self.assemblies[position].is_complete() {
            return None;
        }
        let assembly = self.assemblies.swap_remove(position);
        let (id, cost) = (assembly.id, assembly.cost());
        let (bytes, pieces) = assembly.join(pool);
        self.spare = pieces;
        Some(Whole { id, bytes, cost })
    }

    fn on_whole(&mut self, whole: Whole, intake: &mut Intake<'_>) {
        if self.delivery == Delivery::Ordered {
            self.hold(whole, intake);
            return;
        }
        if self.seen.is_empty() {
            self.seen = vec![0; WINDOW_WORDS];
        }
        self.seen[word(whole.id)] |= bit(whole.id);
        while self.seen[word(self.floor)] & bit(self.floor) != 0 {
            self.seen[word(self.floor)] &= !bit(self.floor);
            self.floor += 1;
        }
        intake.ready.push_back(whole);
    }

    fn hold(&mut self, whole: Whole, intake: &mut Intake<'_>) {
        if whole.id != self.floor {
            let position = self.held.partition_point(|held| held.id < whole.id);
            self.held.insert(position, whole);
            return;
        }
        self.floor += 1;
        intake.ready.push_back(whole);
        while self
            .held
            .front()
            .is_some_and(|front| front.id == self.floor)
        {
            self.floor += 1;
            intake.ready.extend(self.held.pop_front());
        }
    }

    fn accept_unreliable(
        &mut self,
        message: &Message<'_>,
        place: Place,
        intake: &mut Intake<'_>,
    ) -> Result<(), Violation> {
        let cost = message.payload.len() + MESSAGE_COST;
        let order = (place.packet, place.frame);
        let Some(fragment) = message.fragment else {
            if self.is_stale(order) {
                intake.drops.stale_message += 1;
            } else if cost > intake.unreliable_room {
                intake.drops.unread_full += 1;
            } else {
                self.newest = Some(order);
                intake.unreliable_taken += cost;
                let bytes = intake.pool.copy(message.payload);
                intake.ready.push_back(Whole { id: 0, bytes, cost });
            }
            return Ok(());
        };
        assembly::check(fragment, message.payload.len(), self.message_size_max)?;
        let id = u64::from(message.id.ok_or(Violation::BadFrame)?);
        let position = self
            .assemblies
            .iter()
            .position(|assembly| assembly.id == id);
        if let Some(assembly) = position.map(|position| &self.assemblies[position]) {
            if assembly.has(fragment.index) {
                intake.drops.duplicate_message += 1;
                return Ok(());
            }
            assembly.check(fragment, message.payload.len(), self.message_size_max)?;
        }
        if cost > intake.unreliable_room {
            intake.drops.reassembly_expired += 1;
            return Ok(());
        }
        intake.unreliable_taken += cost;
        let position = position.unwrap_or_else(|| self.begin(intake.now, id, fragment.count));
        self.assemblies[position].insert(fragment.index, message.payload, intake.pool);
        if fragment.index == 0 {
            self.assemblies[position].order = Some(order);
        }
        self.pass_on_assembled(position, intake);
        Ok(())
    }

    /// Passes an unreliable message on if it is whole and not older than one that went before.
    fn pass_on_assembled(&mut self, position: usize, intake: &mut Intake<'_>) {
        let order = self.assemblies[position].order;
        let Some(whole) = self.complete(position, intake.pool) else {
            return;
        };
        let order = order.unwrap_or_default();
        if self.is_stale(order) {
            intake.drops.stale_message += 1;
            intake.unreliable_freed += whole.cost;
            intake.pool.give(whole.bytes);
            return;
        }
        self.newest = Some(order);
        intake.ready.push_back(whole);
    }

    fn is_stale(&self, order: (u64, u32)) -> bool {
        self.delivery == Delivery::Sequenced && self.newest.is_some_and(|newest| order <= newest)
    }

    /// When the oldest unreliable message in reassembly expires.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.is_reliable() {
            return None;
        }
        self.assemblies
            .iter()
            .map(|assembly| assembly.started_at + assembly::ASSEMBLY_TIMEOUT)
            .min()
    }

    /// Drops expired unreliable messages; returns the cost given back.
    pub(crate) fn expire(&mut self, now: Instant, drops: &mut PeerDrops, pool: &mut Pool) -> usize {
        let mut freed = 0;
        while self.deadline().is_some_and(|deadline| deadline <= now) {
            let oldest = self
                .assemblies
                .iter()
                .enumerate()
                .min_by_key(|(_, assembly)| assembly.started_at);
            let Some((position, _)) = oldest else { break };
            let assembly = self.assemblies.swap_remove(position);
            freed += assembly.cost();
            drops.reassembly_expired += 1;
            assembly.release(pool);
        }
        freed
    }

    /// Bytes in reassembly or out of order, by cost.
    pub(crate) fn buffered_bytes(&self) -> usize {
        let held: usize = self.held.iter().map(|whole| whole.cost).sum();
        held + self.assemblies.iter().map(Assembly::cost).sum::<usize>()
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        self.assemblies
            .drain(..)
            .for_each(|assembly| assembly.release(pool));
        self.held.drain(..).for_each(|whole| pool.give(whole.bytes));
        self.seen = Vec::new();
        self.spare = Pieces::new();
    }
}

const fn word(id: u64) -> usize {
    (id % MESSAGE_WINDOW / 64) as usize
}

const fn bit(id: u64) -> u64 {
    1 << (id % 64)
}
