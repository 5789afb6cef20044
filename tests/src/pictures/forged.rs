//! What endpoints do not send, or seldom: written here by hand, under keys made up for it.

use tickwire_core::trace::Content;
use tickwire_core::{CipherSuite, Crypto, Portable};
use tickwire_sim::capture::{CapturedDatagram, Course};
use tickwire_sim::{Capture, CaptureLimits, Pair, ms};

use super::tshark::File;

const KEY: [u8; 32] = [0x5A; 32];

/// A capture of packets with these contents, from a client to its server.
fn packets(suite: CipherSuite, contents: &[&[u8]]) -> Capture {
    let mut capture = datagrams(&[]);
    let (name, key) = match suite {
        CipherSuite::Aes128Gcm => ("aes-128-gcm", &KEY[..16]),
        CipherSuite::ChaCha20Poly1305 => ("chacha20-poly1305", &KEY[..]),
    };
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!(
        "TICKWIRE_KEYS 1 suite={name} client_id=aabb server_id=ccdd client_key={hex} client_iv={iv} \
         server_key={hex} server_iv={iv} channels=USRO",
        iv = "00".repeat(12)
    );
    capture.keys.push((capture.began_at, line));
    let sealer = Portable.key(suite, key);
    for (number, content) in (0_u8..).zip(contents) {
        let header = [0x80, 0xCC, 0xDD, number];
        let mut nonce = [0; 12];
        nonce[11] = number;
        let mut body = content.to_vec();
        let tag = sealer.seal(&nonce, &header, &mut body);
        let bytes = [&header[..], &body, &tag].concat();
        capture.datagrams.push(datagram(&capture, bytes));
    }
    capture
}

fn datagrams(all: &[&[u8]]) -> Capture {
    let mut pair = Pair::new(1);
    pair.world.capture(CaptureLimits::default());
    pair.run_for(ms(1));
    let mut capture = pair.world.take_capture().expect("it was begun");
    for bytes in all {
        capture.datagrams.push(datagram(&capture, bytes.to_vec()));
    }
    capture
}

fn datagram(capture: &Capture, bytes: Vec<u8>) -> CapturedDatagram {
    CapturedDatagram {
        sent_at: capture.began_at,
        from: Pair::new(1).client,
        to: None,
        source: capture.hosts[0].address,
        destination: capture.hosts[1].address,
        ecn: None,
        bytes,
        content: Content::Unknown,
        course: Course::Nobody,
        landings: Vec::new(),
    }
}

#[test]
fn frames_that_endpoints_seldom_send_have_names_too() {
    let parity = [
        &[0x11, 0, 0, 7, 0, 0x44, 0, 0x44, 0x10, 0x40, 0x80][..],
        &[9; 128],
    ]
    .concat();
    let contents: [(&[u8], &str); 8] = [
        (&[1, 0, 0, 0], "#0 Ping Padding"),
        (&[5, 1, 3, 0], "#1 Close(violation 3)"),
        (&[5, 3, 0, 0], "#2 Close(full)"),
        (
            &[5, 9, 1, 2, b'h', b'i'],
            "#3 Close(kind 9, code 1, \"hi\")",
        ),
        (&[0x9E, 1, 2], "#4 Message(ch30, 2 B)"),
        (&[0x80], "#5 Unreliable(ch0, 0 B)"),
        (
            &[2, 5, 0x0A, 1, 1, 1, 1],
            "#6 Ack(4..=5, 0..=1 after 0.080 ms)",
        ),
        (&parity, "#7 Parity(ch0 m7 of 0..1024 of 1040, 128 B)"),
    ];
    for suite in [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305] {
        let capture = packets(suite, &contents.map(|(content, _)| content));
        let file = File::of(&capture, true, "seldom");
        let expected = contents.map(|(_, text)| text);
        assert_eq!(file.column("_ws.col.Info"), expected);
        assert_eq!(file.count("tickwire.malformed"), 0);
    }
}

#[test]
fn what_breaks_the_protocol_is_shown_as_far_as_it_goes_and_marked() {
    let capture = packets(
        CipherSuite::Aes128Gcm,
        &[&[1, 6], &[5, 0, 0, 9, b'x'], &[2, 3, 0, 0, 5], &[0xC0, 9]],
    );
    let file = File::of(&capture, true, "broken");
    assert_eq!(
        file.column("_ws.col.Info"),
        ["#0 Ping ?", "#1 ?", "#2 ?", "#3 ?"]
    );
    assert_eq!(file.count("tickwire.malformed"), 4);
}

#[test]
fn a_datagram_that_is_cut_is_marked_and_what_is_not_ours_is_left_alone() {
    let cut: [&[u8]; 9] = [
        &[0x80, 1, 2, 3],
        &[0xC0, 1, 2],
        &[0xC1, 1],
        &[0xC2],
        &[0xC3, 1],
        &[0xC4],
        &[0xC5, 0],
        &[0xC6, 1],
        &[0xC6; 19],
    ];
    let file = File::of(&datagrams(&cut), true, "cut");
    assert_eq!(file.count("tickwire.malformed"), cut.len());
    let foreign: [&[u8]; 3] = [&[0, 1, 0, 0, 0x21], &[0xC7, 1], b"hello"];
    let file = File::of(&datagrams(&foreign), true, "foreign");
    assert_eq!(file.count("tickwire"), 0);
    assert_eq!(file.count("_ws.lua.error"), 0);
}

#[test]
fn with_a_wrong_key_nothing_is_opened() {
    let mut capture = packets(CipherSuite::ChaCha20Poly1305, &[&[1]]);
    let (_, line) = &mut capture.keys[0];
    *line = line.replace("client_key=5a", "client_key=5b");
    let file = File::of(&capture, true, "wrong-key");
    assert_eq!(file.count("tickwire.no_key"), 1);
    assert_eq!(file.count("tickwire.frame"), 0);
}
