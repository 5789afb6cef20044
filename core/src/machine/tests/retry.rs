//! A loaded server, and who gets in all the same.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::pair::{Pair, address};
use crate::wire::handshake::RETRY;
use crate::{CloseReason, Config, Event};

/// Where the ephemeral key stands in a HELLO with a connection id of 2 bytes.
const KEY_AT: usize = 8;

fn always() -> Pair {
    Pair::new(Config::builder(), Config::builder().unproven_max(0))
}

fn is_retry(datagram: &[u8]) -> bool {
    datagram[0] == RETRY
}

/// The HELLO of another client: the same offer and another key.
fn another(hello: &[u8], number: u32) -> Vec<u8> {
    let mut other = hello.to_vec();
    other[KEY_AT..KEY_AT + 4].copy_from_slice(&number.to_be_bytes());
    other
}

fn spoofed(number: u32) -> SocketAddr {
    SocketAddr::from(((0x0A80_0000 + number).to_be_bytes(), 9_000))
}

#[test]
fn a_loaded_server_keeps_nothing_until_the_client_has_proved_its_address() {
    let mut pair = always();
    pair.dial();
    let hello = pair.client.datagrams(pair.now).remove(0);
    let before = pair.server.endpoint.fingerprint();
    pair.server.take(pair.now, pair.client.address, &hello);
    let answers = pair.server.datagrams(pair.now);
    assert!(answers.len() == 1 && is_retry(&answers[0]) && answers[0].len() == 20);
    assert_eq!(pair.server.endpoint.fingerprint(), before);
    pair.client.take(pair.now, pair.server.address, &answers[0]);
    let again = pair.client.datagrams(pair.now).remove(0);
    assert_eq!((again.len(), &again[..KEY_AT]), (1_200, &hello[..KEY_AT]));
    pair.server.take(pair.now, address(9), &again);
    assert_eq!(pair.server.endpoint.fingerprint(), before, "not from there");
    pair.server.take(pair.now, pair.client.address, &again);
    pair.run_for(Duration::from_millis(100));
    assert!(matches!(pair.server.events[..], [Event::Connected { .. }]));
    let stats = pair.server.endpoint.stats();
    assert_eq!((stats.retries, stats.attempts, stats.accepted), (2, 1, 1));
}

#[test]
fn a_cookie_is_asked_for_only_while_there_is_load() {
    let mut pair = Pair::new(Config::builder(), Config::builder());
    pair.dial();
    let hello = pair.client.datagrams(pair.now).remove(0);
    for number in 0..2_000 {
        pair.server
            .take(pair.now, spoofed(number), &another(&hello, number));
        let answers: usize = pair.server.datagrams(pair.now).iter().map(Vec::len).sum();
        assert!((1..=hello.len()).contains(&answers));
    }
    let stats = pair.server.endpoint.stats();
    assert_eq!((stats.half_open_now, stats.retries), (6, 2_000 - 6));
    assert_eq!(pair.server.endpoint.machine.slots.used(), 6);
    pair.server.take(pair.now, pair.client.address, &hello);
    let retry = pair.server.datagrams(pair.now).remove(0);
    assert!(is_retry(&retry));
    pair.client.take(pair.now, pair.server.address, &retry);
    pair.run_for(Duration::from_millis(100));
    assert!(pair.client.peer.is_some(), "{:?}", pair.client.events);
}

#[test]
fn a_rate_of_handshakes_is_load_too() {
    let server = Config::builder().unproven_per_second(5);
    let mut pair = Pair::new(Config::builder(), server);
    pair.dial();
    let hello = pair.client.datagrams(pair.now).remove(0);
    for number in 0..20 {
        pair.server
            .take(pair.now, spoofed(number), &another(&hello, number));
    }
    let stats = pair.server.endpoint.stats();
    assert_eq!((stats.half_open_now, stats.retries), (5, 15));
}

#[test]
fn one_network_does_not_take_the_places_that_are_left() {
    let mut pair = always();
    pair.dial();
    let hello = pair.client.datagrams(pair.now).remove(0);
    let here = |port| SocketAddr::from(([10, 9, 9, 9], port));
    for port in 0..100 {
        let hello = another(&hello, u32::from(port));
        pair.server.take(pair.now, here(port), &hello);
        let retry = pair.server.datagrams(pair.now).remove(0);
        let mut proved = hello;
        let at = KEY_AT + 71;
        proved[at] = 17;
        proved[at + 1..at + 18].copy_from_slice(&retry[3..]);
        pair.server.take(pair.now, here(port), &proved);
        let _ = pair.server.datagrams(pair.now);
    }
    let stats = pair.server.endpoint.stats();
    assert_eq!((stats.half_open_now, stats.drops.half_open_full), (8, 92));
}

#[test]
fn a_forged_retry_costs_a_client_nothing_but_a_hello_or_two() {
    let mut pair = always();
    pair.dial();
    let id = pair.client.datagrams(pair.now)[0][3..5].to_vec();
    let mut hellos = 0;
    for forged in 0..50 {
        let mut retry = [RETRY, id[0], id[1]].to_vec();
        retry.extend([forged; 17]);
        pair.client.take(pair.now, pair.server.address, &retry);
        hellos += pair.client.datagrams(pair.now).len();
        pair.client.take(pair.now, address(9), &retry);
        retry.truncate(19);
        pair.client.take(pair.now, pair.server.address, &retry);
    }
    assert_eq!(hellos, 8, "answered at once");
    let drops = pair.client.endpoint.stats().drops;
    assert_eq!((drops.malformed, drops.unexpected_handshake), (50, 50));
    pair.run_for(Duration::from_secs(1));
    assert!(matches!(pair.client.events[..], [Event::Connected { .. }]));
}

#[test]
fn nobody_is_asked_who_would_be_refused_anyway() {
    let mut pair = always();
    pair.server.endpoint.ban(pair.client.address.ip());
    pair.dial();
    pair.run_for(Duration::from_secs(2));
    let refused = |event: &Event| {
        matches!(event, Event::Disconnected { reason, .. }
            if *reason == CloseReason::Refused(crate::event::Refusal::Banned))
    };
    assert!(pair.client.events.iter().any(refused));
    assert_eq!(pair.server.endpoint.stats().retries, 0);
}
