//! A16: who changes what a client offers gets both sides to agree on nothing.

use tickwire_core::{Arrival, Config, Endpoint, Entropy, Event, Instant, ServerIdentity};
use tickwire_sim::{Rng, ms};

use crate::session::{client_address, server_address};

const NOW: Instant = Instant::ZERO;

fn hello(client: &mut Endpoint, identity: ServerIdentity) -> Vec<u8> {
    let dialled = client.connect(NOW, server_address(), identity);
    dialled.expect("it can dial");
    let mut hello = Vec::new();
    let sent = client.poll_transmit(NOW, &mut hello);
    assert!(sent.is_some());
    hello
}

fn server() -> Endpoint {
    let config = Config::builder().accepts(true).unproven_max(5_000);
    let config = config.build().expect("a valid configuration");
    Endpoint::new(config, Entropy::from_seed(2), NOW)
}

fn answer(server: &mut Endpoint, hello: &[u8]) -> Vec<u8> {
    server.handle_datagram(NOW, Arrival::game(client_address()), &mut hello.to_vec());
    let mut answer = Vec::new();
    let _ = server.poll_transmit(NOW, &mut answer);
    assert!(answer.len() <= hello.len());
    answer
}

#[test]
fn every_other_version_is_refused_with_the_reason() {
    for version in (0..=255).filter(|version| *version != 1) {
        let mut client = Endpoint::new(Config::default(), Entropy::from_seed(1), NOW);
        let mut hello = hello(&mut client, ServerIdentity::TrustOnFirstUse);
        hello[1] = version;
        let mut server = server();
        let refuse = answer(&mut server, &hello);
        assert_eq!(
            (refuse[0], &refuse[3..5]),
            (0xC2, &[2, 1][..]),
            "version {version}"
        );
        assert_eq!(server.stats().half_open_now, 0);
    }
}

/// Any bit of the version, the id's length, the pattern and the offer, in either pattern: the client takes no answer to it, and gets in
/// with its own HELLO.
#[test]
fn a_changed_offer_leads_to_no_connection() {
    for known in [true, false] {
        let identity = match known {
            true => ServerIdentity::Known(server().public_key()),
            false => ServerIdentity::TrustOnFirstUse,
        };
        let mut client = Endpoint::new(Config::default(), Entropy::from_seed(1), NOW);
        let hello = hello(&mut client, identity);
        let mut rng = Rng::new(16).fork("downgrade");
        // Header, ephemeral key and offer, whose length is in the header.
        let len = usize::from(u16::from_be_bytes([hello[6], hello[7]]));
        for at in 0..8 + len {
            let mut changed = hello.clone();
            changed[at] ^= 1 << rng.below(8);
            let mut server = server();
            let mut reply = answer(&mut server, &changed);
            client.handle_datagram(NOW, Arrival::game(server_address()), &mut reply);
            let mut out = Vec::new();
            assert!(client.poll_transmit(NOW, &mut out).is_none(), "byte {at}");
            assert_eq!(client.poll_event(), None, "byte {at}");
        }
        // A refusal of a HELLO that was changed is not even a hint: the attempt goes on for as long as it may.
        let later = NOW + ms(4_900);
        client.handle_timeout(later);
        assert_eq!(client.poll_event(), None);
        let mut reply = answer(&mut server(), &hello);
        client.handle_datagram(later, Arrival::game(server_address()), &mut reply);
        assert!(matches!(client.poll_event(), Some(Event::Connected { .. })));
    }
}
