//! Cookies: how a server that is loaded finds out, without remembering anybody, whether a client is where it says it is.
//!
//! A cookie is a code over the client's address and the key that its HELLO begins with. Who sends it back got it, so it
//! is at that address. It is good for that HELLO only, and for 10 to 20 seconds. This is the Retry of RFC 9000 section 8.1.2
//! and the cookie of RFC 9147 section 5.1: computed again, not kept.

use core::fmt;
use core::net::SocketAddr;

use blake2::digest::Mac;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::reset::mac_of;
use crate::rng::SecretRng;
use crate::saved::saved;
use crate::time::Instant;

/// Bytes of a cookie: the low 8 bits of the epoch, and a code.
pub(crate) const COOKIE_LEN: usize = 17;

/// A cookie is good in the epoch in which it was made and in the one after it.
const EPOCH_NANOS: u64 = 10_000_000_000;

/// What a client sends back.
pub(crate) type Cookie = [u8; COOKIE_LEN];

/// Makes cookies. It lives as long as its endpoint: nobody else can make them. Dropping it wipes it.
pub(crate) struct CookieKey([u8; 32]);

saved!(CookieKey(bytes));

impl CookieKey {
    pub(crate) fn new(mut rng: SecretRng) -> Self {
        let mut key = [0; 32];
        rng.fill(&mut key);
        Self(key)
    }

    /// The cookie for a HELLO that begins with this ephemeral key and came from `client`.
    pub(crate) fn make(&self, now: Instant, client: SocketAddr, hello: &[u8; 32]) -> Cookie {
        self.make_in(now.as_nanos() / EPOCH_NANOS, client, hello)
    }

    /// Whether this is the cookie that was made for this HELLO, not long ago. Takes a time that does not tell where it is wrong.
    pub(crate) fn accepts(
        &self,
        now: Instant,
        client: SocketAddr,
        hello: &[u8; 32],
        cookie: &Cookie,
    ) -> bool {
        let epoch = now.as_nanos() / EPOCH_NANOS;
        let age = (epoch as u8).wrapping_sub(cookie[0]);
        let made_in = epoch.checked_sub(age.into()).filter(|_| age <= 1);
        made_in.is_some_and(|made_in| self.make_in(made_in, client, hello).ct_eq(cookie).into())
    }

    fn make_in(&self, epoch: u64, client: SocketAddr, hello: &[u8; 32]) -> Cookie {
        let mut mac = mac_of(&self.0, client);
        mac.update(&epoch.to_be_bytes());
        mac.update(hello);
        let code = mac.finalize().into_bytes();
        let mut cookie = [0; COOKIE_LEN];
        cookie[0] = epoch as u8;
        cookie[1..].copy_from_slice(&code[..COOKIE_LEN - 1]);
        cookie
    }
}

impl Drop for CookieKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HELLO: [u8; 32] = [7; 32];

    fn key(byte: u8) -> CookieKey {
        CookieKey::new(SecretRng::new([byte; 32]))
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_cookie_is_good_for_ten_seconds_at_least_and_twenty_at_most() {
        let (key, client) = (key(1), address("192.0.2.1:7000"));
        for made_at in [0, 1, 9_999, 10_000, 2_559_999, 2_560_000, 25_000_000] {
            let made = key.make(Instant::from_millis(made_at), client, &HELLO);
            let is_good =
                |after| key.accepts(Instant::from_millis(made_at + after), client, &HELLO, &made);
            assert!(is_good(0) && is_good(10_000), "made at {made_at} ms");
            for after in [20_000, 30_000, 2_560_000, 2_570_000] {
                assert!(!is_good(after), "made at {made_at} ms, used {after} later");
            }
        }
    }

    #[test]
    fn a_mapped_address_is_the_same_client() {
        let mapped = address("[::ffff:192.0.2.1]:7000");
        let cookie = key(1).make(Instant::ZERO, mapped, &HELLO);
        assert!(key(1).accepts(Instant::ZERO, address("192.0.2.1:7000"), &HELLO, &cookie));
    }

    /// Exhaustive: each bit of the cookie, of the HELLO's key and of the client's address and port.
    #[test]
    fn no_bit_of_anything_may_be_another() {
        let (now, client) = (Instant::from_millis(77_000), address("192.0.2.1:7000"));
        let cookie = key(1).make(now, client, &HELLO);
        assert!(key(1).accepts(now, client, &HELLO, &cookie));
        for bit in 0..8 * COOKIE_LEN {
            let mut other = cookie;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key(1).accepts(now, client, &HELLO, &other), "bit {bit}");
        }
        for bit in 0..8 * HELLO.len() {
            let mut other = HELLO;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key(1).accepts(now, client, &other, &cookie), "bit {bit}");
        }
        for bit in 0..32 {
            let ip = (0xC000_0201_u32 ^ 1 << bit).to_be_bytes();
            assert!(
                !key(1).accepts(now, (ip, 7_000).into(), &HELLO, &cookie),
                "bit {bit}"
            );
        }
        for bit in 0..16 {
            let mut other = client;
            other.set_port(client.port() ^ 1 << bit);
            assert!(!key(1).accepts(now, other, &HELLO, &cookie), "bit {bit}");
        }
    }

    /// Each second of more than the time in which the epoch's byte goes round: it is good in its epoch and in the next one.
    #[test]
    fn a_cookie_is_good_for_two_epochs_and_at_no_other_time() {
        let client = address("192.0.2.1:7000");
        for made in [0, 5, 2_549, 2_555, 655_365] {
            let cookie = key(1).make(Instant::from_millis(made * 1_000), client, &HELLO);
            for now in (0..5_400).chain(made..made + 60) {
                let is_good = now / 10 == made / 10 || now / 10 == made / 10 + 1;
                let now = Instant::from_millis(now * 1_000);
                assert_eq!(
                    key(1).accepts(now, client, &HELLO, &cookie),
                    is_good,
                    "{made} {now:?}"
                );
            }
        }
    }

    proptest! {
        /// Of one server, client and HELLO: anything else about it changed, it is nothing.
        #[test]
        fn a_cookie_is_of_one_server_address_and_hello(
            seconds in 0u64..10_000, ip: u32, port: u16, hello: [u8; 32], at in 0..COOKIE_LEN, flip in 1u8..,
        ) {
            let now = Instant::from_millis(seconds * 1_000);
            let client = SocketAddr::from((ip.to_be_bytes(), port));
            let cookie = key(1).make(now, client, &hello);
            prop_assert!(key(1).accepts(now, client, &hello, &cookie));
            prop_assert!(!key(2).accepts(now, client, &hello, &cookie));
            let other = SocketAddr::from((ip.to_be_bytes(), port ^ 1));
            prop_assert!(!key(1).accepts(now, other, &hello, &cookie));
            let other = SocketAddr::from(((ip ^ 1).to_be_bytes(), port));
            prop_assert!(!key(1).accepts(now, other, &hello, &cookie));
            let (mut wrong, mut forged) = (hello, cookie);
            wrong[at] ^= flip;
            forged[at] ^= flip;
            prop_assert!(!key(1).accepts(now, client, &wrong, &cookie));
            prop_assert!(!key(1).accepts(now, client, &hello, &forged));
        }
    }
}
