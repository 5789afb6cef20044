//! One direction of a path between two hosts: how long it takes and what it does to datagrams.
//!
//! A [`Link`] is put together from traits, each with its own model:
//!
//! | trait                                     | model                                                    |
//! |-------------------------------------------|----------------------------------------------------------|
//! | latency, jitter                           | a fixed time and a distribution: [`Jitter`]              |
//! | loss                                      | each datagram for itself                                 |
//! | bursts                                    | two states, by datagram or by time: [`Bursts`]           |
//! | duplication, storms                       | one more copy, or very many                              |
//! | reordering                                | some datagrams take longer                               |
//! | corruption, overwriting, truncation, ...  | one bit, a run of bytes, the end, a foreign end          |
//! | rate                                      | bits per second and the queue before them: [`Rate`]      |
//! | conditions                                | times and losses as they were recorded: [`Conditions`]   |
//! | ECN                                       | marks that are set, taken away or punished: [`EcnPath`]  |
//! | mtu                                       | longer datagrams vanish, and nobody is told              |
//! | blackhole, hold, flapping                 | times at which nothing crosses                           |
//!
//! A datagram meets them in this order: the schedule, if there is one, decides alone. Otherwise the MTU, outages and
//! bursts and what was recorded may stop it; then chance gives it one [`Fate`]; then each copy waits in the queue, and then it takes the latency
//! and its own share of the jitter.

pub(crate) mod bursts;
mod codel;
pub(crate) mod cross;
pub(crate) mod ecn;
pub(crate) mod jitter;
mod outage;
pub(crate) mod rate;
pub(crate) mod recorded;
mod run;
mod traits;

use std::time::Duration;

use tickwire_core::Ecn;

use self::bursts::Bursts;
use self::ecn::EcnPath;
use self::jitter::Jitter;
use self::outage::Outage;
use self::rate::Rate;
use self::recorded::Conditions;
use self::run::RunBound;
use self::traits::{Traits, plain};
use crate::fate::{Fate, Schedule};
use crate::faults::DropCause;
use crate::rng::Rng;

/// One direction between two hosts. New links are instant and faultless; each setter adds one trait.
///
/// A datagram meets one [`Fate`]: the next of the schedule or, once that has run out, one drawn by the
/// probabilities. Each copy that arrives takes the latency and its own share of the jitter, so jitter
/// alone reorders too, unless the link keeps order.
///
/// ```
/// use tickwire_sim::{Bursts, Link, Rate, ms};
///
/// let mobile = Link::new().latency(ms(40)).jitter(ms(15)).loss(20).reordering(10, ms(60));
/// let scripted = Link::new().latency(ms(25)).drop_nth([0, 3]);
/// let uplink = Link::new()
///     .latency(ms(30))
///     .bursts(Bursts::by_datagram(3, 300))
///     .rate(Rate::bits_per_second(500_000).queue_bytes(32_000))
///     .mtu(1_400);
/// # let _ = (mobile, scripted, uplink);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Link {
    latency: Duration,
    jitter: Jitter,
    loss_permille: u16,
    duplication_permille: u16,
    corruption_permille: u16,
    reordering_permille: u16,
    reordering_extra: Duration,
    schedule: Schedule,
    /// Only where needed: most links have none of them.
    traits: Option<Box<Traits>>,
}

/// What a link makes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crossing {
    pub(crate) fate: Fate,
    /// Why, if the fate is to be dropped.
    pub(crate) cause: DropCause,
    /// How long it is held back before it is sent.
    pub(crate) hold: Duration,
    /// What it takes above the latency, as it was recorded.
    pub(crate) delay: Duration,
    /// Its mark of congestion as it was sent off.
    pub(crate) sent_ecn: Option<Ecn>,
    /// The mark that it has when it comes to the queue.
    pub(crate) ecn: Option<Ecn>,
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

    /// Time added to the latency for each datagram anew: up to this much, uniformly, or by another distribution.
    pub fn jitter(mut self, jitter: impl Into<Jitter>) -> Self {
        self.jitter = jitter.into();
        self
    }

    /// Nobody overtakes by jitter: a datagram that would arrive before one sent earlier arrives with it.
    pub fn in_order(mut self) -> Self {
        self.traits().is_in_order = true;
        self
    }

    /// Datagrams of 1,000 that are lost; 1,000 cuts the link.
    pub fn loss(mut self, permille: u16) -> Self {
        self.loss_permille = permille;
        self
    }

    /// Of the losses by [`loss`](Self::loss) at most so many come in a row, at least 1; then one datagram passes.
    pub fn loss_run_max(mut self, datagrams: u16) -> Self {
        self.traits().loss_run = RunBound::new(datagrams.max(1));
        self
    }

    /// The same for damages by [`corruption`](Self::corruption).
    pub fn corruption_run_max(mut self, datagrams: u16) -> Self {
        self.traits().corruption_run = RunBound::new(datagrams.max(1));
        self
    }

    /// Losses that come together, besides those of [`loss`](Self::loss).
    pub fn bursts(mut self, bursts: Bursts) -> Self {
        self.traits().bursts = Some(bursts);
        self
    }

    /// Datagrams of 1,000 that arrive twice.
    pub fn duplication(mut self, permille: u16) -> Self {
        self.duplication_permille = permille;
        self
    }

    /// Datagrams of 1,000 that arrive and then again `copies` times, a millisecond apart.
    pub fn storms(mut self, permille: u16, copies: u16) -> Self {
        let traits = self.traits();
        (traits.storm_permille, traits.storm_copies) = (permille, copies);
        self
    }

    /// Datagrams of 1,000 that arrive damaged: with a bit flipped or, one in eight, cut short.
    pub fn corruption(mut self, permille: u16) -> Self {
        self.corruption_permille = permille;
        self
    }

    /// Datagrams of 1,000 that arrive with a run of 1 to 64 bytes overwritten.
    pub fn overwriting(mut self, permille: u16) -> Self {
        self.traits().overwriting_permille = permille;
        self
    }

    /// Datagrams of 1,000 that arrive cut short, to any length from 0.
    pub fn truncation(mut self, permille: u16) -> Self {
        self.traits().truncation_permille = permille;
        self
    }

    /// Datagrams of 1,000 that arrive longer than they were, mostly by 1 to 64 bytes and at most to 65,507 bytes.
    pub fn extension(mut self, permille: u16) -> Self {
        self.traits().extension_permille = permille;
        self
    }

    /// Datagrams of 1,000 that arrive with their second half from the datagram before them.
    pub fn splicing(mut self, permille: u16) -> Self {
        self.traits().splicing_permille = permille;
        self
    }

    /// Datagrams of 1,000 that take up to `extra` longer, at least 1 ms, and so fall behind others.
    pub fn reordering(mut self, permille: u16, extra: Duration) -> Self {
        self.reordering_permille = permille;
        self.reordering_extra = extra;
        self
    }

    /// So many bits a second, and a queue before them.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.traits().rate = Some(rate);
        self
    }

    /// What is sent without a mark of congestion is sent as ECT(0): a sender without ECN is one with it.
    pub fn ect(mut self) -> Self {
        self.traits().is_ect = true;
        self
    }

    /// What the path does to marks of congestion, before the queue.
    pub fn ecn(mut self, path: EcnPath) -> Self {
        self.traits().ecn = Some(path);
        self
    }

    /// Times, besides the latency, and losses as they were recorded, from when the link is put in place.
    pub fn conditions(mut self, conditions: Conditions) -> Self {
        self.traits().conditions = Some(conditions);
        self
    }

    /// Longest datagram that crosses, in bytes of UDP payload. Longer ones vanish.
    pub fn mtu(mut self, bytes: usize) -> Self {
        self.traits().mtu = Some(bytes);
        self
    }

    /// Nothing sent in this time arrives. Counts from when the link is put in place; may be given several times.
    pub fn blackhole(mut self, at: Duration, length: Duration) -> Self {
        self.traits().outages.push(Outage::Blackhole { at, length });
        self
    }

    /// What is sent in this time leaves together at its end. Counts from when the link is put in place; may be given
    /// several times.
    pub fn hold(mut self, at: Duration, length: Duration) -> Self {
        self.traits().outages.push(Outage::Hold { at, length });
        self
    }

    /// Works for `up`, loses everything for `down`, and so on, from when the link is put in place.
    pub fn flapping(mut self, up: Duration, down: Duration) -> Self {
        self.traits().outages.push(Outage::Flapping { up, down });
        self
    }

    /// Fates of the next datagrams, in order, before anything else decides.
    pub fn schedule(mut self, fates: impl IntoIterator<Item = Fate>) -> Self {
        self.schedule = Schedule::new(fates);
        self
    }

    /// Drops the datagrams with these numbers, counted from 0 and from when the link is put in place.
    pub fn drop_nth(mut self, numbers: impl IntoIterator<Item = usize>) -> Self {
        self.schedule = Schedule::drop_nth(numbers);
        self
    }

    /// The same latency and rate and nothing else, nobody else's traffic either: what is left once faults stop.
    pub fn healed(&self) -> Self {
        let healed = Self::new().latency(self.latency);
        match self.slow() {
            Some(rate) => healed.rate(rate.clone().alone()),
            None => healed,
        }
    }

    fn traits(&mut self) -> &mut Traits {
        self.traits.get_or_insert_default()
    }

    /// Decides on the next datagram, of `len` bytes with this mark, sent `age` after the link was put in place.
    pub(crate) fn cross(
        &mut self,
        age: Duration,
        len: usize,
        ecn: Option<Ecn>,
        rng: &mut Rng,
    ) -> Crossing {
        if let Some(fate) = self.schedule.take() {
            return plain(fate, ecn);
        }
        let Some(traits) = &mut self.traits else {
            return plain(self.fate(rng), ecn);
        };
        let sent_ecn = ecn.or(traits.is_ect.then_some(Ecn::Ect0));
        let met = traits.ecn.map_or(Ok(sent_ecn), |path| path.meet(sent_ecn));
        match (traits.admit(age, len, rng), met) {
            (Ok((hold, delay)), Ok(ecn)) => Crossing {
                hold,
                delay,
                ecn,
                ..plain(self.fate(rng), sent_ecn)
            },
            (Err(cause), _) | (_, Err(cause)) => Crossing {
                cause,
                ..plain(Fate::Drop, sent_ecn)
            },
        }
    }

    /// What chance makes of a datagram.
    fn fate(&mut self, rng: &mut Rng) -> Fate {
        let is_lost = rng.chance(self.loss_permille);
        if self.is_struck(is_lost, |traits| &mut traits.loss_run) {
            return Fate::Drop;
        }
        if rng.chance(self.duplication_permille) {
            return Fate::Duplicate;
        }
        let is_damaged = rng.chance(self.corruption_permille);
        if self.is_struck(is_damaged, |traits| &mut traits.corruption_run) {
            return damage(rng);
        }
        if rng.chance(self.reordering_permille) {
            let extra = self.reordering_extra.as_millis().max(1);
            return Fate::Delay(narrow(
                rng.between(1, u64::try_from(extra).unwrap_or(u64::MAX)),
            ));
        }
        let rarer = self.traits.as_ref().and_then(|traits| traits.fate(rng));
        rarer.unwrap_or(Fate::Deliver)
    }

    /// Whether what chance wants happens, where so many in a row have a bound.
    fn is_struck(&mut self, is_drawn: bool, run: impl Fn(&mut Traits) -> &mut RunBound) -> bool {
        match &mut self.traits {
            Some(traits) => run(traits).strikes(is_drawn),
            None => is_drawn,
        }
    }

    /// How long one copy of a datagram takes, and how much of it is jitter.
    pub(crate) fn transit(&self, rng: &mut Rng) -> (Duration, Duration) {
        let jitter = self.jitter.draw(rng);
        (self.latency + jitter, jitter)
    }

    /// The rate, if the link is a slow one.
    pub(crate) fn slow(&self) -> Option<&Rate> {
        self.traits.as_ref()?.rate.as_ref()
    }

    pub(crate) fn is_in_order(&self) -> bool {
        self.traits
            .as_ref()
            .is_some_and(|traits| traits.is_in_order)
    }

    /// Whether it needs the datagram before each one.
    pub(crate) fn splices(&self) -> bool {
        self.traits
            .as_ref()
            .is_some_and(|traits| traits.splicing_permille > 0)
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
        let mut cross = || link.cross(Duration::ZERO, 100, None, &mut rng);
        (0..count).map(|_| cross().fate).collect()
    }

    #[test]
    fn a_new_link_delivers_everything_at_once() {
        assert!(!fates(Link::new(), 100).into_iter().any(Fate::is_fault));
        assert_eq!(Link::new().transit(&mut Rng::new(1)).0, Duration::ZERO);
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
    fn every_rarer_fault_asked_for_occurs() {
        let link = Link::new()
            .storms(50, 9)
            .overwriting(50)
            .truncation(50)
            .extension(50)
            .splicing(50);
        let mut counts = crate::FateCounts::default();
        for fate in fates(link, 10_000) {
            counts.count(fate);
        }
        for count in [
            counts.stormed,
            counts.overwritten,
            counts.truncated,
            counts.extended,
            counts.spliced,
        ] {
            assert!((350..600).contains(&count), "{counts:?}");
        }
    }

    #[test]
    fn what_is_longer_than_the_mtu_vanishes() {
        let mut link = Link::new().mtu(576);
        let mut cross = |len| link.cross(Duration::ZERO, len, None, &mut Rng::new(1));
        assert_eq!(cross(576).fate, Fate::Deliver);
        assert_eq!(
            (cross(577).fate, cross(577).cause),
            (Fate::Drop, DropCause::TooLarge)
        );
    }

    #[test]
    fn outages_count_from_when_the_link_is_put_in_place() {
        let mut link = Link::new().blackhole(ms(10), ms(5)).hold(ms(20), ms(5));
        let mut cross = |age| link.cross(ms(age), 100, None, &mut Rng::new(1));
        assert_eq!(cross(9).fate, Fate::Deliver);
        assert_eq!(cross(10).cause, DropCause::Blackhole);
        assert_eq!((cross(21).fate, cross(21).hold), (Fate::Deliver, ms(4)));
    }

    #[test]
    fn jitter_stays_within_its_bound() {
        let link = Link::new().latency(ms(20)).jitter(ms(5));
        let mut rng = Rng::new(1);
        let transits: Vec<Duration> = (0..1_000).map(|_| link.transit(&mut rng).0).collect();
        assert!(transits.iter().all(|time| (ms(20)..=ms(25)).contains(time)));
        assert!(transits.iter().any(|time| *time < ms(21)));
        assert!(transits.iter().any(|time| *time > ms(24)));
    }

    #[test]
    fn a_healed_link_keeps_only_its_latency_and_rate() {
        let kept = Link::new()
            .latency(ms(20))
            .rate(Rate::bytes_per_second(1_000));
        assert_eq!(kept.clone().loss(500).duplication(3).healed(), kept);
    }
}
