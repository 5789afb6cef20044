//! One direction of a path between two hosts: how long it takes and what it does to datagrams.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::fate::{Fate, Schedule};
use crate::rng::Rng;

/// One direction between two hosts. New links are instant and faultless; each setter adds one trait.
///
/// A datagram meets one [`Fate`]: the next of the schedule or, once that has run out, one drawn by the
/// probabilities. Each copy that arrives takes the latency and its own share of the jitter, so jitter
/// alone reorders too.
///
/// ```
/// use tickwire_sim::{Link, ms};
///
/// let mobile = Link::new().latency(ms(40)).jitter(ms(15)).loss(20).reordering(10, ms(60));
/// let scripted = Link::new().latency(ms(25)).drop_nth([0, 3]);
/// # let _ = (mobile, scripted);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Link {
    latency: Duration,
    jitter: Duration,
    rate: Option<NonZeroU64>,
    loss_permille: u16,
    duplication_permille: u16,
    corruption_permille: u16,
    reordering_permille: u16,
    reordering_extra: Duration,
    schedule: Schedule,
}

impl Link {
    /// An instant, faultless link.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time that every datagram takes.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Time added to the latency, up to this much, uniformly and for each datagram anew.
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Bytes a second that the link takes: a datagram waits until those before it are on their way, however many these
    /// are. 0, as at first, for no limit.
    pub fn rate(mut self, bytes_per_second: u64) -> Self {
        self.rate = NonZeroU64::new(bytes_per_second);
        self
    }

    /// Datagrams of 1,000 that are lost; 1,000 cuts the link.
    pub fn loss(mut self, permille: u16) -> Self {
        self.loss_permille = permille;
        self
    }

    /// Datagrams of 1,000 that arrive twice.
    pub fn duplication(mut self, permille: u16) -> Self {
        self.duplication_permille = permille;
        self
    }

    /// Datagrams of 1,000 that arrive damaged: with a bit flipped or, one in eight, cut short.
    pub fn corruption(mut self, permille: u16) -> Self {
        self.corruption_permille = permille;
        self
    }

    /// Datagrams of 1,000 that take up to `extra` longer, at least 1 ms, and so fall behind others.
    pub fn reordering(mut self, permille: u16, extra: Duration) -> Self {
        self.reordering_permille = permille;
        self.reordering_extra = extra;
        self
    }

    /// Fates of the next datagrams, in order, before the probabilities decide.
    pub fn schedule(mut self, fates: impl IntoIterator<Item = Fate>) -> Self {
        self.schedule = Schedule::new(fates);
        self
    }

    /// Drops the datagrams with these numbers, counted from 0 and from when the link is put in place.
    pub fn drop_nth(mut self, numbers: impl IntoIterator<Item = usize>) -> Self {
        self.schedule = Schedule::drop_nth(numbers);
        self
    }

    /// The same latency and rate and nothing else: what is left once faults stop.
    pub fn healed(&self) -> Self {
        let rate = self.rate.map_or(0, NonZeroU64::get);
        Self::new().latency(self.latency).rate(rate)
    }

    /// Decides on the next datagram.
    pub(crate) fn fate(&mut self, rng: &mut Rng) -> Fate {
        if let Some(fate) = self.schedule.take() {
            return fate;
        }
        if rng.chance(self.loss_permille) {
            return Fate::Drop;
        }
        if rng.chance(self.duplication_permille) {
            return Fate::Duplicate;
        }
        if rng.chance(self.corruption_permille) {
            return damage(rng);
        }
        if rng.chance(self.reordering_permille) {
            let extra = self.reordering_extra.as_millis().max(1);
            return Fate::Delay(narrow(
                rng.between(1, u64::try_from(extra).unwrap_or(u64::MAX)),
            ));
        }
        Fate::Deliver
    }

    /// How long a datagram of this many bytes keeps the link from taking another: rounded down to a nanosecond.
    pub(crate) fn occupation(&self, len: usize) -> Duration {
        let Some(rate) = self.rate else {
            return Duration::ZERO;
        };
        let nanos =
            u128::try_from(len).unwrap_or(u128::MAX) * 1_000_000_000 / u128::from(rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How long one copy of a datagram takes.
    pub(crate) fn transit(&self, rng: &mut Rng) -> Duration {
        let jitter = u64::try_from(self.jitter.as_nanos()).unwrap_or(u64::MAX);
        if jitter == 0 {
            return self.latency;
        }
        self.latency + Duration::from_nanos(rng.between(0, jitter))
    }
}

fn damage(rng: &mut Rng) -> Fate {
    let kind = rng.below(8);
    let place = narrow(rng.below(1 << 16));
    if kind == 0 {
        Fate::Truncate { len: place }
    } else {
        Fate::Corrupt { bit: place }
    }
}

fn narrow(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    fn fates(mut link: Link, count: usize) -> Vec<Fate> {
        let mut rng = Rng::new(1);
        (0..count).map(|_| link.fate(&mut rng)).collect()
    }

    #[test]
    fn a_new_link_delivers_everything_at_once() {
        assert!(!fates(Link::new(), 100).into_iter().any(Fate::is_fault));
        assert_eq!(Link::new().transit(&mut Rng::new(1)), Duration::ZERO);
    }

    #[test]
    fn a_cut_link_drops_everything() {
        let dropped = fates(Link::new().loss(1_000), 100);
        assert!(dropped.into_iter().all(|fate| fate == Fate::Drop));
    }

    #[test]
    fn the_schedule_comes_before_the_probabilities() {
        let link = Link::new().loss(1_000).schedule([Fate::Deliver]);
        assert_eq!(fates(link, 2), [Fate::Deliver, Fate::Drop]);
    }

    #[test]
    fn every_fault_asked_for_occurs() {
        let link = Link::new()
            .loss(100)
            .duplication(100)
            .corruption(100)
            .reordering(100, ms(30));
        let mut counts = crate::FateCounts::default();
        for fate in fates(link, 10_000) {
            counts.count(fate);
        }
        assert!((900..1_100).contains(&counts.dropped), "{counts:?}");
        assert!((800..1_000).contains(&counts.duplicated), "{counts:?}");
        assert!((550..850).contains(&counts.corrupted), "{counts:?}");
        assert!((60..140).contains(&counts.truncated), "{counts:?}");
        assert!((600..900).contains(&counts.delayed), "{counts:?}");
    }

    #[test]
    fn jitter_stays_within_its_bound() {
        let link = Link::new().latency(ms(20)).jitter(ms(5));
        let mut rng = Rng::new(1);
        let transits: Vec<Duration> = (0..1_000).map(|_| link.transit(&mut rng)).collect();
        assert!(transits.iter().all(|time| (ms(20)..=ms(25)).contains(time)));
        assert!(transits.iter().any(|time| *time < ms(21)));
        assert!(transits.iter().any(|time| *time > ms(24)));
    }

    #[test]
    fn a_healed_link_keeps_only_its_latency_and_rate() {
        let kept = Link::new().latency(ms(20)).rate(1_000);
        assert_eq!(kept.clone().loss(500).duplication(3).healed(), kept);
    }
}
