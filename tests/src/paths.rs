//! A connection outlives the address of its client: however often a translator gives out another port or another address,
//! nothing reliable is lost and nobody is disconnected.
//!
//! `TICKWIRE_SEEDS=1000 cargo test --release -p tickwire-tests paths` runs a thousand seeds of each.

use std::time::Duration;

use tickwire_core::{Delivery, Event};
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{Link, Nat, NatId, Oracle, Pair, Ports, World, ms};

use crate::conversation::channel;

/// Seeds of the usual run.
const SEEDS: u64 = 40;
/// How often a translator changes its mind.
const EVERY: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(20);
const TICKS: u32 = 300;
/// Round trip 50 ms.
const LATENCY: Duration = Duration::from_millis(25);

/// A client behind a translator talks with a server, both ways.
struct Roaming {
    pair: Pair,
    nat: NatId,
    up: Oracle,
    down: Oracle,
}

impl Roaming {
    fn new(seed: u64, nat: Nat, link: Link) -> Self {
        let mut pair = Pair::new(seed).link(link);
        let nat = pair.world.add_nat(nat);
        pair.world.put_behind(pair.client, nat);
        Self {
            pair: pair.connect(),
            nat,
            up: Oracle::new(Delivery::Ordered),
            down: Oracle::new(Delivery::Ordered),
        }
    }

    /// One tick of the game on both sides.
    fn tick(&mut self, size: usize) {
        let (ordered, pair) = (channel(Delivery::Ordered), &mut self.pair);
        let sent = self
            .up
            .send(size, |message| pair.send_to_server(ordered, message));
        sent.expect("the queue has room");
        let sent = self
            .down
            .send(size, |message| pair.send_to_client(ordered, message));
        sent.expect("the queue has room");
        pair.run_for(TICK);
        self.hear();
    }

    fn hear(&mut self) {
        let heard = [self.pair.server_events(), self.pair.client_events()];
        for (events, oracle) in heard.into_iter().zip([&mut self.up, &mut self.down]) {
            for event in events {
                if let Event::Message { payload, .. } = &event {
                    oracle.on_received(payload).expect("once and in order");
                }
                if let Event::Disconnected { reason, .. } = event {
                    panic!("disconnected: {reason}");
                }
            }
        }
    }

    /// All is delivered once there is time.
    fn assert_complete(&mut self) {
        self.pair.run_for(Duration::from_secs(3));
        self.hear();
        self.up.complete().expect("all that the client said");
        self.down.complete().expect("all that the server said");
    }

    fn changes(&self) -> u64 {
        let stats = self.pair.server_stats();
        stats.expect("connected").path_changes
    }
}

fn roam(seed: u64, link: Link, change: impl Fn(&mut World, NatId)) -> Roaming {
    let nat = Nat::new().ports(Ports::Random);
    let mut roaming = Roaming::new(seed, nat, link);
    let per_change = EVERY.as_millis() / TICK.as_millis();
    for tick in 0..TICKS {
        if u128::from(tick) % per_change == per_change - 1 {
            change(&mut roaming.pair.world, roaming.nat);
        }
        roaming.tick(8 + tick as usize % 200);
    }
    roaming.assert_complete();
    roaming
}

#[test]
fn nothing_reliable_is_lost_while_the_port_changes_every_500_ms() {
    for_seeds(usually(SEEDS), |seed| {
        let roaming = roam(seed, Link::new().latency(LATENCY), World::rebind_nat);
        assert!(roaming.changes() >= 11, "{} changes", roaming.changes());
    });
}

#[test]
fn nothing_reliable_is_lost_while_the_address_changes_every_500_ms() {
    for_seeds(usually(SEEDS), |seed| {
        let roaming = roam(seed, Link::new().latency(LATENCY), World::renumber_nat);
        assert!(roaming.changes() >= 11, "{} changes", roaming.changes());
    });
}

#[test]
fn nothing_reliable_is_lost_while_the_address_changes_on_a_bad_network() {
    for_seeds(usually(SEEDS), |seed| {
        let link = Link::new().latency(LATENCY).jitter(ms(10));
        let link = link.loss(50).duplication(20).reordering(50, ms(40));
        let roaming = roam(seed, link, World::renumber_nat);
        assert!(roaming.changes() >= 9, "{} changes", roaming.changes());
    });
}
