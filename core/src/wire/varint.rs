//! Variable-length integers of RFC 9000 section 16: 1, 2, 4 or 8 bytes for 6, 14, 30 or 62 bits.

use alloc::vec::Vec;

/// Largest value that can be encoded.
pub(crate) const MAX: u64 = (1 << 62) - 1;

/// Bytes that `value` takes.
pub(crate) const fn len(value: u64) -> usize {
    match value {
        0..=0x3F => 1,
        0x40..=0x3FFF => 2,
        0x4000..=0x3FFF_FFFF => 4,
        _ => 8,
    }
}

/// Appends `value`, which is at most [`MAX`] (larger values are cut to it).
pub(crate) fn encode(value: u64, out: &mut Vec<u8>) {
    let value = value.min(MAX);
    let len = len(value);
    let prefix = (len.trailing_zeros() as u64) << 62;
    let left_aligned = (value << (64 - 8 * len as u32)) | prefix;
    out.extend_from_slice(&left_aligned.to_be_bytes()[..len]);
}

/// The value at the front of `bytes` and its length; `None` if the bytes end too early.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = 1usize << (first >> 6);
    let mut value = u64::from(first & 0x3F);
    for byte in bytes.get(1..len)? {
        value = value << 8 | u64::from(*byte);
    }
    Some((value, len))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use proptest::prelude::*;

    use super::{MAX, decode, encode, len};

    #[test]
    fn the_examples_of_rfc_9000_appendix_a_1_hold() {
        assert_eq!(
            decode(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]),
            Some((151_288_809_941_952_652, 8))
        );
        assert_eq!(decode(&[0x9d, 0x7f, 0x3e, 0x7d]), Some((494_878_333, 4)));
        assert_eq!(decode(&[0x7b, 0xbd]), Some((15_293, 2)));
        assert_eq!(decode(&[0x25]), Some((37, 1)));
        assert_eq!(
            decode(&[0x40, 0x25]),
            Some((37, 2)),
            "a longer form than needed is accepted"
        );
    }

    #[test]
    fn every_length_of_truncation_is_refused() {
        let mut out = Vec::new();
        encode(MAX, &mut out);
        for cut in 0..out.len() {
            assert_eq!(decode(&out[..cut]), None);
        }
    }

    /// Exhaustive: what both short forms mean, that each shortest one is what is written, and which numbers they are.
    #[test]
    fn every_form_of_one_and_two_bytes_is_the_number_it_should_be() {
        let mut shortest = 0;
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                let (expected, canonical) = match first >> 6 {
                    0 => ((u64::from(first), 1), true),
                    1 => {
                        let value = u64::from(first & 0x3F) << 8 | u64::from(second);
                        ((value, 2), value > 0x3F)
                    }
                    _ => {
                        assert_eq!(decode(&[first, second]), None);
                        continue;
                    }
                };
                assert_eq!(decode(&[first, second]), Some(expected));
                let mut out = Vec::new();
                encode(expected.0, &mut out);
                assert_eq!(out == [first, second][..expected.1], canonical);
                shortest += u32::from(canonical && expected.1 == 2);
            }
            assert_eq!(decode(&[first]).is_some(), first < 0x40);
        }
        assert_eq!(shortest, 0x4000 - 0x40);
    }

    /// Those where the length changes, and the last one.
    #[test]
    fn the_longest_of_each_length_is_one_less_than_the_shortest_of_the_next() {
        for (value, expected) in [
            (0, 1),
            (0x3F, 1),
            (0x40, 2),
            (0x3FFF, 2),
            (0x4000, 4),
            (0x3FFF_FFFF, 4),
            (0x4000_0000, 8),
            (MAX, 8),
        ] {
            let mut out = Vec::new();
            encode(value, &mut out);
            assert_eq!((len(value), out.len()), (expected, expected), "{value:#x}");
            assert_eq!(decode(&out), Some((value, expected)));
        }
        let (mut most, mut more) = (Vec::new(), Vec::new());
        encode(MAX, &mut most);
        encode(u64::MAX, &mut more);
        assert_eq!(most, more, "what is larger is cut");
    }

    proptest! {
        /// Any bytes that are a number are one, and none is read beyond its length.
        #[test]
        fn what_is_decoded_is_of_its_own_bytes_alone(bytes: [u8; 9], other: [u8; 9]) {
            let (value, read) = decode(&bytes).expect("8 bytes are enough for any");
            prop_assert!(read >= len(value) && value <= MAX);
            let mixed: Vec<u8> = bytes[..read].iter().chain(&other).copied().collect();
            prop_assert_eq!(decode(&mixed), Some((value, read)));
            prop_assert_eq!(decode(&bytes[..read - 1]), None);
        }

        #[test]
        fn decode_inverts_encode(value in 0..=MAX, shift in 0u32..62) {
            let value = value >> shift;
            let mut out = Vec::new();
            encode(value, &mut out);
            prop_assert_eq!(out.len(), len(value));
            prop_assert_eq!(decode(&out), Some((value, out.len())));
        }
    }
}
