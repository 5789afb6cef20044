//! Who is measured: an adapter each, with the defaults of its transport.

mod enet;
mod kcp;
mod outbox;
mod quinn;
mod quinn_connection;
mod raw;
mod renet;
mod renet_server;
mod tickwire;

use std::fmt;

use clap::ValueEnum;
use tickwire_core::CongestionControl;

use crate::lab::{Host, Micros, Pair};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contender {
    /// Bare datagrams with a byte before each message: nothing is repeated, ordered or hidden
    Raw,
    /// KCP, with state beside it in bare datagrams; in clear and without a handshake
    Kcp,
    /// ENet; in clear
    Enet,
    /// renet without its encryption and handshake
    Renet,
    /// renet with its encryption and handshake
    Renetcode,
    /// QUIC
    Quinn,
    /// Tickwire, as its drivers set it up
    Tickwire,
    /// Tickwire with redundancy off
    #[value(name = "tickwire-single")]
    Single,
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no contender is hidden");
        f.pad(value.get_name())
    }
}

/// What a host is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    /// When they begin.
    pub(crate) now: Micros,
    /// Clients that the server has room for.
    pub(crate) clients: usize,
    /// Whether `Outgoing::states` is wanted, which may cost time and memory.
    pub(crate) count_states: bool,
    /// Tickwire's congestion controller; others have their own.
    pub(crate) congestion: CongestionControl,
}

impl Contender {
    /// A server that has room for the clients of the setup.
    pub(crate) fn server(self, setup: Setup) -> Box<dyn Host> {
        match self {
            Self::Raw => raw::server(setup),
            Self::Kcp => kcp::server(setup),
            Self::Enet => enet::server(setup),
            Self::Renet | Self::Renetcode => renet_server::server(self, setup),
            Self::Quinn => quinn::server(setup),
            Self::Tickwire => tickwire::server(setup, true),
            Self::Single => tickwire::server(setup, false),
        }
    }

    /// The client of this number, which has begun to connect.
    pub(crate) fn client(self, setup: Setup, number: usize) -> Box<dyn Host> {
        match self {
            Self::Raw => raw::client(number),
            Self::Kcp => kcp::client(setup, number),
            Self::Enet => enet::client(setup, number),
            Self::Renet | Self::Renetcode => renet::client(self, setup, number),
            Self::Quinn => quinn::client(setup, number),
            Self::Tickwire => tickwire::client(setup, number, true),
            Self::Single => tickwire::client(setup, number, false),
        }
    }

    /// A server with one client.
    pub(crate) fn pair(self, seed: u64, now: Micros, count_states: bool) -> Pair {
        self.pair_of(Setup {
            seed,
            now,
            clients: 1,
            count_states,
            congestion: CongestionControl::default(),
        })
    }

    /// The same by a setup.
    pub(crate) fn pair_of(self, setup: Setup) -> Pair {
        Pair {
            client: self.client(setup, 0),
            server: self.server(setup),
        }
    }

    /// Whether lost messages are repeated at all.
    pub(crate) fn is_reliable(self) -> bool {
        self != Self::Raw
    }
}
