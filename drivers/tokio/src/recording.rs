//! A recording on its way to a file: the task hands over whole blocks, a thread of its own writes them.
//!
//! Invariants: the task never waits for the disk, except once at the end. When the disk is slower than the game, blocks
//! wait in a bounded queue, then in the endpoint within its bound, and then the recording ends. The game goes on.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use tickwire_core::Endpoint;

/// Blocks that wait to be written; each has about 64 KiB, or what one second brought.
const QUEUED_MAX: usize = 64;

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
    fn take(self, endpoint: &mut Endpoint, out: &mut Vec<u8>) {
        match self {
            Self::Full => endpoint.take_recording(out),
            Self::Redacted => endpoint.take_redacted(out),
        }
    }

    fn end(self, endpoint: &mut Endpoint, out: &mut Vec<u8>) {
        match self {
            Self::Full => endpoint.end_recording(out),
            Self::Redacted => endpoint.end_redacted(out),
        }
    }

    fn is_going_on(self, endpoint: &Endpoint) -> bool {
        match self {
            Self::Full => endpoint.is_recording(),
            Self::Redacted => endpoint.is_recording_redacted(),
        }
    }
}

/// Why a recording cannot be written. `Display` says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub struct RecordError {
    /// The file asked for.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot record to {}: ", self.path.display())?;
        if self.source.kind() == io::ErrorKind::AlreadyExists {
            return f.write_str("the file exists already; choose another one or remove it");
        }
        fmt::Display::fmt(&self.source, f)
    }
}

impl Error for RecordError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

impl From<RecordError> for io::Error {
    fn from(error: RecordError) -> Self {
        Self::new(error.source.kind(), error)
    }
}

/// The file of a recording, and the thread that writes it.
#[derive(Debug)]
pub(crate) struct RecordingFile {
    path: PathBuf,
    kind: Kind,
    /// Taken from the endpoint, and not in the queue yet.
    block: Vec<u8>,
    queue: SyncSender<Vec<u8>>,
    thread: JoinHandle<io::Result<()>>,
}

impl RecordingFile {
    pub(crate) fn create(to: &RecordTo) -> Result<Self, RecordError> {
        let refused = |source| RecordError {
            path: to.path.clone(),
            source,
        };
        if to.replaces {
            remove(&to.path).map_err(refused)?;
        }
        let file = create(&to.path).map_err(refused)?;
        let (queue, blocks) = sync_channel(QUEUED_MAX);
        let thread = thread::Builder::new()
            .name("tickwire-recording".to_owned())
            .spawn(move || write(file, &blocks))
            .map_err(refused)?;
        Ok(Self {
            path: to.path.clone(),
            kind: to.kind,
            block: Vec::new(),
            queue,
            thread,
        })
    }

    /// Takes what the endpoint has recorded, if the thread can take it too. False once there is no more to come.
    pub(crate) fn take(&mut self, endpoint: &mut Endpoint) -> bool {
        if self.block.is_empty() {
            self.kind.take(endpoint, &mut self.block);
        }
        if self.block.is_empty() {
            return self.kind.is_going_on(endpoint);
        }
        match self.queue.try_send(std::mem::take(&mut self.block)) {
            Ok(()) => true,
            Err(TrySendError::Full(block)) => {
                self.block = block;
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// Ends the recording, and waits until all of it is written.
    pub(crate) fn finish(mut self, endpoint: &mut Endpoint) {
        if !self.kind.is_going_on(endpoint) {
            tracing::warn!(path = %self.path.display(), "the recording ended early: it could not be written in time");
        }
        self.kind.end(endpoint, &mut self.block);
        // Refused only by a thread that has failed: it says why.
        let _ = self.queue.send(self.block);
        drop(self.queue);
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(path = %self.path.display(), %error, "the recording could not be written");
            }
            Err(_) => tracing::warn!("the thread that writes the recording broke"),
        }
    }
}

fn write(mut file: File, blocks: &Receiver<Vec<u8>>) -> io::Result<()> {
    while let Ok(block) = blocks.recv() {
        file.write_all(&block)?;
    }
    file.flush()
}

/// A new file that only its owner can read. One that exists, or a link to one, is refused.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removed rather than emptied: who could read the old file cannot read the new one.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::remove_file(path),
        Ok(_) => Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
