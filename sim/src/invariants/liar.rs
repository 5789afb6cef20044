//! A hostile peer with valid keys: between the endpoint that made a packet and the cipher, its frames become others.
//!
//! The packet keeps its length and its number, so that nothing of the liar's own endpoint has to know.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::rng::Rng;

/// One host's lies.
#[derive(Debug, Default)]
pub(super) struct Liar {
    is_lying: AtomicBool,
    lies: AtomicU64,
    rng: Mutex<Option<Rng>>,
    /// It does nothing but begin messages that never end, which nobody can call a lie.
    only_begins: AtomicBool,
    /// Counts fragments, so that each begins a message of its own.
    fragment: AtomicU64,
}

/// Bit of a header's first byte: a compact acknowledgement comes before the frames.
const COMPACT_ACK: u8 = 0x08;
/// Bytes of a fragment, the least that is allowed.
const FRAGMENT_LEN: u8 = 128;
/// Bytes in which a message can begin.
const ROOM_TO_BEGIN: usize = 150;

impl Liar {
    pub(super) fn set(&self, seed: Option<u64>) {
        let mut rng = seed.map(Rng::new);
        let only_begins = rng.as_mut().is_some_and(|rng| rng.below(3) == 0);
        self.is_lying.store(rng.is_some(), Relaxed);
        self.only_begins.store(only_begins, Relaxed);
        *self.rng.lock().unwrap_or_else(PoisonError::into_inner) = rng;
    }

    pub(super) fn lies(&self) -> u64 {
        self.lies.load(Relaxed)
    }

    /// Every second packet of a liar.
    pub(super) fn rewrite(&self, header: &[u8], bytes: &mut [u8]) {
        if !self.is_lying.load(Relaxed) {
            return;
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rng) = rng.as_mut() else { return };
        if rng.below(2) == 0 {
            return;
        }
        let is_compact = header.first().is_some_and(|first| first & COMPACT_ACK != 0);
        let frames = &mut bytes[usize::from(is_compact)..];
        let only_begins = self.only_begins.load(Relaxed);
        if frames.is_empty() || only_begins && frames.len() < ROOM_TO_BEGIN {
            return;
        }
        self.lies.fetch_add(1, Relaxed);
        let lie = match only_begins {
            true => Some(self.fragments(rng, frames.len())),
            false => self.lie(rng, frames.len()),
        };
        match lie {
            // A frame that does not fit would be cut, which is a lie too.
            Some(lie) => {
                let len = lie.len().min(frames.len());
                frames.fill(0);
                frames[..len].copy_from_slice(&lie[..len]);
            }
            None => {
                let at = usize::try_from(rng.below(frames.len() as u64)).unwrap_or(0);
                frames[at] ^= 1 << rng.below(8);
            }
        }
    }

    /// Frames; `None` for what was there with one bit flipped.
    fn lie(&self, rng: &mut Rng, room: usize) -> Option<Vec<u8>> {
        Some(match rng.below(16) {
            // Most of the large ones, so that a bound is reached.
            0..=6 if room > 2 * ROOM_TO_BEGIN => self.fragments(rng, room),
            // An acknowledgement of what was never sent.
            0 | 1 => vec![0x02, 0xBF, 0xFF, 0xFF, 0xFF, 0, 0, 0],
            // Of all that may have been sent.
            2 | 3 => {
                let largest = rng.below(60).to_be_bytes()[7];
                vec![0x02, largest, 0, 0, largest]
            }
            // Credit without end.
            4 => [&[0x04][..], &[0xFF; 8]].concat(),
            5 => [&[0x03, 2][..], &[0xFF; 8]].concat(),
            // A channel that nobody has, a type that nothing is.
            6 => vec![0x80 | 30, 1, 2, 3],
            7 => vec![0x06 + rng.below(100).to_be_bytes()[7]],
            // A message beyond the window, and one that ends behind its packet.
            8 => vec![0xC2, 0x40, 0, 4, 0xEE, 0xEE, 0xEE, 0xEE],
            9 => vec![0xC0, 0x7F, 0xFF, 0xEE],
            // The end, with a text that is no text.
            10 => vec![0x05, 0, 7, 2, 0xFF, 0xFF],
            // The end, and then more.
            11 => vec![0x05, 0, 7, 0, 0xC0, 4, 0xEE, 0xEE, 0xEE, 0xEE],
            12 => (0..room).map(|_| rng.below(256).to_be_bytes()[7]).collect(),
            13 => vec![0x01; room],
            _ => return None,
        })
    }

    /// The second fragments of ever more messages, whose first ones never come.
    fn fragments(&self, rng: &mut Rng, room: usize) -> Vec<u8> {
        let mut frames = Vec::new();
        let channel = if rng.below(4) == 0 { 2 } else { 0 };
        while frames.len() + ROOM_TO_BEGIN <= room {
            let id = self.fragment.fetch_add(1, Relaxed).to_be_bytes();
            frames.extend([0xE0 | channel, id[6], id[7]]);
            // From byte 128 on, of 1,152.
            frames.extend([0x40, 0x80, 0x44, 0x80, 0x40, FRAGMENT_LEN]);
            frames.resize(frames.len() + usize::from(FRAGMENT_LEN), 0xEE);
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_liar_changes_what_is_in_its_packets_and_nothing_of_their_length() {
        let liar = Liar::default();
        let mut honest = [1; 1_000];
        liar.rewrite(&[0x80], &mut honest);
        assert_eq!(honest, [1; 1_000]);
        liar.set(Some(1));
        for len in 1..1_000 {
            liar.rewrite(&[0x88], &mut vec![7; len]);
        }
        assert!((300..700).contains(&liar.lies()), "{}", liar.lies());
        liar.set(None);
        let before = liar.lies();
        liar.rewrite(&[0x80], &mut honest);
        assert_eq!(liar.lies(), before);
    }
}
