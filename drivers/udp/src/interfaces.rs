//! The host's network interfaces: what is on link, and where to look for servers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

use tickwire_core::{DiscoveryQuery, MULTICAST_V4, MULTICAST_V6, Prefix};

/// The group of all hosts (RFC 1112 section 4): every host is in it, and some networks that lose other multicast
/// carry it.
pub(crate) const ALL_HOSTS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// One address of one network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The address.
    pub address: IpAddr,
    /// Length of its network prefix, in bits.
    pub prefix_len: u8,
    /// The address that reaches everybody on its network (IPv4 only, and not on every network).
    pub broadcast: Option<Ipv4Addr>,
    /// The interface's index; 0 if the host does not tell.
    pub index: u32,
}

/// The addresses of the host's interfaces at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    list: Vec<Interface>,
}

impl Interfaces {
    /// Asks the operating system; takes some 100 microseconds.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell.
    pub fn read() -> io::Result<Self> {
        let list = if_addrs::get_if_addrs()?
            .iter()
            .map(Interface::from)
            .collect();
        Ok(Self { list })
    }

    /// A made-up host, for tests.
    #[must_use]
    pub fn of(list: Vec<Interface>) -> Self {
        Self { list }
    }

    /// Every address.
    pub fn iter(&self) -> impl Iterator<Item = &Interface> + '_ {
        self.list.iter()
    }

    /// The networks, for [`Endpoint::set_interfaces`](tickwire_core::Endpoint::set_interfaces).
    #[must_use]
    pub fn prefixes(&self) -> Vec<Prefix> {
        let prefix = |interface: &Interface| Prefix {
            address: interface.address,
            len: interface.prefix_len,
        };
        self.list.iter().map(prefix).collect()
    }

    /// Where to ask for servers that listen on discovery port `port`, from a socket bound to `local`: everybody on every
    /// IPv4 network and on this host, and both multicast groups. Targets that the socket cannot reach are left out: IPv6 from
    /// an IPv4 socket, and the network from a socket on loopback.
    ///
    /// IPv4 multicast leaves by the host's default interface only; the other interfaces are reached by their broadcast
    /// addresses.
    #[must_use]
    pub fn discovery_targets(&self, port: u16, local: SocketAddr) -> Vec<SocketAddr> {
        let mut targets = vec![
            SocketAddr::from(([127, 255, 255, 255], port)),
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        ];
        if local.ip().is_loopback() {
            targets.retain(|target| target.is_ipv4() == local.is_ipv4());
            return targets;
        }
        targets.extend(self.network_targets(port));
        targets.retain(|target| target.is_ipv4() || local.is_ipv6());
        targets.truncate(DiscoveryQuery::TARGETS_MAX);
        targets
    }

    fn network_targets(&self, port: u16) -> Vec<SocketAddr> {
        let mut targets = vec![
            SocketAddr::from((Ipv4Addr::BROADCAST, port)),
            SocketAddr::from((MULTICAST_V4, port)),
            SocketAddr::from((ALL_HOSTS_V4, port)),
        ];
        let broadcasts = self.list.iter().filter_map(|interface| interface.broadcast);
        targets.extend(broadcasts.map(|address| SocketAddr::from((address, port))));
        let groups_v6 = self
            .v6_indices()
            .into_iter()
            .map(|index| SocketAddr::V6(SocketAddrV6::new(MULTICAST_V6, port, 0, index)));
        targets.extend(groups_v6);
        targets
    }

    /// The interfaces with an IPv6 address other than loopback, each once.
    pub(crate) fn v6_indices(&self) -> Vec<u32> {
        let mut indices: Vec<u32> = self
            .list
            .iter()
            .filter(|interface| interface.address.is_ipv6() && !interface.address.is_loopback())
            .map(|interface| interface.index)
            .collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// The IPv4 addresses.
    pub(crate) fn v4_addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.list
            .iter()
            .filter_map(|interface| match interface.address {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            })
    }
}

impl From<&if_addrs::Interface> for Interface {
    fn from(interface: &if_addrs::Interface) -> Self {
        let (prefix_len, broadcast) = match &interface.addr {
            if_addrs::IfAddr::V4(v4) => (v4.prefixlen, v4.broadcast),
            if_addrs::IfAddr::V6(v6) => (v6.prefixlen, None),
        };
        Self {
            address: interface.ip(),
            prefix_len,
            broadcast: broadcast.filter(|_| !interface.is_p2p()),
            index: interface.index.unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Interfaces {
        let interface = |address: &str, prefix_len, broadcast: Option<&str>, index| Interface {
            address: address.parse().expect("an address"),
            prefix_len,
            broadcast: broadcast.map(|text| text.parse().expect("an address")),
            index,
        };
        Interfaces::of(vec![
            interface("127.0.0.1", 8, None, 1),
            interface("::1", 128, None, 1),
            interface("192.168.7.5", 24, Some("192.168.7.255"), 2),
            interface("fe80::5", 64, None, 2),
            interface("fd00::5", 64, None, 2),
        ])
    }

    fn asked_from(local: &str) -> Vec<String> {
        let local = local.parse().expect("an address");
        let targets = host().discovery_targets(8081, local);
        targets.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_ipv4_socket_asks_every_ipv4_network() {
        let expected = [
            "127.255.255.255:8081",
            "127.0.0.1:8081",
            "255.255.255.255:8081",
            &format!("{MULTICAST_V4}:8081"),
            "224.0.0.1:8081",
            "192.168.7.255:8081",
        ];
        assert_eq!(asked_from("0.0.0.0:0"), expected);
    }

    #[test]
    fn a_dual_stack_socket_asks_the_ipv6_group_once_on_each_interface() {
        let asked = asked_from("[::]:0");
        let v6: Vec<_> = asked.iter().filter(|t| t.starts_with('[')).collect();
        assert_eq!(v6, [&format!("[{MULTICAST_V6}%2]:8081")]);
        assert_eq!(asked.len(), 7);
    }

    #[test]
    fn a_socket_on_loopback_stays_there() {
        let expected = ["127.255.255.255:8081", "127.0.0.1:8081"];
        assert_eq!(asked_from("127.0.0.1:0"), expected);
    }

    #[test]
    fn the_host_has_at_least_loopback() {
        let interfaces = Interfaces::read().expect("the host tells its interfaces");
        assert!(interfaces.iter().any(|i| i.address.is_loopback()));
        assert_eq!(interfaces.prefixes().len(), interfaces.iter().count());
    }
}
