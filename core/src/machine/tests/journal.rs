//! The journal tells what happens to messages, and changes nothing.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::checkpoint::{Step as Move, faults, settings, step, take};
use super::link::{Faults, Storm};
use super::pair::{Pair, Side};
use crate::journal::{Entry, Hold, LossCause, Step};
use crate::{ChannelConfig, ChannelId, Config, Delivery, Event};

const RELIABLE: u8 = 2;
const ORDERED: u8 = 3;

fn ch(index: u8) -> ChannelId {
    ChannelId::new(index)
}

fn entries(side: &mut Side) -> Vec<Entry> {
    core::iter::from_fn(|| side.endpoint.poll_journal()).collect()
}

/// What happened, but for what is held back.
fn steps(side: &mut Side) -> Vec<Step> {
    let steps = entries(side).into_iter().map(|entry| entry.step);
    steps
        .filter(|step| !matches!(step, Step::Waits { .. } | Step::PacketsAcked { .. }))
        .collect()
}

/// What holds back what is new, without repetitions.
fn holds(side: &mut Side) -> Vec<Hold> {
    let steps = entries(side).into_iter().map(|entry| entry.step);
    let mut holds: Vec<Hold> = steps
        .filter_map(|step| {
            let Step::Waits { again, hold, .. } = step else {
                return None;
            };
            (!again).then_some(hold)
        })
        .collect();
    holds.dedup();
    holds
}

#[test]
fn a_message_that_is_lost_leaves_again_and_both_are_noted() {
    let mut pair = Pair::connected();
    pair.client.endpoint.set_journal(true);
    pair.client.send(pair.now, ORDERED, b"lost").expect("room");
    pair.client.endpoint.flush(pair.now);
    assert_eq!(pair.client.datagrams(pair.now).len(), 1);
    let first = pair.client.slot().peer.recovery.next_number() - 1;
    pair.run_for(Duration::from_secs(1));

    let (channel, id, part) = (ch(ORDERED), 0, None);
    let left = |packet| Step::Left {
        channel,
        id,
        part,
        packet,
    };
    let queued = Step::Queued {
        channel,
        id,
        len: 4,
    };
    let requeued = Step::Requeued {
        channel,
        id,
        part,
        is_probe: true,
    };
    let lost = Step::PacketLost {
        packet: first,
        cause: LossCause::Late,
    };
    let acked = Step::PieceAcked { channel, id, part };
    let delivered = Step::Delivered { channel, id };
    assert_eq!(
        steps(&mut pair.client),
        [
            queued,
            left(first),
            requeued,
            left(first + 1),
            lost,
            acked,
            delivered
        ]
    );
}

#[test]
fn a_message_that_waits_for_one_before_it_is_noted() {
    let mut pair = Pair::connected();
    pair.server.endpoint.set_journal(true);
    let mut datagrams = Vec::new();
    for text in [b"a", b"b"] {
        pair.client.send(pair.now, ORDERED, text).expect("room");
        pair.client.endpoint.flush(pair.now);
        datagrams.append(&mut pair.client.datagrams(pair.now));
    }
    let second = pair.client.slot().peer.recovery.next_number() - 1;
    let [a, b] = &datagrams[..] else {
        panic!("{} datagrams", datagrams.len())
    };
    pair.server.take(pair.now, pair.client.address, b);
    pair.server.take(pair.now, pair.client.address, a);
    pair.server.poll();

    let channel = ch(ORDERED);
    let arrived = |id, packet| Step::Arrived {
        channel,
        name: Some(id),
        offset: 0,
        total: 1,
        len: 1,
        packet: Some(packet),
    };
    let ready = |id| Step::Ready {
        channel,
        id: Some(id),
    };
    let held = Step::Held {
        channel,
        id: 1,
        missing: 0,
    };
    let out = Step::HandedOut { channel };
    assert_eq!(
        steps(&mut pair.server),
        [
            arrived(1, second),
            held,
            arrived(0, second - 1),
            ready(0),
            ready(1),
            out,
            out
        ]
    );
}

#[test]
fn what_holds_a_message_back_is_noted() {
    let small = ChannelConfig::new(Delivery::Ordered)
        .message_size_max(2_000)
        .receive_bytes_max(4_096);
    let config = || Config::builder().channels(vec![small.clone()]);
    let mut pair = Pair::connected_with(config(), config());
    pair.client.endpoint.set_journal(true);
    for _ in 0..40 {
        pair.client.send(pair.now, 0, &[7; 1_000]).expect("room");
    }
    let until = pair.now + pair.client.endpoint.config().coalesce_delay;
    assert_eq!(holds(&mut pair.client), [Hold::Tick { until }]);
    pair.client.endpoint.flush(pair.now);
    assert_eq!(holds(&mut pair.client), [Hold::Due]);
    let _ = pair.client.datagrams(pair.now);
    let holds_then = holds(&mut pair.client);
    assert_eq!(holds_then.last(), Some(&Hold::ChannelCredit));

    let mut pair = Pair::connected();
    pair.client.endpoint.set_journal(true);
    for _ in 0..40 {
        let sent = pair.client.send(pair.now, RELIABLE, &[7; 1_000]);
        sent.expect("room");
    }
    pair.client.endpoint.flush(pair.now);
    let _ = pair.client.datagrams(pair.now);
    assert_eq!(holds(&mut pair.client).last(), Some(&Hold::Congestion));
}

#[test]
fn what_is_not_taken_since_too_much_is_unread_is_noted() {
    let server = Config::builder().unread_bytes_max(74_000);
    let mut pair = Pair::connected_with(Config::builder(), server);
    pair.server.endpoint.set_journal(true);
    let mut storm = Storm::new(pair, Faults::default(), 1);
    storm.reads[1] = false;
    for _ in 0..100 {
        let sent = storm
            .pair
            .client
            .send(storm.pair.now, RELIABLE, &[7; 1_000]);
        sent.expect("room");
    }
    storm.run_for(Duration::from_millis(500));
    let steps = steps(&mut storm.pair.server);
    let refused = steps.iter().find_map(|step| {
        let Step::Refused { name, .. } = step else {
            return None;
        };
        *name
    });
    let refused = refused.expect("74,000 bytes are less than was sent");
    let took = |step: &&Step| matches!(step, Step::Arrived { name, .. } if *name == Some(refused));
    assert_eq!(steps.iter().find(took), None, "it was not taken");
    assert!(!steps.contains(&Step::HandedOut {
        channel: ch(RELIABLE)
    }));
}

#[test]
fn a_journal_begins_with_what_is_under_way() {
    let mut pair = Pair::connected();
    let queued_at = pair.now;
    pair.client.send(pair.now, ORDERED, b"a").expect("room");
    pair.client.endpoint.flush(pair.now);
    let lost = pair.client.datagrams(pair.now);
    assert_eq!(lost.len(), 1);
    let packet = pair.client.slot().peer.recovery.next_number() - 1;
    pair.client.send(pair.now, ORDERED, b"b").expect("room");
    pair.client.send(pair.now, RELIABLE, b"c").expect("room");
    pair.client.endpoint.flush(pair.now);
    for datagram in pair.client.datagrams(pair.now) {
        pair.server.take(pair.now, pair.client.address, &datagram);
    }
    pair.now = pair.now + Duration::from_millis(7);
    for side in [&mut pair.client, &mut pair.server] {
        side.endpoint.handle_timeout(pair.now);
        side.endpoint.set_journal(true);
    }

    let of_client = entries(&mut pair.client);
    let (channel, id) = (ch(ORDERED), 0);
    for step in [
        Step::Queued {
            channel,
            id,
            len: 1,
        },
        Step::Left {
            channel,
            id,
            part: None,
            packet,
        },
    ] {
        let found = of_client.iter().find(|entry| entry.step == step);
        assert_eq!(found.map(|entry| entry.at), Some(queued_at), "{step:?}");
    }
    let of_server = steps(&mut pair.server);
    let held = Step::Held {
        channel,
        id: 1,
        missing: 0,
    };
    let ready = Step::Ready {
        channel: ch(RELIABLE),
        id: None,
    };
    assert!(
        of_server.contains(&held) && of_server.contains(&ready),
        "{of_server:?}"
    );
}

/// What both sides were told, and all that went in and came out; and how many messages the journal handed out.
fn run(
    faults: Faults,
    moves: &[Move],
    seed: u64,
    watch_from: Option<usize>,
) -> (Vec<Event>, Vec<u8>, usize) {
    let mut pair = Pair::new(settings(), settings());
    for side in [&mut pair.client, &mut pair.server] {
        side.endpoint.start_recording();
    }
    pair.dial();
    let mut storm = Storm::new(pair, faults, seed);
    for (number, step) in moves.iter().enumerate() {
        if watch_from == Some(number) {
            storm.pair.client.endpoint.set_journal(true);
            storm.pair.server.endpoint.set_journal(true);
        }
        take(&mut storm, step);
    }
    storm.run_for(Duration::from_secs(4));
    let (mut events, mut recordings, mut handed_out) = (Vec::new(), Vec::new(), 0);
    for side in [&mut storm.pair.client, &mut storm.pair.server] {
        let steps = steps(side);
        handed_out += steps
            .iter()
            .filter(|step| matches!(step, Step::HandedOut { .. }))
            .count();
        events.append(&mut side.events);
        side.endpoint.end_recording(&mut recordings);
    }
    (events, recordings, handed_out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 96 }))]
    #[test]
    fn an_endpoint_with_a_journal_does_the_same_to_the_byte(
        faults in faults(),
        moves in prop::collection::vec(step(), 1..60),
        seed: u64,
        moment: prop::sample::Index,
    ) {
        let (events, bytes, _) = run(faults, &moves, seed, None);
        let moment = moment.index(moves.len());
        let (same_events, same_bytes, _) = run(faults, &moves, seed, Some(moment));
        prop_assert!(bytes == same_bytes, "other bytes");
        let (_, bytes_of_all, handed_out) = run(faults, &moves, seed, Some(0));
        prop_assert!(bytes == bytes_of_all, "other bytes");
        let messages = events.iter().filter(|event| matches!(event, Event::Message { .. }));
        prop_assert_eq!(handed_out, messages.count());
        prop_assert_eq!(events, same_events);
    }
}
