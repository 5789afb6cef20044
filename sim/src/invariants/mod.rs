//! What must hold after every step of every simulation, whatever the network does: I1 to I14 of docs/TESTING.md.
//!
//! Each host has a [`Guard`] that sees what goes in and comes out, and asks the endpoint to audit itself after every
//! step. What is wrong ends the simulation with a panic that names the invariant, the host, the time and the world's seed.
//!
//! | file      | what is watched                                                                          |
//! |-----------|------------------------------------------------------------------------------------------|
//! | `traffic` | I1: nobody unproven gets more than he sent                                               |
//! | `watch`   | I6: no key, no nonce and no packet twice, seen by the cipher                             |
//! | `life`    | I12: what an owner is told of a connection, and when                                     |
//! | `liar`    | what a hostile peer with valid keys puts into its packets, for the cipher to encrypt     |
//! | `mod`     | I5: what has no authority changes nothing; I9: so many outputs for so many inputs        |

mod liar;
mod life;
mod traffic;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::{Config, Endpoint, Event};

use self::life::Life;
use self::traffic::Traffic;
use self::watch::Watch;

/// An invariant that is broken, and how: `I6: ...`.
pub(crate) type Broken = String;

/// Datagrams out for one input, at most: a full congestion window of a fast path, and an answer.
const OUTPUTS_MAX: u64 = 2_048;

/// Watches one host over all its lives.
#[derive(Debug)]
pub(crate) struct Guard {
    traffic: Traffic,
    life: Life,
    watch: Arc<Watch>,
    /// Number of audits.
    round: u64,
    inputs: u64,
    outputs: u64,
}

impl Guard {
    /// A guard, and the configuration with ciphers that it watches.
    pub(crate) fn new(config: Config) -> (Self, Config) {
        let watch = Arc::new(Watch::new(config.crypto().clone()));
        let guard = Self {
            traffic: Traffic::default(),
            life: Life::default(),
            watch,
            round: 0,
            inputs: 0,
            outputs: 0,
        };
        let config = guard.watched(config);
        (guard, config)
    }

    /// The configuration of a new life.
    pub(crate) fn reborn(&mut self, config: Config) -> Config {
        self.traffic = Traffic::default();
        self.life = Life::default();
        self.watched(config)
    }

    fn watched(&self, config: Config) -> Config {
        if self.watch.is_in(&config) {
            return config;
        }
        config.with_crypto(self.watch.clone())
    }

    /// Makes the host lie in its packets, or tell the truth again; returns how many it lied in so far.
    pub(crate) fn set_lying(&self, lies: bool, seed: u64) {
        self.watch.set_lying(lies.then_some(seed));
    }

    /// Packets that held a lie.
    pub(crate) fn lies(&self) -> u64 {
        self.watch.lies()
    }

    /// A datagram is handed in.
    pub(crate) fn on_received(&mut self, from: SocketAddr, len: usize) {
        self.inputs += 1;
        self.traffic.on_received(from, len);
    }

    /// A datagram was handed out.
    pub(crate) fn on_sent(
        &mut self,
        endpoint: &Endpoint,
        to: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Broken> {
        self.outputs += 1;
        let (len, size_max) = (datagram.len(), endpoint.config().datagram_size_max());
        if !(1..=size_max).contains(&len) {
            return Err(format!(
                "I10: a datagram of {len} bytes, not 1 to {size_max}"
            ));
        }
        self.traffic.on_sent(endpoint, to, datagram)
    }

    /// The owner was told this.
    pub(crate) fn on_event(&mut self, event: &Event) -> Result<(), Broken> {
        self.life.on_event(event)
    }

    /// Everything was taken out of the endpoint after an input.
    pub(crate) fn on_drained(&mut self, endpoint: &Endpoint) -> Result<(), Broken> {
        let (inputs, outputs) = (self.inputs + 1, self.outputs);
        (self.inputs, self.outputs) = (0, 0);
        if outputs > inputs * OUTPUTS_MAX {
            return Err(format!("I9: {outputs} datagrams after {inputs} inputs"));
        }
        self.watch.check(endpoint)?;
        self.round += 1;
        endpoint
            .audit(self.round)
            .map_err(|unsound| unsound.to_string())
    }
}

/// Whether a datagram that was damaged on its way has no authority for anything: it fails its tag, its token or its handshake.
pub(crate) fn has_no_authority(datagram: &[u8]) -> bool {
    const WELCOME: u8 = 0xC1;
    const RESET: u8 = 0xC3;
    matches!(
        datagram.first(),
        Some(&(0x80..=0xBF | WELCOME | RESET)) | None
    )
}

/// I5: the state before and after such a datagram.
pub(crate) fn unchanged(before: u64, after: u64) -> Result<(), Broken> {
    match before == after {
        true => Ok(()),
        false => Err("I5: a datagram without authority changed the state".to_owned()),
    }
}
