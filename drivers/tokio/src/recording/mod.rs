//! Recordings of an endpoint that a task runs: which are under way, and where they go.
//!
//! Invariants: neither the task nor a command ever waits for the disk, except once when the endpoint ends. When the disk
//! is slower than the game, blocks wait in a bounded queue, then in the endpoint within its bound, and then the recording
//! ends. The game goes on. There is one recording of each kind at a time.

mod error;
mod file;

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tickwire_core::record::EndReason;
use tickwire_core::{Endpoint, Instant};
use tokio::sync::oneshot;

pub use error::{RecordError, StartRecordingError, StopRecordingError};
pub(crate) use file::RecordingFile;

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
    /// Threads that still write what has ended.
    writing: Vec<JoinHandle<()>>,
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
            writing: Vec::new(),
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
    }

    /// Ends all recordings: the owner has panicked.
    pub(crate) fn on_panic(&mut self, endpoint: &mut Endpoint) {
        self.end_all(endpoint, EndReason::Panicked);
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
