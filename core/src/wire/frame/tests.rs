use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use proptest::prelude::*;

use super::{Ack, Close, Fragment, Frame, FrameError, Message, strip_length};
use crate::config::{ChannelConfig, Delivery};
use crate::transmit::EcnCounts;
use crate::wire::Reader;

fn channels() -> Vec<ChannelConfig> {
    vec![
        ChannelConfig::new(Delivery::Unreliable),
        ChannelConfig::new(Delivery::Ordered),
    ]
}

fn decode_all<'a>(
    bytes: &'a [u8],
    channels: &[ChannelConfig],
) -> Result<Vec<Frame<'a>>, FrameError> {
    let mut reader = Reader::new(bytes);
    let mut frames = Vec::new();
    while !reader.is_empty() {
        frames.push(Frame::decode(&mut reader, channels)?);
    }
    Ok(frames)
}

#[test]
fn an_unreliable_message_costs_one_byte_at_the_end_of_a_packet() {
    let message = Message {
        channel: 0,
        id: None,
        fragment: None,
        payload: b"abc",
    };
    let mut out = Vec::new();
    let field = message.encode(&mut out);
    assert_eq!(out, [0xC0, 3, b'a', b'b', b'c']);
    strip_length(&mut out, field);
    assert_eq!(out, [0x80, b'a', b'b', b'c']);
    assert_eq!(
        decode_all(&out, &channels()),
        Ok(vec![Frame::Message(message)])
    );
}

#[test]
fn a_fragment_carries_id_offset_and_total() {
    let fragment = Some(Fragment {
        offset: 128,
        total: 600,
    });
    let message = Message {
        channel: 1,
        id: Some(0x0102),
        fragment,
        payload: b"x",
    };
    let mut out = Vec::new();
    message.encode(&mut out);
    assert_eq!(out, [0xE1, 1, 2, 0x40, 128, 0x42, 0x58, 1, b'x']);
    assert_eq!(message.encoded_len(), out.len());
    assert_eq!(
        decode_all(&out, &channels()),
        Ok(vec![Frame::Message(message)])
    );
}

#[test]
fn a_message_on_a_channel_that_is_not_configured_is_refused() {
    assert_eq!(
        decode_all(&[0x9E, 1], &channels()),
        Err(FrameError::UnknownChannel(30))
    );
}

#[test]
fn types_between_close_and_message_are_refused() {
    for first in 0x06..0x80 {
        assert!(matches!(
            decode_all(&[first, 0, 0], &channels()),
            Err(FrameError::Malformed(_))
        ));
    }
}

#[test]
fn a_close_keeps_its_words() {
    let close = Close {
        kind: 0,
        code: 70_000,
        text: "good night",
    };
    let mut out = Vec::new();
    close.encode(&mut out);
    assert_eq!(decode_all(&out, &channels()), Ok(vec![Frame::Close(close)]));
}

#[test]
fn an_ack_below_zero_is_refused() {
    // largest 5, delay 0, no more ranges, 6 numbers below 5
    assert!(decode_all(&[0x02, 5, 0, 0, 6], &channels()).is_err());
    // a second range that would start below zero
    assert!(decode_all(&[0x02, 5, 0, 1, 0, 3, 1], &channels()).is_err());
}

#[test]
fn a_huge_ack_range_is_one_step_of_work() {
    let mut out = vec![0x02];
    for value in [super::varint::MAX, 0, 0, super::varint::MAX] {
        super::varint::encode(value, &mut out);
    }
    let channels = channels();
    let frames = decode_all(&out, &channels).expect("well formed");
    let Frame::Ack(ack) = frames[0] else {
        panic!("an ack")
    };
    assert_eq!(ack.ranges().collect::<Vec<_>>(), [0..=super::varint::MAX]);
}

/// Descending ranges with at least one number between two.
fn ranges() -> impl Strategy<Value = Vec<RangeInclusive<u64>>> {
    prop::collection::vec((2u64..1_000, 0u64..1_000), 1..20).prop_map(|steps| {
        let mut next = 1u64 << 30;
        let mut ranges = Vec::new();
        for (gap, len) in steps {
            let end = next - gap;
            ranges.push(end - len..=end);
            next = end - len;
        }
        ranges
    })
}

proptest! {
    #[test]
    fn an_ack_keeps_its_ranges_and_counts(
        ranges in ranges(),
        delay_us in 0u64..1 << 30,
        counts in prop::option::of([0u64..1 << 62, 0u64..1 << 62, 0u64..1 << 62]),
    ) {
        let ecn = counts.map(|[ect0, ect1, ce]| EcnCounts { ect0, ect1, ce });
        let mut out = Vec::new();
        prop_assert!(Ack::encode(ranges.iter().cloned(), delay_us, ecn, 1_000, &mut out));
        let channels = channels();
        let frames = decode_all(&out, &channels).expect("own encoding");
        let Frame::Ack(ack) = frames[0] else { panic!("an ack") };
        prop_assert_eq!(ack.ecn, ecn);
        prop_assert_eq!(ack.delay_us, delay_us / 8 * 8);
        prop_assert_eq!(ack.ranges().collect::<Vec<_>>(), ranges);
    }

    #[test]
    fn any_bytes_decode_to_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let channels = channels();
        if let Ok(frames) = decode_all(&bytes, &channels) {
            for frame in frames {
                if let Frame::Ack(ack) = frame {
                    prop_assert!(ack.ranges().take(1_000).count() <= bytes.len());
                }
            }
        }
    }
}
