//! The reading side of every recording: blocks whose checksums are right, with records that can be read.

use alloc::vec::Vec;
use core::ops::Range;

use super::blocks::BLOCK_HEADER_LEN;
use super::error::RecordingError;
use super::hash::hash;
use super::header::CHECKSUM_LEN;
use crate::wire::{DecodeError, Reader};

/// Reads records, each with what those before it have left.
pub(super) trait Decode {
    type Record<'a>;

    /// The record at the front of the reader.
    fn record<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Self::Record<'a>, DecodeError>;

    /// Number of the latest record.
    fn number(&self) -> u64;

    /// Whether the next record has no bytes.
    fn is_next_bare(&self) -> bool {
        false
    }

    /// Whether the recording ends with this record.
    fn is_end(record: &Self::Record<'_>) -> bool;
}

/// A recording's bytes, and which of them are records.
#[derive(Clone)]
pub(super) struct Body {
    bytes: Vec<u8>,
    /// The records of each block.
    blocks: Vec<Range<usize>>,
    record_count: u64,
}

/// A block whose checksum is right.
struct Block {
    records: Range<usize>,
    record_count: u32,
    checksum: u64,
}

impl Body {
    /// All whole blocks from `start` on, after a header with this checksum, and what is wrong with the rest.
    pub(super) fn read(
        bytes: Vec<u8>,
        start: usize,
        checksum: u64,
        decoder: impl Decode,
    ) -> (Self, Option<RecordingError>) {
        let mut body = Self {
            bytes,
            blocks: Vec::new(),
            record_count: 0,
        };
        let rest = body.read_blocks(start, checksum, decoder).err();
        (body, rest)
    }

    fn read_blocks(
        &mut self,
        start: usize,
        checksum: u64,
        mut decoder: impl Decode,
    ) -> Result<(), RecordingError> {
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

    /// All records, read by a decoder that has read none yet.
    pub(super) fn records<D: Decode>(&self, mut decoder: D) -> impl Iterator<Item = D::Record<'_>> {
        self.blocks.iter().flat_map(move |block| {
            let records = records(&self.bytes, block, &mut decoder);
            records.map_while(Result::ok).collect::<Vec<_>>()
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn record_count(&self) -> u64 {
        self.record_count
    }
}

/// The block at `offset`, after `before` records and the checksum of the block before.
fn block(bytes: &[u8], offset: usize, before: u64, checksum: u64) -> Result<Block, RecordingError> {
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
fn records<'a, D: Decode>(
    bytes: &'a [u8],
    block: &Range<usize>,
    decoder: &mut D,
) -> impl Iterator<Item = Result<D::Record<'a>, RecordingError>> {
    // Offsets are those in the file.
    let mut reader = Reader::new(&bytes[..block.end]);
    let mut has_failed = reader.take(block.start, "block").is_err();
    core::iter::from_fn(move || {
        if has_failed || (reader.is_empty() && !decoder.is_next_bare()) {
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
fn check<D: Decode>(bytes: &[u8], block: &Block, decoder: &mut D) -> Result<bool, RecordingError> {
    let before = decoder.number();
    let malformed = |record, field| RecordingError::Malformed {
        record,
        offset: block.records.start as u64,
        field,
    };
    let (mut number, mut has_ended) = (before, false);
    for record in records(bytes, &block.records, decoder) {
        let record = record?;
        number += 1;
        if has_ended {
            return Err(malformed(number, "a record after the end"));
        }
        has_ended = D::is_end(&record);
    }
    if number - before != u64::from(block.record_count) || block.record_count == 0 {
        return Err(malformed(number, "the number of records"));
    }
    Ok(has_ended)
}
