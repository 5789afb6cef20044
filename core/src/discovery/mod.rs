//! LAN discovery: text query and answer.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// A server found on the LAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// The server's `id=`: one server seen over several paths is listed once.
    pub id: Option<u64>,
    /// Name for people.
    pub name: String,
    /// Where to connect: the answer's source address with the answer's `port=`.
    pub address: SocketAddr,
    /// Players now.
    pub players: u32,
    /// Places.
    pub players_max: u32,
}

/// A search for servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryQuery {
    /// Where to ask: broadcast, multicast or single addresses, at most [`TARGETS_MAX`](Self::TARGETS_MAX).
    pub targets: Vec<SocketAddr>,
    /// How long to listen for answers. The question is repeated meanwhile.
    pub timeout: Duration,
}

impl DiscoveryQuery {
    /// Most targets of one query.
    pub const TARGETS_MAX: usize = 64;
}

/// Addresses of one network interface: what is "on link".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// An address of the interface.
    pub address: IpAddr,
    /// Length of its network prefix, in bits.
    pub len: u8,
}
