//! Where a datagram came from and where one goes.

use core::net::{IpAddr, SocketAddr};

use crate::saved::saved;

/// Which of the endpoint's two sockets a datagram uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Socket {
    /// The socket of connections; it answers discovery queries too.
    Game,
    /// The socket on the well-known discovery port, shared by all servers of a host.
    Discovery,
}

saved!(enum Socket { 0 = Game, 1 = Discovery });

/// Explicit congestion notification codepoint of a datagram (RFC 3168 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ecn {
    /// ECT(0), binary 10.
    Ect0,
    /// ECT(1), binary 01.
    Ect1,
    /// Congestion experienced, binary 11.
    Ce,
}

saved!(enum Ecn { 0 = Ect0, 1 = Ect1, 2 = Ce });

/// How many packets arrived with each mark (RFC 9000 section 19.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcnCounts {
    /// With ECT(0).
    pub ect0: u64,
    /// With ECT(1).
    pub ect1: u64,
    /// With CE.
    pub ce: u64,
}

saved!(EcnCounts { ect0, ect1, ce });

/// How a datagram arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The sender's address, as the socket reported it. Unproven: anybody can write anything there.
    pub from: SocketAddr,
    /// The local address it was sent to, where the socket tells.
    pub to: Option<IpAddr>,
    /// The socket it arrived on.
    pub socket: Socket,
    /// Congestion mark, where the socket tells.
    pub ecn: Option<Ecn>,
}

impl Arrival {
    /// A datagram from `from` on the game socket, local address and ECN unknown.
    #[must_use]
    pub const fn game(from: SocketAddr) -> Self {
        Self {
            from,
            to: None,
            socket: Socket::Game,
            ecn: None,
        }
    }

    /// A datagram from `from` on the discovery socket, local address and ECN unknown.
    #[must_use]
    pub const fn discovery(from: SocketAddr) -> Self {
        Self {
            from,
            to: None,
            socket: Socket::Discovery,
            ecn: None,
        }
    }
}

/// An instruction to send the bytes that [`poll_transmit`](crate::Endpoint::poll_transmit) appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Destination.
    pub to: SocketAddr,
    /// Local address to send from, where it matters (a reply leaves from the address that was asked).
    pub from: Option<IpAddr>,
    /// The socket to send on.
    pub socket: Socket,
    /// Number of bytes appended to the caller's buffer.
    pub len: usize,
    /// If set, the bytes are several datagrams of this length to one destination, the last perhaps shorter.
    pub segment_size: Option<usize>,
    /// Congestion mark to send with.
    pub ecn: Option<Ecn>,
    /// Time to live (hop limit) to send with; the socket's default if `None`.
    pub ttl: Option<u8>,
}

impl Transmit {
    /// One datagram of `len` bytes to `to` on the game socket, all else default.
    #[must_use]
    pub(crate) const fn game(to: SocketAddr, len: usize) -> Self {
        Self {
            to,
            from: None,
            socket: Socket::Game,
            len,
            segment_size: None,
            ecn: None,
            ttl: None,
        }
    }
}
