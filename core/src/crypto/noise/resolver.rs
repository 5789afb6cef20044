//! What `snow` computes with: our random numbers, an X25519 that wipes its secrets, and its own hash and cipher.

use alloc::boxed::Box;

use curve25519_dalek::montgomery::MontgomeryPoint;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use zeroize::{Zeroize, Zeroizing};

use crate::rng::SecretRng;

/// The primitives of one handshake.
pub(super) struct Resolver {
    secret: Zeroizing<[u8; 32]>,
}

impl Resolver {
    /// Draws once from `rng` for all that the handshake needs.
    pub(super) fn new(rng: &mut SecretRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill(&mut *secret);
        Self { secret }
    }
}

impl CryptoResolver for Resolver {
    /// `snow` asks once for each handshake: asked twice, it would get the same numbers twice.
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(SecretRng::new(*self.secret)))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => Some(Box::new(X25519::default())),
            DHChoice::Curve448 => None,
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

impl Random for SecretRng {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        self.fill(out);
        Ok(())
    }
}

/// One side's key pair. `snow` has the same and leaves the secret in memory.
#[derive(Default)]
struct X25519 {
    secret: [u8; 32],
    public: [u8; 32],
}

impl X25519 {
    fn on_secret(&mut self) {
        self.public = MontgomeryPoint::mul_base_clamped(self.secret).to_bytes();
    }
}

impl Drop for X25519 {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret.copy_from_slice(secret);
        self.on_secret();
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        rng.try_fill_bytes(&mut self.secret)?;
        self.on_secret();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public = public.first_chunk().ok_or(snow::Error::Dh)?;
        let mut shared = MontgomeryPoint(*public).mul_clamped(self.secret);
        out[..32].copy_from_slice(shared.as_bytes());
        shared.zeroize();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::str::FromStr;

    use crate::crypto::PublicKey;

    /// RFC 7748 section 6.1.
    #[test]
    fn x25519_agrees_with_rfc_7748() {
        let key = |text| *PublicKey::from_str(text).expect("64 digits").as_bytes();
        let alice = key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let shared = key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        for (mine, theirs) in [(alice, bob), (bob, alice)] {
            let (mut dh, mut other, mut out) = (X25519::default(), X25519::default(), [0; 32]);
            dh.set(&mine);
            other.set(&theirs);
            dh.dh(other.pubkey(), &mut out).expect("a whole key");
            assert_eq!(out, shared);
        }
    }
}
