//! Reset tokens: how a server that lost its memory tells a client that their connection is gone.
//!
//! The server gives each client a token in the encrypted part of the handshake. After a crash it meets packets of connection
//! ids it does not know, computes the same token again from its key file, and answers with it. The client compares.
//! The token is bound to the client's address as well as to the id, so that nobody collects tokens of others by
//! sending from an address of his own. The price: a client whose address changed since the handshake waits for its
//! idle timeout instead.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use blake2::digest::Mac;
use blake2::{Blake2s256, Blake2sMac256};
use hkdf::SimpleHkdf;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::crypto::SecretKey;

/// Bytes of a reset token.
pub(crate) const RESET_TOKEN_LEN: usize = 16;

/// Makes tokens. The same [`SecretKey`] makes the same tokens. Dropping it wipes it.
pub(crate) struct ResetKey([u8; 32]);

impl ResetKey {
    pub(crate) fn new(identity: &SecretKey) -> Self {
        let mut key = [0; 32];
        SimpleHkdf::<Blake2s256>::new(None, identity.as_bytes())
            .expand(b"tickwire reset token", &mut key)
            .expect("HKDF gives up to 8,160 bytes");
        Self(key)
    }

    /// The key of a recording, and for one: it shows nothing of the long-term key that it was made from.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The token of the connection whose packets the server gets at `connection_id` from `client`.
    pub(crate) fn token(&self, connection_id: &[u8], client: SocketAddr) -> [u8; RESET_TOKEN_LEN] {
        let mut mac = mac_of(&self.0, client);
        mac.update(connection_id);
        let mut token = [0; RESET_TOKEN_LEN];
        token.copy_from_slice(&mac.finalize().into_bytes()[..RESET_TOKEN_LEN]);
        token
    }
}

/// A code over a client's address, to go on with. First comes what has a known length, so that no two inputs are the same bytes.
/// A dual-stack socket shows IPv4 clients as mapped IPv6 addresses: they are the same client.
pub(super) fn mac_of(key: &[u8; 32], client: SocketAddr) -> Blake2sMac256 {
    let mut mac = <Blake2sMac256 as Mac>::new_from_slice(key)
        .expect("32 bytes are the longest key of BLAKE2s");
    match client.ip().to_canonical() {
        IpAddr::V4(ip) => {
            mac.update(&[4]);
            mac.update(&ip.octets());
        }
        IpAddr::V6(ip) => {
            mac.update(&[6]);
            mac.update(&ip.octets());
        }
    }
    mac.update(&client.port().to_be_bytes());
    mac
}

impl Drop for ResetKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for ResetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetKey(..)")
    }
}

/// Compares in a time that does not tell where they differ.
pub(crate) fn tokens_equal(a: &[u8; RESET_TOKEN_LEN], b: &[u8; RESET_TOKEN_LEN]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;

    fn key(byte: u8) -> ResetKey {
        ResetKey::new(&SecretKey::from_bytes([byte; 32]))
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_token_survives_a_restart_with_the_same_key_file() {
        let client = address("192.0.2.1:7000");
        let before = key(1).token(&[1, 2], client);
        assert!(tokens_equal(&before, &key(1).token(&[1, 2], client)));
    }

    #[test]
    fn a_token_belongs_to_one_server_connection_and_address() {
        let mut seen = BTreeSet::new();
        for server in [1, 2] {
            for id in [&[1, 2][..], &[1, 3], &[1, 2, 0]] {
                for client in [
                    "192.0.2.1:7000",
                    "192.0.2.1:7001",
                    "192.0.2.2:7000",
                    "[::1]:7000",
                ] {
                    assert!(seen.insert(key(server).token(id, address(client))));
                }
            }
        }
    }

    #[test]
    fn a_mapped_address_is_the_same_client() {
        assert_eq!(
            key(1).token(&[1, 2], address("[::ffff:192.0.2.1]:7000")),
            key(1).token(&[1, 2], address("192.0.2.1:7000")),
        );
    }

    #[test]
    fn tokens_that_differ_anywhere_are_not_equal() {
        let token = [7; RESET_TOKEN_LEN];
        for at in 0..RESET_TOKEN_LEN {
            let mut other = token;
            other[at] ^= 0x80;
            assert!(!tokens_equal(&token, &other));
        }
    }

    #[test]
    fn debug_output_holds_no_digit() {
        assert_eq!(format!("{:?}", key(1)), "ResetKey(..)");
    }
}
