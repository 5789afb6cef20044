//! Bytes as hexadecimal digits: keys, which have 64 of them, and tokens.

use std::fmt::Write as _;

/// Digits of a key.
const DIGITS: usize = 64;

/// The 64 lower-case digits of `bytes`.
pub(crate) fn encode(bytes: &[u8; 32]) -> String {
    encode_any(bytes)
}

/// The lower-case digits of `bytes`, however many they are.
pub(crate) fn encode_any(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes that `text`, exactly 64 digits of either case, stands for.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != DIGITS {
        return None;
    }
    decode_any(text)?.try_into().ok()
}

/// The bytes that `text`, any even number of digits of either case, stands for.
pub(crate) fn decode_any(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    pairs.iter().map(byte).collect()
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_as_text() {
        let bytes = std::array::from_fn(|i| i as u8 * 8 + 7);
        let text = encode(&bytes);
        assert_eq!(decode(&text), Some(bytes));
        assert_eq!(decode(&text.to_uppercase()), Some(bytes));
    }

    #[test]
    fn anything_but_64_digits_is_refused() {
        let good = "0".repeat(64);
        assert!(decode(&good).is_some());
        for bad in [
            &good[1..],
            &"0".repeat(65),
            &"+".repeat(64),
            &"é".repeat(32),
            "",
        ] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
