//! What a message costs on the wire above its payload, all told: header, frame, tag, and the acknowledgement of
//! what came the other way.

use tickwire_sim::{Link, Pair, ms};

const UNRELIABLE: u8 = 0;
const RELIABLE: u8 = 2;

#[test]
fn a_small_unreliable_message_costs_at_most_22_bytes() {
    let cost = cost_of_a_message(UNRELIABLE);
    assert!(cost <= 22, "{cost} bytes");
}

#[test]
fn a_small_reliable_message_costs_at_most_25_bytes() {
    let cost = cost_of_a_message(RELIABLE);
    assert!(cost <= 25, "{cost} bytes");
}

/// Bytes above the payload that each message costs when both sides send one a tick, rounded up. Everything
/// the client sends counts, in messages' datagrams or beside them.
fn cost_of_a_message(channel: u8) -> u64 {
    const PAYLOAD: [u8; 20] = [7; 20];
    const TICKS: u64 = 1_000;
    let mut pair = Pair::new(1).link(Link::new().latency(ms(5))).connect();
    let tick = |pair: &mut Pair| {
        pair.send_to_server(channel, &PAYLOAD).expect("room");
        pair.send_to_client(channel, &PAYLOAD).expect("room");
        pair.run_for(ms(33));
    };
    for _ in 0..30 {
        tick(&mut pair);
    }
    let before = pair.client_stats().expect("connected").bytes_sent;
    for _ in 0..TICKS {
        tick(&mut pair);
    }
    let bytes = pair.client_stats().expect("connected").bytes_sent - before;
    (bytes - TICKS * PAYLOAD.len() as u64).div_ceil(TICKS)
}
