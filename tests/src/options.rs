//! What a message is sent with is kept, in any combination, whatever the network does: time to live, supersede key,
//! priority, receipt.

mod combinations;

use std::collections::BTreeMap;
use std::time::Duration;

use tickwire_core::{
    Abandonment, ChannelConfig, ChannelId, CloseReason, Config, Delivery, Event, Instant,
    MessageId, Priority, SendError, SendOptions,
};
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{Link, Oracle, Pair, Rate, Rng, ms};

use crate::conversation::channel;

const DELIVERIES: [Delivery; 4] = [
    Delivery::Unreliable,
    Delivery::Sequenced,
    Delivery::Reliable,
    Delivery::Ordered,
];
const ORDERED: u8 = 3;
const RELIABLE: u8 = 2;

fn link() -> Link {
    Link::new().latency(ms(25))
}

/// Any combination of options.
pub(crate) fn drawn(rng: &mut Rng) -> SendOptions {
    let mut options = SendOptions::new();
    options.priority = match rng.below(4) {
        0 => Priority::Low,
        1 => Priority::High,
        _ => Priority::Normal,
    };
    options.time_to_live = rng.chance(400).then(|| ms(rng.between(1, 1_000)));
    options.key = rng.chance(500).then(|| rng.below(4));
    options.receipt = rng.chance(500);
    options
}

/// A message as its sender knows it.
#[derive(Debug)]
struct Sent {
    at: Instant,
    options: SendOptions,
    told: Option<Event>,
}

/// What one channel was asked, and what its owner was told.
#[derive(Debug, Default)]
struct Book(BTreeMap<MessageId, Sent>);

impl Book {
    /// A receipt: exactly one, of a message that asked for one, and true.
    fn on_told(&mut self, now: Instant, event: Event) {
        let (message, after, why) = if let Event::Delivered { message, after, .. } = &event {
            (message, *after, None)
        } else if let Event::Abandoned { message, why, .. } = &event {
            (message, Duration::ZERO, Some(*why))
        } else {
            panic!("{event:?} in the midst of it");
        };
        let newer = self.0.range(message..).skip(1);
        let keys: Vec<_> = newer.filter_map(|(_, sent)| sent.options.key).collect();
        let sent = self.0.get_mut(message).expect("it was sent");
        assert!(sent.options.receipt, "nobody asked: {event:?}");
        match why {
            None => assert_eq!(sent.at + after, now),
            Some(Abandonment::Expired) => {
                let time_to_live = sent.options.time_to_live.expect("it had one");
                assert!(now >= sent.at + time_to_live, "too early");
            }
            Some(Abandonment::Superseded) => {
                let key = sent.options.key.expect("it had one");
                assert!(keys.contains(&key), "nothing newer has the key {key}");
            }
        }
        assert_eq!(sent.told.replace(event), None, "told twice");
    }
}

impl Book {
    /// How often what was told. Of what is reliable and asked for, something was.
    fn told(&self, delivery: Delivery) -> BTreeMap<&'static str, u64> {
        let mut told = BTreeMap::new();
        for (message, sent) in &self.0 {
            let word = match &sent.told {
                Some(Event::Abandoned { why, .. }) => match why {
                    Abandonment::Expired => "expired",
                    Abandonment::Superseded => "superseded",
                },
                Some(_) => "delivered",
                None => {
                    let is_awaited = sent.options.receipt && delivery.is_reliable();
                    assert!(!is_awaited, "nothing was told of {message}");
                    continue;
                }
            };
            *told.entry(word).or_default() += 1;
        }
        told
    }
}

/// Credit for one long message at a time, so that one may wait for another.
fn tight(accepts: bool) -> Config {
    let channels = DELIVERIES.map(|delivery| {
        ChannelConfig::new(delivery)
            .message_size_max(50_000)
            .receive_bytes_max(57_000)
    });
    let config = Config::builder().channels(channels.to_vec());
    let config = config.connection_bytes_max(57_000).accepts(accepts);
    config.build().expect("valid")
}

/// Bad weather for two seconds, good for the rest.
fn conversation(seed: u64, delivery: Delivery) -> BTreeMap<&'static str, u64> {
    let mut rng = Rng::new(seed);
    let (loss, duplication) = (rng.below(300) as u16, rng.below(100) as u16);
    let bad = link().loss(loss).duplication(duplication).jitter(ms(10));
    let pair = match seed % 2 {
        0 => Pair::new(seed),
        _ => Pair::with_configs(seed, tight(false), tight(true)),
    };
    let mut pair = pair.link(link()).connect().link(bad);
    let (mut oracle, mut book) = (Oracle::new(delivery), Book::default());
    let peer = pair.client_peer().expect("connected");
    for step in 0..400 {
        if step == 100 {
            pair.heal();
        }
        for _ in 0..if step < 100 { rng.below(4) } else { 0 } {
            let size = if rng.chance(50) { 45_000 } else { 40 };
            let options = drawn(&mut rng);
            let payload = oracle.next_message(size);
            let sent = pair.world.act(pair.client, |endpoint, now| {
                endpoint.send_with(
                    now,
                    peer,
                    ChannelId::new(channel(delivery)),
                    &payload,
                    &options,
                )
            });
            match sent {
                Err(SendError::QueueFull) => continue,
                sent => {
                    let id = sent.expect("connected");
                    let at = pair.world.now();
                    let told = None;
                    book.0.insert(id, Sent { at, options, told });
                    oracle.on_sent_with(size, &options);
                }
            }
        }
        pair.run_for(ms(20));
        for message in pair.server_messages() {
            oracle.on_received(&message.payload).expect("as promised");
        }
        for (at, event) in pair.world.timed_events(pair.client) {
            book.on_told(at, event);
        }
    }
    oracle.complete().expect("what was not excused has arrived");
    assert_eq!(pair.client_stats().expect("connected").queued_bytes, 0);
    assert_credit(&mut pair, &mut oracle, delivery);
    book.told(delivery)
}

/// Nothing of the credit was lost with what was given up: more than all of it can be sent, again and again.
fn assert_credit(pair: &mut Pair, oracle: &mut Oracle, delivery: Delivery) {
    for _ in 0..20 {
        let sent = oracle.send(40_000, |bytes| {
            pair.send_to_server(channel(delivery), bytes)
        });
        sent.expect("the queue is empty");
        pair.run_for(ms(1_000));
        for message in pair.server_messages() {
            oracle.on_received(&message.payload).expect("as promised");
        }
    }
    oracle.complete().expect("all has arrived");
}

#[test]
fn every_combination_of_options_is_kept_on_every_delivery() {
    let mut told = BTreeMap::<_, u64>::new();
    for delivery in DELIVERIES {
        for_seeds(0..40, |seed| {
            for (what, count) in conversation(seed, delivery) {
                *told.entry((delivery.is_reliable(), what)).or_default() += count;
            }
        });
    }
    for what in ["delivered", "expired", "superseded"] {
        assert!(told[&(true, what)] > 100, "{told:?}");
    }
    assert!(!told.keys().any(|(is_reliable, _)| !is_reliable));
}

fn pair() -> Pair {
    Pair::new(1).link(link()).connect()
}

fn send(pair: &mut Pair, channel: u8, payload: &[u8], options: &SendOptions) {
    let peer = pair.client_peer().expect("connected");
    let sent = pair.world.act(pair.client, |endpoint, now| {
        endpoint.send_with(now, peer, ChannelId::new(channel), payload, options)
    });
    sent.expect("room");
}

fn heard(pair: &mut Pair) -> Vec<Vec<u8>> {
    let messages = pair.server_messages();
    messages
        .iter()
        .map(|message| message.payload.to_vec())
        .collect()
}

#[test]
fn an_expired_message_does_not_hold_up_those_behind_it() {
    let mut pair = pair().link_to_server(link().drop_nth([0]));
    let brief = SendOptions::new().time_to_live(ms(30)).receipt();
    send(&mut pair, ORDERED, b"brief", &brief);
    pair.run_for(ms(5));
    send(&mut pair, ORDERED, b"behind", &SendOptions::new());
    pair.run_for(ms(200));
    assert_eq!(heard(&mut pair), [b"behind"]);
    let events = pair.client_events();
    assert!(
        matches!(
            events[..],
            [Event::Abandoned {
                why: Abandonment::Expired,
                ..
            }]
        ),
        "{events:?}"
    );
    let drops = pair.client_stats().expect("connected").drops;
    assert_eq!((drops.expired, drops.superseded), (1, 0));
    assert_eq!(pair.server_stats().expect("connected").drops.skipped, 1);
}

#[test]
fn the_newest_for_a_key_wins() {
    for reliable in [RELIABLE, ORDERED] {
        let mut pair = pair().link_to_server(link().drop_nth([0]));
        for payload in [b"hp 9", b"hp 5"] {
            send(&mut pair, reliable, payload, &SendOptions::new().key(7));
            pair.run_for(ms(5));
        }
        pair.run_for(ms(300));
        assert_eq!(heard(&mut pair), [b"hp 5"]);
    }
}

#[test]
fn what_is_given_up_is_not_sent_again() {
    let mut pair = pair();
    let before = pair.client_stats().expect("connected").bytes_sent;
    pair = pair.link_to_server(link().drop_nth(0..4));
    send(
        &mut pair,
        RELIABLE,
        &[7; 4_000],
        &SendOptions::new().time_to_live(ms(20)),
    );
    pair.run_for(ms(1_000));
    let sent = pair.client_stats().expect("connected").bytes_sent - before;
    assert!(sent < 4_400, "{sent} bytes for 4,000 lost once");
    assert_eq!(heard(&mut pair), Vec::<Vec<u8>>::new());
}

#[test]
fn high_priority_overtakes_what_waits() {
    let mut pair = pair().link(link().rate(Rate::bits_per_second(1_000_000)));
    for _ in 0..40 {
        send(&mut pair, RELIABLE, &[1; 1_000], &SendOptions::new());
    }
    send(
        &mut pair,
        RELIABLE,
        b"low",
        &SendOptions::new().priority(Priority::Low),
    );
    send(
        &mut pair,
        RELIABLE,
        b"high",
        &SendOptions::new().priority(Priority::High),
    );
    pair.run_for(Duration::from_secs(5));
    let heard = heard(&mut pair);
    let place = |text: &[u8]| heard.iter().position(|payload| payload == text);
    assert!(place(b"high") < Some(15), "{:?}", place(b"high"));
    assert_eq!(place(b"low"), Some(41));
}

#[test]
fn a_low_message_is_not_left_behind_for_ever() {
    let roomy = |accepts| {
        let channel = ChannelConfig::new(Delivery::Reliable);
        let channel = channel
            .send_queue_bytes_max(2 << 20)
            .receive_bytes_max(2 << 20);
        let config = Config::builder().channels(vec![channel]).accepts(accepts);
        let config = config.connection_bytes_max(2 << 20);
        config.build().expect("valid")
    };
    let mut pair = Pair::with_configs(1, roomy(false), roomy(true))
        .link(link())
        .connect();
    send(
        &mut pair,
        0,
        b"low",
        &SendOptions::new().priority(Priority::Low),
    );
    for _ in 0..5_000 {
        send(
            &mut pair,
            0,
            &[1; 20],
            &SendOptions::new().priority(Priority::High),
        );
    }
    pair.run_for(Duration::from_secs(30));
    let heard = heard(&mut pair);
    // The window is 4,096 messages from the oldest on.
    let place = heard.iter().position(|payload| payload == b"low");
    assert_eq!(
        (heard.len(), place.map(|place| place >= 4_000)),
        (5_001, Some(true))
    );
}

#[test]
fn a_message_behind_a_waiting_one_of_low_priority_is_delivered_or_ends_the_connection() {
    // The server's owner looks away. Credit is for three messages, and two are taken.
    let narrow = |accepts| {
        let channel = ChannelConfig::new(Delivery::Reliable)
            .message_size_max(1_000)
            .receive_bytes_max(4_000);
        let config = Config::builder().channels(vec![channel]).accepts(accepts);
        let config = config.unread_bytes_max(1_224).delivery_timeout(ms(3_000));
        config.build().expect("valid")
    };
    let pair = Pair::with_configs(1, narrow(false), narrow(true));
    let mut pair = pair.link(link()).connect();
    pair.world.set_reading(pair.server, false);
    let low = SendOptions::new().priority(Priority::Low);
    for options in [
        &SendOptions::new(),
        &low,
        &SendOptions::new(),
        &SendOptions::new(),
    ] {
        send(&mut pair, 0, &[1; 1_000], options);
    }
    pair.run_for(ms(6_000));
    let end = pair.client_events().pop();
    assert!(
        matches!(
            end,
            Some(Event::Disconnected {
                reason: CloseReason::Undeliverable { .. },
                ..
            })
        ),
        "{end:?}"
    );
}
