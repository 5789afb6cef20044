//! One fast hash with two uses: the checksum of a block, and the running hash of what an endpoint put out.
//!
//! It is no defence against somebody who wants to deceive. Against accidents it is a good one: every step is
//! invertible in what it takes in, so two inputs of one length that differ in one word of 8 bytes never have the same
//! 64-bit hash. Words are read as little-endian: the numbers are the same on every machine.

/// Odd, so that multiplying by it loses nothing.
const FACTOR: u64 = 0x9fb2_1c65_1e98_df25;

/// Where the four lanes begin; any four different numbers do.
const LANES: [u64; 4] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
];

const WORD: usize = 8;
const STRIPE: usize = LANES.len() * WORD;

/// The hash of `bytes`, another one for each `seed`.
pub(super) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = step(seed, bytes.len() as u64);
    let mut stripes = bytes.chunks_exact(STRIPE);
    if bytes.len() >= STRIPE {
        // Four lanes, so that the processor has four multiplications under way.
        let mut lanes = LANES.map(|lane| lane ^ state);
        for stripe in &mut stripes {
            let (words, _) = stripe.as_chunks::<WORD>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = step(*lane, u64::from_le_bytes(*word));
            }
        }
        state = lanes.into_iter().fold(state, step);
    }
    let (words, rest) = stripes.remainder().as_chunks::<WORD>();
    for word in words {
        state = step(state, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        state = step(state, last_word(rest));
    }
    scatter(state)
}

/// A shorter last word is filled up with zeros: the length is hashed too.
fn last_word(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
}

const fn step(state: u64, word: u64) -> u64 {
    (state ^ word).wrapping_mul(FACTOR).rotate_left(29)
}

/// Lets every bit depend on every other.
const fn scatter(mut state: u64) -> u64 {
    state ^= state >> 32;
    state = state.wrapping_mul(FACTOR);
    state ^ (state >> 29)
}

/// The hash of all outputs so far, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutputHash(u64);

impl OutputHash {
    pub(super) fn number(&mut self, number: u64) {
        self.0 = step(self.0, number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0 = hash(self.0, bytes);
    }

    /// The four bytes that a record holds.
    pub(super) fn value(&self) -> u32 {
        (scatter(self.0) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    use super::{OutputHash, hash};

    #[test]
    fn the_numbers_are_the_same_on_every_machine() {
        let bytes: [u8; 100] = core::array::from_fn(|index| index as u8);
        let hashes = [0, 7, 8, 31, 32, 100].map(|len| hash(1, &bytes[..len]));
        insta::assert_debug_snapshot!(hashes.map(|hash| alloc::format!("{hash:016x}")), @r#"
        [
            "60d3e9948db713b4",
            "7f0406da77a796a7",
            "b8769d6c18ae9f1f",
            "3c54466cbca5d037",
            "ec020f989823eb1e",
            "51b77e0b44421d7a",
        ]
        "#);
    }

    #[test]
    fn zeros_of_every_length_differ() {
        let zeros = [0; 200];
        let hashes: BTreeSet<u64> = (0..=200).map(|len| hash(0, &zeros[..len])).collect();
        assert_eq!(hashes.len(), 201);
    }

    #[test]
    fn order_matters_to_the_running_hash() {
        let of = |numbers: [u64; 2]| {
            let mut hash = OutputHash::default();
            numbers.iter().for_each(|number| hash.number(*number));
            hash.value()
        };
        assert_ne!(of([1, 2]), of([2, 1]));
    }

    proptest! {
        #[test]
        fn a_changed_byte_changes_the_hash(mut bytes in prop::collection::vec(any::<u8>(), 1..300), at: prop::sample::Index, flip in 1u8..) {
            let before = hash(9, &bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_ne!(before, hash(9, &bytes));
        }
    }
}
