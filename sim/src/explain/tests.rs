//! Messages with a known fate are explained by it, and what is told adds up.

mod conversations;

use std::time::Duration;

use tickwire_core::{ChannelConfig, ChannelId, Config, Delivery, Event, Instant, SendOptions};

use super::{Answer, Cause, Direction, End, Explanation, Question};
use crate::{Fate, Link, Pair, Recording, Replay, ms};

const RECEIPT: SendOptions = SendOptions::new().receipt();

const SEQUENCED: u8 = 1;
const RELIABLE: u8 = 2;
const ORDERED: u8 = 3;

/// A pair 25 ms apart whose both sides are recorded, and from then on another link to the server.
fn pair(then: impl FnOnce(Link) -> Link) -> Pair {
    pair_with(Config::default(), then)
}

fn pair_with(client: Config, then: impl FnOnce(Link) -> Link) -> Pair {
    let server = Config::builder()
        .accepts(true)
        .channels(client.channels().to_vec());
    let mut pair = Pair::with_configs(7, client, server.build().expect("valid"));
    pair.world.record(pair.client);
    pair.world.record(pair.server);
    let path = Link::new().latency(ms(25));
    let mut pair = pair.link(path.clone()).connect();
    pair.run_for(ms(500));
    pair.link_to_server(then(path))
}

fn ask(recording: Vec<u8>, question: &str) -> Answer {
    let recording = Recording::read(recording).expect("whole");
    let question: Question = question.parse().expect("a question");
    let (report, answer) = Replay::new(&recording).explain(&question);
    assert!(report.is_identical());
    assert_eq!(
        report,
        Replay::new(&recording).run(),
        "to explain changes nothing"
    );
    answer.explanations.iter().for_each(check);
    answer
}

/// What must be true of every explanation.
fn check(explanation: &Explanation) {
    let mut at = explanation.began_at;
    for span in &explanation.spans {
        assert_eq!(span.from, at, "{explanation}");
        assert!(span.to > span.from, "{explanation}");
        at = span.to;
    }
    assert_eq!(at, explanation.ended_at, "{explanation}");
    let sum: Duration = explanation.causes().into_values().sum();
    assert_eq!(sum, explanation.total(), "{explanation}");
    assert!(
        explanation.moments.is_sorted_by_key(|moment| moment.at),
        "{explanation}"
    );
}

fn one(recording: Vec<u8>, question: &str) -> Explanation {
    let answer = ask(recording, question);
    let [explanation] = &answer.explanations[..] else {
        panic!("{question}: {} messages", answer.explanations.len())
    };
    explanation.clone()
}

fn of_client(pair: &mut Pair, question: &str) -> Explanation {
    one(pair.world.end_recording(pair.client), question)
}

fn of_server(pair: &mut Pair, question: &str) -> Explanation {
    one(pair.world.end_recording(pair.server), question)
}

/// The causes with their milliseconds, rounded.
fn millis(explanation: &Explanation) -> Vec<(Cause, u64)> {
    let causes = explanation.causes().into_iter();
    causes
        .map(|(cause, time)| {
            (
                cause,
                u64::try_from((time.as_micros() + 500) / 1_000).expect("short"),
            )
        })
        .collect()
}

fn time_of(explanation: &Explanation, cause: Cause) -> Duration {
    explanation
        .causes()
        .get(&cause)
        .copied()
        .unwrap_or_default()
}

#[test]
fn a_message_that_was_lost_once_says_when_and_until_when() {
    let mut pair = pair(|link| link.schedule([Fate::Drop]));
    let sent_at = pair.world.clock(pair.client);
    pair.send_to_server(ORDERED, b"lost").expect("room");
    pair.run_for(ms(1_000));
    let lost = of_client(&mut pair, "sent:3.0");
    assert_eq!(
        (lost.began_at, lost.end),
        (sent_at, End::Acknowledged),
        "{lost}"
    );
    // Found out by a probe: 50 ms of round trip, 40 ms in which the peer may hold an acknowledgement, and the deviation.
    let found = time_of(&lost, Cause::Loss);
    assert!((ms(90)..ms(160)).contains(&found), "{lost}");
    let network = time_of(&lost, Cause::Network);
    assert!((ms(50)..=ms(90)).contains(&network), "{lost}");
    assert_eq!(found + network, lost.total(), "{lost}");
    let text = lost.to_string();
    assert!(
        text.contains("no answer came: it is to leave again"),
        "{text}"
    );
    assert!(text.contains("it leaves again in packet "), "{text}");
}

#[test]
fn a_loss_that_later_packets_show_names_the_packet() {
    let mut pair = pair(|link| link.schedule([Fate::Drop]));
    for _ in 0..6 {
        pair.send_to_server(RELIABLE, b"one of six").expect("room");
        pair.run_for(ms(1));
    }
    pair.run_for(ms(1_000));
    let lost = of_client(&mut pair, "sent:2.0");
    let found = time_of(&lost, Cause::Loss);
    assert!((ms(50)..ms(56)).contains(&found), "{lost}");
    assert!(
        lost.to_string()
            .contains("is lost with it: one sent three later"),
        "{lost}"
    );
}

#[test]
fn a_loss_that_time_shows_names_the_packet_too() {
    let mut pair = pair(|link| link.schedule([Fate::Drop]));
    for _ in 0..2 {
        pair.send_to_server(RELIABLE, b"one of two").expect("room");
        pair.run_for(ms(1));
    }
    pair.run_for(ms(1_000));
    let lost = of_client(&mut pair, "sent:2.0");
    // 9/8 of the round trip of 50 ms.
    let found = time_of(&lost, Cause::Loss);
    assert_eq!(found, Duration::from_micros(56_250), "{lost}");
    let text = lost.to_string();
    assert!(text.contains("is lost with it: a later one was"), "{text}");
}

#[test]
fn a_message_whose_acknowledgement_was_lost_was_not_lost() {
    let pair = pair(|link| link);
    let deaf = Link::new().latency(ms(25)).schedule([Fate::Drop]);
    let mut pair = pair.link_to_client(deaf);
    pair.send_to_server(RELIABLE, b"there").expect("room");
    pair.run_for(ms(1_000));
    let there = of_client(&mut pair, "sent:2.0");
    assert_eq!(time_of(&there, Cause::Network), there.total(), "{there}");
    assert!(there.total() > ms(100), "{there}");
    let text = there.to_string();
    assert!(text.contains("it leaves again in packet 3"), "{text}");
    assert!(text.contains("all of it is there by packet 2,"), "{text}");
}

#[test]
fn a_message_behind_a_lost_one_waits_for_order() {
    let mut pair = pair(|link| link.schedule([Fate::Drop]));
    for text in [b"first", b"after"] {
        pair.send_to_server(ORDERED, text).expect("room");
        pair.run_for(ms(10));
    }
    pair.run_for(ms(1_000));
    let handed_out = pair.world.timed_events(pair.server);
    let came = handed_out
        .iter()
        .filter(|(_, event)| matches!(event, Event::Message { .. }));
    let came: Vec<Instant> = came.map(|(at, _)| *at).collect();
    let held = of_server(&mut pair, "received:3.1");
    assert_eq!(
        (held.end, Some(&held.ended_at)),
        (End::HandedOut, came.last()),
        "{held}"
    );
    let [(Cause::Order, waited)] = millis(&held)[..] else {
        panic!("{held}")
    };
    assert!((40..160).contains(&waited), "{held}");
    let text = held.to_string();
    assert!(
        text.contains("the first message before it that is missing is 0"),
        "{text}"
    );
    assert!(text.contains("message 0 comes in packet "), "{text}");
}

#[test]
fn a_message_without_credit_waits_for_it() {
    let channel = ChannelConfig::new(Delivery::Ordered)
        .message_size_max(2_000)
        .receive_bytes_max(4_096);
    let config = Config::builder().channels(vec![channel]).build();
    let mut pair = pair_with(config.expect("valid"), |link| link);
    pair.world.set_reading(pair.server, false);
    for _ in 0..5 {
        pair.send_to_server(0, &[7; 1_000]).expect("room");
    }
    pair.run_for(ms(300));
    pair.world.set_reading(pair.server, true);
    pair.run_for(ms(500));
    let (sent, received) = (of_client(&mut pair, "0.4"), of_server(&mut pair, "0.0"));
    let credit = time_of(&sent, Cause::Credit);
    assert!((ms(300)..ms(350)).contains(&credit), "{sent}");
    assert_eq!(
        received.causes().into_keys().collect::<Vec<_>>(),
        [Cause::Owner],
        "{received}"
    );
    assert!(
        (ms(250)..=ms(300)).contains(&received.total()),
        "{received}"
    );
}

#[test]
fn a_message_that_the_window_has_no_room_for_waits_for_it() {
    let mut pair = pair(|link| link);
    for _ in 0..60 {
        pair.send_to_server(RELIABLE, &[7; 1_000]).expect("room");
    }
    pair.run_for(ms(1_000));
    let last = of_client(&mut pair, "2.59");
    let congestion = time_of(&last, Cause::Congestion);
    assert!((ms(50)..ms(150)).contains(&congestion), "{last}");
    assert!(last.to_string().contains("59 other messages"), "{last}");
}

#[test]
fn what_waits_for_the_tick_says_so() {
    let mut pair = pair(|link| link);
    let client = pair.client;
    let peer = pair.server_peer().expect("connected");
    pair.world.act(client, |endpoint, now| {
        let channel = ChannelId::new(RELIABLE);
        endpoint
            .send(now, peer, channel, b"no flush")
            .expect("room");
    });
    pair.world.run_for(ms(200));
    let waited = of_client(&mut pair, "2.0");
    assert_eq!(time_of(&waited, Cause::Tick), ms(1), "{waited}");
}

#[test]
fn a_long_message_is_as_late_as_its_last_part() {
    let mut pair = pair(|link| link.schedule([Fate::Deliver, Fate::Drop]));
    pair.send_to_server(RELIABLE, &[7; 9_000]).expect("room");
    pair.run_for(ms(1_000));
    let (sent, received) = (of_client(&mut pair, "2.0"), of_server(&mut pair, "2.0"));
    assert_eq!(
        (sent.parts, sent.len, received.parts, received.len),
        (8, 9_000, 8, 9_000)
    );
    let text = sent.to_string();
    assert!(text.contains("parts 1–8/8 leave in packets "), "{text}");
    assert!(text.contains("lost with part 2/8"), "{text}");
    assert!(text.contains("part 2/8 leaves again"), "{text}");
    assert!(time_of(&sent, Cause::Loss) > ms(49), "{sent}");
    let missing = time_of(&received, Cause::Parts);
    assert_eq!(missing, received.total(), "{received}");
    assert!(missing > ms(49), "{received}");
}

#[test]
fn an_unreliable_message_is_done_when_it_leaves_or_is_dropped() {
    let mut pair = pair(|link| link.schedule([Fate::Drop]));
    pair.send_to_server(0, b"lost").expect("room");
    pair.run_for(ms(20));
    for _ in 0..6 {
        pair.send_to_server(SEQUENCED, b"there").expect("room");
        pair.run_for(ms(20));
    }
    pair.run_for(ms(1_000));
    let recording = pair.world.end_recording(pair.client);
    let lost = one(recording.clone(), "0.0");
    assert_eq!(
        (lost.end, lost.total()),
        (End::Left, Duration::ZERO),
        "{lost}"
    );
    assert!(lost.to_string().contains("lost with it"), "{lost}");
    assert!(
        one(recording, "1.5").to_string().contains("acknowledged"),
        "its packet was"
    );

    let small = ChannelConfig::new(Delivery::Unreliable)
        .message_size_max(1_000)
        .send_queue_bytes_max(2_048);
    let config = Config::builder().channels(vec![small]).build();
    let mut pair = pair_with(config.expect("valid"), |link| link);
    for _ in 0..4 {
        pair.send_to_server(0, &[7; 900]).expect("room is made");
    }
    pair.run_for(ms(100));
    assert_eq!(of_client(&mut pair, "0.0").end, End::Dropped);
}

#[test]
fn a_sequenced_message_that_was_overtaken_says_so() {
    let late = Fate::Delay(30);
    let mut pair = pair(|link| link.schedule([late]));
    for text in [b"late", b"next"] {
        pair.send_to_server(SEQUENCED, text).expect("room");
        pair.run_for(ms(10));
    }
    pair.run_for(ms(200));
    // By their arrival the late one is the second.
    let stale = of_server(&mut pair, "1.1");
    assert!(
        stale
            .to_string()
            .contains("one sent later had come before it"),
        "{stale}"
    );
}

#[test]
fn the_slowest_come_first_and_what_there_is_is_listed() {
    let mut pair = pair(|link| link.schedule([Fate::Deliver, Fate::Drop]));
    for text in [b"a", b"b", b"c"] {
        pair.send_to_server(RELIABLE, text).expect("room");
        pair.run_for(ms(10));
    }
    pair.run_for(ms(1_000));
    let recording = pair.world.end_recording(pair.client);
    let answer = ask(recording.clone(), "late:2");
    let totals: Vec<Duration> = answer.explanations.iter().map(Explanation::total).collect();
    assert!(totals.len() == 2 && totals[0] > totals[1], "{totals:?}");
    assert!(
        answer.explanations[0].name().ends_with(":2.1"),
        "{}",
        answer.explanations[0]
    );
    assert!(
        answer.explanations[0].gist().contains("lost: until"),
        "{}",
        answer.explanations[0].gist()
    );

    let nothing = ask(recording, "2.3");
    assert_eq!(nothing.explanations, []);
    let [known] = &nothing.known[..] else {
        panic!("{:?}", nothing.known)
    };
    assert_eq!(
        (known.direction, known.first, known.last),
        (Direction::Sent, 0, 2)
    );
}

#[test]
fn what_was_under_way_when_the_recording_begins_is_not_known() {
    let mut pair = Pair::new(7).link(Link::new().latency(ms(25))).connect();
    pair.run_for(ms(500));
    let sent_at = pair.world.clock(pair.client);
    pair.send_to_server(ORDERED, b"before").expect("room");
    pair.run_for(ms(30));
    // It is told that time has passed.
    pair.flush();
    pair.world.start_recording(pair.client);
    pair.run_for(ms(500));
    let before = of_client(&mut pair, "3.0");
    assert_eq!(before.began_at, sent_at, "{before}");
    assert_eq!(time_of(&before, Cause::Unknown), ms(30), "{before}");
    assert!(time_of(&before, Cause::Network) >= ms(20), "{before}");
}
