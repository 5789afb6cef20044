//! Which addresses are on the same link as this host.
//!
//! Loopback and link-local addresses always are; others if they share the prefix of one of the host's
//! interfaces. IPv4 addresses wrapped in IPv6 (`::ffff:a.b.c.d`) count as what they wrap.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::saved::saved;

/// Addresses of one network interface: what is "on link".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// An address of the interface.
    pub address: IpAddr,
    /// Length of its network prefix, in bits; longer than the address means all of it.
    pub len: u8,
}

saved!(Prefix { address, len });

impl Prefix {
    /// Whether `ip` shares this prefix.
    ///
    /// ```
    /// use tickwire_core::Prefix;
    ///
    /// let home = Prefix { address: [192, 168, 1, 7].into(), len: 24 };
    /// assert!(home.contains([192, 168, 1, 200].into()));
    /// assert!(!home.contains([192, 168, 2, 7].into()));
    /// ```
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let len = u32::from(self.canonical_len());
        match (self.address.to_canonical(), ip.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differing = ours.to_bits() ^ theirs.to_bits();
                differing.leading_zeros() >= len.min(32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differing = ours.to_bits() ^ theirs.to_bits();
                differing.leading_zeros() >= len.min(128)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn canonical_len(&self) -> u8 {
        let is_wrapped = self.address.is_ipv6() && self.address.to_canonical().is_ipv4();
        if is_wrapped {
            self.len.saturating_sub(96)
        } else {
            self.len
        }
    }

    /// Whether `ip` names all hosts of the network, or the network itself. Networks of one or two addresses have neither (RFC 3021).
    fn is_broadcast(&self, ip: Ipv4Addr) -> bool {
        let len = u32::from(self.canonical_len());
        if len > 30 || !self.contains(IpAddr::V4(ip)) {
            return false;
        }
        let host_mask = u32::MAX >> len;
        let host = ip.to_bits() & host_mask;
        host == host_mask || host == 0
    }
}

/// On link wherever the host is.
const ALWAYS_ON_LINK: [Prefix; 4] = [
    Prefix {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        len: 8,
    },
    Prefix {
        address: IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)),
        len: 16,
    },
    Prefix {
        address: IpAddr::V6(Ipv6Addr::LOCALHOST),
        len: 128,
    },
    Prefix {
        address: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)),
        len: 10,
    },
];

/// The host's interfaces, as its owner named them.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    prefixes: Vec<Prefix>,
}

saved!(Interfaces { prefixes });

impl Interfaces {
    pub(super) fn set(&mut self, prefixes: &[Prefix]) {
        self.prefixes.clear();
        self.prefixes.extend_from_slice(prefixes);
    }

    /// Whether `ip` is one host's address on a link of ours.
    pub(super) fn is_on_link(&self, ip: IpAddr) -> bool {
        self.is_unicast(ip) && self.all().any(|prefix| prefix.contains(ip))
    }

    /// Whether `ip` is one host's address, as far as we can know.
    pub(super) fn is_unicast(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if ip.is_unspecified() || ip.is_multicast() {
            return false;
        }
        let IpAddr::V4(ip) = ip else {
            return true;
        };
        !ip.is_broadcast() && !self.all().any(|prefix| prefix.is_broadcast(ip))
    }

    fn all(&self) -> impl Iterator<Item = &Prefix> {
        ALWAYS_ON_LINK.iter().chain(&self.prefixes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address of the test")
    }

    fn home() -> Interfaces {
        let mut interfaces = Interfaces::default();
        interfaces.set(&[
            Prefix {
                address: ip("192.168.1.7"),
                len: 24,
            },
            Prefix {
                address: ip("2001:db8:1::7"),
                len: 64,
            },
            Prefix {
                address: ip("10.9.8.6"),
                len: 31,
            },
        ]);
        interfaces
    }

    #[test]
    fn on_link_are_the_interfaces_networks_loopback_and_link_local() {
        for near in [
            "192.168.1.200",
            "::ffff:192.168.1.200",
            "2001:db8:1::ffff",
            "10.9.8.7",
            "127.0.0.1",
            "127.3.2.1",
            "::ffff:127.0.0.1",
            "::1",
            "169.254.17.3",
            "fe80::1",
        ] {
            assert!(home().is_on_link(ip(near)), "{near}");
        }
        for far in [
            "192.168.2.1",
            "::ffff:192.168.2.1",
            "8.8.8.8",
            "2001:db8:2::1",
            "10.9.8.8",
            "::",
            "0.0.0.0",
        ] {
            assert!(!home().is_on_link(ip(far)), "{far}");
        }
    }

    #[test]
    fn addresses_of_many_hosts_are_not_on_link() {
        for many in [
            "255.255.255.255",
            "192.168.1.255",
            "::ffff:192.168.1.255",
            "192.168.1.0",
            "224.0.0.1",
            "239.255.84.87",
            "ff02::1",
            "127.255.255.255",
        ] {
            assert!(!home().is_unicast(ip(many)), "{many}");
            assert!(!home().is_on_link(ip(many)), "{many}");
        }
    }

    #[test]
    fn odd_prefix_lengths_are_taken_as_they_are_meant() {
        let prefix = |address, len| Prefix {
            address: ip(address),
            len,
        };
        assert!(prefix("10.0.0.1", 255).contains(ip("10.0.0.1")));
        assert!(!prefix("10.0.0.1", 255).contains(ip("10.0.0.2")));
        assert!(!prefix("2001:db8::1", 255).contains(ip("2001:db8::2")));
        assert!(prefix("::ffff:10.0.0.1", 120).contains(ip("10.0.0.2")));
        assert!(prefix("10.0.0.1", 0).contains(ip("99.0.0.1")));
        assert!(!prefix("10.0.0.1", 0).contains(ip("::1")));
    }
}
