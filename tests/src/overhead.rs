//! What a message costs on the wire above its payload, all told: header, frame, tag, and the acknowledgement of
//! what came the other way.

use std::time::Duration;

use tickwire_sim::{Link, Pair, ms};

const UNRELIABLE: u8 = 0;
const RELIABLE: u8 = 2;

#[test]
fn a_small_unreliable_message_costs_at_most_22_bytes() {
    for phase in PHASES {
        let cost = cost_of_a_message(UNRELIABLE, phase);
        assert!(cost.mean_millibytes <= 22_000, "{phase:?} apart: {cost:?}");
        assert!(cost.datagram_bytes_max <= 32, "{phase:?} apart: {cost:?}");
    }
}

#[test]
fn a_small_reliable_message_costs_at_most_25_bytes() {
    for phase in PHASES {
        let cost = cost_of_a_message(RELIABLE, phase);
        assert!(cost.mean_millibytes <= 25_000, "{phase:?} apart: {cost:?}");
        assert!(cost.datagram_bytes_max <= 34, "{phase:?} apart: {cost:?}");
        // Credit given anew does not wait for company.
        assert!(cost.extra_datagrams <= 4, "{phase:?} apart: {cost:?}");
    }
}

/// How long after the client's tick the server's comes.
const PHASES: [Duration; 4] = [ms(0), ms(8), ms(16), ms(25)];

/// Bytes above the payload, of everything that the client sends.
#[derive(Debug)]
struct Cost {
    /// For each message, in thousandths of a byte: datagrams without a message count too.
    mean_millibytes: u64,
    /// Of the one datagram that holds the most: once a second the acknowledgement is exact and longer, and counts
    /// marks of congestion: four bytes.
    datagram_bytes_max: u64,
    /// Datagrams sent beside the messages' own.
    extra_datagrams: u64,
}

/// Both sides send a message at each of 1,000 ticks at 30 Hz.
fn cost_of_a_message(channel: u8, phase: Duration) -> Cost {
    const TICKS: u64 = 1_000;
    let mut pair = Pair::new(1).link(Link::new().latency(ms(25))).connect();
    for _ in 0..30 {
        tick(&mut pair, channel, phase);
    }
    let mut bytes = 0;
    let mut datagrams = 0;
    let mut datagram_bytes_max = 0;
    for _ in 0..TICKS {
        let before = pair.client_stats().expect("connected");
        tick(&mut pair, channel, phase);
        let after = pair.client_stats().expect("connected");
        let overhead = after.bytes_sent - before.bytes_sent - PAYLOAD.len() as u64;
        let sent = after.datagrams_sent - before.datagrams_sent;
        bytes += overhead;
        datagrams += sent;
        if sent == 1 {
            datagram_bytes_max = overhead.max(datagram_bytes_max);
        }
    }
    let cost = Cost {
        mean_millibytes: bytes * 1_000 / TICKS,
        datagram_bytes_max,
        extra_datagrams: datagrams - TICKS,
    };
    eprintln!("channel {channel}, ticks {phase:?} apart: {cost:?}");
    cost
}

const PAYLOAD: [u8; 20] = [7; 20];
const TICK: Duration = Duration::from_micros(33_333);

fn tick(pair: &mut Pair, channel: u8, phase: Duration) {
    pair.send_to_server(channel, &PAYLOAD).expect("room");
    pair.run_for(phase);
    pair.send_to_client(channel, &PAYLOAD).expect("room");
    pair.run_for(TICK - phase);
}
