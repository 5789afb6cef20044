//! The part of a token that only servers can read, and nobody can change.
//!
//! ```text
//!  version (1 B) | nonce (24 B) | encrypted | tag (16 B)
//!  encrypted = client id (8) | serial (8) | expiry (8) | PSK (32) | count (1) | count x server name (8) | user data (to the tag)
//! ```
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): its nonce is long enough to be drawn at random for every token, so that
//! authorities on several machines can share a key and need no counter. Associated data: a name, and the version.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use blake2::{Blake2s256, Digest};
use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use super::{PSK_LEN, Psk, SERVERS_MAX, TokenKey, TokenServer, VERSION};
use crate::crypto::{PublicKey, TAG_LEN};
use crate::saved::saved;
use crate::wire::{DecodeError, Reader};

const NONCE_LEN: usize = 24;

/// Bytes before what is encrypted.
const HEADER_LEN: usize = 1 + NONCE_LEN;

/// Bytes of a server's name.
const NAME_LEN: usize = 8;

/// Encrypted bytes beside names and user data.
const FIXED_LEN: usize = 8 + 8 + 8 + PSK_LEN + 1;

/// Longest user data.
pub(crate) const USER_DATA_MAX: usize = 256;

/// Shortest and longest sealed part.
pub(super) const SEALED_MIN: usize = HEADER_LEN + FIXED_LEN + NAME_LEN + TAG_LEN;
pub(super) const SEALED_MAX: usize =
    HEADER_LEN + FIXED_LEN + SERVERS_MAX * NAME_LEN + USER_DATA_MAX + TAG_LEN;

const LABEL: &[u8; 23] = b"tickwire connect token ";

/// A server as a token names it: 64 bits of BLAKE2s-256 over its long-term key, or over its address. Names need not resist
/// anybody who looks for two alike: only the authority makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerName([u8; NAME_LEN]);

saved!(ServerName(bytes));

impl ServerName {
    pub(crate) fn of(server: &TokenServer) -> Self {
        match &server.key {
            Some(key) => Self::of_key(key),
            None => Self::of_address(server.address),
        }
    }

    pub(crate) fn of_key(key: &PublicKey) -> Self {
        Self::cut(
            Blake2s256::new()
                .chain_update(b"tickwire server key ")
                .chain_update(key.as_bytes()),
        )
    }

    pub(crate) fn of_address(address: SocketAddr) -> Self {
        let hash = Blake2s256::new().chain_update(b"tickwire server address ");
        let hash = match address.ip().to_canonical() {
            IpAddr::V4(ip) => hash.chain_update([4]).chain_update(ip.octets()),
            IpAddr::V6(ip) => hash.chain_update([6]).chain_update(ip.octets()),
        };
        Self::cut(hash.chain_update(address.port().to_be_bytes()))
    }

    fn cut(hash: Blake2s256) -> Self {
        let mut name = [0; NAME_LEN];
        name.copy_from_slice(&hash.finalize()[..NAME_LEN]);
        Self(name)
    }
}

/// What a server reads in a token.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) client_id: u64,
    pub(crate) serial: u64,
    /// Unix time in seconds.
    pub(crate) expires_at: u64,
    pub(crate) psk: Psk,
    pub(crate) servers: Vec<ServerName>,
    pub(crate) user_data: Vec<u8>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened(..)")
    }
}

impl Opened {
    /// Appends what is to be encrypted.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.client_id.to_be_bytes());
        out.extend_from_slice(&self.serial.to_be_bytes());
        out.extend_from_slice(&self.expires_at.to_be_bytes());
        out.extend_from_slice(&*self.psk);
        out.push(self.servers.len() as u8);
        self.servers
            .iter()
            .for_each(|ServerName(name)| out.extend_from_slice(name));
        out.extend_from_slice(&self.user_data);
    }

    /// Reads what was encrypted.
    pub(crate) fn decode(content: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(content);
        let client_id = reader.u64("client id")?;
        let serial = reader.u64("serial")?;
        let expires_at = reader.u64("expiry")?;
        let psk = Zeroizing::new(reader.array("pre-shared key")?);
        let error = reader.error("number of servers");
        let count = usize::from(reader.u8("number of servers")?);
        if !(1..=SERVERS_MAX).contains(&count) {
            return Err(error);
        }
        let servers = (0..count)
            .map(|_| reader.array("server").map(ServerName))
            .collect::<Result<_, _>>()?;
        let error = reader.error("user data");
        let user_data = reader.rest();
        if user_data.len() > USER_DATA_MAX {
            return Err(error);
        }
        Ok(Self {
            client_id,
            serial,
            expires_at,
            psk,
            servers,
            user_data: Vec::from(user_data),
        })
    }

    /// Encrypts for whoever has `key`. The nonce must not have been used with it before.
    pub(super) fn seal(&self, key: &TokenKey, nonce: &[u8; NONCE_LEN]) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEALED_MAX);
        out.push(VERSION);
        out.extend_from_slice(nonce);
        self.encode(&mut out);
        let tag = cipher(key)
            .encrypt_in_place_detached(
                XNonce::from_slice(nonce),
                &associated(VERSION),
                &mut out[HEADER_LEN..],
            )
            .expect("a token is far shorter than what a nonce protects");
        out.extend_from_slice(&tag);
        out
    }
}

/// The content of a sealed part that one of these keys opens. What is of another version or length opens with none.
pub(crate) fn unseal<'k>(
    mut keys: impl Iterator<Item = &'k TokenKey>,
    sealed: &[u8],
) -> Option<TokenBytes> {
    if sealed.first() != Some(&VERSION) || !(SEALED_MIN..=SEALED_MAX).contains(&sealed.len()) {
        return None;
    }
    let (header, rest) = sealed.split_at(HEADER_LEN);
    let (content, tag) = rest.split_at(rest.len() - TAG_LEN);
    let nonce = XNonce::from_slice(&header[1..]);
    keys.find_map(|key| {
        let mut content = TokenBytes::new(content);
        cipher(key)
            .decrypt_in_place_detached(
                nonce,
                &associated(header[0]),
                &mut content.0,
                Tag::from_slice(tag),
            )
            .ok()?;
        Some(content)
    })
}

/// What was encrypted. Dropping it wipes it.
#[derive(Clone)]
pub(crate) struct TokenBytes(Vec<u8>);

impl TokenBytes {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Vec::from(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for TokenBytes {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

fn cipher(key: &TokenKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_bytes().into())
}

fn associated(version: u8) -> [u8; LABEL.len() + 1] {
    let mut bytes = [version; LABEL.len() + 1];
    bytes[..LABEL.len()].copy_from_slice(LABEL);
    bytes
}
