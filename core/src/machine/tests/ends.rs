//! A connection ends once, whatever crosses on the way.

use alloc::vec;
use core::time::Duration;

use super::frames::{CLOSE, end_of, whole};
use super::pair::Pair;
use crate::event::Violation;
use crate::wire::varint;
use crate::{CloseReason, Config, Event, Farewell};

#[test]
fn nothing_is_told_of_a_peer_after_its_end() {
    let mut pair = Pair::connected();
    let packets = [
        pair.client.forge(&CLOSE),
        pair.client.forge(&whole(2, 0, b"too late")),
        pair.client.forge(&CLOSE),
    ];
    // The server ends it first; its owner does not poll.
    pair.server.take(pair.now, pair.client.address, &packets[0]);
    pair.now = pair.now + Duration::from_secs(20);
    pair.server.endpoint.handle_timeout(pair.now);
    for packet in &packets[1..] {
        pair.server.take(pair.now, pair.client.address, packet);
    }
    pair.server.poll();
    assert_eq!(
        end_of(&pair.server.events),
        &CloseReason::Remote(Farewell::default())
    );
}

#[test]
fn a_farewell_and_its_acknowledgement_may_cross_out_of_order() {
    let mut pair = Pair::connected();
    let peer = pair.server.peer.expect("connected");
    pair.server
        .endpoint
        .disconnect(pair.now, peer, Farewell::new(1, "bye"));
    let close = pair.server.datagrams(pair.now);
    let number = pair.server.slot().peer.recovery.next_number() - 1;
    assert_eq!(close.len(), 1);
    let late = pair.client.forge(&CLOSE);
    let mut ack = vec![0x02];
    varint::encode(number, &mut ack);
    ack.extend_from_slice(&[0, 0, 0]);
    pair.attack(&ack);
    pair.server.take(pair.now, pair.client.address, &late);
    pair.server.poll();
    assert_eq!(
        end_of(&pair.server.events),
        &CloseReason::Local(Farewell::new(1, "bye"))
    );
}

#[test]
fn a_compact_acknowledgement_of_the_farewell_ends_what_follows_it_too() {
    let mut pair = Pair::connected();
    let peer = pair.server.peer.expect("connected");
    pair.server
        .endpoint
        .disconnect(pair.now, peer, Farewell::default());
    assert_eq!(pair.server.datagrams(pair.now).len(), 1);
    let number = pair.server.slot().peer.recovery.next_number() - 1;
    let packet =
        pair.client
            .slot()
            .peer
            .forge_at(1_000, Some(number as u8), &whole(2, 0, b"after the end"));
    pair.server.take(pair.now, pair.client.address, &packet);
    pair.server.poll();
    assert_eq!(
        end_of(&pair.server.events),
        &CloseReason::Local(Farewell::default())
    );
}

#[test]
fn a_violation_in_the_first_packet_is_an_end_like_any_other() {
    let mut pair = Pair::new(Config::builder(), Config::builder());
    pair.dial();
    let hello = pair.client.datagrams(pair.now).remove(0);
    pair.server.take(pair.now, pair.client.address, &hello);
    let welcome = pair.server.datagrams(pair.now).remove(0);
    pair.client.take(pair.now, pair.server.address, &welcome);
    pair.client.poll();
    pair.attack(&[0x7F]);
    pair.server.poll();
    assert!(
        matches!(pair.server.events[..], [Event::Connected { .. }]),
        "{:?}",
        pair.server.events
    );
    // Another handshake from the same address does not make the owner's peer vanish.
    let mut other = Pair::new(Config::builder(), Config::builder().protocol_id(1));
    other.dial();
    let another = other.client.datagrams(pair.now).remove(0);
    assert_eq!(another.len(), hello.len());
    pair.server.take(pair.now, pair.client.address, &another);
    let _ = pair.server.datagrams(pair.now);
    pair.now = pair.now + Duration::from_secs(1);
    pair.server.endpoint.handle_timeout(pair.now);
    pair.server.poll();
    assert_eq!(
        end_of(&pair.server.events),
        &CloseReason::Violation(Violation::BadFrame)
    );
    assert_eq!(pair.server.endpoint.stats().peers_now, 0);
}
