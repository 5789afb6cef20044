//! What was put into a packet, as a hash, to compare with what decodes from it.

use crate::audit::{Checked, equal, holds};
use crate::config::ChannelConfig;
use crate::transmit::EcnCounts;
use crate::wire::Reader;
use crate::wire::frame::{Close, Covered, Frame, Message, PathData, Skip};

/// A hash of frames in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Intent(u64);

impl Intent {
    const fn add(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(7) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    pub(crate) const fn ping(&mut self) {
        self.add(1);
    }

    /// An acknowledgement may leave out what finds no room, so its largest number stands for it.
    pub(crate) fn ack(&mut self, largest: u64, ecn: Option<EcnCounts>) {
        self.add(2 | u64::from(ecn.is_some()) << 8);
        self.add(largest);
        if let Some(EcnCounts { ect0, ect1, ce }) = ecn {
            for count in [ect0, ect1, ce] {
                self.add(count);
            }
        }
    }

    pub(crate) fn credit(&mut self, channel: Option<u8>, limit: u64) {
        self.add(3 | channel.map_or(0, |channel| 256 | u64::from(channel) << 16));
        self.add(limit);
    }

    pub(crate) fn close(&mut self, close: &Close<'_>) {
        self.add(5 | u64::from(close.kind) << 8 | u64::from(close.code) << 32);
        self.add(close.text.len() as u64);
    }

    pub(crate) fn skip(&mut self, skip: &Skip) {
        self.add(4 | u64::from(skip.channel) << 8 | u64::from(skip.id) << 16);
        self.add(skip.cost);
    }

    pub(crate) fn parity(&mut self, covered: &Covered, stride: usize) {
        let Covered {
            channel,
            id,
            offset,
            len,
            total,
        } = *covered;
        self.add(9 | u64::from(channel) << 8 | u64::from(id) << 16);
        self.add(u64::from(offset) | u64::from(len) << 32);
        self.add(u64::from(total) | (stride as u64) << 32);
    }

    pub(crate) fn path(&mut self, is_response: bool, data: PathData) {
        self.add(7 | u64::from(is_response) << 8);
        self.add(u64::from_be_bytes(data));
    }

    pub(crate) const fn reset_token(&mut self) {
        self.add(8);
    }

    pub(crate) fn message(&mut self, message: &Message<'_>) {
        let id = message.id.map_or(0, |id| 1 << 16 | u64::from(id));
        self.add(6 | u64::from(message.channel) << 8 | id << 16);
        let fragment = message.fragment.map_or(0, |fragment| {
            1 | u64::from(fragment.offset) << 1 | u64::from(fragment.total) << 32
        });
        self.add(fragment);
        let payload = message.payload;
        self.add(payload.len() as u64);
        let ends = [payload.first(), payload.last()].map(|byte| u64::from(*byte.unwrap_or(&0)));
        self.add(ends[0] << 8 | ends[1]);
    }

    /// `plain` decodes to the frames that were put into it, and to nothing else.
    pub(crate) fn check(self, plain: &[u8], channels: &[ChannelConfig]) -> Checked {
        let mut reader = Reader::new(plain);
        let mut decoded = Self::default();
        while !reader.is_empty() {
            let frame = Frame::decode(&mut reader, channels);
            holds(10, "frames that decode", frame.is_ok())?;
            match frame {
                Ok(Frame::Ping) => decoded.ping(),
                Ok(Frame::Ack(ack)) => decoded.ack(ack.largest, ack.ecn),
                Ok(Frame::Credit { channel, limit }) => decoded.credit(Some(channel), limit),
                Ok(Frame::CreditAll { limit }) => decoded.credit(None, limit),
                Ok(Frame::Close(close)) => decoded.close(&close),
                Ok(Frame::Skip(skip)) => decoded.skip(&skip),
                Ok(Frame::Parity(parity)) => decoded.parity(&parity.covered, parity.bytes.len()),
                Ok(Frame::PathChallenge(data)) => decoded.path(false, data),
                Ok(Frame::PathResponse(data)) => decoded.path(true, data),
                Ok(Frame::ResetToken(_)) => decoded.reset_token(),
                Ok(Frame::Message(message)) => decoded.message(&message),
                Ok(Frame::Padding) | Err(_) => {}
            }
        }
        equal(10, "a hash of the frames", decoded.0, self.0)
    }
}
