//! What a server is told of the authority whose tokens it takes.

use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use super::TokenKey;
use super::sealed::{TokenBytes, unseal};

/// An authority as its servers know it, for [`ConfigBuilder::tokens`](crate::ConfigBuilder::tokens).
///
/// Beside this a server needs the time: see [`Endpoint::set_unix_time`](crate::Endpoint::set_unix_time).
#[derive(Clone)]
pub struct TokenAuthority {
    /// One or two; none in a recording, which holds what they opened.
    keys: Vec<TokenKey>,
    pub(crate) required: bool,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) used_bytes_max: usize,
}

impl TokenAuthority {
    /// The authority with this key. Only clients with a token of it may join.
    #[must_use]
    pub fn new(key: TokenKey) -> Self {
        Self {
            keys: Vec::from([key]),
            ..Self::recorded()
        }
    }

    /// Takes tokens made with another key as well, for the time in which a key is replaced: first all servers take both,
    /// then the authority uses the new one, then the old one is taken away. A third one takes the place of the second.
    #[must_use]
    pub fn or_key(mut self, key: TokenKey) -> Self {
        self.keys.truncate(1);
        self.keys.push(key);
        self
    }

    /// Whether clients without a token are refused. Default yes.
    #[must_use]
    pub fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// An address by which tokens may name this server that do not name it by its key, 8 at most. Default none.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Memory for clients whose tokens were used and have not expired, 1 KiB to 64 MiB: 96 bytes each. Once it is full, tokens of
    /// other clients are refused. Default 384 KiB: 4,096 clients.
    #[must_use]
    pub fn used_bytes_max(mut self, bytes: usize) -> Self {
        self.used_bytes_max = bytes;
        self
    }

    /// As a recording has it: without keys.
    pub(crate) fn recorded() -> Self {
        Self {
            keys: Vec::new(),
            required: true,
            addresses: Vec::new(),
            used_bytes_max: 384 * 1024,
        }
    }

    /// Whether what the keys open is to be had from a recording.
    pub(crate) fn is_recorded(&self) -> bool {
        self.keys.is_empty()
    }

    /// The content of a sealed part that a key opens.
    pub(crate) fn unseal(&self, sealed: &[u8]) -> Option<TokenBytes> {
        unseal(self.keys.iter(), sealed)
    }
}

/// Without the keys, and without their number.
impl fmt::Debug for TokenAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAuthority")
            .field("required", &self.required)
            .field("addresses", &self.addresses)
            .field("used_bytes_max", &self.used_bytes_max)
            .finish_non_exhaustive()
    }
}
