//! The traits that few links have, kept apart so that a plain link stays small and fast.

use std::time::Duration;

use tickwire_core::Ecn;

use super::Crossing;
use super::bursts::Bursts;
use super::ecn::EcnPath;
use super::outage::{Effect, Outage};
use super::rate::Rate;
use super::recorded::Conditions;
use super::run::RunBound;
use crate::fate::Fate;
use crate::faults::DropCause;
use crate::rng::Rng;

/// What a link has beyond latency, jitter and the plain probabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) bursts: Option<Bursts>,
    pub(crate) storm_permille: u16,
    pub(crate) storm_copies: u16,
    pub(crate) overwriting_permille: u16,
    pub(crate) truncation_permille: u16,
    pub(crate) extension_permille: u16,
    pub(crate) splicing_permille: u16,
    pub(crate) mtu: Option<usize>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) rate: Option<Rate>,
    pub(crate) conditions: Option<Conditions>,
    pub(crate) ecn: Option<EcnPath>,
    pub(crate) is_ect: bool,
    pub(crate) is_in_order: bool,
    pub(crate) loss_run: RunBound,
    pub(crate) corruption_run: RunBound,
}

impl Traits {
    /// Before chance decides: what the state of the link makes impossible for a datagram of `len` bytes, or how long it holds
    /// it back and delays it.
    pub(crate) fn admit(
        &mut self,
        age: Duration,
        len: usize,
        rng: &mut Rng,
    ) -> Result<(Duration, Duration), DropCause> {
        if self.mtu.is_some_and(|mtu| len > mtu) {
            return Err(DropCause::TooLarge);
        }
        let mut hold = Duration::ZERO;
        for outage in &self.outages {
            match outage.effect(age) {
                Effect::None => {}
                Effect::Drop(cause) => return Err(cause),
                Effect::Hold(time) => hold = hold.max(time),
            }
        }
        let bursts = self.bursts.as_mut();
        if bursts.is_some_and(|bursts| bursts.is_lost(age, rng)) {
            return Err(DropCause::Burst);
        }
        match self.conditions.as_mut().map(|recorded| recorded.meet(age)) {
            None => Ok((hold, Duration::ZERO)),
            Some(Some(delay)) => Ok((hold, delay)),
            Some(None) => Err(DropCause::Loss),
        }
    }

    /// The rarer damage.
    pub(crate) fn fate(&self, rng: &mut Rng) -> Option<Fate> {
        let mut place = || u16::try_from(rng.below(1 << 16)).unwrap_or(u16::MAX);
        let (first, second) = (place(), place());
        let fates = [
            (
                self.storm_permille,
                Fate::Storm {
                    copies: self.storm_copies,
                },
            ),
            (
                self.overwriting_permille,
                Fate::Overwrite {
                    at: first,
                    len: 1 + second % 64,
                },
            ),
            (self.truncation_permille, Fate::Truncate { len: first }),
            (
                self.extension_permille,
                Fate::Extend {
                    len: extra(first, second),
                },
            ),
            (self.splicing_permille, Fate::Splice),
        ];
        fates
            .into_iter()
            .find_map(|(permille, fate)| rng.chance(permille).then_some(fate))
    }
}

/// Mostly a few bytes more, one time in 16 as many as a datagram can have.
fn extra(first: u16, second: u16) -> u16 {
    if second.is_multiple_of(16) {
        first
    } else {
        1 + first % 64
    }
}

/// Nothing in the way: a link without these traits.
pub(crate) const fn plain(fate: Fate, ecn: Option<Ecn>) -> Crossing {
    Crossing {
        fate,
        cause: DropCause::Loss,
        hold: Duration::ZERO,
        delay: Duration::ZERO,
        sent_ecn: ecn,
        ecn,
    }
}
