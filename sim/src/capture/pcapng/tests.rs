use super::*;
use crate::capture::CaptureLimits;
use crate::{Fate, Link, Pair, ms};

/// A block: its type and what is between its lengths.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().expect("4 bytes"));
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let (kind, len) = (word(bytes), word(&bytes[4..]) as usize);
        assert_eq!(len % 4, 0);
        assert_eq!(word(&bytes[len - 4..]) as usize, len, "both lengths agree");
        blocks.push((kind, &bytes[8..len - 4]));
        bytes = &bytes[len..];
    }
    blocks
}

fn file(keys: bool) -> (Capture, Vec<u8>) {
    let mut pair = Pair::new(7);
    pair.world.capture(CaptureLimits::default());
    let mut pair = pair
        .link_to_server(Link::new().latency(ms(25)).schedule([Fate::Drop]))
        .connect();
    pair.run_for(ms(100));
    let capture = pair.world.take_capture().expect("it was begun");
    let mut out = Vec::new();
    write(&capture, "a test", keys, &mut out).expect("a Vec takes everything");
    (capture, out)
}

fn find(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[test]
fn a_file_has_a_section_an_interface_for_each_host_and_all_packets() {
    let (capture, file) = file(true);
    let kinds: Vec<u32> = blocks(&file).iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds[..4],
        [SECTION_HEADER, INTERFACE, INTERFACE, INTERFACE]
    );
    let packets = 1 + capture.keys.len() + capture.datagrams.len();
    assert_eq!(kinds[4..], vec![ENHANCED_PACKET; packets]);
    assert!(find(&file, "lost: dropped") && find(&file, "arrived after 25.000 ms"));
}

#[test]
fn headers_add_up() {
    let (capture, _) = file(false);
    let packet = ip(&capture.datagrams[0]);
    assert_eq!(packet.len(), 1_228);
    assert_eq!(
        checksum([&packet[..20]]),
        0,
        "with its checksum a header sums to 0"
    );
    let pseudo = [&packet[12..20], &1_208_u32.to_be_bytes(), &[0, 0, 0, 17]].concat();
    assert_eq!(checksum([&pseudo, &packet[20..]]), 0);
}

#[test]
fn version_6_headers_add_up_too() {
    let (mut capture, _) = file(false);
    let datagram = &mut capture.datagrams[0];
    datagram.source = "[fe80::1]:7000".parse().expect("an address");
    datagram.destination = "[fe80::2]:7000".parse().expect("an address");
    datagram.ecn = Some(Ecn::Ce);
    let packet = ip(datagram);
    assert_eq!((packet[0], packet[1], packet.len()), (0x60, 0x30, 1_248));
    let pseudo = [&packet[8..40], &1_208_u32.to_be_bytes(), &[0, 0, 0, 17]].concat();
    assert_eq!(checksum([&pseudo, &packet[40..]]), 0);
}

#[test]
fn without_keys_no_secret_is_in_the_file() {
    let (capture, with) = file(true);
    let (_, without) = file(false);
    let (_, line) = &capture.keys[0];
    assert!(find(&with, line));
    assert!(!find(&without, "TICKWIRE_KEYS"));
    assert!(find(&without, "TICKWIRE_CAPTURE 1 ports=7000,8081"));
}
