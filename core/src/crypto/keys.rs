//! A server's long-term X25519 key pair (RFC 7748), and what a client knows of it.

use core::fmt;
use core::str::FromStr;

use curve25519_dalek::montgomery::MontgomeryPoint;
use zeroize::{Zeroize, Zeroizing};

use crate::saved::saved;

/// Bytes of a secret and of a public key.
const KEY_LEN: usize = 32;

/// A server's long-term X25519 secret. `Debug` does not show it; dropping it wipes it.
#[derive(Clone)]
pub struct SecretKey([u8; KEY_LEN]);

impl SecretKey {
    /// The key with these 32 bytes, which must come from a cryptographic random source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes, for a key file that only the server can read.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// The public half. It takes some microseconds: keep it rather than ask twice.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(MontgomeryPoint::mul_base_clamped(self.0).to_bytes())
    }

    /// X25519: what this key and `remote` agree on (RFC 7748 section 6.1).
    pub(crate) fn agree(&self, remote: &[u8; KEY_LEN]) -> Zeroizing<[u8; KEY_LEN]> {
        let mut shared = MontgomeryPoint(*remote).mul_clamped(self.0);
        let agreed = Zeroizing::new(shared.to_bytes());
        shared.zeroize();
        agreed
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A server's long-term X25519 public key. `Display` and `FromStr` use 64 hexadecimal digits.
///
/// ```
/// # use tickwire_core::{PublicKey, SecretKey};
/// let key = SecretKey::from_bytes([7; 32]).public_key();
/// assert_eq!(key.to_string().parse(), Ok(key));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; KEY_LEN]);

saved!(PublicKey(key));

impl PublicKey {
    /// The key with these 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

/// The first eight digits: enough to tell keys apart in a log, too few to trust one.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        write_hex(f, &self.0[..4])?;
        f.write_str("..)")
    }
}

impl FromStr for PublicKey {
    type Err = ParseKeyError;

    /// Takes digits of either case, and nothing else around them.
    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let digits = text.as_bytes();
        if digits.len() != 2 * KEY_LEN {
            return Err(ParseKeyError);
        }
        let mut bytes = [0; KEY_LEN];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

/// The text is not a [`PublicKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseKeyError;

impl fmt::Display for ParseKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a public key is written as 64 hexadecimal digits")
    }
}

impl core::error::Error for ParseKeyError {}

/// What the client knows of the server's long-term key before it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerIdentity {
    /// The key is known, from a file, a token or a directory: any other server is refused (Noise NK).
    Known(PublicKey),
    /// The key is not known: it is learnt in the handshake and reported in `Event::Connected` for the
    /// owner to judge (Noise NX).
    TrustOnFirstUse,
}

saved!(enum ServerIdentity { 0 = Known(key), 1 = TrustOnFirstUse });

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn hex_value(digit: u8) -> Result<u8, ParseKeyError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ParseKeyError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    /// RFC 7748 section 6.1, Alice.
    const SECRET: [u8; 32] = [
        0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66,
        0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9,
        0x2c, 0x2a,
    ];
    const PUBLIC: &str = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";

    #[test]
    fn the_public_key_is_that_of_rfc_7748() {
        assert_eq!(
            SecretKey::from_bytes(SECRET).public_key().to_string(),
            PUBLIC
        );
    }

    /// RFC 7748 section 6.1.
    #[test]
    fn both_sides_agree_on_what_rfc_7748_says() {
        let key = |text: &str| *text.parse::<PublicKey>().expect("64 digits").as_bytes();
        let bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let shared = key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        let (alice, bob) = (SecretKey::from_bytes(SECRET), SecretKey::from_bytes(bob));
        assert_eq!(*alice.agree(bob.public_key().as_bytes()), shared);
        assert_eq!(*bob.agree(alice.public_key().as_bytes()), shared);
    }

    #[test]
    fn a_public_key_survives_its_text_in_either_case() {
        let key: PublicKey = PUBLIC.parse().expect("64 digits");
        assert_eq!(key.to_string(), PUBLIC);
        assert_eq!(PUBLIC.to_uppercase().parse(), Ok(key));
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_with_what_is_expected() {
        let long = format!("{PUBLIC}00");
        let spaced = format!(" {}", &PUBLIC[1..]);
        let not_ascii = format!("{}é", &PUBLIC[2..]);
        for text in ["", "85", &PUBLIC[1..], &long, &spaced, &not_ascii] {
            assert_eq!(text.parse::<PublicKey>(), Err(ParseKeyError), "{text:?}");
        }
        assert!(ParseKeyError.to_string().contains("64 hexadecimal digits"));
    }

    #[test]
    fn debug_output_holds_no_secret_and_only_the_start_of_a_public_key() {
        let secret = SecretKey::from_bytes(SECRET);
        assert_eq!(format!("{secret:?}"), "SecretKey(..)");
        assert_eq!(
            format!("{:?}", secret.public_key()),
            "PublicKey(8520f009..)"
        );
    }
}
