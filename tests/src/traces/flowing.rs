//! How much is under way at once: credit of the receiver, window of the network.

use tickwire_core::{ChannelConfig, Delivery, SendError};
use tickwire_sim::ms;

use super::{RELIABLE, assert_trace, defaults, friends, friends_with};

#[test]
fn a_receiver_that_does_not_read_stops_the_sender() {
    let channel = ChannelConfig::new(Delivery::Ordered)
        .message_size_max(1_000)
        .send_queue_bytes_max(2_380)
        .receive_bytes_max(2_380);
    let small = || defaults().channels(vec![channel.clone()]);
    let mut pair = friends_with(small(), small());
    pair.world.set_reading(pair.server, false);
    pair.note("The server's owner looks away.");
    for _ in 0..6 {
        match pair.send_to_server(0, &[7; 1_000]) {
            Ok(_) => {}
            Err(refused) => {
                assert_eq!(refused, SendError::QueueFull);
                pair.note("The client's send refuses: the queue is full.");
            }
        }
        pair.run_for(ms(100));
    }
    pair.note("The server's owner looks again.");
    pair.world.set_reading(pair.server, true);
    pair.run_for(ms(500));
    assert_trace!(pair);
}

#[test]
fn a_new_connection_sends_ten_packets_and_then_waits_for_word() {
    let mut pair = friends();
    pair.send_to_server(RELIABLE, &[7; 30_000]).expect("room");
    pair.run_for(ms(49));
    assert_trace!(pair);
}

#[test]
fn credit_is_given_anew_once_a_quarter_is_used() {
    let mut pair = friends();
    pair.note(
        "The client sends 30,000 bytes each second; of 262,144 that the server gives credit for:",
    );
    for _ in 0..8 {
        pair.send_to_server(RELIABLE, &[7; 30_000]).expect("room");
        pair.run_for(ms(1_000));
    }
    assert_trace!(pair, "Credit");
}
