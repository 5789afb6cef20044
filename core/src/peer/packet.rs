//! Building one packet at the end of the caller's buffer.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::intent::Intent;
use super::keys::Sealer;
use crate::audit::{Checked, at_most};
use crate::config::ChannelConfig;
use crate::crypto::{RESET_TOKEN_LEN, TAG_LEN};

use crate::machine::shared::Shared;
use crate::notice::Notice;
use crate::reliability::recovery::{Eliciting, Record, Recovery};
use crate::trace::Content;
use crate::transmit::EcnCounts;
use crate::wire::frame::{
    self, Ack, Close, Covered, Fragment, LengthField, Message, PathData, Skip,
};
use crate::wire::packet::{ConnectionId, Header};
use crate::wire::show;

/// An acknowledgement leaves this much of a packet to other frames, in bytes.
const ACK_LEN_MAX: usize = 120;
/// And this much in short datagrams, so that a fragment fits beside it.
const ACK_LEN_MAX_SHORT: usize = 32;
const SHORT: usize = 700;

const CHANNELS: usize = 31;

/// A packet under construction: header first, then frames, each only if it fits; sealed at the end.
#[derive(Debug)]
pub(crate) struct PacketBuilder<'a> {
    out: &'a mut Vec<u8>,
    recovery: &'a mut Recovery,
    start: usize,
    number: u64,
    /// First byte after the header: the compact ack if there is one, else the first frame.
    body: usize,
    compact_ack: Option<u8>,
    end_max: usize,
    last_message: Option<LengthField>,
    numbered: [u8; CHANNELS],
    eliciting: Eliciting,
    ack_largest: Option<u64>,
    /// Frames that elicit an acknowledgement, but for copies.
    frames: u32,
    /// Messages so far, and how many of them were new; copies come last.
    messages: u32,
    has_new: bool,
    copies: u32,
    copy_bytes: usize,
    parities: u32,
    parity_bytes: usize,
    /// What was put into it, for an audit.
    intent: Intent,
}

/// A finished packet, to be told to [`Recovery::on_sent`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Built {
    pub(crate) len: usize,
    pub(crate) eliciting: Eliciting,
    pub(crate) ack_largest: Option<u64>,
    /// Something that had not left before is in it.
    pub(crate) has_new: bool,
    /// Bytes of copies in it.
    pub(crate) copy_bytes: usize,
    /// Parities in it, and their bytes.
    pub(crate) parities: u32,
    pub(crate) parity_bytes: usize,
    /// Copies are all that is in it, but for acknowledgements.
    pub(crate) is_alone: bool,
}

impl<'a> PacketBuilder<'a> {
    pub(crate) fn new(
        out: &'a mut Vec<u8>,
        recovery: &'a mut Recovery,
        id: &ConnectionId,
        compact_ack: Option<u8>,
        datagram_size_max: usize,
    ) -> Self {
        let start = out.len();
        let number = recovery.next_number();
        let header_len = Header::encode(
            id,
            number,
            recovery.largest_acked(),
            compact_ack.is_some(),
            out,
        );
        out.extend(compact_ack);
        Self {
            start,
            number,
            body: start + header_len,
            compact_ack,
            end_max: start + datagram_size_max - TAG_LEN,
            out,
            recovery,
            last_message: None,
            numbered: [0; CHANNELS],
            eliciting: Eliciting::No,
            ack_largest: None,
            frames: 0,
            messages: 0,
            has_new: false,
            copies: 0,
            copy_bytes: 0,
            parities: 0,
            parity_bytes: 0,
            intent: Intent::default(),
        }
    }

    /// Bytes of its datagram, at most.
    pub(crate) const fn size_max(&self) -> usize {
        self.end_max + TAG_LEN - self.start
    }

    const fn room(&self) -> usize {
        self.end_max.saturating_sub(self.out.len())
    }

    fn frames_start(&self) -> usize {
        self.body + usize::from(self.compact_ack.is_some())
    }

    /// Whether nothing at all would be told by this packet.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.len() == self.body
    }

    /// Whether something that the peer must acknowledge is in it.
    pub(crate) fn is_eliciting(&self) -> bool {
        self.eliciting != Eliciting::No
    }

    /// Whether a message is in it, or what stands for some of one.
    pub(crate) const fn has_data(&self) -> bool {
        self.last_message.is_some() || self.parities > 0
    }

    pub(crate) fn ack(
        &mut self,
        ranges: impl Iterator<Item = RangeInclusive<u64>> + Clone,
        delay_us: u64,
        ecn: Option<EcnCounts>,
    ) {
        let largest = ranges.clone().next().map(|range| *range.end());
        let is_short = self.end_max - self.start < SHORT;
        let len_max = if is_short {
            ACK_LEN_MAX_SHORT
        } else {
            ACK_LEN_MAX
        };
        let room = self.room().min(len_max);
        if Ack::encode(ranges, delay_us, ecn, room, self.out) {
            self.ack_largest = largest;
            self.intent.ack(largest.unwrap_or(0), ecn);
        }
    }

    pub(crate) fn ping(&mut self) {
        if self.room() == 0 {
            return;
        }
        self.last_message = None;
        frame::encode_ping(self.out);
        self.intent.ping();
        self.note(Record::Ping);
    }

    /// Puts a limit into the packet: of a channel, or with `None` of all.
    pub(crate) fn credit(&mut self, channel: Option<u8>, limit: u64) {
        self.last_message = None;
        self.intent.credit(channel, limit);
        match channel {
            Some(channel) => {
                frame::encode_credit(channel, limit, self.out);
                self.note(Record::Credit { channel, limit });
            }
            None => {
                frame::encode_credit_all(limit, self.out);
                self.note(Record::CreditAll { limit });
            }
        }
    }

    pub(crate) const fn has_room_for_credit(&self) -> bool {
        self.room() >= frame::CREDIT_LEN_MAX
    }

    /// A probe of the path's MTU: the whole packet, of `size` bytes. Nobody waits for it.
    pub(crate) fn mtu_probe(&mut self, size: usize) {
        frame::encode_ping(self.out);
        self.intent.ping();
        self.recovery.record(Record::MtuProbe { size: size as u16 });
        self.pad_to(size);
    }

    /// These two ask for no acknowledgement: a response is one, and a challenge is repeated until it comes.
    pub(crate) fn path_challenge(&mut self, data: PathData) {
        frame::encode_path_challenge(data, self.out);
        self.intent.path(false, data);
    }

    pub(crate) fn path_response(&mut self, data: PathData) {
        frame::encode_path_response(data, self.out);
        self.intent.path(true, data);
    }

    pub(crate) const fn has_room_for_reset_token(&self) -> bool {
        self.room() >= frame::RESET_TOKEN_FRAME_LEN
    }

    pub(crate) fn reset_token(&mut self, token: [u8; RESET_TOKEN_LEN]) {
        self.last_message = None;
        frame::encode_reset_token(token, self.out);
        self.intent.reset_token();
        self.note(Record::ResetToken);
    }

    /// Fills the packet up to `len` bytes with its tag, or leaves it longer.
    pub(crate) fn pad_to(&mut self, len: usize) {
        let end = self.start + len.saturating_sub(TAG_LEN);
        if self.out.len() < end {
            self.last_message = None;
            self.out.resize(end, 0);
        }
    }

    pub(crate) fn close(&mut self, close: &Close<'_>) {
        self.last_message = None;
        close.encode(self.out);
        self.intent.close(close);
        self.note(Record::Close);
    }

    /// Its number.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Messages with an id that the packet holds of this channel.
    pub(crate) fn numbered(&self, channel: u8) -> u32 {
        u32::from(self.numbered[usize::from(channel)])
    }

    /// Bytes of payload that a fragment may have here, if it begins there or before.
    pub(crate) const fn fragment_room(&self, offset: u32, total: u32) -> usize {
        let header = Message::FRAGMENT_HEADER_LEN + Fragment { offset, total }.encoded_len();
        self.room().saturating_sub(header)
    }

    /// Puts a parity of so many bytes into the packet if it fits. Nobody waits for it to be acknowledged.
    pub(crate) fn parity(&mut self, covered: &Covered, stride: usize, bytes: &[u8]) -> bool {
        let len = covered.encoded_len(stride);
        if len > self.room() {
            return false;
        }
        self.last_message = None;
        covered.encode(stride, bytes, self.out);
        self.intent.parity(covered, stride);
        self.numbered[usize::from(covered.channel)] += 1;
        self.frames += 1;
        self.parities += 1;
        self.parity_bytes += len;
        if self.eliciting == Eliciting::No {
            self.eliciting = Eliciting::Lazy;
        }
        true
    }

    /// Puts a message into the packet if it fits. What has a record is acknowledged to its channel.
    pub(crate) fn message(&mut self, message: &Message<'_>, record: Option<Record>) -> bool {
        // A fragment fills what is left, and needs no length then.
        let needed = match message.fragment {
            Some(_) => message.encoded_len() - message.length_len(),
            None => message.encoded_len(),
        };
        if needed > self.room() {
            return false;
        }
        self.last_message = Some(message.encode(self.out));
        self.intent.message(message);
        self.numbered[usize::from(message.channel)] += u8::from(message.id.is_some());
        self.messages += 1;
        self.frames += u32::from(record.is_none());
        match record {
            Some(record) => self.note(record),
            None if self.eliciting == Eliciting::No => self.eliciting = Eliciting::Lazy,
            None => {}
        }
        true
    }

    /// Says that message `id` will not come, if there is room. It counts as numbered, as the message would.
    pub(crate) fn skip(&mut self, skip: &Skip, id: u64) -> bool {
        if self.room() < Skip::LEN_MAX {
            return false;
        }
        self.last_message = None;
        skip.encode(self.out);
        self.intent.skip(skip);
        self.numbered[usize::from(skip.channel)] += 1;
        self.note(Record::Skip {
            channel: skip.channel,
            id,
        });
        true
    }

    /// The message put in last had not left before.
    pub(crate) const fn mark_new(&mut self) {
        self.has_new = true;
    }

    /// The message put in last, of so many bytes, is a copy: another packet that carries it is in flight. Nothing but
    /// copies follows.
    pub(crate) const fn mark_copy(&mut self, bytes: usize) {
        self.frames -= 1;
        self.copies += 1;
        self.copy_bytes += bytes;
    }

    fn note(&mut self, record: Record) {
        self.frames += 1;
        self.recovery.record(record);
        let is_credit = matches!(record, Record::Credit { .. } | Record::CreditAll { .. });
        if !is_credit {
            self.eliciting = Eliciting::Yes;
        } else if self.eliciting != Eliciting::Yes {
            self.eliciting = Eliciting::Patient;
        }
    }

    /// Audits, shows, notes and seals it: what is done with every packet that leaves.
    pub(crate) fn finish(mut self, sealer: &mut Sealer<'_>, shared: &mut Shared) -> Built {
        let peer = sealer.peer;
        if shared.notes.is_on {
            let checked = self.audit(&shared.config.channels);
            shared.notes.note(peer, checked);
        }
        sealer.renew(self.recovery.largest_acked(), shared);
        let generation = sealer.keys.generation();
        shared.trace(|config| self.describe(generation, &config.channels));
        shared.notices.push(Notice::PacketSent {
            peer,
            number: self.number,
        });
        self.seal(sealer)
    }

    /// Whether what is in it decodes to what was put into it; call before [`seal`](Self::seal).
    fn audit(&mut self, channels: &[ChannelConfig]) -> Checked {
        self.strip_last_length();
        let (end, end_max) = (self.out.len() as u64, self.end_max as u64);
        at_most(10, "bytes of a packet", end, end_max)?;
        self.intent
            .check(&self.out[self.frames_start()..], channels)
    }

    /// Text for a trace; call before [`seal`](Self::seal).
    fn describe(&mut self, generation: u64, channels: &[ChannelConfig]) -> Content {
        self.strip_last_length();
        show::packet(
            (self.number, generation),
            self.compact_ack,
            &self.out[self.frames_start()..],
            self.messages - self.copies,
            channels,
        )
    }

    /// The last message reaches to the packet's end and needs no length.
    fn strip_last_length(&mut self) {
        if let Some(field) = self.last_message.take() {
            frame::strip_length(self.out, field);
        }
    }

    /// Encrypts the packet and ends it with its tag.
    fn seal(mut self, sealer: &mut Sealer<'_>) -> Built {
        self.strip_last_length();
        let (header, body) = self.out[self.start..].split_at_mut(self.body - self.start);
        Header::set_key_phase(header, sealer.keys.phase());
        let tag = sealer.keys.seal(self.number, header, body);
        self.out.extend_from_slice(&tag);
        Built {
            len: self.out.len() - self.start,
            eliciting: self.eliciting,
            ack_largest: self.ack_largest,
            has_new: self.has_new,
            copy_bytes: self.copy_bytes,
            parities: self.parities,
            parity_bytes: self.parity_bytes,
            is_alone: self.copies > 0 && self.frames == 0,
        }
    }

    /// Takes everything away again.
    pub(crate) fn discard(self) {
        self.out.truncate(self.start);
    }
}
