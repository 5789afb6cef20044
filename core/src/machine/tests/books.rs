//! Who has a place, and who takes whose.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::frames::end_of;
use super::link::{Faults, Storm};
use super::pair::{Pair, Side};
use crate::{
    ChannelConfig, ChannelId, CloseReason, Config, Delivery, Event, Instant, Refusal,
    ServerIdentity,
};

/// Two endpoints of which each accepts.
fn equals(seed: u64) -> Pair {
    let mut pair = Pair::new(Config::builder().accepts(true), Config::builder());
    pair.client.endpoint = crate::Endpoint::new(
        pair.client.endpoint.config().clone(),
        crate::Entropy::from_seed(seed),
        pair.now,
    );
    pair
}

fn dial(from: &mut Side, to: &Side, now: Instant) {
    let dialled = from
        .endpoint
        .connect(now, to.address, ServerIdentity::TrustOnFirstUse);
    dialled.expect("free");
}

/// Exactly one connection is left, and it carries messages both ways.
fn assert_one_connection(pair: &mut Pair) {
    for side in [&pair.client, &pair.server] {
        let connected = count(&side.events, |event| {
            matches!(event, Event::Connected { .. })
        });
        let ended = count(&side.events, |event| {
            matches!(event, Event::Disconnected { .. })
        });
        let peers: Vec<_> = side.endpoint.peers().collect();
        assert_eq!(peers.len(), 1, "{:?}", side.events);
        assert!(
            connected == ended + 1 || connected == 1,
            "{:?}",
            side.events
        );
    }
    let (one, other) = (
        pair.client.endpoint.peers().next(),
        pair.server.endpoint.peers().next(),
    );
    for (side, peer) in [(&mut pair.client, one), (&mut pair.server, other)] {
        side.events.clear();
        let peer = peer.expect("one peer");
        let sent = side
            .endpoint
            .send(pair.now, peer, ChannelId::new(3), b"hello");
        sent.expect("connected");
    }
    pair.run_for(Duration::from_secs(30));
    for side in [&pair.client, &pair.server] {
        assert!(
            matches!(side.events[..], [Event::Message { .. }]),
            "{:?}",
            side.events
        );
    }
}

fn count(events: &[Event], is: impl Fn(&Event) -> bool) -> usize {
    events.iter().filter(|event| is(event)).count()
}

#[test]
fn two_that_dial_each_other_at_once_share_one_connection() {
    for seed in 100..116 {
        let mut pair = equals(seed);
        dial(&mut pair.client, &pair.server, pair.now);
        dial(&mut pair.server, &pair.client, pair.now);
        pair.run_for(Duration::from_secs(1));
        assert_one_connection(&mut pair);
    }
}

#[test]
fn dialling_back_a_client_that_is_half_way_in_gives_one_connection() {
    for seed in 100..116 {
        for answered in [false, true] {
            let mut pair = equals(seed);
            dial(&mut pair.client, &pair.server, pair.now);
            let hello = pair.client.datagrams(pair.now).remove(0);
            pair.server.take(pair.now, pair.client.address, &hello);
            if answered {
                let welcome = pair.server.datagrams(pair.now).remove(0);
                pair.client.take(pair.now, pair.server.address, &welcome);
            }
            dial(&mut pair.server, &pair.client, pair.now);
            pair.run_for(Duration::from_secs(1));
            assert_one_connection(&mut pair);
        }
    }
}

proptest! {
    /// Whenever they dial and whatever the path does, no side keeps a connection that the other has not.
    #[test]
    fn two_that_dial_each_other_end_with_one_connection(
        seed: u64,
        later_ms in 0u64..400,
        delay_ms in 0u64..100,
        jitter_ms in 0u64..100,
        loss in 0u64..500,
        duplication in 0u64..200,
    ) {
        let faults = Faults { loss, duplication, delay_ms, jitter_ms, late: 100, late_ms: 2_000 };
        let mut storm = Storm::new(equals(seed | 1 << 32), faults, seed);
        dial(&mut storm.pair.client, &storm.pair.server, storm.pair.now);
        storm.run_for(Duration::from_millis(later_ms));
        let (from, to) = (&mut storm.pair.server, storm.pair.client.address);
        let dialled = from.endpoint.connect(storm.pair.now, to, ServerIdentity::TrustOnFirstUse);
        storm.run_for(Duration::from_secs(5));
        storm.faults = Faults { delay_ms: 10, ..Faults::default() };
        storm.run_for(Duration::from_secs(15));
        let events = (&storm.pair.client.events, &storm.pair.server.events);
        let is_idle = |event: &Event| {
            matches!(event, Event::Disconnected { reason: CloseReason::IdleTimeout, .. })
        };
        if loss < 300 {
            prop_assert_eq!(count(events.0, is_idle) + count(events.1, is_idle), 0, "{:?} {:?}", events, dialled);
            assert_one_connection(&mut storm.pair);
        }
    }
}

#[test]
fn a_client_that_comes_again_gets_its_place_on_a_full_server() {
    let mut pair = Pair::connected_with(Config::builder(), Config::builder().peers_max(1));
    let old = pair.server.peer;
    // The program restarts with the same address.
    pair.client = Side::new(Config::builder().protocol_id(0), 1, pair.now);
    pair.client.endpoint = crate::Endpoint::new(
        pair.client.endpoint.config().clone(),
        crate::Entropy::from_seed(77),
        pair.now,
    );
    pair.dial();
    pair.run_for(Duration::from_secs(30));
    assert_ne!(pair.server.peer, old);
    assert!(
        matches!(pair.client.events[..], [Event::Connected { .. }]),
        "{:?}",
        pair.client.events
    );
    assert!(
        matches!(
            pair.server.events[..],
            [Event::Disconnected { .. }, Event::Connected { .. }]
                | [Event::Connected { .. }, Event::Disconnected { .. }]
        ),
        "{:?}",
        pair.server.events
    );
}

#[test]
fn who_gives_too_little_credit_for_a_largest_message_is_no_peer() {
    let channel = |size_max| ChannelConfig::new(Delivery::Ordered).message_size_max(size_max);
    let large = || Config::builder().channels(vec![channel(20_000)]);
    let small = || Config::builder().channels(vec![channel(10_000).receive_bytes_max(12_000)]);
    for (client, server) in [(large(), small()), (small(), large())] {
        let mut pair = Pair::new(client, server);
        pair.dial();
        pair.run_for(Duration::from_secs(1));
        assert_eq!(
            end_of(&pair.client.events),
            &CloseReason::Refused(Refusal::WrongChannels)
        );
    }
}
