//! The latest calls in bounded memory, and the state before them: what a flight recorder keeps.
//!
//! ```text
//! old    | checkpoint | blocks ............ |      given up when the young one is full
//! young  | checkpoint | blocks ....         |      becomes the old one then
//! ```
//!
//! A *generation* is a recording that begins with a checkpoint and has no end. Once the young one is full, the state
//! becomes the checkpoint of a third, and the oldest goes: so there is always a whole generation, but at the very start.
//! A *dump* is both, as one ordinary recording: where the young one begins, a record holds the hash of the state, which a
//! replay compares.
//!
//! Invariants: both generations together have not more bytes than the bound, but for the latest message. Nothing is
//! allocated for a call or a generation once both buffers have grown. A state that would leave no room for calls is not
//! kept: the ring is empty until it is smaller again.

use alloc::vec::Vec;
use core::time::Duration;

use super::call::{Call, EndReason};
use super::header::Header;
use super::output::Output;
use super::recorder::Recorder;
use super::recording::repair;
use super::tag::{self, OUTPUT};
use crate::machine::{Machine, Revealed};
use crate::time::Instant;
use crate::transmit::Transmit;

/// Least bound that is useful: a generation then holds some seconds of a small game.
pub(crate) const RING_BYTES_MIN: usize = 64 * 1024;

/// How long after a state that was too large the next is tried.
const PAUSE: Duration = Duration::from_secs(10);

/// The calls of one endpoint, the latest ones.
#[derive(Debug)]
pub(crate) struct Ring {
    generation_bytes_max: usize,
    /// The generation before, in whole blocks; empty if there is none.
    old: Vec<u8>,
    young: Recorder,
    /// Length of the young one's header.
    header_len: usize,
    /// Hash of the state it began with.
    state: u64,
    /// The state was too large: nothing is kept until then.
    paused_until: Option<Instant>,
}

impl Ring {
    /// From here on. `bytes_max` is raised to [`RING_BYTES_MIN`].
    pub(crate) fn new(machine: &Machine, bytes_max: usize) -> Self {
        let generation_bytes_max = bytes_max.max(RING_BYTES_MIN) / 2;
        let room = Vec::with_capacity(generation_bytes_max);
        let header = Header::of_checkpoint(machine, machine.now(), room);
        let mut ring = Self {
            generation_bytes_max,
            old: Vec::new(),
            header_len: header.bytes.len(),
            state: header.state,
            young: Recorder::new(header.bytes, header.checksum, machine.now()),
            paused_until: None,
        };
        ring.young.keep(generation_bytes_max);
        ring.check_header();
        ring
    }

    /// Writes a call that is about to be made, to `machine`.
    pub(crate) fn begin(&mut self, now: Option<Instant>, call: &Call<'_>, machine: &Machine) {
        let is_due = match self.paused_until {
            None => self.young.len() >= self.generation_bytes_max,
            Some(until) => now.is_some_and(|now| now >= until),
        };
        if is_due {
            self.rotate(machine);
        }
        self.young.begin(now, call);
    }

    pub(crate) fn end(&mut self, output: &impl Output) {
        self.young.end(output);
    }

    pub(crate) fn end_transmit(&mut self, transmit: Option<&Transmit>, bytes: &[u8]) {
        self.young.end_transmit(transmit, bytes);
    }

    pub(crate) fn end_revealed(&mut self, revealed: &Revealed) {
        self.young.end_revealed(revealed);
    }

    /// The young generation becomes the old one.
    #[cold]
    fn rotate(&mut self, machine: &Machine) {
        let room = core::mem::take(&mut self.old);
        let begins_at = self.young.time().max(machine.now());
        let header = Header::of_checkpoint(machine, begins_at, room);
        self.header_len = header.bytes.len();
        self.state = header.state;
        self.old = self.young.restart(header.bytes, header.checksum, begins_at);
        if self.paused_until.take().is_some() {
            self.old.clear();
        }
        self.check_header();
    }

    /// Without half of its generation for the calls a checkpoint is no use, and would come too often.
    fn check_header(&mut self) {
        if self.header_len <= self.generation_bytes_max / 2 {
            return;
        }
        self.paused_until = Some(self.young.time() + PAUSE);
        self.old = Vec::new();
        self.young.discard();
    }

    /// Both generations as one recording; `None` while the state is too large. The ring goes on.
    pub(crate) fn dump(&self, reason: EndReason) -> Option<Vec<u8>> {
        if self.paused_until.is_some() {
            return None;
        }
        let mut out = Vec::with_capacity(self.old.len() + self.young.len() + 64);
        if self.old.is_empty() {
            self.young.copy_to(0, reason, &mut out);
        } else {
            out.extend_from_slice(&self.old);
            put_checkpoint(self.state, &mut out);
            self.young.copy_to(self.header_len, reason, &mut out);
        }
        // The young generation's checksums go on from those of the old one.
        repair(&mut out);
        Some(out)
    }
}

/// A block with one record, which says that the state has this hash; its checksum comes later.
fn put_checkpoint(state: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&9_u32.to_be_bytes());
    out.extend_from_slice(&1_u32.to_be_bytes());
    out.push(tag::CHECKPOINT | OUTPUT);
    out.extend_from_slice(&state.to_be_bytes());
    out.extend_from_slice(&[0; super::header::CHECKSUM_LEN]);
}
