use super::*;
use alloc::format;
use alloc::vec::Vec;

const SUITES: [CipherSuite; 2] = [CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305];

struct Vector {
    suite: CipherSuite,
    key: &'static str,
    nonce: &'static str,
    header: &'static str,
    plain: &'static str,
    cipher: &'static str,
    tag: &'static str,
}

/// AES: test cases 1, 2 and 4 of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST SP 800-38D cites.
/// ChaCha20: RFC 8439 section 2.8.2.
const VECTORS: [Vector; 4] = [
    Vector {
        suite: CipherSuite::Aes128Gcm,
        key: "00000000000000000000000000000000",
        nonce: "000000000000000000000000",
        header: "",
        plain: "",
        cipher: "",
        tag: "58e2fccefa7e3061367f1d57a4e7455a",
    },
    Vector {
        suite: CipherSuite::Aes128Gcm,
        key: "00000000000000000000000000000000",
        nonce: "000000000000000000000000",
        header: "",
        plain: "00000000000000000000000000000000",
        cipher: "0388dace60b6a392f328c2b971b2fe78",
        tag: "ab6e47d42cec13bdf53a67b21257bddf",
    },
    Vector {
        suite: CipherSuite::Aes128Gcm,
        key: "feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        header: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plain: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        cipher: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                 21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        tag: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    Vector {
        suite: CipherSuite::ChaCha20Poly1305,
        key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        nonce: "070000004041424344454647",
        header: "50515253c0c1c2c3c4c5c6c7",
        plain: "4c616469657320616e642047656e746c656d656e206f662074686520636c6173\
                73206f66202739393a204966204920636f756c64206f6666657220796f75206f\
                6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73\
                637265656e20776f756c642062652069742e",
        cipher: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
                 3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
                 92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
                 3ff4def08e4b7a9de576d26586cec64b6116",
        tag: "1ae10b594f09e26a7e902ecbd0600691",
    },
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
        .collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().expect("the length of the field")
}

fn key(suite: CipherSuite) -> Box<dyn AeadKey> {
    Portable.key(suite, &[0x5a; 32][..suite.key_len()])
}

#[test]
fn published_vectors_are_sealed_and_opened_byte_for_byte() {
    for vector in VECTORS {
        let key = Portable.key(vector.suite, &hex(vector.key));
        let (nonce, header) = (array(vector.nonce), hex(vector.header));
        let mut bytes = hex(vector.plain);
        let tag = key.seal(&nonce, &header, &mut bytes);
        assert_eq!(bytes, hex(vector.cipher));
        assert_eq!(tag, array(vector.tag));
        assert_eq!(key.open(&nonce, &header, &mut bytes, &tag), Ok(()));
        assert_eq!(bytes, hex(vector.plain));
    }
}

#[test]
fn a_change_of_any_byte_is_refused() {
    for suite in SUITES {
        let key = key(suite);
        let (nonce, header) = ([3; 12], [1, 2, 3, 4, 5]);
        let mut sealed = *b"a body of some forty bytes, so three blocks";
        let tag = key.seal(&nonce, &header, &mut sealed);
        // Nonce, header, body, tag: every bit of each in turn.
        let whole = [&nonce[..], &header, &sealed, &tag].concat();
        for bit in 0..whole.len() * 8 {
            let mut forged = whole.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let (nonce, rest) = forged.split_first_chunk_mut().expect("a nonce");
            let (header, rest) = rest.split_at_mut(header.len());
            let (body, tag) = rest.split_last_chunk_mut().expect("a tag");
            assert_eq!(
                key.open(nonce, header, body, tag),
                Err(OpenError),
                "{suite:?} {bit}"
            );
        }
    }
}

#[test]
fn a_truncated_body_is_refused() {
    for suite in SUITES {
        let key = key(suite);
        let mut sealed = [7; 20];
        let tag = key.seal(&[3; 12], &[], &mut sealed);
        for len in 0..sealed.len() {
            let mut short = sealed;
            assert_eq!(
                key.open(&[3; 12], &[], &mut short[..len], &tag),
                Err(OpenError)
            );
        }
    }
}

#[test]
fn debug_output_of_a_key_holds_no_digit() {
    for suite in SUITES {
        assert_eq!(format!("{:?}", key(suite)), "PortableKey(..)");
    }
}

#[test]
#[should_panic(expected = "a key has the length of its suite")]
fn a_key_of_the_wrong_length_is_the_callers_bug() {
    Portable.key(CipherSuite::Aes128Gcm, &[0; 32]);
}
