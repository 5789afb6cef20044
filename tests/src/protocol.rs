//! docs/PROTOCOL.md shows bytes. Each of its blocks is compared here with what endpoints send, or handed to one.
//!
//! Packets are read in clear: the endpoints have a cipher that hides nothing. What endpoints never show, the keys, is
//! held against the units that make them.

mod document;
mod wire;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{
    AnnounceConfig, Arrival, ChannelConfig, ChannelId, CipherSuite, CloseReason, Config,
    ConnectToken, Crypto, Delivery, Ecn, Endpoint, Entropy, Event, Farewell, Grant, Instant,
    Portable, SendOptions, ServerIdentity, TokenKey, TokenServer,
};

use self::document::{Example, blocks, lines};
use self::wire::{Wire, content, packet};
use crate::repository;

/// Fails unless the datagram is as the document shows it.
#[track_caller]
fn assert_shown(name: &str, bytes: &[u8]) {
    let example = Example::of(name);
    assert!(
        example.fits(bytes),
        "'{name}' is {} bytes in the document:\n{example:?}\nbut {} were sent:\n{bytes:02x?}",
        example.len(),
        bytes.len()
    );
}

#[test]
fn every_block_of_the_document_is_compared() {
    let sources = ["", "/document", "/wire"].map(|file| format!("tests/src/protocol{file}.rs"));
    let tests = sources.map(|path| repository::read(&path)).concat();
    let names = blocks();
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(
        distinct.len(),
        names.len(),
        "a name is used twice: {names:?}"
    );
    for name in names {
        assert!(
            tests.contains(&format!("\"{name}\"")),
            "'{name}' is shown only"
        );
    }
}

#[test]
fn the_handshake_is_as_shown() {
    for pattern in ["nx", "nk"] {
        let mut wire = Wire::new();
        let identity = match pattern {
            "nx" => ServerIdentity::TrustOnFirstUse,
            _ => ServerIdentity::Known(wire.server.public_key()),
        };
        wire.dial(identity);
        let hello = wire.client_sends().remove(0);
        assert_shown(&format!("hello-{pattern}"), &hello);
        let welcome = wire.ask(hello);
        assert_shown(&format!("welcome-{pattern}"), &welcome);
        wire.client_takes([welcome]);
        assert_shown("first-packet", &wire.client_sends()[0]);
    }
    // The names above are put together: "hello-nx", "hello-nk", "welcome-nx", "welcome-nk".
}

#[test]
fn a_token_and_the_hello_that_brings_it_are_as_shown() {
    let mut wire = Wire::new();
    let server = TokenServer {
        address: Wire::SERVER,
        key: Some(wire.server.public_key()),
    };
    let grant = Grant {
        client_id: 7,
        serial: 1,
        expires_at: 1_800_000_030,
        servers: vec![server],
        user_data: b"red team".to_vec(),
    };
    let issued = TokenKey::from_bytes([5; 32]).issue(&grant, [9; 32]);
    let token = issued.expect("a fair grant");
    assert_shown("token", &token.encode());
    let read = ConnectToken::decode(&Example::of("token").bytes());
    assert_eq!(read, Ok(token.clone()));
    let dialled = wire
        .client
        .connect_with_token(wire.now, Wire::SERVER, &token);
    dialled.expect("nobody is connected yet");
    let hello = wire.client_sends().remove(0);
    assert_shown("hello-token", &hello);
    assert!(hello.windows(114).any(|part| part == token.sealed()));
}

#[test]
fn hello_is_repeated_when_the_document_says() {
    let document = repository::read("docs/PROTOCOL.md");
    let (_, rest) = document.split_once("HELLO at ").expect("the schedule");
    let (times, _) = rest.split_once(" ms").expect("its end");
    let mut wire = Wire::new();
    let start = wire.now;
    wire.dial(ServerIdentity::TrustOnFirstUse);
    let first = wire.client_sends();
    for (repeat, time) in times.split(", ").enumerate().skip(1) {
        wire.now = wire.client.poll_timeout().expect("a repetition is due");
        wire.client.handle_timeout(wire.now);
        let since = wire.now.saturating_duration_since(start);
        assert_eq!(format!("{}", since.as_secs_f64() * 1e3), time);
        let len = if repeat < 7 { 1_200 } else { 548 };
        let expected = &first[0][..len];
        assert_eq!(wire.client_sends(), [expected], "the identical bytes");
    }
}

#[test]
fn a_retry_and_its_answer_are_as_shown() {
    let mut wire = Wire::with(Config::builder().unproven_max(0));
    wire.dial(ServerIdentity::TrustOnFirstUse);
    let hello = wire.client_sends().remove(0);
    let retry = wire.ask(hello);
    assert_shown("retry", &retry);
    wire.client_takes([retry]);
    let hello = wire.client_sends().remove(0);
    assert_shown("hello-with-cookie", &hello);
    assert_shown("welcome-nx", &wire.ask(hello));
}

#[test]
fn another_version_is_refused_as_shown() {
    let hello = Example::of("hello-of-another-version").bytes();
    assert_shown("refuse", &Wire::new().ask(hello));
}

#[test]
fn packets_are_as_shown() {
    let mut wire = Wire::connected();
    // Both sides talk, until acknowledgements need not be exact.
    for _ in 0..32 {
        let up = wire.send(0, &[b"abc"]);
        wire.server_takes(up);
        let down = wire.send_to_client(0, b"ABC");
        wire.client_takes(down);
        wire.pass(Duration::from_millis(33));
    }
    let up = wire.send(0, &[b"abc"]);
    assert_shown("packet", &up[0]);
    assert_eq!(up[0].len() - b"abc".len(), 22);
}

#[test]
fn longer_headers_are_as_shown() {
    let mut wire = Wire::with(Config::builder().connection_id_len(8));
    wire.dial(ServerIdentity::TrustOnFirstUse);
    wire.settle();
    let unacknowledged = (1..=127).map(|_| wire.send(0, &[b"abc"]).remove(0));
    let last = unacknowledged.last().expect("127 packets");
    assert_shown("long-header", &last);
}

#[test]
fn messages_are_as_shown() {
    let mut wire = Wire::connected();
    let sent = wire.send(0, &[b"abc", b"def"]);
    assert_shown("messages", content(&sent[0]));
    let sent = wire.send(2, &[b"abc"]);
    assert_shown("reliable", content(&sent[0]));
    let sent = wire.send(3, &[&[b'x'; 1_200]]);
    let last = sent.last().expect("two and a probe of longer datagrams");
    assert_shown("fragment", content(last));
}

#[test]
fn a_parity_is_as_shown() {
    let channel = ChannelConfig::new(Delivery::Unreliable).parity(2);
    let mut wire = Wire::with(Config::builder().channels(vec![channel]));
    wire.dial(ServerIdentity::TrustOnFirstUse);
    wire.settle();
    let sent = wire.send(0, &[&[&[b'x'; 900][..], &[b'y'; 600]].concat()]);
    let [_, _, parity] = &sent[..] else {
        panic!("two fragments and their parity: {}", sent.len());
    };
    assert_shown("parity", content(parity));
}

#[test]
fn a_skip_is_as_shown() {
    let mut wire = Wire::connected();
    let (peer, options) = (
        wire.peer.expect("connected"),
        SendOptions::new().time_to_live(Duration::from_millis(10)),
    );
    let sent = wire
        .client
        .send_with(wire.now, peer, ChannelId::new(3), &[7; 20], &options);
    sent.expect("room");
    wire.client.flush(wire.now);
    assert_eq!(wire.client_sends().len(), 1);
    wire.pass(Duration::from_millis(10));
    assert_shown("skip", content(&wire.client_sends()[0]));
}

#[test]
fn at_most_24_messages_with_an_id_of_one_channel_share_a_packet() {
    let mut wire = Wire::connected();
    wire.client.set_trace(true);
    let sent = wire.send(2, &[&b"x"[..]; 30]);
    assert_eq!(sent.len(), 2);
    let mut line = || {
        let content = wire.client.poll_trace();
        content.expect("a line for each datagram").to_string()
    };
    assert_eq!(line().matches("Reliable(").count(), 24);
    assert_eq!(line().matches("Reliable(").count(), 6);
}

#[test]
fn an_ack_is_as_shown() {
    let mut wire = Wire::connected();
    let packets: Vec<Vec<u8>> = (1..=5).map(|_| wire.send(2, &[b"x"]).remove(0)).collect();
    for arrived in [0, 3, 4] {
        wire.server_takes([packets[arrived].clone()]);
    }
    wire.pass(Duration::from_micros(80));
    assert_shown("ack", content(&wire.server_sends()[0]));
}

#[test]
fn an_ack_with_marks_is_as_shown() {
    let mut wire = Wire::connected();
    for ecn in [Ecn::Ect0, Ecn::Ect0, Ecn::Ce] {
        let mut packet = wire.send(2, &[b"x"]).remove(0);
        let arrival = Arrival {
            ecn: Some(ecn),
            ..Arrival::game(Wire::CLIENT)
        };
        wire.server.handle_datagram(wire.now, arrival, &mut packet);
    }
    assert_shown("ack-ecn", content(&wire.server_sends()[0]));
}

#[test]
fn credit_is_given_as_shown() {
    let mut wire = Wire::connected();
    let sent = wire.send(2, &[&[b'x'; 64_000]]);
    wire.server_takes(sent);
    wire.settle();
    while wire.server.poll_event().is_some() {}
    assert_shown("credit", content(&wire.server_sends()[0]));
}

#[test]
fn ping_and_close_are_as_shown() {
    let mut wire = Wire::connected();
    let peer = wire.peer.expect("connected");
    wire.client.ping(wire.now, peer).expect("connected");
    let ping = wire.client_sends();
    assert_shown("ping", content(&ping[0]));
    wire.server_takes(ping);
    let bye = Farewell::new(0, "bye");
    wire.client.disconnect(wire.now, peer, bye.clone());
    let close = wire.client_sends();
    assert_shown("close", content(&close[0]));
    wire.server_takes(close);
    let events = wire.server_events();
    let [Event::Disconnected { reason, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*reason, CloseReason::Remote(bye));
}

/// The client's packets come from another address, until the server has told the token of that.
#[test]
fn what_is_said_of_addresses_is_as_shown() {
    let mut wire = Wire::connected();
    let elsewhere = SocketAddr::from(([10, 0, 0, 9], 7_009));
    let mut shown = Vec::new();
    let mut up = wire.send(2, &[&[b'x'; 30]]);
    for _ in 0..8 {
        for mut datagram in up {
            shown.push(datagram.clone());
            let arrival = Arrival::game(elsewhere);
            wire.server
                .handle_datagram(wire.now, arrival, &mut datagram);
        }
        let down = wire.server_sends();
        shown.extend(down.iter().cloned());
        wire.client_takes(down);
        up = wire.client_sends();
    }
    let has = |datagram: &&Vec<u8>, kind: u8| content(datagram).first() == Some(&kind);
    let data = |kind| {
        let datagram = shown.iter().find(|datagram| has(datagram, kind));
        content(datagram.expect("it was sent"))[1..].to_vec()
    };
    let (challenge, response) = (data(0x06), data(0x07));
    assert_eq!(challenge, response);
    for (name, kind) in [("path-challenge", 0x06), ("path-response", 0x07)] {
        // What was sent cannot be guessed, so the data of the document stands for it.
        let example = Example::of(name).bytes();
        assert_eq!((example[0], example.len()), (kind, 1 + challenge.len()));
    }
    let token = shown.iter().map(|datagram| content(datagram));
    let token = token.filter(|content| content.len() >= 17);
    let token: Vec<_> = token
        .filter(|content| content[content.len() - 17] == 0x08)
        .collect();
    assert_shown("reset-token", &token[0][token[0].len() - 17..]);
}

#[test]
fn every_violation_is_answered_with_its_code() {
    let violations = lines("violations");
    assert_eq!(violations.len(), 6);
    for (example, remark) in violations {
        let mut wire = Wire::connected();
        let like = wire.send(0, &[b"x"]).remove(0);
        wire.server_takes([packet(&like, like[3], &example.bytes())]);
        let answer = wire.server_sends().remove(0);
        let (code, words) = remark.split_once(' ').expect("a code and its name");
        let code = code.parse().expect("a small number");
        assert_eq!(content(&answer), [0x05, 1, code, 0], "{remark}");

        wire.client_takes([answer]);
        let (name, _) = words.split_once(':').expect("a name and its meaning");
        let told: Vec<Event> = std::iter::from_fn(|| wire.client.poll_event()).collect();
        let expected = format!("PeerSawViolation({name})");
        assert!(
            format!("{told:?}").contains(&expected),
            "{remark}: {told:?}"
        );
    }
}

#[test]
fn a_reset_is_as_shown() {
    let question = Example::of("packet-of-an-unknown-connection").bytes();
    assert_shown("reset", &Wire::new().ask(question));
}

#[test]
fn a_probe_is_answered_as_shown_but_not_its_own_echo() {
    let mut wire = Wire::new();
    let probe = Example::of("probe").bytes();
    assert_shown("probe-reply", &wire.ask(probe));

    wire.client.probe(wire.now, Wire::SERVER);
    let own = wire.client_sends();
    assert_eq!(own[0].len(), Example::of("probe").len());
    wire.client_takes(own);
    assert_eq!(wire.client_sends(), Vec::<Vec<u8>>::new());
}

#[test]
fn discovery_reads_as_shown() {
    let document = repository::read("docs/PROTOCOL.md");
    let mut shown = document
        .lines()
        .filter(|line| line.starts_with("SERVER_INFO "));
    let shown = shown.next().expect("an answer is shown");
    let announce = AnnounceConfig {
        name: "Tom's server".to_owned(),
        port: 8080,
        players_max: 32,
        interval: None,
    };
    let config = Config::builder().announce(Some(announce)).build();
    let now = Instant::ZERO;
    let config = config.expect("the settings are valid");
    let mut server = Endpoint::new(config, Entropy::from_seed(1), now);
    server.set_players(6);
    let asked_by = Arrival::discovery(([127, 0, 0, 1], 7000).into());
    for question in [
        "DISCOVER_SERVER\n",
        "DISCOVER_SERVER",
        " DISCOVER_SERVER\r\n",
    ] {
        server.handle_datagram(now, asked_by, &mut question.as_bytes().to_vec());
        let mut answer = Vec::new();
        let transmit = server.poll_transmit(now, &mut answer);
        assert!(transmit.is_some(), "{question:?}");
        let answer = String::from_utf8(answer).expect("it is text");
        let id_at = answer.find("id=").expect("an id") + "id=".len();
        let (before_id, id) = (&answer[..id_at], &answer[id_at..]);
        assert_eq!(id.len(), "000000000000feed\n".len());
        let shown_id = shown.strip_prefix(before_id);
        assert_eq!(shown_id, Some(r"000000000000feed\n"), "{answer:?}");
    }
}

/// The document has keys, ivs and tags. The tags follow from keys and ivs here; that they follow from the secrets too is
/// what a unit test of core says.
#[test]
fn keys_are_as_shown() {
    let unit_tests = ["packet", "generations"]
        .map(|module| repository::read(&format!("core/src/crypto/{module}/tests.rs")))
        .concat()
        .replace('_', "");
    let suites = [
        ("aes-128-gcm", CipherSuite::Aes128Gcm),
        ("chacha20-poly1305", CipherSuite::ChaCha20Poly1305),
        ("aes-128-gcm-1", CipherSuite::Aes128Gcm),
        ("chacha20-poly1305-1", CipherSuite::ChaCha20Poly1305),
    ];
    for (name, suite) in suites {
        let shown: Vec<Vec<u8>> = lines(name).iter().map(|line| line.0.bytes()).collect();
        for direction in shown.chunks(3) {
            let [key, iv, tag] = direction else {
                panic!("key, iv and tag")
            };
            let mut nonce: [u8; 12] = iv.as_slice().try_into().expect("12 bytes");
            nonce[11] ^= 1;
            let sealed = Portable.key(suite, key).seal(&nonce, b"h", &mut []);
            assert_eq!(&sealed[..], tag, "{name}");
            let digits: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(unit_tests.contains(&digits), "{name}: {digits}");
        }
    }
}
