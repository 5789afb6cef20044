//! How much may be returned to addresses off loopback: so much to each, and so much in all.
//!
//! A token stands for one started KiB. A bucket is a single instant, "paid until": charging moves
//! it on, and it may be ahead of now by the burst at most (the generic cell rate algorithm of
//! ITU-T I.371). The table of addresses is bounded; IPv6 addresses count by their /64, which is what one
//! host may take its addresses from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Addresses remembered at once. More are refused until others were idle for a burst.
const ADDRESSES_MAX: usize = 1_024;
/// Bytes that one token stands for.
const TOKEN_BYTES: usize = 1_024;
/// What may be spent at once, as time at the full rate.
const BURST: Duration = Duration::from_secs(2);

/// Limits by address and in all.
#[derive(Debug)]
pub(super) struct Limiter {
    address_interval: Duration,
    total_interval: Duration,
    total: Bucket,
    addresses: HashMap<IpAddr, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    paid_until: Instant,
}

impl Limiter {
    /// A limiter that returns so many tokens a second to one address and in all.
    pub(super) fn new(address_rate: u32, total_rate: u32, now: Instant) -> Self {
        Self {
            address_interval: Duration::from_secs(1) / address_rate,
            total_interval: Duration::from_secs(1) / total_rate,
            total: Bucket { paid_until: now },
            addresses: HashMap::new(),
        }
    }

    /// Whether `bytes` may be returned to `address` now; if so, they are charged.
    pub(super) fn admits(&mut self, address: IpAddr, bytes: usize, now: Instant) -> bool {
        let cost = tokens(bytes);
        let total = self.total.after(cost, self.total_interval, now);
        let address_interval = self.address_interval;
        let Some(bucket) = self.bucket(address, now) else {
            return false;
        };
        let own = bucket.after(cost, address_interval, now);
        if own.debt(now) > BURST || total.debt(now) > BURST {
            return false;
        }
        *bucket = own;
        self.total = total;
        true
    }

    /// Charges `bytes` to `address`, and tells how long to wait before more may follow.
    pub(super) fn charge(&mut self, address: IpAddr, bytes: usize, now: Instant) -> Duration {
        let cost = tokens(bytes);
        self.total = self.total.after(cost, self.total_interval, now);
        let total_debt = self.total.debt(now);
        let address_interval = self.address_interval;
        let own_debt = match self.bucket(address, now) {
            Some(bucket) => {
                *bucket = bucket.after(cost, address_interval, now);
                bucket.debt(now)
            }
            None => BURST + address_interval * cost,
        };
        own_debt.max(total_debt).saturating_sub(BURST)
    }

    fn bucket(&mut self, address: IpAddr, now: Instant) -> Option<&mut Bucket> {
        let key = host(address);
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&key) {
            // An address without debt is like one never seen.
            self.addresses.retain(|_, bucket| bucket.paid_until > now);
            if self.addresses.len() >= ADDRESSES_MAX {
                return None;
            }
        }
        Some(
            self.addresses
                .entry(key)
                .or_insert(Bucket { paid_until: now }),
        )
    }
}

impl Bucket {
    fn after(self, cost: u32, interval: Duration, now: Instant) -> Self {
        Self {
            paid_until: self.paid_until.max(now) + interval * cost,
        }
    }

    fn debt(self, now: Instant) -> Duration {
        self.paid_until.saturating_duration_since(now)
    }
}

fn tokens(bytes: usize) -> u32 {
    let tokens = bytes.div_ceil(TOKEN_BYTES).max(1);
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// What counts as one host.
pub(super) fn host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn admitted(limiter: &mut Limiter, address: IpAddr, now: Instant) -> usize {
        (0..100_000)
            .take_while(|_| limiter.admits(address, 64, now))
            .count()
    }

    #[test]
    fn an_address_gets_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut limiter = Limiter::new(100, 1_000, start);
        assert_eq!(admitted(&mut limiter, address(1), start), 200);
        assert_eq!(
            admitted(&mut limiter, address(2), start),
            200,
            "another has its own"
        );
        let later = start + Duration::from_secs(1);
        assert_eq!(admitted(&mut limiter, address(1), later), 100);
    }

    #[test]
    fn all_addresses_together_have_a_limit() {
        let start = Instant::now();
        let mut limiter = Limiter::new(100, 1_000, start);
        let all: usize = (0..=255)
            .map(|last| admitted(&mut limiter, address(last), start))
            .sum();
        assert_eq!(all, 2_000);
    }

    #[test]
    fn large_datagrams_cost_more() {
        let start = Instant::now();
        let mut limiter = Limiter::new(100, 1_000, start);
        let count = (0..100)
            .take_while(|_| limiter.admits(address(1), 65_507, start))
            .count();
        assert_eq!(count, 3, "64 tokens each of 200");
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_idle() {
        let start = Instant::now();
        let mut limiter = Limiter::new(1, 1_000_000, start);
        let many = |n: u32| IpAddr::from((0x0a00_0000 + n).to_be_bytes());
        for n in 0..2 * ADDRESSES_MAX as u32 {
            limiter.admits(many(n), 64, start);
        }
        assert_eq!(limiter.addresses.len(), ADDRESSES_MAX);
        assert!(!limiter.admits(address(1), 64, start));
        assert!(limiter.admits(address(1), 64, start + BURST));
        assert_eq!(limiter.addresses.len(), 1);
    }

    #[test]
    fn a_stream_is_slowed_to_its_rate() {
        let start = Instant::now();
        let mut limiter = Limiter::new(1_024, 1_000_000, start);
        assert_eq!(limiter.charge(address(1), 2 << 20, start), Duration::ZERO);
        let wait = limiter.charge(address(1), 1 << 20, start);
        assert!(
            wait > Duration::from_millis(990) && wait <= Duration::from_secs(1),
            "{wait:?}"
        );
    }

    #[test]
    fn ipv6_hosts_count_by_their_network() {
        let of = |text: &str| host(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
