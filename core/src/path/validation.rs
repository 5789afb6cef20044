//! One address that is to prove itself: RFC 9000 section 8.2, with 1.0 times the bytes received as its limit.

use core::time::Duration;

use super::{Patience, Way};
use crate::audit::{Checked, at_most};
use crate::repeat::Repeat;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::{PATH_FRAME_LEN, PathData};

/// Bytes of a challenge or a response in its packet.
pub(super) const FRAME_LEN: usize = PATH_FRAME_LEN;

/// An address that is asked to say eight bytes back.
#[derive(Debug)]
pub(super) struct Validation {
    pub(super) way: Way,
    data: PathData,
    repeat: Repeat,
    asked_at: Option<Instant>,
    pub(super) give_up_at: Instant,
    /// Bytes of authentic datagrams from there, the longest of these, and bytes sent there.
    received: u64,
    longest: u64,
    sent: u64,
    /// The newest packet of those that move a connection came from there.
    pub(super) is_wanted: bool,
    pub(super) is_proven: bool,
    /// From the latest challenge to its response.
    pub(super) round_trip: Option<Duration>,
}

saved!(Validation {
    way,
    data,
    repeat,
    asked_at,
    give_up_at,
    received,
    longest,
    sent,
    is_wanted,
    is_proven,
    round_trip,
});

impl Validation {
    pub(super) fn new(now: Instant, way: Way, data: PathData, patience: Patience) -> Self {
        Self {
            way,
            data,
            repeat: Repeat::new(now, patience.interval),
            asked_at: None,
            give_up_at: now + patience.limit,
            received: 0,
            longest: 0,
            sent: 0,
            is_wanted: false,
            is_proven: false,
            round_trip: None,
        }
    }

    /// An authentic datagram of `len` bytes came from there.
    pub(super) fn on_received(&mut self, len: usize) {
        self.received += len as u64;
        self.longest = self.longest.max(len as u64);
    }

    pub(super) const fn on_sent(&mut self, len: usize) {
        self.sent += len as u64;
    }

    /// Whether a datagram of `len` bytes may go there: no more in all than came, and none longer than any that came.
    pub(super) fn may_be_sent(&self, len: usize) -> bool {
        let len = len as u64;
        self.is_proven || (self.sent + len <= self.received && len <= self.longest)
    }

    /// When the challenge is due, in a packet with `overhead` bytes beside it. `None` until more has come from there.
    pub(super) fn challenge_at(&self, overhead: usize) -> Option<Instant> {
        let may_leave = !self.is_proven && self.may_be_sent(overhead + FRAME_LEN);
        may_leave.then_some(self.repeat.at)
    }

    /// The challenge leaves now.
    pub(super) fn challenge(&mut self, now: Instant) -> PathData {
        self.repeat.advance(now);
        self.asked_at = Some(now);
        self.data
    }

    /// Takes a response from there.
    pub(super) fn on_response(&mut self, now: Instant, data: PathData) {
        let Some(asked_at) = self.asked_at else {
            return;
        };
        if self.data == data && !self.is_proven {
            self.is_proven = true;
            self.round_trip = Some(now.saturating_duration_since(asked_at));
        }
    }

    pub(super) fn audit(&self) -> Checked {
        if self.is_proven {
            return Ok(());
        }
        at_most(1, "bytes to an unproven address", self.sent, self.received)
    }
}
