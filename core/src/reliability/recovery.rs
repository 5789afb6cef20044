//! What became of the packets we sent: loss detection, probes and the permission to send, by RFC 9002.
//!
//! Packets are never sent again. The caller [records](Recovery::record) what each packet carries and hears, by a
//! [`Verdict`], that it arrived or was lost; a lost one may still turn out to have arrived.
//!
//! Where we differ from RFC 9002, and why:
//! - Unreliable packets are in flight but arm no probe: nobody waits for them (section 6.2 has no such kind).
//! - The probe timer runs from the *oldest* unanswered packet, not the latest (section 6.2.1): a game sends with every
//!   tick, and a timer that every packet restarts would never fire.
//! - Its backoff ends at one second, because a player notices: doubling goes on only where the round trip itself is longer.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::ACK_RANGES_MAX;
use super::COMPACT_SPAN;
pub(crate) use super::ledger::{Eliciting, Record};
use super::ledger::{Fate, Ledger, Sent};
use super::loss_history::LossHistory;
use super::received::LAZY_ACK_DELAY;
use super::rtt::Rtt;
use crate::congestion::Controller;
use crate::congestion::new_reno::NewReno;
use crate::congestion::pacer::{Pacer, Rate};
use crate::notice::LossCause;
use crate::time::Instant;

mod audit;
mod journal;
mod loss;
mod planted;
mod saved;
#[cfg(test)]
mod tests;

/// Backoff of probes goes no further.
const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It arrived. May follow `Lost`, and may come for a record that arrived by another packet already.
    Acked,
    /// Its packet is presumed lost.
    Lost,
}

/// Whether a packet may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Now,
    /// Not before then, always in the future: pacing.
    At(Instant),
    /// Not before something is acknowledged or lost: congestion window.
    WindowFull,
    /// Not before something is acknowledged or lost: too many packets to remember.
    LedgerFull,
}

/// What an acknowledgement brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acked {
    /// The largest number in an ACK frame of ours that is now known to have arrived.
    pub(crate) ack_confirmed: Option<u64>,
    /// Packets acknowledged for the first time, late ones included.
    pub(crate) packets_acked: u32,
    /// Packets declared lost by it.
    pub(crate) packets_lost: u32,
    /// Packets looked at for it.
    pub(crate) packets_seen: u32,
    /// Round trip of the largest number, without the peer's delay, if this told it.
    pub(crate) round_trip: Option<Duration>,
}

/// The peer acknowledged a packet that was never sent: a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckOfUnsent;

/// What a timeout demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: it was early.
    None,
    /// Packets were declared lost.
    Losses,
    /// Send the oldest unacknowledged reliable data again, or a PING if there is none: at most two datagrams, without
    /// asking for a permit (RFC 9002 section 6.2.4).
    Probe,
}

/// The packets we sent and what we know of the path.
#[derive(Debug)]
pub(crate) struct Recovery {
    next_number: u64,
    largest_acked: Option<u64>,
    ledger: Ledger,
    rtt: Rtt,
    /// Packets sent before the first sample cannot show persistent congestion (RFC 9002 section 7.6.2).
    measured_at: Option<Instant>,
    peer_ack_delay_max: Duration,
    datagram_size_max: usize,
    controller: Box<dyn Controller>,
    pacer: Pacer,
    /// When the next packet becomes old enough to be lost.
    loss_at: Option<Instant>,
    /// Probes since the last acknowledgement.
    backoff: u32,
    probed_at: Instant,
    history: LossHistory,
    packets_lost: u64,
    probes: u64,
    /// Packets before this one went another way: that they were lost says nothing about this one.
    path_from: u64,
    /// What the latest acknowledgement or timeout declared lost.
    losses: Vec<(u64, LossCause)>,
}

impl Recovery {
    /// Starts with nothing sent. The peer promised to acknowledge reliable data within `peer_ack_delay_max`.
    pub(crate) fn new(datagram_size_max: usize, peer_ack_delay_max: Duration) -> Self {
        Self {
            next_number: 0,
            largest_acked: None,
            ledger: Ledger::default(),
            rtt: Rtt::new(),
            measured_at: None,
            peer_ack_delay_max,
            datagram_size_max,
            controller: Box::new(NewReno::new(datagram_size_max)),
            pacer: Pacer::new(datagram_size_max),
            loss_at: None,
            backoff: 0,
            probed_at: Instant::ZERO,
            history: LossHistory::default(),
            packets_lost: 0,
            probes: 0,
            path_from: 0,
            losses: Vec::new(),
        }
    }

    /// Takes the handshake's round trip as first sample.
    pub(crate) fn seed_rtt(&mut self, sample: Duration) {
        self.rtt.on_sample(sample, Duration::ZERO);
        self.measured_at = Some(Instant::ZERO);
    }

    /// From here on everything goes another way. On another network what was measured does not hold any more (RFC 9000
    /// section 9.4): its round trip begins anew, with `sample` if there is one.
    pub(crate) fn on_path_changed(&mut self, is_other_network: bool, sample: Option<Duration>) {
        self.path_from = self.next_number;
        self.backoff = 0;
        if !is_other_network {
            return;
        }
        let size = self.datagram_size_max;
        self.controller = Box::new(NewReno::new(size));
        self.pacer = Pacer::new(size);
        self.rtt = Rtt::new();
        self.measured_at = None;
        if let Some(sample) = sample {
            self.seed_rtt(sample);
        }
    }

    /// The number that the next packet gets.
    pub(crate) const fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The largest number that the peer acknowledged, from which numbers are truncated.
    pub(crate) const fn largest_acked(&self) -> Option<u64> {
        self.largest_acked
    }

    /// Whether a packet of `bytes` may leave now. Packets with acknowledgements only, and probes, do not ask.
    pub(crate) fn permit(&mut self, now: Instant, bytes: usize) -> Permit {
        let mut pacer = self.pacer;
        let permit = self.permit_by(&mut pacer, now, bytes);
        self.pacer = pacer;
        permit
    }

    fn permit_by(&self, pacer: &mut Pacer, now: Instant, bytes: usize) -> Permit {
        if self.ledger.is_full() {
            return Permit::LedgerFull;
        }
        let bytes = bytes as u64;
        let window_bytes = self.controller.window();
        if self.ledger.flying_bytes() + bytes > window_bytes {
            return Permit::WindowFull;
        }
        let rate = Rate {
            window_bytes,
            rtt_us: self.rtt.smoothed_us(),
        };
        pacer
            .permit(now, bytes, rate)
            .map_or(Permit::Now, Permit::At)
    }

    /// Whether room gets scarce while no answer is awaited: the next packet should carry a PING. If none may leave, the
    /// probe timer runs all the same.
    pub(crate) fn wants_ack(&self) -> bool {
        let is_window_half_full = self.ledger.flying_bytes() > self.controller.window() / 2;
        !self.ledger.is_awaiting() && (is_window_half_full || self.ledger.is_half_full())
    }

    /// Notes what the packet being assembled carries.
    pub(crate) fn record(&mut self, record: Record) {
        self.ledger.record(record);
    }

    /// The packet assembled left with `size` bytes; returns its number. `ack_largest` is the largest number in its ACK
    /// frame (none for a compact acknowledgement); `app_limited`: there was no more to send.
    pub(crate) fn on_sent(
        &mut self,
        now: Instant,
        size: usize,
        eliciting: Eliciting,
        ack_largest: Option<u64>,
        app_limited: bool,
    ) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        if eliciting == Eliciting::No {
            return number;
        }
        let size = size as u64;
        self.pacer.on_sent(size);
        self.ledger.push(Sent {
            number,
            at: now,
            size,
            is_awaited: eliciting == Eliciting::Yes,
            is_app_limited: app_limited,
            ack_largest,
        });
        number
    }

    /// The numbers that a compact acknowledgement speaks for.
    ///
    /// Only for a packet newer than all received before (its number is the largest): the peer then knows all that we
    /// know it knows, so that its number is not below our `largest_acked`, and it sends this form only for numbers less
    /// than 256 above that. In a packet that was overtaken the byte could be misread; ignore it there.
    pub(crate) fn compact_range(&self, low_bits: u8) -> RangeInclusive<u64> {
        let base = self.largest_acked.unwrap_or(0);
        let ahead = low_bits.wrapping_sub((base % 256) as u8);
        let largest = base.saturating_add(u64::from(ahead));
        largest.saturating_sub(COMPACT_SPAN - 1)..=largest
    }

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
        let mut acked = Acked {
            round_trip: delay.and_then(|delay| self.measure(now, largest, delay)),
            ..Acked::default()
        };
        self.largest_acked = self.largest_acked.max(Some(largest));
        // Each range ends below the one before, so that every packet is looked at once, whatever the peer says.
        let mut ceiling = usize::MAX;
        for range in ranges {
            let start = self.ledger.index_of(*range.start());
            let end = self.ledger.index_of(range.end() + 1).min(ceiling);
            acked.packets_seen += end.saturating_sub(start) as u32;
            for index in start..end {
                self.on_packet_acked(index, &mut acked, sink);
            }
            ceiling = ceiling.min(start);
        }
        if acked.packets_acked > 0 {
            self.backoff = 0;
        }
        acked.packets_lost = self.detect_losses(now, sink);
        Ok(acked)
    }

    /// When to call [`Recovery::on_timeout`].
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.loss_at.or_else(|| self.probe_deadline())
    }

    /// The deadline passed. Harmless when it did not.
    pub(crate) fn on_timeout(
        &mut self,
        now: Instant,
        sink: &mut impl FnMut(Verdict, Record),
    ) -> Action {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Action::None;
        }
        self.losses.clear();
        if self.loss_at.is_some() {
            return match self.detect_losses(now, sink) {
                0 => Action::None,
                _ => Action::Losses,
            };
        }
        self.backoff = self.backoff.saturating_add(1);
        self.probed_at = now;
        self.probes += 1;
        self.make_room(now, sink);
        Action::Probe
    }

    /// A probe asks for no permit, but it needs a place in the ledger: the oldest packets, long unanswered, give theirs up
    /// as lost. A peer that lives but never acknowledges would else make the ledger grow with every probe.
    fn make_room(&mut self, now: Instant, sink: &mut impl FnMut(Verdict, Record)) {
        while self.ledger.is_full()
            && let Some(&packet) = self.ledger.get(0)
        {
            if packet.fate == Fate::Flying {
                self.ledger.decide(0, Fate::Lost { at: now });
                self.history.push(true);
                self.losses.push((packet.number, LossCause::Forgotten));
                self.packets_lost += 1;
                for record in self.ledger.records_of(&packet) {
                    sink(Verdict::Lost, record);
                }
            }
            self.ledger.forget_oldest();
        }
    }

    /// What is known of the round trip.
    pub(crate) const fn rtt(&self) -> &Rtt {
        &self.rtt
    }

    /// How long an answer may take, before any backoff.
    pub(crate) fn probe_timeout(&self) -> Duration {
        self.rtt.probe_timeout(self.peer_ack_delay_max)
    }

    /// Packets lost, of the latest 256 whose fate is known, in tenths of a percent.
    pub(crate) fn loss_permille(&self) -> u16 {
        self.history.permille()
    }

    /// Packets declared lost ever.
    pub(crate) const fn packets_lost(&self) -> u64 {
        self.packets_lost
    }

    /// The packets that the latest acknowledgement or timeout declared lost, by number.
    pub(crate) fn losses(&self) -> &[(u64, LossCause)] {
        &self.losses
    }

    /// Probe timeouts ever.
    pub(crate) const fn probes(&self) -> u64 {
        self.probes
    }

    /// Bytes that may be in flight.
    pub(crate) fn congestion_window(&self) -> u64 {
        self.controller.window()
    }

    /// Bytes in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.ledger.flying_bytes()
    }

    /// Steps that an acknowledgement may take: each packet remembered and each of its records may be looked at, and be
    /// decided, once.
    pub(crate) fn remembered_max(&self) -> u64 {
        self.ledger.len()
    }

    /// Packets in the ledger.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.ledger.packets().count()
    }

    /// RFC 9002 section 5.1: only the largest number, and only when it is newly acknowledged, gives a sample. Returns it
    /// without the peer's delay.
    fn measure(&mut self, now: Instant, largest: u64, delay: Duration) -> Option<Duration> {
        let packet = self.ledger.get(self.ledger.index_of(largest))?;
        if packet.number != largest || packet.fate != Fate::Flying {
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

    fn on_packet_acked(
        &mut self,
        index: usize,
        acked: &mut Acked,
        sink: &mut impl FnMut(Verdict, Record),
    ) {
        let Some(&packet) = self.ledger.get(index) else {
            return;
        };
        match packet.fate {
            Fate::Acked => return,
            Fate::Lost { .. } => {}
            Fate::Flying => {
                self.controller
                    .on_acked(packet.sent_at, packet.size, packet.is_app_limited);
                self.history.push(false);
            }
        }
        self.ledger.decide(index, Fate::Acked);
        acked.packets_acked += 1;
        acked.ack_confirmed = acked.ack_confirmed.max(packet.ack_largest);
        for record in self.ledger.records_of(&packet) {
            sink(Verdict::Acked, record);
        }
    }

    fn probe_deadline(&self) -> Option<Instant> {
        let since = match self.ledger.awaited_since() {
            Some(since) => since,
            // Room gets scarce and no packet left with a PING, perhaps because none may: a probe will ask, or a silent
            // peer would block us for ever.
            None if self.wants_ack() => self.ledger.last_sent_at()?,
            None => return None,
        };
        let timeout = self.probe_timeout();
        let doubled = timeout.saturating_mul(1 << self.backoff.min(16));
        let backed_off = doubled.min(PROBE_TIMEOUT_MAX).max(timeout);
        Some(since.max(self.probed_at) + backed_off)
    }
}
