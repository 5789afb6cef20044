//! Recordings: every call at an endpoint's boundary, from its birth or a checkpoint on, so that it can be lived again to
//! the byte.
//!
//! An endpoint is a function of its configuration, its entropy and the calls made to it. A *recording* holds all three,
//! and of what came out a hash, so that a replay can tell at once where it differs. [`Endpoint::recorded`] and
//! [`Endpoint::start_recording`] begin one, [`Recording`] reads it, and a [`Replica`] makes its calls again;
//! `tickwire-sim` has the loop that compares. docs/RECORDING.md describes the bytes and what is secret among them.
//!
//! Vocabulary: a *record* is one call with what it was given and what is kept of what it gave back. Records are
//! written in *blocks* with a checksum each. The *outcome* of a call is what its record keeps.
//!
//! | file | idea |
//! |---|---|
//! | `call` | a record, a call, an outcome |
//! | `recorder`, `blocks` | writing: calls as records, the buffer and its bound |
//! | `recording` | reading: a whole recording, checked |
//! | `reading` | the blocks of any recording, checked, and the records in them |
//! | `ring` | the latest calls only, and the state before them |
//! | `replica` | an endpoint born again, or revived from a checkpoint |
//! | `header`, `config` | what the endpoint was born with, as bytes |
//! | `tag`, `encode`, `decode`, `addresses`, `codec` | calls as bytes |
//! | `output`, `hash` | what came out, as four bytes |
//! | `error` | what is wrong with a recording, and where |
//! | `redacted` | recordings without secrets: sizes, times and losses |
//!
//! Invariants:
//! - The same calls give the same recording, byte for byte: times are the owner's, hashes are our own.
//! - A recording never holds the long-term key. It holds what the key agreed on with each client, and so the sessions.
//! - Views (`&self`) and traces change nothing and are not recorded.
//! - Reading is total: any bytes give a recording or a [`RecordingError`] that names the place.
//!
//! [`Endpoint::recorded`]: crate::Endpoint::recorded
//! [`Endpoint::start_recording`]: crate::Endpoint::start_recording

mod addresses;
mod blocks;
mod call;
pub(crate) mod codec;
mod config;
mod decode;
mod encode;
mod error;
mod hash;
mod header;
mod output;
mod reading;
mod recorder;
mod recording;
mod redacted;
mod replica;
mod ring;
mod tag;
#[cfg(test)]
mod tests;

pub use crate::notice::LossCause;
pub use call::{Call, EndReason, Outcome, Record, Refused};
pub use error::RecordingError;
pub use header::{FORMAT_VERSION, is_redacted};
pub use recording::{Recording, repair};
pub use redacted::{Flaw, RedactedRecord, RedactedRecording, Sight};
pub use replica::{Output, Replica};

pub(crate) use header::state_hash;
pub(crate) use output::Output as Noted;
pub(crate) use recorder::Recorder;
pub(crate) use redacted::Redactor;
pub(crate) use ring::Ring;
