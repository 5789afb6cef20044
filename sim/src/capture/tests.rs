use super::*;
use crate::{Fate, Link, Pair, ms};

const RELIABLE: u8 = 2;

fn captured(link: Link) -> Capture {
    let mut pair = Pair::new(7).link(Link::new().latency(ms(25)));
    pair.world.capture(CaptureLimits::default());
    let mut pair = pair.connect().link_to_server(link);
    pair.send_to_server(RELIABLE, b"hello").expect("room");
    pair.run_for(ms(1_000));
    pair.world.take_capture().expect("it was begun")
}

#[test]
fn a_capture_knows_what_every_datagram_holds_and_when_it_arrived() {
    let capture = captured(Link::new().latency(ms(25)));
    let hello = &capture.datagrams[0];
    assert_eq!(hello.content.to_string(), "Hello(NK, known key)");
    assert_eq!((capture.name(hello.from), hello.bytes.len()), ("C", 1_200));
    let arrival = hello.arrival().expect("the link is perfect");
    assert_eq!(arrival.at, hello.sent_at + ms(25));
    assert!(capture.datagrams.iter().all(|sent| sent.lost().is_none()));
    assert!(!capture.samples.is_empty());
    assert_eq!(capture.events.len(), 2, "each side is connected");
}

#[test]
fn a_lost_datagram_tells_what_took_it_and_a_doubled_one_lands_twice() {
    let fates = [Fate::Drop, Fate::Duplicate, Fate::Corrupt { bit: 3 }];
    let capture = captured(Link::new().latency(ms(25)).schedule(fates));
    let hurt: Vec<_> = capture
        .datagrams
        .iter()
        .filter(|sent| sent.course != Course::Met(Fate::Deliver))
        .map(|sent| (sent.lost(), sent.landings.len()))
        .collect();
    assert_eq!(hurt[0], (Some("✗ dropped".to_owned()), 0));
    assert_eq!(hurt[1], (None, 2));
}

#[test]
fn the_keys_of_a_connection_are_kept_once() {
    let capture = captured(Link::new());
    assert_eq!(capture.keys.len(), 1);
    let (at, line) = &capture.keys[0];
    assert!(line.starts_with("TICKWIRE_KEYS 1 suite=aes-128-gcm client_id="));
    assert!(line.ends_with(" channels=USRO"), "{line}");
    let welcome = capture
        .datagrams
        .iter()
        .find(|sent| matches!(sent.content, Content::Welcome { .. }));
    assert!(*at <= welcome.expect("they connected").sent_at);
}

#[test]
fn a_capture_changes_nothing() {
    let run = |is_captured: bool| {
        let mut pair = Pair::new(7).link(Link::new().latency(ms(25)).loss(100));
        if is_captured {
            pair.world.capture(CaptureLimits::default());
        }
        let mut pair = pair.connect();
        pair.run_for(ms(500));
        pair.world.wire_hash()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn what_is_above_the_limits_is_counted_and_left_out() {
    let mut pair = Pair::new(7).link(Link::new().latency(ms(25)));
    pair.world.capture(CaptureLimits {
        datagrams_max: 2,
        bytes_max: 1_300,
        samples_max: 1,
        events_max: 1,
    });
    let mut pair = pair.connect();
    pair.run_for(ms(200));
    let capture = pair.world.take_capture().expect("it was begun");
    let lens: Vec<_> = capture
        .datagrams
        .iter()
        .map(|sent| sent.bytes.len())
        .collect();
    assert_eq!(lens[0], 1_200);
    assert!(lens.iter().sum::<usize>() <= 1_300 && lens.len() <= 2);
    assert_eq!((capture.samples.len(), capture.events.len()), (1, 1));
    assert!(capture.left_out.datagrams > 0 && capture.left_out.samples > 0);
    assert_eq!(capture.left_out.events, 1);
}

#[test]
fn without_a_capture_no_keys_come_out() {
    let mut pair = Pair::new(7).traced().connect();
    let client = pair.client;
    assert_eq!(pair.world.endpoint(client).poll_key_log(), None);
    assert!(pair.world.take_capture().is_none());
}
