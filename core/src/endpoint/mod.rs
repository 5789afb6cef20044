//! The endpoint as its owner sees it: the verbs. What they do is [`Machine`]'s business; here each is written down
//! first, if the endpoint is recorded.
//!
//! | file       | idea                                                        |
//! |------------|-------------------------------------------------------------|
//! | `mod`      | birth and recording                                         |
//! | `io`       | input and output: datagrams, time, events                   |
//! | `commands` | what the owner asks for                                     |
//! | `views`    | counters and addresses                                      |
//! | `redacted` | recording without secrets                                   |
//!
//! Invariant: whatever changes the machine is recorded. Views take `&self`, and a trace changes nothing.

mod commands;
mod io;
mod redacted;
mod views;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::Config;
use crate::crypto::Identity;
use crate::entropy::Entropy;
use crate::machine::{self, Machine};
use crate::record::{Call, EndReason, Noted, Recorder, Redactor};
use crate::time::Instant;

/// A socket's worth of connections as one state machine: bytes and time go in, bytes, events and
/// deadlines come out. See the [crate's documentation](crate) for the order of calls.
///
/// It cannot fail because of the network; it can only refuse a command of its owner.
#[derive(Debug)]
pub struct Endpoint {
    pub(crate) machine: Machine,
    pub(crate) recorder: Option<Box<Recorder>>,
    redactor: Option<Box<Redactor>>,
}

impl Endpoint {
    /// An endpoint without peers. The same configuration, entropy and later inputs give the same outputs.
    #[must_use]
    pub fn new(config: Config, entropy: Entropy, now: Instant) -> Self {
        let identity = machine::identity(&config, &entropy);
        Self {
            machine: Machine::new(config, entropy, identity, now),
            recorder: None,
            redactor: None,
        }
    }

    /// As [`new`](Self::new), and every call is recorded from here on: see [`take_recording`](Self::take_recording)
    /// and [`record`](crate::record).
    ///
    /// **The recording holds the entropy and so the secrets of all sessions**, though never the long-term key of
    /// [`Config`]. Keep it as you would keep what was said.
    #[must_use]
    pub fn recorded(config: Config, entropy: Entropy, now: Instant) -> Self {
        let identity = machine::identity(&config, &entropy);
        Self::reborn(config, entropy, identity, now)
    }

    /// A recorded endpoint with the long-term key of a recording.
    pub(crate) fn reborn(
        config: Config,
        entropy: Entropy,
        mut identity: Identity,
        now: Instant,
    ) -> Self {
        let recorder = Recorder::new(&config, &entropy, &identity, now);
        if identity.is_lasting() {
            identity.keep_agreed();
        }
        Self {
            machine: Machine::new(config, entropy, identity, now),
            recorder: Some(Box::new(recorder)),
            redactor: None,
        }
    }

    /// Appends to `out` what was recorded since the last time, in whole blocks of 64 KiB or one second. Take it after
    /// every turn: once 4 MiB wait to be taken the recording ends, and says so. Without a recording nothing happens.
    pub fn take_recording(&mut self, out: &mut Vec<u8>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.take(out);
        }
    }

    /// Ends the recording and appends to `out` all that was not taken yet. Without a recording nothing happens.
    pub fn end_recording(&mut self, out: &mut Vec<u8>) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.finish(EndReason::Finished);
            recorder.take(out);
        }
    }

    /// Whether calls are recorded.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recorder
            .as_ref()
            .is_some_and(|recorder| recorder.is_recording())
    }

    /// Writes a call down before it is made.
    fn begin(&mut self, now: Option<Instant>, call: &Call<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.begin(now, call);
        }
    }

    /// Adds what it gave back.
    fn end<T: Noted>(&mut self, output: T) -> T {
        if let Some(recorder) = &mut self.recorder {
            recorder.end(&output);
        }
        output
    }
}
