//! Frames: whatever is in a packet, each costs bytes, and says the same when it is written again.

use alloc::vec::Vec;

use crate::config::{ChannelConfig, Config};
use crate::wire::frame::{self, Ack, Frame};
use crate::wire::{Reader, show};

/// Any bytes as the frames of a packet.
pub fn frames(data: &[u8]) {
    let channels = Config::default().channels;
    let mut reader = Reader::new(data);
    while !reader.is_empty() {
        let before = reader.offset();
        let Ok(frame) = Frame::decode(&mut reader, &channels) else {
            break;
        };
        let len = reader.offset() - before;
        assert!(len > 0, "a frame of no bytes: {frame:?}");
        if let Frame::Ack(ack) = &frame {
            let ranges = ack.ranges().count();
            assert!(ranges <= len, "{ranges} ranges in {len} bytes");
        }
        is_the_same_again(&frame, &channels);
    }
    let shown = show::packet((1, 0), None, data, u32::MAX, &channels);
    let text = alloc::format!("{shown}");
    // A range or a frame takes a byte at least, and less than so many letters.
    assert!(text.len() <= 128 * (data.len() + 1), "{text}");
}

fn is_the_same_again(frame: &Frame<'_>, channels: &[ChannelConfig]) {
    let mut bytes = Vec::new();
    encode(frame, &mut bytes);
    let mut reader = Reader::new(&bytes);
    let again = Frame::decode(&mut reader, channels);
    match (frame, &again) {
        // Delays are cut to whole units and to what a number can hold, and only so many ranges are told.
        (Frame::Ack(ack), Ok(Frame::Ack(again))) => {
            let told = again.ranges().count();
            assert_eq!(ack.largest, again.largest);
            assert_eq!(ack.ecn, again.ecn);
            assert!(ack.ranges().take(told).eq(again.ranges()));
            assert!(told == ack.ranges().count() || told > 32, "{told} told");
            assert!(again.delay_us <= ack.delay_us);
            assert!(ack.delay_us >= 1 << 60 || ack.delay_us - again.delay_us < 8);
        }
        (Frame::Parity(parity), Ok(Frame::Parity(again))) => assert_eq!(parity, again),
        (frame, again) => assert_eq!(again, &Ok(*frame)),
    }
    assert!(reader.is_empty(), "bytes are left of {frame:?}");
}

fn encode(frame: &Frame<'_>, out: &mut Vec<u8>) {
    match frame {
        Frame::Padding => out.push(0),
        Frame::Ping => frame::encode_ping(out),
        Frame::Ack(ack) => {
            let is_any = Ack::encode(ack.ranges(), ack.delay_us, ack.ecn, usize::MAX, out);
            assert!(is_any, "it acknowledges something");
        }
        Frame::Credit { channel, limit } => frame::encode_credit(*channel, *limit, out),
        Frame::CreditAll { limit } => frame::encode_credit_all(*limit, out),
        Frame::Close(close) => close.encode(out),
        Frame::Skip(skip) => skip.encode(out),
        // With as many bytes as its stride, a parity is what it is made of.
        Frame::Parity(parity) => {
            let covered = &parity.covered;
            covered.encode(parity.bytes.len(), parity.bytes, out);
            assert_eq!(out.len(), covered.encoded_len(parity.bytes.len()));
        }
        Frame::PathChallenge(data) => frame::encode_path_challenge(*data, out),
        Frame::PathResponse(data) => frame::encode_path_response(*data, out),
        Frame::ResetToken(token) => frame::encode_reset_token(*token, out),
        Frame::Message(message) => {
            let field = message.encode(out);
            assert_eq!(out.len(), message.encoded_len());
            let mut last = out.clone();
            frame::strip_length(&mut last, field);
            assert_eq!(last.len() + message.length_len(), out.len());
        }
    }
}
