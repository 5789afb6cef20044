//! What acknowledgements say: which packets arrived, which are lost, and who has to know.

use core::time::Duration;

use super::{Peer, Ping};
use crate::channel::ranges::Piece;
use crate::event::Violation;
use crate::machine::shared::Shared;
use crate::notice::Notice;
use crate::planted::Bug;
use crate::reliability::ACK_RANGES_MAX;
use crate::reliability::recovery::{Record, Verdict};
use crate::time::Instant;

impl Peer {
    /// A compact acknowledgement is unambiguous only in a packet newer than all before.
    pub(super) fn handle_compact_ack(
        &mut self,
        now: Instant,
        number: u64,
        low_bits: u8,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        if number < self.newest && !shared.config.planted.has(Bug::OvertakenAckRead) {
            return Ok(());
        }
        let range = self.recovery.compact_range(low_bits);
        self.handle_ack(now, core::iter::once(range), None, shared)
    }

    pub(super) fn handle_ack(
        &mut self,
        now: Instant,
        ranges: impl Iterator<Item = core::ops::RangeInclusive<u64>> + Clone,
        delay: Option<Duration>,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        let planted = shared.config.planted;
        let largest = ranges.clone().map(|range| *range.end()).max().unwrap_or(0);
        if planted.has(Bug::AckOfUnsentBelieved) && largest >= self.recovery.next_number() {
            self.recovery.believe(largest);
            return Ok(());
        }
        if planted.has(Bug::AckRangeWalked) {
            shared.notes.work += ranges
                .clone()
                .map(|range| range.end() - range.start())
                .sum::<u64>();
        }
        let mut verdicts = core::mem::take(&mut shared.verdicts);
        let acked = self
            .recovery
            .on_ack(now, ranges.clone(), delay, &mut |verdict, record| {
                verdicts.push((verdict, record))
            });
        if acked.is_ok() && shared.journal.is_on() {
            self.note_acks(now, ranges.clone(), shared);
        }
        self.on_verdicts(now, &mut verdicts, shared);
        shared.verdicts = verdicts;
        self.check_black_hole(shared);
        let acked = acked.map_err(|_| Violation::AckOfUnsent)?;
        shared.notes.work += u64::from(acked.packets_seen);
        if planted.has(Bug::LossCountedTwice) {
            self.recovery.count_again(acked.packets_lost);
        }
        if shared.notices.is_watched() {
            self.notice_acknowledged(ranges, acked.round_trip, shared);
        }
        if let Some(largest) = acked.ack_confirmed {
            self.received.on_ack_confirmed(largest);
        }
        Ok(())
    }

    /// Ranges are newest first, and what was measured is the round trip of the newest.
    fn notice_acknowledged(
        &self,
        ranges: impl Iterator<Item = core::ops::RangeInclusive<u64>>,
        mut round_trip: Option<Duration>,
        shared: &mut Shared,
    ) {
        for range in ranges.take(ACK_RANGES_MAX) {
            shared.notices.push(Notice::Acknowledged {
                peer: self.id,
                first: *range.start(),
                last: *range.end(),
                round_trip: round_trip.take(),
            });
        }
        self.notice_losses(shared);
    }

    pub(super) fn notice_losses(&self, shared: &mut Shared) {
        for (number, cause) in self.recovery.losses() {
            shared.notices.push(Notice::Lost {
                peer: self.id,
                number: *number,
                cause: *cause,
            });
        }
    }

    /// Tells everybody concerned what became of what packets carried.
    pub(super) fn on_verdicts(
        &mut self,
        now: Instant,
        verdicts: &mut alloc::vec::Vec<(Verdict, Record)>,
        shared: &mut Shared,
    ) {
        let mut is_close_acked = false;
        let is_trusting = shared.config.planted.has(Bug::LostCountsAsDelivered);
        shared.notes.work += verdicts.len() as u64;
        for (mut verdict, record) in verdicts.drain(..) {
            if is_trusting && !matches!(record, Record::Close) {
                verdict = Verdict::Acked;
            }
            is_close_acked |= (verdict, record) == (Verdict::Acked, Record::Close);
            self.on_verdict(now, verdict, record, shared);
        }
        // Last, so that what was acknowledged together with the CLOSE counts as delivered.
        if is_close_acked {
            self.on_close_done(&mut shared.pool);
        }
    }

    fn on_verdict(&mut self, now: Instant, verdict: Verdict, record: Record, shared: &mut Shared) {
        let (channel, id, piece) = match record {
            Record::Message { channel, id } => (channel, id, Piece::Whole),
            Record::Fragment { channel, id, part } => (channel, id, Piece::Part(part)),
            Record::Skip { channel, id } => (channel, id, Piece::Skip),
            Record::Credit { .. } | Record::CreditAll { .. }
                if shared.config.planted.has(Bug::LostCreditForgotten) =>
            {
                return;
            }
            Record::Credit { channel, limit } => {
                return self.on_credit_verdict(verdict, Some(channel), limit);
            }
            Record::CreditAll { limit } => return self.on_credit_verdict(verdict, None, limit),
            Record::Ping => return self.on_ping_verdict(verdict),
            Record::ResetToken => return self.on_token_verdict(verdict),
            Record::MtuProbe { size } => return self.on_mtu_verdict(now, verdict, size),
            Record::Close if verdict == Verdict::Lost => return self.on_close_lost(),
            Record::Close => return,
        };
        let mut pen = shared.journal.pen(now, self.id);
        let pool = &mut shared.pool;
        let receipt = self
            .outbox
            .on_verdict(verdict, channel, id, piece, pool, &mut pen);
        if let Some(receipt) = receipt {
            let after = now.saturating_duration_since(receipt.queued_at);
            self.inbox.push_delivered(receipt, after);
        }
    }

    fn on_credit_verdict(&mut self, verdict: Verdict, channel: Option<u8>, limit: u64) {
        match verdict {
            Verdict::Acked => self.inbox.on_credit_acked(channel, limit),
            Verdict::Lost => self.inbox.on_credit_lost(channel, limit),
        }
    }

    fn on_ping_verdict(&mut self, verdict: Verdict) {
        let Ping::InFlight { asked } = self.ping else {
            return;
        };
        match verdict {
            Verdict::Lost if asked => self.ping = Ping::Wanted { asked },
            Verdict::Lost => self.ping = Ping::Idle,
            Verdict::Acked => {
                self.ping = Ping::Idle;
                if asked {
                    let rtt = Duration::from_micros(self.recovery.rtt().latest_us());
                    self.inbox.push_pong(rtt);
                }
            }
        }
    }
}
