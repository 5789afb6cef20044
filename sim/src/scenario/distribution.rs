//! Times, and how they are distributed: exact, in integers.

use serde::Serialize;

/// How a number of times are distributed, in microseconds. All zero if there are none.
///
/// Percentiles are those of the nearest rank: the least time that so many percent are not above.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// How many.
    pub count: u64,
    /// The least.
    pub min_us: u64,
    /// The mean, rounded down.
    pub mean_us: u64,
    /// Half are not above this.
    pub p50_us: u64,
    /// 90 % are not above this.
    pub p90_us: u64,
    /// 99 % are not above this.
    pub p99_us: u64,
    /// 99.9 % are not above this.
    pub p999_us: u64,
    /// The greatest.
    pub max_us: u64,
    /// How many in each range of times, without empty ranges.
    pub histogram: Vec<Bar>,
}

/// One bar of a histogram: times from `from_us` on and below `below_us`. Ranges grow with the times: there are four for each
/// doubling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The least time of the range.
    pub from_us: u64,
    /// The least time above it.
    pub below_us: u64,
    /// How many.
    pub count: u64,
}

/// Collects times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<u64>);

impl Times {
    pub(crate) fn add(&mut self, micros: u64) {
        self.0.push(micros);
    }

    pub(crate) fn finish(mut self) -> Distribution {
        let times = &mut self.0;
        times.sort_unstable();
        let (Some(min), Some(max)) = (times.first().copied(), times.last().copied()) else {
            return Distribution::default();
        };
        let count = times.len() as u64;
        let sum: u128 = times.iter().map(|time| u128::from(*time)).sum();
        let rank = |permille: u64| {
            let rank = (count * permille).div_ceil(1_000).max(1);
            times[usize::try_from(rank - 1).unwrap_or(0)]
        };
        Distribution {
            count,
            min_us: min,
            mean_us: u64::try_from(sum / u128::from(count)).unwrap_or(u64::MAX),
            p50_us: rank(500),
            p90_us: rank(900),
            p99_us: rank(990),
            p999_us: rank(999),
            max_us: max,
            histogram: histogram(times),
        }
    }
}

/// The bars of sorted times.
fn histogram(times: &[u64]) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for time in times {
        match bars.last_mut() {
            Some(bar) if *time < bar.below_us => bar.count += 1,
            Some(_) | None => {
                let (from_us, below_us) = range(*time);
                bars.push(Bar {
                    from_us,
                    below_us,
                    count: 1,
                });
            }
        }
    }
    bars
}

/// The range that a time is in.
fn range(time: u64) -> (u64, u64) {
    if time < 8 {
        return (time, time + 1);
    }
    let width = 1 << (time.ilog2() - 2);
    let from = time / width * width;
    (from, from + width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(times: impl IntoIterator<Item = u64>) -> Distribution {
        let mut collected = Times::default();
        times.into_iter().for_each(|time| collected.add(time));
        collected.finish()
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let found = distribution((1..=1_000).rev());
        let found = [
            found.p50_us,
            found.p90_us,
            found.p99_us,
            found.p999_us,
            found.max_us,
        ];
        assert_eq!(found, [500, 900, 990, 999, 1_000]);
        let one = distribution([7]);
        assert_eq!(
            (one.min_us, one.p50_us, one.p999_us, one.mean_us),
            (7, 7, 7, 7)
        );
        assert_eq!(distribution([1, 2]).p50_us, 1);
    }

    #[test]
    fn nothing_is_all_zero() {
        assert_eq!(distribution([]), Distribution::default());
    }

    #[test]
    fn every_time_is_in_the_bar_of_its_range() {
        let found = distribution([0, 7, 8, 9, 10, 1_000_000, 1_000_001]);
        let bars: Vec<_> = found
            .histogram
            .iter()
            .map(|bar| (bar.from_us, bar.below_us, bar.count))
            .collect();
        assert_eq!(bars[..4], [(0, 1, 1), (7, 8, 1), (8, 10, 2), (10, 12, 1)]);
        assert_eq!(bars[4].2, 2);
        for time in (0..100_000).chain([u64::MAX / 2]) {
            let (from, below) = range(time);
            assert!((from..below).contains(&time), "{time}");
            assert!(range(below).0 == below, "{time}");
        }
    }
}
