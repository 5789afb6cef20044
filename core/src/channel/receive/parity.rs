//! Parities of a channel's messages.

use super::{Intake, Place, ReceiveChannel};
use crate::channel::assembly::{Use, parity_cost};
use crate::channel::message_cost;
use crate::channel::ranges::Part;
use crate::event::Violation;
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::wire::frame::{Message, Parity};
use crate::wire::{MESSAGE_WINDOW, number};

impl ReceiveChannel {
    /// Takes a parity: uses it, keeps it, or drops and counts it.
    pub(crate) fn accept_parity(
        &mut self,
        parity: &Parity<'_>,
        place: Place,
        intake: &mut Intake<'_>,
    ) -> Result<(), Violation> {
        let (channel, truncated) = (parity.covered.channel, u64::from(parity.covered.id));
        let id = match self.is_reliable() {
            true => number::expand(self.floor, truncated, 16),
            false => truncated,
        };
        self.assemblies.check_parity(parity)?;
        let is_done = match self.is_reliable() {
            true => self.has(id),
            false => self.assemblies.is_done(intake.now, id),
        };
        let taken = match is_done {
            true => Use::Unneeded,
            false if !self.begin(id, parity, place, intake)? => Use::NoRoom,
            false => {
                let room = intake.parity_room.saturating_sub(intake.unreliable_taken);
                self.assemblies.take_parity(id, parity, room, intake.pool)?
            }
        };
        match taken {
            Use::Recovered(part, new) => {
                intake.parities_used += 1;
                note_recovered(channel, id, part, new, place.packet, &mut intake.pen);
                self.finish(channel, id, intake);
            }
            Use::Kept => {}
            Use::Unneeded => intake.drops.parity_unneeded += 1,
            Use::NoRoom => intake.drops.parity_no_room += 1,
        }
        Ok(())
    }

    /// The first that comes of a message may be its parity: it is charged as with a fragment. Returns whether there is room.
    fn begin(
        &mut self,
        id: u64,
        parity: &Parity<'_>,
        place: Place,
        intake: &mut Intake<'_>,
    ) -> Result<bool, Violation> {
        if self.assemblies.has(id) {
            return Ok(true);
        }
        let total = parity.covered.total;
        let (cost, kept) = (
            message_cost(total as usize),
            parity_cost(parity.bytes.len()),
        );
        if self.is_reliable() {
            if id >= self.floor + MESSAGE_WINDOW {
                return Err(Violation::OverCredit);
            }
            if kept > intake.parity_room {
                return Ok(false);
            }
            self.charge(cost, intake)?;
        } else {
            if cost + kept > intake.parity_room {
                return Ok(false);
            }
            self.make_room(parity.covered.channel, intake);
            intake.unreliable_taken += cost;
        }
        self.assemblies
            .begin(intake.now, id, total, place, intake.pool);
        Ok(true)
    }

    /// A fragment came: with what was kept for the other fragments of its groups more of its message may be here.
    pub(super) fn mend(
        &mut self,
        id: u64,
        message: &Message<'_>,
        packet: u64,
        intake: &mut Intake<'_>,
    ) {
        let Some(fragment) = message.fragment else {
            return;
        };
        let end = fragment.offset + message.payload.len() as u32;
        let came = Part::new(fragment.offset, end);
        let (pool, pen, used) = (
            &mut *intake.pool,
            &mut intake.pen,
            &mut intake.parities_used,
        );
        self.assemblies.mend(id, came, pool, |part, new| {
            *used += 1;
            note_recovered(message.channel, id, part, new, packet, pen);
        });
    }

    /// Passes a message on that may be whole by a parity.
    fn finish(&mut self, channel: u8, id: u64, intake: &mut Intake<'_>) {
        let Some((whole, place)) = self.assemblies.take_whole(intake.now, id, intake.pool) else {
            return;
        };
        match self.is_reliable() {
            true => self.on_whole(channel, whole, intake),
            false => self.pass_on(channel, whole, place, intake),
        }
    }

    /// What parities cost that are kept.
    pub(crate) const fn parity_bytes(&self) -> usize {
        self.assemblies.parity_bytes()
    }
}

/// Notes that so many bytes which had not come are here by a parity, since a packet came.
fn note_recovered(channel: u8, name: u64, part: Part, len: usize, packet: u64, pen: &mut Pen<'_>) {
    pen.note(Step::Recovered {
        channel: ChannelId::new(channel),
        name,
        offset: part.start,
        len,
        packet,
    });
}
