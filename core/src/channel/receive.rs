//! One channel's messages from the peer: which are new, which wait for others.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::assembly::Assemblies;
use super::credit::Grant;
use super::message_cost;
use crate::config::{ChannelConfig, Config, Delivery};
use crate::event::Violation;
use crate::journal::{Discard, Pen};
use crate::planted::{Bug, Planted};
use crate::pool::Pool;
use crate::saved::saved;
use crate::stats::PeerDrops;
use crate::time::Instant;
use crate::wire::frame::Message;
use crate::wire::{MESSAGE_WINDOW, number};

mod audit;
mod journal;
mod parity;
mod skip;

use self::journal::{note_arrived, note_discarded};

/// Unreliable messages of one channel in reassembly. A sender begins one after the other, so only losses leave any behind,
/// for a second: beyond this the oldest makes room.
const UNRELIABLE_ASSEMBLIES_MAX: usize = 64;

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
    /// Sequenced: place of the newest message passed on.
    newest: Option<Place>,
    assemblies: Assemblies,
    pub(crate) grant: Grant,
}

saved!(ReceiveChannel {
    delivery, message_size_max, floor, seen, held, newest, assemblies, grant,
} if ReceiveChannel::is_sound);

/// A message that has arrived whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) id: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) cost: usize,
    /// Its sender gave it up: it only keeps the place.
    is_skipped: bool,
}

saved!(Whole {
    id,
    bytes,
    cost,
    is_skipped
});

impl Whole {
    pub(crate) const fn new(id: u64, bytes: Vec<u8>, cost: usize) -> Self {
        Self {
            id,
            bytes,
            cost,
            is_skipped: false,
        }
    }

    const fn skipped(id: u64) -> Self {
        Self {
            id,
            bytes: Vec::new(),
            cost: 0,
            is_skipped: true,
        }
    }
}

/// Where a message stood: its packet and its place among the packet's frames. Later sent is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) packet: u64,
    pub(crate) frame: u32,
}

saved!(Place { packet, frame });

/// What the inbox lends to a channel while it takes a message.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    pub(crate) now: Instant,
    pub(crate) planted: Planted,
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
    /// Bytes that parities may still take.
    pub(crate) parity_room: usize,
    /// Parities that brought something back.
    pub(crate) parities_used: u64,
    /// Messages to pass on, in order.
    pub(crate) ready: &'a mut VecDeque<Whole>,
    pub(crate) pen: Pen<'a>,
}

impl ReceiveChannel {
    pub(crate) fn new(config: &ChannelConfig) -> Self {
        let message_cost_max = message_cost(config.message_size_max);
        Self {
            delivery: config.delivery,
            message_size_max: config.message_size_max,
            floor: 0,
            seen: Vec::new(),
            held: VecDeque::new(),
            newest: None,
            assemblies: Assemblies::new(config.message_size_max),
            grant: Grant::new(config.receive_bytes_max, message_cost_max),
        }
    }

    /// The first message has this number.
    pub(crate) const fn begin_at(&mut self, number: u64) {
        self.floor = number;
    }

    fn is_sound(&self, _: &Config) -> bool {
        self.seen.is_empty() || self.seen.len() == WINDOW_WORDS
    }

    /// Whether it was made with these settings.
    pub(super) fn suits(&self, settings: &ChannelConfig) -> bool {
        self.delivery == settings.delivery && self.message_size_max == settings.message_size_max
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
            return self.accept_reliable(message, place, intake);
        }
        self.accept_unreliable(message, place, intake)
    }

    fn accept_reliable(
        &mut self,
        message: &Message<'_>,
        place: Place,
        intake: &mut Intake<'_>,
    ) -> Result<(), Violation> {
        let truncated = message.id.ok_or(Violation::BadFrame)?;
        let mut id = number::expand(self.floor, u64::from(truncated), 16);
        if intake.planted.has(Bug::IdWrapForgotten) {
            id = self.floor & !0xFFFF | u64::from(truncated);
        }
        if self.has(id) && !intake.planted.has(Bug::MessageTakenTwice) {
            intake.drops.duplicate_message += 1;
            return Ok(());
        }
        if id >= self.floor + MESSAGE_WINDOW {
            return Err(Violation::OverCredit);
        }
        if !self.wants(id, message, intake.drops)? {
            return Ok(());
        }
        self.charge(self.cost(id, message), intake)?;
        if let Some((whole, _)) = self.take_in(id, Some(id), message, place, intake) {
            self.on_whole(message.channel, whole, intake);
        }
        Ok(())
    }

    /// Whether this message or fragment is new and fits to what has arrived.
    fn wants(
        &self,
        id: u64,
        message: &Message<'_>,
        drops: &mut PeerDrops,
    ) -> Result<bool, Violation> {
        let Some(fragment) = message.fragment else {
            // It left whole first, and in fragments when datagrams became shorter.
            let total = self.assemblies.total_of(id).filter(|_| self.is_reliable());
            return match total.is_none_or(|total| total == message.payload.len()) {
                true => Ok(true),
                false => Err(Violation::BadFragment),
            };
        };
        let is_new = self.assemblies.wants(id, fragment, message.payload.len())?;
        drops.duplicate_message += u64::from(!is_new);
        Ok(is_new)
    }

    /// What a new message or fragment costs: all of it at once, with the first of it.
    fn cost(&self, id: u64, message: &Message<'_>) -> usize {
        let is_known = self.is_reliable() || message.fragment.is_some();
        if is_known && self.assemblies.has(id) {
            return 0;
        }
        let fragment = message.fragment;
        message_cost(fragment.map_or(message.payload.len(), |part| part.total as usize))
    }

    /// Keeps a copy of a wanted message or fragment, of this `name` in the journal. Returns the message and its place if it is
    /// whole.
    fn take_in(
        &mut self,
        id: u64,
        name: Option<u64>,
        message: &Message<'_>,
        place: Place,
        intake: &mut Intake<'_>,
    ) -> Option<(Whole, Place)> {
        let len = message.payload.len();
        let Some(fragment) = message.fragment else {
            if self.is_reliable() {
                self.assemblies.drop_one(id, intake.pool);
            }
            note_arrived(name, message, len, place, intake);
            let bytes = intake.pool.copy(message.payload);
            return Some((Whole::new(id, bytes, message_cost(len)), place));
        };
        let (now, payload) = (intake.now, message.payload);
        let list = &mut self.assemblies;
        let new = list.insert(now, id, fragment, place, payload, intake.pool);
        note_arrived(name, message, new, place, intake);
        self.mend(id, message, place.packet, intake);
        self.assemblies.take_whole(now, id, intake.pool)
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

    fn on_whole(&mut self, channel: u8, whole: Whole, intake: &mut Intake<'_>) {
        if self.delivery == Delivery::Ordered {
            self.note_held(channel, whole.id, &mut intake.pen);
            self.hold(whole, intake.ready);
            return;
        }
        self.see(whole.id);
        intake.ready.push_back(whole);
    }

    fn hold(&mut self, whole: Whole, ready: &mut impl Extend<Whole>) {
        if whole.id != self.floor {
            let position = self.held.partition_point(|held| held.id < whole.id);
            self.held.insert(position, whole);
            return;
        }
        let mut next = Some(whole);
        while let Some(whole) = next {
            self.floor += 1;
            ready.extend(Some(whole).filter(|whole| !whole.is_skipped));
            let front = self.held.front();
            let is_next = front.is_some_and(|front| front.id == self.floor);
            next = if is_next { self.held.pop_front() } else { None };
        }
    }

    fn accept_unreliable(
        &mut self,
        message: &Message<'_>,
        place: Place,
        intake: &mut Intake<'_>,
    ) -> Result<(), Violation> {
        let id = message.id.map_or(0, u64::from);
        if !self.wants(id, message, intake.drops)? {
            return Ok(());
        }
        if message.fragment.is_some() && self.assemblies.is_done(intake.now, id) {
            intake.drops.duplicate_message += 1;
            return Ok(());
        }
        let is_whole = message.fragment.is_none();
        let name = (!is_whole).then_some(id);
        if is_whole && self.is_stale(place, intake.planted) {
            note_arrived(None, message, message.payload.len(), place, intake);
            note_discarded(message.channel, None, Discard::Stale, &mut intake.pen);
            intake.drops.stale_message += 1;
            return Ok(());
        }
        let cost = self.cost(id, message);
        let is_bounded = !intake.planted.has(Bug::ReassemblyUnbounded);
        if is_bounded && cost > intake.unreliable_room {
            note_arrived(name, message, message.payload.len(), place, intake);
            note_discarded(message.channel, name, Discard::NoRoom, &mut intake.pen);
            let drops = &mut intake.drops;
            *if is_whole {
                &mut drops.unread_full
            } else {
                &mut drops.reassembly_expired
            } += 1;
            return Ok(());
        }
        if is_bounded && !is_whole && !self.assemblies.has(id) {
            self.make_room(message.channel, intake);
        }
        intake.unreliable_taken += cost;
        if let Some((whole, place)) = self.take_in(id, name, message, place, intake) {
            self.pass_on(message.channel, whole, place, intake);
        }
        Ok(())
    }

    /// For one more unreliable message in reassembly.
    fn make_room(&mut self, channel: u8, intake: &mut Intake<'_>) {
        if self.assemblies.len() == UNRELIABLE_ASSEMBLIES_MAX {
            self.note_oldest(channel, Discard::NoRoom, &mut intake.pen);
            intake.drops.reassembly_expired += 1;
            intake.unreliable_freed += self.assemblies.drop_oldest(intake.pool);
        }
    }

    /// Passes an unreliable message on, if none sent after it went before.
    fn pass_on(&mut self, channel: u8, whole: Whole, place: Place, intake: &mut Intake<'_>) {
        if self.is_stale(place, intake.planted) {
            note_discarded(channel, None, Discard::Stale, &mut intake.pen);
            intake.drops.stale_message += 1;
            intake.unreliable_freed += whole.cost;
            intake.pool.give(whole.bytes);
            return;
        }
        self.newest = Some(place);
        intake.ready.push_back(whole);
    }

    fn is_stale(&self, place: Place, planted: Planted) -> bool {
        self.delivery == Delivery::Sequenced
            && !planted.has(Bug::StalePassedOn)
            && self.newest.is_some_and(|newest| place <= newest)
    }

    /// When the oldest unreliable message in reassembly expires.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.is_reliable() {
            return None;
        }
        self.assemblies.deadline()
    }

    /// Drops expired unreliable messages; returns the cost given back.
    pub(crate) fn expire(&mut self, now: Instant, drops: &mut PeerDrops, pool: &mut Pool) -> usize {
        let mut freed = 0;
        while self.deadline().is_some_and(|deadline| deadline <= now) {
            freed += self.assemblies.drop_oldest(pool);
            drops.reassembly_expired += 1;
        }
        freed
    }

    /// Bytes in reassembly or out of order, by cost.
    pub(crate) fn buffered_bytes(&self) -> usize {
        let held: usize = self.held.iter().map(|whole| whole.cost).sum();
        held + self.assemblies.bytes()
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        self.assemblies.release(pool);
        self.held.drain(..).for_each(|whole| pool.give(whole.bytes));
        self.seen = Vec::new();
    }
}

const fn word(id: u64) -> usize {
    (id % MESSAGE_WINDOW / 64) as usize
}

const fn bit(id: u64) -> u64 {
    1 << (id % 64)
}
