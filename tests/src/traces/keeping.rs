//! How a connection is kept alive and measured.

use tickwire_sim::ms;

use super::{assert_trace, defaults, friends, friends_with, link, strangers};

#[test]
fn a_silent_connection_is_kept_alive() {
    let mut pair = friends();
    pair.run_for(ms(6_000));
    assert_trace!(pair);
}

#[test]
fn a_ping_is_answered_at_once() {
    let mut pair = friends();
    let peer = pair.server_peer().expect("connected");
    pair.world.act(pair.client, |endpoint, now| {
        endpoint.ping(now, peer).expect("connected");
    });
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_probe_finds_an_endpoint_without_connecting() {
    let mut pair = strangers();
    let server = pair.world.address(pair.server);
    pair.world
        .act(pair.client, |endpoint, now| endpoint.probe(now, server));
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_dead_link_ends_the_connection_after_the_idle_timeout() {
    let hasty = || {
        defaults()
            .idle_timeout(ms(2_000))
            .keepalive_interval(ms(1_000))
    };
    let mut pair = friends_with(hasty(), hasty()).link(link().loss(1_000));
    pair.run_for(ms(5_000));
    assert_trace!(pair);
}
