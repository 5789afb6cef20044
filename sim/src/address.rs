//! Addresses of the hosts, 10.0.0.1 and on, each with two sockets; and of the NATs, 198.18.0.0 and on (the range of
//! RFC 2544 for tests), 16 for each.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tickwire_core::Socket;

use crate::host::HostId;

/// 10.0.0.1.
const FIRST: u32 = 0x0a00_0001;
/// Length of the LAN's prefix, in bits.
pub(crate) const PREFIX_LEN: u8 = 16;
pub(crate) const GAME_PORT: u16 = 7_000;
pub(crate) const DISCOVERY_PORT: u16 = 8_081;

/// 198.18.0.0.
const NAT_FIRST: u32 = 0xc612_0000;
/// Outside addresses that belong to one NAT.
pub(crate) const NAT_ADDRESSES: u8 = 16;
/// NATs that have room in 198.18.0.0/15.
const NATS_MAX: u32 = (1 << 17) / NAT_ADDRESSES as u32;

/// The first outside address of a NAT.
pub(crate) fn nat_address(number: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(NAT_FIRST + u32::from(number) * u32::from(NAT_ADDRESSES))
}

/// Which NAT an outside address belongs to.
pub(crate) fn nat_number(address: IpAddr) -> Option<u16> {
    let IpAddr::V4(ip) = address else {
        return None;
    };
    let number = ip.to_bits().checked_sub(NAT_FIRST)? / u32::from(NAT_ADDRESSES);
    u16::try_from(number).ok().filter(|_| number < NATS_MAX)
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    Host(HostId),
    /// Broadcast or multicast.
    Everybody,
    /// No host, or a port without a socket.
    Nobody,
}

/// The address of a host's game socket.
pub(crate) fn game_address(host: HostId) -> SocketAddr {
    let ip = Ipv4Addr::from_bits(FIRST + u32::from(host.number()));
    SocketAddr::new(ip.into(), GAME_PORT)
}

/// Finds who listens at an address among `hosts` hosts.
pub(crate) fn receiver(to: SocketAddr, hosts: usize) -> Receiver {
    if !matches!(to.port(), GAME_PORT | DISCOVERY_PORT) {
        return Receiver::Nobody;
    }
    let (ip, is_broadcast) = match to.ip() {
        IpAddr::V4(ip) => (ip, ip.is_broadcast()),
        IpAddr::V6(_) => (Ipv4Addr::UNSPECIFIED, false),
    };
    if is_broadcast || to.ip().is_multicast() {
        return Receiver::Everybody;
    }
    let number = ip.to_bits().checked_sub(FIRST);
    match number.and_then(|number| u16::try_from(number).ok()) {
        Some(number) if usize::from(number) < hosts => Receiver::Host(HostId::new(number)),
        Some(_) | None => Receiver::Nobody,
    }
}

/// The port of a socket.
pub(crate) const fn port(socket: Socket) -> u16 {
    match socket {
        Socket::Game => GAME_PORT,
        Socket::Discovery => DISCOVERY_PORT,
    }
}

/// The socket at a port.
pub(crate) const fn socket(port: u16) -> Socket {
    match port {
        DISCOVERY_PORT => Socket::Discovery,
        _ => Socket::Game,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_to(address: &str) -> Receiver {
        receiver(address.parse().expect("an address"), 300)
    }

    #[test]
    fn every_host_is_found_at_its_address() {
        for number in [0, 1, 255, 299] {
            let host = HostId::new(number);
            assert_eq!(receiver(game_address(host), 300), Receiver::Host(host));
        }
        assert_eq!(leads_to("10.0.0.1:8081"), Receiver::Host(HostId::new(0)));
    }

    #[test]
    fn broadcast_and_multicast_reach_everybody() {
        for address in ["255.255.255.255:8081", "239.255.1.2:8081", "[ff02::1]:8081"] {
            assert_eq!(leads_to(address), Receiver::Everybody);
        }
    }

    #[test]
    fn nobody_is_elsewhere() {
        for address in [
            "10.0.0.0:7000",
            "10.0.2.0:7000",
            "10.0.0.1:7001",
            "[::1]:7000",
        ] {
            assert_eq!(leads_to(address), Receiver::Nobody);
        }
    }
}
