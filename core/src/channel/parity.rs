//! Parity: for each group of a long message's fragments one more piece, from which any one of them follows that is lost.
//!
//! It is the exclusive or of the group's bytes, byte by byte: that with number `n` of the group is in the parity's byte
//! `n % stride`, and the stride is the length of the longest fragment. So it does not matter how fragments were cut, or are
//! cut when they leave again: whatever is missing, if it lies within one stride, its bytes are in different bytes of the
//! parity, and each of these tells the one that is missing.
//!
//! A parity leaves once, right behind its group, and is never sent again. It is made when it leaves, of the message's
//! bytes: nothing is kept for it but the group's bounds. One by Reed and Solomon (RFC 5510) would bring two losses of a
//! group back; this one costs a pass over the bytes and no tables.

use super::ranges::Part;
use crate::saved::saved;

/// Fragments of a group, at least and at most.
pub(crate) const GROUP_MIN: u8 = 2;
pub(crate) const GROUP_MAX: u8 = 16;

/// Of one message: the fragments that left since its latest parity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Fragments that a parity stands for; 0: there are no parities.
    size: u8,
    count: u8,
    /// From the first byte that left with them to the last.
    bytes: Part,
    stride: u32,
}

saved!(Group { size, count, bytes, stride } if |group, _| group.is_sound());

/// A parity that is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// What it covers.
    pub(crate) part: Part,
    /// Its bytes.
    pub(crate) stride: usize,
}

impl Group {
    /// `size`: fragments of each; 0: none.
    pub(crate) const fn new(size: u8) -> Self {
        Self {
            size,
            count: 0,
            bytes: Part::new(0, 0),
            stride: 0,
        }
    }

    const fn is_sound(&self) -> bool {
        let covers = self.bytes.end.wrapping_sub(self.bytes.start) as u64;
        self.size <= GROUP_MAX
            && self.count <= self.size
            && self.bytes.start <= self.bytes.end
            && covers <= self.count as u64 * self.stride as u64
    }

    /// A fragment left, of which the bytes from `new` on never had. The group's own begin there: an earlier one has the others.
    pub(crate) fn on_left(&mut self, new: u32, part: Part) {
        if self.size == 0 || new >= part.end {
            return;
        }
        if self.count == 0 {
            (self.bytes.start, self.stride) = (new, 0);
        }
        self.count += 1;
        self.bytes.end = part.end;
        self.stride = self.stride.max(part.len() as u32);
    }

    /// The parity that is to leave before anything else of the message; `is_last`: all of it left.
    pub(crate) fn due(&self, is_last: bool) -> Option<Due> {
        let is_due = self.count > 0 && (is_last || self.count == self.size);
        is_due.then_some(Due {
            part: self.bytes,
            stride: self.stride as usize,
        })
    }

    /// Its parity left, or cannot.
    pub(crate) const fn clear(&mut self) {
        (self.count, self.stride) = (0, 0);
        self.bytes.start = self.bytes.end;
    }

    /// As numbers, for a fingerprint.
    pub(crate) const fn state(&self) -> (u8, u32, u32) {
        (self.count, self.bytes.start, self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, Group, Part};

    fn due(start: u32, end: u32, stride: usize) -> Option<Due> {
        let part = Part::new(start, end);
        Some(Due { part, stride })
    }

    #[test]
    fn a_parity_is_due_when_its_group_left_and_for_what_is_left_over_at_the_end() {
        let mut group = Group::new(2);
        assert_eq!(group.due(true), None);
        group.on_left(0, Part::new(0, 300));
        assert_eq!(group.due(false), None);
        group.on_left(300, Part::new(300, 1_000));
        assert_eq!(group.due(false), due(0, 1_000, 700));
        group.clear();
        assert_eq!(group.due(true), None);
        // The last one takes bytes before it along.
        group.on_left(1_000, Part::new(932, 1_060));
        assert_eq!(group.due(false), None);
        assert_eq!(group.due(true), due(1_000, 1_060, 128));
        assert!(group.is_sound());
    }

    #[test]
    fn what_left_before_is_of_no_group() {
        let mut group = Group::new(3);
        group.on_left(500, Part::new(100, 400));
        assert_eq!(group.due(true), None);
    }

    #[test]
    fn without_a_size_none_is_ever_due() {
        let mut group = Group::new(0);
        group.on_left(0, Part::new(0, 300));
        assert_eq!((group.due(true), group.due(false)), (None, None));
    }
}
