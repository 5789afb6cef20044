use super::*;
use tickwire_core::Portable;

const SUITES: [CipherSuite; 2] = [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305];

/// One key by both implementations.
fn keys(suite: CipherSuite) -> [Box<dyn AeadKey>; 2] {
    let key = noise(1, suite.key_len());
    [Ring.key(suite, &key), Portable.key(suite, &key)]
}

/// Bytes without a pattern, the same for the same seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}

fn nonce(seed: u64) -> [u8; 12] {
    noise(seed, 12).try_into().expect("12 bytes")
}

#[test]
fn it_gives_the_bytes_of_portable_at_every_length() {
    for suite in SUITES {
        let [ring, portable] = keys(suite);
        for len in 0..1500 {
            let seed = len as u64;
            let (nonce, header) = (nonce(seed), noise(seed + 1, len % 24));
            let plain = noise(seed + 2, len);

            let mut by_ring = plain.clone();
            let mut by_portable = plain.clone();
            let tag = ring.seal(&nonce, &header, &mut by_ring);
            assert_eq!(tag, portable.seal(&nonce, &header, &mut by_portable));
            assert_eq!(by_ring, by_portable, "{suite:?}, {len} bytes");

            // Each opens what the other sealed.
            assert_eq!(portable.open(&nonce, &header, &mut by_ring, &tag), Ok(()));
            assert_eq!(ring.open(&nonce, &header, &mut by_portable, &tag), Ok(()));
            assert_eq!([&by_ring, &by_portable], [&plain; 2]);
        }
    }
}

#[test]
fn a_change_of_any_byte_is_refused() {
    for suite in SUITES {
        let [ring, _] = keys(suite);
        let (nonce, header) = (nonce(1), noise(2, 5));
        let mut sealed = noise(3, 43);
        let tag = ring.seal(&nonce, &header, &mut sealed);
        let whole = [&nonce[..], &header, &sealed, &tag].concat();
        for at in 0..whole.len() {
            let mut forged = whole.clone();
            forged[at] ^= 0x40;
            let (nonce, rest) = forged.split_first_chunk_mut().expect("a nonce");
            let (header, rest) = rest.split_at_mut(header.len());
            let (body, tag) = rest.split_last_chunk_mut().expect("a tag");
            assert_eq!(
                ring.open(nonce, header, body, tag),
                Err(OpenError),
                "{suite:?} {at}"
            );
        }
    }
}

/// Test case 2 of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST SP 800-38D cites.
#[test]
fn it_agrees_with_the_published_vector_for_aes() {
    let key = Ring.key(CipherSuite::Aes128Gcm, &[0; 16]);
    let mut bytes = [0; 16];
    let tag = key.seal(&[0; 12], &[], &mut bytes);
    assert_eq!(
        u128::from_be_bytes(bytes),
        0x0388_dace_60b6_a392_f328_c2b9_71b2_fe78
    );
    assert_eq!(
        u128::from_be_bytes(tag),
        0xab6e_47d4_2cec_13bd_f53a_67b2_1257_bddf
    );
}

/// RFC 8439 section 2.8.2.
#[test]
fn it_agrees_with_the_published_vector_for_chacha20() {
    let key: Vec<u8> = (0x80..0xa0).collect();
    let key = Ring.key(CipherSuite::ChaCha20Poly1305, &key);
    let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
    let header = [
        0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    ];
    let mut bytes =
        *b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
        for the future, sunscreen would be it.";
    let tag = key.seal(&nonce, &header, &mut bytes);
    assert_eq!(bytes[..8], [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]);
    assert_eq!(
        u128::from_be_bytes(tag),
        0x1ae1_0b59_4f09_e26a_7e90_2ecb_d060_0691
    );
}

#[test]
fn debug_output_of_a_key_holds_no_digit() {
    for suite in SUITES {
        assert_eq!(format!("{:?}", keys(suite)[0]), "RingKey(..)");
    }
}

#[test]
#[should_panic(expected = "a key has the length of its suite")]
fn a_key_of_the_wrong_length_is_the_callers_bug() {
    Ring.key(CipherSuite::ChaCha20Poly1305, &[0; 16]);
}
