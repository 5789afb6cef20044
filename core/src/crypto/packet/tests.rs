use super::*;
use crate::crypto::Portable;
use alloc::format;

const SUITES: [CipherSuite; 2] = [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305];

fn secrets() -> Secrets {
    Secrets::new([0xc1; 32], [0x5e; 32], [0x77; 32])
}

fn keys(secrets: &Secrets, suite: CipherSuite) -> (Keys, Keys) {
    (
        secrets.keys(suite, Role::Client, &Portable),
        secrets.keys(suite, Role::Server, &Portable),
    )
}

fn can_talk(from: &PacketKey, to: &PacketKey) -> bool {
    let mut bytes = *b"state of the world";
    let tag = from.seal(5, b"header", &mut bytes);
    to.open(5, b"header", &mut bytes, &tag).is_ok() && &bytes == b"state of the world"
}

#[test]
fn each_side_opens_what_the_other_seals_and_nothing_else() {
    for suite in SUITES {
        let (client, server) = keys(&secrets(), suite);
        assert!(can_talk(&client.send, &server.receive));
        assert!(can_talk(&server.send, &client.receive));
        assert!(!can_talk(&client.send, &client.receive));
        assert!(!can_talk(&server.send, &server.receive));
    }
}

#[test]
fn a_packet_opens_under_its_own_number_only() {
    let (client, server) = keys(&secrets(), CipherSuite::Aes128Gcm);
    for number in [0, 1, 255, 1 << 32, u64::MAX] {
        let mut sealed = [9; 30];
        let tag = client.send.seal(number, &[], &mut sealed);
        for wrong in [number ^ 1, number ^ (1 << 63), number ^ (1 << 8)] {
            let mut copy = sealed;
            let opened = server.receive.open(wrong, &[], &mut copy, &tag);
            assert_eq!(opened, Err(OpenError));
        }
        assert_eq!(server.receive.open(number, &[], &mut sealed, &tag), Ok(()));
        assert_eq!(sealed, [9; 30]);
    }
}

#[test]
fn the_nonce_is_the_iv_xor_the_number_big_endian() {
    let mut key = keys(&secrets(), CipherSuite::Aes128Gcm).0.send;
    key.iv = [0xff; 12];
    let expected = [
        0xff, 0xff, 0xff, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, 0xf7,
    ];
    assert_eq!(key.nonce(0x0102_0304_0506_0708), expected);
}

#[test]
fn a_difference_in_any_secret_gives_other_keys() {
    for suite in SUITES {
        let (client, _) = keys(&secrets(), suite);
        let others = [
            Secrets::new([0xc0; 32], [0x5e; 32], [0x77; 32]),
            Secrets::new([0xc1; 32], [0x5e; 32], [0x76; 32]),
        ];
        for other in others {
            assert!(!can_talk(&client.send, &keys(&other, suite).1.receive));
        }
    }
}

/// These bytes are the protocol: a change here needs a new version. Computed by an independent implementation.
#[test]
fn the_key_schedule_of_version_1_does_not_change() {
    let tags = SUITES.map(|suite| {
        let keys = keys(&secrets(), suite).0;
        [keys.send, keys.receive].map(|key| u128::from_be_bytes(key.seal(1, b"h", &mut [])))
    });
    let expected = [
        [
            0xb03a_0705_6766_7dbd_c996_a98b_ac8c_5ff8,
            0xdd89_7578_599e_073d_eb92_b300_7c3e_f691,
        ],
        [
            0x4f01_c666_c69d_d4e5_d0b3_829b_cd4e_d54b,
            0x2e8e_9d5d_cc5f_1f19_5693_7a9a_a8df_c09d,
        ],
    ];
    assert_eq!(tags, expected);
}

#[test]
fn debug_output_holds_no_digit() {
    let secrets = secrets();
    assert_eq!(format!("{secrets:?}"), "Secrets(..)");
    let keys = keys(&secrets, CipherSuite::Aes128Gcm).0;
    let shown = format!("{keys:?}");
    let secret = ["send", "to_send", "receive", "to_receive"];
    for (field, kind) in secret
        .into_iter()
        .zip(["PacketKey", "Chain"].into_iter().cycle())
    {
        assert!(shown.contains(&format!("{field}: {kind}(..)")), "{shown}");
    }
}
