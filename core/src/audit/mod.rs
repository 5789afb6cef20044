//! The endpoint audits itself: the sums of its parts against its books, and what no state may be.
//!
//! An audit changes nothing and is cheap enough to follow every call of a simulation: it looks at the peer that was
//! touched last, and only now and then at one more in turn and at long sums. What cannot be seen afterwards, such as what
//! a packet held before it was encrypted, is *noted* when it happens, if [`Endpoint::set_audit`](crate::Endpoint::set_audit) asks
//! for it. Every check names the invariant of docs/TESTING.md that it belongs to.

mod fingerprint;

use core::fmt;

use crate::id::PeerId;

pub(crate) use fingerprint::Fingerprint;

/// An invariant that does not hold: a mistake of ours, never of the network's or the owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsound {
    /// Number of the invariant in docs/TESTING.md: 4 is I4.
    pub invariant: u8,
    /// What was looked at.
    pub what: &'static str,
    /// Of whom, if it belongs to a peer.
    pub peer: Option<PeerId>,
    /// What was found.
    pub found: u64,
    /// What it should be, or may be at most.
    pub limit: u64,
}

/// `I4 of p0.0: unread bytes: 12, not 10`.
impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{}", self.invariant)?;
        if let Some(peer) = self.peer {
            write!(f, " of {peer}")?;
        }
        write!(f, ": {}: {}, not {}", self.what, self.found, self.limit)
    }
}

impl core::error::Error for Unsound {}

/// How much an audit looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Sums over short lists only.
    Quick,
    /// Everything.
    Whole,
}

/// A list up to this length is summed in every audit.
const SHORT: usize = 32;

impl Depth {
    /// Whether a list of `len` entries is summed.
    pub(crate) const fn sums(self, len: usize) -> bool {
        len <= SHORT || matches!(self, Self::Whole)
    }
}

/// What every check gives.
pub(crate) type Checked = Result<(), Unsound>;

/// `found` must be `expected`.
pub(crate) fn equal(invariant: u8, what: &'static str, found: u64, expected: u64) -> Checked {
    verdict(found == expected, invariant, what, found, expected)
}

/// `found` must not be above `limit`.
pub(crate) fn at_most(invariant: u8, what: &'static str, found: u64, limit: u64) -> Checked {
    verdict(found <= limit, invariant, what, found, limit)
}

/// `holds` must be true.
pub(crate) fn holds(invariant: u8, what: &'static str, holds: bool) -> Checked {
    verdict(holds, invariant, what, u64::from(holds), 1)
}

fn verdict(holds: bool, invariant: u8, what: &'static str, found: u64, limit: u64) -> Checked {
    if holds {
        return Ok(());
    }
    Err(Unsound {
        invariant,
        what,
        peer: None,
        found,
        limit,
    })
}

impl Unsound {
    pub(crate) fn of(self, peer: PeerId) -> Self {
        Self {
            peer: Some(peer),
            ..self
        }
    }
}

/// What is noted between two audits.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Whether packets are looked into before they are encrypted.
    pub(crate) is_on: bool,
    /// Slot of the peer touched last.
    pub(crate) touched: u32,
    /// Steps taken for the datagram at hand.
    pub(crate) work: u64,
    /// The first thing that was wrong.
    found: Option<Unsound>,
}

impl Notes {
    /// Keeps what is wrong, unless something was before.
    pub(crate) fn note(&mut self, peer: PeerId, checked: Checked) {
        if let Err(unsound) = checked
            && self.found.is_none()
        {
            self.found = Some(unsound.of(peer));
        }
    }

    pub(crate) fn check(&self) -> Checked {
        self.found.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_one_line() {
        let wrong = equal(4, "unread bytes", 12, 10).expect_err("12 is not 10");
        assert_eq!(wrong.to_string(), "I4: unread bytes: 12, not 10");
        let whose = wrong.of(PeerId::new(3, 1));
        assert_eq!(whose.to_string(), "I4 of p3.1: unread bytes: 12, not 10");
    }

    #[test]
    fn the_first_thing_that_was_wrong_is_kept() {
        let mut notes = Notes::default();
        let peer = PeerId::new(0, 0);
        notes.note(peer, at_most(8, "in flight", 2, 3));
        assert_eq!(notes.check(), Ok(()));
        notes.note(peer, at_most(8, "in flight", 4, 3));
        notes.note(peer, holds(6, "new", false));
        assert_eq!(notes.check().map_err(|unsound| unsound.invariant), Err(8));
    }

    #[test]
    fn long_lists_are_summed_now_and_then() {
        assert!(Depth::Quick.sums(SHORT) && !Depth::Quick.sums(SHORT + 1));
        assert!(Depth::Whole.sums(usize::MAX));
    }
}
