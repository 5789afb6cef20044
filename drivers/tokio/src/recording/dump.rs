//! A dump on its way to a file: written under another name, then given its own. So there is all of it, or nothing.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::file::create;
use super::ring::Counters;
use super::{Kind, RecordError, Recorded};

/// Dumps that nobody asked for are not written to a directory that has so many.
pub(super) const DUMPS_MAX: usize = 32;

/// What made a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Asked,
    Panic,
    Timeout,
    Undeliverable,
    Violation,
    Reset,
    Exhausted,
    GivenUp,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "asked",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
            Self::Undeliverable => "undeliverable",
            Self::Violation => "violation",
            Self::Reset => "reset",
            Self::Exhausted => "exhausted",
            Self::GivenUp => "given-up",
        })
    }
}

/// Where a dump goes.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// A new file of this name; or, if it is a directory, a new one in it.
    Path(PathBuf),
    /// A new file in this directory, unless there are too many.
    Directory { directory: PathBuf, cause: Cause },
}

/// The content of a ring, to be written.
#[derive(Debug)]
pub(super) struct Dump {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) to: Destination,
    /// Of those that nobody asked for, and that nobody waits for.
    pub(super) counters: Option<Arc<Counters>>,
}

pub(super) type Written = oneshot::Receiver<Result<Recorded, RecordError>>;

impl Dump {
    /// Writes it by a thread of its own.
    pub(super) fn spawn(self) -> (Option<JoinHandle<()>>, Written) {
        let (tell, written) = oneshot::channel();
        let thread = thread::Builder::new().name("tickwire-dump".to_owned());
        // Without a thread the end of the queue tells that nothing was written.
        let thread = thread.spawn(move || {
            let _ = tell.send(self.write());
        });
        (thread.ok(), written)
    }

    /// Writes it here and now.
    pub(super) fn write(self) -> Result<Recorded, RecordError> {
        let written = match &self.to {
            Destination::Path(path) if path.is_dir() => self.write_to(path, Cause::Asked),
            Destination::Path(path) => self.write_as(path),
            Destination::Directory { directory, cause } => self.write_to(directory, *cause),
        };
        if let Some(counters) = &self.counters {
            match &written {
                Ok(recorded) => {
                    counters.dumped.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(path = %recorded.path.display(), bytes = recorded.bytes, "the ring was dumped");
                }
                Err(error) => {
                    counters.skipped.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!("the ring was not dumped: {error}");
                }
            }
        }
        written
    }

    /// A new file in a directory, named by the next number: `ring-7-timeout.twred`.
    fn write_to(&self, directory: &Path, cause: Cause) -> Result<Recorded, RecordError> {
        let refused = |source| RecordError {
            path: directory.to_owned(),
            source,
        };
        let (count, last) = dumps_in(directory).map_err(refused)?;
        if self.counters.is_some() && count >= DUMPS_MAX {
            let text = format!(
                "{count} dumps are in the directory, and no more than {DUMPS_MAX} are kept; remove some"
            );
            return Err(refused(io::Error::other(text)));
        }
        let ending = match self.kind {
            Kind::Full => "twrec",
            Kind::Redacted => "twred",
        };
        // Somebody else may write to it too.
        let mut numbers = last.saturating_add(1)..=u64::MAX;
        loop {
            let number = numbers.next().unwrap_or(u64::MAX);
            let path = directory.join(format!("ring-{number}-{cause}.{ending}"));
            match self.write_as(&path) {
                Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {}
                written => return written,
            }
        }
    }

    fn write_as(&self, path: &Path) -> Result<Recorded, RecordError> {
        match create_whole(path, &self.bytes) {
            Ok(()) => Ok(Recorded {
                path: path.to_owned(),
                bytes: self.bytes.len() as u64,
            }),
            Err(source) => Err(RecordError {
                path: path.to_owned(),
                source,
            }),
        }
    }
}

/// How many dumps are in a directory, and the largest of their numbers.
fn dumps_in(directory: &Path) -> io::Result<(usize, u64)> {
    let (mut count, mut last) = (0, 0);
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(number_of) else {
            continue;
        };
        count += 1;
        last = last.max(number);
    }
    Ok((count, last))
}

fn number_of(name: &str) -> Option<u64> {
    let (number, _) = name.strip_prefix("ring-")?.split_once('-')?;
    number.parse().ok()
}

/// Makes a new file with this content at `path`, which appears whole. One that exists is refused.
fn create_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::other("it has no file name"));
    };
    let mut temporary = OsString::from(".");
    temporary.push(name);
    // Another dump may be written at the same time, and want the same name.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    // Left by a process of the same id that was killed, if at all.
    let _ = fs::remove_file(&temporary);
    let made = create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        // Unlike a rename, a link never replaces.
        .and_then(|()| match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
                // A file system without links.
                fs::rename(&temporary, path)
            }
            linked => linked,
        });
    // Gone already after a rename.
    let _ = fs::remove_file(&temporary);
    made
}
