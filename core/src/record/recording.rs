//! The reading side: a whole recording, checked before anything is done with it.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::call::{Call, Record};
use super::decode::Decoder;
use super::error::RecordingError;
use super::hash::hash;
use super::header::{self, Beginning, CHECKSUM_LEN, Header};
use super::recorder::BLOCK_HEADER_LEN;
use crate::config::Config;
use crate::machine::Machine;
use crate::time::Instant;
use crate::wire::Reader;

/// A recording whose every checksum is right and whose every record can be read.
///
/// It holds secrets: who has it can read what was said. `Debug` does not show them.
#[derive(Clone)]
pub struct Recording {
    bytes: Vec<u8>,
    header: Header,
    /// The records of each block.
    blocks: Vec<Range<usize>>,
    record_count: u64,
}

impl Recording {
    /// Reads a whole recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] names what is wrong and where.
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
        let (header, start, checksum) = Header::read(&bytes)?;
        if let Beginning::Checkpoint(checkpoint) = &header.beginning {
            let machine = header.machine(&bytes, checkpoint);
            machine.map_err(|error| RecordingError::BadCheckpoint {
                field: error.field,
                offset: error.offset as u64,
            })?;
        }
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
        let mut decoder = Decoder::new(self.header.begins_at);
        let (mut offset, mut checksum) = (start, checksum);
        let mut has_ended = false;
        while !has_ended {
            let block = block(&self.bytes, offset, self.record_count, checksum)?;
            has_ended = check_records(&self.bytes, &block, &mut decoder)?;
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

    /// All records, in the order of the calls.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut decoder = Decoder::new(self.header.begins_at);
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
        let machine = self.header.machine(&self.bytes, checkpoint);
        Some(machine.expect("it was loaded when the recording was read"))
    }
}

impl core::fmt::Debug for Recording {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recording")
            .field("bytes", &self.bytes.len())
            .field("records", &self.record_count)
            .field("software", &String::as_str(&self.header.software))
            .finish_non_exhaustive()
    }
}

/// A block whose checksum is right.
pub(super) struct Block {
    pub(super) records: Range<usize>,
    pub(super) record_count: u32,
    pub(super) checksum: u64,
}

/// The block at `offset`, after `before` records and the checksum of the block before.
pub(super) fn block(
    bytes: &[u8],
    offset: usize,
    before: u64,
    checksum: u64,
) -> Result<Block, RecordingError> {
    let cut_off = RecordingError::Truncated {
        record: before + 1,
        offset: bytes.len() as u64,
    };
    let mut reader = Reader::new(&bytes[offset..]);
    let mut u32 = || {
        reader
            .array("block")
            .map(u32::from_be_bytes)
            .map_err(|_| cut_off)
    };
    let (len, record_count) = (u32()?, u32()?);
    let start = offset + BLOCK_HEADER_LEN;
    let end = start + len as usize;
    let sum = bytes.get(end..end + CHECKSUM_LEN).ok_or(cut_off)?;
    let found = u64::from_be_bytes(sum.try_into().unwrap_or_default());
    if found != hash(checksum, &bytes[offset..end]) {
        return Err(RecordingError::Corrupt {
            record: before + 1,
            last_record: before + u64::from(record_count.max(1)),
            offset: offset as u64,
        });
    }
    Ok(Block {
        records: start..end,
        record_count,
        checksum: found,
    })
}

/// The records of a block, with what the records before have left in `decoder`.
fn records<'a>(
    bytes: &'a [u8],
    block: &Range<usize>,
    decoder: &mut Decoder,
) -> impl Iterator<Item = Result<Record<'a>, RecordingError>> {
    // Offsets are those in the file.
    let mut reader = Reader::new(&bytes[..block.end]);
    let mut has_failed = reader.take(block.start, "block").is_err();
    core::iter::from_fn(move || {
        if has_failed || (reader.is_empty() && !decoder.has_empty_poll()) {
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
fn check_records(
    bytes: &[u8],
    block: &Block,
    decoder: &mut Decoder,
) -> Result<bool, RecordingError> {
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
        has_ended = matches!(record.call, Call::End { .. });
    }
    if decoder.number() - before != u64::from(block.record_count) || block.record_count == 0 {
        return Err(malformed(decoder.number(), "the number of records"));
    }
    Ok(has_ended)
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
