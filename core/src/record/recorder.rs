//! The writing side: a buffer of finished blocks, and the block that is being filled.
//!
//! ```text
//! | finished blocks, not taken yet           | open block                         |
//! | len  records  records...  checksum | ... | len  records  records...           |
//!   4    4                    8
//! ```
//!
//! Invariants: a record is written before its call is made, so that a call that panics is recorded too; what came out is
//! added after it. Nothing is allocated for a call once the buffer has grown. The buffer is bounded: an owner that
//! does not take what is finished ends the recording.

use alloc::vec::Vec;
use core::time::Duration;

use super::call::{Call, EndReason, Outcome};
use super::codec;
use super::encode::Encoder;
use super::hash::{OutputHash, hash};
use super::header::{CHECKSUM_LEN, Header};
use super::output::{Output, note_transmit};
use super::tag::{self, OUTPUT, TIME, VARIANT};
use crate::config::Config;
use crate::crypto::{Agreed, Identity};
use crate::entropy::Entropy;
use crate::machine::Machine;
use crate::time::Instant;
use crate::transmit::Transmit;

/// A block is finished when it has this many bytes ...
const BLOCK_BYTES: usize = 64 * 1024;

/// ... or began this long ago: what a crash takes away is no more.
const BLOCK_TIME: Duration = Duration::from_secs(1);

/// Bytes kept for an owner who does not take them.
pub(super) const UNTAKEN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Length of the records and their number, before them.
pub(super) const BLOCK_HEADER_LEN: usize = 8;

/// Records the calls of one endpoint.
#[derive(Debug)]
pub(crate) struct Recorder {
    bytes: Vec<u8>,
    /// Where the open block begins.
    open: usize,
    opened_at: Instant,
    /// Records in the open block.
    records: u32,
    /// Where the tag of the latest record is.
    tag: usize,
    /// Where that of the record before is, if it is in the same block.
    tag_before: Option<usize>,
    time: Instant,
    encoder: Encoder,
    outputs: OutputHash,
    outcome: Outcome,
    /// Of the block before the open one, or of the header.
    checksum: u64,
    /// Bytes that may wait to be taken.
    untaken_max: usize,
    has_ended: bool,
}

impl Recorder {
    /// From the birth of an endpoint on.
    pub(crate) fn of_birth(
        config: &Config,
        entropy: &Entropy,
        identity: &Identity,
        born_at: Instant,
    ) -> Self {
        let room = Vec::with_capacity(2 * BLOCK_BYTES);
        let (header, checksum) = Header::of_birth(config, entropy, identity, born_at, room);
        Self::new(header, checksum, born_at)
    }

    /// From a moment in an endpoint's life on.
    pub(crate) fn of_checkpoint(machine: &Machine) -> Self {
        let (begins_at, room) = (machine.now(), Vec::with_capacity(2 * BLOCK_BYTES));
        let header = Header::of_checkpoint(machine, begins_at, room);
        Self::new(header.bytes, header.checksum, begins_at)
    }

    /// After a header with this checksum.
    pub(super) fn new(header: Vec<u8>, checksum: u64, begins_at: Instant) -> Self {
        let mut recorder = Self {
            open: 0,
            opened_at: begins_at,
            records: 0,
            tag: 0,
            tag_before: None,
            time: begins_at,
            encoder: Encoder::new(),
            outputs: OutputHash::default(),
            outcome: Outcome::Nothing,
            checksum,
            untaken_max: UNTAKEN_BYTES_MAX,
            has_ended: false,
            bytes: header,
        };
        recorder.open_block();
        recorder
    }

    /// Writes a call that is about to be made. `now` is the owner's, where the call has one: it counts from the
    /// latest time of all, as the machine counts it.
    pub(crate) fn begin(&mut self, now: Option<Instant>, call: &Call<'_>) {
        self.outcome = Outcome::Nothing;
        if self.has_ended {
            return;
        }
        let now = now.unwrap_or(self.time).max(self.time);
        self.make_room(now);
        if !self.has_ended {
            self.put(now, call);
        }
    }

    fn put(&mut self, now: Instant, call: &Call<'_>) {
        self.tag_before = (self.records > 0).then_some(self.tag);
        self.records += 1;
        self.tag = self.bytes.len();
        let tag = self.encoder.tag(call);
        let passed = now.as_nanos() - self.time.as_nanos();
        self.time = now;
        if passed == 0 {
            self.bytes.push(tag);
        } else {
            self.bytes.push(tag | TIME);
            codec::put_number(passed, &mut self.bytes);
        }
        self.encoder.put(call, &mut self.bytes);
    }

    /// Adds what the call gave back.
    pub(crate) fn end(&mut self, output: &impl Output) {
        if self.has_ended {
            return;
        }
        self.outcome = output.note(&mut self.outputs);
        match self.outcome {
            Outcome::Nothing => self.fold_empty_poll(tag::POLL_EVENT),
            Outcome::Transmit { .. } | Outcome::State { .. } => {}
            Outcome::Refused(refused) => self.put_output(&[refused as u8]),
            Outcome::Event { hash } => self.put_output(&hash.to_be_bytes()),
        }
    }

    /// Adds the datagram that the call gave, if it gave one.
    pub(crate) fn end_transmit(&mut self, transmit: Option<&Transmit>, bytes: &[u8]) {
        if self.has_ended {
            return;
        }
        let Some(transmit) = transmit else {
            return self.fold_empty_poll(tag::POLL_TRANSMIT);
        };
        self.outcome = note_transmit(transmit, bytes, &mut self.outputs);
        self.bytes[self.tag] |= OUTPUT;
        self.encoder.addresses.put(transmit.to, &mut self.bytes);
        codec::put_number(transmit.len as u64, &mut self.bytes);
        let hash = self.outputs.value();
        self.bytes.extend_from_slice(&hash.to_be_bytes());
    }

    /// Adds what the long-term key agreed on with the sender of the datagram.
    pub(crate) fn end_agreed(&mut self, agreed: &Agreed) {
        if !self.has_ended {
            self.put_output(&agreed[..]);
        }
    }

    /// A poll that gave nothing, just after one of its kind that gave something, becomes a bit of that one's tag.
    fn fold_empty_poll(&mut self, kind: u8) {
        let Some(before) = self.tag_before else {
            return;
        };
        let is_bare = self.bytes.len() == self.tag + 1 && self.bytes[self.tag] == kind;
        if is_bare && self.bytes[before] & !TIME == kind | OUTPUT {
            self.bytes.pop();
            self.bytes[before] |= VARIANT;
            self.tag = before;
        }
    }

    fn put_output(&mut self, bytes: &[u8]) {
        self.bytes[self.tag] |= OUTPUT;
        self.bytes.extend_from_slice(bytes);
    }

    /// What came out of the latest call.
    pub(super) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// For a ring, which takes nothing out: what is kept is bounded by it.
    pub(super) fn unbounded(header: Vec<u8>, checksum: u64, begins_at: Instant) -> Self {
        let mut recorder = Self::new(header, checksum, begins_at);
        recorder.untaken_max = usize::MAX;
        recorder
    }

    /// Begins anew after another header, and returns what was recorded before, in whole blocks.
    pub(super) fn restart(
        &mut self,
        header: Vec<u8>,
        checksum: u64,
        begins_at: Instant,
    ) -> Vec<u8> {
        if self.records > 0 {
            self.close_block();
        } else {
            self.bytes.truncate(self.open);
        }
        let before = core::mem::replace(&mut self.bytes, header);
        self.encoder.forget();
        self.outputs = OutputHash::default();
        (self.time, self.opened_at) = (begins_at, begins_at);
        (self.tag, self.tag_before) = (0, None);
        self.checksum = checksum;
        self.has_ended = false;
        self.open_block();
        before
    }

    /// Keeps nothing, and no memory, until [`restart`](Self::restart).
    pub(super) fn discard(&mut self) {
        self.bytes = Vec::new();
        (self.open, self.records) = (0, 0);
        self.has_ended = true;
    }

    /// Copies what was recorded from `start` on, with an end, to `out`. The last blocks' checksums are left to be made.
    pub(super) fn copy_to(&self, start: usize, reason: EndReason, out: &mut Vec<u8>) {
        let open = out.len() + self.open - start;
        out.extend_from_slice(&self.bytes[start..]);
        out.extend_from_slice(&[tag::END, reason as u8]);
        put_block_header(self.records + 1, &mut out[open..]);
        out.extend_from_slice(&[0; CHECKSUM_LEN]);
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Of the latest call.
    pub(super) const fn time(&self) -> Instant {
        self.time
    }

    /// For a replay: a ring's generation begins here. What was said before is forgotten.
    pub(super) fn checkpoint(&mut self, state: u64) {
        self.encoder.forget();
        self.outputs = OutputHash::default();
        self.outcome = Outcome::State { hash: state };
    }

    /// Whether calls are still recorded.
    pub(crate) const fn is_recording(&self) -> bool {
        !self.has_ended
    }

    /// Appends the finished blocks to `out` and forgets them.
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) {
        if self.open == 0 {
            return;
        }
        if !out.is_empty() {
            out.extend_from_slice(&self.bytes[..self.open]);
            return self.forget();
        }
        // The buffers change places, and only the open block is copied, which has just begun.
        core::mem::swap(out, &mut self.bytes);
        self.bytes.reserve(2 * BLOCK_BYTES);
        self.bytes.extend_from_slice(&out[self.open..]);
        out.truncate(self.open);
        self.forget_places();
    }

    /// Forgets the finished blocks.
    pub(super) fn forget(&mut self) {
        self.bytes.drain(..self.open);
        self.forget_places();
    }

    fn forget_places(&mut self) {
        self.tag = self.tag.saturating_sub(self.open);
        self.tag_before = self.tag_before.and_then(|tag| tag.checked_sub(self.open));
        self.open = 0;
    }

    /// Ends the recording, if it has not ended: what is left to take is all of it.
    pub(crate) fn finish(&mut self, reason: EndReason) {
        if self.has_ended {
            return;
        }
        self.put(self.time, &Call::End { reason });
        self.close_block();
        self.open = self.bytes.len();
        self.has_ended = true;
    }

    /// Begins a new block if the open one is full or old, and ends the recording if nobody takes it.
    fn make_room(&mut self, now: Instant) {
        let is_full = self.bytes.len() - self.open >= BLOCK_BYTES;
        let is_old = now.saturating_duration_since(self.opened_at) >= BLOCK_TIME;
        if self.records == 0 || !(is_full || is_old) {
            return;
        }
        if self.bytes.len() > self.untaken_max {
            return self.finish(EndReason::NotTaken);
        }
        self.close_block();
        self.opened_at = now;
        self.open_block();
    }

    fn open_block(&mut self) {
        self.open = self.bytes.len();
        self.records = 0;
        self.bytes.extend_from_slice(&[0; BLOCK_HEADER_LEN]);
    }

    fn close_block(&mut self) {
        let block = &mut self.bytes[self.open..];
        put_block_header(self.records, block);
        self.checksum = hash(self.checksum, block);
        let checksum: [u8; CHECKSUM_LEN] = self.checksum.to_be_bytes();
        self.bytes.extend_from_slice(&checksum);
    }
}

/// Writes at the front of a block how long it is, and how many records it has.
pub(super) fn put_block_header(records: u32, block: &mut [u8]) {
    let len = (block.len() - BLOCK_HEADER_LEN) as u32;
    block[..4].copy_from_slice(&len.to_be_bytes());
    block[4..BLOCK_HEADER_LEN].copy_from_slice(&records.to_be_bytes());
}
