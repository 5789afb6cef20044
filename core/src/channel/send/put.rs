//! One piece into a packet.

use super::{Outgoing, SendChannel};
use crate::channel::outgoing::Fragments;
use crate::channel::parity::Due;
use crate::channel::ranges::{Part, Piece};
use crate::channel::{SHORT_LEN, USUAL_LEN, whole_len};
use crate::peer::packet::PacketBuilder;
use crate::reliability::recovery::Record;
use crate::wire::frame::{Covered, Fragment, Message, Skip};

impl SendChannel {
    /// A piece as long as it is reckoned with before it is cut.
    pub(super) fn usual(&self, piece: Piece) -> Piece {
        let Piece::Part(Part { start, end }) = piece else {
            return piece;
        };
        Piece::Part(Part::new(start, end.min(start + USUAL_LEN as u32)))
    }

    /// Puts a piece into the packet, or as much of it as fits; tells what, and what it takes of the channel's share.
    pub(super) fn put(
        &self,
        packet: &mut PacketBuilder<'_>,
        id: u64,
        piece: Piece,
    ) -> Option<(Piece, usize)> {
        let message = self.message(id)?;
        let (piece, record) = match piece {
            Piece::Skip => return self.put_skip(packet, message, id).then_some((piece, 0)),
            Piece::Parity => return Some((piece, self.put_parity(packet, message)?)),
            Piece::Whole => {
                let channel = self.index;
                (piece, Record::Message { channel, id })
            }
            Piece::Part(part) => {
                let part = self.fit(packet, message, part)?;
                let record = Record::Fragment {
                    channel: self.index,
                    id,
                    part,
                };
                (Piece::Part(part), record)
            }
        };
        let frame = self.frame(message, id, piece);
        let record = self.is_reliable().then_some(record);
        let is_put = packet.message(&frame, record);
        is_put.then(|| (piece, frame.encoded_len()))
    }

    /// What of a part goes into the packet: no more than of a message that goes whole, so that acknowledgements, state and copies find
    /// their room beside bulk, and a parity as long fits into a datagram with its longer header. Of an unreliable message no less than what fits into the shortest datagram: each packet more is a
    /// chance more to lose it all. With a rate no more than was reckoned with.
    fn fit(&self, packet: &PacketBuilder<'_>, message: &Outgoing, part: Part) -> Option<Part> {
        let fragments = message.fragments.as_ref()?;
        let room = packet.fragment_room(part.start, fragments.len());
        let most = whole_len(packet.size_max());
        let room = room.min(match self.meter.is_limited() {
            true => most.min(USUAL_LEN),
            false => most,
        });
        let least = if self.is_reliable() { 0 } else { SHORT_LEN };
        Fragments::fit(part, room, least)
    }

    /// The frame of a piece of message `id`.
    pub(super) fn frame<'a>(&self, message: &'a Outgoing, id: u64, piece: Piece) -> Message<'a> {
        // Only what must be told apart on the way is named, so that the names last: 16 bits travel.
        let (fragment, name) = match (&message.fragments, piece) {
            (Some(fragments), Piece::Part(part)) => {
                let (offset, total) = (part.start, fragments.len());
                (Some(Fragment { offset, total }), Some(fragments.id))
            }
            _ => (None, self.is_reliable().then_some(id)),
        };
        Message {
            channel: self.index,
            id: name.map(|name| name as u16),
            fragment,
            payload: message.piece(piece),
        }
    }

    /// Puts the parity that is due into the packet if it fits; tells what it takes.
    fn put_parity(&self, packet: &mut PacketBuilder<'_>, message: &Outgoing) -> Option<usize> {
        let (covered, due) = covered(self.index, message)?;
        let bytes = &message.bytes[due.part.range()];
        let is_put = packet.parity(&covered, due.stride, bytes);
        is_put.then(|| covered.encoded_len(due.stride))
    }

    fn put_skip(&self, packet: &mut PacketBuilder<'_>, message: &Outgoing, id: u64) -> bool {
        let skip = Skip {
            channel: self.index,
            id: id as u16,
            cost: message.cost as u64,
        };
        packet.skip(&skip, id)
    }
}

/// What the parity covers that is due of a message.
fn covered(channel: u8, message: &Outgoing) -> Option<(Covered, Due)> {
    let fragments = message.fragments.as_ref()?;
    let due = fragments.parity()?;
    let covered = Covered {
        channel,
        id: fragments.id as u16,
        offset: due.part.start,
        len: due.part.len() as u32,
        total: fragments.len(),
    };
    Some((covered, due))
}

/// Bytes of the frame of the parity that is due of a message.
pub(super) fn parity_frame_len(message: &Outgoing) -> usize {
    covered(0, message).map_or(0, |(covered, due)| covered.encoded_len(due.stride))
}
