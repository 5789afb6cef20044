//! What messages look like on their way, and how they are acknowledged.

use tickwire_sim::{Fate, Pair, ms};

use super::{
    ORDERED, RELIABLE, SEQUENCED, UNRELIABLE, assert_trace, defaults, friends, friends_with, link,
};

#[test]
fn the_messages_of_a_tick_share_a_datagram() {
    let mut pair = friends();
    pair.send_to_server(UNRELIABLE, b"at 3,4").expect("room");
    pair.send_to_server(SEQUENCED, b"facing north")
        .expect("room");
    pair.send_to_server(RELIABLE, b"shot").expect("room");
    pair.send_to_server(ORDERED, b"hello all").expect("room");
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_message_that_is_not_flushed_waits_one_millisecond_for_company() {
    let mut pair = friends();
    pair.send_to_server(UNRELIABLE, b"first").expect("room");
    pair.world.run_for(ms(1) / 2);
    pair.send_to_server(UNRELIABLE, b"second").expect("room");
    pair.world.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn an_acknowledgement_rides_with_the_answer() {
    let mut pair = friends();
    pair.send_to_server(RELIABLE, b"question").expect("room");
    pair.run_for(ms(30));
    pair.send_to_client(RELIABLE, b"answer").expect("room");
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn an_acknowledgement_without_company_leaves_after_40_ms() {
    let mut pair = friends();
    pair.send_to_server(RELIABLE, b"shot").expect("room");
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_receipt_tells_that_a_message_has_arrived() {
    let mut pair = friends();
    let peer = pair.server_peer().expect("connected");
    let channel = tickwire_core::ChannelId::new(RELIABLE);
    pair.world.act(pair.client, |endpoint, now| {
        endpoint
            .send_with(
                now,
                peer,
                channel,
                b"bought",
                &tickwire_core::SendOptions::new().receipt(),
            )
            .expect("room")
    });
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_one_way_unreliable_flow_is_acknowledged_twice_a_second() {
    let mut pair = friends();
    pair.note("The server sends 60 datagrams in 2 s; the client answers:");
    for _ in 0..60 {
        pair.send_to_client(UNRELIABLE, &[0; 40]).expect("room");
        pair.run_for(ms(33));
    }
    assert_trace!(pair, "C→S");
}

#[test]
fn a_lost_unreliable_message_stays_lost() {
    let mut pair = friends().link_to_server(link().drop_nth([1]));
    say_three(&mut pair, UNRELIABLE);
    assert_trace!(pair);
}

#[test]
fn a_sequenced_message_that_comes_late_is_dropped() {
    let late = link().schedule([Fate::Deliver, Fate::Delay(50)]);
    let mut pair = friends().link_to_server(late);
    say_three(&mut pair, SEQUENCED);
    assert_trace!(pair);
}

#[test]
fn ordered_messages_wait_for_the_lost_one_before_them() {
    let mut pair = without_copies().link_to_server(link().drop_nth([1]));
    say_three(&mut pair, ORDERED);
    assert_trace!(pair);
}

#[test]
fn reliable_messages_do_not_wait_for_the_lost_one_before_them() {
    let mut pair = without_copies().link_to_server(link().drop_nth([1]));
    say_three(&mut pair, RELIABLE);
    assert_trace!(pair);
}

#[test]
fn a_copy_in_the_next_datagram_makes_up_for_a_lost_one() {
    let mut pair = friends().link_to_server(link().drop_nth([1]));
    say_three(&mut pair, ORDERED);
    assert_trace!(pair);
}

/// Friends whose messages are sent again only when they are lost.
fn without_copies() -> Pair {
    let config = || defaults().redundancy_percent_max(0);
    friends_with(config(), config())
}

/// One message a tick.
fn say_three(pair: &mut Pair, channel: u8) {
    for word in ["one", "two", "three"] {
        pair.send_to_server(channel, word.as_bytes()).expect("room");
        pair.run_for(ms(16));
    }
    pair.run_for(ms(300));
}
