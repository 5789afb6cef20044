//! What a channel tells the journal of what came.

use super::{Intake, Place, ReceiveChannel};
use crate::config::Delivery;
use crate::id::ChannelId;
use crate::journal::{Discard, Pen, Step};
use crate::time::Instant;
use crate::wire::frame::Message;
use crate::wire::number;

/// Notes a piece of which so many bytes had not come before. `name` is as of [`Step::Arrived`].
pub(super) fn note_arrived(
    name: Option<u64>,
    message: &Message<'_>,
    len: usize,
    place: Place,
    intake: &mut Intake<'_>,
) {
    let (offset, total) = message
        .fragment
        .map_or((0, message.payload.len() as u32), |fragment| {
            (fragment.offset, fragment.total)
        });
    intake.pen.note(Step::Arrived {
        channel: ChannelId::new(message.channel),
        name,
        offset,
        total,
        len,
        packet: Some(place.packet),
    });
}

/// Notes that something unreliable is given up.
pub(super) fn note_discarded(channel: u8, name: Option<u64>, why: Discard, pen: &mut Pen<'_>) {
    let channel = ChannelId::new(channel);
    pen.note(Step::Discarded { channel, name, why });
}

impl ReceiveChannel {
    /// Notes that a whole message waits, if it does.
    pub(super) fn note_held(&self, channel: u8, id: u64, pen: &mut Pen<'_>) {
        if id != self.floor {
            pen.note(Step::Held {
                channel: ChannelId::new(channel),
                id,
                missing: self.floor,
            });
        }
    }

    /// Notes that the oldest message in pieces makes room.
    pub(super) fn note_oldest(&self, channel: u8, why: Discard, pen: &mut Pen<'_>) {
        if pen.is_on()
            && let Some((_, id)) = self.assemblies.ages().min()
        {
            note_discarded(channel, Some(id), why, pen);
        }
    }

    /// Notes which unreliable messages expire.
    pub(crate) fn note_expired(&self, index: usize, now: Instant, pen: &mut Pen<'_>) {
        if !pen.is_on() || self.is_reliable() {
            return;
        }
        for (expires_at, id) in self.assemblies.ages() {
            if expires_at <= now {
                note_discarded(index as u8, Some(id), Discard::Expired, pen);
            }
        }
    }

    /// Notes that a message came and could not be taken, unless it had been before.
    pub(crate) fn note_refused(&self, message: &Message<'_>, packet: u64, pen: &mut Pen<'_>) {
        if !pen.is_on() {
            return;
        }
        let name = match message.id {
            Some(id) if self.is_reliable() => {
                let id = number::expand(self.floor, u64::from(id), 16);
                if self.has(id) {
                    return;
                }
                Some(id)
            }
            id => id.map(u64::from),
        };
        pen.note(Step::Refused {
            channel: ChannelId::new(message.channel),
            name,
            packet,
        });
    }

    /// Notes what is in pieces and what waits for others, as a journal begins.
    pub(crate) fn note_found(&self, index: usize, pen: &mut Pen<'_>) {
        let channel = ChannelId::new(index as u8);
        for (started_at, id, total, part) in self.assemblies.found() {
            let arrived = Step::Arrived {
                channel,
                name: Some(id),
                offset: part.start,
                total,
                len: part.len(),
                packet: None,
            };
            pen.note_at(started_at, arrived);
        }
        if self.delivery != Delivery::Ordered {
            return;
        }
        for whole in &self.held {
            pen.note(Step::Arrived {
                channel,
                name: Some(whole.id),
                offset: 0,
                total: whole.bytes.len() as u32,
                len: whole.bytes.len(),
                packet: None,
            });
            self.note_held(channel.as_u8(), whole.id, pen);
        }
    }
}
