//! The limits of answers: so many in any second, to one address and in all.
//!
//! The limiter remembers the answers of the last second, one by one. As these are at most 100, looking through
//! them is cheaper than a table of addresses would be, it needs no rule for eviction, and it is exact: a token bucket
//! would let twice the limit pass in some seconds.

use alloc::collections::VecDeque;
use core::net::IpAddr;
use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// Answers to one address in any second, at most.
pub(super) const PER_ADDRESS_MAX: usize = 10;

/// Answers in any second, at most.
pub(super) const IN_ALL_MAX: usize = 100;

const SPAN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Limiter {
    /// Oldest first.
    recent: VecDeque<(Instant, IpAddr)>,
}

saved!(Limiter { recent });

impl Limiter {
    pub(super) fn new() -> Self {
        Self {
            recent: VecDeque::with_capacity(IN_ALL_MAX),
        }
    }

    /// Whether one more answer may go to `address` now; if so, it is counted.
    pub(super) fn admit(&mut self, now: Instant, address: IpAddr) -> bool {
        let address = address.to_canonical();
        while let Some(&(at, _)) = self.recent.front()
            && now >= at + SPAN
        {
            self.recent.pop_front();
        }
        let to_address = self.recent.iter().filter(|(_, to)| *to == address).count();
        if to_address >= PER_ADDRESS_MAX || self.recent.len() >= IN_ALL_MAX {
            return false;
        }
        self.recent.push_back((now, address));
        true
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn host(number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }

    #[test]
    fn one_address_gets_ten_answers_and_the_next_a_second_after_the_first() {
        let mut limiter = Limiter::new();
        for millis in 0..10 {
            assert!(limiter.admit(Instant::from_millis(millis * 10), host(1)));
        }
        assert!(!limiter.admit(Instant::from_nanos(999_999_999), host(1)));
        assert!(limiter.admit(Instant::from_millis(1_000), host(1)));
        assert!(!limiter.admit(Instant::from_millis(1_000), host(1)));
        assert!(limiter.admit(Instant::from_millis(1_010), host(1)));
    }

    #[test]
    fn all_addresses_together_get_a_hundred() {
        let mut limiter = Limiter::new();
        let admitted =
            |limiter: &mut Limiter, now| (0..=255).filter(|&n| limiter.admit(now, host(n))).count();
        assert_eq!(admitted(&mut limiter, Instant::ZERO), 100);
        assert_eq!(admitted(&mut limiter, Instant::from_nanos(999_999_999)), 0);
        assert_eq!(admitted(&mut limiter, Instant::from_millis(1_000)), 100);
    }

    #[test]
    fn an_address_wrapped_in_ipv6_is_the_same_address() {
        let mut limiter = Limiter::new();
        let wrapped = IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        for _ in 0..5 {
            assert!(limiter.admit(Instant::ZERO, host(1)));
            assert!(limiter.admit(Instant::ZERO, wrapped));
        }
        assert!(!limiter.admit(Instant::ZERO, wrapped));
    }

    proptest! {
        #[test]
        fn no_second_holds_more_than_the_limits(asks in prop::collection::vec((0_u64..30, 0_u8..20), 1..600)) {
            let mut limiter = Limiter::new();
            let mut now = Instant::ZERO;
            let mut admitted: Vec<(Instant, u8)> = Vec::new();
            for (pause_millis, number) in asks {
                now = now + Duration::from_millis(pause_millis);
                let last_second = admitted.iter().filter(|(at, _)| now < *at + SPAN);
                let in_all = last_second.clone().count();
                let to_one = last_second.filter(|(_, to)| *to == number).count();
                let expected = in_all < IN_ALL_MAX && to_one < PER_ADDRESS_MAX;
                prop_assert_eq!(limiter.admit(now, host(number)), expected);
                if expected {
                    admitted.push((now, number));
                }
            }
        }
    }
}
