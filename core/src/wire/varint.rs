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

    proptest! {
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
