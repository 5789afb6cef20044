//! How servers are found on the LAN.

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{AnnounceConfig, Config, DiscoveryQuery};
use tickwire_sim::{HostId, Link, World, ms};

use super::assert_trace;

#[test]
fn a_broadcast_finds_every_server() {
    let (mut world, seeker) = lan(&["arena", "garden"]);
    seek(&mut world, seeker, "255.255.255.255:8081");
    assert_trace!(world);
}

#[test]
fn a_multicast_group_finds_servers_too() {
    let (mut world, seeker) = lan(&["arena"]);
    seek(&mut world, seeker, "224.0.0.1:8081");
    assert_trace!(world);
}

#[test]
fn the_game_port_answers_as_well() {
    let (mut world, seeker) = lan(&["arena"]);
    seek(&mut world, seeker, "10.0.0.2:7000");
    assert_trace!(world);
}

#[test]
fn a_lost_question_is_asked_again() {
    let (mut world, seeker) = lan(&["arena"]);
    let server = world.hosts().nth(1).expect("one server");
    world.link(seeker, server, Link::new().latency(ms(2)).drop_nth([0]));
    seek_for(&mut world, seeker, "10.0.0.2:8081", ms(1_000));
    assert_trace!(world);
}

#[test]
fn an_answer_tells_how_many_play() {
    let (mut world, seeker) = lan(&["arena"]);
    let server = world.hosts().nth(1).expect("one server");
    world.endpoint(server).set_players(5);
    seek(&mut world, seeker, "255.255.255.255:8081");
    assert_trace!(world);
}

#[test]
fn nobody_answers_where_no_server_is() {
    let (mut world, seeker) = lan(&[]);
    seek_for(&mut world, seeker, "255.255.255.255:8081", ms(3_000));
    assert_trace!(world);
}

/// A seeker and these servers, 2 ms apart, recorded.
fn lan(names: &[&str]) -> (World, HostId) {
    let mut world = World::new(1);
    world.default_link(Link::new().latency(ms(2)));
    let seeker = world.add(Config::default());
    for name in names {
        let announce = AnnounceConfig {
            name: (*name).to_owned(),
            port: World::GAME_PORT,
            players_max: 8,
            interval: None,
        };
        let config = Config::builder().accepts(true).announce(Some(announce));
        world.add(config.build().expect("a valid configuration"));
    }
    world.record_trace();
    (world, seeker)
}

/// Asks there once.
fn seek(world: &mut World, seeker: HostId, target: &str) {
    seek_for(world, seeker, target, ms(150));
}

fn seek_for(world: &mut World, seeker: HostId, target: &str, timeout: Duration) {
    let target: SocketAddr = target.parse().expect("an address");
    let query = DiscoveryQuery {
        targets: vec![target],
        timeout,
    };
    world
        .act(seeker, |endpoint, now| endpoint.discover(now, query))
        .expect("no query is under way");
    world.run_for(timeout);
}
