//! What `snow` computes with: our random numbers, an X25519 that wipes its secrets and
//! needs no long-term one, and its own hash and cipher.

use alloc::boxed::Box;

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use zeroize::Zeroizing;

use crate::crypto::{Agreed, PublicKey, SecretKey};
use crate::rng::SecretRng;

/// The primitives of one handshake.
pub(super) struct Resolver {
    secret: Zeroizing<[u8; 32]>,
    agreement: Option<Agreement>,
}

/// What the long-term key agreed on with whom: all that a handshake learns of it.
#[derive(Clone)]
struct Agreement {
    remote: [u8; 32],
    agreed: Agreed,
}

impl Resolver {
    /// All that the handshake draws follows from `secret`.
    pub(super) const fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self {
            secret,
            agreement: None,
        }
    }

    /// Draws once from `rng` for all that the handshake needs.
    pub(super) fn draw(rng: &mut SecretRng) -> Zeroizing<[u8; 32]> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill(&mut *secret);
        secret
    }

    /// For the side with a long-term key, whose *public* half `snow` is then given as if it were the secret one.
    pub(super) fn agreed(mut self, remote: &[u8; 32], agreed: Agreed) -> Self {
        self.agreement = Some(Agreement {
            remote: *remote,
            agreed,
        });
        self
    }
}

impl CryptoResolver for Resolver {
    /// `snow` asks once for each handshake: asked twice, it would get the same numbers twice.
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(SecretRng::new(*self.secret)))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => Some(Box::new(KeyPair::new(self.agreement.clone()))),
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

/// One side's key pair: an ephemeral one, or the long-term one, whose secret stays outside.
struct KeyPair {
    secret: SecretKey,
    public: PublicKey,
    agreement: Option<Agreement>,
    is_long_term: bool,
}

impl KeyPair {
    fn new(agreement: Option<Agreement>) -> Self {
        Self {
            secret: SecretKey::from_bytes([0; 32]),
            public: PublicKey::from_bytes([0; 32]),
            agreement,
            is_long_term: false,
        }
    }
}

impl Dh for KeyPair {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    /// `snow` sets long-term keys only: this is the public half of ours.
    fn set(&mut self, public: &[u8]) {
        let public = public.try_into().expect("a public key has 32 bytes");
        self.public = PublicKey::from_bytes(public);
        self.is_long_term = true;
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *secret)?;
        self.secret = SecretKey::from_bytes(*secret);
        self.public = self.secret.public_key();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    fn dh(&self, remote: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let remote = remote.first_chunk().ok_or(snow::Error::Dh)?;
        let agreed = if self.is_long_term {
            let known = self.agreement.as_ref();
            let known = known.filter(|agreement| agreement.remote == *remote);
            known.ok_or(snow::Error::Dh)?.agreed.clone()
        } else {
            self.secret.agree(remote)
        };
        out[..32].copy_from_slice(&*agreed);
        Ok(())
    }
}
