//! A recording on its way to a file: the task hands over whole blocks, a thread of its own writes them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use tickwire_core::Endpoint;
use tickwire_core::record::EndReason;
use tokio::sync::oneshot;

use super::{Kind, RecordError, RecordTo};

/// Blocks that wait to be written; each has about 64 KiB, or what one second brought.
const QUEUED_MAX: usize = 64;

/// The file of a recording, and the thread that writes it.
#[derive(Debug)]
pub(crate) struct RecordingFile {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    queue: Sender<Vec<u8>>,
    /// Blocks in the queue.
    queued: Arc<AtomicUsize>,
    /// Memory of blocks that were written, to be filled again: fresh pages cost more than what is written to them.
    written_blocks: Receiver<Vec<u8>>,
    /// Where the next blocks go.
    block: Vec<u8>,
    thread: JoinHandle<()>,
    written: oneshot::Receiver<io::Result<u64>>,
}

/// A recording that has ended, and is still being written.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) path: PathBuf,
    pub(super) thread: JoinHandle<()>,
    /// The bytes of the whole file, once it is written.
    pub(super) written: oneshot::Receiver<io::Result<u64>>,
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
        let (queue, blocks) = channel();
        let (give_back, written_blocks) = channel();
        let (tell, written) = oneshot::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            path: to.path.clone(),
            file,
            blocks,
            give_back,
            queued: Arc::clone(&queued),
        };
        let thread = thread::Builder::new()
            .name("tickwire-recording".to_owned())
            .spawn(move || {
                // Nobody may want to know.
                let _ = tell.send(writer.run());
            })
            .map_err(refused)?;
        Ok(Self {
            path: to.path.clone(),
            kind: to.kind,
            queue,
            queued,
            written_blocks,
            block: Vec::new(),
            thread,
            written,
        })
    }

    /// Hands on what the endpoint has recorded, if the thread can take it. False once there is no more to come.
    pub(super) fn take(&mut self, endpoint: &mut Endpoint) -> bool {
        if self.queued.load(Ordering::Relaxed) >= QUEUED_MAX {
            return true;
        }
        self.kind.take(endpoint, &mut self.block);
        if self.block.is_empty() {
            return self.kind.is_going_on(endpoint);
        }
        let next = self.written_blocks.try_recv().unwrap_or_default();
        let block = mem::replace(&mut self.block, next);
        self.push(block)
    }

    /// Ends the recording; its last blocks are handed on however long the queue is.
    pub(super) fn end(self, endpoint: &mut Endpoint, reason: EndReason) -> Ending {
        if !self.kind.is_going_on(endpoint) {
            tracing::warn!(path = %self.path.display(), "the recording ended early: it could not be written in time");
        }
        let mut block = Vec::new();
        self.kind.end(endpoint, reason, &mut block);
        self.push(block);
        Ending {
            path: self.path,
            thread: self.thread,
            written: self.written,
        }
    }

    /// For a recording that never began: nothing is left of it.
    pub(crate) fn discard(self) {
        drop(self.queue);
        // The thread does nothing but write, and has nothing to write.
        let _ = self.thread.join();
        let _ = fs::remove_file(&self.path);
    }

    /// False if the thread has failed: it says why.
    fn push(&self, block: Vec<u8>) -> bool {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.queue.send(block).is_ok()
    }
}

/// What the thread has.
struct Writer {
    path: PathBuf,
    file: File,
    blocks: Receiver<Vec<u8>>,
    give_back: Sender<Vec<u8>>,
    queued: Arc<AtomicUsize>,
}

impl Writer {
    fn run(mut self) -> io::Result<u64> {
        let written = self.write();
        if let Err(error) = &written {
            tracing::warn!(path = %self.path.display(), %error, "the recording could not be written");
        }
        written
    }

    fn write(&mut self) -> io::Result<u64> {
        let mut len = 0;
        while let Ok(mut block) = self.blocks.recv() {
            self.file.write_all(&block)?;
            self.queued.fetch_sub(1, Ordering::Relaxed);
            len += block.len() as u64;
            block.clear();
            // Nobody may want it any more.
            let _ = self.give_back.send(block);
        }
        self.file.sync_all()?;
        Ok(len)
    }
}

/// A new file that only its owner can read. One that exists, or a link to one, is refused.
pub(super) fn create(path: &Path) -> io::Result<File> {
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
