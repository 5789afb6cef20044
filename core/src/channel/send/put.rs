//! One piece into a packet.

use super::{Outgoing, SendChannel};
use crate::peer::packet::PacketBuilder;
use crate::reliability::recovery::Record;
use crate::wire::frame::{Fragment, Message, Skip};

/// Stands for the piece of an abandoned message: the note that it will not come.
pub(crate) const SKIP: u32 = u32::MAX;

impl SendChannel {
    /// Whether the piece is still to be acknowledged.
    pub(super) fn is_wanted(&self, id: u64, index: u32) -> bool {
        self.message(id).is_some_and(|message| message.wants(index))
    }

    /// Puts one piece into the packet if it fits.
    pub(super) fn put(&self, packet: &mut PacketBuilder<'_>, id: u64, index: u32) -> bool {
        if index == SKIP {
            return self.put_skip(packet, id);
        }
        let message = &self.queue[self.position(id)];
        let frame = self.frame(message, id, index);
        let record = self.is_reliable().then_some(match frame.fragment {
            None => Record::Message {
                channel: self.index,
                id,
            },
            Some(_) => Record::Fragment {
                channel: self.index,
                id,
                index,
            },
        });
        packet.message(&frame, record)
    }

    /// The frame of a piece of message `id`.
    pub(super) fn frame<'a>(&self, message: &'a Outgoing, id: u64, index: u32) -> Message<'a> {
        // Only what must be told apart on the way is named, so that the names last: 16 bits travel.
        let (fragment, name) = match &message.fragments {
            Some(fragments) => {
                let count = fragments.count;
                (Some(Fragment { index, count }), Some(fragments.id))
            }
            None => (None, self.is_reliable().then_some(id)),
        };
        Message {
            channel: self.index,
            id: name.map(|name| name as u16),
            fragment,
            payload: message.piece(index),
        }
    }

    fn put_skip(&self, packet: &mut PacketBuilder<'_>, id: u64) -> bool {
        let message = &self.queue[self.position(id)];
        let skip = Skip {
            channel: self.index,
            id: id as u16,
            cost: message.cost as u64,
        };
        packet.skip(&skip, id)
    }
}
