use alloc::format;
use alloc::vec::Vec;

use super::*;
use crate::crypto::{Portable, Secrets};

const SUITES: [CipherSuite; 2] = [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305];
const LATER: Instant = Instant::from_millis(100);

fn pair(suite: CipherSuite) -> (Keys, Keys) {
    let secrets = Secrets::new([0xc1; 32], [0x5e; 32], [0x77; 32]);
    (
        secrets.keys(suite, Role::Client, &Portable),
        secrets.keys(suite, Role::Server, &Portable),
    )
}

/// A packet on its way.
struct Packet {
    number: u64,
    phase: bool,
    body: [u8; 4],
    tag: [u8; TAG_LEN],
}

fn packet(from: &mut Keys, number: u64) -> Packet {
    let mut body = *b"tick";
    let tag = from.seal(number, b"header", &mut body);
    Packet {
        number,
        phase: from.phase(),
        body,
        tag,
    }
}

impl Packet {
    fn opened_by(&self, keys: &Keys) -> Result<Opener, Unopened> {
        let mut body = self.body;
        keys.open(Sealed {
            number: self.number,
            phase: self.phase,
            header: b"header",
            body: &mut body,
            tag: &self.tag,
        })
    }

    /// It is opened, and what it tells is heeded.
    fn arrives(&self, at: &mut Keys) -> Result<Opener, BadUpdate> {
        let opener = self.opened_by(at).expect("one of its keys opens it");
        at.on_opened(opener, self.number, LATER, &Config::default())?;
        Ok(opener)
    }
}

/// Both are in the same generation, heard of each other in it, and have dropped the one before.
fn settle(client: &mut Keys, server: &mut Keys, number: u64) {
    assert!(packet(client, number).arrives(server).is_ok());
    assert!(packet(server, number).arrives(client).is_ok());
    client.handle_timeout(LATER);
    server.handle_timeout(LATER);
}

fn update(keys: &mut Keys) {
    keys.update(&Config::default());
}

#[test]
fn the_other_side_follows_and_answers_with_the_new_key() {
    for suite in SUITES {
        let (mut client, mut server) = pair(suite);
        settle(&mut client, &mut server, 0);
        for generation in 1..=5 {
            let number = 10 * generation;
            assert!(client.may_update(Some(number - 10)));
            update(&mut client);
            let first = packet(&mut client, number);
            assert_eq!(first.phase, generation % 2 == 1);
            assert_eq!(first.arrives(&mut server), Ok(Opener::Next));
            assert_eq!(server.generation(), generation);
            let answer = packet(&mut server, number);
            assert_eq!(answer.arrives(&mut client), Ok(Opener::Next));
            settle(&mut client, &mut server, number + 1);
        }
    }
}

#[test]
fn both_sides_may_go_on_at_once() {
    let (mut client, mut server) = pair(CipherSuite::Aes128Gcm);
    settle(&mut client, &mut server, 0);
    update(&mut client);
    update(&mut server);
    let (up, down) = (packet(&mut client, 1), packet(&mut server, 1));
    assert_eq!(up.arrives(&mut server), Ok(Opener::Next));
    assert_eq!(down.arrives(&mut client), Ok(Opener::Next));
    assert_eq!((client.generation(), server.generation()), (1, 1));
}

#[test]
fn what_was_overtaken_opens_until_the_previous_key_is_dropped() {
    let (mut client, mut server) = pair(CipherSuite::ChaCha20Poly1305);
    settle(&mut client, &mut server, 0);
    let overtaken = [1, 2].map(|number| packet(&mut client, number));
    update(&mut client);
    let [late, first] = [3, 4].map(|number| packet(&mut client, number));
    assert_eq!(first.arrives(&mut server), Ok(Opener::Next));
    assert_eq!(overtaken[0].arrives(&mut server), Ok(Opener::Previous));
    assert_eq!(late.arrives(&mut server), Ok(Opener::Current));
    assert_eq!(server.deadline(), Some(LATER));
    server.handle_timeout(Instant::from_millis(99));
    assert_eq!(overtaken[1].opened_by(&server), Ok(Opener::Previous));
    server.handle_timeout(LATER);
    assert_eq!(overtaken[1].opened_by(&server), Err(Unopened::NoKey));
    assert_eq!(server.deadline(), None);
}

#[test]
fn a_flipped_phase_opens_nothing_and_changes_nothing() {
    let (mut client, mut server) = pair(CipherSuite::Aes128Gcm);
    let mut first = packet(&mut client, 0);
    first.phase = true;
    // There is no key to try before anything was heard.
    assert_eq!(first.opened_by(&server), Err(Unopened::NoKey));
    settle(&mut client, &mut server, 1);
    let before = format!("{server:?}");
    for number in [0, 2, 1 << 40] {
        let mut flipped = packet(&mut client, number);
        flipped.phase = true;
        assert!(flipped.opened_by(&server).is_err());
    }
    assert_eq!(format!("{server:?}"), before);
}

#[test]
fn no_side_goes_on_before_the_other_has_followed() {
    let (mut client, mut server) = pair(CipherSuite::Aes128Gcm);
    assert!(!client.may_update(None), "nothing was sent");
    let first = packet(&mut client, 5);
    assert!(!client.may_update(Some(5)), "nothing was heard");
    assert!(first.arrives(&mut server).is_ok());
    assert!(packet(&mut server, 0).arrives(&mut client).is_ok());
    assert!(
        !client.may_update(Some(4)),
        "nothing of it was acknowledged"
    );
    assert!(client.may_update(Some(5)));
    update(&mut client);
    let second = packet(&mut client, 6);
    assert!(!client.may_update(Some(6)), "the peer has not followed");
    assert!(second.arrives(&mut server).is_ok());
    assert!(
        !server.may_update(Some(0)),
        "nothing was sent with the new key"
    );
    assert!(packet(&mut server, 1).arrives(&mut client).is_ok());
    assert!(
        !client.may_update(Some(6)),
        "the previous key is still kept"
    );
    client.handle_timeout(LATER);
    assert!(client.may_update(Some(6)));
}

#[test]
fn who_goes_on_without_an_answer_breaks_the_protocol() {
    let (mut client, mut server) = pair(CipherSuite::Aes128Gcm);
    settle(&mut client, &mut server, 0);
    update(&mut client);
    assert!(packet(&mut client, 1).arrives(&mut server).is_ok());
    client.receive_generation += 1;
    update(&mut client);
    assert_eq!(packet(&mut client, 2).arrives(&mut server), Err(BadUpdate));
    assert_eq!(server.generation(), 1);
}

#[test]
fn who_uses_an_older_key_after_a_newer_one_breaks_the_protocol() {
    // A newer key for a lower number.
    let (mut client, mut server) = pair(CipherSuite::Aes128Gcm);
    settle(&mut client, &mut server, 0);
    assert!(packet(&mut client, 9).arrives(&mut server).is_ok());
    update(&mut client);
    assert_eq!(packet(&mut client, 8).arrives(&mut server), Err(BadUpdate));
    assert!(packet(&mut client, 10).arrives(&mut server).is_ok());
    // Of the new generation, below what came with the key before it.
    assert_eq!(packet(&mut client, 7).arrives(&mut server), Err(BadUpdate));
}

#[test]
fn what_may_not_be_acknowledged_follows_from_the_key() {
    let (mut client, mut server) = pair(CipherSuite::Aes128Gcm);
    settle(&mut client, &mut server, 0);
    assert_eq!(client.unknown_to(Opener::Current), None);
    update(&mut client);
    packet(&mut client, 7);
    assert_eq!(client.unknown_to(Opener::Current), Some(7));
    assert_eq!(client.unknown_to(Opener::Next), None);
}

#[test]
fn no_key_and_no_iv_is_made_twice_in_a_hundred_generations() {
    for suite in SUITES {
        let (mut client, mut server) = pair(suite);
        let mut made = Vec::new();
        for generation in 0..100 {
            settle(&mut client, &mut server, 2 * generation);
            let keys = client.session_keys(Role::Client).expect("settled");
            let same = server.session_keys(Role::Server).expect("settled");
            assert_eq!(keys.generation(), generation);
            for sender in [Role::Client, Role::Server] {
                assert_eq!(keys.of(sender), same.of(sender));
                let (key, iv) = keys.of(sender);
                made.push(key.to_vec());
                made.push(iv.to_vec());
            }
            update(&mut client);
            let number = 2 * generation + 1;
            assert!(packet(&mut client, number).arrives(&mut server).is_ok());
            assert!(packet(&mut server, number).arrives(&mut client).is_ok());
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 400);
    }
}

/// These bytes are the protocol, as those of generation 0. Computed by an independent implementation.
#[test]
fn the_second_generation_of_version_1_does_not_change() {
    let tags = SUITES.map(|suite| {
        let (mut client, mut server) = pair(suite);
        settle(&mut client, &mut server, 0);
        update(&mut client);
        let up = packet(&mut client, 1);
        assert!(up.arrives(&mut server).is_ok());
        [&client.send, &server.send].map(|key| u128::from_be_bytes(key.seal(1, b"h", &mut [])))
    });
    let expected = [
        [
            0x849f_1e51_9dfb_9690_a968_cc72_5511_562b,
            0xd19d_8a9c_5a81_54e2_342e_10c4_1260_fc80,
        ],
        [
            0x3cbf_c1ff_c4aa_18cd_6349_90e8_653b_2fa9,
            0x4505_1169_988c_0699_c1b8_6c79_a904_f5c8,
        ],
    ];
    assert_eq!(tags, expected);
}
