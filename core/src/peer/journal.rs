//! What a peer tells the journal, for who asks why a message was late. Nothing here changes anything.

use core::ops::RangeInclusive;

use super::{Peer, State};
use crate::id::ChannelId;
use crate::journal::{Hold, Pen, Step};
use crate::machine::shared::Shared;
use crate::reliability::ACK_RANGES_MAX;
use crate::reliability::recovery::Permit;
use crate::time::Instant;

impl Peer {
    /// Notes a message that was queued, after those that made room for it.
    pub(crate) fn note_queued(&self, channel: ChannelId, id: u64, len: usize, pen: &mut Pen<'_>) {
        pen.note(Step::Queued { channel, id, len });
    }

    /// Notes for each channel with something to send what holds it back from here on.
    pub(crate) fn note_waits(&self, now: Instant, shared: &mut Shared) {
        if !shared.journal.is_on() {
            return;
        }
        if self.is_over() {
            shared.journal.pen(now, self.id).note(Step::Ended);
            return;
        }
        if !matches!(self.state, State::Connected | State::Closing(_)) {
            return;
        }
        let due = self.data_at(now, shared);
        let lost = self.permit_hold(now);
        let new = if due <= now || self.probe {
            lost
        } else {
            Hold::Tick { until: due }
        };
        let is_congested = matches!(new, Hold::Paced { .. } | Hold::Congestion);
        let fresh = match is_congested {
            true => self.fresh_hold(now, shared),
            false => new,
        };
        let mut pen = shared.journal.pen(now, self.id);
        self.outbox.note_waits(now, lost, new, fresh, &mut pen);
    }

    fn permit_hold(&self, now: Instant) -> Hold {
        if self.probe {
            return Hold::Due;
        }
        let size = self.mtu.size();
        let permit = self.recovery.foresee(now, size);
        if permit != Permit::WindowFull {
            return hold_of(permit);
        }
        match self.trickle_at(now, size) {
            Some(at) if at <= now => Hold::Due,
            Some(until) => Hold::Paced { until },
            None => Hold::Congestion,
        }
    }

    /// What keeps unreliable messages while bulk waits for its permission.
    fn fresh_hold(&self, now: Instant, shared: &Shared) -> Hold {
        let is_paced = self.is_paced(now);
        let terms = self.terms(&shared.config);
        match self.outbox.fresh(now, terms, is_paced) {
            Some((_, bytes)) => hold_of(self.recovery.foresee_fresh(now, bytes)),
            // What there is gives way to what only pacing keeps.
            None => self.permit_hold(now),
        }
    }

    /// Notes what an acknowledgement said, and what was lost by it.
    pub(super) fn note_acks(
        &self,
        now: Instant,
        ranges: impl Iterator<Item = RangeInclusive<u64>>,
        shared: &mut Shared,
    ) {
        let mut pen = shared.journal.pen(now, self.id);
        for range in ranges.take(ACK_RANGES_MAX) {
            let (first, last) = range.into_inner();
            pen.note(Step::PacketsAcked { first, last });
        }
        self.note_losses(now, shared);
    }

    /// Notes what the latest acknowledgement or timeout declared lost.
    pub(super) fn note_losses(&self, now: Instant, shared: &mut Shared) {
        let mut pen = shared.journal.pen(now, self.id);
        for (packet, cause) in self.recovery.losses() {
            pen.note(Step::PacketLost {
                packet: *packet,
                cause: *cause,
            });
        }
    }

    /// Notes all messages that are here, as a journal begins.
    pub(crate) fn note_found(&self, pen: &mut Pen<'_>) {
        if !pen.is_on() {
            return;
        }
        self.outbox.note_found(pen);
        self.recovery.note_found(pen);
        self.inbox.note_found(pen);
    }
}

const fn hold_of(permit: Permit) -> Hold {
    match permit {
        Permit::Now => Hold::Due,
        Permit::At(until) => Hold::Paced { until },
        Permit::WindowFull => Hold::Congestion,
        Permit::LedgerFull => Hold::Ledger,
    }
}
