//! A19: datagrams of other protocols, which reach a public port every day.

use crate::session::{STAGES, Session};

/// The first bytes of what they say, written by hand from their specifications; how long it is; and what it is.
const FOREIGN: &[(&str, usize, &[u8])] = &[
    // RFC 1035: who is example.com, and an answer to it.
    ("DNS query", 29, b"\x1a\x2b\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"),
    ("DNS answer", 45, b"\x9a\x2b\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01\xc0\x0c"),
    ("mDNS query", 40, b"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05_http\x04_tcp\x05local\x00\x00\x0c\x00\x01"),
    // RFC 9000 section 17.2: Initial, version negotiation, a short header, a stateless reset.
    ("QUIC Initial", 1_200, b"\xc3\x00\x00\x00\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\x00\x00\x44\x9e\x7b\x9a"),
    ("QUIC version negotiation", 35, b"\xc0\x00\x00\x00\x00\x08\xf0\x67\xa5\x50\x2a\x42\x62\xb5\x00\x00\x00\x00\x01"),
    ("QUIC Retry", 60, b"\xf0\x00\x00\x00\x01\x00\x08\xf0\x67\xa5\x50\x2a\x42\x62\xb5"),
    ("QUIC 1-RTT", 300, b"\x4c\xfe\x41\x89\x65\x5e\x5c\xd5\x5c\x41\xf6\x90\x80\x57\x5d\x79"),
    // RFC 8489: binding request and answer; RFC 8656: channel data.
    ("STUN request", 20, b"\x00\x01\x00\x00\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"),
    ("STUN answer", 32, b"\x01\x01\x00\x0c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x00\x20\x00\x08\x00\x01"),
    ("TURN channel data", 24, b"\x40\x00\x00\x14"),
    // ENet: connect, with and without the sent-time flag; acknowledge.
    ("ENet connect", 48, b"\x8f\xff\x12\x34\x82\xff\x00\x01\x00\x00\xff\xff\x00\x00\x05\x78\x00\x01\x00\x00\x00\x00\x00\x01"),
    ("ENet acknowledge", 12, b"\x80\x01\x56\x78\x01\x00\x00\x01\x00\x01\x56\x78"),
    // WireGuard: initiation, response, cookie reply, transport data.
    ("WireGuard initiation", 148, b"\x01\x00\x00\x00\xd8\x01\x02\x03"),
    ("WireGuard response", 92, b"\x02\x00\x00\x00\xd8\x01\x02\x03\x55\x01\x02\x03"),
    ("WireGuard cookie", 64, b"\x03\x00\x00\x00\xd8\x01\x02\x03"),
    ("WireGuard data", 96, b"\x04\x00\x00\x00\xd8\x01\x02\x03\x01"),
    // RFC 6347, RFC 9147: DTLS ClientHello, and a record of DTLS 1.3.
    ("DTLS ClientHello", 200, b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\xbb\x01\x00\x00\xaf\x00\x00"),
    ("DTLS 1.3 record", 80, b"\x2e\x12\x34\x00\x40"),
    // RFC 3550: RTP and a receiver report; RFC 5905: NTP; RFC 1350: TFTP.
    ("RTP", 172, b"\x80\x60\x12\x34\x00\x00\x56\x78\xde\xad\xbe\xef"),
    ("RTCP", 32, b"\x81\xc9\x00\x07\xde\xad\xbe\xef"),
    ("NTP", 48, b"\xe3\x00\x06\xec\x00\x00\x00\x00\x00\x00\x00\x00LOCL"),
    ("TFTP", 20, b"\x00\x01boot.img\x00octet\x00"),
    // Games: Source engine query and its answer, Quake 3 status, RakNet's unconnected ping and its answer, GameSpy.
    ("Source query", 25, b"\xff\xff\xff\xffTSource Engine Query\x00"),
    ("Source challenge", 9, b"\xff\xff\xff\xffA\x0a\x0b\x0c\x0d"),
    ("Quake 3 status", 13, b"\xff\xff\xff\xffgetstatus"),
    ("RakNet ping", 33, b"\x01\x00\x00\x00\x00\x00\x00\x12\x34\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"),
    ("RakNet pong", 60, b"\x1c\x00\x00\x00\x00\x00\x00\x12\x34"),
    ("GameSpy", 11, b"\xfe\xfd\x00\x04\x05\x06\x07\xff\xff\xff\x01"),
    // What scanners and amplifiers send: SSDP, memcached, CLDAP, SNMP, SIP, CoAP, NetBIOS, BitTorrent, IKE.
    ("SSDP", 94, b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"),
    ("memcached", 15, b"\x00\x00\x00\x00\x00\x01\x00\x00stats\r\n"),
    ("CLDAP", 39, b"\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00"),
    ("SNMP", 40, b"\x30\x26\x02\x01\x01\x04\x06public\xa5\x19\x02\x04"),
    ("SIP", 120, b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/UDP nm;branch=foo;rport\r\n"),
    ("CoAP", 21, b"\x40\x01\x7d\x70\xbb.well-known\x04core"),
    ("NetBIOS", 50, b"\x80\xf0\x00\x10\x00\x01\x00\x00\x00\x00\x00\x00 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("BitTorrent DHT", 65, b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"),
    ("uTP", 20, b"\x41\x00\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00"),
    ("IKE", 300, b"\x86\xf8\x61\x3c\x1d\xb5\x07\x21\x00\x00\x00\x00\x00\x00\x00\x00\x21\x20\x22\x08"),
    ("ASCII", 16, b"GET / HTTP/1.0\r\n"),
    ("another discovery", 18, b"DISCOVER_SERVERS!\n"),
];

/// As long as it is said to be: zeros follow.
fn whole(head: &[u8], len: usize) -> Vec<u8> {
    let mut whole = head.to_vec();
    whole.resize(len.max(head.len()), 0);
    whole
}

#[test]
fn datagrams_of_other_protocols_are_harmless_in_every_state_and_at_every_length() {
    for stage in STAGES {
        let mut session = Session::at(stage);
        session.attack(|victim| {
            for (_, len, head) in FOREIGN {
                let whole = whole(head, *len);
                for len in (0..=whole.len()).filter(|len| *len <= 64 || len % 16 == 0) {
                    victim.receives(&whole[..len]);
                }
                // And with something behind it.
                let mut long = whole.clone();
                long.resize(1_472, 0xEE);
                victim.receives(&long);
            }
        });
        session.goes_on();
    }
}

#[test]
fn none_of_them_is_answered_or_kept() {
    for (name, len, head) in FOREIGN {
        let mut session = Session::at(STAGES[1]);
        session.attack(|victim| {
            let before = victim.fingerprint();
            victim.receives(&whole(head, *len));
            assert_eq!(victim.fingerprint(), before, "{name}");
            // A RESET to what looks like a packet is all there is, and it is shorter.
            assert!(victim.sent < victim.received, "{name}");
        });
    }
}
