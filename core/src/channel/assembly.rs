//! Putting fragments together, in memory that grows only with what arrived.

use alloc::vec::Vec;
use core::time::Duration;

use super::receive::{Place, Whole};
use super::{FRAGMENT_COST, FRAGMENT_LEN_MIN};
use crate::MESSAGE_COST;
use crate::config::Config;
use crate::event::Violation;
use crate::pool::Pool;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::Fragment;

/// An unreliable message whose fragments do not all come within this time is dropped: at 30 Hz it is
/// 30 steps old by then.
pub(crate) const ASSEMBLY_TIMEOUT: Duration = Duration::from_secs(1);

/// The messages of one channel that have arrived in part.
#[derive(Debug)]
pub(crate) struct Assemblies {
    message_size_max: usize,
    /// Sorted by id.
    list: Vec<Assembly>,
    /// The list of a finished message, kept for the next.
    spare: Vec<Piece>,
}

saved!(Assemblies {
    message_size_max,
    list,
    spare
});

/// The fragments of one message that have arrived.
#[derive(Debug)]
pub(crate) struct Assembly {
    id: u64,
    started_at: Instant,
    /// Where the first fragment stood.
    place: Place,
    count: u32,
    len: usize,
    /// Sorted by index.
    pieces: Vec<Piece>,
}

saved!(Assembly { id, started_at, place, count, len, pieces } if Assembly::is_sound);

#[derive(Debug)]
struct Piece {
    index: u32,
    bytes: Vec<u8>,
}

saved!(Piece { index, bytes });

impl Assemblies {
    pub(crate) const fn new(message_size_max: usize) -> Self {
        Self {
            message_size_max,
            list: Vec::new(),
            spare: Vec::new(),
        }
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

    /// Whether the fragment is new.
    ///
    /// # Errors
    ///
    /// If it is impossible, or does not fit to the others of its message.
    pub(crate) fn wants(&self, id: u64, fragment: Fragment, len: usize) -> Result<bool, Violation> {
        self.check(fragment, len)?;
        let Ok(position) = self.position(id) else {
            return Ok(true);
        };
        let assembly = &self.list[position];
        if assembly.position(fragment.index).is_ok() {
            return Ok(false);
        }
        if fragment.count != assembly.count {
            return Err(Violation::BadFragment);
        }
        if assembly.len + len > self.message_size_max {
            return Err(Violation::TooLarge);
        }
        Ok(true)
    }

    /// A bound on the count bounds all that follows, a bound on the length what a fragment costs beside its bytes.
    fn check(&self, fragment: Fragment, len: usize) -> Result<(), Violation> {
        if fragment.count < 2 || fragment.index >= fragment.count || len < FRAGMENT_LEN_MIN {
            return Err(Violation::BadFragment);
        }
        let count_max = self.message_size_max / FRAGMENT_LEN_MIN;
        if fragment.count as usize > count_max || len > self.message_size_max {
            return Err(Violation::TooLarge);
        }
        Ok(())
    }

    /// Keeps a copy of a [wanted](Self::wants) fragment. Returns its message if that is complete now.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        id: u64,
        fragment: Fragment,
        place: Place,
        bytes: Vec<u8>,
    ) -> Option<Assembly> {
        let position = self.position(id).unwrap_or_else(|position| {
            let pieces = core::mem::take(&mut self.spare);
            let assembly = Assembly {
                id,
                started_at: now,
                place,
                count: fragment.count,
                len: 0,
                pieces,
            };
            self.list.insert(position, assembly);
            position
        });
        let assembly = &mut self.list[position];
        if fragment.index == 0 {
            assembly.place = place;
        }
        assembly.insert(fragment.index, bytes);
        let is_complete = assembly.pieces.len() == assembly.count as usize;
        is_complete.then(|| self.list.remove(position))
    }

    /// The whole message, and where its first fragment stood.
    pub(crate) fn join(&mut self, mut assembly: Assembly, pool: &mut Pool) -> (Whole, Place) {
        let mut bytes = pool.take(assembly.len);
        let cost = assembly.cost();
        for piece in assembly.pieces.drain(..) {
            bytes.extend_from_slice(&piece.bytes);
            pool.give(piece.bytes);
        }
        self.spare = assembly.pieces;
        let id = assembly.id;
        (Whole::new(id, bytes, cost), assembly.place)
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

    /// Of each piece: when the first of its message came, its name, of how many, which, how long.
    pub(crate) fn found(&self) -> impl Iterator<Item = (Instant, u64, u32, u32, usize)> + '_ {
        self.list.iter().flat_map(|assembly| {
            let (at, id, count) = (assembly.started_at, assembly.id, assembly.count);
            let pieces = assembly.pieces.iter();
            pieces.map(move |piece| (at, id, count, piece.index, piece.bytes.len()))
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

    /// What the fragments of a message that arrived were charged.
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
        let cost = assembly.cost();
        assembly.release(pool);
        self.spare = assembly.pieces;
        cost
    }

    /// The cost of all fragments.
    pub(crate) fn bytes(&self) -> usize {
        self.list.iter().map(Assembly::cost).sum()
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        for mut assembly in core::mem::take(&mut self.list) {
            assembly.release(pool);
        }
        self.spare = Vec::new();
    }
}

impl Assembly {
    fn is_sound(&self, _: &Config) -> bool {
        let bytes: usize = self.pieces.iter().map(|piece| piece.bytes.len()).sum();
        bytes == self.len
            && !self.pieces.is_empty()
            && self.pieces.is_sorted_by_key(|piece| piece.index)
    }

    fn position(&self, index: u32) -> Result<usize, usize> {
        self.pieces
            .binary_search_by_key(&index, |piece| piece.index)
    }

    /// What it is charged: its own cost, and that of each fragment.
    fn cost(&self) -> usize {
        self.len + MESSAGE_COST + (self.pieces.len() - 1) * FRAGMENT_COST
    }

    fn insert(&mut self, index: u32, bytes: Vec<u8>) {
        let Err(position) = self.position(index) else {
            return;
        };
        self.len += bytes.len();
        self.pieces.insert(position, Piece { index, bytes });
    }

    fn release(&mut self, pool: &mut Pool) {
        for piece in self.pieces.drain(..) {
            pool.give(piece.bytes);
        }
    }
}
