//! Frames: the typed items inside a packet.
//!
//! ```text
//! 0x00 PADDING   the rest of the packet is ignored
//! 0x01 PING      acknowledge at once, with an ACK frame
//! 0x02 ACK       largest, delay (8 us units), more ranges, numbers below largest; then gap, length for each more
//! 0x03 CREDIT    channel (1 B), limit: bytes that may be sent on it in all
//! 0x04 CREDIT_ALL  limit: bytes that may be sent on all reliable channels together
//! 0x05 CLOSE     kind (1 B), code, text length, text
//! 0x09 ACK_ECN   as ACK, then how many packets arrived with ECT(0), ECT(1), CE
//! 0x10 SKIP      channel (1 B), id (2 B, truncated), cost: a reliable message that will not come
//! 0x11 PARITY    channel (1 B), id (2 B, truncated), offset, covered bytes, total, length, bytes: of a message's fragments
//! 0x06 PATH_CHALLENGE  data (8 B): prove that you are where this packet went
//! 0x07 PATH_RESPONSE   data (8 B): of the challenge
//! 0x08 RESET_TOKEN     token (16 B) that holds at the address to which this packet goes
//! 0x80.. MESSAGE 1 L F C C C C C: L length present, F fragment, C channel; then
//!                id (2 B, truncated) if reliable or a fragment; offset, total if a fragment; length if L; bytes
//! ```
//! Every other type breaks the protocol. All numbers are varints unless a size is given.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::{DecodeError, Reader, varint};
use crate::config::ChannelConfig;
use crate::crypto::RESET_TOKEN_LEN;
use crate::transmit::EcnCounts;

const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const ACK: u8 = 0x02;
const CREDIT: u8 = 0x03;
const CREDIT_ALL: u8 = 0x04;
const CLOSE: u8 = 0x05;
const ACK_ECN: u8 = 0x09;
const SKIP: u8 = 0x10;
const PARITY: u8 = 0x11;
const PATH_CHALLENGE: u8 = 0x06;
const PATH_RESPONSE: u8 = 0x07;
const RESET_TOKEN: u8 = 0x08;
const MESSAGE: u8 = 0x80;
const MESSAGE_LENGTH: u8 = 0x40;
const MESSAGE_FRAGMENT: u8 = 0x20;
const MESSAGE_CHANNEL: u8 = 0x1F;

/// Acknowledgement delays travel in units of 8 microseconds (RFC 9000 section 18.2, exponent 3).
const DELAY_UNIT_US: u64 = 8;

/// What a PATH_CHALLENGE asks to have back: nobody can guess it (RFC 9000 section 8.2.1).
pub(crate) type PathData = [u8; 8];

/// One frame of a received packet; byte slices point into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Padding,
    Ping,
    Ack(Ack<'a>),
    Credit { channel: u8, limit: u64 },
    CreditAll { limit: u64 },
    Close(Close<'a>),
    Skip(Skip),
    Parity(Parity<'a>),
    PathChallenge(PathData),
    PathResponse(PathData),
    ResetToken([u8; RESET_TOKEN_LEN]),
    Message(Message<'a>),
}

/// An acknowledgement of ranges of packet numbers, checked to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack<'a> {
    pub(crate) largest: u64,
    /// Time between the arrival of `largest` and this frame.
    pub(crate) delay_us: u64,
    first_len: u64,
    more: &'a [u8],
    /// Marks that arrived so far, if they are told.
    pub(crate) ecn: Option<EcnCounts>,
}

/// Why a connection ends, as a CLOSE tells it.
pub(crate) mod close {
    /// The owner ended it; the code is its own.
    pub(crate) const APPLICATION: u8 = 0;
    /// The other side broke the protocol; the code tells how.
    pub(crate) const VIOLATION: u8 = 1;
    /// A reliable message was not acknowledged; the code is its channel.
    pub(crate) const UNDELIVERABLE: u8 = 2;
    /// A place, or room to remember a token, was taken while the client proved itself; the code tells which.
    pub(crate) const REFUSED: u8 = 3;
    /// The same client connected again, with a newer token.
    pub(crate) const REPLACED: u8 = 4;
    /// No key may seal more, no number is left, or too much was forged.
    pub(crate) const EXHAUSTED: u8 = 5;
}

/// The peer ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close<'a> {
    pub(crate) kind: u8,
    pub(crate) code: u32,
    pub(crate) text: &'a str,
}

/// A reliable message was given up by its sender: it counts as arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) channel: u8,
    /// Low 16 bits of the message id.
    pub(crate) id: u16,
    /// Credit that the sender spent on it: the receiver gives it back.
    pub(crate) cost: u64,
}

/// A message or a fragment of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) channel: u8,
    /// Low 16 bits of the message id, on reliable channels and in fragments.
    pub(crate) id: Option<u16>,
    pub(crate) fragment: Option<Fragment>,
    pub(crate) payload: &'a [u8],
}

/// Which part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Bytes of the message before it.
    pub(crate) offset: u32,
    /// Bytes of the message.
    pub(crate) total: u32,
}

/// Why a frame was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    Malformed(DecodeError),
    UnknownChannel(u8),
}

impl From<DecodeError> for FrameError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl<'a> Frame<'a> {
    /// Reads the next frame. `channels` tells whether a message carries an id.
    pub(crate) fn decode(
        reader: &mut Reader<'a>,
        channels: &[ChannelConfig],
    ) -> Result<Self, FrameError> {
        let unknown = reader.error("frame type");
        match reader.u8("frame type")? {
            PADDING => {
                reader.rest();
                Ok(Self::Padding)
            }
            PING => Ok(Self::Ping),
            ACK => Ok(Self::Ack(Ack::decode(reader)?)),
            ACK_ECN => Ok(Self::Ack(Ack::decode(reader)?.with_counts(reader)?)),
            CREDIT => {
                let channel = reader.u8("credit channel")?;
                Ok(Self::Credit {
                    channel,
                    limit: reader.varint("credit limit")?,
                })
            }
            CREDIT_ALL => Ok(Self::CreditAll {
                limit: reader.varint("credit limit")?,
            }),
            CLOSE => Ok(Self::Close(Close::decode(reader)?)),
            SKIP => Skip::decode(reader, channels).map(Self::Skip),
            PARITY => Parity::decode(reader, channels).map(Self::Parity),
            PATH_CHALLENGE => Ok(Self::PathChallenge(reader.array("path challenge")?)),
            PATH_RESPONSE => Ok(Self::PathResponse(reader.array("path response")?)),
            RESET_TOKEN => Ok(Self::ResetToken(reader.array("reset token")?)),
            message if message & MESSAGE != 0 => {
                Message::decode(message, reader, channels).map(Self::Message)
            }
            _ => Err(unknown.into()),
        }
    }
}

impl<'a> Ack<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let largest = reader.varint("ack largest")?;
        let delay_us = reader.varint("ack delay")?.saturating_mul(DELAY_UNIT_US);
        let more = reader.varint("ack ranges")?;
        let first_len = reader.varint("ack length")?;
        let mut smallest = largest
            .checked_sub(first_len)
            .ok_or(reader.error("ack length"))?;
        let mut end = *reader;
        let start = end.offset();
        for _ in 0..more {
            let gap = end.varint("ack gap")?;
            let len = end.varint("ack length")?;
            // Two numbers lie between ranges at least (RFC 9000 section 19.3.1).
            let next = smallest
                .checked_sub(gap)
                .and_then(|n| n.checked_sub(2))
                .and_then(|n| n.checked_sub(len));
            smallest = next.ok_or(end.error("ack gap"))?;
        }
        let more = reader.take(end.offset() - start, "ack ranges")?;
        Ok(Self {
            largest,
            delay_us,
            first_len,
            more,
            ecn: None,
        })
    }

    fn with_counts(self, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let counts = EcnCounts {
            ect0: reader.varint("ack ECT(0)")?,
            ect1: reader.varint("ack ECT(1)")?,
            ce: reader.varint("ack CE")?,
        };
        Ok(Self {
            ecn: Some(counts),
            ..self
        })
    }

    /// The acknowledged numbers, newest range first.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> + Clone + use<'a> {
        let first = self.largest - self.first_len..=self.largest;
        let mut reader = Reader::new(self.more);
        let mut smallest = *first.start();
        core::iter::once(first).chain(core::iter::from_fn(move || {
            let gap = reader.varint("ack gap").ok()?;
            let len = reader.varint("ack length").ok()?;
            let largest = smallest - gap - 2;
            smallest = largest - len;
            Some(smallest..=largest)
        }))
    }

    /// Appends an ACK frame of at most about `room` bytes for `ranges`, newest first; later ones are left out. Marks that
    /// arrived are told if there are any to tell. Returns whether there was anything to acknowledge.
    pub(crate) fn encode(
        mut ranges: impl Iterator<Item = RangeInclusive<u64>>,
        delay_us: u64,
        ecn: Option<EcnCounts>,
        room: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(first) = ranges.next() else {
            return false;
        };
        let start = out.len();
        out.push(if ecn.is_some() { ACK_ECN } else { ACK });
        varint::encode(*first.end(), out);
        varint::encode(delay_us / DELAY_UNIT_US, out);
        let count_at = out.len();
        out.push(0); // at most 32 more ranges: a one-byte varint, written last
        varint::encode(first.end() - first.start(), out);
        let mut smallest = *first.start();
        for range in ranges.take(32) {
            if out.len() - start + 16 > room {
                break;
            }
            varint::encode(smallest - range.end() - 2, out);
            varint::encode(range.end() - range.start(), out);
            smallest = *range.start();
            out[count_at] += 1;
        }
        for count in ecn.iter().flat_map(|ecn| [ecn.ect0, ecn.ect1, ecn.ce]) {
            varint::encode(count, out);
        }
        true
    }
}

impl<'a> Close<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let kind = reader.u8("close kind")?;
        let code =
            u32::try_from(reader.varint("close code")?).map_err(|_| reader.error("close code"))?;
        let len = usize::try_from(reader.varint("close text")?).unwrap_or(usize::MAX);
        let text = reader.take(len, "close text")?;
        let text = core::str::from_utf8(text).map_err(|_| reader.error("close text"))?;
        Ok(Self { kind, code, text })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[CLOSE, self.kind]);
        varint::encode(u64::from(self.code), out);
        varint::encode(self.text.len() as u64, out);
        out.extend_from_slice(self.text.as_bytes());
    }
}

impl Skip {
    /// Longest encoding.
    pub(crate) const LEN_MAX: usize = 12;

    fn decode(reader: &mut Reader<'_>, channels: &[ChannelConfig]) -> Result<Self, FrameError> {
        let malformed = reader.error("skip channel");
        let channel = reader.u8("skip channel")?;
        let Some(config) = channels.get(usize::from(channel)) else {
            return Err(FrameError::UnknownChannel(channel));
        };
        if !config.delivery.is_reliable() {
            return Err(malformed.into());
        }
        Ok(Self {
            channel,
            id: reader.u16("skip id")?,
            cost: reader.varint("skip cost")?,
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[SKIP, self.channel]);
        out.extend_from_slice(&self.id.to_be_bytes());
        varint::encode(self.cost, out);
    }
}

impl<'a> Message<'a> {
    /// Type and id of a fragment.
    pub(crate) const FRAGMENT_HEADER_LEN: usize = 3;

    fn decode(
        first: u8,
        reader: &mut Reader<'a>,
        channels: &[ChannelConfig],
    ) -> Result<Self, FrameError> {
        let channel = first & MESSAGE_CHANNEL;
        let Some(config) = channels.get(usize::from(channel)) else {
            return Err(FrameError::UnknownChannel(channel));
        };
        let is_fragment = first & MESSAGE_FRAGMENT != 0;
        let has_id = is_fragment || config.delivery.is_reliable();
        let id = if has_id {
            Some(reader.u16("message id")?)
        } else {
            None
        };
        let fragment = if is_fragment {
            Some(Fragment::decode(reader)?)
        } else {
            None
        };
        let payload = if first & MESSAGE_LENGTH == 0 {
            reader.rest()
        } else {
            let len = usize::try_from(reader.varint("message length")?).unwrap_or(usize::MAX);
            reader.take(len, "message")?
        };
        Ok(Self {
            channel,
            id,
            fragment,
            payload,
        })
    }

    /// Bytes of the length field.
    pub(crate) const fn length_len(&self) -> usize {
        varint::len(self.payload.len() as u64)
    }

    /// Bytes of the frame, length field included.
    pub(crate) fn encoded_len(&self) -> usize {
        let id = if self.id.is_some() { 2 } else { 0 };
        let fragment = self.fragment.map_or(0, |fragment| fragment.encoded_len());
        1 + id + fragment + self.length_len() + self.payload.len()
    }

    /// Appends the frame and tells where its length field stands, which [`strip_length`] can take away again.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> LengthField {
        let frame_at = out.len();
        let fragment_bit = if self.fragment.is_some() {
            MESSAGE_FRAGMENT
        } else {
            0
        };
        out.push(MESSAGE | MESSAGE_LENGTH | fragment_bit | self.channel);
        if let Some(id) = self.id {
            out.extend_from_slice(&id.to_be_bytes());
        }
        if let Some(fragment) = self.fragment {
            varint::encode(u64::from(fragment.offset), out);
            varint::encode(u64::from(fragment.total), out);
        }
        let start = out.len();
        varint::encode(self.payload.len() as u64, out);
        let field = LengthField {
            frame_at,
            start,
            end: out.len(),
        };
        out.extend_from_slice(self.payload);
        field
    }
}

impl Fragment {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offset = u32::try_from(reader.varint("fragment offset")?);
        let offset = offset.map_err(|_| reader.error("fragment offset"))?;
        let total = u32::try_from(reader.varint("fragment total")?);
        let total = total.map_err(|_| reader.error("fragment total"))?;
        Ok(Self { offset, total })
    }

    pub(crate) const fn encoded_len(self) -> usize {
        varint::len(self.offset as u64) + varint::len(self.total as u64)
    }
}

/// Where the length field of an encoded message frame stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LengthField {
    frame_at: usize,
    start: usize,
    end: usize,
}

/// Takes away the length of the packet's last frame: it reaches to the packet's end.
pub(crate) fn strip_length(out: &mut Vec<u8>, field: LengthField) {
    out[field.frame_at] &= !MESSAGE_LENGTH;
    out.drain(field.start..field.end);
}

pub(crate) fn encode_ping(out: &mut Vec<u8>) {
    out.push(PING);
}

pub(crate) fn encode_credit(channel: u8, limit: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[CREDIT, channel]);
    varint::encode(limit, out);
}

pub(crate) fn encode_credit_all(limit: u64, out: &mut Vec<u8>) {
    out.push(CREDIT_ALL);
    varint::encode(limit, out);
}

pub(crate) fn encode_path_challenge(data: PathData, out: &mut Vec<u8>) {
    out.push(PATH_CHALLENGE);
    out.extend_from_slice(&data);
}

pub(crate) fn encode_path_response(data: PathData, out: &mut Vec<u8>) {
    out.push(PATH_RESPONSE);
    out.extend_from_slice(&data);
}

pub(crate) fn encode_reset_token(token: [u8; RESET_TOKEN_LEN], out: &mut Vec<u8>) {
    out.push(RESET_TOKEN);
    out.extend_from_slice(&token);
}

/// Length of a PATH_CHALLENGE or PATH_RESPONSE frame.
pub(crate) const PATH_FRAME_LEN: usize = 9;

/// Length of a RESET_TOKEN frame.
pub(crate) const RESET_TOKEN_FRAME_LEN: usize = 1 + RESET_TOKEN_LEN;

/// Longest encoding of one CREDIT or CREDIT_ALL frame.
pub(crate) const CREDIT_LEN_MAX: usize = 10;

mod parity;
#[cfg(test)]
mod tests;

pub(crate) use self::parity::{Covered, Parity, fold};
