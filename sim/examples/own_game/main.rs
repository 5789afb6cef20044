//! Tests of a game of one's own, over networks that no test room has.
//!
//! `cargo run -p tickwire-sim --example own_game` plays a minute over a bad network;
//! `cargo test -p tickwire-sim --example own_game` runs the tests. docs/TEST-YOUR-GAME.md explains them.

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a game ignores the events that it has no use for"
)]
mod rules;

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::{Config, TickConfig};
use tickwire_sim::{HostId, Link, World, ms};

use self::rules::{Client, Server};

/// A server and its clients in a world.
struct Match {
    world: World,
    server_at: HostId,
    server: Server,
    clients: Vec<(HostId, Client)>,
}

impl Match {
    fn new(seed: u64, clients: u64, link: Link) -> Self {
        let tick = TickConfig::new(NonZeroU32::new(30).expect("30 is not 0"));
        let config = |accepts| Config::builder().accepts(accepts).tick(Some(tick)).build();
        let mut world = World::new(seed);
        world.default_link(link);
        let server_at = world.add(config(true).expect("it is in range"));
        let mut join = |_| {
            let at = world.add(config(false).expect("it is in range"));
            world.dial(at, server_at);
            (at, Client::default())
        };
        Self {
            clients: (0..clients).map(&mut join).collect(),
            server: Server::default(),
            server_at,
            world,
        }
    }

    fn play_for(&mut self, duration: Duration) {
        let (server_at, server) = (self.server_at, &mut self.server);
        let clients = &mut self.clients;
        self.world.play_for(duration, |at, event, endpoint, now| {
            // A full queue is refused; this game can do without what does not fit.
            let mut send = |peer, channel, message: &[u8]| {
                let _ = endpoint.send(now, peer, channel, message);
            };
            if at == server_at {
                return server.on_event(event, &mut send);
            }
            let client = clients.iter_mut().find(|(host, _)| *host == at);
            let (_, client) = client.expect("a host is the server or a client");
            client.on_event(event, &mut send);
        });
    }
}

fn lossy_wifi() -> Link {
    Link::new().latency(ms(20)).jitter(ms(15)).loss(50)
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() {
    let mut game = Match::new(7, 3, lossy_wifi());
    game.play_for(Duration::from_secs(60));
    println!(
        "after a minute the server counts {:?}",
        game.server.points()
    );
    for (number, (_, client)) in game.clients.iter().enumerate() {
        println!("client {number} has heard of {:?}", client.points);
    }
    println!("faults: {}", game.world.faults());
}

#[cfg(test)]
mod tests {
    use tickwire_sim::seeds::for_seeds;

    use super::*;

    #[test]
    fn everybody_knows_the_same_score_over_lossy_wifi() {
        for_seeds(0..20, |seed| {
            let mut game = Match::new(seed, 3, lossy_wifi());
            game.play_for(ms(20_000));
            game.world.heal();
            game.play_for(ms(1_000));
            let told = game.server.points();
            assert!(told.values().map(|n| u32::from(*n)).sum::<u32>() > 5);
            // They play on: what is counted from here on may still be under way at the end.
            game.play_for(ms(100));
            let counted = game.server.points();
            for (_, client) in &game.clients {
                for (player, points) in &told {
                    let known = client.points.get(player);
                    assert!(known >= Some(points), "{:?} of {told:?}", client.points);
                    assert!(known <= counted.get(player), "{:?}", client.points);
                }
            }
        });
    }

    #[test]
    fn a_second_without_the_network_costs_nobody_a_point() {
        let mut game = Match::new(1, 2, Link::new().latency(ms(20)));
        game.play_for(ms(5_000));
        let everybody: Vec<HostId> = game.clients.iter().map(|(host, _)| *host).collect();
        game.world.partition(&[game.server_at], &everybody);
        game.play_for(ms(1_000));
        game.world.repair();
        game.play_for(ms(5_000));
        for (_, client) in &game.clients {
            assert_eq!(client.points, game.server.points());
        }
    }
}
