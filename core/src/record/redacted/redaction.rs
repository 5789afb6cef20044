//! The reading side: a whole redacted recording, checked before anything is done with it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::sight::{Decoder, RedactedRecord};
use crate::record::error::RecordingError;
use crate::record::header::RedactedHeader;
use crate::record::reading::Body;
use crate::time::Instant;

/// A redacted recording whose every checksum is right and whose every record can be read.
#[derive(Clone)]
pub struct RedactedRecording {
    header: RedactedHeader,
    body: Body,
}

impl RedactedRecording {
    /// Reads a whole redacted recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] names what is wrong and where; `NotRedacted` if it is a full recording.
    pub fn read(bytes: Vec<u8>) -> Result<Self, RecordingError> {
        let (recording, rest) = Self::salvage(bytes)?;
        rest.map_or(Ok(recording), Err)
    }

    /// Reads all whole blocks at the beginning of a recording that was cut off or damaged, and tells what is wrong
    /// with the rest.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] if even the header cannot be read.
    pub fn salvage(bytes: Vec<u8>) -> Result<(Self, Option<RecordingError>), RecordingError> {
        let (header, start, checksum) = RedactedHeader::read(&bytes)?;
        let decoder = Decoder::new(header.began_at);
        let (body, rest) = Body::read(bytes, start, checksum, decoder);
        Ok((Self { header, body }, rest))
    }

    /// All records, in the order in which they were made.
    pub fn records(&self) -> impl Iterator<Item = RedactedRecord> + '_ {
        self.body.records(Decoder::new(self.header.began_at))
    }

    /// Number of records.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.body.record_count()
    }

    /// The time at which it begins.
    #[must_use]
    pub fn began_at(&self) -> Instant {
        self.header.began_at
    }

    /// Version of `tickwire-core` that made it.
    #[must_use]
    pub fn software(&self) -> &str {
        &self.header.software
    }
}

impl fmt::Debug for RedactedRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactedRecording")
            .field("bytes", &self.body.bytes().len())
            .field("records", &self.record_count())
            .field("software", &String::as_str(&self.header.software))
            .finish_non_exhaustive()
    }
}
