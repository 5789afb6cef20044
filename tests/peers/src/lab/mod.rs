//! The laboratory: pairs of hosts on one path, in virtual time, asked every millisecond.
//!
//! Everybody is treated alike. A step of a millisecond is: what has arrived is handed in, timers run, the application
//! takes messages and gives new ones, what the host wants to send goes onto the link.

pub(crate) mod content;
pub(crate) mod link;
pub(crate) mod loss;
pub(crate) mod rng;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use link::{Link, Shape};

/// Microseconds since the beginning.
pub(crate) type Micros = u64;

/// How often hosts are asked.
pub(crate) const STEP: Micros = 1_000;

/// Ticks of the application, a second.
pub(crate) const TICK_HZ: u64 = 60;

/// What a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Each exactly once, in the order sent.
    Reliable,
    /// At most once.
    Unreliable,
}

/// A datagram that a host wants to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// Messages of unreliable state in it.
    pub(crate) states: u32,
}

/// Where a message that was given to a host goes.
pub(crate) type Sink<'a> = dyn FnMut(usize, Class, &[u8]) + 'a;

/// One end of a connection, or the server of many: a transport behind the least that all of them can do.
pub(crate) trait Host: fmt::Debug {
    /// A datagram has arrived. It may be changed in place.
    fn on_datagram(&mut self, now: Micros, from: SocketAddr, bytes: &mut [u8]);

    /// A millisecond has passed.
    fn on_time(&mut self, now: Micros);

    /// Hands out what has arrived.
    fn receive(&mut self, now: Micros, sink: &mut Sink<'_>);

    /// Takes a message for the peer of this number, 0 for a client. False: not now, offer it again.
    fn send(&mut self, now: Micros, peer: usize, class: Class, payload: &[u8]) -> bool;

    /// The application's step is over: what is queued may leave.
    fn flush(&mut self, now: Micros);

    /// The step of a millisecond is over, whether the application said anything or not.
    fn finish(&mut self, _now: Micros) {}

    /// Appends the next datagram to `buf`.
    fn transmit(&mut self, now: Micros, buf: &mut Vec<u8>) -> Option<Outgoing>;

    /// Whether the peer of this number can be talked to.
    fn is_connected(&self, peer: usize) -> bool;
}

/// The server's address.
pub(crate) fn server_address() -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, 1), 7_000).into()
}

/// The address of a client, by number.
pub(crate) fn client_address(number: usize) -> SocketAddr {
    let [.., high, low] = (number as u32 + 1).to_be_bytes();
    (Ipv4Addr::new(10, 1, high, low), 7_001).into()
}

/// The number of the client that has this address; `None` for the server's.
pub(crate) fn client_number(address: SocketAddr) -> Option<usize> {
    let SocketAddr::V4(address) = address else {
        return None;
    };
    let [_, network, high, low] = address.ip().octets();
    (network == 1).then(|| usize::from(u16::from_be_bytes([high, low])) - 1)
}

/// A client and its server.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) client: Box<dyn Host>,
    pub(crate) server: Box<dyn Host>,
}

impl Pair {
    pub(crate) fn is_connected(&self) -> bool {
        self.client.is_connected(0) && self.server.is_connected(0)
    }
}

/// Pairs that share a path, each in its own world otherwise: they all have the same addresses.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) now: Micros,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) up: Link,
    pub(crate) down: Link,
    /// Clients get another port this often, and what is sent to the one before is lost.
    pub(crate) rebinds_every: Option<Micros>,
    buf: Vec<u8>,
}

impl Lab {
    pub(crate) fn new(pairs: Vec<Pair>, up: Shape, down: Shape, seed: u64) -> Self {
        Self {
            now: 0,
            pairs,
            up: Link::new(up, seed, "up"),
            down: Link::new(down, seed, "down"),
            rebinds_every: None,
            buf: Vec::with_capacity(2_048),
        }
    }

    /// The first half of a step: a millisecond passes, what has arrived is handed in.
    pub(crate) fn begin_step(&mut self) {
        self.now += STEP;
        let now = self.now;
        while let Some(mut arrived) = self.up.receive(now) {
            let server = &mut self.pairs[arrived.pair].server;
            server.on_datagram(now, arrived.from, &mut arrived.bytes);
        }
        let port = self.port(now);
        while let Some(mut arrived) = self.down.receive(now) {
            if port.is_some_and(|port| arrived.to.port() != port) {
                continue;
            }
            let client = &mut self.pairs[arrived.pair].client;
            client.on_datagram(now, arrived.from, &mut arrived.bytes);
        }
        for pair in &mut self.pairs {
            pair.client.on_time(now);
            pair.server.on_time(now);
        }
    }

    /// The port that clients have now, where it changes.
    fn port(&self, now: Micros) -> Option<u16> {
        let since = now / self.rebinds_every?;
        Some(7_001 + (since % 50_000) as u16)
    }

    /// The second half: what hosts want to send goes onto the links.
    pub(crate) fn end_step(&mut self) {
        let port = self.port(self.now);
        for (number, pair) in self.pairs.iter_mut().enumerate() {
            let hosts = [
                (&mut pair.client, &mut self.up),
                (&mut pair.server, &mut self.down),
            ];
            for (host, link) in hosts {
                host.finish(self.now);
                loop {
                    self.buf.clear();
                    let Some(mut sent) = host.transmit(self.now, &mut self.buf) else {
                        break;
                    };
                    if let (Some(port), Some(_)) = (port, client_number(sent.from)) {
                        sent.from.set_port(port);
                    }
                    link.send(self.now, number, &sent, &self.buf);
                }
            }
        }
    }

    /// Begins the first pair anew. What is under way to the old one is gone.
    pub(crate) fn replace(&mut self, pair: Pair) {
        self.up.clear();
        self.down.clear();
        self.pairs[0] = pair;
    }

    /// Steps in which the application is silent, until all are connected. False if that takes longer than `patience`.
    pub(crate) fn connect(&mut self, patience: Micros) -> bool {
        let until = self.now + patience;
        while !self.pairs.iter().all(Pair::is_connected) {
            if self.now >= until {
                return false;
            }
            self.begin_step();
            for pair in &mut self.pairs {
                pair.client.receive(self.now, &mut |_, _, _| {});
                pair.server.receive(self.now, &mut |_, _, _| {});
                pair.client.flush(self.now);
                pair.server.flush(self.now);
            }
            self.end_step();
        }
        true
    }
}

/// The application's clock: ticks since it began.
#[derive(Debug)]
pub(crate) struct Ticks {
    begin: Micros,
    next: u64,
}

impl Ticks {
    pub(crate) fn new(begin: Micros) -> Self {
        Self { begin, next: 0 }
    }

    /// The number of the tick that is due, once each.
    pub(crate) fn due(&mut self, now: Micros) -> Option<u64> {
        let due = self.begin + self.next * 1_000_000 / TICK_HZ;
        (now >= due).then(|| {
            self.next += 1;
            self.next - 1
        })
    }
}
