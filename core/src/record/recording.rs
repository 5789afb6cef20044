//! The reading side: a whole recording, checked before anything is done with it.

use alloc::string::String;
use alloc::vec::Vec;

use super::blocks::BLOCK_HEADER_LEN;
use super::call::Record;
use super::decode::Decoder;
use super::error::RecordingError;
use super::hash::hash;
use super::header::{self, Beginning, CHECKSUM_LEN, Header};
use super::reading::Body;
use crate::config::Config;
use crate::machine::Machine;
use crate::time::Instant;

/// A recording whose every checksum is right and whose every record can be read.
///
/// It holds secrets: who has it can read what was said. `Debug` does not show them.
#[derive(Clone)]
pub struct Recording {
    header: Header,
    body: Body,
}

impl Recording {
    /// Reads a whole recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] names what is wrong and where.
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
        let (header, start, checksum) = Header::read(&bytes)?;
        if let Beginning::Checkpoint(checkpoint) = &header.beginning {
            let machine = header.machine(&bytes, checkpoint);
            machine.map_err(|error| RecordingError::BadCheckpoint {
                field: error.field,
                offset: error.offset as u64,
            })?;
        }
        let decoder = Decoder::new(header.begins_at);
        let (body, rest) = Body::read(bytes, start, checksum, decoder);
        Ok((Self { header, body }, rest))
    }

    /// All records, in the order of the calls.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.body.records(Decoder::new(self.header.begins_at))
    }

    /// Number of records.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.body.record_count()
    }

    /// When the recording begins: the time of the endpoint's birth, or of the checkpoint.
    #[must_use]
    pub fn begins_at(&self) -> Instant {
        self.header.begins_at
    }

    /// Whether it begins with a checkpoint: the endpoint had lived before.
    #[must_use]
    pub fn has_checkpoint(&self) -> bool {
        matches!(self.header.beginning, Beginning::Checkpoint(_))
    }

    /// The endpoint's configuration, without its long-term key.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.header.config
    }

    /// Version of `tickwire-core` that made it. Another version may do other things with the same inputs.
    #[must_use]
    pub fn software(&self) -> &str {
        &self.header.software
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The endpoint's state where the recording begins, if it begins with a checkpoint.
    pub(super) fn machine(&self) -> Option<Machine> {
        let Beginning::Checkpoint(checkpoint) = &self.header.beginning else {
            return None;
        };
        let machine = self.header.machine(self.body.bytes(), checkpoint);
        Some(machine.expect("it was loaded when the recording was read"))
    }
}

impl core::fmt::Debug for Recording {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recording")
            .field("bytes", &self.body.bytes().len())
            .field("records", &self.record_count())
            .field("software", &String::as_str(&self.header.software))
            .finish_non_exhaustive()
    }
}

/// Makes every checksum of a recording right, for tests that change one: as far as its blocks can be told apart.
#[doc(hidden)]
pub fn repair(bytes: &mut [u8]) {
    let Some((mut checksum, mut offset)) = header::repair(bytes) else {
        return;
    };
    while let Some(len) = bytes.get(offset..offset + 4) {
        let len = u32::from_be_bytes(len.try_into().unwrap_or_default()) as usize;
        let end = offset + BLOCK_HEADER_LEN + len;
        if bytes.len() < end + CHECKSUM_LEN {
            return;
        }
        checksum = hash(checksum, &bytes[offset..end]);
        bytes[end..end + CHECKSUM_LEN].copy_from_slice(&checksum.to_be_bytes());
        offset = end + CHECKSUM_LEN;
    }
}
