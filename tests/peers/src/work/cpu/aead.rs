//! What the encryption alone costs: to open a client's datagram and to seal the server's.

use tickwire_core::{CipherSuite, Crypto, TAG_LEN};
use tickwire_crypto::Ring;

/// A message and some bytes of framing around it.
const UP: usize = 64 + 10;
const DOWN: usize = 200 + 10;
const HEADER: [u8; 8] = [0; 8];

/// Does so for this many ticks of one client.
#[inline(never)]
pub(super) fn serve(ticks: u64) {
    let key = Ring.key(CipherSuite::Aes128Gcm, &[7; 16]);
    let (mut up, mut down) = ([0; UP], [0; DOWN]);
    for tick in 0..ticks {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&tick.to_le_bytes());
        // The tag is not right, which is found out only when all has been done.
        let opened = key.open(&nonce, &HEADER, &mut up, &[0; TAG_LEN]);
        assert!(opened.is_err(), "nobody sealed this");
        std::hint::black_box(key.seal(&nonce, &HEADER, &mut down));
    }
}
