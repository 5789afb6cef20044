//! Many times, and the ones at given shares of them.

use serde::Serialize;

use crate::lab::Micros;

/// Times in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    values: Vec<Micros>,
}

/// What is shown of samples, in microseconds; all `None` if there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) count: usize,
    pub(crate) p50: Option<Micros>,
    pub(crate) p99: Option<Micros>,
    pub(crate) p999: Option<Micros>,
    pub(crate) max: Option<Micros>,
}

impl Samples {
    pub(crate) fn push(&mut self, value: Micros) {
        self.values.push(value);
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.values.append(&mut other.values);
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn quantiles(&self) -> Quantiles {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        // The least value that this share of all does not exceed.
        let at = |permille: usize| {
            let rank = (sorted.len() * permille).div_ceil(1_000);
            sorted.get(rank.max(1) - 1).copied()
        };
        Quantiles {
            count: sorted.len(),
            p50: at(500),
            p99: at(990),
            p999: at(999),
            max: sorted.last().copied(),
        }
    }
}

impl FromIterator<Micros> for Samples {
    fn from_iter<I: IntoIterator<Item = Micros>>(values: I) -> Self {
        Self {
            values: values.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_least_values_that_their_share_does_not_exceed() {
        let quantiles = (1..=1_000).rev().collect::<Samples>().quantiles();
        assert_eq!(quantiles.p50, Some(500));
        assert_eq!(quantiles.p99, Some(990));
        assert_eq!(quantiles.p999, Some(999));
        assert_eq!(quantiles.max, Some(1_000));
        let one = [7].into_iter().collect::<Samples>().quantiles();
        assert_eq!((one.p50, one.p999), (Some(7), Some(7)));
        assert_eq!(Samples::default().quantiles(), Quantiles::default());
    }
}
