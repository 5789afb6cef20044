//! Authenticated ciphers: what core asks of an implementation, and the portable one.

use alloc::boxed::Box;
use core::fmt;

use aes_gcm::Aes128Gcm;
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::consts::{U0, U12, U16};
use chacha20poly1305::aead::{AeadCore, AeadInPlace, KeyInit};

use crate::saved::saved;

/// An authenticated cipher for packets. Both have 12-byte nonces and 16-byte tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherSuite {
    /// AES-128-GCM (NIST SP 800-38D): fastest where the processor helps.
    Aes128Gcm,
    /// ChaCha20-Poly1305 (RFC 8439): fastest where it does not.
    ChaCha20Poly1305,
}

saved!(enum CipherSuite { 0 = Aes128Gcm, 1 = ChaCha20Poly1305 });

impl CipherSuite {
    /// Bytes of a key: 16 or 32.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::ChaCha20Poly1305 => 32,
        }
    }
}

/// Bytes of the tag that ends every packet.
pub const TAG_LEN: usize = 16;

/// The packet does not belong to this key, nonce and header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the packet does not belong to this key, nonce and header")
    }
}

impl core::error::Error for OpenError {}

/// One direction's packet key. `Debug` must not show it.
pub trait AeadKey: Send + Sync + fmt::Debug {
    /// Encrypts `bytes` in place and returns the tag over them and `header`.
    ///
    /// The caller never repeats a nonce.
    fn seal(&self, nonce: &[u8; 12], header: &[u8], bytes: &mut [u8]) -> [u8; TAG_LEN];

    /// Decrypts `bytes` in place if `tag` is right for them and `header`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it is not; the content of `bytes` is then unspecified.
    fn open(
        &self,
        nonce: &[u8; 12],
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError>;
}

/// An implementation of the cipher suites. All implementations give the same bytes.
pub trait Crypto: Send + Sync + fmt::Debug {
    /// A key of `suite` from its [`CipherSuite::key_len`] bytes.
    ///
    /// # Panics
    ///
    /// If `key` has another length: core never does that.
    fn key(&self, suite: CipherSuite, key: &[u8]) -> Box<dyn AeadKey>;
}

/// The ciphers in portable Rust, for every target of core, in constant time. Drivers bring a faster
/// implementation of the same bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Crypto for Portable {
    fn key(&self, suite: CipherSuite, key: &[u8]) -> Box<dyn AeadKey> {
        match suite {
            CipherSuite::Aes128Gcm => Box::new(PortableKey::<Aes128Gcm>::new(key)),
            CipherSuite::ChaCha20Poly1305 => Box::new(PortableKey::<ChaCha20Poly1305>::new(key)),
        }
    }
}

struct PortableKey<C>(C);

impl<C: KeyInit> PortableKey<C> {
    fn new(key: &[u8]) -> Self {
        Self(C::new_from_slice(key).expect("a key has the length of its suite"))
    }
}

impl<C> AeadKey for PortableKey<C>
where
    C: AeadInPlace + AeadCore<NonceSize = U12, TagSize = U16, CiphertextOverhead = U0>,
    C: Send + Sync,
{
    fn seal(&self, nonce: &[u8; 12], header: &[u8], bytes: &mut [u8]) -> [u8; TAG_LEN] {
        self.0
            .encrypt_in_place_detached(nonce.into(), header, bytes)
            .expect("a packet is far shorter than the 64 GB a nonce protects")
            .into()
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        self.0
            .decrypt_in_place_detached(nonce.into(), header, bytes, tag.into())
            .map_err(|_| OpenError)
    }
}

impl<C> fmt::Debug for PortableKey<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortableKey(..)")
    }
}

#[cfg(test)]
mod tests;
