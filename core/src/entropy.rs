//! All randomness and secrets of an endpoint, given at birth.

use core::fmt;

use zeroize::Zeroize;

use crate::rng::Rng;

/// What an endpoint is born with. The same configuration, entropy and inputs give the same outputs, byte for byte.
///
/// On real sockets both parts must come from the operating system, anew for every endpoint: a repeated
/// secret repeats keys. A simulator fixes them. `Debug` shows neither; dropping it wipes the secret.
#[derive(Clone)]
pub struct Entropy {
    /// Decides what need not be secret.
    pub seed: u64,
    /// Ephemeral keys, tokens and connection ids come from it.
    pub secret: [u8; 32],
}

impl Entropy {
    /// Entropy for simulations and tests, all from `seed`: reproducible, and therefore not secret.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::new(seed).fork("secret");
        let mut secret = [0; 32];
        for chunk in secret.chunks_exact_mut(8) {
            chunk.copy_from_slice(&rng.next_u64().to_be_bytes());
        }
        Self { seed, secret }
    }
}

impl Drop for Entropy {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_gives_a_secret_of_its_own() {
        let secrets = [0, 1, 1 << 16, u64::MAX].map(|seed| Entropy::from_seed(seed).secret);
        for (i, secret) in secrets.iter().enumerate() {
            assert_ne!(*secret, [0; 32]);
            assert!(!secrets[..i].contains(secret));
        }
        assert_eq!(Entropy::from_seed(1).secret, secrets[1]);
    }
}
