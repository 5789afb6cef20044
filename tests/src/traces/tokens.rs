//! How clients with connect tokens are let in, refused and replaced.

use tickwire_core::{Config, Grant};
use tickwire_sim::{HostId, Pair, ms};

use super::{assert_trace, defaults, link, strangers_with};
use crate::tokens::{START, authority_key, dial, server, tell_time, token};

/// A client, and a server that wants tokens and knows the time.
fn gate() -> Pair {
    let mut pair = strangers_with(defaults(), server());
    tell_time(&mut pair.world, pair.server);
    pair
}

fn dial_with(pair: &mut Pair, from: HostId, serial: u64) {
    let address = pair.world.address(pair.server);
    dial(
        &mut pair.world,
        from,
        pair.server,
        &token(address, 7, serial),
    );
}

#[test]
fn a_client_with_a_token_joins_in_one_round_trip() {
    let mut pair = gate();
    let client = pair.client;
    dial_with(&mut pair, client, 1);
    pair.run_for(ms(200));
    assert_trace!(pair);
}

#[test]
fn a_client_without_a_token_is_told_that_it_needs_one() {
    let mut pair = gate();
    pair.dial();
    pair.run_for(ms(1_000));
    assert_trace!(pair);
}

#[test]
fn an_expired_token_is_refused() {
    let mut pair = gate();
    let address = pair.world.address(pair.server);
    let good = authority_key().open(&token(address, 7, 1));
    let expired = Grant {
        client_id: good.expect("its key").client_id,
        serial: 1,
        expires_at: START,
        servers: token(address, 7, 1).servers().to_vec(),
        user_data: Vec::new(),
    };
    let expired = authority_key().issue(&expired, [4; 32]);
    let client = pair.client;
    dial(
        &mut pair.world,
        client,
        pair.server,
        &expired.expect("a fair grant"),
    );
    pair.run_for(ms(1_000));
    assert_trace!(pair);
}

#[test]
fn a_newer_token_takes_over_from_another_address() {
    let mut pair = gate();
    let (client, other) = (pair.client, pair.world.add(Config::default()));
    pair.world.set_name(other, "D");
    pair.world.default_link(link());
    dial_with(&mut pair, client, 1);
    pair.run_for(ms(300));
    pair.note("The same player comes from another device.");
    dial_with(&mut pair, other, 2);
    pair.run_for(ms(300));
    assert_trace!(pair);
}
