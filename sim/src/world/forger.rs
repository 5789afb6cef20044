//! Attackers: one on the wire without keys, who forges, and a peer with valid keys, who lies.

use std::net::SocketAddr;

use tickwire_core::Arrival;

use super::World;
use crate::host::HostId;
use crate::network::overheard::{Heard, Overheard};
use crate::rng::Rng;

/// Attackers.
impl World {
    /// Begins to overhear what crosses the wire, of which [`forge`](Self::forge) makes use.
    pub fn overhear(&mut self) {
        self.network.overheard.get_or_insert_default();
    }

    /// Forges one datagram to a host, which has it at once: garbage, a RESET or a WELCOME, or what was overheard, with
    /// changes or from elsewhere.
    pub fn forge(&mut self, to: HostId) {
        self.settle();
        let mut rng = self.rng.fork_nth("forgery", self.faults.forged);
        self.faults.forged += 1;
        let overheard = self.network.overheard.get_or_insert_default();
        let (arrival, mut bytes, has_no_keys) = forgery(&mut rng, overheard, to);
        let now = self.now;
        let host = &mut self.hosts[to.index()];
        if !host.driver.is_running() {
            return;
        }
        let handled = match has_no_keys {
            true => host.handle_forgery(now, arrival, &mut bytes),
            false => {
                host.handle_datagram(now, arrival, &mut bytes);
                Ok(())
            }
        };
        self.expect(to, handled);
        self.drain(to);
    }

    /// Hands a datagram to a host at once, as if it came from `from`: what somebody sends who writes another address than his own.
    /// Answers go to whoever has that address.
    pub fn spoof(&mut self, from: SocketAddr, to: HostId, datagram: &[u8]) {
        self.settle();
        let mut bytes = datagram.to_vec();
        let now = self.now;
        let host = &mut self.hosts[to.index()];
        if !host.driver.is_running() {
            return;
        }
        host.handle_datagram(now, Arrival::game(from), &mut bytes);
        self.drain(to);
    }

    /// Makes a host lie: from now on every second packet of its endpoint has other frames than were put into it, with a
    /// valid tag. Its connections are worth nothing any more: [`restart`](Self::restart) it when it is to tell the truth again.
    pub fn set_lying(&mut self, host: HostId, lies: bool) {
        let seed = self.rng.fork_nth("liar", host.number().into()).draw();
        self.hosts[host.index()].guard.set_lying(lies, seed);
    }
}

/// A datagram to `to`, and whether it cannot be authentic, not even as a copy.
fn forgery(rng: &mut Rng, overheard: &Overheard, to: HostId) -> (Arrival, Vec<u8>, bool) {
    let stranger = stranger(rng);
    let heard = |heard: Option<&Heard>| {
        let heard = heard.cloned();
        heard.unwrap_or_else(|| (stranger, vec![0x80, 1, 2, 3, 4]))
    };
    let (arrival, mut bytes) = heard(overheard.latest(to));
    match rng.below(9) {
        0 => (stranger, noise(rng, 0, 64), true),
        1 => (stranger, [&[0x80][..], &noise(rng, 0, 30)].concat(), true),
        2 => (arrival, [&[0xC3][..], &noise(rng, 16, 16)].concat(), true),
        3 => {
            let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap_or(0);
            bytes[at] ^= 1 << rng.below(8);
            (arrival, bytes, true)
        }
        4 => (stranger, bytes, false),
        5 => {
            bytes.truncate(3);
            bytes.extend(noise(rng, 24, 60));
            (arrival, bytes, true)
        }
        6 => (stranger, [&[0xC4][..], &noise(rng, 8, 8)].concat(), true),
        7 => (stranger, heard(overheard.hello(to)).1, false),
        _ => {
            bytes.truncate(3);
            bytes[0] = 0xC1;
            bytes.extend(noise(rng, 90, 120));
            (arrival, bytes, true)
        }
    }
}

/// An address where nobody is.
fn stranger(rng: &mut Rng) -> Arrival {
    let last = rng.below(250).to_be_bytes()[7];
    Arrival::game(SocketAddr::from(([203, 0, 113, last], 4_000)))
}

fn noise(rng: &mut Rng, least: u64, most: u64) -> Vec<u8> {
    let len = rng.between(least, most);
    (0..len).map(|_| rng.below(256).to_be_bytes()[7]).collect()
}
