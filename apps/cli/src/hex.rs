//! Keys as text: 64 hexadecimal digits.

use std::fmt::Write as _;

/// Digits of a key.
const DIGITS: usize = 64;

/// The 64 lower-case digits of `bytes`.
pub(crate) fn encode(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(DIGITS);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes that `text`, exactly 64 digits of either case, stands for.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != DIGITS {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
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
