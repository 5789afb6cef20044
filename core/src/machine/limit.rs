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
    use super::RateLimit;
    use crate::time::Instant;

    #[test]
    fn a_second_lets_pass_what_the_rate_says_and_no_more() {
        let mut limit = RateLimit::new(10, Instant::ZERO);
        let passed = |limit: &mut RateLimit, now| (0..100).filter(|_| limit.take(now)).count();
        assert_eq!(passed(&mut limit, Instant::ZERO), 10);
        assert_eq!(passed(&mut limit, Instant::from_millis(500)), 5);
        assert_eq!(passed(&mut limit, Instant::from_millis(60_000)), 10);
    }
}
