//! Keys, the handshake and packet protection.

use alloc::boxed::Box;
use core::fmt;

/// An authenticated cipher for packets. Both have 12-byte nonces and 16-byte tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherSuite {
    /// AES-128-GCM (NIST SP 800-38D): fastest where the processor helps.
    Aes128Gcm,
    /// ChaCha20-Poly1305 (RFC 8439): fastest where it does not.
    ChaCha20Poly1305,
}

/// Bytes of the tag that ends every packet.
pub const TAG_LEN: usize = 16;

/// The packet does not belong to this key, nonce and header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

/// One direction's packet key.
pub trait AeadKey: Send + Sync + fmt::Debug {
    /// Encrypts `bytes` in place and returns the tag over them and `header`.
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

/// An implementation of the cipher suites.
pub trait Crypto: Send + Sync + fmt::Debug {
    /// A key of `suite` from its [`CipherSuite::key_len`] bytes.
    fn key(&self, suite: CipherSuite, key: &[u8]) -> Box<dyn AeadKey>;
}

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

/// The ciphers in portable Rust, for every target of core. Drivers bring a faster implementation of the same bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Crypto for Portable {
    fn key(&self, _suite: CipherSuite, _key: &[u8]) -> Box<dyn AeadKey> {
        unimplemented!()
    }
}

/// A server's long-term X25519 secret. `Debug` does not show it.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// The key with these 32 bytes, which must come from a cryptographic random source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        unimplemented!()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A server's long-term X25519 public key. `Display` and `FromStr` use 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key with these 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(..)")
    }
}

/// What the client knows of the server's long-term key before it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerIdentity {
    /// The key is known, from a file, a token or a directory: any other server is refused (Noise NK).
    Known(PublicKey),
    /// The key is not known: it is learnt in the handshake and reported in `Event::Connected` for the
    /// owner to judge (Noise NX).
    TrustOnFirstUse,
}
