//! Parities of messages that have arrived in part.
//!
//! One that comes after all fragments is of no use. Others are used at once, or kept until enough of their group is here. Groups do not
//! overlap, so that a fragment is looked up in those alone that it lies in, and each parity is added up once: the work for it is a pass
//! over what it covers, at most [`GROUP_MAX`] times its own length.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{ASSEMBLY_TIMEOUT, Assemblies, Assembly};
use crate::MESSAGE_COST;
use crate::channel::FRAGMENT_LEN_MIN;
use crate::channel::parity::GROUP_MAX;
use crate::channel::ranges::Part;
use crate::channel::receive::Place;
use crate::event::Violation;
use crate::pool::Pool;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::{Parity, fold};

/// A parity that waits for more of its group.
#[derive(Debug)]
pub(super) struct Kept {
    part: Part,
    bytes: Vec<u8>,
}

saved!(Kept { part, bytes } if |kept, _| !kept.bytes.is_empty() && kept.part.start < kept.part.end);

/// What a parity of so many bytes costs while it is kept.
pub(crate) const fn parity_cost(len: usize) -> usize {
    len + MESSAGE_COST
}

/// What a parity was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// These bytes are here by it, so many of which were missing.
    Recovered(Part, usize),
    /// It may be of use later.
    Kept,
    /// Nothing is missing of what it covers.
    Unneeded,
    /// It would be kept, and there is no room.
    NoRoom,
}

impl Kept {
    const fn cost(&self) -> usize {
        parity_cost(self.bytes.len())
    }

    fn overlaps(&self, part: Part) -> bool {
        self.part.start < part.end && part.start < self.part.end
    }
}

/// Names of unreliable messages that became whole: of those a parity may still come, and a fragment that it made up for.
#[derive(Debug, Default)]
pub(super) struct Done {
    latest: VecDeque<(u64, Instant)>,
}

saved!(Done { latest });

/// So many are remembered, each for as long as a message may be in reassembly.
const DONE_MAX: usize = 64;

impl Done {
    pub(super) fn add(&mut self, now: Instant, name: u64) {
        if self.latest.len() == DONE_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back((name, now));
    }

    /// Whether this one became whole lately.
    fn has(&self, now: Instant, name: u64) -> bool {
        let is_lately = |at| now.saturating_duration_since(at) < ASSEMBLY_TIMEOUT;
        let mut latest = self.latest.iter().rev();
        latest.any(|(known, at)| *known == name && is_lately(*at))
    }

    pub(super) fn len(&self) -> usize {
        self.latest.len()
    }
}

impl Assemblies {
    /// Whether an unreliable message of this name became whole lately, so that what comes of it is not needed.
    pub(crate) fn is_done(&self, now: Instant, name: u64) -> bool {
        self.done.has(now, name)
    }

    /// A parity is the first that came of a message.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        id: u64,
        total: u32,
        place: Place,
        pool: &mut Pool,
    ) {
        if let Err(position) = self.position(id) {
            let assembly = Assembly::new(now, id, total, place, pool);
            self.list.insert(position, assembly);
        }
    }

    /// What a parity covers.
    ///
    /// # Errors
    ///
    /// If it is impossible: a bound on what it covers bounds the work for it.
    pub(crate) fn check_parity(&self, parity: &Parity<'_>) -> Result<Part, Violation> {
        let (covered, stride) = (&parity.covered, parity.bytes.len());
        if covered.total as usize > self.message_size_max {
            return Err(Violation::TooLarge);
        }
        let end = u64::from(covered.offset) + u64::from(covered.len);
        let is_within = covered.len > 0 && end <= u64::from(covered.total);
        let len_max = stride * usize::from(GROUP_MAX);
        if !is_within || stride < FRAGMENT_LEN_MIN || covered.len as usize > len_max {
            return Err(Violation::BadFragment);
        }
        Ok(Part::new(covered.offset, end as u32))
    }

    /// Makes use of a parity of a message, or keeps a copy of it if its cost is no more than `room`.
    ///
    /// # Errors
    ///
    /// If it is impossible, or does not fit to the fragments of its message.
    pub(crate) fn take_parity(
        &mut self,
        id: u64,
        parity: &Parity<'_>,
        room: usize,
        pool: &mut Pool,
    ) -> Result<Use, Violation> {
        let part = self.check_parity(parity)?;
        let Ok(position) = self.position(id) else {
            return Ok(Use::Unneeded);
        };
        let assembly = &mut self.list[position];
        if parity.covered.total != assembly.bytes.total() {
            return Err(Violation::BadFragment);
        }
        let Some(missing) = assembly.bytes.missing(part) else {
            return Ok(Use::Unneeded);
        };
        if missing.len() <= parity.bytes.len() {
            let new = assembly.mend(part, missing, pool.copy(parity.bytes), pool);
            return Ok(Use::Recovered(missing, new));
        }
        let at = assembly
            .kept
            .partition_point(|kept| kept.part.end <= part.start);
        if assembly
            .kept
            .get(at)
            .is_some_and(|kept| kept.overlaps(part))
        {
            return Ok(Use::Unneeded);
        }
        if parity_cost(parity.bytes.len()) > room {
            return Ok(Use::NoRoom);
        }
        let bytes = pool.copy(parity.bytes);
        let kept = Kept { part, bytes };
        self.parity_bytes += kept.cost();
        assembly.kept.insert(at, kept);
        Ok(Use::Kept)
    }

    /// Bytes of a message came: makes use of what was kept for others beside them. Tells `told` what that brings.
    pub(crate) fn mend(
        &mut self,
        id: u64,
        came: Part,
        pool: &mut Pool,
        mut told: impl FnMut(Part, usize),
    ) {
        let Ok(position) = self.position(id) else {
            return;
        };
        let assembly = &mut self.list[position];
        let from = assembly
            .kept
            .partition_point(|kept| kept.part.end <= came.start);
        let mut at = from;
        while assembly
            .kept
            .get(at)
            .is_some_and(|kept| kept.overlaps(came))
        {
            let kept = &assembly.kept[at];
            let missing = assembly.bytes.missing(kept.part);
            if missing.is_some_and(|missing| missing.len() > kept.bytes.len()) {
                at += 1;
                continue;
            }
            let kept = assembly.kept.remove(at);
            self.parity_bytes -= kept.cost();
            match missing {
                Some(missing) => {
                    let new = assembly.mend(kept.part, missing, kept.bytes, pool);
                    told(missing, new);
                }
                None => pool.give(kept.bytes),
            }
        }
    }

    /// What parities that are kept cost, of all messages.
    pub(crate) const fn parity_bytes(&self) -> usize {
        self.parity_bytes
    }

    /// As numbers, for a fingerprint.
    pub(crate) fn parity_state(&self) -> (usize, usize) {
        (self.parity_bytes, self.done.len())
    }

    /// The same, added up.
    pub(crate) fn parity_bytes_sum(&self) -> usize {
        let kept = self.list.iter().flat_map(|assembly| &assembly.kept);
        kept.map(Kept::cost).sum()
    }
}

impl Assembly {
    /// Adds all that is here of what `parity` covers to it, and what is `missing` remains. Returns how much of that is new.
    fn mend(&mut self, part: Part, missing: Part, mut parity: Vec<u8>, pool: &mut Pool) -> usize {
        let stride = parity.len();
        let place = |at: u32| (at - part.start) as usize % stride;
        // What lies between two gaps is told by the parity, too, as what is missing on both sides of it.
        for here in [
            Part::new(part.start, missing.start),
            Part::new(missing.end, part.end),
        ] {
            for (at, bytes) in self.bytes.within(here) {
                fold(place(at), bytes, &mut parity);
            }
        }
        let first = place(missing.start);
        let mut found = pool.take(missing.len());
        let until = (first + missing.len()).min(stride);
        found.extend_from_slice(&parity[first..until]);
        found.extend_from_slice(&parity[..missing.len() - found.len()]);
        let new = self.bytes.insert(missing.start, &found, pool);
        pool.give(parity);
        pool.give(found);
        new
    }

    /// Gives back the memory of what is kept; returns its cost.
    pub(super) fn release_kept(&mut self, pool: &mut Pool) -> usize {
        let mut cost = 0;
        for kept in core::mem::take(&mut self.kept) {
            cost += kept.cost();
            pool.give(kept.bytes);
        }
        cost
    }

    /// What is kept fits to the message.
    pub(super) fn has_sound_kept(&self) -> bool {
        let total = self.bytes.total();
        let within = |kept: &Kept| kept.part.end <= total;
        let has_any = !self.bytes.is_empty() || !self.kept.is_empty();
        has_any
            && self.kept.iter().all(within)
            && self.kept.is_sorted_by(|a, b| a.part.end <= b.part.start)
    }
}
