//! Why a recording cannot begin or be had.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

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

/// Why [`Handle::start_recording`](crate::Handle::start_recording) began none.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartRecordingError {
    /// A recording of this kind is under way already.
    Busy {
        /// Where it goes.
        path: PathBuf,
    },
    /// The endpoint has shut down.
    Ended,
    /// The file cannot be made.
    File(RecordError),
}

impl fmt::Display for StartRecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { path } => {
                write!(f, "a recording goes to {} already", path.display())
            }
            Self::Ended => f.write_str("the endpoint has shut down"),
            Self::File(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error for StartRecordingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Busy { .. } | Self::Ended => None,
        }
    }
}

/// Why [`Handle::dump_ring`](crate::Handle::dump_ring) wrote nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum DumpError {
    /// No ring is kept.
    NoRing,
    /// The endpoint's state is too large for a full ring of this size: it is empty for now.
    TooSmall,
    /// The file cannot be made.
    File(RecordError),
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRing => f.write_str("no ring is kept"),
            Self::TooSmall => f.write_str(
                "the endpoint's state is too large for the ring: it is empty, make it larger",
            ),
            Self::File(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error for DumpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::NoRing | Self::TooSmall => None,
        }
    }
}

/// Why [`Handle::stop_recording`](crate::Handle::stop_recording) left no whole file.
#[derive(Debug)]
#[non_exhaustive]
pub enum StopRecordingError {
    /// Nothing is recorded: never begun, stopped already, or ended early with a warning.
    NotRecording,
    /// Not all of it could be written; what is whole of it can be salvaged.
    File(RecordError),
}

impl fmt::Display for StopRecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRecording => f.write_str("nothing is recorded"),
            Self::File(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error for StopRecordingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::NotRecording => None,
        }
    }
}
