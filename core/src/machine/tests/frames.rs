//! Frames by hand, and what the owner heard of an end.

use alloc::vec;
use alloc::vec::Vec;

use crate::wire::varint;
use crate::{CloseReason, Event};

/// A frame of a fragment, its payload's length included.
pub(super) fn fragment(channel: u8, id: u16, offset: u64, total: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | 0x40 | 0x20 | channel];
    frame.extend_from_slice(&id.to_be_bytes());
    varint::encode(offset, &mut frame);
    varint::encode(total, &mut frame);
    varint::encode(payload.len() as u64, &mut frame);
    frame.extend_from_slice(payload);
    frame
}

/// A frame of a whole reliable message.
pub(super) fn whole(channel: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | 0x40 | channel];
    frame.extend_from_slice(&id.to_be_bytes());
    varint::encode(payload.len() as u64, &mut frame);
    frame.extend_from_slice(payload);
    frame
}

/// A frame that says that a reliable message will not come, and what it cost.
pub(super) fn skip(channel: u8, id: u16, cost: u64) -> Vec<u8> {
    let mut frame = vec![0x10, channel];
    frame.extend_from_slice(&id.to_be_bytes());
    varint::encode(cost, &mut frame);
    frame
}

/// A frame of a parity of so many bytes, which all are 7.
pub(super) fn parity(
    channel: u8,
    id: u16,
    [offset, covered, total]: [u64; 3],
    len: usize,
) -> Vec<u8> {
    let mut frame = vec![0x11, channel];
    frame.extend_from_slice(&id.to_be_bytes());
    for number in [offset, covered, total, len as u64] {
        varint::encode(number, &mut frame);
    }
    frame.resize(frame.len() + len, 7);
    frame
}

/// A farewell of the application.
pub(super) const CLOSE: [u8; 4] = [0x05, 0, 0, 0];

/// The one reason for which the only peer ended: the last that was heard of it.
pub(super) fn end_of(events: &[Event]) -> &CloseReason {
    let mut ends = Vec::new();
    for event in events {
        if let Event::Disconnected { reason, .. } = event {
            ends.push(reason);
        }
    }
    let [end] = ends[..] else {
        panic!("one end: {events:?}");
    };
    assert!(matches!(events.last(), Some(Event::Disconnected { .. })));
    end
}
