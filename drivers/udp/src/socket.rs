//! Opening the two sockets of an endpoint: an exclusive one for the game, a shared one for discovery.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Type};
use tickwire_core::{MULTICAST_V4, MULTICAST_V6, Socket};

use crate::interfaces::{ALL_HOSTS_V4, Interfaces};

/// Asked of the operating system, which may give less: room for a burst of 1,000 full datagrams and more.
const RECEIVE_BUFFER_BYTES: usize = 2 * 1024 * 1024;
const SEND_BUFFER_BYTES: usize = 1024 * 1024;

/// A socket that cannot be had.
#[derive(Debug)]
pub struct BindError {
    /// Which of the endpoint's sockets.
    pub socket: Socket,
    /// The address asked for.
    pub address: SocketAddr,
    /// What the operating system said.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = match self.socket {
            Socket::Game => "game",
            Socket::Discovery => "discovery",
        };
        write!(f, "cannot bind the {socket} socket to {}: ", self.address)?;
        let kind = self.source.kind();
        let Some(advice) = advice(kind) else {
            return fmt::Display::fmt(&self.source, f);
        };
        write!(f, "{kind}; {advice}")
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

impl From<BindError> for io::Error {
    fn from(error: BindError) -> Self {
        Self::new(error.source.kind(), error)
    }
}

fn advice(kind: io::ErrorKind) -> Option<&'static str> {
    if kind == io::ErrorKind::AddrInUse {
        return Some("choose another port or stop the program that uses it");
    }
    if kind == io::ErrorKind::AddrNotAvailable {
        return Some("this host has no such address; 0.0.0.0 stands for all it has");
    }
    if kind == io::ErrorKind::PermissionDenied {
        return Some("this port needs a privilege; choose one above 1023");
    }
    None
}

/// A multicast group that could not be joined on one interface. Discovery goes on without it there.
#[derive(Debug)]
pub struct JoinFailure {
    /// The group.
    pub group: IpAddr,
    /// The interface: its address (IPv4) or its index (IPv6).
    pub interface: String,
    /// What the operating system said.
    pub source: io::Error,
}

impl fmt::Display for JoinFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            group,
            interface,
            source,
        } = self;
        write!(f, "cannot join {group} on interface {interface}: {source}")
    }
}

/// Opens a game socket: exclusive, non-blocking, allowed to broadcast. Port 0 lets the host choose. An IPv6 socket on
/// `[::]` serves IPv4 too.
///
/// # Errors
///
/// When the address cannot be had.
pub fn bind_game(address: SocketAddr) -> Result<UdpSocket, BindError> {
    bind(Socket::Game, address)
}

/// Opens a discovery socket: as the game socket, but it shares its port with those of other servers on the host. Bind it
/// to the unspecified address, or broadcasts do not reach it, then [`join_groups`].
///
/// On Linux a datagram by broadcast or multicast reaches every socket of a shared port, a datagram to one address only one
/// of them (the one bound last). So discovery asks by broadcast, on loopback too (127.255.255.255), and every server of
/// the host answers.
///
/// # Errors
///
/// When the address cannot be had, because a program that does not share has the port, for example.
pub fn bind_discovery(address: SocketAddr) -> Result<UdpSocket, BindError> {
    bind(Socket::Discovery, address)
}

fn bind(socket: Socket, address: SocketAddr) -> Result<UdpSocket, BindError> {
    try_bind(socket, address).map_err(|source| BindError {
        socket,
        address,
        source,
    })
}

fn try_bind(which: Socket, address: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if which == Socket::Discovery {
        share_port(&socket)?;
    }
    socket.set_broadcast(true)?;
    // A host that gives less than asked for is no reason to give up.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// On Linux `SO_REUSEADDR` alone shares a UDP port; `SO_REUSEPORT` would spread even broadcasts. The BSDs need both.
fn share_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    ))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Joins the discovery groups on every interface, and returns what failed. Call it again when interfaces came: what is
/// joined stays so.
#[must_use = "tell the user which groups could not be joined"]
pub fn join_groups<'s>(
    socket: impl Into<SockRef<'s>>,
    interfaces: &Interfaces,
) -> Vec<JoinFailure> {
    let socket = socket.into();
    let mut failures = Vec::new();
    let mut note = |group: IpAddr, interface: String, result: io::Result<()>| match result {
        Err(source) if source.kind() != io::ErrorKind::AddrInUse => failures.push(JoinFailure {
            group,
            interface,
            source,
        }),
        Ok(()) | Err(_) => {}
    };
    let is_v6 = local_ip(&socket).is_some_and(|address| address.is_ipv6());
    for address in interfaces.v4_addresses() {
        for group in groups_v4(is_v6) {
            let result = socket.join_multicast_v4(group, &address);
            note((*group).into(), address.to_string(), result);
        }
    }
    if is_v6 {
        for index in interfaces.v6_indices() {
            let result = socket.join_multicast_v6(&MULTICAST_V6, index);
            note(MULTICAST_V6.into(), index.to_string(), result);
        }
    }
    failures
}

/// A host is in the group of all hosts without joining it, but Linux hands what comes to it only to the IPv4 sockets on the
/// port, and to those IPv6 sockets that did join.
fn groups_v4(is_v6: bool) -> &'static [Ipv4Addr] {
    if is_v6 {
        &[MULTICAST_V4, ALL_HOSTS_V4]
    } else {
        &[MULTICAST_V4]
    }
}

fn local_ip(socket: &SockRef<'_>) -> Option<IpAddr> {
    Some(socket.local_addr().ok()?.as_socket()?.ip())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::time::Duration;

    use super::*;

    fn any(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
    }

    fn port_of(socket: &UdpSocket) -> u16 {
        socket.local_addr().expect("bound").port()
    }

    #[test]
    fn a_game_port_in_use_is_refused_with_what_to_do() {
        let first = bind_game(any(0)).expect("a free port");
        let port = port_of(&first);
        let error = bind_game(any(port)).expect_err("the port is taken");
        let expected = format!(
            "cannot bind the game socket to 0.0.0.0:{port}: address in use; \
             choose another port or stop the program that uses it"
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn three_discovery_sockets_share_one_port_and_a_broadcast_reaches_all() {
        let first = bind_discovery(any(0)).expect("a free port");
        let port = port_of(&first);
        let second = bind_discovery(any(port)).expect("the port is shared");
        let third = bind_discovery(any(port)).expect("the port is shared");
        let asking = bind_game(any(0)).expect("a free port");
        asking
            .send_to(b"anyone?", ("127.255.255.255", port))
            .expect("loopback broadcasts");
        for socket in [first, second, third] {
            let mut buffer = [0; 16];
            socket.set_nonblocking(false).expect("a mode of sockets");
            let (len, _) = socket.recv_from(&mut buffer).expect("the broadcast");
            assert_eq!(&buffer[..len], b"anyone?");
        }
    }

    #[test]
    fn a_game_socket_does_not_share_its_port_with_discovery() {
        let game = bind_game(any(0)).expect("a free port");
        let error = bind_discovery(any(port_of(&game))).expect_err("the port is taken");
        assert_eq!(error.socket, Socket::Discovery);
    }

    #[test]
    fn joining_the_groups_again_is_harmless() {
        let interfaces = Interfaces::read().expect("the host tells its interfaces");
        for address in [any(0), SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))] {
            let socket = bind_discovery(address).expect("a free port");
            let first = join_groups(&socket, &interfaces).len();
            let second = join_groups(&socket, &interfaces).len();
            assert_eq!(first, second);
            assert!(first < interfaces.iter().count(), "none could be joined");
        }
    }

    #[test]
    fn a_query_to_a_group_reaches_every_kind_of_socket() {
        for any in [any(0), SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))] {
            let listening = bind_discovery(any).expect("a free port");
            let interfaces = Interfaces::read().expect("the host tells its interfaces");
            let failures = join_groups(&listening, &interfaces);
            let on_loopback = failures.iter().find(|f| f.interface == "127.0.0.1");
            assert!(on_loopback.is_none(), "{on_loopback:?}");
            listening
                .set_read_timeout(Some(Duration::from_secs(10)))
                .expect("it is not zero");
            listening.set_nonblocking(false).expect("a mode of sockets");
            for group in [MULTICAST_V4, ALL_HOSTS_V4] {
                ask_over_loopback(group, port_of(&listening));
                let mut buffer = [0; 16];
                let received = listening.recv_from(&mut buffer);
                let (len, _) = received.unwrap_or_else(|e| panic!("{any} {group}: {e}"));
                assert_eq!(&buffer[..len], b"anyone?");
            }
        }
    }

    fn ask_over_loopback(group: Ipv4Addr, port: u16) {
        let asking = bind_game(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        SockRef::from(&asking)
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .expect("loopback is an interface");
        asking
            .send_to(b"anyone?", (group, port))
            .expect("loopback carries multicast");
    }
}
