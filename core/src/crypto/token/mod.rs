//! Connect tokens: who a client is and which servers it may join, said by an authority that the servers trust.
//!
//! ```text
//!   authority (matchmaker)          client                       server
//!     TokenKey ── issue ──►  ConnectToken
//!                            servers, expiry, PSK
//!                            sealed part ──── HELLO ───────────► opens it with the same TokenKey
//!                                                                client id, expiry, servers, user data, PSK
//!                                   ◄── Noise ..psk2 ──────────► both have the PSK, and only they
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `mod` | the token as a client has it |
//! | `key` | the authority: what it grants, and how it issues |
//! | `sealed` | the part that only servers can read |
//! | `authority` | what a server is told of the authority |
//!
//! The sealed part crosses the wire, and whoever saw it can send it again. It opens nothing: the handshake is completed only
//! by who has the pre-shared key (PSK), which the authority gave to the client by another way and which never crosses this
//! one. Session keys do not follow from the token: they come of ephemeral keys, and stay secret when the authority's key is
//! stolen later.
//!
//! Vocabulary: a *grant* is what the authority wants to say, a *token* what it hands out, the *sealed part* the bytes of it
//! that go to the server, a *serial* a number that grows from token to token of one client.

mod authority;
mod key;
mod sealed;
#[cfg(test)]
mod tests;

pub use authority::TokenAuthority;
pub use key::{Grant, IssueError, TokenContent, TokenKey};

pub(crate) use sealed::{Opened, ServerName, TokenBytes};

use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use blake2::{Blake2s256, Digest};
use zeroize::Zeroizing;

use self::sealed::{SEALED_MAX, SEALED_MIN};
use crate::crypto::{PublicKey, ServerIdentity};
use crate::record::codec;
use crate::wire::{DecodeError, Reader};

/// What a token begins with.
const MAGIC: [u8; 4] = *b"TWCT";

/// Of a token's layout, and of its sealed part.
const VERSION: u8 = 1;

/// Servers that a token names, at most.
pub(crate) const SERVERS_MAX: usize = 8;

/// Bytes at the end by which damage is noticed.
pub(crate) const CHECK_LEN: usize = 4;

/// Bytes of a pre-shared key.
pub(crate) const PSK_LEN: usize = 32;

/// What a client and a server have in common by a token.
pub(crate) type Psk = Zeroizing<[u8; PSK_LEN]>;

/// A server that a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenServer {
    /// Where clients reach it.
    pub address: SocketAddr,
    /// Its long-term key, if the authority knows it: the client then talks to nobody else, and the server is named by it. Without,
    /// the server is named by its address, which it must have been told ([`TokenAuthority::address`]); that it has the
    /// authority's key is then what shows that it is no stranger.
    pub key: Option<PublicKey>,
}

/// A connect token as a client has it: what it needs to join, and a part for the server that it can neither read nor change.
///
/// **It holds a secret**, the pre-shared key: who has the whole token can join in its client's place, once. Hand it out over a
/// protected way (TLS) and keep it for yourself. `Debug` does not show it; dropping it wipes the key.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectToken {
    client_id: u64,
    expires_at: u64,
    psk: Psk,
    servers: Vec<TokenServer>,
    sealed: Vec<u8>,
}

impl ConnectToken {
    /// Whom the authority takes its holder for. The server believes its own copy, in the sealed part.
    #[must_use]
    pub const fn client_id(&self) -> u64 {
        self.client_id
    }

    /// From when on no server takes it: seconds since 1970 (Unix time).
    #[must_use]
    pub const fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// The servers that it is good for, 1 to 8.
    #[must_use]
    pub fn servers(&self) -> &[TokenServer] {
        &self.servers
    }

    /// The part for the server.
    #[must_use]
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    pub(crate) const fn psk(&self) -> &Psk {
        &self.psk
    }

    /// What the token knows of the server at this address; `None` if it is not good for it.
    pub(crate) fn identity_of(&self, address: SocketAddr) -> Option<ServerIdentity> {
        let is_it = |server: &&TokenServer| {
            let known = server.address;
            (known.ip().to_canonical(), known.port())
                == (address.ip().to_canonical(), address.port())
        };
        let server = self.servers.iter().find(is_it)?;
        Some(
            server
                .key
                .map_or(ServerIdentity::TrustOnFirstUse, ServerIdentity::Known),
        )
    }

    /// The token as bytes, in one layout for all machines (docs/PROTOCOL.md). **They hold the secret.**
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from(MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&self.client_id.to_be_bytes());
        out.extend_from_slice(&self.expires_at.to_be_bytes());
        out.extend_from_slice(&*self.psk);
        out.push(self.servers.len() as u8);
        for server in &self.servers {
            codec::put_ip(server.address.ip(), &mut out);
            out.extend_from_slice(&server.address.port().to_be_bytes());
            out.push(server.key.is_some().into());
            if let Some(key) = server.key {
                out.extend_from_slice(key.as_bytes());
            }
        }
        out.extend_from_slice(&(self.sealed.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.sealed);
        let check = check(&out);
        out.extend_from_slice(&check);
        out
    }

    /// Reads what [`encode`](Self::encode) made.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names what is wrong. That the sealed part is whole is known to servers only.
    pub fn decode(bytes: &[u8]) -> Result<Self, TokenError> {
        let mut reader = Reader::new(bytes);
        if reader.array("token") != Ok(MAGIC) {
            return Err(TokenError::NotAToken);
        }
        match reader.u8("version") {
            Ok(VERSION) => {}
            Ok(version) => return Err(TokenError::WrongVersion { version }),
            Err(_) => return Err(TokenError::Damaged { field: "version" }),
        }
        let token = Self::decode_rest(&mut reader);
        let token = token.map_err(|error| TokenError::Damaged { field: error.field })?;
        let end = reader.offset();
        let whole = bytes.len() == end + CHECK_LEN && bytes[end..] == check(&bytes[..end]);
        whole
            .then_some(token)
            .ok_or(TokenError::Damaged { field: "checksum" })
    }

    fn decode_rest(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let client_id = reader.u64("client id")?;
        let expires_at = reader.u64("expiry")?;
        let psk = Zeroizing::new(reader.array("pre-shared key")?);
        let error = reader.error("number of servers");
        let count = usize::from(reader.u8("number of servers")?);
        if !(1..=SERVERS_MAX).contains(&count) {
            return Err(error);
        }
        let servers = (0..count)
            .map(|_| decode_server(reader))
            .collect::<Result<_, _>>()?;
        let error = reader.error("sealed part");
        let len = usize::from(reader.u16("sealed part")?);
        if !(SEALED_MIN..=SEALED_MAX).contains(&len) {
            return Err(error);
        }
        Ok(Self {
            client_id,
            expires_at,
            psk,
            servers,
            sealed: Vec::from(reader.take(len, "sealed part")?),
        })
    }
}

fn decode_server(reader: &mut Reader<'_>) -> Result<TokenServer, DecodeError> {
    let ip = codec::ip(reader, "address of a server")?;
    let port = reader.u16("port of a server")?;
    let key = match codec::flag(reader, "key of a server")? {
        true => Some(PublicKey::from_bytes(reader.array("key of a server")?)),
        false => None,
    };
    Ok(TokenServer {
        address: SocketAddr::new(ip, port),
        key,
    })
}

pub(crate) fn check(bytes: &[u8]) -> [u8; CHECK_LEN] {
    let mut check = [0; CHECK_LEN];
    check.copy_from_slice(&Blake2s256::digest(bytes)[..CHECK_LEN]);
    check
}

impl fmt::Debug for ConnectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectToken")
            .field("client_id", &self.client_id)
            .field("expires_at", &self.expires_at)
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

/// Why bytes are not a [`ConnectToken`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// They begin like something else.
    NotAToken,
    /// It is of a version that is not known here.
    WrongVersion {
        /// Its version.
        version: u8,
    },
    /// It is cut off or changed.
    Damaged {
        /// What could not be read.
        field: &'static str,
    },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAToken => f.write_str("this is no connect token"),
            Self::WrongVersion { version } => write!(
                f,
                "the connect token is of version {version}, only {VERSION} is known here"
            ),
            Self::Damaged { field } => write!(f, "the connect token is damaged: {field}"),
        }
    }
}

impl core::error::Error for TokenError {}
