//! I6, seen by the cipher: no key is made twice, no nonce is used twice, no packet is taken twice.
//!
//! A host's ciphers do what they did, and tell. Packet numbers are not in sight here but nonces are, each a number XOR
//! something fixed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tickwire_core::{AeadKey, CipherSuite, Config, Crypto, Endpoint, OpenError, TAG_LEN};

use super::Broken;
use super::liar::Liar;

/// Nonces remembered of each key: more than the packets that an endpoint remembers.
const REMEMBERED: usize = 2_048;

/// The ciphers of a host over all its lives.
#[derive(Debug)]
pub(super) struct Watch {
    inner: Arc<dyn Crypto>,
    keys: Mutex<BTreeSet<Vec<u8>>>,
    seen: Arc<Seen>,
    liar: Arc<Liar>,
}

/// What was seen and not asked for yet.
#[derive(Debug, Default)]
struct Seen {
    key_again: AtomicBool,
    nonce_again: AtomicBool,
    opened_again: AtomicBool,
}

impl Watch {
    pub(super) fn new(inner: Arc<dyn Crypto>) -> Self {
        Self {
            inner,
            keys: Mutex::default(),
            seen: Arc::default(),
            liar: Arc::default(),
        }
    }

    pub(super) fn set_lying(&self, seed: Option<u64>) {
        self.liar.set(seed);
    }

    pub(super) fn lies(&self) -> u64 {
        self.liar.lies()
    }

    /// Whether these ciphers are watched by this.
    pub(super) fn is_in(self: &Arc<Self>, config: &Config) -> bool {
        let own: Arc<dyn Crypto> = self.clone();
        Arc::ptr_eq(&own, config.crypto())
    }

    pub(super) fn check(&self, endpoint: &Endpoint) -> Result<(), Broken> {
        if self.seen.key_again.load(Relaxed) {
            return Err("I6: a key was made twice".to_owned());
        }
        if self.seen.nonce_again.load(Relaxed) {
            return Err("I6: a nonce was used twice".to_owned());
        }
        // What found no room was not taken, and may come again.
        if self.seen.opened_again.swap(false, Relaxed) && !has_refused(endpoint) {
            return Err("I6: a packet was opened twice".to_owned());
        }
        Ok(())
    }
}

fn has_refused(endpoint: &Endpoint) -> bool {
    let stats = |peer| endpoint.peer_stats(peer);
    let mut stats = endpoint.peers().filter_map(stats);
    stats.any(|stats| stats.drops.unread_full > 0)
}

impl Crypto for Watch {
    fn key(&self, suite: CipherSuite, key: &[u8]) -> Box<dyn AeadKey> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.insert(key.to_vec()) {
            self.seen.key_again.store(true, Relaxed);
        }
        Box::new(WatchedKey {
            inner: self.inner.key(suite, key),
            seen: self.seen.clone(),
            liar: self.liar.clone(),
            sealed: Nonces::default(),
            opened: Nonces::default(),
        })
    }
}

#[derive(Debug)]
struct WatchedKey {
    inner: Box<dyn AeadKey>,
    seen: Arc<Seen>,
    liar: Arc<Liar>,
    sealed: Nonces,
    opened: Nonces,
}

impl AeadKey for WatchedKey {
    fn seal(&self, nonce: &[u8; 12], header: &[u8], bytes: &mut [u8]) -> [u8; TAG_LEN] {
        if self.sealed.has_or_adds(nonce) {
            self.seen.nonce_again.store(true, Relaxed);
        }
        self.liar.rewrite(header, bytes);
        self.inner.seal(nonce, header, bytes)
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        self.inner.open(nonce, header, bytes, tag)?;
        if self.opened.has_or_adds(nonce) {
            self.seen.opened_again.store(true, Relaxed);
        }
        Ok(())
    }
}

/// The latest nonces of one key. As each is a number XOR something fixed, its low bits are those of a place of its own
/// among its neighbours.
#[derive(Debug, Default)]
struct Nonces(Mutex<Vec<Option<[u8; 12]>>>);

impl Nonces {
    /// Whether this one was used; it is from now on.
    fn has_or_adds(&self, nonce: &[u8; 12]) -> bool {
        let mut nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.is_empty() {
            nonces.resize(REMEMBERED, None);
        }
        let low = usize::from(u16::from_be_bytes([nonce[10], nonce[11]]));
        nonces[low % REMEMBERED].replace(*nonce) == Some(*nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_core::Portable;

    fn watched(watch: &Watch) -> Box<dyn AeadKey> {
        watch.key(CipherSuite::Aes128Gcm, &[7; 16])
    }

    #[test]
    fn a_nonce_used_twice_is_seen() {
        let watch = Watch::new(Arc::new(Portable));
        let key = watched(&watch);
        key.seal(&[1; 12], b"", &mut [0; 4]);
        key.seal(&[2; 12], b"", &mut [0; 4]);
        assert!(!watch.seen.nonce_again.load(Relaxed));
        key.seal(&[1; 12], b"", &mut [0; 4]);
        assert!(watch.seen.nonce_again.load(Relaxed));
    }

    #[test]
    fn a_packet_opened_twice_and_a_key_made_twice_are_seen() {
        let watch = Watch::new(Arc::new(Portable));
        let key = watched(&watch);
        let tag = key.seal(&[1; 12], b"", &mut []);
        for again in [false, true] {
            key.open(&[1; 12], b"", &mut [], &tag).expect("its own tag");
            assert_eq!(watch.seen.opened_again.load(Relaxed), again);
        }
        assert!(!watch.seen.key_again.load(Relaxed));
        watched(&watch);
        assert!(watch.seen.key_again.load(Relaxed));
    }
}
