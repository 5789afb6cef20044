//! How long datagrams may be on the way: packetization layer path MTU discovery (RFC 8899) with acknowledgements as its
//! signals, so that ICMP is not needed. A driver may say that its own interface takes no datagrams of a length.
//!
//! A connection begins with 1,200 bytes of UDP payload (BASE_PLPMTU), or with 548 if only a short HELLO came through. Once
//! 64 KiB of messages were queued that are longer than one datagram (of 548 bytes: with the first), longer ones are tried:
//! packets of PING and padding, first of the largest size, then by halving what is between the size that works and the one
//! that does not. A size has failed when three probes of it were lost (MAX_PROBES). Lost probes are no sign of congestion
//! and are not counted as losses.
//!
//! Where we differ from RFC 8899, and why:
//! - Nobody who sends only short messages probes (section 5.2 begins at once): the bytes would be for nothing.
//! - Above 1,200 bytes nobody probes but who gets through so much that the datagram holds its path for 5 ms at most. On a
//!   narrow line everything else waits behind a long one, and CoDel (RFC 8289) takes 5 ms of waiting for a queue.
//! - The timer of a probe (PROBE_TIMER, section 5.1.1) is loss detection: a probe is lost when later packets are acknowledged.
//! - A black hole (section 4.3) is six long packets in a row that were lost while shorter ones arrived, or three if there was a
//!   probe timeout among them. Then the size falls to 548 if nothing longer than that arrived, else to 1,200, and the search
//!   begins anew at once: a size that works after all is back after one round trip. Nobody waits for six losses in silence: of
//!   the two packets that a probe timeout may send (RFC 9002 section 6.2.4), the second is short. Where the search is over, it
//!   begins again after 600 s (PMTU_RAISE_TIMER).

use core::time::Duration;

use crate::audit::{Checked, holds};
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::{DATAGRAM_BASE, DATAGRAM_FLOOR};

/// RFC 8899 section 5.1.2, MAX_PROBES.
const PROBES_MAX: u8 = 3;
/// RFC 8899 section 5.1.1, PMTU_RAISE_TIMER.
const RAISE_AFTER: Duration = Duration::from_secs(600);
/// Bytes of long messages for which a search is worth its probes: datagrams of 1,452 bytes save 1 % of 1,200.
const WORTH_PROBES: u64 = 64 * 1024;
/// A datagram longer than what passes everywhere may hold the path for so long, where all of it is ours.
const HOLDS_PATH_MAX: Duration = Duration::from_millis(5);
/// A search ends when no more than this can be gained.
const STEP: usize = 16;
/// Long packets lost in a row, while shorter ones arrive, that make a black hole.
const BLACK_HOLE_LOSSES: u32 = 6;
/// And if a probe for lost packets had to be sent since the last long one arrived.
const SILENT_LOSSES: u32 = 3;

/// Long packets lost in a row, while shorter ones arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suspicion {
    /// Longer than 548 bytes, and none of those arrived.
    pub(crate) beyond_floor: u32,
    /// Longer than 1,200 bytes, and none of those arrived.
    pub(crate) beyond_base: u32,
    /// A probe for lost packets had to be sent meanwhile.
    pub(crate) is_silent: bool,
}

impl Suspicion {
    pub(crate) const NONE: Self = Self {
        beyond_floor: 0,
        beyond_base: 0,
        is_silent: false,
    };
}

/// The size that works, and the search for a larger one.
#[derive(Debug)]
pub(crate) struct Mtu {
    is_on: bool,
    size: usize,
    size_max: usize,
    /// This size and all above do not work, as far as known.
    fails_from: usize,
    /// A longer datagram would be of use.
    is_wanted: bool,
    /// Bytes of messages that were longer than a datagram.
    long_bytes: u64,
    /// Size of the probe under way.
    in_flight: Option<usize>,
    /// Probes of the size being tried that were lost.
    lost: u8,
    /// The search is over until then.
    rests_until: Option<Instant>,
}

saved!(Mtu {
    is_on,
    size,
    size_max,
    fails_from,
    is_wanted,
    long_bytes,
    in_flight,
    lost,
    rests_until
});

impl Mtu {
    /// Begins with the size at which the handshake came through, if that is short.
    pub(crate) fn new(is_on: bool, size_max: usize) -> Self {
        Self {
            is_on,
            size: DATAGRAM_BASE,
            size_max,
            fails_from: size_max + 1,
            is_wanted: false,
            long_bytes: 0,
            in_flight: None,
            lost: 0,
            rests_until: None,
        }
    }

    /// Only a short HELLO came through: this connection adapts, whatever its owner says.
    pub(crate) const fn begin_at_floor(&mut self) {
        self.is_on = true;
        self.size = DATAGRAM_FLOOR;
    }

    /// Bytes of UDP payload that a datagram may have.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// A message of so many bytes was queued, which is longer than one datagram.
    pub(crate) const fn want(&mut self, len: usize) {
        self.long_bytes = self.long_bytes.saturating_add(len as u64);
        if self.size < DATAGRAM_BASE || self.long_bytes >= WORTH_PROBES {
            self.is_wanted = self.is_on;
        }
    }

    /// The size to try now, where `delivery_rate` bytes a second arrived of late.
    pub(crate) fn probe_size(&self, now: Instant, delivery_rate: u64) -> Option<usize> {
        if !self.is_wanted || self.in_flight.is_some() {
            return None;
        }
        let size = match self.rests_until {
            Some(until) if now < until || self.size >= self.size_max => None,
            Some(_) => Some(self.first_size(self.size_max + 1)),
            None => self.next_size(),
        };
        size.filter(|size| *size <= DATAGRAM_BASE || passes_quickly(*size, delivery_rate))
    }

    const fn first_size(&self, fails_from: usize) -> usize {
        if self.size < DATAGRAM_BASE && fails_from > DATAGRAM_BASE {
            DATAGRAM_BASE
        } else if fails_from > self.size_max {
            self.size_max
        } else {
            self.size + (fails_from - self.size) / 2
        }
    }

    fn next_size(&self) -> Option<usize> {
        let is_over = self.size >= self.size_max || self.fails_from - self.size <= STEP;
        (!is_over).then(|| self.first_size(self.fails_from))
    }

    /// A probe of this size left.
    pub(crate) const fn on_probe_sent(&mut self, size: usize) {
        if self.rests_until.is_some() {
            self.rests_until = None;
            self.fails_from = self.size_max + 1;
        }
        self.in_flight = Some(size);
    }

    /// A probe of this size arrived.
    pub(crate) fn on_probe_acked(&mut self, now: Instant, size: usize) {
        if self.in_flight == Some(size) {
            self.in_flight = None;
            self.lost = 0;
        }
        // One of before a fall says nothing.
        if size > self.size && size < self.fails_from {
            self.size = size.min(self.size_max);
        }
        self.rest_if_over(now);
    }

    /// A probe of this size was lost.
    pub(crate) fn on_probe_lost(&mut self, now: Instant, size: usize) {
        if self.in_flight != Some(size) {
            return;
        }
        self.in_flight = None;
        self.lost += 1;
        if self.lost == PROBES_MAX {
            self.lost = 0;
            self.fails_from = size.max(self.size + 1);
            self.rest_if_over(now);
        }
    }

    fn rest_if_over(&mut self, now: Instant) {
        if self.next_size().is_none() {
            self.is_wanted = false;
            self.rests_until = Some(now + RAISE_AFTER);
        }
    }

    /// Whether datagrams may be longer than what passes everywhere, and become shorter.
    pub(crate) const fn may_fall(&self) -> bool {
        self.is_on && self.size > DATAGRAM_FLOOR
    }

    /// Packets were acknowledged or lost. Whether the size fell.
    pub(crate) const fn on_losses(&mut self, suspicion: Suspicion) -> bool {
        if !self.may_fall() {
            return false;
        }
        let enough = match suspicion.is_silent {
            true => SILENT_LOSSES,
            false => BLACK_HOLE_LOSSES,
        };
        let size = if suspicion.beyond_floor >= enough {
            DATAGRAM_FLOOR
        } else if suspicion.beyond_base >= enough && self.size > DATAGRAM_BASE {
            DATAGRAM_BASE
        } else {
            return false;
        };
        self.fall_to(size);
        true
    }

    /// The interface takes no datagram of `len` bytes, says its own host. Whether the size fell.
    pub(crate) fn on_too_long(&mut self, now: Instant, len: usize) -> bool {
        if !self.is_on || len <= DATAGRAM_FLOOR {
            return false;
        }
        let falls = len <= self.size;
        if falls {
            self.fall_to(match len > DATAGRAM_BASE {
                true => DATAGRAM_BASE,
                false => DATAGRAM_FLOOR,
            });
        }
        if self.in_flight.is_some_and(|size| size >= len) {
            self.in_flight = None;
            self.lost = 0;
        }
        self.fails_from = self.fails_from.min(len);
        self.rest_if_over(now);
        falls
    }

    /// Another network: what was found out does not hold any more. Whether the size fell.
    pub(crate) const fn on_network_changed(&mut self) -> bool {
        let fell = self.is_on && self.size > DATAGRAM_BASE;
        if self.is_on {
            self.fall_to(if fell { DATAGRAM_BASE } else { self.size });
        }
        fell
    }

    const fn fall_to(&mut self, size: usize) {
        self.size = size;
        self.fails_from = self.size_max + 1;
        self.is_wanted = true;
        self.lost = 0;
        self.in_flight = None;
        self.rests_until = None;
    }

    pub(crate) fn audit(&self) -> Checked {
        let is_known = (DATAGRAM_FLOOR..=self.size_max).contains(&self.size);
        holds(10, "a size of datagrams within its bounds", is_known)?;
        holds(
            10,
            "a size below the one that fails",
            self.size < self.fails_from,
        )
    }
}

/// Whether a datagram of `size` bytes holds a path of this rate for a short time only.
const fn passes_quickly(size: usize, bytes_per_second: u64) -> bool {
    let in_time = bytes_per_second as u128 * HOLDS_PATH_MAX.as_micros() / 1_000_000;
    size as u128 <= in_time
}

#[cfg(test)]
mod tests;
