//! Who is due when: a heap of deadlines, one for each slot, changed in place.

use alloc::vec::Vec;

use crate::saved::{Loader, Saved};
use crate::time::Instant;
use crate::wire::DecodeError;

const NOWHERE: u32 = u32::MAX;

/// A binary min-heap over (deadline, slot) that knows where each slot stands. Ties go to the lower slot.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    heap: Vec<(Instant, u32)>,
    /// Position in the heap by slot.
    positions: Vec<u32>,
}

/// Where each slot stands follows from the heap.
impl Saved for Schedule {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { heap, positions: _ } = self;
        heap.save(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let heap: Vec<(Instant, u32)> = from.field("Schedule.heap")?;
        let mut positions = Vec::new();
        for (position, (_, slot)) in heap.iter().enumerate() {
            let index = *slot as usize;
            if index >= from.config().slots_max() as usize {
                return Err(from.field_error("Schedule.heap"));
            }
            if positions.len() <= index {
                positions.resize(index + 1, NOWHERE);
            }
            positions[index] = position as u32;
        }
        Ok(Self { heap, positions })
    }
}

impl Schedule {
    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|(deadline, _)| *deadline)
    }

    /// The deadline of a slot.
    pub(crate) fn of(&self, slot: u32) -> Option<Instant> {
        let position = *self.positions.get(slot as usize)?;
        self.heap.get(position as usize).map(|(at, _)| *at)
    }

    /// A slot whose deadline is not after `now`; its deadline is taken away.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let (deadline, slot) = *self.heap.first()?;
        if deadline > now {
            return None;
        }
        self.set(slot, None);
        Some(slot)
    }

    /// Sets, moves or clears a slot's deadline.
    pub(crate) fn set(&mut self, slot: u32, deadline: Option<Instant>) {
        let index = slot as usize;
        if self.positions.len() <= index {
            self.positions.resize(index + 1, NOWHERE);
        }
        match (self.positions[index], deadline) {
            (NOWHERE, None) => {}
            (NOWHERE, Some(deadline)) => {
                self.heap.push((deadline, slot));
                self.settle(self.heap.len() - 1);
            }
            (position, Some(deadline)) => {
                self.heap[position as usize].0 = deadline;
                self.settle(position as usize);
            }
            (position, None) => self.remove(position as usize),
        }
    }

    fn remove(&mut self, position: usize) {
        let (_, slot) = self.heap.swap_remove(position);
        self.positions[slot as usize] = NOWHERE;
        if position < self.heap.len() {
            self.settle(position);
        }
    }

    /// Moves the entry at `position` to where it belongs.
    fn settle(&mut self, mut position: usize) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.heap[parent] <= self.heap[position] {
                break;
            }
            self.swap(parent, position);
            position = parent;
        }
        loop {
            let left = 2 * position + 1;
            let Some(entry) = self.heap.get(left) else {
                break;
            };
            let right = self.heap.get(left + 1);
            let child = if right.is_some_and(|right| right < entry) {
                left + 1
            } else {
                left
            };
            if self.heap[position] <= self.heap[child] {
                break;
            }
            self.swap(child, position);
            position = child;
        }
        self.positions[self.heap[position].1 as usize] = position as u32;
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for position in [a, b] {
            self.positions[self.heap[position].1 as usize] = position as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    use super::Schedule;
    use crate::time::Instant;

    proptest! {
        #[test]
        fn the_schedule_equals_a_sorted_map(steps in prop::collection::vec((0u32..20, prop::option::of(0u64..50), 0u64..60), 1..200)) {
            let mut schedule = Schedule::default();
            let mut model = BTreeMap::new();
            for (slot, deadline, now) in steps {
                let deadline = deadline.map(Instant::from_millis);
                schedule.set(slot, deadline);
                model.remove(&slot);
                model.extend(deadline.map(|deadline| (slot, deadline)));
                prop_assert_eq!(schedule.next(), model.values().min().copied());
                if now < 5 {
                    let now = Instant::from_millis(25);
                    let expected = model.iter().map(|(slot, at)| (*at, *slot)).min().filter(|(at, _)| *at <= now);
                    prop_assert_eq!(schedule.pop_due(now), expected.map(|(_, slot)| slot));
                    if let Some((_, slot)) = expected {
                        model.remove(&slot);
                    }
                }
            }
        }
    }
}
