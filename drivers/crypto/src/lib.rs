#![forbid(unsafe_code)]
//! Packet protection by `ring`: the same bytes as [`Portable`](tickwire_core::Portable), several times faster.
//!
//! `ring` needs an operating system and brings assembly and C, so it lives beside the drivers and not in core:
//!
//! ```
//! use std::sync::Arc;
//! use tickwire_core::Crypto;
//!
//! let crypto: Arc<dyn Crypto> = Arc::new(tickwire_crypto::Ring);
//! ```

use core::fmt;

use ring::aead::{AES_128_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use tickwire_core::{AeadKey, CipherSuite, Crypto, OpenError, TAG_LEN};

/// The cipher suites by `ring`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ring;

impl Crypto for Ring {
    fn key(&self, suite: CipherSuite, key: &[u8]) -> Box<dyn AeadKey> {
        let key =
            UnboundKey::new(algorithm(suite), key).expect("a key has the length of its suite");
        Box::new(RingKey(LessSafeKey::new(key)))
    }
}

fn algorithm(suite: CipherSuite) -> &'static Algorithm {
    match suite {
        CipherSuite::Aes128Gcm => &AES_128_GCM,
        CipherSuite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    }
}

/// `ring` calls a key less safe when the caller chooses nonces. Ours are packet numbers, which core never repeats.
struct RingKey(LessSafeKey);

impl AeadKey for RingKey {
    fn seal(&self, nonce: &[u8; 12], header: &[u8], bytes: &mut [u8]) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(header), bytes)
            .expect("a packet is far shorter than the 64 GB a nonce protects");
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(sealed.as_ref());
        tag
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place_separate_tag(nonce, Aad::from(header), (*tag).into(), bytes, 0..)
            .map(|_| ())
            .map_err(|_| OpenError)
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RingKey(..)")
    }
}

#[cfg(test)]
mod tests;
