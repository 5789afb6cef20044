//! What a fuzzer reaches only from inside: decoders that are nobody's business, and an endpoint's whole state as bytes. With the
//! feature `fuzz`, and for nothing else.
//!
//! | file | targets |
//! |---|---|
//! | `frames` | the frames of a packet |
//! | `datagrams` | packet headers; the handshake's datagrams and what is sealed in them; cookies |
//! | `grants` | connect tokens, and what is sealed in them |
//! | `texts` | discovery's question and answer |
//! | `states` | numbers as both codecs write them; checkpoints |
//!
//! Each takes any bytes and panics if a promise is broken: what was decoded must, encoded again, be decoded to the same. Endpoints
//! from outside, the simulator and files are fuzzed by `tests/targets`.

mod datagrams;
mod frames;
mod grants;
mod states;
mod texts;

pub use datagrams::{cookies, handshake_seeds, handshakes, headers};
pub use frames::frames;
pub use grants::{token_seeds, tokens};
pub use states::{checkpoints, numbers, revive, save};
pub use texts::discovery;

/// The first `N` bytes, zeros where there are none, and the rest: parameters of a target.
fn split<const N: usize>(data: &[u8]) -> ([u8; N], &[u8]) {
    let (head, rest) = data.split_at(data.len().min(N));
    let mut parameters = [0; N];
    parameters[..head.len()].copy_from_slice(head);
    (parameters, rest)
}
