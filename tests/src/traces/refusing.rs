//! How a server says no, and why.

use tickwire_core::{
    ChannelConfig, CipherSuite, ConfigBuilder, Delivery, PublicKey, ServerIdentity,
};
use tickwire_sim::{Pair, ms};

use super::{assert_trace, defaults, link, strangers, strangers_with};

#[test]
fn a_full_server_says_so() {
    let mut pair = strangers_with(defaults(), defaults().peers_max(1));
    let other = pair.world.add(tickwire_core::Config::default());
    pair.world.set_name(other, "D");
    pair.world.default_link(link());
    let server = pair.world.address(pair.server);
    pair.note("A second client takes the only place.");
    pair.world.act(other, |endpoint, now| {
        endpoint
            .connect(now, server, ServerIdentity::TrustOnFirstUse)
            .expect("it can dial")
    });
    pair.run_for(ms(200));
    pair.note("The first one comes too late.");
    assert_trace!(refused(pair));
}

#[test]
fn another_application_is_refused() {
    assert_trace!(refused(strangers_with(
        defaults().protocol_id(1),
        defaults().protocol_id(2),
    )));
}

#[test]
fn other_channels_are_refused() {
    let one = defaults().channels(vec![ChannelConfig::new(Delivery::Ordered)]);
    assert_trace!(refused(strangers_with(one, defaults())));
}

#[test]
fn a_client_without_a_common_cipher_is_refused() {
    let only = |suite| -> ConfigBuilder { defaults().ciphers(vec![suite]) };
    assert_trace!(refused(strangers_with(
        only(CipherSuite::Aes128Gcm),
        only(CipherSuite::ChaCha20Poly1305),
    )));
}

#[test]
fn a_banned_address_is_refused() {
    let mut pair = strangers();
    let banned = pair.world.address(pair.client).ip();
    pair.world.endpoint(pair.server).ban(banned);
    assert_trace!(refused(pair));
}

#[test]
fn a_server_that_is_draining_takes_nobody_new() {
    let mut pair = strangers();
    pair.world.endpoint(pair.server).set_accepting(false);
    assert_trace!(refused(pair));
}

#[test]
fn a_server_with_another_key_is_not_believed() {
    let mut pair = strangers();
    let expected = PublicKey::from_bytes([9; 32]);
    pair.dial_as(ServerIdentity::Known(expected));
    pair.run_for(ms(10_000));
    assert_trace!(pair);
}

/// Dials and waits for what comes of it.
fn refused(mut pair: Pair) -> Pair {
    pair.dial();
    pair.run_for(ms(1_000));
    pair
}
