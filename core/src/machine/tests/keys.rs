//! Keys change while a connection lives, and where they cannot, it ends before anything is used twice.

use alloc::vec::Vec;
use core::time::Duration;

use super::checkpoint::revive;
use super::frames::end_of;
use super::link::{Faults, Storm};
use super::pair::Pair;
use crate::config::ConfigBuilder;
use crate::crypto::{SEALED_MAX, forged_max};
use crate::event::Violation;
use crate::{CipherSuite, CloseReason, Config};

const SECOND: Duration = Duration::from_secs(1);

fn often() -> ConfigBuilder {
    Config::builder().packets_per_key(100)
}

/// How often each side changed its keys.
fn updates(pair: &mut Pair) -> [u64; 2] {
    [0, 1].map(|side| pair.side(side).slot().peer.stats().key_updates)
}

/// A tick of a game at 60 Hz: something small and reliable each way.
fn tick(pair: &mut Pair, payload: &[u8]) {
    for side in [0, 1] {
        let now = pair.now;
        let side = pair.side(side);
        side.send(now, 2, payload).expect("there is room");
        side.endpoint.flush(now);
    }
    pair.run_for(Duration::from_micros(16_667));
}

#[test]
fn keys_change_again_and_again_and_nothing_is_lost() {
    for suite in [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305] {
        let config = || often().ciphers(alloc::vec![suite]);
        let mut pair = Pair::connected_with(config(), config());
        for _ in 0..1_000 {
            tick(&mut pair, b"move");
        }
        let [client, server] = updates(&mut pair);
        assert!((5..=20).contains(&client), "{client} updates");
        assert!(client.abs_diff(server) <= 1);
        for side in [0, 1] {
            assert_eq!(pair.side(side).payloads().len(), 1_000);
            assert_eq!(pair.side(side).endpoint.stats().drops.unauthentic, 0);
        }
    }
}

/// A side that never reaches its own number follows the one that does.
#[test]
fn the_side_with_the_lower_number_decides() {
    for (client, server) in [(100, 1 << 22), (1 << 22, 100)] {
        let config = |packets| Config::builder().packets_per_key(packets);
        let mut pair = Pair::connected_with(config(client), config(server));
        for _ in 0..500 {
            tick(&mut pair, b"move");
        }
        let [client, server] = updates(&mut pair);
        assert!(client >= 3 && client.abs_diff(server) <= 1);
    }
}

#[test]
fn keys_change_under_loss_duplication_and_packets_that_overtake_each_other() {
    let faults = Faults {
        loss: 200,
        duplication: 100,
        delay_ms: 40,
        jitter_ms: 60,
        late: 50,
        late_ms: 2_000,
    };
    let mut storm = Storm::new(Pair::connected_with(often(), often()), faults, 7);
    for number in 0..1_000_u32 {
        let now = storm.pair.now;
        for side in [0, 1] {
            let side = storm.pair.side(side);
            side.send(now, 3, &number.to_be_bytes())
                .expect("there is room");
            side.endpoint.flush(now);
        }
        storm.run_for(Duration::from_millis(16));
    }
    storm.faults = Faults::default();
    storm.run_for(3 * SECOND);
    let [client, server] = updates(&mut storm.pair);
    assert!(
        client >= 4 && client.abs_diff(server) <= 1,
        "{client} {server}"
    );
    let said: Vec<_> = (0..1_000_u32)
        .map(|number| number.to_be_bytes().to_vec())
        .collect();
    for side in [0, 1] {
        assert_eq!(storm.pair.side(side).payloads(), said);
    }
}

#[test]
fn the_connection_ends_before_a_key_has_sealed_too_much() {
    // The peer is not heard, so keys cannot change.
    for left in [1_001, 1_000, 999] {
        let mut pair = Pair::connected();
        pair.client.slot().peer.wear(Some(SEALED_MAX - left), None);
        let now = pair.now;
        pair.client
            .send(now, 2, b"one more")
            .expect("there is room");
        pair.client.endpoint.flush(now);
        let said = pair.client.datagrams(now);
        assert!(!said.is_empty());
        pair.server.take(now, pair.client.address, &said[0]);
        pair.run_for(SECOND);
        let is_over = left <= 1_000;
        assert_eq!(pair.client.events.is_empty(), !is_over, "{left} left");
        if is_over {
            assert_eq!(end_of(&pair.client.events), &CloseReason::Exhausted);
            assert_eq!(end_of(&pair.server.events), &CloseReason::Exhausted);
        }
    }
}

#[test]
fn a_key_that_has_sealed_all_it_may_seals_no_more() {
    let mut pair = Pair::connected();
    pair.client.slot().peer.wear(Some(SEALED_MAX), None);
    let now = pair.now;
    pair.client
        .send(now, 2, b"one more")
        .expect("there is room");
    pair.client.endpoint.flush(now);
    assert_eq!(pair.client.datagrams(now).len(), 0);
    pair.client.poll();
    assert_eq!(end_of(&pair.client.events), &CloseReason::Exhausted);
    assert_eq!(pair.client.endpoint.poll_timeout(), None);
}

#[test]
fn the_connection_ends_before_a_forgery_becomes_likely() {
    for suite in [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305] {
        let ciphers = || Config::builder().ciphers(alloc::vec![suite]);
        let mut pair = Pair::connected_with(ciphers(), ciphers());
        let mut packet = pair.client.forge(&[1]);
        *packet.last_mut().expect("a tag") ^= 1;
        let max = forged_max(suite);
        pair.server.slot().peer.wear(None, Some(max - 2));
        pair.server.take(pair.now, pair.client.address, &packet);
        pair.run_for(SECOND);
        assert!(pair.server.events.is_empty());
        pair.server.take(pair.now, pair.client.address, &packet);
        pair.run_for(SECOND);
        assert_eq!(end_of(&pair.server.events), &CloseReason::Exhausted);
        assert_eq!(end_of(&pair.client.events), &CloseReason::Exhausted);
        assert_eq!(pair.server.endpoint.stats().drops.unauthentic, 2);
    }
}

/// A packet of the other phase is tried with one key at most, and moves nothing.
#[test]
fn a_flipped_key_phase_leaves_the_state_as_it_was() {
    let mut pair = Pair::connected();
    let before = pair.server.endpoint.fingerprint();
    for _ in 0..1_000 {
        let mut packet = pair.client.forge(&[1]);
        packet[0] ^= 0x20;
        pair.server.take(pair.now, pair.client.address, &packet);
    }
    assert_eq!(pair.server.endpoint.fingerprint(), before);
    assert_eq!(pair.server.endpoint.stats().drops.unauthentic, 1_000);
    pair.attack(&[1]);
    assert_ne!(pair.server.endpoint.fingerprint(), before);
}

#[test]
fn who_changes_keys_without_an_answer_is_shown_out() {
    let mut pair = Pair::connected();
    for update in 0..2 {
        let keys = pair.client.slot().peer.keys_for_test();
        keys.force(&Config::default());
        pair.attack(&[1]);
        assert_eq!(pair.server.slot().peer.stats().key_updates, 1, "{update}");
    }
    pair.run_for(SECOND);
    let violation = CloseReason::Violation(Violation::KeyUpdate);
    assert_eq!(end_of(&pair.server.events), &violation);
}

/// Who acknowledges a packet has its key, and must use it (RFC 9001 section 6.2).
#[test]
fn who_acknowledges_a_packet_with_the_key_before_it_is_shown_out() {
    let mut pair = Pair::connected();
    let keys = pair.server.slot().peer.keys_for_test();
    keys.force(&Config::default());
    pair.server
        .send(pair.now, 2, b"new")
        .expect("there is room");
    pair.server.endpoint.flush(pair.now);
    let sent = pair.server.slot().peer.recovery.next_number();
    assert_eq!(pair.server.datagrams(pair.now).len(), 1);
    pair.attack(&[0x02, u8::try_from(sent).expect("few"), 0, 0, 0]);
    pair.run_for(SECOND);
    let violation = CloseReason::Violation(Violation::KeyUpdate);
    assert_eq!(end_of(&pair.server.events), &violation);
}

#[test]
fn a_connection_that_has_changed_keys_survives_a_checkpoint() {
    let mut pair = Pair::connected_with(often(), often());
    for round in 0..400 {
        tick(&mut pair, b"move");
        if round % 37 == 0 {
            revive(&mut pair.client, 1);
            revive(&mut pair.server, 2);
        }
    }
    assert!(updates(&mut pair)[0] >= 2);
    assert_eq!(pair.client.payloads().len(), 400);
}
