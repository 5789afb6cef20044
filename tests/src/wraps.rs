//! Numbers that wrap on the wire, and numbers that end.
//!
//! The swarm begins near the wraps of packet numbers and message ids in half of its seeds (feature `planted`). Here are those that it
//! is too short for: a wrap several times over, and the end of packet numbers.

use std::time::Duration;

use tickwire_core::{Config, CongestionControl, SendError};
use tickwire_sim::{Link, Pair, ms};

const SEQUENCED: u8 = 1;
const RELIABLE: u8 = 2;
const ORDERED: u8 = 3;

/// Message ids have 16 bits on the wire: three whole wraps, and some.
const MESSAGES: u32 = 3 * 65_536 + 1_000;
/// In a tick.
const TOGETHER: u32 = 100;

fn quick() -> Config {
    let rate = std::num::NonZeroU64::new(4_000_000).expect("not 0");
    let config = Config::builder().congestion(CongestionControl::Fixed {
        bytes_per_second: rate,
    });
    config.accepts(true).build().expect("a valid configuration")
}

/// What the server hears on a channel of `MESSAGES` messages, each with its number, at 20 % loss and with reordering.
fn heard(channel: u8) -> Vec<u32> {
    let link = Link::new()
        .latency(ms(10))
        .loss(200)
        .reordering(200, ms(15));
    let mut pair = Pair::with_configs(65, quick(), quick())
        .link(link)
        .connect();
    let mut heard = Vec::new();
    let mut next = 0;
    while next < MESSAGES {
        for _ in 0..TOGETHER.min(MESSAGES - next) {
            match pair.send_to_server(channel, &next.to_be_bytes()) {
                Ok(_) => next += 1,
                Err(SendError::QueueFull) => break,
                Err(error) => panic!("{error}"),
            }
        }
        pair.flush();
        pair.run_for(ms(16));
        heard.extend(numbers(&mut pair));
    }
    pair.heal();
    pair.run_for(Duration::from_secs(10));
    heard.extend(numbers(&mut pair));
    heard
}

fn numbers(pair: &mut Pair) -> Vec<u32> {
    let messages = pair.server_messages().into_iter();
    let number = |payload: &[u8]| u32::from_be_bytes(payload.try_into().expect("four bytes"));
    messages.map(|message| number(&message.payload)).collect()
}

#[test]
fn ordered_messages_stay_in_order_over_three_wraps_of_their_ids() {
    let heard = heard(ORDERED);
    let wrong = heard.iter().zip(0..).find(|(heard, said)| *heard != said);
    assert_eq!((wrong, heard.len()), (None, MESSAGES as usize));
}

#[test]
fn reliable_messages_come_once_over_three_wraps_of_their_ids() {
    let mut heard = heard(RELIABLE);
    heard.sort_unstable();
    let wrong = heard.iter().zip(0..).find(|(heard, said)| *heard != said);
    assert_eq!((wrong, heard.len()), (None, MESSAGES as usize));
}

#[test]
fn sequenced_messages_never_go_back_over_three_wraps_of_their_ids() {
    let heard = heard(SEQUENCED);
    assert!(heard.is_sorted_by(|one, other| one < other));
    // Of those of a tick the last one counts; it arrives in four of five ticks, and behind every wrap.
    for wrap in 0..=3 {
        let behind = heard
            .iter()
            .filter(|number| **number / 65_536 == wrap)
            .count();
        let ticks = if wrap < 3 { 65_536 / 100 } else { 10 };
        assert!(behind > ticks / 2, "{behind} behind wrap {wrap}");
    }
}

/// Packet numbers are below 2^62: a thousand before, the connection ends, and both sides learn why.
#[cfg(feature = "planted")]
#[test]
fn packet_numbers_end_with_the_connection_and_not_with_a_second_use() {
    use tickwire_core::{CloseReason, Event};
    let near = |accepts| {
        let config = Config::builder()
            .accepts(accepts)
            .first_numbers((1 << 62) - 1_500, 0);
        config.build().expect("a valid configuration")
    };
    let link = Link::new().latency(ms(10));
    let mut pair = Pair::with_configs(62, near(false), near(true))
        .link(link)
        .connect();
    let mut said = 0;
    while pair.send_to_server(ORDERED, b"move").is_ok() {
        said += 1;
        pair.flush();
        pair.run_for(ms(16));
        assert!(said < 2_000, "it never ends");
    }
    pair.run_for(Duration::from_secs(2));
    assert!(said > 400, "{said} messages");
    for events in [pair.client_events(), pair.server_events()] {
        let ends: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Disconnected { reason, .. } => Some(reason.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(ends, [CloseReason::Exhausted]);
    }
}
