//! Putting fragments together. A message is charged in full from the first one on; memory it takes as it comes.

use alloc::vec::Vec;
use core::time::Duration;

use self::parity::{Done, Kept};
use super::ranges::Part;
use super::receive::{Place, Whole};
use super::scattered::Scattered;
use super::{FRAGMENT_LEN_MIN, message_cost};
use crate::config::Config;
use crate::event::Violation;
use crate::pool::Pool;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::Fragment;

mod parity;

pub(crate) use self::parity::{Use, parity_cost};

/// An unreliable message whose fragments do not all come within this time is dropped: at 30 Hz it is
/// 30 steps old by then.
pub(crate) const ASSEMBLY_TIMEOUT: Duration = Duration::from_secs(1);

/// The messages of one channel that have arrived in part.
#[derive(Debug)]
pub(crate) struct Assemblies {
    message_size_max: usize,
    /// Sorted by id.
    list: Vec<Assembly>,
    /// What is kept of parities costs.
    parity_bytes: usize,
    done: Done,
}

saved!(Assemblies { message_size_max, list, parity_bytes, done } if Assemblies::is_sound);

/// A message of which some bytes have arrived.
#[derive(Debug)]
pub(crate) struct Assembly {
    id: u64,
    started_at: Instant,
    /// Where its first bytes stood, or what came first.
    place: Place,
    bytes: Scattered,
    /// Parities that wait for more of it, in the order of what they cover, which does not overlap.
    kept: Vec<Kept>,
}

saved!(Assembly { id, started_at, place, bytes, kept } if |assembly, _| assembly.has_sound_kept());

impl Assemblies {
    pub(crate) fn new(message_size_max: usize) -> Self {
        Self {
            message_size_max,
            list: Vec::new(),
            parity_bytes: 0,
            done: Done::default(),
        }
    }

    fn is_sound(&self, _: &Config) -> bool {
        self.parity_bytes == self.parity_bytes_sum()
    }

    fn position(&self, id: u64) -> Result<usize, usize> {
        self.list.binary_search_by_key(&id, |assembly| assembly.id)
    }

    pub(crate) fn has(&self, id: u64) -> bool {
        self.position(id).is_ok()
    }

    pub(crate) const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the fragment brings something new.
    ///
    /// # Errors
    ///
    /// If it is impossible, or does not fit to the others of its message.
    pub(crate) fn wants(&self, id: u64, fragment: Fragment, len: usize) -> Result<bool, Violation> {
        let part = self.check(fragment, len)?;
        let Ok(position) = self.position(id) else {
            return Ok(true);
        };
        let assembly = &self.list[position];
        if fragment.total != assembly.bytes.total() {
            return Err(Violation::BadFragment);
        }
        Ok(!assembly.bytes.covers(part))
    }

    /// A bound on the total bounds all that follows, one on the length what it costs to remember which bytes are here.
    fn check(&self, fragment: Fragment, len: usize) -> Result<Part, Violation> {
        if fragment.total as usize > self.message_size_max {
            return Err(Violation::TooLarge);
        }
        let end = fragment.offset as usize + len;
        if len < FRAGMENT_LEN_MIN || end > fragment.total as usize {
            return Err(Violation::BadFragment);
        }
        Ok(Part::new(fragment.offset, end as u32))
    }

    /// Bytes of the message of which a part is here.
    pub(crate) fn total_of(&self, id: u64) -> Option<usize> {
        let position = self.position(id).ok()?;
        Some(self.list[position].bytes.total() as usize)
    }

    /// Keeps a copy of a [wanted](Self::wants) fragment. Returns how many bytes of it are new.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        id: u64,
        fragment: Fragment,
        place: Place,
        payload: &[u8],
        pool: &mut Pool,
    ) -> usize {
        let position = self.position(id).unwrap_or_else(|position| {
            let assembly = Assembly::new(now, id, fragment.total, place, pool);
            self.list.insert(position, assembly);
            position
        });
        let assembly = &mut self.list[position];
        if fragment.offset == 0 {
            assembly.place = place;
        }
        assembly.bytes.insert(fragment.offset, payload, pool)
    }

    /// The message, if it is whole now, and where its first bytes stood.
    pub(crate) fn take_whole(
        &mut self,
        now: Instant,
        id: u64,
        pool: &mut Pool,
    ) -> Option<(Whole, Place)> {
        let position = self.position(id).ok()?;
        if !self.list[position].bytes.is_whole() {
            return None;
        }
        let mut assembly = self.list.remove(position);
        self.parity_bytes -= assembly.release_kept(pool);
        self.done.add(now, id);
        let cost = assembly.cost();
        let bytes = assembly.bytes.into_whole(pool);
        Some((Whole::new(id, bytes, cost), assembly.place))
    }

    /// When the oldest expires, were it unreliable.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let oldest = self.list.iter().map(|assembly| assembly.started_at).min()?;
        Some(oldest + ASSEMBLY_TIMEOUT)
    }

    /// Of each message when it expires, were it unreliable, and its name.
    pub(crate) fn ages(&self) -> impl Iterator<Item = (Instant, u64)> + '_ {
        let list = self.list.iter();
        list.map(|assembly| (assembly.started_at + ASSEMBLY_TIMEOUT, assembly.id))
    }

    /// Of each part: when the first of its message came, its name, of how many bytes, which.
    pub(crate) fn found(&self) -> impl Iterator<Item = (Instant, u64, u32, Part)> + '_ {
        self.list.iter().flat_map(|assembly| {
            let (at, id, total) = (assembly.started_at, assembly.id, assembly.bytes.total());
            assembly.bytes.iter().map(move |part| (at, id, total, part))
        })
    }

    /// Drops the oldest; returns the cost given back.
    pub(crate) fn drop_oldest(&mut self, pool: &mut Pool) -> usize {
        let ages = self.list.iter().map(|assembly| assembly.started_at);
        let Some((position, _)) = ages.enumerate().min_by_key(|(_, started_at)| *started_at) else {
            return 0;
        };
        self.drop_at(position, pool)
    }

    /// What a message was charged of which something arrived.
    pub(crate) fn cost_of(&self, id: u64) -> usize {
        let position = self.position(id);
        position.map_or(0, |position| self.list[position].cost())
    }

    /// Drops a message if it has arrived in part.
    pub(crate) fn drop_one(&mut self, id: u64, pool: &mut Pool) {
        if let Ok(position) = self.position(id) {
            self.drop_at(position, pool);
        }
    }

    fn drop_at(&mut self, position: usize, pool: &mut Pool) -> usize {
        let mut assembly = self.list.remove(position);
        self.parity_bytes -= assembly.release_kept(pool);
        let cost = assembly.cost();
        assembly.bytes.release(pool);
        cost
    }

    /// The cost of all.
    pub(crate) fn bytes(&self) -> usize {
        self.list.iter().map(Assembly::cost).sum()
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        for mut assembly in core::mem::take(&mut self.list) {
            self.parity_bytes -= assembly.release_kept(pool);
            assembly.bytes.release(pool);
        }
    }
}

impl Assembly {
    fn new(now: Instant, id: u64, total: u32, place: Place, pool: &mut Pool) -> Self {
        Self {
            id,
            started_at: now,
            place,
            bytes: Scattered::new(total, pool),
            kept: Vec::new(),
        }
    }

    /// What it is charged: as much as when it is whole.
    const fn cost(&self) -> usize {
        message_cost(self.bytes.total() as usize)
    }
}
