//! Batched UDP sockets, and the order of calls that every Tickwire driver shares. No runtime is named here.
//!
//! An [`Endpoint`](tickwire_core::Endpoint) knows no socket and no clock. A driver brings both; this crate holds all of
//! a driver but the waiting, so that drivers for different runtimes differ in nothing else:
//!
//! - [`Pump`] calls the endpoint and the sockets in the one right order. It is tested without sockets.
//! - [`bind_game`] and [`bind_discovery`] open the two sockets; [`SocketIo`] reads and writes them in batches.
//! - [`Interfaces`] tells what is on link and where to look for servers.
//! - [`Clock`] and [`entropy`] are the only places that ask the operating system for time and randomness.
//!
//! A driver is then this loop:
//!
//! 1. wait until a socket is readable, [`Next::wake_at`] has come, [`Next::blocked`] is writable, or a command was given;
//! 2. [`SocketIo::receive`] one batch;
//! 3. [`Pump::turn`], which gives the next [`Next`].

mod clock;
mod interfaces;
mod io;
mod pump;
mod random;
mod socket;
mod stats;

pub use clock::Clock;
pub use interfaces::{Interface, Interfaces};
pub use io::SocketIo;
pub use pump::{Access, Io, Next, Owned, Pump, Sent};
pub use quinn_udp::UdpSockRef;
pub use random::entropy;
pub use socket::{BindError, JoinFailure, bind_discovery, bind_game, join_groups};
pub use stats::IoStats;
