//! Jitter: what each datagram takes longer than the latency of its link.
//!
//! | distribution | shape                                           | like                                |
//! |--------------|-------------------------------------------------|-------------------------------------|
//! | uniform      | flat from 0 to a bound                          | a scheduler's time slice            |
//! | normal       | bell around a mean, cut at 0                    | many short queues one after another |
//! | Pareto       | mostly little, rarely very much (Lomax, α = 2)  | Wi-Fi and mobile networks           |
//! | recorded     | as measured                                     | the network it was measured on      |
//!
//! All arithmetic is in integers of nanoseconds, so the same seed gives the same times on every machine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::rng::Rng;

/// How long datagrams take above the latency: a distribution of times.
///
/// ```
/// use tickwire_sim::{Jitter, Link, ms};
///
/// let uniform = Link::new().latency(ms(20)).jitter(ms(5));
/// let wifi = Link::new().latency(ms(2)).jitter(Jitter::pareto(ms(1), ms(500)));
/// # let _ = (uniform, wifi);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jitter(Shape);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Shape {
    #[default]
    None,
    Uniform {
        max: u64,
    },
    Normal {
        mean: u64,
        deviation: u64,
    },
    Pareto {
        scale: u64,
        max: u64,
    },
    Recorded(Arc<[Duration]>),
}

impl Jitter {
    /// Anything from nothing to `max`, equally likely.
    #[must_use]
    pub fn uniform(max: Duration) -> Self {
        match nanos(max) {
            0 => Self(Shape::None),
            max => Self(Shape::Uniform { max }),
        }
    }

    /// A bell around `mean` with this standard deviation, cut at nothing. It is the sum of four uniform numbers, so
    /// none is further than 3.46 deviations from the mean.
    #[must_use]
    pub fn normal(mean: Duration, deviation: Duration) -> Self {
        Self(Shape::Normal {
            mean: nanos(mean),
            deviation: nanos(deviation),
        })
    }

    /// A heavy tail (Lomax distribution with α = 2), at most `max`: the mean is about `scale`, half are below 0.41
    /// `scale`, one in 100 is above 9 `scale`, one in 10,000 above 99 `scale`.
    #[must_use]
    pub fn pareto(scale: Duration, max: Duration) -> Self {
        Self(Shape::Pareto {
            scale: nanos(scale),
            max: nanos(max),
        })
    }

    /// One of these times for each datagram, all equally likely: a distribution as it was measured. None at all
    /// means no jitter.
    #[must_use]
    pub fn recorded(times: impl IntoIterator<Item = Duration>) -> Self {
        let times: Arc<[Duration]> = times.into_iter().collect();
        match times.is_empty() {
            true => Self(Shape::None),
            false => Self(Shape::Recorded(times)),
        }
    }

    /// The time of one datagram.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Duration {
        match &self.0 {
            Shape::None => Duration::ZERO,
            Shape::Uniform { max } => Duration::from_nanos(rng.between(0, *max)),
            Shape::Normal { mean, deviation } => bell(*mean, *deviation, rng.draw()),
            Shape::Pareto { scale, max } => tail(*scale, *max, rng.draw()),
            Shape::Recorded(times) => {
                let index = rng.below(times.len() as u64);
                usize::try_from(index).map_or(Duration::ZERO, |index| times[index])
            }
        }
    }
}

/// Uniform.
impl From<Duration> for Jitter {
    fn from(max: Duration) -> Self {
        Self::uniform(max)
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Duration::from_nanos;
        match &self.0 {
            Shape::None => f.write_str("no jitter"),
            Shape::Uniform { max } => write!(f, "jitter to {:?}", time(*max)),
            Shape::Normal { mean, deviation } => {
                write!(f, "jitter {:?}±{:?}", time(*mean), time(*deviation))
            }
            Shape::Pareto { scale, max } => {
                write!(f, "tail of {:?} to {:?}", time(*scale), time(*max))
            }
            Shape::Recorded(times) => write!(f, "jitter as {} recorded", times.len()),
        }
    }
}

/// The mean of four uniform numbers of 16 bits, added up.
const BELL_MEAN: i128 = 2 * 0xffff;
/// Their standard deviation: 2^16 / √3.
const BELL_DEVIATION: i128 = 37_837;

/// Four uniform numbers of 16 bits, added up and scaled.
fn bell(mean: u64, deviation: u64, bits: u64) -> Duration {
    let sum: i128 = (0..4)
        .map(|part| i128::from(bits >> (16 * part) & 0xffff))
        .sum();
    let off = i128::from(deviation) * (sum - BELL_MEAN) / BELL_DEVIATION;
    Duration::from_nanos(u64::try_from(i128::from(mean) + off).unwrap_or(0))
}

/// `scale * (1 / √u - 1)` for the uniform `u = bits / 2^64`.
fn tail(scale: u64, max: u64, bits: u64) -> Duration {
    let root = u128::from(bits.isqrt().max(1));
    let scaled = (u128::from(scale) << 32) / root;
    let time = u64::try_from(scaled)
        .unwrap_or(u64::MAX)
        .saturating_sub(scale);
    Duration::from_nanos(time.min(max))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    fn sorted(jitter: &Jitter) -> Vec<Duration> {
        let mut rng = Rng::new(1);
        let mut times: Vec<Duration> = (0..100_000).map(|_| jitter.draw(&mut rng)).collect();
        times.sort_unstable();
        times
    }

    #[test]
    fn uniform_stays_within_its_bound_and_reaches_it() {
        let times = sorted(&Jitter::uniform(ms(5)));
        assert!(times[99_999] <= ms(5) && times[99_900] > Duration::from_micros(4_990));
        assert!(times[0] < Duration::from_micros(10));
        assert_eq!(Jitter::uniform(Duration::ZERO), Jitter::default());
    }

    #[test]
    fn two_in_three_of_a_bell_are_within_one_deviation() {
        let times = sorted(&Jitter::normal(ms(50), ms(10)));
        let within = times.iter().filter(|time| (ms(40)..ms(60)).contains(time));
        let count = within.count();
        assert!((65_000..70_000).contains(&count), "{count}");
        assert!(times[0] >= Duration::from_micros(15_300));
        assert!((ms(49)..ms(51)).contains(&times[50_000]));
    }

    #[test]
    fn a_bell_is_cut_at_nothing() {
        let times = sorted(&Jitter::normal(ms(1), ms(10)));
        assert_eq!(times[10_000], Duration::ZERO);
    }

    #[test]
    fn a_tail_has_the_quantiles_it_promises() {
        let times = sorted(&Jitter::pareto(ms(10), ms(2_000)));
        let micros = |index: usize| times[index].as_micros();
        assert!(
            (4_000..4_300).contains(&micros(50_000)),
            "{}",
            micros(50_000)
        );
        assert!(
            (85_000..95_000).contains(&micros(99_000)),
            "{}",
            micros(99_000)
        );
        assert!(
            (700_000..1_300_000).contains(&micros(99_990)),
            "{}",
            micros(99_990)
        );
        assert!(times[99_999] <= ms(2_000));
    }

    #[test]
    fn recorded_times_all_occur_and_no_others() {
        let times = sorted(&Jitter::recorded([ms(3), ms(7)]));
        assert!(times.iter().all(|time| [ms(3), ms(7)].contains(time)));
        assert_eq!((times[0], times[99_999]), (ms(3), ms(7)));
        assert_eq!(Jitter::recorded([]), Jitter::default());
    }
}
