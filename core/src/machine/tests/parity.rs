//! Parities: what they bring back, and what a peer that lies with them can do.

use core::time::Duration;

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::frames::{end_of, fragment, parity};
use super::pair::Pair;
use crate::config::ConfigBuilder;
use crate::event::Violation;
use crate::{ChannelConfig, CloseReason, Config, Delivery};

const DELIVERIES: [Delivery; 4] = [
    Delivery::Unreliable,
    Delivery::Sequenced,
    Delivery::Reliable,
    Delivery::Ordered,
];

/// Every delivery, each with a parity for so many fragments.
fn config(group: u8) -> ConfigBuilder {
    let channels = DELIVERIES.map(|delivery| ChannelConfig::new(delivery).parity(group));
    Config::builder().channels(channels.to_vec())
}

fn connected(group: u8) -> Pair {
    Pair::connected_with(config(group), config(group))
}

fn message(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// What the client sends when it sends this.
fn datagrams(pair: &mut Pair, channel: u8, message: &[u8]) -> Vec<Vec<u8>> {
    pair.client.send(pair.now, channel, message).expect("room");
    pair.client.endpoint.flush(pair.now);
    pair.client.datagrams(pair.now)
}

/// The server gets these.
fn take(pair: &mut Pair, datagrams: &[Vec<u8>]) {
    for datagram in datagrams {
        pair.server.take(pair.now, pair.client.address, datagram);
        assert_eq!(pair.server.endpoint.audit(0), Ok(()));
    }
    pair.server.poll();
}

/// Whichever of its datagrams is lost, and in whatever order the others come.
#[test]
fn a_message_comes_through_without_any_one_of_its_datagrams() {
    let message = message(4_000);
    for channel in 0..4 {
        for lost in 0..5 {
            for turn in 0..4 {
                let mut pair = connected(4);
                let mut sent = datagrams(&mut pair, channel, &message);
                assert_eq!(sent.len(), 5, "four fragments and their parity");
                sent.remove(lost);
                sent.rotate_left(turn);
                take(&mut pair, &sent);
                let came = pair.server.payloads();
                assert_eq!(
                    came,
                    core::slice::from_ref(&message),
                    "channel {channel}, {lost} lost, turned by {turn}"
                );
            }
        }
    }
}

/// Fragments 0 to 5 of a message in three groups, each with its parity behind it: datagrams 2, 5 and 8 are parities.
#[test]
fn two_lost_in_a_group_are_too_many_and_one_in_each_of_two_is_not() {
    let message = message(6_000);
    for (lost, comes, used) in [
        ([0, 1], false, 0),
        ([0, 2], false, 0),
        ([3, 4], false, 0),
        ([1, 3], true, 2),
        ([0, 7], true, 2),
        ([2, 5], true, 0),
    ] {
        let mut pair = connected(2);
        let sent = datagrams(&mut pair, 0, &message);
        assert_eq!(sent.len(), 9);
        for (index, datagram) in sent.into_iter().enumerate() {
            if !lost.contains(&index) {
                take(&mut pair, &[datagram]);
            }
        }
        assert_eq!(pair.server.payloads().len(), usize::from(comes), "{lost:?}");
        // Nothing is kept of it when it is done or given up.
        pair.run_for(Duration::from_secs(2));
        let stats = pair.server.slot().peer.stats();
        assert_eq!(
            (stats.receive_buffered_bytes, stats.parities_used),
            (0, used)
        );
    }
}

/// It left before, and comes when its message is long with the owner.
#[test]
fn a_fragment_that_comes_after_its_parity_begins_nothing() {
    let message = message(4_000);
    for channel in 0..4 {
        let mut pair = connected(4);
        let mut sent = datagrams(&mut pair, channel, &message);
        let late = sent.remove(1);
        take(&mut pair, &sent);
        assert_eq!(pair.server.payloads().len(), 1);
        take(&mut pair, &[late]);
        let stats = pair.server.slot().peer.stats();
        assert_eq!(
            (stats.receive_buffered_bytes, stats.drops.duplicate_message),
            (0, 1)
        );
        pair.run_for(Duration::from_secs(2));
        let drops = pair.server.slot().peer.stats().drops;
        assert_eq!(
            (drops.reassembly_expired, pair.server.payloads().len()),
            (0, 0)
        );
    }
}

#[test]
fn where_nothing_is_lost_parities_are_not_needed_and_cost_what_they_are() {
    let mut pair = connected(4);
    for channel in 0..4 {
        pair.client
            .send(pair.now, channel, &message(4_000))
            .expect("room");
        pair.client.endpoint.flush(pair.now);
        pair.run_for(Duration::from_secs(1));
    }
    assert_eq!(pair.server.payloads().len(), 4);
    let (sent, heard) = (
        pair.client.slot().peer.stats(),
        pair.server.slot().peer.stats(),
    );
    assert_eq!(
        (
            sent.parities_sent,
            heard.drops.parity_unneeded,
            heard.parities_used
        ),
        (4, 4, 0)
    );
    assert!(
        (4 * 1_000..4 * 1_170).contains(&sent.parity_bytes_sent),
        "{sent:?}"
    );
    assert_eq!((sent.retransmissions, sent.copies_sent), (0, 0));
}

/// A message that was given up before its parity left takes it along.
#[test]
fn no_parity_leaves_of_a_message_that_is_given_up() {
    let mut pair = connected(4);
    let peer = pair.client.peer.expect("connected");
    let options = crate::SendOptions::new().key(1);
    for _ in 0..2 {
        let (endpoint, channel) = (&mut pair.client.endpoint, crate::ChannelId::new(2));
        let sent = endpoint.send_with(pair.now, peer, channel, &message(4_000), &options);
        sent.expect("room");
    }
    pair.client.endpoint.flush(pair.now);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.server.payloads().len(), 1);
    assert_eq!(pair.client.slot().peer.stats().parities_sent, 1);
}

#[test]
fn a_lie_in_a_parity_ends_the_connection() {
    for (numbers, len, violation) in [
        ([0, 0, 600], 300, Violation::BadFragment),
        ([0, 601, 600], 300, Violation::BadFragment),
        ([u64::from(u32::MAX), 1, 600], 300, Violation::BadFragment),
        ([0, 600, 600], 127, Violation::BadFragment),
        ([0, 16 * 128 + 1, 4_000], 128, Violation::BadFragment),
        ([0, 600, 1 << 20], 300, Violation::TooLarge),
        ([0, 600, 1 << 32], 300, Violation::BadFrame),
        // Not of the message that is here.
        ([0, 600, 601], 300, Violation::BadFragment),
    ] {
        for channel in 0..4 {
            let mut pair = connected(4);
            pair.attack(&fragment(channel, 0, 0, 600, &[7; 300]));
            // Of another message, but for the last lie.
            let id = u16::from(numbers[2] != 601);
            pair.attack(&parity(channel, id, numbers, len));
            assert_eq!(pair.server.endpoint.audit(0), Ok(()));
            pair.run_for(Duration::from_secs(1));
            let expected = CloseReason::Violation(violation);
            assert_eq!(end_of(&pair.server.events), &expected, "{numbers:?}");
        }
    }
}

/// Parities of a message of which one fragment came, and no more will.
#[test]
fn parities_that_wait_have_their_bound_in_bytes() {
    let caps = config(4).connection_bytes_max(80_000);
    let mut pair = Pair::connected_with(config(4), caps);
    pair.attack(&fragment(0, 0, 0, 60_000, &[7; 128]));
    for number in 1..29 {
        for _ in 0..2 {
            pair.attack(&parity(0, 0, [2_000 * number, 2_000, 60_000], 1_000));
            assert_eq!(pair.server.endpoint.audit(0), Ok(()));
        }
    }
    let stats = pair.server.slot().peer.stats();
    let (kept, refused) = (stats.drops.parity_unneeded, stats.drops.parity_no_room);
    // The message itself is charged 63,878 bytes, and each of them 1,128.
    assert_eq!((kept, refused), (14, 28), "{stats:?}");
    assert!(stats.receive_buffered_bytes <= 80_000, "{stats:?}");
    pair.run_for(Duration::from_secs(2));
    assert_eq!(pair.server.slot().peer.stats().receive_buffered_bytes, 0);
}

proptest! {
    /// Whatever the sizes, and whatever is lost, comes again or comes late: what comes is what was sent, once.
    #[test]
    fn what_comes_is_what_was_sent(
        channel in 0u8..4,
        group in 2u8..=16,
        len in 1_300usize..9_000,
        small in 0usize..900,
        fates in prop::collection::vec((0u8..8, any::<prop::sample::Index>()), 24),
    ) {
        let mut pair = connected(group);
        let message = message(len);
        // Something in the first datagram makes the first fragment shorter than others.
        pair.client.send(pair.now, channel, &vec![9; small]).expect("room");
        let sent = datagrams(&mut pair, channel, &message);
        let mut arriving: Vec<(usize, Vec<u8>)> = Vec::new();
        for ((fate, index), datagram) in fates.into_iter().zip(sent) {
            match fate {
                0 => {}
                1 => arriving.insert(index.index(arriving.len() + 1), (1, datagram)),
                2 => arriving.push((2, datagram)),
                _ => arriving.push((1, datagram)),
            }
        }
        for (times, datagram) in arriving {
            for _ in 0..times {
                take(&mut pair, core::slice::from_ref(&datagram));
            }
        }
        pair.run_for(Duration::from_secs(3));
        let came = pair.server.payloads();
        for payload in &came {
            prop_assert!(*payload == message || *payload == vec![9; small], "{} bytes", payload.len());
        }
        prop_assert!(came.len() <= 2 && (channel < 2 || came.len() == 2));
        prop_assert_eq!(pair.server.slot().peer.stats().receive_buffered_bytes, 0);
    }
}
