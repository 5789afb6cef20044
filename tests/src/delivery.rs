//! Each delivery keeps its promise on networks that lose, repeat, reorder and damage datagrams: 1,000 seeds for
//! each, and any schedule that proptest thinks of.

use std::time::Duration;

use proptest::test_runner::TestCaseError;
use tickwire_core::{CloseReason, Config, Delivery, Event};
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{FateCounts, Link, Pair, Rng, ms};

use crate::conversation::{Conversation, Script, channel};
use crate::manners::Manners;
use crate::schedules;

const SEEDS: std::ops::Range<u64> = 0..1_000;

#[test]
fn unreliable_messages_are_never_invented_or_repeated() {
    holds_on_random_networks(Delivery::Unreliable);
}

#[test]
fn sequenced_messages_never_go_back() {
    holds_on_random_networks(Delivery::Sequenced);
}

#[test]
fn reliable_messages_all_arrive_once() {
    holds_on_random_networks(Delivery::Reliable);
}

#[test]
fn ordered_messages_all_arrive_once_and_in_order() {
    holds_on_random_networks(Delivery::Ordered);
}

#[test]
fn every_delivery_is_complete_on_a_faultless_network() {
    for delivery in DELIVERIES {
        let link = Link::new().latency(ms(20));
        let mut talk = Conversation::new(1, delivery, link.clone(), link);
        talk.hold(SCRIPT).expect("nothing goes wrong");
        assert_eq!(talk.received(), talk.sent(), "{delivery:?}");
    }
}

#[test]
fn the_random_networks_do_every_kind_of_harm() {
    let harm: Vec<FateCounts> = (0..40)
        .map(|seed| {
            let mut talk = on_random_network(seed, Delivery::Ordered);
            talk.hold(SCRIPT).expect("ordered delivery holds");
            talk.pair.world.fates()
        })
        .collect();
    let total = |kind: fn(&FateCounts) -> u64| harm.iter().map(kind).sum::<u64>();
    assert!(total(|fates| fates.dropped) > 100);
    assert!(total(|fates| fates.duplicated) > 100);
    assert!(total(|fates| fates.delayed) > 100);
    assert!(total(|fates| fates.corrupted) > 100);
    assert!(total(|fates| fates.truncated) > 10);
}

#[test]
fn what_cannot_be_delivered_is_counted_when_the_connection_ends() {
    let mut pair = Pair::connected(1).link(Link::new().loss(1_000));
    for _ in 0..10 {
        pair.send_to_server(channel(Delivery::Reliable), b"lost")
            .expect("the queue has room");
    }
    pair.run_for(Duration::from_secs(60));
    let events = pair.client_events();
    let [
        Event::Disconnected {
            reason,
            undelivered,
            ..
        },
    ] = &events[..]
    else {
        panic!("one event, the end: {events:?}");
    };
    assert_eq!((reason, *undelivered), (&CloseReason::IdleTimeout, 10));
}

#[test]
fn every_delivery_holds_under_any_schedule() {
    proptest::proptest!(|(to_server in schedules::fates(60), to_client in schedules::fates(60))| {
        for delivery in DELIVERIES {
            let link = Link::new().latency(ms(20));
            let (up, down) = (link.clone().schedule(to_server.clone()), link.schedule(to_client.clone()));
            let held = Conversation::new(1, delivery, up, down).hold(SCRIPT);
            held.map_err(|failure| TestCaseError::fail(format!("{delivery:?}: {failure}")))?;
        }
    });
}

const DELIVERIES: [Delivery; 4] = [
    Delivery::Unreliable,
    Delivery::Sequenced,
    Delivery::Reliable,
    Delivery::Ordered,
];

const SCRIPT: Script = Script {
    ticks: 60,
    messages_max: 3,
    size_max: 9_000,
};

fn holds_on_random_networks(delivery: Delivery) {
    for_seeds(SEEDS, |seed| {
        let mut talk = on_random_network(seed, delivery);
        if let Err(failure) = talk.hold(SCRIPT) {
            panic!("{failure}");
        }
    });
}

fn on_random_network(seed: u64, delivery: Delivery) -> Conversation {
    let mut rng = Rng::new(seed).fork("links");
    let (to_server, to_client) = (any_link(&mut rng), any_link(&mut rng));
    let config = |nth, accepts| {
        let manners = Manners::drawn(&mut Rng::new(seed).fork_nth("manners", nth));
        let config = manners.of(Config::builder()).accepts(accepts);
        config.build().expect("valid")
    };
    let pair = Pair::with_configs(seed, config(0, false), config(1, true));
    Conversation::among(pair, delivery, to_server, to_client)
}

/// A link on which every fault is as likely absent as present.
fn any_link(rng: &mut Rng) -> Link {
    let mut permille = |most: u64| match rng.chance(500) {
        true => u16::try_from(rng.between(1, most)).expect("at most 1,000"),
        false => 0,
    };
    let link = Link::new()
        .loss(permille(500))
        .duplication(permille(300))
        .corruption(permille(200))
        .reordering(permille(300), ms(150));
    link.latency(ms(rng.between(1, 120)))
        .jitter(ms(rng.below(30)))
}
