//! Connect tokens: as a client has them, and what is sealed in them.

use alloc::vec::Vec;

use crate::crypto::{Opened, TOKEN_CHECK_LEN, token_check};
use crate::{ConnectToken, Grant, TokenKey, TokenServer};

/// Any bytes as a token, as they are and with their checksum made right, and as what only servers read.
pub fn tokens(data: &[u8]) {
    let mut repaired = data.to_vec();
    if let Some(end) = data.len().checked_sub(TOKEN_CHECK_LEN) {
        let check = token_check(&data[..end]);
        repaired[end..].copy_from_slice(&check);
    }
    for bytes in [data, &repaired] {
        if let Ok(token) = ConnectToken::decode(bytes) {
            assert_eq!(token.encode(), bytes);
            assert!(!token.servers().is_empty());
            // Nobody but the authority seals one.
            let sealed = key().open(&token);
            assert!(sealed.is_none_or(|content| content.client_id == 7));
        }
    }
    if let Ok(opened) = Opened::decode(data) {
        let mut out = Vec::new();
        opened.encode(&mut out);
        assert_eq!(out, data);
    }
}

/// Tokens for one server and for several, and what is sealed in one.
#[must_use]
pub fn token_seeds() -> Vec<Vec<u8>> {
    let server = |host: u8, is_known: bool| TokenServer {
        address: ([10, 0, 0, host], 7_000).into(),
        key: is_known.then(|| crate::SecretKey::from_bytes([3; 32]).public_key()),
    };
    let one = alloc::vec![server(2, true)];
    let three = (2..5).map(|host| server(host, host == 3)).collect();
    let tokens = [one, three].into_iter().map(|servers| {
        let grant = Grant {
            client_id: 7,
            serial: 1,
            expires_at: 2_000_000_000,
            servers,
            user_data: alloc::vec![9; 20],
        };
        let issued = key().issue(&grant, [5; 32]);
        issued.expect("it names a server").encode()
    });
    let mut seeds: Vec<Vec<u8>> = tokens.collect();
    let mut sealed = alloc::vec![1; 56];
    sealed.push(2);
    sealed.extend([3; 30]);
    seeds.push(sealed);
    seeds
}

fn key() -> TokenKey {
    TokenKey::from_bytes([6; 32])
}
