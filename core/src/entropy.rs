//! All randomness and secrets of an endpoint, given at birth.

use core::fmt;

/// What an endpoint is born with. The same configuration, entropy and inputs give the same outputs, byte for byte.
///
/// On real sockets both parts must come from the operating system, anew for every endpoint: a repeated
/// secret repeats keys. A simulator fixes them.
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
        let mut secret = [0; 32];
        for (i, chunk) in secret.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&seed.rotate_left(i as u32 * 16).to_le_bytes());
        }
        Self { seed, secret }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}
