//! One socket, read and written in batches.

use std::fmt;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use quinn_udp::{EcnCodepoint, RecvMeta, UdpSockRef, UdpSocketState};
use tickwire_core::{Arrival, Ecn, Socket, Transmit};

use crate::interfaces::Interfaces;
use crate::pump::Sent;
use crate::stats::IoStats;

/// A whole UDP datagram of any size, or what the kernel puts together of many.
const BUFFER_BYTES: usize = 65_536;

/// Buffers of one receive, at most. Pages of a buffer that is never filled are never touched.
const BUFFERS_MAX: usize = 32;
const DISCOVERY_BUFFERS: usize = 4;

/// One socket's buffers, abilities and counters. The socket itself stays with the driver, because every runtime wraps it in
/// a type of its own; it is lent for each call.
///
/// Linux receives up to 32 buffers in one system call (`recvmmsg`), each perhaps several datagrams that the kernel put
/// together (GRO); equal segments to one destination leave in one call (GSO). Elsewhere it is one datagram a call.
///
/// A peer's address has the peer's family, on a dual-stack socket too: never `::ffff:a.b.c.d`.
///
/// What is missing: [`Transmit::ttl`] is not honoured.
pub struct SocketIo {
    which: Socket,
    is_v6: bool,
    state: UdpSocketState,
    /// The host's addresses: those a datagram can be sent from.
    locals: Vec<IpAddr>,
    buffers: Vec<u8>,
    metas: Vec<RecvMeta>,
    /// Buffers received and not drained yet.
    filled: usize,
    stats: IoStats,
}

impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIo")
            .field("which", &self.which)
            .field("filled", &self.filled)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl SocketIo {
    /// Prepares `socket` for batches and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the socket refuses an option that cannot be done without.
    pub fn new(which: Socket, socket: &UdpSocket) -> io::Result<Self> {
        let buffers = match which {
            Socket::Game => BUFFERS_MAX,
            Socket::Discovery => DISCOVERY_BUFFERS,
        };
        let state = UdpSocketState::new(UdpSockRef::from(socket))?;
        leave_time_out(socket);
        Ok(Self {
            which,
            is_v6: socket.local_addr()?.is_ipv6(),
            state,
            locals: Vec::new(),
            buffers: vec![0; buffers * BUFFER_BYTES],
            metas: vec![RecvMeta::default(); buffers],
            filled: 0,
            stats: IoStats::default(),
        })
    }

    /// What this socket did.
    #[must_use]
    pub fn stats(&self) -> IoStats {
        self.stats
    }

    /// Tells which addresses the host has. Before, replies leave from the address that the host chooses, which on a host
    /// with several may not be the one that was asked.
    pub fn set_interfaces(&mut self, interfaces: &Interfaces) {
        self.locals.clear();
        let addresses = interfaces.iter().map(|interface| interface.address);
        self.locals.extend(addresses);
    }

    /// Receives one batch, unless the one before was not drained yet.
    ///
    /// # Errors
    ///
    /// Only [`ErrorKind::WouldBlock`]: wait until the socket is readable. All else is counted.
    pub fn receive<'s, S>(&mut self, socket: &'s S) -> io::Result<()>
    where
        UdpSockRef<'s>: From<&'s S>,
    {
        if self.filled > 0 {
            return Ok(());
        }
        let mut free = self.buffers.chunks_exact_mut(BUFFER_BYTES);
        let mut slices: [IoSliceMut<'_>; BUFFERS_MAX] =
            std::array::from_fn(|_| IoSliceMut::new(free.next().unwrap_or_default()));
        let slices = &mut slices[..self.metas.len()];
        match self
            .state
            .recv(UdpSockRef::from(socket), slices, &mut self.metas)
        {
            Ok(filled) => {
                self.filled = filled;
                self.stats.receive_calls += 1;
                Ok(())
            }
            Err(error) => self.on_receive_error(&error),
        }
    }

    /// An ICMP error uses up one receive and the next may succeed. After any other error only a wait helps.
    fn on_receive_error(&mut self, error: &io::Error) -> io::Result<()> {
        if error.kind() == ErrorKind::WouldBlock {
            return Err(ErrorKind::WouldBlock.into());
        }
        if is_icmp(error.kind()) {
            self.stats.receive_icmp += 1;
            return Ok(());
        }
        self.stats.receive_failed += 1;
        Err(ErrorKind::WouldBlock.into())
    }

    /// Hands on what was received, datagram by datagram.
    pub fn drain(&mut self, handle: &mut dyn FnMut(Arrival, &mut [u8])) {
        let filled = std::mem::take(&mut self.filled);
        let buffers = self.buffers.chunks_exact_mut(BUFFER_BYTES);
        for (meta, buffer) in self.metas[..filled].iter().zip(buffers) {
            let from = canonical(meta.addr);
            let bytes = &mut buffer[..meta.len.min(BUFFER_BYTES)];
            self.stats.bytes_received += bytes.len() as u64;
            let arrival = Arrival {
                from,
                to: meta
                    .dst_ip
                    .map(|ip| ip.to_canonical())
                    .filter(|ip| is_local(&self.locals, *ip)),
                socket: self.which,
                ecn: meta.ecn.map(ecn_received),
            };
            // An empty datagram is one too, and `chunks_mut` would leave it out.
            let datagrams = meta.len.div_ceil(meta.stride.max(1)).max(1) as u64;
            self.stats.datagrams_received += datagrams;
            if from.port() == 0 {
                self.stats.receive_unanswerable += datagrams;
            } else if bytes.is_empty() {
                handle(arrival, bytes);
            } else {
                let datagrams = bytes.chunks_mut(meta.stride.max(1));
                datagrams.for_each(|datagram| handle(arrival, datagram));
            }
        }
    }

    /// Sends `bytes` as `transmit` says, in as few system calls as the host can. When several are needed and one
    /// blocks, all are sent again later: a duplicate does no harm.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`]: try again when the socket is writable. Any other error has been counted, and the
    /// datagram is lost. [`Sent::from_result`] sorts them.
    pub fn send<'s, S>(
        &mut self,
        socket: &'s S,
        transmit: &Transmit,
        bytes: &[u8],
    ) -> io::Result<()>
    where
        UdpSockRef<'s>: From<&'s S>,
    {
        let result = self.try_send(socket, transmit, bytes);
        if let Err(error) = &result {
            self.count_send_error(error);
        }
        result
    }

    fn try_send<'s, S>(
        &mut self,
        socket: &'s S,
        transmit: &Transmit,
        bytes: &[u8],
    ) -> io::Result<()>
    where
        UdpSockRef<'s>: From<&'s S>,
    {
        let destination = self.destination(transmit.to)?;
        let segment_size = transmit.segment_size.unwrap_or(bytes.len()).max(1);
        let most = segment_size.saturating_mul(self.state.max_gso_segments());
        for contents in bytes.chunks(most) {
            let out = quinn_udp::Transmit {
                destination,
                ecn: transmit.ecn.map(ecn_to_send),
                contents,
                segment_size: transmit.segment_size,
                src_ip: transmit
                    .from
                    .filter(|ip| self.can_leave_from(*ip, transmit.to)),
            };
            self.state.try_send(UdpSockRef::from(socket), &out)?;
            self.stats.send_calls += 1;
            self.stats.datagrams_sent += contents.len().div_ceil(segment_size) as u64;
            self.stats.bytes_sent += contents.len() as u64;
        }
        Ok(())
    }

    /// A link-local source says nothing about the interface, so the destination must.
    fn can_leave_from(&self, ip: IpAddr, to: SocketAddr) -> bool {
        let is_scoped = |v6: Ipv6Addr| v6.is_unicast_link_local();
        let fits = match (ip, to) {
            (IpAddr::V6(ip), SocketAddr::V6(to)) => !is_scoped(ip) || is_scoped(*to.ip()),
            (IpAddr::V4(_), SocketAddr::V4(_)) => true,
            (IpAddr::V4(_), SocketAddr::V6(_)) | (IpAddr::V6(_), SocketAddr::V4(_)) => false,
        };
        fits && is_local(&self.locals, ip)
    }

    /// What the operating system would refuse as an invalid argument is refused here: `quinn-udp` takes that answer for a
    /// host without GSO and ECN and never uses them again.
    fn destination(&self, to: SocketAddr) -> io::Result<SocketAddr> {
        if to.port() == 0 {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        match (to, self.is_v6) {
            (SocketAddr::V4(_), false) | (SocketAddr::V6(_), true) => Ok(to),
            (SocketAddr::V6(_), false) => Err(ErrorKind::NetworkUnreachable.into()),
            (SocketAddr::V4(v4), true) => {
                let mapped = v4.ip().to_ipv6_mapped();
                Ok(SocketAddrV6::new(mapped, v4.port(), 0, 0).into())
            }
        }
    }

    fn count_send_error(&mut self, error: &io::Error) {
        let counter = if error.kind() == ErrorKind::WouldBlock {
            &mut self.stats.send_blocked
        } else if quinn_udp::is_msg_size_err(error) {
            &mut self.stats.send_too_large
        } else if is_no_buffer(error) {
            &mut self.stats.send_no_buffer
        } else if is_unreachable(error.kind()) {
            &mut self.stats.send_unreachable
        } else if error.kind() == ErrorKind::PermissionDenied {
            &mut self.stats.send_forbidden
        } else {
            &mut self.stats.send_failed
        };
        *counter += 1;
    }
}

impl Sent {
    /// What the answer of [`SocketIo::send`] means to the pump.
    #[must_use]
    pub fn from_result(result: &io::Result<()>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Self::Blocked,
            Err(error) if quinn_udp::is_msg_size_err(error) => Self::TooLong,
            Err(_) => Self::Failed,
        }
    }
}

fn is_icmp(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    ) || is_unreachable(kind)
}

fn is_unreachable(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable
    )
}

/// `ENOBUFS` has no kind of its own: 105 on Linux, 55 on the BSDs and macOS, 10055 on Windows.
fn is_no_buffer(error: &io::Error) -> bool {
    let code = if cfg!(any(target_os = "linux", target_os = "android")) {
        105
    } else if cfg!(windows) {
        10_055
    } else {
        55
    };
    error.raw_os_error() == Some(code)
}

/// Whether a datagram can be sent from `ip`. Broadcast and multicast addresses, to which datagrams come, are not such.
fn is_local(locals: &[IpAddr], ip: IpAddr) -> bool {
    let on_loopback = ip.is_loopback() && ip != Ipv4Addr::new(127, 255, 255, 255);
    on_loopback || locals.contains(&ip)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, address.port())),
        IpAddr::V6(_) => address,
    }
}

/// `quinn-udp` 0.6.3 asks for the time of each datagram, which nobody here reads. Its buffer for control messages has 96 bytes: too
/// few for a time stamp, the length of segments, the address and the mark, so that datagrams which the kernel put together came
/// without their mark of congestion. A kernel that refuses gives both, or neither: nothing else depends on it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn leave_time_out(socket: &UdpSocket) {
    use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
    let _ = setsockopt(socket, ReceiveTimestampns, &false);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn leave_time_out(_: &UdpSocket) {}

fn ecn_received(ecn: EcnCodepoint) -> Ecn {
    match ecn {
        EcnCodepoint::Ect0 => Ecn::Ect0,
        EcnCodepoint::Ect1 => Ecn::Ect1,
        EcnCodepoint::Ce => Ecn::Ce,
    }
}

fn ecn_to_send(ecn: Ecn) -> EcnCodepoint {
    match ecn {
        Ecn::Ect0 => EcnCodepoint::Ect0,
        Ecn::Ect1 => EcnCodepoint::Ect1,
        Ecn::Ce => EcnCodepoint::Ce,
    }
}

#[cfg(test)]
mod tests;
