//! Truncation of growing numbers: packet numbers (RFC 9000 appendix A.2 and A.3) and message ids.

/// Bytes (1 to 4) of a packet number such that the receiver can expand it: twice the distance to the
/// largest number that it has acknowledged must fit (RFC 9000 section 17.1).
pub(crate) fn packet_number_len(number: u64, largest_acked: Option<u64>) -> usize {
    let distance = number - largest_acked.map_or(0, |acked| acked.min(number)) + 1;
    match distance {
        0..=0x7F => 1,
        0x80..=0x7FFF => 2,
        0x8000..=0x7F_FFFF => 3,
        _ => 4,
    }
}

/// The number nearest to `expected` whose low `bits` bits are `truncated`. `bits` is 8, 16, 24 or 32.
pub(crate) fn expand(expected: u64, truncated: u64, bits: u32) -> u64 {
    let window = 1u64 << bits;
    let half = window / 2;
    let candidate = expected & !(window - 1) | truncated;
    if candidate.saturating_add(half) <= expected {
        return candidate.checked_add(window).unwrap_or(candidate);
    }
    if candidate > expected.saturating_add(half) && candidate >= window {
        return candidate - window;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{expand, packet_number_len};

    #[test]
    fn the_example_of_rfc_9000_appendix_a_3_holds() {
        assert_eq!(expand(0xa82f_30ea + 1, 0x9b32, 16), 0xa82f_9b32);
    }

    /// RFC 9000 appendix A.3, as it stands there.
    fn as_the_rfc_has_it(largest: i128, truncated: i128, bits: u32) -> i128 {
        let expected = largest + 1;
        let window = 1i128 << bits;
        let half = window / 2;
        let candidate = (expected & !(window - 1)) | truncated;
        if candidate <= expected - half && candidate < (1 << 62) - window {
            return candidate + window;
        }
        if candidate > expected + half && candidate >= window {
            return candidate - window;
        }
        candidate
    }

    /// Exhaustive for one byte: each place in a window and each truncated number, in the first windows and around where numbers of
    /// two and three bytes begin. All longer forms are the same arithmetic with a wider window.
    #[test]
    fn a_number_of_one_byte_expands_as_the_rfc_says_wherever_it_is() {
        for begin in [0, 0x8000 - 700, 0x1_0000 - 700, 0x100_0000 - 700, 1 << 61] {
            for largest in begin..begin + 1_400 {
                for truncated in 0..=255 {
                    let expected = as_the_rfc_has_it(largest, truncated, 8);
                    let (largest, truncated) = (largest as u64, truncated as u64);
                    let expanded = expand(largest + 1, truncated, 8);
                    assert_eq!(
                        i128::from(expanded),
                        expected,
                        "{truncated} after {largest}"
                    );
                    assert_eq!(expanded % 256, truncated);
                }
            }
        }
    }

    /// Where each length ends.
    #[test]
    fn a_number_has_as_many_bytes_as_twice_its_distance_needs() {
        for (distance, len) in [
            (1, 1),
            (0x7F, 1),
            (0x80, 2),
            (0x7FFF, 2),
            (0x8000, 3),
            (0x7F_FFFF, 3),
            (0x80_0000, 4),
            (0x7FFF_FFFF, 4),
        ] {
            for acked in [0, 1, 77_777] {
                let number = acked + distance - 1;
                assert_eq!(packet_number_len(number, Some(acked)), len, "{distance}");
            }
            assert_eq!(packet_number_len(distance - 1, None), len, "{distance}");
            assert_eq!(packet_number_len(5, Some(u64::MAX)), 1);
        }
    }

    proptest! {
        #[test]
        fn every_length_expands_as_the_rfc_says(
            largest in 0u64..1 << 61, near in 0u64..1 << 33, is_near: bool, truncated: u32, bits in prop::sample::select(&[8u32, 16, 24, 32][..]),
        ) {
            let largest = if is_near { near } else { largest };
            let truncated = u64::from(truncated) & ((1 << bits) - 1);
            let expected = as_the_rfc_has_it(largest.into(), truncated.into(), bits);
            prop_assert_eq!(i128::from(expand(largest + 1, truncated, bits)), expected);
        }

        #[test]
        fn a_number_within_half_the_window_expands_to_itself(
            expected in 0u64..1 << 61, offset in -127i64..128, bits in prop::sample::select(&[8u32, 16, 24, 32][..]),
        ) {
            let number = expected.saturating_add_signed(offset);
            prop_assert_eq!(expand(expected, number & ((1 << bits) - 1), bits), number);
        }

        #[test]
        fn the_length_chosen_survives_everything_in_flight(acked in 0u64..1 << 40, ahead in 0u64..1 << 20, seen in 0u64..1 << 20) {
            let number = acked + ahead;
            let len = packet_number_len(number, Some(acked));
            // The receiver has seen something between what it acknowledged and what was sent.
            let expected = acked + seen.min(ahead) + 1;
            let bits = 8 * len as u32;
            prop_assert_eq!(expand(expected, number & ((1 << bits) - 1), bits), number);
        }

        #[test]
        fn no_input_overflows(expected: u64, truncated in 0u64..1 << 32, bits in prop::sample::select(&[8u32, 16, 24, 32][..])) {
            let _ = expand(expected, truncated & ((1 << bits) - 1), bits);
        }
    }
}
