//! What an acknowledgement tells: which packets arrived, the round trip, and how long answers take.

use core::ops::RangeInclusive;
use core::time::Duration;

use super::{AckOfUnsent, Acked, Record, Recovery, Verdict};
use crate::congestion::Arrived;
use crate::reliability::ACK_RANGES_MAX;
use crate::reliability::ledger::Fate;
use crate::reliability::received::LAZY_ACK_DELAY;
use crate::time::{Instant, micros};

impl Recovery {
    /// Takes in an acknowledgement, `ranges` newest first (others are ignored). `delay` is how long the peer held it,
    /// `None` for a compact one, which gives no sample. Every record concerned goes to `sink`.
    ///
    /// # Errors
    /// [`AckOfUnsent`] if it names a number that was never sent; nothing is changed then.
    pub(crate) fn on_ack(
        &mut self,
        now: Instant,
        ranges: impl Iterator<Item = RangeInclusive<u64>> + Clone,
        delay: Option<Duration>,
        sink: &mut impl FnMut(Verdict, Record),
    ) -> Result<Acked, AckOfUnsent> {
        let ranges = ranges.take(ACK_RANGES_MAX);
        let Some(largest) = ranges.clone().map(|range| *range.end()).max() else {
            return Ok(Acked::default());
        };
        if largest >= self.next_number {
            return Err(AckOfUnsent);
        }
        self.losses.clear();
        self.marking.begin_ack();
        let mut acked = Acked {
            round_trip: delay.and_then(|delay| self.measure(now, largest, delay)),
            ..Acked::default()
        };
        self.largest_acked = self.largest_acked.max(Some(largest));
        let mut oldest_awaited = None;
        // Each range ends below the one before, so that every packet is looked at once, whatever the peer says.
        let mut ceiling = usize::MAX;
        for range in ranges {
            let start = self.ledger.index_of(*range.start());
            let end = self.ledger.index_of(range.end() + 1).min(ceiling);
            acked.packets_seen += end.saturating_sub(start) as u32;
            for index in start..end {
                let awaited_at = self.on_packet_acked(now, index, &mut acked, sink);
                oldest_awaited = oldest_awaited.into_iter().chain(awaited_at).min();
            }
            ceiling = ceiling.min(start);
        }
        if acked.packets_acked > 0 {
            self.backoff = 0;
            self.acked_at = now;
        }
        if let Some(sent_at) = oldest_awaited {
            self.ack_time
                .on_sample(now.saturating_duration_since(sent_at));
        }
        acked.packets_lost = self.detect_losses(now, sink);
        let round_trip_us = acked.round_trip.map(micros);
        let in_flight = self.ledger.flying_bytes();
        self.congestion
            .on_progress(now, round_trip_us, in_flight, &self.rtt);
        Ok(acked)
    }

    /// RFC 9002 section 5.1: only the largest number, and only when it is newly acknowledged, gives a sample. Returns it
    /// without the peer's delay.
    fn measure(&mut self, now: Instant, largest: u64, delay: Duration) -> Option<Duration> {
        let packet = self.ledger.get(self.ledger.index_of(largest))?;
        let is_of_network = packet.number >= self.network_from;
        if packet.number != largest || packet.fate != Fate::Flying || !is_of_network {
            return None;
        }
        // Section 5.3 clips the delay to what the peer promised; for unreliable data that is half a second.
        let delay_max = if packet.is_awaited {
            self.peer_ack_delay_max
        } else {
            self.peer_ack_delay_max.max(LAZY_ACK_DELAY)
        };
        let (sample, delay) = (
            now.saturating_duration_since(packet.sent_at),
            delay.min(delay_max),
        );
        self.rtt.on_sample(sample, delay);
        self.measured_at.get_or_insert(now);
        Some(sample.saturating_sub(delay))
    }

    /// Returns when it left if it was in flight and an answer was awaited.
    fn on_packet_acked(
        &mut self,
        now: Instant,
        index: usize,
        acked: &mut Acked,
        sink: &mut impl FnMut(Verdict, Record),
    ) -> Option<Instant> {
        let &packet = self.ledger.get(index)?;
        let mut awaited_at = None;
        match packet.fate {
            Fate::Acked => return None,
            Fate::Lost { at } => {
                let late = now.saturating_duration_since(at);
                self.reordering.on_mistake(late, self.rtt.smoothed_us());
                self.congestion.on_late(at);
            }
            Fate::Flying => {
                let is_measured = packet.is_awaited && !packet.is_patient;
                awaited_at = is_measured.then_some(packet.sent_at);
                let arrived = Arrived {
                    sent_at: packet.sent_at,
                    bytes: packet.size,
                    is_app_limited: packet.is_app_limited,
                    flight: &packet.flight,
                };
                if packet.number >= self.network_from {
                    self.congestion.on_acked(now, &arrived);
                }
                self.history.push_arrived(now);
            }
        }
        if packet.is_awaited {
            self.silence.on_acked(packet.sent_at);
        }
        self.suspects.on_acked(packet.number, packet.size);
        if packet.is_marked {
            self.marking.on_acked(packet.number);
        }
        self.ledger.decide(index, Fate::Acked);
        self.newest_acked_at = self.newest_acked_at.max(Some(packet.sent_at));
        acked.packets_acked += 1;
        acked.ack_confirmed = acked.ack_confirmed.max(packet.ack_largest);
        for record in self.ledger.records_of(&packet) {
            sink(Verdict::Acked, record);
        }
        awaited_at
    }
}
