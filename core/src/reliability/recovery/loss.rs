//! Loss detection: which packets are presumed lost, and whether that means persistent congestion.

use core::time::Duration;

use super::{Record, Recovery, Verdict};
use crate::notice::LossCause;
use crate::reliability::ledger::Fate;
use crate::time::Instant;

/// A packet is lost when one sent this many later was acknowledged (RFC 9002 section 6.1.1).
const PACKET_THRESHOLD: u64 = 3;
/// Probe timeouts without any acknowledgement that make congestion persistent (RFC 9002 section 7.6.1).
const PERSISTENT_TIMEOUTS: u32 = 3;
/// Probe timeouts for which a lost packet may still be acknowledged.
const LATE_TIMEOUTS: u32 = 3;
impl Recovery {
    /// RFC 9002 section 6.1: declares lost what is older than the acknowledged, by number or by time. Returns how many.
    pub(super) fn detect_losses(
        &mut self,
        now: Instant,
        sink: &mut impl FnMut(Verdict, Record),
    ) -> u32 {
        self.loss_at = None;
        let Some(largest_acked) = self.largest_acked else {
            return 0;
        };
        let loss_delay = self.rtt.loss_delay();
        let mut losses = Losses::default();
        let mut index = self.ledger.flying_index();
        while let Some(&packet) = self.ledger.get(index)
            && packet.number < largest_acked
        {
            let lost_at = packet.sent_at + loss_delay;
            let is_overtaken = largest_acked - packet.number >= PACKET_THRESHOLD;
            match packet.fate {
                Fate::Acked => losses.on_survivor(),
                Fate::Lost { .. } => {}
                Fate::Flying if is_overtaken || lost_at <= now => {
                    self.ledger.decide(index, Fate::Lost { at: now });
                    self.history.push(true);
                    let cause = match is_overtaken {
                        true => LossCause::Overtaken,
                        false => LossCause::Late,
                    };
                    self.losses.push((packet.number, cause));
                    let is_of_path = packet.number >= self.path_from;
                    losses.on_lost(packet.sent_at, self.measured_at, is_of_path);
                    for record in self.ledger.records_of(&packet) {
                        sink(Verdict::Lost, record);
                    }
                }
                Fate::Flying => self.loss_at = self.loss_at.or(Some(lost_at)),
            }
            index += 1;
        }
        self.on_losses(now, losses);
        let probe_timeout = self.rtt.probe_timeout(self.peer_ack_delay_max);
        self.ledger.settle(now, probe_timeout * LATE_TIMEOUTS);
        losses.count
    }

    fn on_losses(&mut self, now: Instant, losses: Losses) {
        self.packets_lost += u64::from(losses.count);
        let Some(sent_at) = losses.latest_sent_at else {
            return;
        };
        self.controller.on_congestion_event(now, sent_at);
        let probe_timeout = self.rtt.probe_timeout(self.peer_ack_delay_max);
        if losses.longest > probe_timeout * PERSISTENT_TIMEOUTS {
            self.controller.on_persistent_congestion();
            self.rtt.forget_min();
        }
    }
}

/// Packets found lost together.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    count: u32,
    latest_sent_at: Option<Instant>,
    /// When the first of a row of lost packets left, none between them acknowledged.
    row_since: Option<Instant>,
    /// The longest row, from sending its first to sending its last.
    longest: Duration,
}

impl Losses {
    const fn on_survivor(&mut self) {
        self.row_since = None;
    }

    /// What went another way is lost too, and says nothing about congestion of this one.
    fn on_lost(&mut self, sent_at: Instant, measured_at: Option<Instant>, is_of_path: bool) {
        self.count += 1;
        if !is_of_path {
            return;
        }
        self.latest_sent_at = Some(sent_at);
        if measured_at.is_none_or(|measured_at| sent_at < measured_at) {
            return;
        }
        let row_since = *self.row_since.get_or_insert(sent_at);
        let row = sent_at.saturating_duration_since(row_since);
        self.longest = self.longest.max(row);
    }
}
