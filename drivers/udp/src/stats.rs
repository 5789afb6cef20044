//! What the sockets did, counted. An error of a socket is a number here and never ends a driver's loop.

use std::ops::AddAssign;

/// Counters of the sockets of one endpoint. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IoStats {
    /// System calls that received at least one datagram.
    pub receive_calls: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// UDP payload bytes received.
    pub bytes_received: u64,
    /// Datagrams dropped because nothing could be sent back to where they claim to come from: port 0.
    pub receive_unanswerable: u64,
    /// ICMP errors about an earlier datagram of ours, reported by a receive (nobody listens there, for example).
    pub receive_icmp: u64,
    /// Receives that failed in any other way.
    pub receive_failed: u64,
    /// System calls that sent.
    pub send_calls: u64,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// UDP payload bytes sent.
    pub bytes_sent: u64,
    /// Sends that had to wait for the socket.
    pub send_blocked: u64,
    /// Datagrams lost because the host had no buffer for them (`ENOBUFS`).
    pub send_no_buffer: u64,
    /// Datagrams lost because they are longer than the interface takes (`EMSGSIZE`).
    pub send_too_large: u64,
    /// Datagrams lost because the host knows no way there, or the socket's address family cannot go there.
    pub send_unreachable: u64,
    /// Datagrams lost because a rule of the host forbids them.
    pub send_forbidden: u64,
    /// Datagrams lost in any other way.
    pub send_failed: u64,
}

impl AddAssign for IoStats {
    fn add_assign(&mut self, other: Self) {
        self.receive_calls += other.receive_calls;
        self.datagrams_received += other.datagrams_received;
        self.bytes_received += other.bytes_received;
        self.receive_unanswerable += other.receive_unanswerable;
        self.receive_icmp += other.receive_icmp;
        self.receive_failed += other.receive_failed;
        self.send_calls += other.send_calls;
        self.datagrams_sent += other.datagrams_sent;
        self.bytes_sent += other.bytes_sent;
        self.send_blocked += other.send_blocked;
        self.send_no_buffer += other.send_no_buffer;
        self.send_too_large += other.send_too_large;
        self.send_unreachable += other.send_unreachable;
        self.send_forbidden += other.send_forbidden;
        self.send_failed += other.send_failed;
    }
}
