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
use super::recorder::{BLOCK_HEADER_LEN, UNTAKEN_BYTES_MAX};
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
        if self.bytes.len() > UNTAKEN_BYTES_MAX {
            return false;
        }
        self.close();
        self.opened_at = now;
        self.begin();
        true
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
        self.bytes.extend_from_slice(&[0; BLOCK_HEADER_LEN]);
    }

    fn close(&mut self) {
        let block = &mut self.bytes[self.open..];
        let len = (block.len() - BLOCK_HEADER_LEN) as u32;
        block[..4].copy_from_slice(&len.to_be_bytes());
        block[4..BLOCK_HEADER_LEN].copy_from_slice(&self.records.to_be_bytes());
        self.checksum = hash(self.checksum, block);
        let checksum: [u8; CHECKSUM_LEN] = self.checksum.to_be_bytes();
        self.bytes.extend_from_slice(&checksum);
    }
}
