//! The same seed gives the same bytes at the same times: twice in one process, and in every build.

use tickwire_core::Delivery;
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{Link, Pair, ms};

use crate::conversation::{Conversation, Script};

#[test]
fn the_same_seed_gives_the_same_trace() {
    for_seeds(0..50, |seed| assert_eq!(play(seed), play(seed)));
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(play(0).1, play(1).1);
}

/// The number does not depend on the platform or the profile: run this with and without `--release`.
/// It changes with any change of what is sent when, and is then renewed on purpose.
#[test]
fn the_wire_is_the_same_in_every_build() {
    let hashes = [0, 1, 2].map(|seed| format!("{:016x}", play(seed).1));
    insta::assert_snapshot!(hashes.join(" "), @"2ca402c6b209ead1 df60008208e11d21 75b7c31a2262dbfd");
}

/// A handshake and a conversation over a bad network, as text and hash.
fn play(seed: u64) -> (String, u64) {
    let link = Link::new()
        .latency(ms(30))
        .jitter(ms(20))
        .loss(100)
        .duplication(50)
        .corruption(50)
        .reordering(50, ms(40));
    let mut talk = Conversation::new(seed, Delivery::Ordered, link.clone(), link);
    talk.pair = talk.pair.traced();
    let script = Script {
        ticks: 40,
        messages_max: 3,
        size_max: 6_000,
    };
    talk.hold(script).expect("ordered delivery holds");
    (talk.pair.trace().to_owned(), talk.pair.wire_hash())
}

/// Tracing is for people; it must not change what they look at.
#[test]
fn recording_a_trace_does_not_change_the_wire() {
    let hash = |mut pair: Pair| {
        pair.send_to_server(3, b"hello").expect("there is room");
        pair.run_for(ms(500));
        pair.wire_hash()
    };
    assert_eq!(
        hash(Pair::connected(1)),
        hash(Pair::new(1).traced().connect())
    );
}
