//! Recordings of an endpoint that a task runs: which are under way, and where they go.
//!
//! Invariants: neither the task nor a command ever waits for the disk, except once when the endpoint ends. When the disk
//! is slower than the game, blocks wait in a bounded queue, then in the endpoint within its bound, and then the recording
//! ends. The game goes on. There is one recording of each kind at a time.

mod dump;
mod error;
mod file;
mod ring;

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tickwire_core::record::EndReason;
use tickwire_core::{Endpoint, Event, Instant};
use tokio::sync::oneshot;

use dump::{Cause, Destination, Dump, Written};
use ring::Ring;

pub use error::{DumpError, RecordError, StartRecordingError, StopRecordingError};
pub(crate) use file::RecordingFile;
pub use ring::{RingOptions, RingStats};

/// Where a recording goes.
#[derive(Clone, Debug)]
pub(crate) struct RecordTo {
    pub(crate) path: PathBuf,
    pub(crate) replaces: bool,
    pub(crate) kind: Kind,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every call.
    Full,
    /// Sizes, times and losses of datagrams.
    Redacted,
}

impl Kind {
    fn start(self, endpoint: &mut Endpoint, now: Instant) {
        match self {
            Self::Full => endpoint.start_recording(),
            Self::Redacted => endpoint.record_redacted(now),
        }
    }

    fn take(self, endpoint: &mut Endpoint, out: &mut Vec<u8>) {
        match self {
            Self::Full => endpoint.take_recording(out),
            Self::Redacted => endpoint.take_redacted(out),
        }
    }

    fn end(self, endpoint: &mut Endpoint, reason: EndReason, out: &mut Vec<u8>) {
        match self {
            Self::Full => endpoint.end_recording_as(reason, out),
            Self::Redacted => endpoint.end_redacted_as(reason, out),
        }
    }

    fn is_going_on(self, endpoint: &Endpoint) -> bool {
        match self {
            Self::Full => endpoint.is_recording(),
            Self::Redacted => endpoint.is_recording_redacted(),
        }
    }
}

/// A recording that is whole and on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// The recordings of one endpoint.
#[derive(Debug)]
pub(crate) struct Recordings {
    files: Vec<RecordingFile>,
    ring: Option<Ring>,
    /// Threads that still write what has ended.
    writing: Vec<JoinHandle<()>>,
    /// A panic was dealt with, and no turn was taken since.
    has_panicked: bool,
}

/// Tells when a file that has ended is written.
#[derive(Debug)]
pub(crate) struct Writing {
    path: PathBuf,
    written: oneshot::Receiver<io::Result<u64>>,
}

impl Recordings {
    pub(crate) const fn new(files: Vec<RecordingFile>) -> Self {
        Self {
            files,
            ring: None,
            writing: Vec::new(),
            has_panicked: false,
        }
    }

    /// Where the recording of this kind goes, if there is one.
    pub(crate) fn path(&self, kind: Kind) -> Option<&Path> {
        let file = self.files.iter().find(|file| file.kind == kind)?;
        Some(&file.path)
    }

    /// Begins to record to `file`, unless there is a recording of its kind.
    pub(crate) fn start(
        &mut self,
        file: RecordingFile,
        endpoint: &mut Endpoint,
        now: Instant,
    ) -> Result<(), StartRecordingError> {
        if let Some(path) = self.path(file.kind) {
            let path = path.to_owned();
            file.discard();
            return Err(StartRecordingError::Busy { path });
        }
        file.kind.start(endpoint, now);
        self.files.push(file);
        Ok(())
    }

    /// Ends the recording of this kind. It is written behind the scenes.
    pub(crate) fn stop(&mut self, kind: Kind, endpoint: &mut Endpoint) -> Option<Writing> {
        let place = self.files.iter().position(|file| file.kind == kind)?;
        let file = self.files.remove(place);
        Some(self.end(file, endpoint, EndReason::Finished))
    }

    /// After a turn: hands on what was recorded.
    pub(crate) fn take(&mut self, endpoint: &mut Endpoint) {
        let over = |file: &mut RecordingFile| !file.take(endpoint);
        let over: Vec<_> = self.files.extract_if(.., over).collect();
        for file in over {
            self.end(file, endpoint, EndReason::Finished);
        }
        self.writing.retain(|thread| !thread.is_finished());
        self.has_panicked = false;
    }

    /// Keeps a ring from here on, in the place of another.
    pub(crate) fn keep_ring(
        &mut self,
        options: Option<RingOptions>,
        endpoint: &mut Endpoint,
        now: Instant,
    ) {
        if let Some(ring) = self.ring.take() {
            ring.end(endpoint, now);
        }
        self.ring = options.map(|options| Ring::new(options, endpoint, now));
    }

    pub(crate) fn ring_stats(&self) -> Option<RingStats> {
        Some(self.ring.as_ref()?.stats())
    }

    /// What the ring holds goes to `path`, behind the scenes.
    pub(crate) fn dump_ring(
        &mut self,
        path: PathBuf,
        endpoint: &Endpoint,
    ) -> Result<Dumping, DumpError> {
        let ring = self.ring.as_ref().ok_or(DumpError::NoRing)?;
        let bytes = ring.content(endpoint, EndReason::Finished);
        let dump = Dump {
            bytes: bytes.ok_or(DumpError::TooSmall)?,
            kind: ring.kind(),
            to: Destination::Path(path.clone()),
            counters: None,
        };
        let written = self.spawn(dump);
        Ok(Dumping { path, written })
    }

    /// An event was read: one that should not have happened is worth a dump.
    pub(crate) fn on_event(&mut self, event: &Event, endpoint: &Endpoint, now: Instant) {
        let ring = self.ring.as_mut();
        if let Some(dump) = ring.and_then(|ring| ring.on_event(event, endpoint, now)) {
            // Nobody waits for it.
            drop(self.spawn(dump));
        }
    }

    fn spawn(&mut self, dump: Dump) -> Written {
        let (thread, written) = dump.spawn();
        self.writing.extend(thread);
        written
    }

    /// The owner has panicked: ends all recordings, and dumps the ring at once, since the process may be about to end.
    pub(crate) fn on_panic(&mut self, endpoint: &mut Endpoint) {
        let reason = EndReason::Panicked;
        self.end_all(endpoint, reason);
        if mem::replace(&mut self.has_panicked, true) {
            return;
        }
        let ring = self.ring.as_ref();
        if let Some(dump) = ring.and_then(|ring| ring.dump(Cause::Panic, reason, endpoint)) {
            // It has said what came of it.
            let _ = dump.write();
        }
    }

    /// Ends all recordings, and waits until all is written.
    pub(crate) fn finish(&mut self, endpoint: &mut Endpoint) {
        self.end_all(endpoint, EndReason::Finished);
        for thread in self.writing.drain(..) {
            if thread.join().is_err() {
                tracing::warn!("a thread that writes a recording broke");
            }
        }
    }

    fn end_all(&mut self, endpoint: &mut Endpoint, reason: EndReason) {
        for file in mem::take(&mut self.files) {
            self.end(file, endpoint, reason);
        }
    }

    fn end(&mut self, file: RecordingFile, endpoint: &mut Endpoint, reason: EndReason) -> Writing {
        let ending = file.end(endpoint, reason);
        self.writing.push(ending.thread);
        Writing {
            path: ending.path,
            written: ending.written,
        }
    }
}

/// Tells when a dump is written.
#[derive(Debug)]
pub(crate) struct Dumping {
    path: PathBuf,
    written: Written,
}

impl Dumping {
    /// Waits until all is on disk.
    pub(crate) async fn done(self) -> Result<Recorded, RecordError> {
        let path = self.path;
        let source = || io::Error::other("there is no thread to write it");
        let broke = |_| {
            Err(RecordError {
                path,
                source: source(),
            })
        };
        self.written.await.unwrap_or_else(broke)
    }
}

impl Writing {
    /// Waits until all is on disk.
    pub(crate) async fn done(self) -> Result<Recorded, RecordError> {
        let path = self.path;
        let broke = |_| Err(io::Error::other("the thread that writes it broke"));
        match self.written.await.unwrap_or_else(broke) {
            Ok(bytes) => Ok(Recorded { path, bytes }),
            Err(source) => Err(RecordError { path, source }),
        }
    }
}
