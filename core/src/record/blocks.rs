//! Blocks in the making: records are appended to the open one, finished ones wait to be taken.
//!
//! ```text
//! | finished blocks, not taken yet           | open block                         |
//! | len  records  records...  checksum | ... | len  records  records...           |
//!   4    4                    8
//! ```
//!
//! Nothing is allocated for a record once the buffer has grown. The buffer is bounded: [`make_room`](Blocks::make_room)
//! tells when nobody takes what is finished.

use alloc::vec::Vec;
use core::time::Duration;

use super::hash::hash;
use super::header::CHECKSUM_LEN;
use crate::time::Instant;

/// A block of small records is finished when it has this many bytes ...
const BLOCK_BYTES: usize = 64 * 1024;

/// ... or began this long ago: what a crash takes away is no more.
const BLOCK_TIME: Duration = Duration::from_secs(1);

/// Room for a block and the one after it.
pub(super) const ROOM_BYTES: usize = 2 * BLOCK_BYTES;

/// Bytes kept for an owner who does not take them.
pub(super) const UNTAKEN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Length of the records and their number, before them.
pub(super) const BLOCK_HEADER_LEN: usize = 8;

/// Finished blocks and the open one.
#[derive(Debug)]
pub(super) struct Blocks {
    bytes: Vec<u8>,
    /// Where the open block begins.
    open: usize,
    opened_at: Instant,
    /// Records in the open block.
    records: u32,
    /// Of the block before the open one, or of the header.
    checksum: u64,
    /// Bytes that may wait to be taken.
    untaken_max: usize,
}

impl Blocks {
    /// The first block, after a header with this checksum.
    pub(super) fn new(header: Vec<u8>, checksum: u64, now: Instant) -> Self {
        let mut blocks = Self {
            bytes: header,
            open: 0,
            opened_at: now,
            records: 0,
            checksum,
            untaken_max: UNTAKEN_BYTES_MAX,
        };
        blocks.begin();
        blocks
    }

    /// Where the next record goes.
    pub(super) fn record(&mut self) -> &mut Vec<u8> {
        self.records += 1;
        &mut self.bytes
    }

    /// All bytes, to go on with the latest record.
    pub(super) const fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether the open block has a record.
    pub(super) const fn has_records(&self) -> bool {
        self.records > 0
    }

    /// Finishes the open block if it is full or old. False if nobody takes what is finished: then it is time to end.
    pub(super) fn make_room(&mut self, now: Instant) -> bool {
        let is_full = self.bytes.len() - self.open >= BLOCK_BYTES;
        let is_old = now.saturating_duration_since(self.opened_at) >= BLOCK_TIME;
        if self.records == 0 || !(is_full || is_old) {
            return true;
        }
        if self.bytes.len() > self.untaken_max {
            return false;
        }
        self.close();
        self.opened_at = now;
        self.begin();
        true
    }

    /// For a ring, which takes nothing out: `bytes_max` and a little more are kept by its own rule.
    pub(super) fn keep(&mut self, bytes_max: usize) {
        self.untaken_max = usize::MAX;
        self.bytes
            .reserve(bytes_max.saturating_sub(self.bytes.len()));
    }

    /// All bytes, those of the open block included.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes before the open block.
    pub(super) const fn len_to_take(&self) -> usize {
        self.open
    }

    /// Begins anew after another header, and returns what was there before, in whole blocks.
    pub(super) fn restart(&mut self, header: Vec<u8>, checksum: u64, now: Instant) -> Vec<u8> {
        if self.records > 0 {
            self.close();
        } else {
            self.bytes.truncate(self.open);
        }
        let before = core::mem::replace(&mut self.bytes, header);
        self.checksum = checksum;
        self.opened_at = now;
        self.begin();
        before
    }

    /// Keeps nothing, and no memory, until [`restart`](Self::restart).
    pub(super) fn discard(&mut self) {
        self.bytes = Vec::new();
        (self.open, self.records) = (0, 0);
    }

    /// Copies all from `start` on to `out`, with a last record. The last block's checksum is left to be made.
    pub(super) fn copy_to(&self, start: usize, last: &[u8], out: &mut Vec<u8>) {
        let open = out.len() + self.open - start;
        out.extend_from_slice(&self.bytes[start..]);
        out.extend_from_slice(last);
        put_block_header(self.records + 1, &mut out[open..]);
        out.extend_from_slice(&[0; CHECKSUM_LEN]);
    }

    /// Finishes the last block.
    pub(super) fn finish(&mut self) {
        self.close();
        self.open = self.bytes.len();
    }

    /// Appends what is finished to `out` and forgets it. Returns by how many bytes the rest has moved to the front.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) -> usize {
        if self.open == 0 {
            return 0;
        }
        if !out.is_empty() {
            out.extend_from_slice(&self.bytes[..self.open]);
            return self.forget();
        }
        // The buffers change places, and only the open block is copied, which has just begun.
        core::mem::swap(out, &mut self.bytes);
        self.bytes.reserve(ROOM_BYTES);
        self.bytes.extend_from_slice(&out[self.open..]);
        out.truncate(self.open);
        core::mem::take(&mut self.open)
    }

    /// As [`take`](Self::take), for nobody.
    pub(super) fn forget(&mut self) -> usize {
        self.bytes.drain(..self.open);
        core::mem::take(&mut self.open)
    }

    fn begin(&mut self) {
        self.open = self.bytes.len();
        self.records = 0;
        self.bytes.extend_from_slice(&[0; BLOCK_HEADER_LEN]);
    }

    fn close(&mut self) {
        let block = &mut self.bytes[self.open..];
        put_block_header(self.records, block);
        self.checksum = hash(self.checksum, block);
        let checksum: [u8; CHECKSUM_LEN] = self.checksum.to_be_bytes();
        self.bytes.extend_from_slice(&checksum);
    }
}

/// Writes at the front of a block how long it is, and how many records it has.
fn put_block_header(records: u32, block: &mut [u8]) {
    let len = (block.len() - BLOCK_HEADER_LEN) as u32;
    block[..4].copy_from_slice(&len.to_be_bytes());
    block[4..BLOCK_HEADER_LEN].copy_from_slice(&records.to_be_bytes());
}
