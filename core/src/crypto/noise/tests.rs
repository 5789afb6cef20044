use super::*;
use crate::crypto::SecretKey;
use crate::crypto::packet::PacketKey;
use crate::crypto::{CipherSuite, Portable};
use crate::event::Role;
use alloc::format;
use alloc::vec;

const PROLOGUE: &[u8] = b"hello header";
const PATTERNS: [Pattern; 4] = [Pattern::Nx, Pattern::Nk, Pattern::NxPsk, Pattern::NkPsk];

/// What both sides have in common beforehand.
fn psk(pattern: Pattern) -> Option<Psk> {
    pattern.has_psk().then(|| Psk::new([9; 32]))
}

fn identity() -> Identity {
    Identity::new(SecretKey::from_bytes([0x42; 32]), true)
}

fn server_for(pattern: Pattern) -> ServerIdentity {
    match pattern.knows_key() {
        false => ServerIdentity::TrustOnFirstUse,
        true => ServerIdentity::Known(identity().public_key()),
    }
}

/// A client that has sent "knock", and its message.
fn client(pattern: Pattern) -> (ClientHandshake, Vec<u8>) {
    let mut rng = SecretRng::new([1; 32]);
    let mut message = Vec::new();
    let server = server_for(pattern);
    let client = ClientHandshake::start(
        server,
        psk(pattern).as_ref(),
        PROLOGUE,
        b"knock",
        &mut rng,
        &mut message,
    );
    (client, message)
}

fn server(
    pattern: Pattern,
    prologue: &[u8],
    message: &[u8],
) -> Result<(ServerHandshake, Vec<u8>), HandshakeError> {
    let mut rng = SecretRng::new([2; 32]);
    let mut payload = vec![0xee; 3];
    ServerHandshake::read(
        &mut identity(),
        pattern,
        psk(pattern).as_ref(),
        prologue,
        message,
        &mut payload,
        &mut rng,
    )
    .map(|server| (server, payload))
}

/// Both sides just before the client finishes: the client, the server's secrets, message 2 with "come in".
fn answered(pattern: Pattern) -> (ClientHandshake, Secrets, Vec<u8>) {
    let (client, message) = client(pattern);
    let (server, payload) = server(pattern, PROLOGUE, &message).expect("a fair message 1");
    assert_eq!(payload, b"knock");
    let mut reply = Vec::new();
    let secrets = server.reply(b"come in", &mut reply);
    (client, secrets, reply)
}

fn can_talk(from: &PacketKey, to: &PacketKey) -> bool {
    let mut bytes = [7; 9];
    let tag = from.seal(0, &[], &mut bytes);
    to.open(0, &[], &mut bytes, &tag).is_ok()
}

fn assert_finishes(client: &mut ClientHandshake, server: &Secrets, reply: &[u8]) {
    let mut payload = vec![0xee; 3];
    let finished = client
        .finish(reply, &mut payload)
        .expect("the true message 2");
    assert_eq!(payload, b"come in");
    assert_eq!(finished.server_key, identity().public_key());
    for suite in [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305] {
        let client = finished.secrets.keys(suite, Role::Client, &Portable);
        let server = server.keys(suite, Role::Server, &Portable);
        assert!(can_talk(&client.send, &server.receive));
        assert!(can_talk(&server.send, &client.receive));
    }
}

#[test]
fn both_sides_end_with_opposite_keys_and_the_servers_key() {
    for pattern in PATTERNS {
        let (mut client, secrets, reply) = answered(pattern);
        assert_finishes(&mut client, &secrets, &reply);
    }
}

#[test]
fn messages_are_as_long_as_their_overhead_says_and_are_appended() {
    for pattern in PATTERNS {
        let (message, reply) = (client(pattern).1, answered(pattern).2);
        assert_eq!(message.len(), pattern.first_overhead() + b"knock".len());
        assert_eq!(reply.len(), pattern.second_overhead() + b"come in".len());

        let mut out = vec![0xc0];
        let mut rng = SecretRng::new([1; 32]);
        ClientHandshake::start(
            server_for(pattern),
            psk(pattern).as_ref(),
            PROLOGUE,
            b"knock",
            &mut rng,
            &mut out,
        );
        assert_eq!(out[0], 0xc0);
        assert_eq!(out[1..], message);
    }
    let overheads = PATTERNS.map(|pattern| (pattern.first_overhead(), pattern.second_overhead()));
    assert_eq!(overheads, [(32, 96), (48, 48), (48, 96), (48, 48)]);
}

#[test]
fn empty_payloads_are_payloads() {
    for pattern in PATTERNS {
        let mut rng = SecretRng::new([1; 32]);
        let (mut message, mut reply, mut payload) = (Vec::new(), Vec::new(), vec![1]);
        let server = server_for(pattern);
        let mut client = ClientHandshake::start(
            server,
            psk(pattern).as_ref(),
            &[],
            &[],
            &mut rng,
            &mut message,
        );
        let server = ServerHandshake::read(
            &mut identity(),
            pattern,
            psk(pattern).as_ref(),
            &[],
            &message,
            &mut payload,
            &mut rng,
        )
        .expect("a fair message 1");
        assert!(payload.is_empty());
        server.reply(&[], &mut reply);
        payload.push(1);
        client
            .finish(&reply, &mut payload)
            .expect("the true message 2");
        assert!(payload.is_empty());
    }
}

#[test]
fn the_same_secret_gives_the_same_bytes_and_another_secret_others() {
    for pattern in PATTERNS {
        assert_eq!(answered(pattern).2, answered(pattern).2);
        let mut rng = SecretRng::new([1; 32]);
        let [first, second] = [(), ()].map(|()| {
            let mut out = Vec::new();
            ClientHandshake::start(
                server_for(pattern),
                psk(pattern).as_ref(),
                PROLOGUE,
                &[],
                &mut rng,
                &mut out,
            );
            out
        });
        assert_ne!(first[..32], second[..32]);
    }
}

#[test]
fn forged_replies_do_not_disturb_the_client() {
    for pattern in PATTERNS {
        let (mut client, secrets, reply) = answered(pattern);
        let mut payload = Vec::new();
        let mut refuse = |forged: &[u8]| {
            let error = client.finish(forged, &mut payload).expect_err("forged");
            assert_eq!(error, HandshakeError);
            assert!(payload.is_empty());
        };
        for len in 0..reply.len() {
            refuse(&reply[..len]);
            refuse(&vec![len as u8; len]);
        }
        for at in 0..reply.len() {
            let mut forged = reply.clone();
            forged[at] ^= 0x10;
            refuse(&forged);
        }
        // What another server would say to the same message 1 and to another one.
        refuse(&answered_by_another(pattern));
        refuse(&[&reply[..], &[0]].concat());
        assert_finishes(&mut client, &secrets, &reply);
    }
}

/// A fair message 2, but to a client with another prologue.
fn answered_by_another(pattern: Pattern) -> Vec<u8> {
    let mut rng = SecretRng::new([1; 32]);
    let (mut message, mut reply, mut payload) = (Vec::new(), Vec::new(), Vec::new());
    ClientHandshake::start(
        server_for(pattern),
        psk(pattern).as_ref(),
        b"other",
        &[],
        &mut rng,
        &mut message,
    );
    let mut rng = SecretRng::new([3; 32]);
    ServerHandshake::read(
        &mut identity(),
        pattern,
        psk(pattern).as_ref(),
        b"other",
        &message,
        &mut payload,
        &mut rng,
    )
    .expect("a fair message 1")
    .reply(b"come in", &mut reply);
    reply
}

#[test]
fn a_finished_client_takes_no_second_reply() {
    for pattern in PATTERNS {
        let (mut client, secrets, reply) = answered(pattern);
        assert_finishes(&mut client, &secrets, &reply);
        assert!(client.finish(&reply, &mut Vec::new()).is_err());
    }
}

#[test]
fn a_server_with_another_key_cannot_read_or_answer_nk() {
    let mut wrong = Identity::new(SecretKey::from_bytes([0x43; 32]), true);
    let (_, message) = client(Pattern::Nk);
    let mut payload = vec![1];
    let mut rng = SecretRng::new([2; 32]);
    let read = ServerHandshake::read(
        &mut wrong,
        Pattern::Nk,
        psk(Pattern::Nk).as_ref(),
        PROLOGUE,
        &message,
        &mut payload,
        &mut rng,
    );
    assert!(read.is_err());
    assert!(payload.is_empty());
}

#[test]
fn with_nx_another_server_is_seen_by_its_key() {
    let mut other = Identity::new(SecretKey::from_bytes([0x43; 32]), true);
    let (mut client, message) = client(Pattern::Nx);
    let (mut payload, mut reply) = (Vec::new(), Vec::new());
    let mut rng = SecretRng::new([2; 32]);
    ServerHandshake::read(
        &mut other,
        Pattern::Nx,
        psk(Pattern::Nx).as_ref(),
        PROLOGUE,
        &message,
        &mut payload,
        &mut rng,
    )
    .expect("a fair message 1")
    .reply(&[], &mut reply);
    let finished = client.finish(&reply, &mut payload).expect("a fair reply");
    assert_eq!(finished.server_key, other.public_key());
}

#[test]
fn sides_that_saw_different_prologues_do_not_connect() {
    let (_, message) = client(Pattern::Nk);
    assert!(server(Pattern::Nk, b"hellO header", &message).is_err());

    let (mut client, message) = client(Pattern::Nx);
    let (server, _) = server(Pattern::Nx, b"hellO header", &message).expect("NX sees it later");
    let mut reply = Vec::new();
    server.reply(&[], &mut reply);
    assert!(client.finish(&reply, &mut Vec::new()).is_err());
}

#[test]
fn a_changed_message_1_never_connects() {
    for pattern in PATTERNS {
        let (mut client, message) = client(pattern);
        for at in 0..message.len() {
            let mut forged = message.clone();
            forged[at] ^= 1;
            let Ok((server, _)) = server(pattern, PROLOGUE, &forged) else {
                continue;
            };
            assert_eq!(pattern, Pattern::Nx, "byte {at} passed");
            let mut reply = Vec::new();
            server.reply(b"come in", &mut reply);
            assert!(client.finish(&reply, &mut Vec::new()).is_err(), "byte {at}");
        }
    }
}

#[test]
fn the_patterns_do_not_understand_each_other() {
    let (mut nx, message) = client(Pattern::Nx);
    assert!(server(Pattern::Nk, PROLOGUE, &message).is_err());
    let (_, nk_message) = client(Pattern::Nk);
    let (server, _) = server(Pattern::Nx, PROLOGUE, &nk_message).expect("NX sees it later");
    let mut reply = Vec::new();
    server.reply(&[], &mut reply);
    assert!(nx.finish(&reply, &mut Vec::new()).is_err());
}

#[test]
fn no_length_of_junk_panics_on_either_side() {
    for pattern in PATTERNS {
        let (mut client, _) = client(pattern);
        for len in 0..=300 {
            for byte in [0, 1, 0xff] {
                let junk = vec![byte; len];
                if let Ok((server, payload)) = server(pattern, PROLOGUE, &junk) {
                    assert_eq!(pattern, Pattern::Nx);
                    assert_eq!(payload.len(), len - pattern.first_overhead());
                    server.reply(&[], &mut Vec::new());
                }
                assert!(client.finish(&junk, &mut Vec::new()).is_err());
            }
        }
    }
}

#[test]
fn debug_output_of_a_handshake_holds_no_digit() {
    for pattern in PATTERNS {
        let (mut client, _, reply) = answered(pattern);
        assert_eq!(
            format!("{client:?}"),
            "ClientHandshake { noise: HandshakeState, beginning: Beginning(..) }"
        );
        let finished = client
            .finish(&reply, &mut Vec::new())
            .expect("a fair reply");
        assert!(format!("{finished:?}").starts_with("Finished { secrets: Secrets(..), "));
    }
}

#[test]
fn who_has_another_pre_shared_key_cannot_answer_and_cannot_go_on() {
    for pattern in [Pattern::NxPsk, Pattern::NkPsk] {
        let (mut client, message) = client(pattern);
        let (mut payload, mut reply) = (Vec::new(), Vec::new());
        for other in [[0; 32], [8; 32]] {
            let mut rng = SecretRng::new([2; 32]);
            ServerHandshake::read(
                &mut identity(),
                pattern,
                Some(&Psk::new(other)),
                PROLOGUE,
                &message,
                &mut payload,
                &mut rng,
            )
            .expect("message 1 does not depend on it")
            .reply(b"come in", &mut reply);
            assert!(client.finish(&reply, &mut payload).is_err());
            reply.clear();
        }
        let (server, _) = server(pattern, PROLOGUE, &message).expect("a fair message 1");
        let secrets = server.reply(b"come in", &mut reply);
        assert_finishes(&mut client, &secrets, &reply);
    }
}

#[test]
fn without_the_pre_shared_key_no_handshake_of_that_pattern_begins() {
    for pattern in [Pattern::NxPsk, Pattern::NkPsk] {
        let (_, message) = client(pattern);
        let mut rng = SecretRng::new([2; 32]);
        let read = ServerHandshake::read(
            &mut identity(),
            pattern,
            None,
            PROLOGUE,
            &message,
            &mut Vec::new(),
            &mut rng,
        );
        assert!(read.is_err());
    }
}

#[test]
fn every_pattern_has_a_code_of_its_own() {
    for (code, pattern) in (0..).zip(PATTERNS) {
        assert_eq!(pattern.code(), code);
        assert_eq!(Pattern::from_code(code), Some(pattern));
        assert_eq!(Pattern::of(server_for(pattern), pattern.has_psk()), pattern);
    }
    assert_eq!(Pattern::from_code(4), None);
}
