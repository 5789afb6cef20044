use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::sealed::{USER_DATA_MAX, unseal};
use super::*;
use crate::crypto::SecretKey;

fn key(byte: u8) -> TokenKey {
    TokenKey::from_bytes([byte; 32])
}

fn server(host: u8, has_key: bool) -> TokenServer {
    TokenServer {
        address: SocketAddr::from(([192, 0, 2, host], 7_000)),
        key: has_key.then(|| SecretKey::from_bytes([host; 32]).public_key()),
    }
}

fn grant() -> Grant {
    Grant {
        client_id: 7,
        serial: 1_000,
        expires_at: 1_800_000_030,
        servers: vec![server(1, true), server(2, false)],
        user_data: b"name=Ada".to_vec(),
    }
}

fn token() -> ConnectToken {
    key(1).issue(&grant(), [9; 32]).expect("a fair grant")
}

fn opens(with: &TokenKey, sealed: &[u8]) -> bool {
    unseal([with].into_iter(), sealed).is_some()
}

#[test]
fn a_token_says_to_the_server_what_was_granted_and_to_the_client_where_to_go() {
    let (grant, token) = (grant(), token());
    assert_eq!(token.client_id(), 7);
    assert_eq!(token.expires_at(), 1_800_000_030);
    assert_eq!(token.servers(), grant.servers);
    let content = key(1).open(&token).expect("its key");
    assert_eq!(content.client_id, 7);
    assert_eq!(content.serial, 1_000);
    assert_eq!(content.expires_at, 1_800_000_030);
    assert_eq!(content.user_data, b"name=Ada");
    assert!(content.is_alike);
}

#[test]
fn neither_the_psk_nor_user_data_can_be_seen_in_what_crosses_the_wire() {
    let token = token();
    let shows = |what: &[u8]| token.sealed().windows(what.len()).any(|part| part == what);
    assert!(!shows(&token.psk()[..8]) && !shows(b"Ada") && !shows(&7_u64.to_be_bytes()));
    assert_eq!(token.sealed().len(), 25 + 57 + 2 * 8 + 8 + 16);
}

#[test]
fn the_sealed_part_opens_with_its_key_only_and_not_when_a_bit_is_changed() {
    let token = token();
    assert!(opens(&key(1), token.sealed()));
    assert!(!opens(&key(2), token.sealed()));
    for at in 0..token.sealed().len() {
        for bit in 0..8 {
            let mut forged = token.sealed().to_vec();
            forged[at] ^= 1 << bit;
            assert!(!opens(&key(1), &forged), "byte {at} bit {bit}");
        }
        assert!(!opens(&key(1), &token.sealed()[..at]));
    }
    assert!(!opens(&key(1), &[token.sealed(), &[0]].concat()));
}

#[test]
fn while_a_key_is_replaced_tokens_of_both_are_taken() {
    let both = TokenAuthority::new(key(2)).or_key(key(3)).or_key(key(1));
    assert!(both.unseal(token().sealed()).is_some());
    let third = key(3).issue(&grant(), [8; 32]).expect("a fair grant");
    assert!(
        both.unseal(third.sealed()).is_none(),
        "the third took its place"
    );
    assert!(
        TokenAuthority::new(key(2))
            .unseal(token().sealed())
            .is_none()
    );
}

#[test]
fn what_a_client_has_is_read_again_and_every_damage_is_noticed() {
    let token = token();
    let bytes = token.encode();
    assert_eq!(ConnectToken::decode(&bytes), Ok(token.clone()));
    for at in 0..bytes.len() {
        assert!(ConnectToken::decode(&bytes[..at]).is_err(), "{at} bytes");
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        assert!(ConnectToken::decode(&damaged).is_err(), "byte {at}");
    }
    assert!(ConnectToken::decode(&[&bytes[..], &[0]].concat()).is_err());
    let of_later = [&MAGIC[..], &[2], &bytes[5..]].concat();
    let told = ConnectToken::decode(&of_later).map_err(|error| error.to_string());
    assert_eq!(
        told.map(|_| ()),
        Err("the connect token is of version 2, only 1 is known here".to_string())
    );
    assert_eq!(ConnectToken::decode(b"GIF89a"), Err(TokenError::NotAToken));
}

#[test]
fn too_much_is_refused_and_the_most_fits() {
    let issue = |count: u8, len: usize| {
        let grant = Grant {
            servers: (0..count).map(|host| server(host, true)).collect(),
            user_data: vec![1; len],
            ..grant()
        };
        key(1).issue(&grant, [9; 32])
    };
    assert_eq!(issue(0, 0), Err(IssueError::NoServer));
    assert_eq!(issue(9, 0), Err(IssueError::TooManyServers { count: 9 }));
    assert_eq!(issue(1, 257), Err(IssueError::UserDataTooLong { len: 257 }));
    let (least, most) = (issue(1, 0).expect("fits"), issue(8, 256).expect("fits"));
    assert_eq!((least.sealed().len(), most.sealed().len()), (106, 418));
    assert!(key(1).open(&most).is_some_and(|content| content.is_alike));
}

#[test]
fn two_tokens_of_one_grant_share_no_secret_and_no_nonce() {
    let (one, other) = (token(), key(1).issue(&grant(), [8; 32]).expect("fair"));
    assert_ne!(one.psk(), other.psk());
    assert_ne!(one.sealed()[..25], other.sealed()[..25]);
}

#[test]
fn a_server_is_named_by_its_key_or_else_by_its_address() {
    let (with, without) = (server(1, true), server(1, false));
    let key = with.key.expect("given");
    assert_eq!(ServerName::of(&with), ServerName::of_key(&key));
    assert_eq!(
        ServerName::of(&without),
        ServerName::of_address(with.address)
    );
    assert_ne!(ServerName::of(&with), ServerName::of(&without));
    let mapped: SocketAddr = "[::ffff:192.0.2.1]:7000".parse().expect("an address");
    assert_eq!(ServerName::of_address(mapped), ServerName::of(&without));
    assert_eq!(
        token().identity_of(mapped),
        Some(ServerIdentity::Known(key))
    );
    let other_port: SocketAddr = "192.0.2.1:7001".parse().expect("an address");
    assert_eq!(token().identity_of(other_port), None);
}

#[test]
fn who_changes_his_own_part_is_seen_by_the_authority() {
    let mut token = token();
    token.client_id = 8;
    assert!(
        key(1)
            .open(&token)
            .is_some_and(|content| !content.is_alike && content.client_id == 7)
    );
}

#[test]
fn debug_output_shows_no_secret() {
    let token = token();
    let text = format!("{token:?} {:?} {:?}", key(1), TokenAuthority::new(key(1)));
    assert!(!text.contains("psk") && !text.contains("[9, ") && !text.contains("[1, 1"));
    let content = unseal([&key(1)].into_iter(), token.sealed()).expect("its key");
    let opened = Opened::decode(content.as_bytes()).expect("fair");
    assert_eq!(format!("{opened:?}"), "Opened(..)");
}

fn any_server() -> impl Strategy<Value = TokenServer> {
    let address = prop_oneof![
        any::<([u8; 4], u16)>().prop_map(SocketAddr::from),
        any::<([u16; 8], u16)>().prop_map(SocketAddr::from),
    ];
    (address, prop::option::of(any::<[u8; 32]>())).prop_map(|(address, key)| TokenServer {
        address,
        key: key.map(PublicKey::from_bytes),
    })
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let servers = prop::collection::vec(any_server(), 1..=SERVERS_MAX);
    let user_data = prop::collection::vec(any::<u8>(), 0..=USER_DATA_MAX);
    (any::<[u64; 3]>(), servers, user_data).prop_map(
        |([client_id, serial, expires_at], servers, user_data)| Grant {
            client_id,
            serial,
            expires_at,
            servers,
            user_data,
        },
    )
}

proptest! {
    /// Whatever is granted, both parts say it after any way as bytes.
    #[test]
    fn any_grant_survives(grant in any_grant(), secret: [u8; 32], with: [u8; 32]) {
        let key = TokenKey::from_bytes(with);
        let token = key.issue(&grant, secret).expect("within limits");
        let read = ConnectToken::decode(&token.encode());
        prop_assert_eq!(read.as_ref(), Ok(&token));
        let content = key.open(&token).expect("its key");
        prop_assert!(content.is_alike);
        let Grant { client_id, serial, expires_at, servers: _, user_data } = grant;
        prop_assert_eq!(
            (content.client_id, content.serial, content.expires_at, content.user_data),
            (client_id, serial, expires_at, user_data)
        );
    }

    /// What was opened needs not be what we encoded, in a recording: any bytes give a value of bounded size or an error.
    #[test]
    fn any_content_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        if let Ok(opened) = Opened::decode(&bytes) {
            prop_assert!((1..=SERVERS_MAX).contains(&opened.servers.len()));
            prop_assert_eq!(57 + 8 * opened.servers.len() + opened.user_data.len(), bytes.len());
        }
    }

    #[test]
    fn any_bytes_are_a_token_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..300), is_close: bool) {
        if is_close {
            bytes.splice(..0, token().encode()[..60].iter().copied());
        }
        if let Ok(token) = ConnectToken::decode(&bytes) {
            prop_assert_eq!(token.encode(), bytes);
        }
    }
}
