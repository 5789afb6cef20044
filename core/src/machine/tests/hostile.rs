//! Peers that lie, and things that are no peers: whatever they say, nothing panics, loops or grows.

use core::time::Duration;

use alloc::vec;

use super::frames::{end_of, fragment, skip, whole};
use super::pair::{Pair, Side, address};
use crate::event::Violation;
use crate::{Arrival, ChannelConfig, CloseReason, Config, Delivery, Instant, ServerIdentity};

#[test]
fn a_lie_about_offsets_and_totals_ends_the_connection() {
    for (offset, total) in [
        (u64::from(u32::MAX), 600),
        (u64::from(u32::MAX), u64::from(u32::MAX)),
        (0, 0),
        (0, 299),
        (301, 600),
        (300, 1 << 32),
        (1 << 61, 600),
        (0, 1 << 20),
    ] {
        for channel in 0..4 {
            let mut pair = Pair::connected();
            pair.attack(&fragment(channel, 0, offset, total, &[7; 300]));
            pair.run_for(Duration::from_secs(1));
            assert!(
                matches!(
                    end_of(&pair.server.events),
                    CloseReason::Violation(
                        Violation::BadFragment | Violation::BadFrame | Violation::TooLarge
                    )
                ),
                "{offset} of {total}"
            );
        }
    }
}

#[test]
fn a_message_given_up_for_less_than_came_of_it_ends_the_connection() {
    for channel in [2, 3] {
        let mut pair = Pair::connected();
        pair.attack(&fragment(channel, 0, 0, 600, &[7; 300]));
        pair.attack(&skip(channel, 0, 300));
        // The books are in order even before the owner hears of it.
        assert_eq!(pair.server.endpoint.audit(0), Ok(()));
        pair.run_for(Duration::from_secs(1));
        let violation = CloseReason::Violation(Violation::OverCredit);
        assert_eq!(end_of(&pair.server.events), &violation);
    }
}

/// What came before the violation in its packet was taken: a copy of the packet must not bring it again.
#[test]
fn a_packet_that_breaks_the_protocol_is_taken_once() {
    let mut pair = Pair::connected();
    let (unreliable, unknown) = ([&[0xC0, 4][..], b"once"].concat(), [0x06]);
    let packet = pair.client.forge(&[&unreliable[..], &unknown].concat());
    for _ in 0..3 {
        let arrival = Arrival::game(address(1));
        let mut copy = packet.clone();
        pair.server
            .endpoint
            .handle_datagram(pair.now, arrival, &mut copy);
    }
    let drops = pair.server.slot().peer.stats().drops;
    assert_eq!(drops.duplicate_packet, 2);
    pair.run_for(Duration::from_secs(1));
    let violation = CloseReason::Violation(Violation::BadFrame);
    assert_eq!(end_of(&pair.server.events), &violation);
}

#[test]
fn an_overtaken_acknowledgement_is_not_misread_after_a_packet_that_found_no_room() {
    let small = |builder: crate::ConfigBuilder| {
        let channel = ChannelConfig::new(Delivery::Reliable).message_size_max(1_000);
        builder.channels(vec![channel])
    };
    let server = small(Config::builder()).unread_bytes_max(2_000);
    let mut pair = Pair::connected_with(small(Config::builder()), server);
    for _ in 0..40 {
        pair.server.send(pair.now, 0, b"hello").expect("room");
        pair.server.endpoint.flush(pair.now);
        let _ = pair.server.datagrams(pair.now);
    }
    // The owner does not poll: two messages, and there is no room for more.
    pair.attack(&[whole(0, 0, &[1; 1_000]), whole(0, 1, &[1; 100])].concat());
    pair.attack(&whole(0, 2, &[1; 1_000]));
    let client = &pair.client.slot().peer;
    let newer = client.forge_at(1_000, Some(30), &whole(0, 3, b"refused"));
    let older = client.forge_at(999, Some(25), &[0x00]);
    for packet in [newer, older] {
        pair.server.take(pair.now, pair.client.address, &packet);
    }
    let peer = &pair.server.slot().peer;
    assert!(peer.inbox.drops.unread_full > 0);
    assert!(peer.is_established());
    assert!(
        peer.recovery.in_flight() > 0,
        "those after 30 are in flight"
    );
}

#[test]
fn who_answers_but_never_acknowledges_costs_no_memory_without_end() {
    let mut pair = Pair::connected();
    let mut most = 0;
    for _ in 0..5_000 {
        pair.server
            .send(pair.now, 0, &[7; 100])
            .expect("unreliable");
        pair.server.endpoint.flush(pair.now);
        let _ = pair.server.datagrams(pair.now);
        // Alive, but silent about what arrived.
        pair.attack(&[0x00]);
        pair.now = pair.now + Duration::from_secs(1);
        pair.server.endpoint.handle_timeout(pair.now);
        most = most.max(pair.server.slot().peer.recovery.remembered());
    }
    assert!(pair.server.slot().peer.is_established());
    assert!(
        (2_000..=2_048).contains(&most),
        "{most} packets are remembered"
    );
}

#[test]
fn an_endpoint_that_calls_an_echo_hears_nobody() {
    for accepts in [false, true] {
        let mut now = Instant::from_millis(1);
        let mut side = Side::new(Config::builder().accepts(accepts), 1, now);
        let echo = address(2);
        side.endpoint
            .connect(now, echo, ServerIdentity::TrustOnFirstUse)
            .expect("free");
        let event = loop {
            for mut datagram in side.datagrams(now) {
                side.endpoint
                    .handle_datagram(now, Arrival::game(echo), &mut datagram);
            }
            if let Some(event) = side.endpoint.poll_event() {
                break event;
            }
            now = side.endpoint.poll_timeout().expect("the attempt ends");
            side.endpoint.handle_timeout(now);
        };
        assert_eq!(end_of(&[event]), &CloseReason::HandshakeTimeout);
        assert_eq!(side.endpoint.stats().attempts, 0);
    }
}
