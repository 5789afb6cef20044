//! How loss is found and repaired.

use tickwire_sim::{Fate, Link, ms};

use super::{RELIABLE, assert_trace, defaults, friends, friends_over, friends_with, link};

#[test]
fn three_packets_behind_a_gap_show_that_one_is_lost() {
    let far = || Link::new().latency(ms(200));
    let mut pair = friends_over(far()).link_to_server(far().drop_nth([0]));
    for word in ["lost", "one", "two", "three", "four"] {
        pair.send_to_server(RELIABLE, word.as_bytes())
            .expect("room");
        pair.run_for(ms(2));
    }
    pair.run_for(ms(700));
    assert_trace!(pair);
}

#[test]
fn a_lost_last_message_is_probed_for() {
    let mut pair = friends().link_to_server(link().drop_nth([0]));
    pair.send_to_server(RELIABLE, b"last words").expect("room");
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn probes_back_off_while_the_link_is_cut() {
    let quiet = || defaults().keepalive_interval(ms(5_000));
    let mut pair = friends_with(quiet(), quiet()).link_to_server(link().loss(1_000));
    pair.send_to_server(RELIABLE, b"anybody?").expect("room");
    pair.run_for(ms(3_500));
    pair.note("The link is whole again.");
    pair.heal();
    pair.run_for(ms(1_000));
    assert_trace!(pair);
}

#[test]
fn lost_credit_comes_again_with_the_probe() {
    let config = || {
        let config = defaults().connection_bytes_max(80 * 1024);
        config.redundancy_percent_max(0)
    };
    let mut pair = friends_with(config(), config());
    for _ in 0..3 {
        pair.send_to_server(RELIABLE, &[7; 10_000]).expect("room");
        pair.run_for(ms(60));
    }
    // The fourth from here gives credit, and is lost with it.
    let mut pair = pair.link_to_client(link().drop_nth([3]));
    pair.send_to_server(RELIABLE, &[7; 10_000]).expect("room");
    pair.run_for(ms(1_000));
    assert_trace!(pair, "Credit");
}

#[test]
fn a_lost_acknowledgement_does_not_deliver_twice() {
    let mut pair = friends().link_to_client(link().drop_nth([0]));
    pair.send_to_server(RELIABLE, b"once").expect("room");
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn a_duplicated_packet_is_delivered_once() {
    let mut pair = friends().link_to_server(link().schedule([Fate::Duplicate]));
    pair.send_to_server(RELIABLE, b"once").expect("room");
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_damaged_packet_counts_as_lost() {
    let damaged = link().schedule([Fate::Corrupt { bit: 100 }]);
    let mut pair = friends().link_to_server(damaged);
    pair.send_to_server(RELIABLE, b"whole").expect("room");
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn a_packet_that_is_only_late_is_not_delivered_again() {
    let late = link().schedule([Fate::Delay(40)]);
    let mut pair = friends().link_to_server(late);
    for word in ["late", "one", "two", "three"] {
        pair.send_to_server(RELIABLE, word.as_bytes())
            .expect("room");
        pair.run_for(ms(2));
    }
    pair.run_for(ms(200));
    assert_trace!(pair);
}
