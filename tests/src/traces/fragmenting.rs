//! Messages that are larger than a datagram.

use tickwire_core::{ChannelConfig, Config, Delivery};
use tickwire_sim::ms;

use super::{ORDERED, RELIABLE, UNRELIABLE, assert_trace, friends, friends_with, link};

#[test]
fn a_large_message_crosses_in_fragments() {
    let mut pair = friends();
    pair.send_to_server(RELIABLE, &[7; 4_000]).expect("room");
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn only_the_lost_fragment_is_sent_again() {
    let mut pair = friends().link_to_server(link().drop_nth([1]));
    pair.send_to_server(RELIABLE, &[7; 4_000]).expect("room");
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn an_unreliable_message_dies_with_its_fragment() {
    let mut pair = friends().link_to_server(link().drop_nth([1]));
    pair.send_to_server(UNRELIABLE, &[7; 3_000]).expect("room");
    pair.run_for(ms(100));
    pair.send_to_server(UNRELIABLE, b"the next one lives")
        .expect("room");
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn a_parity_brings_the_lost_fragment_of_an_unreliable_message_back() {
    let config = || {
        let channel = ChannelConfig::new(Delivery::Unreliable).parity(4);
        Config::builder().channels(vec![channel])
    };
    let mut pair = friends_with(config(), config()).link_to_server(link().drop_nth([1]));
    pair.send_to_server(UNRELIABLE, &[7; 3_000]).expect("room");
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn the_last_fragment_shares_its_datagram_with_the_next_message() {
    let mut pair = friends();
    pair.send_to_server(ORDERED, &[7; 1_500]).expect("room");
    pair.send_to_server(ORDERED, b"and then").expect("room");
    pair.run_for(ms(200));
    assert_trace!(pair);
}
