//! The handshake among forgers, echoes and mistaken addresses.

use alloc::vec::Vec;
use core::time::Duration;

use super::pair::{Pair, Side, address};
use crate::{Config, Event, Instant, ServerIdentity};

fn is_connected(side: &Side) -> bool {
    matches!(side.events.last(), Some(Event::Connected { .. }))
}

fn hello(pair: &mut Pair) -> Vec<u8> {
    pair.dial();
    pair.client.datagrams(pair.now).remove(0)
}

#[test]
fn a_hello_of_any_length_is_never_answered_with_more() {
    let mut pair = Pair::new(Config::builder(), Config::builder());
    let hello = hello(&mut pair);
    for version in [1, 2, 0, 255] {
        for id_len in 0..=9 {
            for len in (0..1_500).step_by(1 + usize::from(id_len != hello[2]) * 97) {
                let mut question = hello.clone();
                question.resize(len, 0);
                if len > 2 {
                    (question[1], question[2]) = (version, id_len);
                }
                pair.now = pair.now + Duration::from_millis(10);
                pair.server.take(pair.now, address(9), &question);
                let answers = pair.server.datagrams(pair.now);
                let answered: usize = answers.iter().map(Vec::len).sum();
                assert!(answered <= len && (len >= 548 || answered == 0));
                pair.server.endpoint.handle_timeout(pair.now);
            }
        }
    }
    assert!(pair.server.events.is_empty());
}

#[test]
fn an_address_that_is_not_proven_never_gets_more_than_it_sent() {
    let mut pair = Pair::new(Config::builder(), Config::builder());
    pair.dial();
    let (mut asked, mut answered) = (0, 0);
    // The client never hears an answer, and repeats itself; some of its datagrams come twice.
    while pair.client.endpoint.poll_timeout().is_some() {
        for (index, datagram) in pair.client.datagrams(pair.now).iter().enumerate() {
            for _ in 0..=index % 2 {
                pair.server.take(pair.now, pair.client.address, datagram);
                asked += datagram.len();
            }
        }
        for (transmit, datagram) in pair.server.transmits(pair.now) {
            assert_eq!(transmit.to, pair.client.address);
            answered += datagram.len();
            assert!(answered <= asked);
        }
        pair.client.poll();
        let next = pair.client.endpoint.poll_timeout();
        pair.now = next.unwrap_or(pair.now);
        pair.client.endpoint.handle_timeout(pair.now);
        pair.server.endpoint.handle_timeout(pair.now);
        pair.client.poll();
    }
    assert!(answered > 500, "it was answered");
    pair.now = pair.now + Duration::from_secs(10);
    pair.server.endpoint.handle_timeout(pair.now);
    assert_eq!(pair.server.endpoint.machine.slots.used(), 0);
    assert_eq!(pair.server.endpoint.poll_timeout(), None);
}

#[test]
fn what_was_said_in_an_earlier_handshake_changes_nothing() {
    let mut pair = Pair::new(Config::builder(), Config::builder());
    let old_hello = hello(&mut pair);
    pair.server.take(pair.now, pair.client.address, &old_hello);
    let old_welcome = pair.server.datagrams(pair.now).remove(0);
    let old_proof = {
        pair.client
            .take(pair.now, pair.server.address, &old_welcome);
        pair.client.datagrams(pair.now).remove(0)
    };
    // The client's program restarts. The attacker has every datagram of its first life.
    let seed = crate::Entropy::from_seed(99);
    let config = pair.client.endpoint.config().clone();
    pair.client.endpoint = crate::Endpoint::new(config, seed, pair.now);
    let new_hello = hello(&mut pair);
    for _ in 0..3 {
        pair.client
            .take(pair.now, pair.server.address, &old_welcome);
        pair.server.take(pair.now, pair.client.address, &old_hello);
    }
    pair.server.take(pair.now, pair.client.address, &new_hello);
    let welcomes = pair.server.datagrams(pair.now);
    for welcome in &welcomes {
        pair.client.take(pair.now, pair.server.address, welcome);
    }
    pair.client.poll();
    assert!(is_connected(&pair.client));
    pair.run_for(Duration::from_millis(200));
    assert!(is_connected(&pair.server));
    let connected = pair.server.peer;
    for datagram in [&old_hello, &new_hello, &old_proof] {
        pair.server.take(pair.now, pair.client.address, datagram);
    }
    for datagram in welcomes.iter().chain([&old_welcome]) {
        pair.client.take(pair.now, pair.server.address, datagram);
    }
    pair.run_for(Duration::from_secs(30));
    let ids: Vec<_> = pair.server.endpoint.peers().collect();
    assert!(
        ids.contains(&connected.expect("connected")),
        "{:?}",
        pair.server.events
    );
    assert!(is_connected(&pair.client), "{:?}", pair.client.events);
}

/// Carries what `from` sends to `to`, as if it came from `as_if`.
fn carry(now: Instant, from: &mut Side, to: &mut Side, as_if: core::net::SocketAddr) {
    for (transmit, datagram) in from.transmits(now) {
        if transmit.to == to.address {
            to.take(now, as_if, &datagram);
        }
    }
}

#[test]
fn clients_whose_datagrams_are_swapped_get_in_once_the_path_is_right() {
    let now = Instant::from_millis(1);
    let mut server = Side::new(Config::builder().accepts(true), 2, now);
    let mut clients = [
        Side::new(Config::builder(), 3, now),
        Side::new(Config::builder(), 4, now),
    ];
    for client in &mut clients {
        let dialled = client
            .endpoint
            .connect(now, server.address, ServerIdentity::TrustOnFirstUse);
        dialled.expect("free");
    }
    let mut now = now;
    for round in 0..200 {
        let is_swapped = round < 40;
        for index in 0..2 {
            let as_if = clients[if is_swapped { 1 - index } else { index }].address;
            carry(now, &mut clients[index], &mut server, as_if);
        }
        let sent = server.transmits(now);
        for (transmit, datagram) in sent {
            for client in &mut clients {
                if client.address == transmit.to {
                    client.take(now, server.address, &datagram);
                }
            }
        }
        server.poll();
        clients.iter_mut().for_each(|client| {
            client.poll();
        });
        now = now + Duration::from_millis(10);
        server.endpoint.handle_timeout(now);
        for client in &mut clients {
            client.endpoint.handle_timeout(now);
        }
    }
    for client in &clients {
        assert!(is_connected(client), "{:?}", client.events);
        assert_eq!(client.events.len(), 1);
    }
    assert_eq!(server.endpoint.stats().peers_now, 2);
    assert_eq!(server.events.len(), 2, "{:?}", server.events);
}
