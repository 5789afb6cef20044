//! The reading side: a whole redacted recording, checked before anything is done with it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::sight::{Decoder, RedactedRecord, Sight};
use crate::record::error::RecordingError;
use crate::record::header::{CHECKSUM_LEN, RedactedHeader};
use crate::record::recording::{Block, block};
use crate::time::Instant;
use crate::wire::Reader;

/// A redacted recording whose every checksum is right and whose every record can be read.
#[derive(Clone)]
pub struct RedactedRecording {
    bytes: Vec<u8>,
    header: RedactedHeader,
    /// The records of each block.
    blocks: Vec<Range<usize>>,
    record_count: u64,
}

impl RedactedRecording {
    /// Reads a whole redacted recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] names what is wrong and where; `NotRedacted` if it is a full recording.
    pub fn read(bytes: Vec<u8>) -> Result<Self, RecordingError> {
        let (recording, rest) = Self::salvage(bytes)?;
        match rest {
            None => Ok(recording),
            Some(error) => Err(error),
        }
    }

    /// Reads all whole blocks at the beginning of a recording that was cut off or damaged, and tells what is wrong
    /// with the rest.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] if even the header cannot be read.
    pub fn salvage(bytes: Vec<u8>) -> Result<(Self, Option<RecordingError>), RecordingError> {
        let (header, start, checksum) = RedactedHeader::read(&bytes)?;
        let mut recording = Self {
            bytes,
            header,
            blocks: Vec::new(),
            record_count: 0,
        };
        let rest = recording.read_blocks(start, checksum).err();
        Ok((recording, rest))
    }

    fn read_blocks(&mut self, start: usize, checksum: u64) -> Result<(), RecordingError> {
        let mut decoder = Decoder::new(self.header.began_at);
        let (mut offset, mut checksum) = (start, checksum);
        let mut has_ended = false;
        while !has_ended {
            let block = block(&self.bytes, offset, self.record_count, checksum)?;
            has_ended = check(&self.bytes, &block, &mut decoder)?;
            offset = block.records.end + CHECKSUM_LEN;
            checksum = block.checksum;
            self.record_count = decoder.number();
            self.blocks.push(block.records);
        }
        if offset < self.bytes.len() {
            let offset = offset as u64;
            return Err(RecordingError::TrailingBytes { offset });
        }
        Ok(())
    }

    /// All records, in the order in which they were made.
    pub fn records(&self) -> impl Iterator<Item = RedactedRecord> + '_ {
        let mut decoder = Decoder::new(self.header.began_at);
        self.blocks.iter().flat_map(move |block| {
            let records = records(&self.bytes, block, &mut decoder);
            records.map_while(Result::ok).collect::<Vec<_>>()
        })
    }

    /// Number of records.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.record_count
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
            .field("bytes", &self.bytes.len())
            .field("records", &self.record_count)
            .field("software", &String::as_str(&self.header.software))
            .finish_non_exhaustive()
    }
}

/// The records of a block, with what the records before have left in `decoder`.
fn records(
    bytes: &[u8],
    block: &Range<usize>,
    decoder: &mut Decoder,
) -> impl Iterator<Item = Result<RedactedRecord, RecordingError>> {
    // Offsets are those in the file.
    let mut reader = Reader::new(&bytes[..block.end]);
    let mut has_failed = reader.take(block.start, "block").is_err();
    core::iter::from_fn(move || {
        if has_failed || reader.is_empty() {
            return None;
        }
        let record = decoder.record(&mut reader);
        has_failed = record.is_err();
        Some(record.map_err(|error| RecordingError::Malformed {
            record: decoder.number(),
            offset: error.offset as u64,
            field: error.field,
        }))
    })
}

/// Whether the recording ends with this block.
fn check(bytes: &[u8], block: &Block, decoder: &mut Decoder) -> Result<bool, RecordingError> {
    let before = decoder.number();
    let malformed = |record, field| RecordingError::Malformed {
        record,
        offset: block.records.start as u64,
        field,
    };
    let mut has_ended = false;
    for record in records(bytes, &block.records, decoder) {
        let record = record?;
        if has_ended {
            return Err(malformed(record.number, "a record after the end"));
        }
        has_ended = matches!(record.sight, Sight::End { .. });
    }
    if decoder.number() - before != u64::from(block.record_count) || block.record_count == 0 {
        return Err(malformed(decoder.number(), "the number of records"));
    }
    Ok(has_ended)
}
