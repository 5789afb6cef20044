//! How connections end.

use tickwire_core::{Config, Farewell};
use tickwire_sim::ms;

use super::{RELIABLE, assert_trace, defaults, friends, friends_with, link};

#[test]
fn a_goodbye_tells_the_other_side_why() {
    let mut pair = friends();
    pair.disconnect_client(Farewell::new(4, "going to bed"));
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn what_is_queued_is_delivered_before_the_goodbye() {
    let mut pair = friends().link_to_server(link().drop_nth([0]));
    pair.send_to_server(RELIABLE, b"one last thing")
        .expect("room");
    pair.disconnect_client(Farewell::new(0, "bye"));
    pair.run_for(ms(1_000));
    assert_trace!(pair);
}

#[test]
fn a_lost_goodbye_is_said_again() {
    let mut pair = friends().link_to_server(link().drop_nth([0]));
    pair.disconnect_client(Farewell::new(0, "bye"));
    pair.run_for(ms(3_000));
    assert_trace!(pair);
}

#[test]
fn both_sides_may_say_goodbye_at_once() {
    let mut pair = friends();
    pair.disconnect_client(Farewell::new(1, "I leave"));
    pair.disconnect_server(Farewell::new(2, "I close"));
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn a_restarted_server_ends_the_connections_of_its_former_life() {
    let identity = tickwire_core::SecretKey::from_bytes([5; 32]);
    let server = || defaults().accepts(true).identity(Some(identity.clone()));
    let mut pair = friends_with(defaults(), server());
    pair.note("The server crashes and starts again.");
    let config = server().build().expect("a valid configuration");
    pair.world.restart(pair.server, config);
    pair.send_to_server(RELIABLE, b"are you there?")
        .expect("room");
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn a_client_that_comes_again_replaces_its_former_self() {
    let mut pair = friends();
    pair.note("The client crashes and starts again.");
    pair.world.restart(pair.client, Config::default());
    pair.dial();
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn a_message_that_cannot_be_delivered_ends_the_connection() {
    let hasty = || {
        defaults()
            .delivery_timeout(ms(1_000))
            .keepalive_interval(ms(2_500))
    };
    let mut pair = friends_with(hasty(), hasty()).link_to_server(link().loss(1_000));
    pair.send_to_server(RELIABLE, b"important").expect("room");
    pair.run_for(ms(900));
    pair.send_to_client(0, b"still here").expect("room");
    pair.run_for(ms(90));
    pair.note("The link is whole again, but too late.");
    pair.heal();
    pair.run_for(ms(500));
    assert_trace!(pair);
}
