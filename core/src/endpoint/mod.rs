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
use crate::record::{Call, EndReason, Noted, Recorder, Redactor, Ring};
use crate::time::Instant;

/// A socket's worth of connections as one state machine: bytes and time go in, bytes, events and
/// deadlines come out. See the [crate's documentation](crate) for the order of calls.
///
/// It cannot fail because of the network; it can only refuse a command of its owner.
#[derive(Debug)]
pub struct Endpoint {
    pub(crate) machine: Machine,
    pub(crate) recorder: Option<Box<Recorder>>,
    ring: Option<Box<Ring>>,
    redactor: Option<Box<Redactor>>,
    redacted_ring: Option<Box<Redactor>>,
}

impl Endpoint {
    /// An endpoint without peers. The same configuration, entropy and later inputs give the same outputs.
    #[must_use]
    pub fn new(config: Config, entropy: Entropy, now: Instant) -> Self {
        let identity = machine::identity(&config, &entropy);
        Self {
            machine: Machine::new(config, entropy, identity, now),
            recorder: None,
            ring: None,
            redactor: None,
            redacted_ring: None,
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
        identity: Identity,
        now: Instant,
    ) -> Self {
        let recorder = Recorder::of_birth(&config, &entropy, &identity, now);
        let is_lasting = identity.is_lasting();
        let mut machine = Machine::new(config, entropy, identity, now);
        machine.keep_revealed(is_lasting);
        Self {
            machine,
            recorder: Some(Box::new(recorder)),
            ring: None,
            redactor: None,
            redacted_ring: None,
        }
    }

    /// A recorded endpoint with the state of a checkpoint.
    pub(crate) fn revived(machine: Machine) -> Self {
        let mut endpoint = Self {
            machine,
            recorder: None,
            ring: None,
            redactor: None,
            redacted_ring: None,
        };
        endpoint.start_recording();
        endpoint
    }

    /// Records every call from here on: the recording begins with a checkpoint, which is the endpoint's whole state. What
    /// an earlier recording holds and was not taken is forgotten. See [`take_recording`](Self::take_recording).
    ///
    /// **The checkpoint holds the keys of all sessions**, though never the long-term key of [`Config`].
    pub fn start_recording(&mut self) {
        self.recorder = Some(Box::new(Recorder::of_checkpoint(&self.machine)));
        self.machine.keep_revealed(true);
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
        self.end_recording_as(EndReason::Finished, out);
    }

    /// As [`end_recording`](Self::end_recording), for this reason: after a panic, a replay is to expect it.
    pub fn end_recording_as(&mut self, reason: EndReason, out: &mut Vec<u8>) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.finish(reason);
            recorder.take(out);
        }
        self.keep_agreed();
    }

    /// Whether calls are recorded.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recorder
            .as_ref()
            .is_some_and(|recorder| recorder.is_recording())
    }

    /// Keeps the latest calls in memory from here on, in `bytes_max` bytes (64 KiB at least), to be [dumped](Self::dump_ring)
    /// once something went wrong. It can be had besides a recording. `None` ends it.
    ///
    /// A state that fills more than a quarter of the ring leaves too little room for calls: then nothing is kept, and it
    /// is tried again after 10 s.
    pub fn keep_ring(&mut self, bytes_max: Option<usize>) {
        let machine = &self.machine;
        self.ring = bytes_max.map(|bytes_max| Box::new(Ring::new(machine, bytes_max)));
        self.keep_agreed();
    }

    /// The latest calls as a recording of its own, which begins with a checkpoint. `None` without a ring, or while the
    /// state is too large for it. The ring goes on.
    ///
    /// **The checkpoint holds the keys of all sessions**, though never the long-term key of [`Config`].
    #[must_use]
    pub fn dump_ring(&self, reason: EndReason) -> Option<Vec<u8>> {
        self.ring.as_ref()?.dump(reason)
    }

    fn keep_agreed(&mut self) {
        let is_kept = self.recorder.is_some() || self.ring.is_some();
        self.machine.keep_revealed(is_kept);
    }

    /// Writes a call down before it is made.
    fn begin(&mut self, now: Option<Instant>, call: &Call<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.begin(now, call);
        }
        if let Some(ring) = &mut self.ring {
            ring.begin(now, call, &self.machine);
        }
    }

    /// Adds what it gave back.
    fn end<T: Noted>(&mut self, output: T) -> T {
        if let Some(recorder) = &mut self.recorder {
            recorder.end(&output);
        }
        if let Some(ring) = &mut self.ring {
            ring.end(&output);
        }
        output
    }
}
