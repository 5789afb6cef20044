//! Which bytes of a message: of a long one that is sent in fragments, or comes in them.

use alloc::vec::Vec;

use crate::saved::saved;

/// Bytes `start..end` of a message, one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

saved!(Part { start, end } if |part, _| part.start <= part.end);

impl Part {
    pub(crate) const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    pub(crate) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) const fn range(self) -> core::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What a packet carries of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// All of it.
    Whole,
    /// A fragment.
    Part(Part),
    /// What its latest fragments have in common.
    Parity,
    /// Of an abandoned one, the note that it will not come.
    Skip,
}

impl Piece {
    /// As the journal has it: from where to where, or nothing for all of it.
    pub(crate) const fn bounds(self) -> Option<(u32, u32)> {
        match self {
            Self::Part(Part { start, end }) => Some((start, end)),
            Self::Whole | Self::Parity | Self::Skip => None,
        }
    }
}

/// A set of bytes: parts in order that do not touch each other.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    list: Vec<Part>,
}

saved!(Parts { list } if |parts, _| parts.is_sound());

impl Parts {
    /// An empty set in the memory of another one.
    pub(crate) fn recycled(mut list: Vec<Part>) -> Self {
        list.clear();
        Self { list }
    }

    /// The memory, for another one.
    pub(crate) fn into_list(self) -> Vec<Part> {
        self.list
    }

    /// Parts that there is memory for.
    #[cfg(test)]
    pub(crate) const fn capacity(&self) -> usize {
        self.list.capacity()
    }

    fn is_sound(&self) -> bool {
        let is_part = |part: &Part| part.start < part.end;
        self.list.iter().all(is_part) && self.list.is_sorted_by(|one, next| one.end < next.start)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Part> + '_ {
        self.list.iter().copied()
    }

    pub(crate) fn first(&self) -> Option<Part> {
        self.list.first().copied()
    }

    /// How many bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.list.iter().map(|part| part.len()).sum()
    }

    /// Whether all of `part` is in it.
    pub(crate) fn covers(&self, part: Part) -> bool {
        let index = self.list.partition_point(|known| known.end < part.end);
        let known = self.list.get(index);
        known.is_some_and(|known| known.start <= part.start)
    }

    /// The first bytes below `end` that are not in it.
    pub(crate) fn first_gap(&self, end: u32) -> Option<Part> {
        self.gap_within(Part::new(0, end))
    }

    /// The first bytes of `part` that are not in it.
    pub(crate) fn gap_within(&self, part: Part) -> Option<Part> {
        let from = self.list.partition_point(|known| known.end <= part.start);
        let mut later = self.list[from..].iter().peekable();
        let over = later.next_if(|known| known.start <= part.start);
        let gap = Part {
            start: over.map_or(part.start, |known| known.end),
            end: later
                .peek()
                .map_or(part.end, |known| known.start.min(part.end)),
        };
        (gap.start < gap.end).then_some(gap)
    }

    /// From the first byte of `part` that is not in it to the last.
    pub(crate) fn missing(&self, part: Part) -> Option<Part> {
        let first = self.gap_within(part)?;
        let index = self.list.partition_point(|known| known.end < part.end);
        let last = self.list.get(index).filter(|last| last.start < part.end);
        let end = last.map_or(part.end, |last| last.start);
        Some(Part::new(first.start, end))
    }

    /// Adds bytes; tells how many of them are new.
    pub(crate) fn insert(&mut self, part: Part) -> usize {
        let from = self.list.partition_point(|known| known.end < part.start);
        let touched = self.list[from..].partition_point(|known| known.start <= part.end);
        if touched == 0 {
            self.list.insert(from, part);
            return part.len();
        }
        let (first, last) = (self.list[from], self.list[from + touched - 1]);
        let merged = Part::new(part.start.min(first.start), part.end.max(last.end));
        let known = self.list.drain(from + 1..from + touched).map(Part::len);
        let known = first.len() + known.sum::<usize>();
        self.list[from] = merged;
        merged.len() - known
    }

    /// Takes bytes away.
    pub(crate) fn remove(&mut self, part: Part) {
        let from = self.list.partition_point(|known| known.end <= part.start);
        let touched = self.list[from..].partition_point(|known| known.start < part.end);
        if touched == 0 {
            return;
        }
        let (first, last) = (self.list[from], self.list[from + touched - 1]);
        let before = (first.start < part.start).then(|| Part::new(first.start, part.start));
        let after = (part.end < last.end).then(|| Part::new(part.end, last.end));
        let left = before.into_iter().chain(after);
        self.list.splice(from..from + touched, left);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Part, Parts};

    const LEN: u32 = 40;

    proptest! {
        /// As with one flag for each byte.
        #[test]
        fn a_set_of_parts_is_a_set_of_bytes(
            steps in prop::collection::vec((any::<bool>(), 0..LEN, 1..LEN), 1..60),
        ) {
            let mut parts = Parts::default();
            let mut flags = vec![false; LEN as usize];
            for (adds, start, len) in steps {
                let part = Part::new(start, (start + len).min(LEN));
                let before = flags.iter().filter(|flag| **flag).count();
                flags[part.range()].fill(adds);
                let bytes = flags.iter().filter(|flag| **flag).count();
                if adds {
                    prop_assert_eq!(parts.insert(part), bytes - before);
                } else {
                    parts.remove(part);
                }
                prop_assert!(parts.is_sound());
                prop_assert_eq!(parts.covers(part), adds);
                prop_assert_eq!(parts.bytes(), bytes);
                let listed: Vec<usize> = parts.iter().flat_map(Part::range).collect();
                let flagged: Vec<usize> = (0..flags.len()).filter(|at| flags[*at]).collect();
                prop_assert_eq!(listed, flagged);
                let missing = flags.iter().position(|flag| !flag);
                let gap = parts.first_gap(LEN);
                prop_assert_eq!(gap.map(|gap| gap.start as usize), missing);
                if let Some(gap) = gap {
                    prop_assert!(flags[gap.range()].iter().all(|flag| !flag));
                }
                let gap = parts.gap_within(part);
                let missing = part.range().find(|at| !flags[*at]);
                prop_assert_eq!(gap.map(|gap| gap.start as usize), missing);
                if let Some(gap) = gap {
                    let end = gap.range().end;
                    prop_assert!(gap.end <= part.end && flags[gap.range()].iter().all(|flag| !flag));
                    prop_assert!(gap.end == part.end || flags[end]);
                }
            }
        }
    }
}
