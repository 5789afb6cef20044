//! Mutations of inputs, always the same for the same seed: what a fuzzer does, without its patience.

use tickwire_sim::Rng;

/// Numbers at which things go wrong.
const EDGES: [u8; 10] = [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFE, 0xFF];
/// Longest result.
const LEN_MAX: usize = 4_096;

/// One to four changes of an input, for some of which another one gives a piece.
#[must_use]
pub fn mutated(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.between(1, 4) {
        change(rng, &mut bytes, other);
    }
    bytes.truncate(LEN_MAX);
    bytes
}

fn change(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.push(rng.draw() as u8);
        return;
    }
    let at = below(rng, bytes.len());
    let end = at + below(rng, (bytes.len() - at).min(64) + 1);
    match rng.below(9) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.draw() as u8,
        2 => bytes[at] = EDGES[below(rng, EDGES.len())],
        3 => bytes[at..end].fill(EDGES[below(rng, EDGES.len())]),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        6 => {
            let some: Vec<u8> = (0..rng.between(1, 8)).map(|_| rng.draw() as u8).collect();
            bytes.splice(at..at, some);
        }
        7 => bytes.truncate(at),
        _ if !other.is_empty() => {
            let from = below(rng, other.len());
            let to = from + below(rng, (other.len() - from).min(256) + 1);
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        _ => {}
    }
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap_or(0)
}
