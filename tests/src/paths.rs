//! A connection outlives the address of its client: however often a translator gives out another port or another address,
//! nothing reliable is lost and nobody is disconnected.
//!
//! `TICKWIRE_SEEDS=1000 cargo test --release -p tickwire-tests paths` runs a thousand seeds of each.

use std::time::Duration;

use tickwire_core::{ChannelId, Config, Delivery, Event, PeerId, ServerIdentity};
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{HostId, Link, Nat, NatId, Oracle, Ports, World, ms};

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
    world: World,
    server: HostId,
    client: HostId,
    nat: NatId,
    to_server: PeerId,
    to_client: PeerId,
    up: Oracle,
    down: Oracle,
}

impl Roaming {
    fn new(seed: u64, nat: Nat, link: Link) -> Self {
        let mut world = World::new(seed);
        let accepting = Config::builder().accepts(true).build();
        let server = world.add(accepting.expect("a valid configuration"));
        let client = world.add(Config::default());
        let nat = world.add_nat(nat);
        world.put_behind(client, nat);
        world.link_both(server, client, link);
        let address = world.address(server);
        let dialled = world.act(client, |endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::TrustOnFirstUse)
        });
        let to_server = dialled.expect("a free place");
        let mut to_client = None;
        let is_connected = world.run_until(
            |world| {
                to_client = world.view(server).peers().next();
                to_client.is_some()
            },
            Duration::from_secs(5),
        );
        assert!(is_connected);
        Self {
            world,
            server,
            client,
            nat,
            to_server,
            to_client: to_client.expect("connected"),
            up: Oracle::new(Delivery::Ordered),
            down: Oracle::new(Delivery::Ordered),
        }
    }

    /// One tick of the game on both sides.
    fn tick(&mut self, size: usize) {
        let ordered = ChannelId::new(channel(Delivery::Ordered));
        for (host, peer, oracle) in [
            (self.client, self.to_server, &mut self.up),
            (self.server, self.to_client, &mut self.down),
        ] {
            self.world.act(host, |endpoint, now| {
                let sent = oracle.send(size, |message| endpoint.send(now, peer, ordered, message));
                sent.expect("the queue has room");
                endpoint.flush(now);
            });
        }
        self.world.run_for(TICK);
        self.hear();
    }

    fn hear(&mut self) {
        for (host, oracle) in [(self.server, &mut self.up), (self.client, &mut self.down)] {
            for event in self.world.events(host) {
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
        self.world.run_for(Duration::from_secs(3));
        self.hear();
        self.up.complete().expect("all that the client said");
        self.down.complete().expect("all that the server said");
    }

    fn changes(&self) -> u64 {
        let stats = self.world.view(self.server).peer_stats(self.to_client);
        stats.expect("connected").path_changes
    }
}

fn roam(seed: u64, link: Link, change: impl Fn(&mut World, NatId)) -> Roaming {
    let nat = Nat::new().ports(Ports::Random);
    let mut roaming = Roaming::new(seed, nat, link);
    let per_change = EVERY.as_millis() / TICK.as_millis();
    for tick in 0..TICKS {
        if u128::from(tick) % per_change == per_change - 1 {
            change(&mut roaming.world, roaming.nat);
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
