//! What is told of random conversations over bad paths adds up, and agrees with what the owners were told.

use tickwire_core::{ChannelId, Event};

use super::super::{Answer, Cause, Direction, End};
use super::{RECEIPT, ask};
use crate::seeds::for_seeds;
use crate::{Link, Pair, Rng, ms};

/// A random conversation over a bad path, recorded from somewhere in the midst of it. Returns both recordings, and what the
/// owners were told.
fn conversation(seed: u64) -> [(Vec<u8>, Vec<Event>); 2] {
    let path = Link::new().latency(ms(20)).jitter(ms(15));
    let pair = Pair::new(seed).link(path.clone()).connect();
    let mut rng = pair.world.fork_rng("conversation");
    let loss = u16::try_from(rng.below(250)).expect("small");
    let mut pair = pair.link(path.loss(loss).duplication(20));
    let (acts, record_at) = (1 + rng.below(80), rng.below(40));
    for number in 0..=acts {
        if number == record_at.min(acts) {
            pair.world.start_recording(pair.client);
            pair.world.start_recording(pair.server);
        }
        act(&mut pair, &mut rng);
    }
    pair.run_for(ms(600));
    [pair.client, pair.server].map(|host| {
        let events = pair.world.events(host);
        (pair.world.end_recording(host), events)
    })
}

fn act(pair: &mut Pair, rng: &mut Rng) {
    let hosts = [pair.client, pair.server];
    match rng.below(16) {
        0..8 => send(pair, rng),
        8..14 => pair.run_for(ms(rng.below(80))),
        14 => {
            let (host, reads) = (rng.below(2), rng.below(2) == 0);
            pair.world.set_reading(hosts[usize::from(host == 0)], reads);
        }
        _ => {
            pair.world.partition(&hosts[..1], &hosts[1..]);
            pair.run_for(ms(50 + rng.below(350)));
            pair.world.repair();
        }
    }
}

fn send(pair: &mut Pair, rng: &mut Rng) {
    let (host, peer) = if rng.below(2) == 0 {
        (pair.client, pair.server_peer())
    } else {
        (pair.server, pair.client_peer())
    };
    let channel = u8::try_from(rng.below(4)).expect("small");
    let len = usize::try_from(rng.below(6_000)).expect("small");
    let peer = peer.expect("connected");
    pair.world.act(host, |endpoint, now| {
        // A full queue, and a connection that is over, are part of it.
        let _ = endpoint.send_with(now, peer, ChannelId::new(channel), &vec![7; len], &RECEIPT);
    });
}

#[test]
fn what_is_told_adds_up_whatever_happened() {
    let (mut receipts, mut ends) = (0, std::collections::BTreeSet::new());
    for_seeds(0..150, |seed| {
        for (recording, events) in conversation(seed) {
            let answer = ask(recording, "late:100000");
            receipts += compare(&answer, &events);
            ends.extend(
                answer
                    .explanations
                    .iter()
                    .map(|told| format!("{:?}", told.end)),
            );
        }
    });
    let is_one = std::env::var_os("TICKWIRE_SEED").is_some();
    assert!(is_one || receipts > 300, "{receipts} were acknowledged");
    assert!(is_one || ends.len() >= 6, "{ends:?}");
}

/// What owners were told is what is explained. Returns the number of receipts that were compared.
fn compare(answer: &Answer, events: &[Event]) -> usize {
    let told = |direction, end| {
        let all = answer.explanations.iter();
        all.filter(move |told| (told.direction, told.end) == (direction, end))
    };
    let mut receipts = 0;
    for told in told(Direction::Sent, End::Acknowledged) {
        let after = events.iter().find_map(|event| match event {
            Event::Delivered {
                channel,
                message,
                after,
                ..
            } => ((*channel, message.number()) == (told.channel, told.id)).then_some(*after),
            _ => None,
        });
        if let Some(after) = after {
            assert_eq!(told.total(), after, "{told}");
            receipts += 1;
        }
    }
    let messages = events
        .iter()
        .filter(|event| matches!(event, Event::Message { .. }));
    assert!(told(Direction::Received, End::HandedOut).count() <= messages.count());
    for told in &answer.explanations {
        let is_early = told.began_at < told.origin;
        assert_eq!(
            told.causes().contains_key(&Cause::Unknown),
            is_early,
            "{told}"
        );
    }
    receipts
}
