//! Redacted recordings: when datagrams left and arrived, how long they were, and what became of them. Nothing else.
//!
//! No payload, no key, no entropy, no address: peers are numbers, 1, 2, 3, ... in the order in which they are first
//! seen, and 0 is whoever is no peer. So it can be kept always and given away. It cannot be replayed; it can be summed
//! up, and it can drive a simulated network.
//!
//! It may begin at any time, since it needs nothing of what was before.
//!
//! | file | idea |
//! |---|---|
//! | `redactor` | writing |
//! | `known` | what the writer remembers of a peer: which packets it has told of |
//! | `redaction` | reading: a whole redacted recording, checked |
//! | `sight` | what a record tells, and its bytes back |
//! | `tags` | the first byte of a record |

mod known;
mod redaction;
mod redactor;
mod sight;
mod tags;
#[cfg(test)]
mod tests;

pub use redaction::RedactedRecording;
pub use sight::{Flaw, RedactedRecord, Sight};

pub(crate) use redactor::Redactor;
