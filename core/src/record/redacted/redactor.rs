//! The writing side. Nothing is allocated for a datagram once the buffer has grown.

use alloc::vec::Vec;
use core::time::Duration;

use super::known::Known;
use super::sight::Flaw;
use super::tags::{self, B, C, D};
use crate::id::PeerId;
use crate::notice::{LossCause, Notice};
use crate::record::blocks::{Blocks, ROOM_BYTES};
use crate::record::call::EndReason;
use crate::record::codec::put_number;
use crate::record::header::RedactedHeader;
use crate::record::recording::repair;
use crate::record::ring::RING_BYTES_MIN;
use crate::time::{Instant, micros};
use crate::transmit::Ecn;

/// Whoever is no peer.
const NOBODY: u32 = 0;

/// Records what happens to the datagrams of one endpoint.
#[derive(Debug)]
pub(crate) struct Redactor {
    blocks: Blocks,
    time_us: u64,
    /// The peer of the latest record.
    peer: u32,
    sent_len: u64,
    arrived_len: u64,
    arrived_mark: u8,
    /// By slot.
    known: Vec<Option<Known>>,
    peers: u32,
    /// For a ring: the generations.
    ring: Option<Generations>,
    has_ended: bool,
}

/// Of a ring: the latest half of what is kept is in the redactor's blocks.
#[derive(Debug)]
struct Generations {
    bytes_max: usize,
    /// The generation before, in whole blocks; empty if there is none.
    old: Vec<u8>,
    /// Length of the header of the one that is made.
    header_len: usize,
    /// 0, 1, 2, ...
    number: u32,
}

/// No length, no peer and no mark: the next one is told, whatever it is.
const UNTOLD_LEN: u64 = u64::MAX;
const UNTOLD_PEER: u32 = u32::MAX;
const UNTOLD_MARK: u8 = u8::MAX;

impl Redactor {
    pub(crate) fn new(now: Instant) -> Self {
        let mut header = Vec::with_capacity(ROOM_BYTES);
        let checksum = RedactedHeader::put(now, &mut header);
        Self {
            blocks: Blocks::new(header, checksum, now),
            time_us: now.as_micros(),
            peer: NOBODY,
            sent_len: 0,
            arrived_len: 0,
            arrived_mark: 0,
            known: Vec::new(),
            peers: 0,
            ring: None,
            has_ended: false,
        }
    }

    /// Keeps the latest of what happens, in `bytes_max` bytes.
    ///
    /// Two generations, as in a full ring, which are simply put together for a dump: the young one tells everything
    /// anew that the old one has told already, so that it can be read without it once the old one goes. A peer's standing
    /// is told when it is first met.
    pub(crate) fn ring(now: Instant, bytes_max: usize) -> Self {
        let mut redactor = Self::new(now);
        let bytes_max = bytes_max.max(RING_BYTES_MIN) / 2;
        redactor.ring = Some(Generations {
            bytes_max,
            old: Vec::new(),
            header_len: redactor.blocks.len_to_take(),
            number: 0,
        });
        redactor.blocks.keep(bytes_max);
        redactor
    }

    /// Both generations as one recording. The ring goes on.
    pub(crate) fn dump(&self, reason: EndReason) -> Vec<u8> {
        let end = [tags::END, reason as u8];
        let mut out = Vec::new();
        let Some(ring) = self.ring.as_ref().filter(|ring| !ring.old.is_empty()) else {
            self.blocks.copy_to(0, &end, &mut out);
            repair(&mut out);
            return out;
        };
        out.reserve_exact(ring.old.len() + self.blocks.len() + 64);
        out.extend_from_slice(&ring.old);
        self.blocks.copy_to(ring.header_len, &end, &mut out);
        // The young generation's checksums go on from those of the old one.
        repair(&mut out);
        out
    }

    /// The young generation becomes the old one, if it is full.
    fn rotate(&mut self, now: Instant) {
        let Some(ring) = &mut self.ring else {
            return;
        };
        if self.blocks.len() < ring.bytes_max {
            return;
        }
        let mut room = core::mem::take(&mut ring.old);
        room.clear();
        let begins_at = Instant::from_nanos(self.time_us * 1_000);
        let checksum = RedactedHeader::put(begins_at, &mut room);
        ring.header_len = room.len();
        ring.number = ring.number.wrapping_add(1);
        ring.old = self.blocks.restart(room, checksum, now);
        (self.sent_len, self.arrived_len) = (UNTOLD_LEN, UNTOLD_LEN);
        self.arrived_mark = UNTOLD_MARK;
        self.peer = UNTOLD_PEER;
    }

    /// Tells how far a peer is, if this generation has not told of it.
    fn introduce(&mut self, now: Instant, peer: PeerId) {
        let Some(generation) = self.ring.as_ref().map(|ring| ring.number) else {
            return;
        };
        let known = self.know(peer);
        if known.told_in == generation {
            return;
        }
        known.told_in = generation;
        let (number, stands) = (known.number, known.stands());
        let Some(stands) = stands else {
            return;
        };
        if let Some(out) = self.begin(now, tags::STANDS, number) {
            stands.into_iter().for_each(|next| put_number(next, out));
        }
    }

    /// Before anything is told of `notices`.
    fn prepare(&mut self, now: Instant, notices: &[Notice]) {
        if self.ring.is_none() {
            return;
        }
        self.rotate(now);
        for notice in notices {
            self.introduce(now, notice.peer());
        }
    }

    /// A datagram left.
    pub(crate) fn on_transmit(&mut self, now: Instant, len: usize, notices: &[Notice]) {
        self.prepare(now, notices);
        let (mut peer, mut number) = (NOBODY, None);
        for notice in notices.iter().copied() {
            if let Notice::PacketSent {
                peer: to,
                number: its,
            } = notice
            {
                let known = self.know(to);
                peer = known.number;
                number = Some((its, known.next_sent == Some(its)));
                known.on_sent(its);
            } else if let Notice::HandshakeSent { peer: to } = notice {
                peer = self.know(to).number;
            }
        }
        let len = len as u64;
        let has_len = len != self.sent_len;
        let (kind, has_number) = match number {
            Some((_, is_expected)) => (tags::SENT, !is_expected),
            None => (tags::SENT_OTHER, false),
        };
        self.sent_len = len;
        let tag = kind | flag(has_len, B) | flag(has_number, C);
        let Some(out) = self.begin(now, tag, peer) else {
            return;
        };
        if has_len {
            put_number(len, out);
        }
        if let Some((number, false)) = number {
            put_number(number, out);
        }
    }

    /// A datagram arrived, and this is what was seen of it.
    pub(crate) fn on_arrival(
        &mut self,
        now: Instant,
        len: usize,
        ecn: Option<Ecn>,
        notices: &[Notice],
    ) {
        self.prepare(now, notices);
        let mut notices = notices.iter().copied().peekable();
        let datagram = notices.next_if(|notice| !is_fate(*notice));
        self.put_arrival(now, len as u64, ecn, datagram);
        for notice in notices {
            self.put_fate(now, notice);
        }
    }

    /// Time has passed, and this is what was seen of it.
    pub(crate) fn on_timeout(&mut self, now: Instant, notices: &[Notice]) {
        self.prepare(now, notices);
        for notice in notices.iter().copied() {
            self.put_fate(now, notice);
        }
    }

    /// Ends the recording, if it has not ended: what is left to take is all of it.
    pub(crate) fn finish(&mut self, reason: EndReason) {
        if self.has_ended {
            return;
        }
        self.has_ended = true;
        let out = self.blocks.record();
        out.extend_from_slice(&[tags::END, reason as u8]);
        self.blocks.finish();
    }

    /// Whether datagrams are still recorded.
    pub(crate) const fn is_recording(&self) -> bool {
        !self.has_ended
    }

    /// Appends the finished blocks to `out` and forgets them.
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) {
        self.blocks.take(out);
    }

    fn put_arrival(&mut self, now: Instant, len: u64, ecn: Option<Ecn>, datagram: Option<Notice>) {
        let has_len = len != self.arrived_len;
        self.arrived_len = len;
        let mark = mark_byte(ecn);
        let has_mark = mark != self.arrived_mark;
        self.arrived_mark = mark;
        let (mut kind, mut peer) = (tags::ARRIVED_OTHER, NOBODY);
        let (mut jump, mut flaw) = (0, 0);
        match datagram {
            Some(Notice::PacketTaken { peer: from, number }) => {
                let known = self.know(from);
                kind = tags::TAKEN;
                peer = known.number;
                jump = number.wrapping_sub(known.next_taken) as i64;
                known.next_taken = known.next_taken.max(number + 1);
            }
            Some(Notice::PacketRepeated { peer: from }) => {
                (peer, flaw) = (self.know(from).number, Flaw::Repeated as u8);
            }
            Some(Notice::PacketForged { peer: from }) => {
                (peer, flaw) = (self.know(from).number, Flaw::Forged as u8);
            }
            Some(Notice::HandshakeTaken { peer: from }) => peer = self.know(from).number,
            Some(_) | None => {}
        }
        let has_c = jump != 0 || flaw != 0;
        let tag = kind | flag(has_len, B) | flag(has_c, C) | flag(has_mark, D);
        let Some(out) = self.begin(now, tag, peer) else {
            return;
        };
        if has_len {
            put_number(len, out);
        }
        if jump != 0 {
            put_number(tags::zigzag(jump), out);
        }
        if flaw != 0 {
            out.push(flaw);
        }
        out.extend(has_mark.then_some(mark));
    }

    fn put_fate(&mut self, now: Instant, notice: Notice) {
        if let Notice::Acknowledged {
            peer,
            first,
            last,
            round_trip,
        } = notice
        {
            self.put_acknowledged(now, peer, (first, last), round_trip);
        } else if let Notice::Lost {
            peer,
            number,
            cause,
        } = notice
        {
            self.put_lost(now, peer, number, cause);
        }
    }

    fn put_acknowledged(
        &mut self,
        now: Instant,
        peer: PeerId,
        (first, last): (u64, u64),
        round_trip: Option<Duration>,
    ) {
        let Some((first, last)) = self.know(peer).clip(first, last) else {
            return;
        };
        loop {
            let known = self.know(peer);
            let (peer, expected) = (known.number, known.next_acked);
            let Some((from, to)) = known.take_row(first, last) else {
                return;
            };
            let round_trip = round_trip.filter(|_| to == last);
            let jump = from.wrapping_sub(expected) as i64;
            let tag = tags::ACKNOWLEDGED
                | flag(jump != 0, B)
                | flag(to > from, C)
                | flag(round_trip.is_some(), D);
            let Some(out) = self.begin(now, tag, peer) else {
                return;
            };
            if jump != 0 {
                put_number(tags::zigzag(jump), out);
            }
            if to > from {
                put_number(to - from - 1, out);
            }
            if let Some(round_trip) = round_trip {
                put_number(micros(round_trip) / tags::ROUND_TRIP_UNIT_US, out);
            }
        }
    }

    fn put_lost(&mut self, now: Instant, peer: PeerId, number: u64, cause: LossCause) {
        let known = self.know(peer);
        let Some(next) = known
            .next_sent
            .filter(|_| known.clip(number, number).is_some())
        else {
            return;
        };
        let peer = known.number;
        let tag = tags::LOST | (cause as u8) << tags::CAUSE_SHIFT;
        if let Some(out) = self.begin(now, tag, peer) {
            put_number(next - 1 - number, out);
        }
    }

    /// Begins a record, with the time and the peer if they are new; nothing once the recording has ended.
    fn begin(&mut self, now: Instant, tag: u8, peer: u32) -> Option<&mut Vec<u8>> {
        if self.has_ended {
            return None;
        }
        if !self.blocks.make_room(now) {
            self.finish(EndReason::NotTaken);
            return None;
        }
        let now_us = now.as_micros().max(self.time_us);
        let passed = now_us - self.time_us;
        self.time_us = now_us;
        let is_other = peer != self.peer;
        self.peer = peer;
        let out = self.blocks.record();
        out.push(tag | flag(passed > 0, tags::TIME) | flag(is_other, tags::PEER));
        if passed > 0 {
            put_number(passed, out);
        }
        if is_other {
            put_number(peer.into(), out);
        }
        Some(out)
    }

    /// What is remembered of a peer; at first sight it gets its number.
    fn know(&mut self, peer: PeerId) -> &mut Known {
        let slot = peer.slot();
        if slot >= self.known.len() {
            self.known.resize(slot + 1, None);
        }
        let known = &mut self.known[slot];
        if known.as_ref().map(|known| known.generation) != Some(peer.generation()) {
            self.peers += 1;
            *known = None;
        }
        known.get_or_insert_with(|| Known::new(peer.generation(), self.peers))
    }
}

const fn is_fate(notice: Notice) -> bool {
    matches!(notice, Notice::Acknowledged { .. } | Notice::Lost { .. })
}

const fn flag(is_set: bool, bit: u8) -> u8 {
    if is_set { bit } else { 0 }
}

/// As in a full recording.
const fn mark_byte(ecn: Option<Ecn>) -> u8 {
    match ecn {
        None => 0,
        Some(Ecn::Ect0) => 1,
        Some(Ecn::Ect1) => 2,
        Some(Ecn::Ce) => 3,
    }
}
