//! How long datagrams may be on the way: packetization layer path MTU discovery (RFC 8899) with acknowledgements as its
//! signals, so that ICMP is not needed. A driver may say that its own interface takes no datagrams of a length.
//!
//! A connection begins with 1,200 bytes of UDP payload (BASE_PLPMTU), or with 548 if only a short HELLO came through. Once
//! 64 KiB of messages were queued that are longer than one datagram (of 548 bytes: with the first), longer ones are tried: packets of PING and padding, first of the
//! largest size, then by halving what is between the size that works and the one that does not. A size has failed when
//! three probes of it were lost (MAX_PROBES). Lost probes are no sign of congestion and are not counted as losses.
//!
//! Where we differ from RFC 8899, and why:
//! - Nobody who sends only short messages probes (section 5.2 begins at once): the bytes would be for nothing.
//! - The timer of a probe (PROBE_TIMER, section 5.1.1) is loss detection: a probe is lost when later packets are acknowledged.
//! - A black hole (section 4.3) is six long packets in a row that were lost while shorter ones arrived, or three if there was a
//!   probe timeout among them. Then the size falls to 548 if nothing longer than that arrived, else to 1,200, and the search
//!   begins anew at once: a size that works after all is back after one round trip. Nobody waits for six losses in silence: of
//!   the two packets that a probe timeout may send (RFC 9002 section 6.2.4), the second is short. Where the search is over, it begins again after 600 s
//!   (PMTU_RAISE_TIMER).

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

    /// The size to try now.
    pub(crate) fn probe_size(&self, now: Instant) -> Option<usize> {
        if !self.is_wanted || self.in_flight.is_some() {
            return None;
        }
        if let Some(until) = self.rests_until {
            return (now >= until && self.size < self.size_max)
                .then(|| self.first_size(self.size_max + 1));
        }
        self.next_size()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Probes a way of this MTU until the search is over; how many probes it took.
    fn search(mtu: &mut Mtu, path_size: usize) -> u32 {
        let now = Instant::from_millis(5);
        for probes in 0..100 {
            let Some(size) = mtu.probe_size(now) else {
                return probes;
            };
            mtu.on_probe_sent(size);
            assert_eq!(mtu.probe_size(now), None, "one at a time");
            if size <= path_size {
                mtu.on_probe_acked(now, size);
            } else {
                mtu.on_probe_lost(now, size);
            }
            mtu.audit().expect("within its bounds");
        }
        panic!("the search never ends");
    }

    /// So many packets above 548 and 1,200 bytes were lost in a row.
    const fn lost(beyond_floor: u32, beyond_base: u32) -> Suspicion {
        Suspicion {
            beyond_floor,
            beyond_base,
            is_silent: false,
        }
    }

    #[test]
    fn nobody_probes_who_sends_short_messages_or_switched_it_off() {
        let mut brief = Mtu::new(true, 1_452);
        brief.want(WORTH_PROBES as usize - 1);
        assert_eq!(search(&mut brief, 1_452), 0, "little that is long");
        let mut off = Mtu::new(false, 1_452);
        off.want(WORTH_PROBES as usize);
        assert_eq!((search(&mut off, 1_452), off.size()), (0, 1_200));
        assert!(!off.on_losses(lost(100, 100)));
    }

    #[test]
    fn every_size_is_found_to_within_a_step() {
        for path_size in 1_200..=1_452 {
            let mut mtu = Mtu::new(true, 1_452);
            mtu.want(WORTH_PROBES as usize);
            let probes = search(&mut mtu, path_size);
            assert!(mtu.size() <= path_size && path_size < mtu.size() + STEP + 1);
            assert!(probes <= 15, "{probes} probes for {path_size}");
        }
    }

    #[test]
    fn what_the_interface_does_not_take_is_not_tried_again_and_not_sent() {
        let now = Instant::from_millis(5);
        for mtu_of_interface in [600, 1_199, 1_200, 1_300, 1_452] {
            let mut mtu = Mtu::new(true, 1_452);
            mtu.want(WORTH_PROBES as usize);
            let mut refused = 0;
            if mtu.size() > mtu_of_interface {
                assert!(mtu.on_too_long(now, mtu.size()));
                refused += 1;
            }
            while let Some(size) = mtu.probe_size(now) {
                mtu.on_probe_sent(size);
                if size > mtu_of_interface {
                    assert!(!mtu.on_too_long(now, size), "it was only a probe");
                    refused += 1;
                    // What loss detection says of it later is no news.
                    mtu.on_probe_lost(now, size);
                } else {
                    mtu.on_probe_acked(now, size);
                }
                mtu.audit().expect("within its bounds");
            }
            assert!(mtu.size() <= mtu_of_interface && mtu_of_interface <= mtu.size() + STEP);
            assert!(refused <= 8, "{refused} refused of {mtu_of_interface}");
        }
    }

    #[test]
    fn an_interface_says_nothing_of_what_every_way_carries_or_nobody_looks_for() {
        let now = Instant::from_millis(5);
        let mut mtu = Mtu::new(true, 1_452);
        assert!(!mtu.on_too_long(now, DATAGRAM_FLOOR) && mtu.size() == DATAGRAM_BASE);
        let mut off = Mtu::new(false, 1_452);
        assert!(!off.on_too_long(now, DATAGRAM_BASE) && off.size() == DATAGRAM_BASE);
    }

    #[test]
    fn after_a_black_hole_it_falls_to_what_arrives_and_searches_anew() {
        let mut mtu = Mtu::new(true, 1_452);
        mtu.want(WORTH_PROBES as usize);
        search(&mut mtu, 1_452);
        assert_eq!(mtu.size(), 1_452);
        assert!(!mtu.on_losses(lost(3, BLACK_HOLE_LOSSES - 1)));
        assert!(mtu.on_losses(lost(3, BLACK_HOLE_LOSSES)));
        assert_eq!(mtu.size(), 1_200);
        assert!(!mtu.on_losses(lost(3, BLACK_HOLE_LOSSES)), "it is 1,200");
        assert!(mtu.on_losses(lost(BLACK_HOLE_LOSSES, 0)));
        assert_eq!(mtu.size(), 548);
        assert!(!mtu.may_fall(), "nothing is below");
        search(&mut mtu, 572);
        assert!((556..=572).contains(&mtu.size()), "{}", mtu.size());
    }

    #[test]
    fn it_falls_to_the_floor_at_once_if_only_short_datagrams_arrive() {
        let mut mtu = Mtu::new(true, 1_452);
        mtu.want(WORTH_PROBES as usize);
        search(&mut mtu, 1_452);
        assert!(mtu.on_losses(lost(BLACK_HOLE_LOSSES, BLACK_HOLE_LOSSES)));
        assert_eq!(mtu.size(), 548);
        search(&mut mtu, 1_252);
        assert!((1_236..=1_252).contains(&mtu.size()), "{}", mtu.size());
    }

    #[test]
    fn in_silence_fewer_losses_are_enough() {
        let mut mtu = Mtu::new(true, 1_452);
        let silent = |beyond_floor| Suspicion {
            is_silent: true,
            ..lost(beyond_floor, 0)
        };
        assert!(!mtu.on_losses(lost(SILENT_LOSSES, 0)));
        assert!(!mtu.on_losses(silent(SILENT_LOSSES - 1)));
        assert!(mtu.on_losses(silent(SILENT_LOSSES)));
        assert_eq!(mtu.size(), 548);
    }

    #[test]
    fn a_finished_search_rests_for_ten_minutes() {
        let mut mtu = Mtu::new(true, 1_452);
        mtu.want(WORTH_PROBES as usize);
        search(&mut mtu, 1_300);
        let found = mtu.size();
        mtu.want(WORTH_PROBES as usize);
        assert_eq!(mtu.probe_size(Instant::from_millis(599_000)), None);
        let later = Instant::from_millis(600_005);
        assert_eq!(mtu.probe_size(later), Some(1_452));
        mtu.on_probe_sent(1_452);
        mtu.on_probe_acked(later, 1_452);
        assert!(mtu.size() > found);
    }
}
