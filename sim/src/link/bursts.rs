//! Losses that come together: the model of Gilbert (1960) and Elliott (1963).
//!
//! The link is in one of two states. In the good one datagrams arrive, or most of them; in the bad one they are lost, or
//! most of them. Two clocks can drive the change between them:
//!
//! - **each datagram**: before each one the state may change. A burst has so many datagrams on average, whether they
//!   are sent within a millisecond or a minute. Measurements are usually given so.
//! - **time**: the states last so long on average, whatever is sent. Fading of a radio link is like this: a sender who
//!   pauses gets over it, one who sends more loses more.

use std::fmt;
use std::time::Duration;

use crate::rng::Rng;

/// A Gilbert-Elliott loss process and the state it is in. It begins in the good state.
///
/// ```
/// use tickwire_sim::{Bursts, Link, ms};
///
/// // One burst in 200 datagrams, of 4 on average: 2 % lost.
/// let by_datagram = Link::new().bursts(Bursts::by_datagram(4, 196));
/// // A radio shadow of 80 ms every two seconds in which 7 of 10 datagrams are lost.
/// let by_time = Link::new().bursts(Bursts::by_time(ms(80), ms(1_920)).loss_in_bad(700));
/// # let _ = (by_datagram, by_time);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Bursts {
    pace: Pace,
    loss_in_bad: u16,
    loss_in_good: u16,
    is_bad: bool,
}

/// What drives the change of state, with the mean length of both states.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pace {
    /// In datagrams.
    Datagrams { bad: u32, good: u32 },
    /// In nanoseconds, with the time of the next change since the link was put in place.
    Time {
        bad: u64,
        good: u64,
        change_at: Option<u64>,
    },
}

impl Bursts {
    /// Bursts of `bad` datagrams on average, `good` datagrams apart on average; at least 1 each.
    pub fn by_datagram(bad: u32, good: u32) -> Self {
        let (bad, good) = (bad.max(1), good.max(1));
        Self::new(Pace::Datagrams { bad, good })
    }

    /// Bursts that last `bad` on average, `good` apart on average; at least 1 µs each.
    pub fn by_time(bad: Duration, good: Duration) -> Self {
        let nanos = |time: Duration| {
            u64::try_from(time.as_nanos())
                .unwrap_or(u64::MAX)
                .max(1_000)
        };
        Self::new(Pace::Time {
            bad: nanos(bad),
            good: nanos(good),
            change_at: None,
        })
    }

    fn new(pace: Pace) -> Self {
        Self {
            pace,
            loss_in_bad: 1_000,
            loss_in_good: 0,
            is_bad: false,
        }
    }

    /// Datagrams of 1,000 that are lost in the bad state. Default all.
    pub fn loss_in_bad(mut self, permille: u16) -> Self {
        self.loss_in_bad = permille;
        self
    }

    /// Datagrams of 1,000 that are lost in the good state. Default none.
    pub fn loss_in_good(mut self, permille: u16) -> Self {
        self.loss_in_good = permille;
        self
    }

    /// Whether the datagram that is sent `age` after the link was put in place is lost.
    pub(crate) fn is_lost(&mut self, age: Duration, rng: &mut Rng) -> bool {
        let is_bad = self.is_bad;
        match &mut self.pace {
            Pace::Datagrams { bad, good } => {
                let mean = if is_bad { *bad } else { *good };
                self.is_bad ^= rng.below(mean.into()) == 0;
            }
            Pace::Time {
                bad,
                good,
                change_at,
            } => {
                let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                self.is_bad = advance(is_bad, (*bad, *good), change_at, age, rng);
            }
        }
        let permille = if self.is_bad {
            self.loss_in_bad
        } else {
            self.loss_in_good
        };
        rng.chance(permille)
    }
}

/// Most changes that are followed one by one before a silence counts as endless.
const CHANGES_MAX: usize = 64;

/// The state at `age`. After a silence of many changes the state is drawn anew: what was has no bearing on it any more.
fn advance(
    mut is_bad: bool,
    (bad, good): (u64, u64),
    change_at: &mut Option<u64>,
    age: u64,
    rng: &mut Rng,
) -> bool {
    let mean = |is_bad| if is_bad { bad } else { good };
    let mut next = change_at.unwrap_or_else(|| rng.exponential(mean(is_bad)));
    for _ in 0..CHANGES_MAX {
        if next > age {
            *change_at = Some(next);
            return is_bad;
        }
        is_bad = !is_bad;
        next = next.saturating_add(rng.exponential(mean(is_bad)));
    }
    is_bad = rng.below(bad.saturating_add(good)) < bad;
    *change_at = Some(age.saturating_add(rng.exponential(mean(is_bad))));
    is_bad
}

impl fmt::Display for Bursts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pace {
            Pace::Datagrams { bad, good } => write!(f, "bursts of {bad} in {good}")?,
            Pace::Time { bad, good, .. } => {
                let (bad, good) = (Duration::from_nanos(bad), Duration::from_nanos(good));
                write!(f, "bursts of {bad:?} in {good:?}")?;
            }
        }
        write!(f, " losing {}‰", self.loss_in_bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    /// Sends 200,000 datagrams this far apart; number lost, and the mean length of a burst in hundredths.
    fn losses(mut bursts: Bursts, apart: Duration) -> (usize, usize) {
        let mut rng = Rng::new(1);
        let lost: Vec<bool> = (0..200_000)
            .map(|number| bursts.is_lost(apart * number, &mut rng))
            .collect();
        let count = lost.iter().filter(|lost| **lost).count();
        let starts = lost
            .windows(2)
            .filter(|pair| pair == &[false, true])
            .count();
        (count, count * 100 / starts.max(1))
    }

    #[test]
    fn bursts_by_datagram_have_the_length_and_share_asked_for() {
        let (lost, length) = losses(Bursts::by_datagram(4, 196), ms(0));
        assert!((3_600..4_400).contains(&lost), "{lost} of 4,000");
        assert!((370..430).contains(&length), "{length} of 400");
    }

    #[test]
    fn bursts_by_time_do_not_depend_on_how_much_is_sent() {
        let bursts = Bursts::by_time(ms(80), ms(1_920));
        let (lost, length) = losses(bursts.clone(), ms(1));
        assert!((6_000..10_000).contains(&lost), "{lost} of 8,000");
        assert!((6_000..10_000).contains(&length), "{length} of 8,000");
        let (lost, length) = losses(bursts, ms(80));
        assert!((7_000..9_000).contains(&lost), "{lost} of 8,000");
        assert!((120..200).contains(&length), "{length} of 158");
    }

    #[test]
    fn a_state_may_lose_only_part() {
        let (lost, _) = losses(
            Bursts::by_datagram(100, 100)
                .loss_in_bad(500)
                .loss_in_good(100),
            ms(0),
        );
        assert!((55_000..65_000).contains(&lost), "{lost} of 60,000");
    }

    #[test]
    fn a_long_silence_is_crossed_in_one_step() {
        let mut bursts = Bursts::by_time(ms(10), ms(10));
        let mut rng = Rng::new(1);
        let year = Duration::from_secs(365 * 86_400);
        let bad = (1..1_000)
            .filter(|n| bursts.is_lost(year / 1_000 * *n, &mut rng))
            .count();
        assert!((400..600).contains(&bad), "{bad}");
    }
}
