//! How fast virtual time runs, against the wall clock: two peers that play at 60 Hz, and a server with 64 players at 30
//! Hz, the default of a game, and at 60 Hz.
//!
//! Run it with `cargo run --release -p tickwire-sim --example speed`; `-- pair`, `-- crowd` or `-- crowd-60` plays only one
//! of them.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::{Duration, Instant as WallClock};

use tickwire_core::{ChannelId, Config, PeerId};
use tickwire_sim::{HostId, Link, Pair, World, ms};

const UNRELIABLE: u8 = 0;
const RELIABLE: u8 = 2;
const PLAYERS: usize = 64;
const SENT: &str = "the queue has room";

fn main() {
    let wanted = std::env::args().nth(1);
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let mut is_fast = true;
    if is_wanted("pair") {
        is_fast &= measure("two peers at 60 Hz", 600, 2_000, pair);
    }
    if is_wanted("crowd") {
        is_fast &= measure("64 players at 30 Hz", 20, 20, |s| crowd(s, 30));
    }
    if is_wanted("crowd-60") {
        is_fast &= measure("64 players at 60 Hz", 20, 10, |s| crowd(s, 60));
    }
    if !is_fast {
        std::process::exit(1);
    }
}

/// Prints how many times faster than real time `seconds` of play were, and tells whether it is as often as wanted.
fn measure(name: &str, seconds: u64, ratio_min: u128, play: fn(u64) -> usize) -> bool {
    let session = Duration::from_secs(seconds);
    let start = WallClock::now();
    let heard = play(seconds);
    let wall = start.elapsed();
    let ratio = session.as_nanos() / wall.as_nanos().max(1);
    println!(
        "{name}, {heard} messages heard: {session:?} of play in {wall:.1?}, {ratio} times real time \
         (at least {ratio_min} wanted)"
    );
    ratio >= ratio_min
}

fn tick_length(hz: u64) -> Duration {
    Duration::from_nanos(1_000_000_000 / hz)
}

fn link() -> Link {
    Link::new().latency(ms(25)).jitter(ms(5)).loss(10)
}

/// Both sides tell where they are every tick, and once a second something that must arrive.
fn pair(seconds: u64) -> usize {
    let hz = 60;
    let mut pair = Pair::new(1).link(link()).connect();
    let mut heard = 0;
    for tick in 0..seconds * hz {
        pair.send_to_server(UNRELIABLE, &[1; 24]).expect(SENT);
        pair.send_to_client(UNRELIABLE, &[2; 64]).expect(SENT);
        if tick.is_multiple_of(hz) {
            pair.send_to_server(RELIABLE, &[3; 16]).expect(SENT);
            pair.send_to_client(RELIABLE, &[4; 16]).expect(SENT);
        }
        pair.run_for(tick_length(hz));
        heard += pair.server_messages().len() + pair.client_messages().len();
    }
    heard
}

/// The same with a server that tells every player where all of them are.
fn crowd(seconds: u64, hz: u64) -> usize {
    let mut world = World::new(1);
    let config = Config::builder()
        .accepts(true)
        .peers_max(PLAYERS as u32)
        .build();
    let server = world.add(config.expect("64 players are few"));
    let players: Vec<(HostId, PeerId)> = (0..PLAYERS)
        .map(|_| {
            let player = world.add(Config::default());
            world.link_both(player, server, link());
            (player, world.dial(player, server))
        })
        .collect();
    let everybody = |world: &mut World| world.view(server).peers().count() == PLAYERS;
    assert!(world.run_until(everybody, ms(5_000)), "everybody connects");
    world.run_for(ms(1_000));
    let members: Vec<PeerId> = world.view(server).peers().collect();
    let mut heard = 0;
    for tick in 0..seconds * hz {
        let must_arrive = tick.is_multiple_of(hz);
        for (player, at) in &players {
            say(&mut world, *player, &[*at], &[1; 24], must_arrive);
        }
        say(
            &mut world,
            server,
            &members,
            &[2; 12 * PLAYERS],
            must_arrive,
        );
        world.run_for(tick_length(hz));
        heard += world
            .hosts()
            .map(|host| world.messages(host).len())
            .sum::<usize>();
    }
    heard
}

/// One tick of one host.
fn say(world: &mut World, host: HostId, to: &[PeerId], state: &[u8], must_arrive: bool) {
    world.act(host, |endpoint, now| {
        for peer in to {
            endpoint
                .send(now, *peer, ChannelId::new(UNRELIABLE), state)
                .expect(SENT);
            if must_arrive {
                endpoint
                    .send(now, *peer, ChannelId::new(RELIABLE), &[3; 16])
                    .expect(SENT);
            }
        }
        endpoint.flush(now);
    });
}
