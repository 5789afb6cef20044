//! The authority that says who may join: its key, and how it issues tokens.

use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use super::sealed::{Opened, ServerName, USER_DATA_MAX, unseal};
use super::{ConnectToken, SERVERS_MAX, TokenServer};
use crate::rng::SecretRng;

/// The key that an authority and its servers share. `Debug` does not show it; dropping it wipes it.
///
/// Who has it can issue tokens in anybody's name. Past sessions stay secret: their keys do not follow from it.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

/// What an authority wants to say with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who the client is, by the authority's books: a server holds one connection of each.
    pub client_id: u64,
    /// Grows from token to token of this client. Of two tokens that with the larger one is the newer, and ends the other's
    /// connection; a server that took one takes no other that is not newer. Unix time in microseconds will do.
    pub serial: u64,
    /// From when on no server takes it: Unix time in seconds. Half a minute from now is plenty where the client joins at once.
    pub expires_at: u64,
    /// The servers that it is good for, 1 to 8: once for each.
    pub servers: Vec<TokenServer>,
    /// What the servers' owners are told of the client, at most 256 bytes. The client cannot read it.
    pub user_data: Vec<u8>,
}

/// What is in the sealed part of a token, for who has the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenContent {
    /// Who the client is.
    pub client_id: u64,
    /// Number of the token among those of the client.
    pub serial: u64,
    /// From when on no server takes it: Unix time in seconds.
    pub expires_at: u64,
    /// What the servers' owners are told.
    pub user_data: Vec<u8>,
    /// Whether the part that the client reads says the same: client id, expiry, servers and pre-shared key.
    pub is_alike: bool,
}

impl TokenKey {
    /// The key with these 32 bytes, which must come from a cryptographic random source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes, for a file that only the authority and the servers can read.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Issues a token. Its pre-shared key and its nonce follow from `secret`: 32 bytes of the operating system's randomness, drawn
    /// for this token and no other. **The same ones twice would give two tokens with the same secrets.**
    ///
    /// # Errors
    ///
    /// [`IssueError`] if there is no server, or too much of something.
    pub fn issue(&self, grant: &Grant, secret: [u8; 32]) -> Result<ConnectToken, IssueError> {
        let count = grant.servers.len();
        if count == 0 {
            return Err(IssueError::NoServer);
        }
        if count > SERVERS_MAX {
            return Err(IssueError::TooManyServers { count });
        }
        let len = grant.user_data.len();
        if len > USER_DATA_MAX {
            return Err(IssueError::UserDataTooLong { len });
        }
        let rng = SecretRng::new(secret);
        let (mut psk, mut nonce) = (Zeroizing::new([0; 32]), [0; 24]);
        rng.fork("token psk").fill(&mut *psk);
        rng.fork("token nonce").fill(&mut nonce);
        let opened = Opened {
            client_id: grant.client_id,
            serial: grant.serial,
            expires_at: grant.expires_at,
            psk: psk.clone(),
            servers: grant.servers.iter().map(ServerName::of).collect(),
            user_data: grant.user_data.clone(),
        };
        Ok(ConnectToken {
            client_id: grant.client_id,
            expires_at: grant.expires_at,
            psk,
            servers: grant.servers.clone(),
            sealed: opened.seal(self, &nonce),
        })
    }

    /// What the sealed part of a token says; `None` if it was made with another key, or changed.
    #[must_use]
    pub fn open(&self, token: &ConnectToken) -> Option<TokenContent> {
        let content = unseal([self].into_iter(), &token.sealed)?;
        let opened = Opened::decode(content.as_bytes()).ok()?;
        let is_alike = opened.client_id == token.client_id
            && opened.expires_at == token.expires_at
            && opened.psk == token.psk
            && opened
                .servers
                .iter()
                .copied()
                .eq(token.servers.iter().map(ServerName::of));
        Some(TokenContent {
            client_id: opened.client_id,
            serial: opened.serial,
            expires_at: opened.expires_at,
            user_data: opened.user_data,
            is_alike,
        })
    }
}

impl Drop for TokenKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// Why [`TokenKey::issue`] refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// The grant names no server.
    NoServer,
    /// The grant names more than 8.
    TooManyServers {
        /// How many.
        count: usize,
    },
    /// More than 256 bytes of user data.
    UserDataTooLong {
        /// How many.
        len: usize,
    },
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer => f.write_str("a token needs at least one server"),
            Self::TooManyServers { count } => {
                write!(
                    f,
                    "a token is good for {SERVERS_MAX} servers at most, not {count}"
                )
            }
            Self::UserDataTooLong { len } => {
                write!(
                    f,
                    "user data has at most {USER_DATA_MAX} bytes, these are {len}"
                )
            }
        }
    }
}

impl core::error::Error for IssueError {}
