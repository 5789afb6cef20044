//! The writing side: each call becomes a record, and what came out of it the end of that record.
//!
//! Invariants: a record is written before its call is made, so that a call that panics is recorded too; what came out is
//! added after it. Nothing is allocated for a call once the buffer has grown. The buffer is bounded: an owner that
//! does not take what is finished ends the recording.

use alloc::vec::Vec;

use super::blocks::{Blocks, ROOM_BYTES};
use super::call::{Call, EndReason, Outcome};
use super::codec;
use super::encode::Encoder;
use super::hash::OutputHash;
use super::header::Header;
use super::output::{Output, note_transmit};
use super::tag::{self, OUTPUT, TIME, VARIANT};
use crate::config::Config;
use crate::crypto::Identity;
use crate::entropy::Entropy;
use crate::machine::{Machine, Revealed};
use crate::time::Instant;
use crate::transmit::Transmit;

/// Records the calls of one endpoint.
#[derive(Debug)]
pub(crate) struct Recorder {
    blocks: Blocks,
    /// Where the tag of the latest record is.
    tag: usize,
    /// Where that of the record before is, if it is in the same block.
    tag_before: Option<usize>,
    time: Instant,
    encoder: Encoder,
    outputs: OutputHash,
    outcome: Outcome,
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
        let room = Vec::with_capacity(ROOM_BYTES);
        let (header, checksum) = Header::of_birth(config, entropy, identity, born_at, room);
        Self::new(header, checksum, born_at)
    }

    /// From a moment in an endpoint's life on.
    pub(crate) fn of_checkpoint(machine: &Machine) -> Self {
        let (begins_at, room) = (machine.now(), Vec::with_capacity(ROOM_BYTES));
        let header = Header::of_checkpoint(machine, begins_at, room);
        Self::new(header.bytes, header.checksum, begins_at)
    }

    /// After a header with this checksum.
    pub(super) fn new(header: Vec<u8>, checksum: u64, begins_at: Instant) -> Self {
        Self {
            blocks: Blocks::new(header, checksum, begins_at),
            tag: 0,
            tag_before: None,
            time: begins_at,
            encoder: Encoder::new(),
            outputs: OutputHash::default(),
            outcome: Outcome::Nothing,
            has_ended: false,
        }
    }

    /// Writes a call that is about to be made. `now` is the owner's, where the call has one: it counts from the
    /// latest time of all, as the machine counts it.
    pub(crate) fn begin(&mut self, now: Option<Instant>, call: &Call<'_>) {
        self.outcome = Outcome::Nothing;
        if self.has_ended {
            return;
        }
        let now = now.unwrap_or(self.time).max(self.time);
        if !self.blocks.make_room(now) {
            return self.finish(EndReason::NotTaken);
        }
        self.put(now, call);
    }

    fn put(&mut self, now: Instant, call: &Call<'_>) {
        self.tag_before = self.blocks.has_records().then_some(self.tag);
        let tag = self.encoder.tag(call);
        let passed = now.as_nanos() - self.time.as_nanos();
        self.time = now;
        let bytes = self.blocks.record();
        self.tag = bytes.len();
        if passed == 0 {
            bytes.push(tag);
        } else {
            bytes.push(tag | TIME);
            codec::put_number(passed, bytes);
        }
        self.encoder.put(call, bytes);
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
        let bytes = self.blocks.bytes();
        bytes[self.tag] |= OUTPUT;
        self.encoder.addresses.put(transmit.to, bytes);
        codec::put_number(transmit.len as u64, bytes);
        let hash = self.outputs.value();
        bytes.extend_from_slice(&hash.to_be_bytes());
    }

    /// Adds what keys that are not recorded gave for the datagram.
    pub(crate) fn end_revealed(&mut self, revealed: &Revealed) {
        if self.has_ended {
            return;
        }
        let Revealed { agreed, token } = revealed;
        let mut bits = 0;
        bits |= if agreed.is_some() {
            tag::revealed::AGREED
        } else {
            0
        };
        bits |= if token.is_some() {
            tag::revealed::TOKEN
        } else {
            0
        };
        self.put_output(&[bits]);
        let bytes = self.blocks.bytes();
        if let Some(agreed) = agreed {
            bytes.extend_from_slice(&agreed[..]);
        }
        if let Some(token) = token {
            codec::put_bytes(token.as_bytes(), bytes);
        }
    }

    /// A poll that gave nothing, just after one of its kind that gave something, becomes a bit of that one's tag.
    fn fold_empty_poll(&mut self, kind: u8) {
        let Some(before) = self.tag_before else {
            return;
        };
        let bytes = self.blocks.bytes();
        let is_bare = bytes.len() == self.tag + 1 && bytes[self.tag] == kind;
        if is_bare && bytes[before] & !TIME == kind | OUTPUT {
            bytes.pop();
            bytes[before] |= VARIANT;
            self.tag = before;
        }
    }

    fn put_output(&mut self, output: &[u8]) {
        let bytes = self.blocks.bytes();
        bytes[self.tag] |= OUTPUT;
        bytes.extend_from_slice(output);
    }

    /// What came out of the latest call.
    pub(super) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// For a ring, which takes nothing out: `bytes_max` and a little more are kept by its own rule.
    pub(super) fn keep(&mut self, bytes_max: usize) {
        self.blocks.keep(bytes_max);
    }

    /// Begins anew after another header, and returns what was recorded before, in whole blocks.
    pub(super) fn restart(
        &mut self,
        header: Vec<u8>,
        checksum: u64,
        begins_at: Instant,
    ) -> Vec<u8> {
        let before = self.blocks.restart(header, checksum, begins_at);
        self.encoder.forget();
        self.outputs = OutputHash::default();
        self.time = begins_at;
        (self.tag, self.tag_before) = (0, None);
        self.has_ended = false;
        before
    }

    /// Keeps nothing, and no memory, until [`restart`](Self::restart).
    pub(super) fn discard(&mut self) {
        self.blocks.discard();
        self.has_ended = true;
    }

    /// Copies what was recorded from `start` on, with an end, to `out`. The last blocks' checksums are left to be made.
    pub(super) fn copy_to(&self, start: usize, reason: EndReason, out: &mut Vec<u8>) {
        self.blocks.copy_to(start, &[tag::END, reason as u8], out);
    }

    pub(super) const fn len(&self) -> usize {
        self.blocks.len()
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
        let moved = self.blocks.take(out);
        self.move_tags(moved);
    }

    /// Forgets the finished blocks.
    pub(super) fn forget(&mut self) {
        let moved = self.blocks.forget();
        self.move_tags(moved);
    }

    fn move_tags(&mut self, moved: usize) {
        self.tag = self.tag.saturating_sub(moved);
        self.tag_before = self.tag_before.and_then(|tag| tag.checked_sub(moved));
    }

    /// Ends the recording, if it has not ended: what is left to take is all of it.
    pub(crate) fn finish(&mut self, reason: EndReason) {
        if self.has_ended {
            return;
        }
        self.put(self.time, &Call::End { reason });
        self.blocks.finish();
        self.has_ended = true;
    }
}
