//! A server whose clients come, go, crash and are thrown out: its books balance at every moment.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::pair::{Pair, Side};
use crate::machine::slots::Entry;
use crate::{ChannelId, Config, Event, Farewell, Instant, ServerIdentity};

/// What may befall a server and its clients.
#[derive(Clone, Debug)]
enum Step {
    Dial {
        client: usize,
    },
    /// The client's program starts anew at the same address.
    Restart {
        client: usize,
    },
    Part {
        client: usize,
    },
    Expel {
        nth: usize,
    },
    Ban {
        client: usize,
        banned: bool,
    },
    Say {
        nth: usize,
        len: usize,
    },
    /// Datagrams of the next moments are lost.
    Wait {
        millis: u64,
        lost: bool,
    },
    /// The server's owner takes its events, or does not.
    Read {
        reads: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..6).prop_map(|client| Step::Dial { client }),
        2 => (0usize..6).prop_map(|client| Step::Restart { client }),
        2 => (0usize..6).prop_map(|client| Step::Part { client }),
        2 => (0usize..8).prop_map(|nth| Step::Expel { nth }),
        1 => (0usize..6, any::<bool>()).prop_map(|(client, banned)| Step::Ban { client, banned }),
        3 => (0usize..8, 0usize..5_000).prop_map(|(nth, len)| Step::Say { nth, len }),
        6 => (0u64..3_000, prop::bool::weighted(0.2)).prop_map(|(millis, lost)| Step::Wait { millis, lost }),
        1 => any::<bool>().prop_map(|reads| Step::Read { reads }),
    ]
}

/// A server with fewer places than it has clients.
struct Club {
    now: Instant,
    server: Side,
    clients: Vec<Side>,
    reads: bool,
    births: u64,
}

impl Club {
    fn new() -> Self {
        let now = Instant::from_millis(1);
        let server = Config::builder()
            .accepts(true)
            .peers_max(3)
            .half_open_max(2);
        Self {
            now,
            server: Side::new(server, 2, now),
            clients: (0..6)
                .map(|client| Side::new(Config::builder(), 10 + client, now))
                .collect(),
            reads: true,
            births: 100,
        }
    }

    fn apply(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Dial { client } => {
                let to = self.server.address;
                let endpoint = &mut self.clients[client].endpoint;
                let _ = endpoint.connect(now, to, ServerIdentity::TrustOnFirstUse);
            }
            Step::Restart { client } => {
                self.births += 1;
                let entropy = crate::Entropy::from_seed(self.births);
                let endpoint = &mut self.clients[client].endpoint;
                *endpoint = crate::Endpoint::new(endpoint.config().clone(), entropy, now);
            }
            Step::Part { client } => {
                let endpoint = &mut self.clients[client].endpoint;
                let peer = endpoint.peers().next();
                if let Some(peer) = peer {
                    endpoint.disconnect(now, peer, Farewell::default());
                }
            }
            Step::Expel { nth } => {
                let peer = self.server.endpoint.peers().nth(nth);
                if let Some(peer) = peer {
                    self.server
                        .endpoint
                        .disconnect(now, peer, Farewell::default());
                }
            }
            Step::Ban { client, banned } => {
                let address = self.clients[client].address.ip();
                if banned {
                    self.server.endpoint.ban(address);
                } else {
                    self.server.endpoint.unban(address);
                }
            }
            Step::Say { nth, len } => {
                let peer = self.server.endpoint.peers().nth(nth);
                if let Some(peer) = peer {
                    let payload = vec![7; len];
                    let _ = self
                        .server
                        .endpoint
                        .send(now, peer, ChannelId::new(3), &payload);
                }
            }
            Step::Wait { millis, lost } => self.run_for(millis, lost),
            Step::Read { reads } => self.reads = reads,
        }
        self.assert_books();
    }

    fn run_for(&mut self, millis: u64, lost: bool) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now = (self.now + Duration::from_millis(20)).min(end);
            self.turn(lost);
        }
    }

    fn turn(&mut self, lost: bool) {
        let now = self.now;
        self.server.endpoint.handle_timeout(now);
        for client in &mut self.clients {
            client.endpoint.handle_timeout(now);
            let sent = client.datagrams(now);
            for datagram in sent.iter().filter(|_| !lost) {
                self.server.take(now, client.address, datagram);
            }
            client.poll();
        }
        for (transmit, datagram) in self.server.transmits(now) {
            let to = self
                .clients
                .iter_mut()
                .find(|client| client.address == transmit.to);
            if let Some(client) = to.filter(|_| !lost) {
                client.take(now, self.server.address, &datagram);
            }
        }
        if self.reads {
            self.server.poll();
        }
    }

    /// Every count is the count of what it counts.
    fn assert_books(&self) {
        for side in self.clients.iter().chain([&self.server]) {
            let endpoint = &side.endpoint;
            let slots: Vec<_> = endpoint.machine.slots.iter().collect();
            let entries = |entry| slots.iter().filter(|slot| slot.entry == entry).count();
            assert_eq!(slots.len() as u32, endpoint.machine.slots.used());
            assert_eq!(
                slots.iter().filter(|slot| slot.is_due).count() as u32,
                endpoint.machine.due
            );
            assert_eq!(entries(Entry::Connected) as u32, endpoint.machine.connected);
            assert_eq!(entries(Entry::HalfOpen), endpoint.machine.half_open.len());
            assert_eq!(
                entries(Entry::Connected) + entries(Entry::Dialled),
                endpoint.machine.by_address.len()
            );
            for (address, slot) in &endpoint.machine.by_address {
                let found = endpoint.machine.slots.get(*slot).expect("a peer");
                assert_eq!(found.peer.address, *address);
            }
            let config = endpoint.config();
            assert!(endpoint.machine.slots.used() <= config.peers_max + config.half_open_max);
            assert!(endpoint.machine.half_open.len() <= config.half_open_max as usize);
        }
        let established = self.server.endpoint.machine.slots.iter();
        let established = established
            .filter(|slot| slot.peer.is_established())
            .count();
        assert!(established <= 3, "{established} peers in 3 places");
    }
}

/// No name comes twice, each is told to be connected at most once and over at most once, and nothing follows that.
fn assert_names(events: &[Event]) {
    let mut connected = BTreeSet::new();
    let mut ended = BTreeSet::new();
    for event in events {
        match event {
            Event::Connected { peer, .. } => {
                assert!(
                    !ended.contains(peer) && connected.insert(*peer),
                    "{events:?}"
                );
            }
            Event::Disconnected { peer, .. } => assert!(ended.insert(*peer), "{events:?}"),
            Event::Message { peer, .. }
            | Event::Delivered { peer, .. }
            | Event::Abandoned { peer, .. }
            | Event::Pong { peer, .. } => {
                assert!(
                    connected.contains(peer) && !ended.contains(peer),
                    "{events:?}"
                );
            }
            Event::ProbeAnswered { .. }
            | Event::Tick { .. }
            | Event::ServerFound(_)
            | Event::ServerExpired(_)
            | Event::DiscoveryEnded
            | Event::PathChanged { .. }
            | Event::Rebinding { .. } => {}
        }
    }
    assert!(connected.is_subset(&ended), "who came has gone: {events:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any coming and going the books are as at the beginning.
    #[test]
    fn the_books_are_empty_when_everybody_has_gone(steps in prop::collection::vec(step(), 1..60)) {
        let mut club = Club::new();
        for step in steps {
            club.apply(step);
        }
        club.reads = true;
        // Who is still dialling gets in, or gives up.
        club.run_for(11_000, false);
        let ids: Vec<_> = club.server.endpoint.peers().collect();
        for peer in ids {
            club.server.endpoint.disconnect(club.now, peer, Farewell::default());
        }
        club.run_for(20_000, false);
        club.assert_books();
        let server = &mut club.server.endpoint;
        prop_assert_eq!(server.poll_timeout(), None);
        prop_assert_eq!(server.stats().unread_bytes, 0);
        let server = &mut server.machine;
        prop_assert_eq!(server.slots.used(), 0);
        for queue in [&mut server.ready, &mut server.unread, &mut server.unflushed] {
            prop_assert_eq!(queue.front(&mut server.slots), None);
        }
        assert_names(&club.server.events);
    }
}

#[test]
fn a_thousand_lives_leave_nothing_behind() {
    let mut pair = Pair::new(Config::builder(), Config::builder());
    let slots_max =
        pair.server.endpoint.config().peers_max + pair.server.endpoint.config().half_open_max;
    let mut names = BTreeSet::new();
    for _ in 0..1_000 {
        let peer = pair.dial();
        pair.run_for(Duration::from_millis(60));
        assert!(
            names.insert(pair.server.peer.expect("connected")),
            "a name comes twice"
        );
        pair.client
            .endpoint
            .disconnect(pair.now, peer, Farewell::default());
        pair.run_for(Duration::from_secs(2));
        assert_eq!(
            (
                pair.client.endpoint.machine.slots.used(),
                pair.server.endpoint.machine.slots.used()
            ),
            (0, 0)
        );
        assert!(names.last().expect("one").slot() < slots_max as usize);
    }
    assert_names(&pair.server.events);
    assert_names(&pair.client.events);
}
