//! Loss detection: which packets are presumed lost, and whether that means persistent congestion.

use core::time::Duration;

use super::{Record, Recovery, Verdict};
use crate::congestion::Lost;
use crate::notice::LossCause;
use crate::reliability::ledger::{Fate, Packet};
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
        let loss_delay = self.rtt.loss_delay() + self.reordering.extra();
        let counts = !self.reordering.is_seen();
        let window = self
            .reordering
            .window(self.rtt.min_us(), self.rtt.smoothed_us());
        let newest_acked_at = self.newest_acked_at.unwrap_or(Instant::ZERO);
        let mut losses = Losses::default();
        let mut index = self.ledger.flying_index();
        let mut was_lost = self.is_lost(index.checked_sub(1));
        while let Some(&packet) = self.ledger.get(index)
            && packet.number < largest_acked
        {
            let lost_at = packet.sent_at + loss_delay;
            let is_outrun = newest_acked_at.saturating_duration_since(packet.sent_at) >= window;
            let is_overtaken = counts && largest_acked - packet.number >= PACKET_THRESHOLD;
            match packet.fate {
                Fate::Acked => {
                    losses.on_survivor();
                    was_lost = false;
                }
                Fate::Lost { .. } => was_lost = true,
                Fate::Flying if is_overtaken || is_outrun || lost_at <= now => {
                    self.ledger.decide(index, Fate::Lost { at: now });
                    if self.on_mtu_probe_lost(&packet, sink) {
                        index += 1;
                        continue;
                    }
                    self.suspects.on_lost(packet.number, packet.size);
                    self.history.push_lost(was_lost);
                    was_lost = true;
                    self.reordering.on_lost();
                    if packet.is_awaited {
                        self.silence.on_lost(packet.sent_at);
                    }
                    let cause = match (is_overtaken, lost_at <= now) {
                        (true, _) => LossCause::Overtaken,
                        (false, true) => LossCause::Late,
                        (false, false) => LossCause::Outrun,
                    };
                    self.losses.push((packet.number, cause));
                    let is_of_path = packet.number >= self.path_from;
                    losses.on_lost(&packet, self.measured_at, is_of_path);
                    if is_of_path {
                        self.congestion.on_packet_lost(
                            now,
                            packet.number,
                            packet.size,
                            &packet.flight,
                        );
                    }
                    if packet.is_marked {
                        self.marking.on_lost(packet.number);
                    }
                    for record in self.ledger.records_of(&packet) {
                        sink(Verdict::Lost, record);
                    }
                }
                Fate::Flying => {
                    self.loss_at = self.loss_at.or(Some(lost_at));
                    was_lost = false;
                }
            }
            index += 1;
        }
        self.on_losses(now, losses);
        let probe_timeout = self.rtt.probe_timeout(self.peer_ack_delay_max);
        self.ledger.settle(now, probe_timeout * LATE_TIMEOUTS);
        losses.count
    }

    fn is_lost(&self, index: Option<usize>) -> bool {
        let packet = index.and_then(|index| self.ledger.get(index));
        packet.is_some_and(|packet| matches!(packet.fate, Fate::Lost { .. }))
    }

    fn on_losses(&mut self, now: Instant, losses: Losses) {
        self.packets_lost += u64::from(losses.count);
        let Some(sent_at) = losses.latest_sent_at else {
            return;
        };
        let lost = Lost {
            count: losses.of_path,
            bytes: losses.bytes,
            sent_at,
        };
        self.congestion.on_lost(now, lost);
        let probe_timeout = self.rtt.probe_timeout(self.peer_ack_delay_max);
        if losses.longest > probe_timeout * PERSISTENT_TIMEOUTS {
            self.congestion.on_persistent_congestion();
            self.rtt.forget_min();
            self.marking.restart(self.next_number);
        }
    }
}

/// Packets found lost together.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    count: u32,
    /// Those that went this way.
    of_path: u32,
    bytes: u64,
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
    fn on_lost(&mut self, packet: &Packet, measured_at: Option<Instant>, is_of_path: bool) {
        self.count += 1;
        if !is_of_path {
            return;
        }
        let sent_at = packet.sent_at;
        self.of_path += 1;
        self.bytes += packet.size;
        self.latest_sent_at = Some(sent_at);
        if measured_at.is_none_or(|measured_at| sent_at < measured_at) {
            return;
        }
        let row_since = *self.row_since.get_or_insert(sent_at);
        let row = sent_at.saturating_duration_since(row_since);
        self.longest = self.longest.max(row);
    }
}
