//! The packets that arrived: which numbers are new, what to acknowledge, in which form, and when.
//!
//! One bitmap of the latest 1,024 numbers serves as replay window and as list of what to report. A number older than
//! the window counts as seen.
//!
//! Acknowledgements ride on packets that leave anyway ([`Received::piggyback`]); only when none leaves in time does a
//! packet go out for their sake ([`Received::ack_deadline`]). Flows of unreliable data in both directions are the
//! common case, and there an acknowledgement costs one byte on every other packet.
//!
//! Invariants:
//! - A compact acknowledgement is sent only if the peer cannot misread it: its byte is the low part of a number less
//!   than 256 above one that the peer certainly knows we received ([`Received::on_ack_confirmed`]).
//! - Every number is in two acknowledgements at least, if the peer lets us send that many: one lost acknowledgement
//!   makes nobody believe in a lost packet.

use core::iter;
use core::ops::RangeInclusive;
use core::time::Duration;

use self::late::Late;
use super::ecn::Tally;
use super::{ACK_RANGES_MAX, COMPACT_SPAN};
use crate::saved::saved;
use crate::time::Instant;
use crate::transmit::{Ecn, EcnCounts};

mod audit;
mod late;
#[cfg(test)]
mod tests;

/// Numbers remembered.
pub(crate) const WINDOW: u64 = 1_024;

/// Unreliable data alone causes at most two acknowledgement datagrams a second.
pub(crate) const LAZY_ACK_DELAY: Duration = Duration::from_millis(500);
/// Unreliable data that waited this long is acknowledged by the next packet that leaves anyway, as are two packets of it.
const LAZY_PIGGYBACK_DELAY: Duration = Duration::from_millis(100);
const LAZY_PIGGYBACK_PACKETS: u32 = 2;

/// How soon a gap among packets of unreliable data alone is reported again, by a packet of its own: who loses many of them
/// would else get one for each. Longer if nothing reliable came lately: then nobody waits for the news.
const GAP_REPORT_INTERVAL: Duration = Duration::from_millis(40);
/// And it waits no longer for company: ticks may be long.
const GAP_COMPANY_MAX: Duration = Duration::from_millis(25);
const RELIABLE_LATELY: Duration = Duration::from_secs(2);

/// So many packets of reliable data are acknowledged at once: a long message must not wait for acknowledgements that
/// wait for company. RFC 9000 section 13.2.2 says two; a side that ticks twice as often as the other sends that many
/// between two packets of the other's.
const SOON_PACKETS_MAX: u32 = 4;

/// The first acknowledgements are all exact, so that the peer measures the round trip early; then one a second.
const EXACT_FIRST: u32 = 8;
const EXACT_INTERVAL: Duration = Duration::from_secs(1);

/// A compact acknowledgement may report this many new numbers: half its span, so that each is reported twice.
const COMPACT_NEW_MAX: u64 = COMPACT_SPAN / 2;
/// Numbers that one byte tells apart.
const COMPACT_MODULUS: u64 = 256;

/// How soon a packet wants to be acknowledged, by what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Acknowledgements, padding: never acknowledged for its own sake.
    None,
    /// Unreliable data: twice a second is enough.
    Lazy,
    /// Reliable data that came before: its sender lacks our acknowledgement, but nothing is repaired by its haste.
    Again,
    /// Reliable data: within our acknowledgement delay.
    Soon,
    /// PING: at once.
    Now,
}

/// The acknowledgement to put into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckForm {
    /// None is worth its bytes now.
    None,
    /// One byte: the low bits of the largest number received; the 31 numbers below it arrived too.
    Compact(u8),
    /// The ACK frame: [`Received::ranges`] and [`Received::ack_delay`].
    Ranges,
}

/// The packets that arrived.
#[derive(Debug)]
pub(crate) struct Received {
    /// Bit `n % 1024` stands for number `n`, for the latest 1,024 numbers; the bits ahead of the largest mean nothing.
    seen: [u64; (WINDOW / 64) as usize],
    largest: Option<u64>,
    largest_at: Instant,
    /// The peer knows that we received this number and what we received below it.
    confirmed: u64,
    /// Numbers below were reported, and the report arrived.
    report_from: u64,
    ack_delay_max: Duration,
    /// The lowest number received since the last acknowledgement.
    unreported_from: Option<u64>,
    late: Late,
    /// Numbers were skipped since the last exact acknowledgement.
    is_gap_unreported: bool,
    lazy_count: u32,
    lazy_since: Option<Instant>,
    soon_count: u32,
    soon_since: Option<Instant>,
    now_since: Option<Instant>,
    /// Since when a gap is known that no acknowledgement has told of.
    gap_since: Option<Instant>,
    /// When an acknowledgement left last, and when reliable data came last.
    reported_at: Option<Instant>,
    reliable_at: Option<Instant>,
    exact_count: u32,
    exact_at: Instant,
    tally: Tally,
}

saved!(Received {
    seen,
    largest,
    largest_at,
    confirmed,
    report_from,
    ack_delay_max,
    unreported_from,
    late,
    is_gap_unreported,
    lazy_count,
    lazy_since,
    soon_count,
    soon_since,
    now_since,
    gap_since,
    reported_at,
    reliable_at,
    exact_count,
    exact_at,
    tally,
});

impl Received {
    pub(crate) const fn new(ack_delay_max: Duration) -> Self {
        Self {
            seen: [0; (WINDOW / 64) as usize],
            largest: None,
            largest_at: Instant::ZERO,
            confirmed: 0,
            report_from: 0,
            ack_delay_max,
            unreported_from: None,
            late: Late::NONE,
            is_gap_unreported: false,
            lazy_count: 0,
            lazy_since: None,
            soon_count: 0,
            soon_since: None,
            now_since: None,
            gap_since: None,
            reported_at: None,
            reliable_at: None,
            exact_count: 0,
            exact_at: Instant::ZERO,
            tally: Tally::new(),
        }
    }

    /// Whether this packet was not seen before: false for duplicates and for what is older than the window.
    pub(crate) fn is_new(&self, number: u64) -> bool {
        let Some(largest) = self.largest else {
            return true;
        };
        match largest.checked_sub(number) {
            None => true,
            Some(age) => age < WINDOW && !self.is_seen(number),
        }
    }

    /// The largest number received, from which truncated numbers are expanded.
    pub(crate) const fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// Remembers a new packet, once everything in it is kept.
    pub(crate) fn record(&mut self, now: Instant, number: u64, urgency: Urgency) {
        debug_assert!(self.is_new(number), "a packet is recorded once");
        let expected = self.largest.map_or(0, |largest| largest.saturating_add(1));
        let is_late = number < expected;
        if is_late {
            self.report_from = self.report_from.min(number);
            self.late.add(number, expected - 1);
        } else {
            self.is_gap_unreported |= number > expected;
            self.advance(expected, number);
            self.largest_at = now;
        }
        self.seen[word(number)] |= bit(number);
        self.urge(now, number, urgency, is_late);
    }

    /// A packet that was remembered had this mark.
    pub(crate) fn on_mark(&mut self, now: Instant, ecn: Option<Ecn>, urgency: Urgency) {
        if self.tally.on_packet(ecn) && urgency != Urgency::None {
            self.now_since.get_or_insert(now);
        }
    }

    /// Marks that arrived, if the next ACK frame has to tell of them.
    pub(crate) fn marks_due(&self, now: Instant) -> Option<EcnCounts> {
        self.tally.due(now)
    }

    /// Marks that arrived.
    pub(crate) const fn marks(&self) -> EcnCounts {
        self.tally.counts()
    }

    /// When an acknowledgement must leave even if nothing else does. An instant in the past means now. `company`: when a
    /// packet leaves anyway, as far as one can tell: news of a gap waits for that, but for no longer.
    pub(crate) fn ack_deadline(&self, company: Option<Instant>) -> Option<Instant> {
        let soon = self.soon_since.map(|since| since + self.ack_delay_max);
        let lazy = self.lazy_since.map(|since| since + LAZY_ACK_DELAY);
        let gap = self
            .gap_since
            .map(|since| self.gap_deadline(since, company));
        Instant::earliest(&[self.now_since, soon, lazy, gap])
    }

    /// RFC 9000 section 13.2.1 acknowledges a gap at once. Where we differ, and why:
    /// - The news waits for a packet that leaves within a tick anyway: for unreliable data it is worth no datagram then.
    /// - Each is a datagram, and a lossy path has many: there is a least time between them, by which a one-way flow of
    ///   unreliable data alone costs no more than without loss.
    ///
    /// As there, what elicits no acknowledgement causes none, though it may be what shows the gap: two sides would
    /// acknowledge each other's acknowledgements.
    fn gap_deadline(&self, since: Instant, company: Option<Instant>) -> Instant {
        let is_lately = |at| since.saturating_duration_since(at) < RELIABLE_LATELY;
        let interval = match self.reliable_at.is_some_and(is_lately) {
            true => GAP_REPORT_INTERVAL,
            false => LAZY_ACK_DELAY,
        };
        let again_at = self.reported_at.map(|at| at + interval);
        let company = company.filter(|at| *at <= since + GAP_COMPANY_MAX);
        since
            .max(again_at.unwrap_or(since))
            .max(company.unwrap_or(since))
    }

    /// The acknowledgement for a packet that leaves anyway.
    pub(crate) fn piggyback(&self, now: Instant) -> AckForm {
        if self.now_since.is_some() {
            return AckForm::Ranges;
        }
        let lazy_is_old = |since| now.saturating_duration_since(since) >= LAZY_PIGGYBACK_DELAY;
        let is_gap_news = self.is_gap_unreported && self.unreported_from.is_some();
        let is_wanted = self.soon_since.is_some()
            || is_gap_news
            || self.lazy_count >= LAZY_PIGGYBACK_PACKETS
            || self.lazy_since.is_some_and(lazy_is_old);
        if !is_wanted {
            return AckForm::None;
        }
        match self.compact() {
            Some(low_bits) if !self.is_exact_due(now) && !self.tally.has_news() => {
                AckForm::Compact(low_bits)
            }
            Some(_) | None => AckForm::Ranges,
        }
    }

    /// What to report, newest first: at most 32 ranges, inside the window and only what the peer may not know yet.
    /// Never empty once something was received.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> + Clone + '_ {
        let lowest = self.lowest_reported();
        let mut next = self.largest;
        iter::from_fn(move || {
            let end = next?;
            let start = end - (self.run_down(end, lowest, true) - 1);
            next = self.received_below(start, lowest);
            Some(start..=end)
        })
        .take(ACK_RANGES_MAX)
    }

    /// Time since the largest number arrived.
    pub(crate) const fn ack_delay(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.largest_at)
    }

    /// An acknowledgement of this form left: nothing is urgent any more.
    pub(crate) fn on_ack_sent(&mut self, now: Instant, form: AckForm) {
        match form {
            AckForm::None => return,
            AckForm::Compact(_) => {}
            AckForm::Ranges => {
                if self.tally.due(now).is_some() {
                    self.tally.on_reported(now);
                }
                self.is_gap_unreported = false;
                self.exact_count = self.exact_count.saturating_add(1);
                self.exact_at = now;
            }
        }
        self.unreported_from = None;
        self.lazy_count = 0;
        self.lazy_since = None;
        self.soon_count = 0;
        self.soon_since = None;
        self.now_since = None;
        self.gap_since = None;
        self.reported_at = Some(now);
    }

    /// A packet of ours with an ACK frame (not a compact acknowledgement, which may have been ignored) up to `largest`
    /// arrived: what that frame said needs no repetition. A number that came in late is still reported.
    pub(crate) fn on_ack_confirmed(&mut self, largest: u64) {
        self.confirmed = self.confirmed.max(largest);
        self.late.on_ack_confirmed(largest);
        let report_from = self.report_from.max(largest);
        let unreported = [self.unreported_from, self.late.lowest()];
        self.report_from = unreported.into_iter().flatten().fold(report_from, u64::min);
    }

    /// Of the latest 256 numbers so many did not come, in tenths of a percent; some may only be late.
    pub(crate) fn missing_permille(&self) -> u16 {
        let Some(largest) = self.largest else {
            return 0;
        };
        const WORDS: u64 = 4;
        // Whole words below the one that is being filled.
        let words = (largest / 64).min(WORDS);
        if words == 0 {
            return 0;
        }
        let missing = (1..=words).map(|back| self.seen[word(largest - 64 * back)].count_zeros());
        let permille = u64::from(missing.sum::<u32>()) * 1_000 / (words * 64);
        u16::try_from(permille).unwrap_or(1_000)
    }

    /// Makes `number` the largest: forgets the bits of the numbers that leave the window.
    fn advance(&mut self, expected: u64, number: u64) {
        if number - expected >= WINDOW {
            self.seen = [0; (WINDOW / 64) as usize];
        } else {
            for skipped in expected..=number {
                self.seen[word(skipped)] &= !bit(skipped);
            }
        }
        self.largest = Some(number);
    }

    fn urge(&mut self, now: Instant, number: u64, urgency: Urgency, is_late: bool) {
        // RFC 9000 section 13.2.1: the sender should hear of loss and reordering at once.
        let is_disorder = is_late || self.is_gap_unreported;
        if matches!(urgency, Urgency::Again | Urgency::Soon) {
            self.reliable_at = Some(now);
        }
        match urgency {
            Urgency::None => return,
            Urgency::Lazy => {
                self.lazy_count = self.lazy_count.saturating_add(1);
                self.lazy_since.get_or_insert(now);
                if self.is_gap_unreported {
                    self.gap_since.get_or_insert(now);
                }
            }
            Urgency::Again => {
                self.soon_since.get_or_insert(now);
            }
            Urgency::Soon if !is_disorder => {
                self.soon_count = self.soon_count.saturating_add(1);
                self.soon_since.get_or_insert(now);
                if self.soon_count >= SOON_PACKETS_MAX {
                    self.now_since.get_or_insert(now);
                }
            }
            Urgency::Soon | Urgency::Now => {
                self.now_since.get_or_insert(now);
            }
        }
        let lowest = self.unreported_from.unwrap_or(number).min(number);
        self.unreported_from = Some(lowest);
    }

    fn is_exact_due(&self, now: Instant) -> bool {
        self.exact_count < EXACT_FIRST
            || now.saturating_duration_since(self.exact_at) >= EXACT_INTERVAL
    }

    /// The compact acknowledgement, if it can say all that is to be said and cannot be misread.
    fn compact(&self) -> Option<u8> {
        let largest = self.largest?;
        let new = largest - self.unreported_from.unwrap_or(largest);
        let is_clear = largest.saturating_sub(self.confirmed) < COMPACT_MODULUS;
        if new >= COMPACT_NEW_MAX || !is_clear {
            return None;
        }
        let lowest = largest.saturating_sub(COMPACT_SPAN - 1);
        let is_complete = self.run_down(largest, lowest, true) > largest - lowest;
        is_complete.then_some((largest % COMPACT_MODULUS) as u8)
    }

    fn lowest_reported(&self) -> u64 {
        let largest = self.largest.unwrap_or(0);
        let oldest = largest.saturating_sub(WINDOW - 1);
        self.report_from.clamp(oldest, largest)
    }

    /// The next received number below `start`, not below `lowest`.
    fn received_below(&self, start: u64, lowest: u64) -> Option<u64> {
        if start <= lowest {
            return None;
        }
        let missing = self.run_down(start - 1, lowest, false);
        (start - missing).checked_sub(1).filter(|&n| n >= lowest)
    }

    /// How many numbers from `from` down to `lowest` are all received, or all missing, before the first that is not.
    fn run_down(&self, from: u64, lowest: u64, received: bool) -> u64 {
        let span = from - lowest + 1;
        let mut length = 0;
        while length < span {
            let number = from - length;
            let seen = self.seen[word(number)];
            let wanted = if received { seen } else { !seen };
            let in_word = number % 64 + 1;
            let run = u64::from((wanted << (64 - in_word)).leading_ones());
            length += run;
            if run < in_word {
                break;
            }
        }
        length.min(span)
    }

    const fn is_seen(&self, number: u64) -> bool {
        self.seen[word(number)] & bit(number) != 0
    }
}

const fn word(number: u64) -> usize {
    (number % WINDOW / 64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % 64)
}
