//! Blocks in the making: records are appended to the open one, finished ones wait to be taken.
//!
//! ```text
//! | finished blocks, not taken yet           | open block                         |
//! | len  records  records...  checksum | ... | len  records  records...           |
//!   4    4                    8
//! ```

use alloc::vec::Vec;
use core::time::Duration;

use super::hash::hash;
use super::header::CHECKSUM_LEN;
use super::recorder::{UNTAKEN_BYTES_MAX, put_block_header};
use crate::time::Instant;

/// A block of small records is finished when it has this many bytes ...
const BLOCK_BYTES: usize = 16 * 1024;

/// ... or began this long ago: what a crash takes away is no more.
const BLOCK_TIME: Duration = Duration::from_secs(1);

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
    pub(super) fn new(header: &[u8], checksum: u64, now: Instant) -> Self {
        let mut bytes = Vec::with_capacity(2 * BLOCK_BYTES);
        bytes.extend_from_slice(header);
        let mut blocks = Self {
            bytes,
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

    /// Appends what is finished to `out` and forgets it.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..self.open]);
        self.bytes.drain(..self.open);
        self.open = 0;
    }

    fn begin(&mut self) {
        self.open = self.bytes.len();
        self.records = 0;
        self.bytes
            .extend_from_slice(&[0; super::recorder::BLOCK_HEADER_LEN]);
    }

    fn close(&mut self) {
        let block = &mut self.bytes[self.open..];
        put_block_header(self.records, block);
        self.checksum = hash(self.checksum, block);
        let checksum: [u8; CHECKSUM_LEN] = self.checksum.to_be_bytes();
        self.bytes.extend_from_slice(&checksum);
    }
}
