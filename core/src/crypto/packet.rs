//! From the secrets of a handshake to packet keys, and the protection of one packet.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use blake2::Blake2s256;
use hkdf::SimpleHkdf;
use zeroize::{Zeroize, Zeroizing};

use super::generations::Keys;
use crate::PROTOCOL_VERSION;
use crate::crypto::{AeadKey, CipherSuite, Crypto, OpenError, TAG_LEN};
use crate::event::Role;
use crate::saved::{Loader, Saved, saved};
use crate::wire::DecodeError;

/// Bytes of a nonce of both suites.
const NONCE_LEN: usize = 12;

/// Bytes of the longer key of both suites.
const KEY_LEN_MAX: usize = 32;
const CLIENT_TO_SERVER: &[u8] = b" client to server";
const SERVER_TO_CLIENT: &[u8] = b" server to client";

/// What both sides share after a handshake, and nobody else. Dropping it wipes it.
pub(crate) struct Secrets {
    client_to_server: [u8; 32],
    server_to_client: [u8; 32],
    /// Hash of all that was said: sides that heard different things have different keys.
    transcript: [u8; 32],
}

impl Secrets {
    pub(super) fn new(
        client_to_server: [u8; 32],
        server_to_client: [u8; 32],
        transcript: [u8; 32],
    ) -> Self {
        Self {
            client_to_server,
            server_to_client,
            transcript,
        }
    }

    /// The packet keys of the side that is `role`.
    pub(crate) fn keys(&self, suite: CipherSuite, role: Role, crypto: &dyn Crypto) -> Keys {
        let [from_client, from_server] = self.chains(suite);
        match role {
            Role::Client => Keys::new(from_client, from_server, crypto),
            Role::Server => Keys::new(from_server, from_client, crypto),
        }
    }

    /// The first packet keys themselves, to be written down.
    pub(crate) fn session_keys(&self, suite: CipherSuite) -> SessionKeys {
        let [mut from_client, mut from_server] = self.chains(suite);
        SessionKeys {
            suite,
            generation: 0,
            client: from_client.next(),
            server: from_server.next(),
        }
    }

    /// Of what the client sends, and of what the server does.
    fn chains(&self, suite: CipherSuite) -> [Chain; 2] {
        [
            (&self.client_to_server, Role::Client),
            (&self.server_to_client, Role::Server),
        ]
        .map(|(secret, sender)| Chain::new(suite, sender, &self.transcript, secret))
    }
}

/// Where the next keys of one direction come from, and those after them: HKDF (RFC 5869) in steps, as RFC 9001 section 6.1. It
/// leads forward only: who learns it opens nothing that was said with the keys taken from it before.
pub(crate) struct Chain {
    suite: CipherSuite,
    sender: Role,
    /// A pseudorandom key (RFC 5869 section 2.3) for the next generation.
    secret: [u8; 32],
}

saved!(Chain {
    suite,
    sender,
    secret
});

impl Chain {
    /// The transcript is the salt and the direction's secret the input.
    fn new(suite: CipherSuite, sender: Role, transcript: &[u8; 32], secret: &[u8; 32]) -> Self {
        let (mut prk, _) = SimpleHkdf::<Blake2s256>::extract(Some(transcript), secret);
        let chain = Self {
            suite,
            sender,
            secret: prk.into(),
        };
        prk.zeroize();
        chain
    }

    /// The next key.
    pub(super) fn next_key(&mut self, crypto: &dyn Crypto) -> PacketKey {
        let raw = self.next();
        PacketKey::new(self.suite, *raw.key, raw.iv, crypto)
    }

    /// Labels are such as `tickwire 1 aes-128-gcm client to server key`, the version being one byte of that value.
    fn next(&mut self) -> RawKey {
        let direction = match self.sender {
            Role::Client => CLIENT_TO_SERVER,
            Role::Server => SERVER_TO_CLIENT,
        };
        let hkdf = SimpleHkdf::<Blake2s256>::from_prk(&self.secret).expect("a hash's length");
        let expand = |purpose: &[u8], out: &mut [u8]| {
            let version = [PROTOCOL_VERSION];
            let label: [&[u8]; 5] = [
                b"tickwire ",
                &version,
                suite_label(self.suite),
                direction,
                purpose,
            ];
            hkdf.expand_multi_info(&label, out)
                .expect("HKDF gives up to 8,160 bytes");
        };
        let mut raw = RawKey {
            key: Zeroizing::new([0; KEY_LEN_MAX]),
            iv: [0; NONCE_LEN],
        };
        expand(b" key", &mut raw.key[..self.suite.key_len()]);
        expand(b" iv", &mut raw.iv);
        let mut secret = [0; 32];
        expand(b" update", &mut secret);
        self.secret = secret;
        secret.zeroize();
        raw
    }

    pub(super) const fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// For a planted mistake.
    pub(super) const fn secret(&self) -> [u8; 32] {
        self.secret
    }

    /// For a planted mistake.
    pub(super) const fn set_secret(&mut self, secret: [u8; 32]) {
        self.secret = secret;
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain(..)")
    }
}

/// Key and iv of one direction.
struct RawKey {
    /// As long as the suite's key; zeros follow.
    key: Zeroizing<[u8; 32]>,
    iv: [u8; NONCE_LEN],
}

impl Drop for RawKey {
    fn drop(&mut self) {
        self.iv.zeroize();
    }
}

/// The packet keys of one connection and generation. Dropping them wipes them; `Debug` does not show them.
pub(crate) struct SessionKeys {
    suite: CipherSuite,
    generation: u64,
    client: RawKey,
    server: RawKey,
}

impl SessionKeys {
    pub(crate) fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// How often keys were changed before.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Key and iv of what this side sends.
    pub(crate) fn of(&self, sender: Role) -> (&[u8], &[u8]) {
        let raw = match sender {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        (&raw.key[..self.suite.key_len()], &raw.iv)
    }
}

impl SessionKeys {
    /// Those of one generation.
    pub(super) fn of_generation(generation: u64, client: &PacketKey, server: &PacketKey) -> Self {
        Self {
            suite: client.suite,
            generation,
            client: client.raw(),
            server: server.raw(),
        }
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKeys(..)")
    }
}

fn suite_label(suite: CipherSuite) -> &'static [u8] {
    match suite {
        CipherSuite::Aes128Gcm => b" aes-128-gcm",
        CipherSuite::ChaCha20Poly1305 => b" chacha20-poly1305",
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.client_to_server.zeroize();
        self.server_to_client.zeroize();
        self.transcript.zeroize();
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// The packet key of one direction.
pub(crate) struct PacketKey {
    key: Box<dyn AeadKey>,
    iv: [u8; NONCE_LEN],
    /// What `key` was made from, for a checkpoint to make it again.
    suite: CipherSuite,
    secret: [u8; KEY_LEN_MAX],
}

impl Saved for PacketKey {
    fn save(&self, out: &mut Vec<u8>) {
        let Self {
            key: _,
            iv,
            suite,
            secret,
        } = self;
        iv.save(out);
        suite.save(out);
        u8::save_slice(&secret[..suite.key_len()], out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let iv = from.field("PacketKey.iv")?;
        let suite: CipherSuite = from.field("PacketKey.suite")?;
        let mut secret = [0; KEY_LEN_MAX];
        let len = suite.key_len();
        let bytes = u8::load_vec(len, from)?;
        secret[..len].copy_from_slice(&bytes);
        Ok(Self::new(suite, secret, iv, &*from.config().crypto))
    }
}

impl PacketKey {
    /// The suite takes as many bytes of `secret` as it needs.
    fn new(
        suite: CipherSuite,
        secret: [u8; KEY_LEN_MAX],
        iv: [u8; NONCE_LEN],
        crypto: &dyn Crypto,
    ) -> Self {
        Self {
            key: crypto.key(suite, &secret[..suite.key_len()]),
            iv,
            suite,
            secret,
        }
    }

    /// What it was made from.
    fn raw(&self) -> RawKey {
        RawKey {
            key: Zeroizing::new(self.secret),
            iv: self.iv,
        }
    }

    /// Encrypts `bytes` in place; the tag covers them, `header` and `number`, which is never used twice.
    pub(crate) fn seal(&self, number: u64, header: &[u8], bytes: &mut [u8]) -> [u8; TAG_LEN] {
        self.key.seal(&self.nonce(number), header, bytes)
    }

    /// Decrypts `bytes` in place.
    ///
    /// # Errors
    ///
    /// If they, `header`, `number` and `tag` were not made together with this key; `bytes` are then unspecified.
    pub(crate) fn open(
        &self,
        number: u64,
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        self.key.open(&self.nonce(number), header, bytes, tag)
    }

    /// The number as 96 bits, big-endian, XOR the iv (as RFC 9001 section 5.3).
    fn nonce(&self, number: u64) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }
}

impl Drop for PacketKey {
    fn drop(&mut self) {
        self.iv.zeroize();
        self.secret.zeroize();
    }
}

impl fmt::Debug for PacketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PacketKey(..)")
    }
}

#[cfg(test)]
mod tests;
