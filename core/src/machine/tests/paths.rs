//! A client whose packets come from elsewhere: when the server follows it, and when it does not.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::pair::{Pair, Side, address};
use crate::{Config, Event, SecretKey, Transmit};

const RELIABLE: u8 = 3;
const UP: &[u8] = b"a message from the client";

/// Carries datagrams until both sides are silent: the client's come from `from`, and of the server's only those to
/// `from` arrive. Returns all that the server sent.
fn exchange_from(pair: &mut Pair, from: SocketAddr) -> Vec<(Transmit, Vec<u8>)> {
    let mut sent = Vec::new();
    for _ in 0..1_000 {
        pair.client.endpoint.handle_timeout(pair.now);
        pair.server.endpoint.handle_timeout(pair.now);
        let up = pair.client.datagrams(pair.now);
        for datagram in &up {
            pair.server.take(pair.now, from, datagram);
        }
        let down = pair.server.transmits(pair.now);
        for (transmit, datagram) in &down {
            if transmit.to == from {
                pair.client.take(pair.now, pair.server.address, datagram);
            }
        }
        let heard = pair.client.poll() + pair.server.poll();
        if up.is_empty() && down.is_empty() && heard == 0 {
            return sent;
        }
        sent.extend(down);
    }
    panic!("the endpoints never fall silent");
}

fn client_address(pair: &Pair) -> SocketAddr {
    let server = &pair.server;
    let peer = server.peer.expect("connected");
    server.endpoint.peer_address(peer).expect("a peer")
}

fn audit(side: &Side) {
    assert_eq!(side.endpoint.audit(0), Ok(()));
}

fn changes(side: &Side) -> Vec<(SocketAddr, SocketAddr)> {
    let changes = side.events.iter().filter_map(|event| {
        let Event::PathChanged { from, to, .. } = event else {
            return None;
        };
        Some((*from, *to))
    });
    changes.collect()
}

#[test]
fn a_client_that_comes_from_elsewhere_proves_itself_and_is_followed() {
    let mut pair = Pair::connected();
    let (old, new) = (pair.client.address, address(9));
    pair.client
        .send(pair.now, RELIABLE, UP)
        .expect("room in the queue");
    pair.client.endpoint.flush(pair.now);
    let sent = exchange_from(&mut pair, new);
    assert_eq!(
        sent[0].0.to, new,
        "a challenge goes where the packet came from"
    );
    assert_eq!(client_address(&pair), new);
    assert_eq!(changes(&pair.server), [(old, new)]);
    assert!(
        pair.client.events.is_empty(),
        "the client knows nothing of it"
    );
    pair.server
        .send(pair.now, RELIABLE, b"down")
        .expect("room in the queue");
    pair.server.endpoint.flush(pair.now);
    exchange_from(&mut pair, new);
    assert_eq!(pair.client.payloads(), [b"down".to_vec()]);
    assert_eq!(pair.server.payloads(), [UP.to_vec()]);
    audit(&pair.server);
}

/// Until the new address has proved itself everything else goes to the old one.
#[test]
fn an_address_that_does_not_answer_gets_only_challenges_and_no_more_bytes_than_it_sent() {
    let mut pair = Pair::connected();
    let (old, new) = (pair.client.address, address(9));
    let (mut received, mut sent) = (0, 0);
    for round in 0..40_u8 {
        let _ = pair.client.send(pair.now, RELIABLE, &[round; 5]);
        let _ = pair.server.send(pair.now, RELIABLE, &[round; 200]);
        pair.client.endpoint.flush(pair.now);
        pair.server.endpoint.flush(pair.now);
        pair.client.endpoint.handle_timeout(pair.now);
        pair.server.endpoint.handle_timeout(pair.now);
        for datagram in pair.client.datagrams(pair.now) {
            received += datagram.len();
            pair.server.take(pair.now, new, &datagram);
        }
        for (transmit, datagram) in pair.server.transmits(pair.now) {
            if transmit.to == old {
                pair.client.take(pair.now, pair.server.address, &datagram);
            } else {
                assert_eq!(transmit.to, new);
                assert!(datagram.len() < 40, "only a challenge: {}", datagram.len());
                sent += datagram.len();
                assert!(sent <= received, "{sent} bytes for {received}");
            }
        }
        audit(&pair.server);
        pair.client.poll();
        pair.server.poll();
        pair.now = pair.now + Duration::from_millis(50);
    }
    assert!(sent > 0, "it was asked");
    assert_eq!(client_address(&pair), old);
    assert!(changes(&pair.server).is_empty());
    let messages = pair.client.payloads().len();
    assert!(messages >= 39, "the old way carried {messages} messages");
}

#[test]
fn a_copy_of_a_packet_from_an_attackers_address_says_nothing() {
    let mut pair = Pair::connected();
    let attacker = address(66);
    pair.client
        .send(pair.now, RELIABLE, UP)
        .expect("room in the queue");
    pair.client.endpoint.flush(pair.now);
    let datagrams = pair.client.datagrams(pair.now);
    for datagram in &datagrams {
        pair.server.take(pair.now, pair.client.address, datagram);
    }
    let before = pair.server.endpoint.fingerprint();
    for datagram in &datagrams {
        pair.server.take(pair.now, attacker, datagram);
        let mut forged = datagram.clone();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        forged[3] = forged[3].wrapping_add(1);
        pair.server.take(pair.now, attacker, &forged);
    }
    assert_eq!(pair.server.endpoint.fingerprint(), before);
    let sent = pair.server.transmits(pair.now);
    assert!(sent.iter().all(|(transmit, _)| transmit.to != attacker));
}

/// RFC 9000 section 9.3.3: somebody forwards a packet faster than the network. It cannot read the challenge, and what the
/// client says next comes from the client's own address.
#[test]
fn who_forwards_packets_is_asked_and_cannot_answer_even_by_the_clients_mouth() {
    let mut pair = Pair::connected();
    let (home, attacker) = (pair.client.address, address(66));
    pair.client
        .send(pair.now, RELIABLE, UP)
        .expect("room in the queue");
    pair.client.endpoint.flush(pair.now);
    let datagrams = pair.client.datagrams(pair.now);
    for datagram in &datagrams {
        pair.server.take(pair.now, attacker, datagram);
        pair.server.take(pair.now, home, datagram);
    }
    let sent = pair.server.transmits(pair.now);
    let challenge = sent.iter().find(|(transmit, _)| transmit.to == attacker);
    let (_, challenge) = challenge.expect("the attacker is asked");
    pair.client.take(pair.now, pair.server.address, challenge);
    for datagram in pair.client.datagrams(pair.now) {
        pair.server.take(pair.now, home, &datagram);
    }
    pair.run_for(Duration::from_secs(5));
    assert_eq!(client_address(&pair), home);
    assert!(changes(&pair.server).is_empty());
    let stats = pair
        .server
        .endpoint
        .peer_stats(pair.server.peer.expect("connected"));
    assert_eq!(stats.map(|stats| stats.paths_failed), Some(1));
}

/// Packets from the old address that were overtaken by the move do not bring it back.
#[test]
fn packets_that_were_overtaken_do_not_make_it_flap() {
    let mut pair = Pair::connected();
    let (old, new) = (pair.client.address, address(9));
    pair.client
        .send(pair.now, RELIABLE, UP)
        .expect("room in the queue");
    pair.client.endpoint.flush(pair.now);
    let late = pair.client.datagrams(pair.now);
    pair.client
        .send(pair.now, RELIABLE, UP)
        .expect("room in the queue");
    pair.client.endpoint.flush(pair.now);
    exchange_from(&mut pair, new);
    assert_eq!(client_address(&pair), new);
    for datagram in &late {
        pair.server.take(pair.now, old, datagram);
    }
    let sent = pair.server.transmits(pair.now);
    assert!(sent.iter().all(|(transmit, _)| transmit.to == new));
    assert_eq!(client_address(&pair), new);
}

/// Its old token would be wrong: tokens are bound to addresses.
#[test]
fn a_client_that_moved_is_told_the_token_of_its_new_address() {
    let lasting = Config::builder().identity(Some(SecretKey::from_bytes([7; 32])));
    let mut pair = Pair::connected_with(Config::builder(), lasting.clone());
    let new = address(9);
    pair.client
        .send(pair.now, RELIABLE, UP)
        .expect("room in the queue");
    pair.client.endpoint.flush(pair.now);
    exchange_from(&mut pair, new);
    assert_eq!(client_address(&pair), new);
    // The server is born again with the same key.
    pair.server = Side::new(lasting.accepts(true), 2, pair.now);
    pair.client
        .send(pair.now, RELIABLE, b"lost")
        .expect("room in the queue");
    pair.client.endpoint.flush(pair.now);
    exchange_from(&mut pair, new);
    let is_reset = |event: &Event| {
        matches!(
            event,
            Event::Disconnected {
                reason: crate::CloseReason::Reset,
                ..
            }
        )
    };
    assert!(pair.client.events.iter().any(is_reset));
}

/// Its packets are shorter than a challenge, so there is nothing to ask it with, until it asks itself: when it was silent
/// for long, or when what it said is not acknowledged.
#[test]
fn a_client_that_says_little_is_followed_too() {
    for says in [&[][..], b"!"] {
        let mut pair = Pair::connected();
        let new = address(9);
        if !says.is_empty() {
            let sent = pair.client.send(pair.now, RELIABLE, says);
            sent.expect("room in the queue");
        }
        let end = pair.now + Duration::from_millis(2_700);
        while pair.now < end {
            exchange_from(&mut pair, new);
            pair.now = pair.now + Duration::from_millis(10);
        }
        assert_eq!(client_address(&pair), new);
    }
}

#[test]
fn of_two_that_swap_their_addresses_each_is_found_where_it_is() {
    let mut pair = Pair::connected();
    let mut other = Side::new(Config::builder(), 3, pair.now);
    let (home, elsewhere) = (pair.client.address, other.address);
    let dialled = other.endpoint.connect(
        pair.now,
        pair.server.address,
        crate::ServerIdentity::TrustOnFirstUse,
    );
    other.peer = Some(dialled.expect("free"));
    core::mem::swap(&mut pair.client, &mut other);
    pair.run_for(Duration::from_millis(100));
    core::mem::swap(&mut pair.client, &mut other);
    let first = pair.server.endpoint.peers().next().expect("two peers");
    let second = pair.server.endpoint.peers().nth(1).expect("two peers");
    for (side, to) in [(0, elsewhere), (1, home)] {
        if side == 1 {
            core::mem::swap(&mut pair.client, &mut other);
        }
        pair.client
            .send(pair.now, RELIABLE, UP)
            .expect("room in the queue");
        pair.client.endpoint.flush(pair.now);
        exchange_from(&mut pair, to);
        audit(&pair.server);
    }
    assert_eq!(pair.server.endpoint.peer_address(first), Some(elsewhere));
    assert_eq!(pair.server.endpoint.peer_address(second), Some(home));
}
