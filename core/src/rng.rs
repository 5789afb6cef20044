//! Random numbers: [`Rng`] for what need not be secret, [`SecretRng`] for what must not be guessed.
//!
//! Both are born from the [`Entropy`](crate::Entropy) of the endpoint and give the same numbers for the same
//! birth. Every user forks a stream of its own by label, so that one more draw of one user shifts nobody else.
//! Forking the same label twice gives the same stream twice: labels are forked once, at birth, and a family
//! of users (one for each peer, say) is seeded by draws from a stream of its own.

use core::fmt;

use blake2::Blake2sMac256;
use blake2::digest::Mac;
use zeroize::Zeroize;

use crate::saved::saved;

/// A small, fast, reproducible generator: SplitMix64 (Steele, Lea, Flood 2014). Anybody who sees its numbers
/// can tell the next.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    seed: u64,
    state: u64,
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// The stream of `label`. It depends on the seed and the label, not on what was drawn before.
    pub(crate) fn fork(&self, label: &str) -> Self {
        Self::new(mix(self.seed ^ mix(fnv1a(label))))
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }
}

/// 2^64 divided by the golden ratio.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn fnv1a(label: &str) -> u64 {
    label.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A cryptographic generator: keyed BLAKE2s (RFC 7693) of a counter. After every draw it replaces its key by a hash of it,
/// so that who reads the memory later cannot tell what was drawn before: ephemeral keys stay forward secret.
/// Dropping it wipes it.
pub(crate) struct SecretRng {
    key: [u8; 32],
}

saved!(SecretRng { key });

impl SecretRng {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { key: secret }
    }

    /// The stream of `label`. It depends on what was drawn before: fork first, then draw.
    pub(crate) fn fork(&self, label: &str) -> Self {
        Self::new(self.hash(Use::Fork, label.as_bytes()))
    }

    /// Fills `out` with random bytes.
    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for (counter, chunk) in (0_u64..).zip(out.chunks_mut(32)) {
            let mut block = self.hash(Use::Draw, &counter.to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
            block.zeroize();
        }
        self.key = self.hash(Use::NextKey, &[]);
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn hash(&self, purpose: Use, input: &[u8]) -> [u8; 32] {
        let mut mac = <Blake2sMac256 as Mac>::new_from_slice(&self.key)
            .expect("32 bytes are the longest key of BLAKE2s");
        mac.update(&[purpose as u8]);
        mac.update(input);
        mac.finalize().into_bytes().into()
    }
}

/// First byte of what is hashed: the three uses of a key never meet.
#[derive(Clone, Copy)]
enum Use {
    Draw,
    NextKey,
    Fork,
}

impl Drop for SecretRng {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl fmt::Debug for SecretRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretRng(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;

    #[test]
    fn the_stream_is_that_of_the_published_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_fork_does_not_depend_on_the_draws_of_its_parent() {
        let mut rng = Rng::new(7);
        let before = rng.fork("jitter").next_u64();
        rng.next_u64();
        assert_eq!(rng.fork("jitter").next_u64(), before);
    }

    #[test]
    fn streams_of_different_labels_and_seeds_share_nothing() {
        let mut seen = BTreeSet::new();
        for seed in [0, 1] {
            let root = Rng::new(seed);
            let secret = SecretRng::new([seed as u8; 32]);
            for label in ["jitter", "jittes", "peer", ""] {
                let (mut rng, mut secret) = (root.fork(label), secret.fork(label));
                for _ in 0..100 {
                    assert!(seen.insert(rng.next_u64()));
                    assert!(seen.insert(secret.next_u64()));
                }
            }
        }
    }

    #[test]
    fn secret_streams_repeat_for_the_same_secret_and_never_within_themselves() {
        let (mut left, mut right) = (SecretRng::new([9; 32]), SecretRng::new([9; 32]));
        let (mut a, mut b) = ([0; 100], [0; 100]);
        left.fill(&mut a);
        right.fill(&mut b);
        assert_eq!(a, b);
        right.fill(&mut b);
        let blocks: BTreeSet<&[u8]> = a.chunks(8).chain(b.chunks(8)).collect();
        assert_eq!(blocks.len(), 26);
    }

    #[test]
    fn a_draw_replaces_the_key_it_was_drawn_with() {
        let mut rng = SecretRng::new([9; 32]);
        rng.fill(&mut []);
        assert_ne!(rng.key, [9; 32]);
    }

    #[test]
    fn debug_output_of_a_secret_stream_holds_no_digit() {
        assert_eq!(format!("{:?}", SecretRng::new([9; 32])), "SecretRng(..)");
    }
}
