//! How two endpoints meet.

use tickwire_core::ServerIdentity;
use tickwire_sim::{Fate, ms};

use super::{assert_trace, defaults, link, strangers, strangers_with};

#[test]
fn a_known_server_is_joined_in_one_round_trip() {
    let mut pair = strangers().connect();
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn an_unknown_server_tells_its_key_on_first_use() {
    let mut pair = strangers();
    pair.dial_as(ServerIdentity::TrustOnFirstUse);
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_loaded_server_is_joined_in_two_round_trips() {
    let mut pair = strangers_with(defaults(), defaults().unproven_max(0)).connect();
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_lost_hello_is_sent_again_after_50_ms() {
    let mut pair = strangers().link_to_server(link().drop_nth([0])).connect();
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_lost_welcome_is_given_again_to_the_same_hello() {
    let mut pair = strangers().link_to_client(link().drop_nth([0])).connect();
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_duplicated_hello_makes_one_connection() {
    let duplicated = link().schedule([Fate::Duplicate]);
    let mut pair = strangers().link_to_server(duplicated).connect();
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_hello_that_comes_late_does_not_disturb_the_connection() {
    let late = link().schedule([Fate::Delay(150)]);
    let mut pair = strangers().link_to_server(late).connect();
    pair.run_for(ms(300));
    assert_trace!(pair);
}

#[test]
fn a_refusal_of_a_damaged_hello_is_not_believed() {
    let damaged = link().schedule([Fate::Corrupt { bit: 300 }]);
    let mut pair = strangers().link_to_server(damaged).connect();
    pair.run_for(ms(100));
    assert_trace!(pair);
}

#[test]
fn a_client_whose_first_packet_is_lost_is_accepted_with_the_next() {
    let mut pair = strangers().link_to_server(link().drop_nth([1])).connect();
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_client_knocks_faster_at_first_and_then_gives_up() {
    let impatient = defaults().handshake_timeout(ms(2_000));
    let mut pair = strangers_with(impatient, defaults()).link(link().loss(1_000));
    pair.dial();
    pair.run_for(ms(5_000));
    assert_trace!(pair);
}
