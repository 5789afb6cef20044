//! Under load a stranger proves its address before anything is reckoned or kept for it: RETRY, as in RFC 9000 section 8.1.2.
//!
//! Invariant: a HELLO that is answered with a RETRY leaves nothing behind but a counter.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::ops::RangeInclusive;

use super::Machine;
use super::datagram::ANSWERS_MAX;
use crate::log::debug;
use crate::peer::{HelloKey, hello_key};
use crate::transmit::Arrival;
use crate::wire::handshake::{self, HelloBody};
use crate::wire::packet::ConnectionId;

/// While the server is loaded one network, an IPv4 address or an IPv6 /64, has an eighth of all half-open places, and so
/// many at least.
const HALF_OPEN_PER_NETWORK_LEAST: usize = 4;

impl Machine {
    /// Whether a client is answered at once: it has shown a cookie, or the server is not loaded.
    pub(super) fn is_admitted(&mut self, from: SocketAddr, body: &HelloBody<'_>) -> bool {
        let hello = hello_key(body.message);
        let is_proved = body
            .cookie
            .is_some_and(|cookie| self.cookie_key.accepts(self.now, from, &hello, &cookie));
        is_proved || (!self.is_crowded() && self.unproven_limit.take(self.now))
    }

    /// Whether so many handshakes are half open that only those are begun whose client proved its address.
    fn is_crowded(&self) -> bool {
        self.half_open.len() >= self.shared.config.unproven_max as usize
    }

    /// Asks a client to say hello again, with a cookie. Cheap, much shorter than the HELLO, and not of the answers whose rate is
    /// limited: a flood must not use up what honest clients wait for.
    pub(super) fn retry(&mut self, arrival: &Arrival, id: &ConnectionId, body: &HelloBody<'_>) {
        if self.answers.len() >= ANSWERS_MAX {
            self.stats.drops.rate_limited += 1;
            return;
        }
        let hello = hello_key(body.message);
        let cookie = self.cookie_key.make(self.now, arrival.from, &hello);
        let mut bytes = Vec::new();
        handshake::encode_retry(id, &cookie, &mut bytes);
        debug!("{} said hello and is to prove its address", arrival.from);
        self.stats.retries += 1;
        self.answer(arrival.from, arrival.to, bytes);
    }

    /// Whether a network has as many half-open places as it may have while others want some.
    pub(super) fn is_network_full(&self, from: SocketAddr) -> bool {
        let share = self.shared.config.half_open_max as usize / 8;
        let share = share.max(HALF_OPEN_PER_NETWORK_LEAST);
        self.is_crowded() && self.half_open.range(network_of(from)).take(share).count() == share
    }

    /// A server that a client dials wants to see a cookie first.
    pub(super) fn handle_retry(&mut self, from: SocketAddr, datagram: &[u8]) {
        let id_len = self.slots.id_len();
        let Some(cookie) = handshake::decode_retry(datagram, id_len) else {
            self.stats.drops.malformed += 1;
            return;
        };
        let Some(slot) = self.addressee(from, datagram) else {
            return;
        };
        let found = self.slots.get_mut(slot).expect("it was found");
        if found.peer.handle_retry(self.now, &cookie) {
            self.update(slot);
        } else {
            self.stats.drops.unexpected_handshake += 1;
        }
    }
}

/// All keys of half-open handshakes of an address's network.
fn network_of(from: SocketAddr) -> RangeInclusive<(SocketAddr, HelloKey)> {
    let (first, last): (SocketAddr, SocketAddr) = match from.ip() {
        IpAddr::V4(ip) => (
            SocketAddrV4::new(ip, 0).into(),
            SocketAddrV4::new(ip, u16::MAX).into(),
        ),
        IpAddr::V6(ip) => {
            // A mapped IPv4 address is a network of its own.
            let host = match ip.to_ipv4_mapped() {
                Some(_) => 0,
                None => u128::from(u64::MAX),
            };
            let (first, last) = (ip.to_bits() & !host, ip.to_bits() | host);
            (
                SocketAddrV6::new(Ipv6Addr::from_bits(first), 0, 0, 0).into(),
                SocketAddrV6::new(Ipv6Addr::from_bits(last), u16::MAX, u32::MAX, u32::MAX).into(),
            )
        }
    };
    (first, HelloKey::default())..=(last, [0xFF; 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(network: &str, other: &str) -> bool {
        let parse = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        network_of(parse(network)).contains(&(parse(other), [7; 32]))
    }

    #[test]
    fn a_network_is_an_address_of_ipv4_or_64_bits_of_ipv6() {
        assert!(is_of("192.0.2.1:7", "192.0.2.1:65535"));
        assert!(!is_of("192.0.2.1:7", "192.0.2.2:7"));
        assert!(is_of("[2001:db8:0:1::7]:7", "[2001:db8:0:1:ffff::]:9"));
        assert!(!is_of("[2001:db8:0:1::7]:7", "[2001:db8:0:2::7]:7"));
        assert!(is_of("[::ffff:192.0.2.1]:7", "[::ffff:192.0.2.1]:8"));
        assert!(!is_of("[::ffff:192.0.2.1]:7", "[::ffff:192.0.2.2]:7"));
    }
}
