//! A token bucket for answers to strangers.

use crate::saved::saved;
use crate::time::Instant;

/// Lets `rate` answers a second pass, and a second's worth at once.
#[derive(Debug)]
pub(crate) struct RateLimit {
    rate: u64,
    /// Billionths of an answer.
    tokens: u64,
    at: Instant,
}

saved!(RateLimit { rate, tokens, at });

const ONE: u64 = 1_000_000_000;

impl RateLimit {
    pub(crate) const fn new(rate: u32, now: Instant) -> Self {
        Self {
            rate: rate as u64,
            tokens: rate as u64 * ONE,
            at: now,
        }
    }

    /// Whether one more may pass now.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let passed = now
            .saturating_duration_since(self.at)
            .as_nanos()
            .min(u128::from(ONE)) as u64;
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.rate).min(self.rate * ONE);
        let Some(left) = self.tokens.checked_sub(ONE) else {
            return false;
        };
        self.tokens = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::RateLimit;
    use crate::time::Instant;

    proptest! {
        /// Over any time `t` no more pass than a second's worth and what the rate brings in `t`; and whoever is turned away would have
        /// been one too many.
        #[test]
        fn over_any_time_no_more_pass_than_a_second_and_the_rate(
            rate in 1u32..300,
            asks in prop::collection::vec((0u64..400_000_000, 1usize..40), 1..60),
        ) {
            let mut limit = RateLimit::new(rate, Instant::ZERO);
            let (mut now, mut passed) = (0, Vec::new());
            // In billionths of an answer, as a definition has it: full at first.
            let mut tokens = u128::from(rate) * 1_000_000_000;
            for (pause, count) in asks {
                now += pause;
                let full = u128::from(rate) * 1_000_000_000;
                tokens = (tokens + u128::from(pause) * u128::from(rate)).min(full);
                for _ in 0..count {
                    let may = tokens >= 1_000_000_000;
                    prop_assert_eq!(limit.take(Instant::from_nanos(now)), may);
                    if may {
                        tokens -= 1_000_000_000;
                        passed.push(now);
                    }
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (count, to) in passed[first..].iter().enumerate() {
                    let brought = u128::from(to - from) * u128::from(rate);
                    let most = u128::from(rate) * 1_000_000_000 + brought;
                    prop_assert!((count as u128 + 1) * 1_000_000_000 <= most);
                }
            }
        }
    }

    #[test]
    fn a_second_lets_pass_what_the_rate_says_and_no_more() {
        let mut limit = RateLimit::new(10, Instant::ZERO);
        let passed = |limit: &mut RateLimit, now| (0..100).filter(|_| limit.take(now)).count();
        assert_eq!(passed(&mut limit, Instant::ZERO), 10);
        assert_eq!(passed(&mut limit, Instant::from_millis(500)), 5);
        assert_eq!(passed(&mut limit, Instant::from_millis(60_000)), 10);
    }
}
