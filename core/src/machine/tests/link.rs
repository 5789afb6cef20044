//! A path between two endpoints that loses, repeats, delays and reorders.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::pair::{Pair, Side};
use crate::Instant;
use crate::rng::Rng;

/// What may happen to a datagram, in permille and milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) loss: u64,
    pub(super) duplication: u64,
    pub(super) delay_ms: u64,
    pub(super) jitter_ms: u64,
    /// Copies that come this late.
    pub(super) late: u64,
    pub(super) late_ms: u64,
}

/// One direction.
struct Link {
    rng: Rng,
    flying: BTreeMap<(Instant, u64), Vec<u8>>,
    sent: u64,
}

impl Link {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            flying: BTreeMap::new(),
            sent: 0,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound.max(1)
    }

    fn send(&mut self, now: Instant, faults: Faults, datagram: &[u8]) {
        if self.below(1_000) >= faults.loss {
            self.fly(now, faults.delay_ms, faults.jitter_ms, datagram);
        }
        if self.below(1_000) < faults.duplication {
            self.fly(now, faults.delay_ms, faults.jitter_ms, datagram);
        }
        if self.below(1_000) < faults.late {
            self.fly(now, 0, faults.late_ms, datagram);
        }
    }

    fn fly(&mut self, now: Instant, delay_ms: u64, jitter_ms: u64, datagram: &[u8]) {
        let delay_us = delay_ms * 1_000 + self.below(jitter_ms * 1_000);
        let at = now + Duration::from_micros(delay_us);
        self.flying.insert((at, self.sent), datagram.to_vec());
        self.sent += 1;
    }

    fn arrive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let entry = self.flying.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        Some(entry.remove())
    }

    fn next(&self) -> Option<Instant> {
        self.flying.keys().next().map(|(at, _)| *at)
    }
}

/// A pair whose datagrams take a bad path.
pub(super) struct Storm {
    pub(super) pair: Pair,
    pub(super) faults: Faults,
    /// Whether the owners poll events: client, server.
    pub(super) reads: [bool; 2],
    links: [Link; 2],
}

impl Storm {
    pub(super) fn new(pair: Pair, faults: Faults, seed: u64) -> Self {
        Self {
            pair,
            faults,
            reads: [true; 2],
            links: [Link::new(seed), Link::new(!seed)],
        }
    }

    /// Moves what may move now, until nothing does.
    pub(super) fn settle(&mut self) {
        let Self {
            pair,
            faults,
            reads,
            links: [up, down],
        } = self;
        let now = pair.now;
        for _ in 0..100_000 {
            let mut is_quiet = true;
            for (side, link) in [(&mut pair.client, &mut *up), (&mut pair.server, &mut *down)] {
                side.endpoint.handle_timeout(now);
                for datagram in side.datagrams(now) {
                    link.send(now, *faults, &datagram);
                    is_quiet = false;
                }
            }
            let (client, server) = (pair.client.address, pair.server.address);
            is_quiet &= !deliver(up, &mut pair.server, client, now);
            is_quiet &= !deliver(down, &mut pair.client, server, now);
            for (side, reads) in [(&mut pair.client, reads[0]), (&mut pair.server, reads[1])] {
                is_quiet &= !reads || side.poll() == 0;
            }
            if is_quiet {
                return;
            }
        }
        panic!("it never settles");
    }

    /// When something happens next: a deadline or an arrival.
    pub(super) fn next(&self) -> Option<Instant> {
        let next = [
            self.pair.client.endpoint.poll_timeout(),
            self.pair.server.endpoint.poll_timeout(),
            self.links[0].next(),
            self.links[1].next(),
        ];
        next.into_iter().flatten().min()
    }

    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.pair.now + duration;
        loop {
            self.settle();
            let Some(next) = self.next() else {
                self.pair.now = end;
                return;
            };
            assert!(next > self.pair.now, "busy loop at {}", self.pair.now);
            self.pair.now = next.min(end);
            if next >= end {
                return;
            }
        }
    }
}

fn deliver(link: &mut Link, to: &mut Side, from: core::net::SocketAddr, now: Instant) -> bool {
    let mut any = false;
    while let Some(datagram) = link.arrive(now) {
        to.take(now, from, &datagram);
        any = true;
    }
    any
}
