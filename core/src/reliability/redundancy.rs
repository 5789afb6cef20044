//! Redundancy: how often a small reliable message rides along again before anybody knows that it was lost.
//!
//! Whoever waits for the proof of a loss loses a round trip. A message of a hundred bytes can instead be in the next
//! datagrams too, which leave anyway: if one is lost the next one has it, a tick later. What that costs is bytes, so three
//! questions are answered here, each from what was measured:
//!
//! - **How many copies, and when?** [`Outlook::copies`] and [`Outlook::gap`], from the loss and from how losses come in rows.
//! - **How many bytes?** [`Budget`]: a share of what leaves without them.
//! - **What is a tick?** [`Cadence`]: the time between datagrams, as they really leave.
//!
//! A path that loses nothing gets no copies, but for one of each message while nothing is known about it yet. No RFC has
//! this; forward error correction of whole packets (RFC 8680, RFC 8681) costs as much for unreliable data, which wants none.

use core::time::Duration;

use crate::saved::saved;
use crate::time::{Instant, micros};

/// Copies that leave blindly, before an answer could have come, at most: further ones want evidence.
const BLIND_MAX: u8 = 3;
/// So rarely, of a million messages, may all copies that leave blindly be lost.
const MISSED_PPM: u64 = 1_000;
/// Loss that is assumed while nothing is known, in tenths of a percent: enough for one copy.
const UNKNOWN_PERMILLE: u64 = 20;

/// Bytes of an IPv4 and a UDP header: what a datagram costs on the wire beside its payload.
pub(crate) const UDP_IP_LEN: u64 = 28;

/// What is known of the path, as far as copies depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    /// Enough packets met their fate lately to tell.
    pub(crate) is_known: bool,
    /// Packets lost, in tenths of a percent.
    pub(crate) loss_permille: u16,
    /// Packets lost of those that followed a lost one, in tenths of a percent.
    pub(crate) repeat_permille: u16,
    /// Mean number of packets lost in a row, in tenths.
    pub(crate) run_tenths: u16,
    /// Loss in the other direction: better than no guess at all.
    pub(crate) their_loss_permille: u16,
    /// When the answer to a packet usually came.
    pub(crate) answer: Duration,
    /// The largest number acknowledged, when that packet left, and how far packets may overtake each other.
    pub(crate) largest_acked: u64,
    pub(crate) newest_acked_at: Instant,
    pub(crate) window: Duration,
}

impl Outlook {
    /// Loss was seen: copies are worth datagrams of their own, and worth making without end.
    pub(crate) const fn is_lossy(&self) -> bool {
        self.loss_permille > 0
    }

    /// How many copies of a message leave before its answer is due: as many as make the loss of all of them rare.
    pub(crate) fn copies(&self) -> u8 {
        let guess = u64::from(self.their_loss_permille).max(UNKNOWN_PERMILLE);
        let known = u64::from(self.loss_permille);
        let loss = if self.is_known {
            known
        } else {
            known.max(guess)
        };
        if loss == 0 {
            return 0;
        }
        if !self.is_known && !self.is_lossy() {
            return 1;
        }
        let repeat = u64::from(self.repeat_permille).max(loss);
        let (mut missed_ppm, mut copies) = (loss * 1_000, 0);
        while missed_ppm > MISSED_PPM && copies < BLIND_MAX {
            missed_ppm = missed_ppm * repeat / 1_000;
            copies += 1;
        }
        copies.max(1)
    }

    /// Ticks between copy `nth` (from 1) and the one before it. The first follows at once, as most losses are single; further
    /// ones are spread over the usual row of losses, or one row would take them all.
    pub(crate) fn gap(&self, nth: u8) -> u32 {
        let run = u32::from(self.run_tenths);
        (run * u32::from(nth.saturating_sub(1)) / 20).max(1)
    }

    /// Whether a packet was overtaken by one that arrived: it is probably lost.
    pub(crate) fn is_overtaken(&self, number: u64, sent_at: Instant) -> bool {
        number < self.largest_acked
            && self.newest_acked_at.saturating_duration_since(sent_at) >= self.window
    }
}

/// A bucket of bytes for copies. What leaves without them fills it, at a share; a copy takes its bytes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// In hundredths of a byte.
    centibytes: u64,
}

saved!(Budget { centibytes });

impl Budget {
    /// What it holds at most, and at first: over any time copies are at most the share of what leaves meanwhile, and this.
    pub(crate) const BYTES_MAX: u64 = 2_400;

    pub(crate) const fn new() -> Self {
        Self {
            centibytes: Self::BYTES_MAX * 100,
        }
    }

    /// So many bytes left that are no copies.
    pub(crate) fn earn(&mut self, bytes: u64, percent: u8) {
        let earned = bytes.saturating_mul(percent.into());
        let sum = self.centibytes.saturating_add(earned);
        self.centibytes = sum.min(Self::BYTES_MAX * 100);
    }

    /// Whether a copy of `bytes` may leave that is not to take the last `reserve` bytes.
    pub(crate) const fn covers(&self, bytes: u64, reserve: u64) -> bool {
        self.centibytes >= (bytes + reserve) * 100
    }

    /// Copies of so many bytes left.
    pub(crate) const fn spend(&mut self, bytes: u64) {
        self.centibytes = self.centibytes.saturating_sub(bytes * 100);
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.centibytes / 100
    }
}

/// The time from one datagram with data to the next, learned from those that leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cadence {
    tick_us: u64,
    last_at: Option<Instant>,
}

saved!(Cadence { tick_us, last_at });

/// Datagrams closer together belong to one tick.
const SAME_TICK_US: u64 = 2_000;
/// Datagrams further apart are a pause, not a tick.
const PAUSE_US: u64 = 250_000;
/// A tick is not taken for longer: whoever speaks less often has no ticks, and his copies wait no longer for company.
const TICK_MAX_US: u64 = 50_000;
/// Assumed at first: 60 Hz.
const TICK_FIRST_US: u64 = 16_667;

impl Cadence {
    /// `tick`: the owner's, if it is known.
    pub(crate) fn new(tick: Option<Duration>) -> Self {
        let tick_us = tick.map_or(TICK_FIRST_US, micros);
        Self {
            tick_us: tick_us.clamp(SAME_TICK_US, TICK_MAX_US),
            last_at: None,
        }
    }

    /// A datagram left with data of the owner's that had not left before.
    pub(crate) fn on_sent(&mut self, now: Instant) {
        let Some(last_at) = self.last_at else {
            self.last_at = Some(now);
            return;
        };
        let pause_us = micros(now.saturating_duration_since(last_at));
        if pause_us < SAME_TICK_US {
            return;
        }
        self.last_at = Some(now);
        if pause_us < PAUSE_US {
            self.tick_us = (7 * self.tick_us + pause_us.min(TICK_MAX_US)) / 8;
        }
    }

    /// When the next one leaves at the latest, if they leave regularly.
    pub(crate) fn next_by(&self, now: Instant) -> Option<Instant> {
        let next_by = self.last_at? + self.tick() + self.tick() / 4;
        (next_by >= now).then_some(next_by)
    }

    pub(crate) const fn tick(&self) -> Duration {
        Duration::from_micros(self.tick_us)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BLIND_MAX, Budget, Cadence, Duration, Instant, Outlook};

    /// A path of which enough is known.
    fn lossy(loss_permille: u16, repeat_permille: u16, run_tenths: u16) -> Outlook {
        Outlook {
            is_known: true,
            loss_permille,
            repeat_permille,
            run_tenths,
            their_loss_permille: 0,
            answer: Duration::from_millis(60),
            largest_acked: 10,
            newest_acked_at: Instant::from_millis(100),
            window: Duration::from_millis(5),
        }
    }

    #[test]
    fn copies_by_loss_and_by_how_it_comes_in_rows() {
        // Loss, loss after a loss, copies: all lost together once in a thousand.
        let table = [
            (0, 0, 0),
            (1, 0, 1),
            (20, 20, 1),
            (31, 31, 1),
            (50, 50, 2),
            (100, 100, 2),
            (101, 101, 3),
            (200, 200, 3),
            (1_000, 1_000, 3),
            (20, 500, 3),
            (20, 5, 1),
        ];
        for (loss, repeat, copies) in table {
            assert_eq!(
                lossy(loss, repeat, 10).copies(),
                copies,
                "{loss} and {repeat}"
            );
        }
    }

    #[test]
    fn while_nothing_is_known_there_is_one_copy_or_more_if_losses_were_seen() {
        let unknown = |ours, theirs| Outlook {
            is_known: false,
            their_loss_permille: theirs,
            ..lossy(ours, 0, 0)
        };
        assert_eq!(unknown(0, 0).copies(), 1);
        assert_eq!(unknown(0, 300).copies(), 1);
        assert_eq!(
            unknown(10, 300).copies(),
            3,
            "loss there is a guess for loss here"
        );
        assert_eq!(
            lossy(0, 0, 0).copies(),
            0,
            "and once it is known to be none there is none"
        );
    }

    #[test]
    fn copies_are_spread_over_a_row_of_losses() {
        let gaps = |run| [1, 2, 3, 4].map(|nth| lossy(50, 50, run).gap(nth));
        assert_eq!(gaps(10), [1, 1, 1, 1]);
        assert_eq!(gaps(40), [1, 2, 4, 6]);
        assert_eq!(gaps(0), [1; 4]);
    }

    #[test]
    fn a_packet_is_overtaken_by_number_and_by_time() {
        let outlook = lossy(50, 50, 10);
        let at = Instant::from_millis;
        assert!(outlook.is_overtaken(9, at(95)));
        assert!(
            !outlook.is_overtaken(9, at(96)),
            "it left less than the window before"
        );
        assert!(
            !outlook.is_overtaken(10, at(50)),
            "this is the one that was acknowledged"
        );
    }

    #[test]
    fn a_tick_is_learned_from_what_leaves() {
        let mut cadence = Cadence::new(None);
        assert_eq!(cadence.tick().as_micros(), 16_667);
        let mut now_ms = 0;
        for _ in 0..100 {
            now_ms += 33;
            cadence.on_sent(Instant::from_millis(now_ms));
            // A second datagram of the tick is not the next tick.
            cadence.on_sent(Instant::from_millis(now_ms + 1));
        }
        let tick_us = cadence.tick().as_micros();
        assert!((32_900..=33_000).contains(&tick_us), "{tick_us}");
        cadence.on_sent(Instant::from_millis(now_ms + 5_000));
        assert_eq!(cadence.tick().as_micros(), tick_us, "a pause is no tick");
        assert_eq!(
            Cadence::new(Some(Duration::from_secs(1)))
                .tick()
                .as_millis(),
            50
        );
    }

    #[test]
    fn the_next_datagram_is_foreseen_while_they_leave_regularly() {
        let at = Instant::from_millis;
        let mut cadence = Cadence::new(Some(Duration::from_millis(20)));
        assert_eq!(cadence.next_by(at(0)), None, "none left so far");
        cadence.on_sent(at(100));
        assert_eq!(cadence.next_by(at(100)), Some(at(125)));
        assert_eq!(cadence.next_by(at(125)), Some(at(125)));
        assert_eq!(cadence.next_by(at(126)), None, "it did not leave");
    }

    proptest! {
        /// More loss never means fewer copies, and there are no more than may leave blindly.
        #[test]
        fn more_loss_never_means_fewer_copies(loss in 0u16..=1_000, more in 0u16..=1_000, repeat in 0u16..=1_000) {
            let copies = |loss| lossy(loss, repeat, 10).copies();
            prop_assert!(copies(loss) <= copies((loss + more).min(1_000)));
            prop_assert!(copies(loss) <= BLIND_MAX);
        }

        /// Over any time the copies are at most their share of all else, and what the bucket held.
        #[test]
        fn copies_never_exceed_their_share(
            percent in 0u8..=100,
            steps in prop::collection::vec((any::<bool>(), 1u64..1_300), 1..300),
        ) {
            let mut budget = Budget::new();
            let (mut others, mut copies) = (0, 0);
            for (is_copy, bytes) in steps {
                if !is_copy {
                    budget.earn(bytes, percent);
                    others += bytes;
                } else if budget.covers(bytes, 0) {
                    budget.spend(bytes);
                    copies += bytes;
                }
                prop_assert!(copies * 100 <= others * u64::from(percent) + Budget::BYTES_MAX * 100);
                prop_assert!(budget.bytes() <= Budget::BYTES_MAX);
            }
        }
    }
}
