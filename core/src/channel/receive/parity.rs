//! Parities of a channel's messages.

use super::{Intake, ReceiveChannel};
use crate::channel::assembly::Use;
use crate::channel::ranges::Part;
use crate::event::Violation;
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::wire::frame::{Message, Parity};
use crate::wire::number;

impl ReceiveChannel {
    /// Takes a parity: uses it, keeps it, or drops and counts it.
    pub(crate) fn accept_parity(
        &mut self,
        parity: &Parity<'_>,
        packet: u64,
        intake: &mut Intake<'_>,
    ) -> Result<(), Violation> {
        let (channel, truncated) = (parity.covered.channel, u64::from(parity.covered.id));
        let id = match self.is_reliable() {
            true => number::expand(self.floor, truncated, 16),
            false => truncated,
        };
        let taken = (self.assemblies).take_parity(id, parity, intake.parity_room, intake.pool)?;
        match taken {
            Use::Recovered(part, new) => {
                intake.parities_used += 1;
                note_recovered(channel, id, part, new, packet, &mut intake.pen);
                self.finish(channel, id, intake);
            }
            Use::Kept => {}
            Use::Unneeded => intake.drops.parity_unneeded += 1,
            Use::NoRoom => intake.drops.parity_no_room += 1,
        }
        Ok(())
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
