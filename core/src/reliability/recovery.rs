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

use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::COMPACT_SPAN;
use super::ack_time::AckTime;
use super::ecn::Marking;
pub(crate) use super::ledger::{Eliciting, Record};
use super::ledger::{Fate, Ledger, Sent};
use super::loss_history::LossHistory;
use super::redundancy::Outlook;
use super::reordering::Reordering;
use super::rtt::Rtt;
use super::silence::Silence;
use crate::congestion::trickle::Trickle;
use crate::congestion::{Congestion, CongestionControl};
use crate::notice::LossCause;
use crate::time::Instant;
use crate::wire::DATAGRAM_MAX;

mod acked;
mod audit;
mod ecn;
mod journal;
mod loss;
mod mtu;
mod planted;
mod probe;
mod saved;
#[cfg(test)]
mod tests;

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
    ack_time: AckTime,
    silence: Silence,
    reordering: Reordering,
    /// When the latest of the packets left that were acknowledged.
    newest_acked_at: Option<Instant>,
    /// Packets sent before the first sample cannot show persistent congestion (RFC 9002 section 7.6.2).
    measured_at: Option<Instant>,
    peer_ack_delay_max: Duration,
    trickle: Trickle,
    /// When something was last acknowledged for the first time.
    acked_at: Instant,
    congestion: Congestion,
    marking: Marking,
    /// When the next packet becomes old enough to be lost.
    loss_at: Option<Instant>,
    /// Probes since the last acknowledgement.
    backoff: u32,
    probed_at: Instant,
    copied_at: Instant,
    history: LossHistory,
    packets_lost: u64,
    probes: u64,
    /// Packets before this one went another way: that they were lost says nothing about this one.
    path_from: u64,
    suspects: mtu::Suspects,
    /// Packets before this one crossed another network: that they arrived says nothing about this one.
    network_from: u64,
    /// What the latest acknowledgement or timeout declared lost.
    losses: Vec<(u64, LossCause)>,
}

impl Recovery {
    /// Starts with nothing sent. The peer promised to acknowledge reliable data within `peer_ack_delay_max`.
    pub(crate) fn new(
        congestion: CongestionControl,
        datagram_size_max: usize,
        peer_ack_delay_max: Duration,
    ) -> Self {
        Self {
            next_number: 0,
            largest_acked: None,
            ledger: Ledger::default(),
            rtt: Rtt::new(),
            ack_time: AckTime::default(),
            silence: Silence::default(),
            reordering: Reordering::default(),
            newest_acked_at: None,
            measured_at: None,
            peer_ack_delay_max,
            trickle: Trickle::new(),
            acked_at: Instant::ZERO,
            congestion: Congestion::new(congestion, datagram_size_max),
            marking: Marking::default(),
            loss_at: None,
            backoff: 0,
            probed_at: Instant::ZERO,
            copied_at: Instant::ZERO,
            history: LossHistory::default(),
            packets_lost: 0,
            probes: 0,
            path_from: 0,
            suspects: mtu::Suspects::default(),
            network_from: 0,
            losses: Vec::new(),
        }
    }

    /// What congestion control leaves to chance follows from `seed`.
    pub(crate) fn with_seed(mut self, seed: u64) -> Self {
        self.congestion = self.congestion.with_seed(seed);
        self
    }

    /// Takes the handshake's round trip as first sample.
    pub(crate) fn seed_rtt(&mut self, sample: Duration) {
        self.rtt.on_sample(sample, Duration::ZERO);
        self.measured_at = Some(Instant::ZERO);
    }

    /// From here on everything goes another way. On another network what was measured does not hold any more (RFC 9000
    /// section 9.4): its round trip begins anew, with `sample` if there is one.
    pub(crate) fn on_path_changed(
        &mut self,
        now: Instant,
        is_other_network: bool,
        sample: Option<Duration>,
    ) {
        self.path_from = self.next_number;
        self.suspects.forget(self.next_number);
        self.backoff = 0;
        if !is_other_network {
            return;
        }
        self.network_from = self.next_number;
        self.congestion.reset(now);
        self.marking.restart(self.next_number);
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
        if let Some(full) = self.full(bytes) {
            return full;
        }
        self.congestion
            .paced_until(now, bytes as u64, &self.rtt)
            .map_or(Permit::Now, Permit::At)
    }

    /// Whether a packet with an unreliable piece of `bytes` may leave though nothing else may.
    pub(crate) fn permit_fresh(&mut self, now: Instant, bytes: usize) -> Permit {
        if self.ledger.is_full() {
            return Permit::LedgerFull;
        }
        self.congestion
            .fresh_until(now, bytes as u64, &self.rtt)
            .map_or(Permit::Now, Permit::At)
    }

    /// When a packet of `bytes` may leave although the window is full: see [`Trickle`]. For who has no more to say than that.
    pub(crate) fn trickle_at(&self, now: Instant, bytes: usize) -> Option<Instant> {
        self.trickle.at(now, bytes as u64, self.acked_at)
    }

    /// Bytes of packets that may leave within `tick`: all in all, and if they are unreliable.
    pub(crate) fn budget(&self, now: Instant, tick: Duration) -> (u64, u64) {
        self.congestion
            .budget(now, self.ledger.flying_bytes(), tick, &self.rtt)
    }

    /// Such a packet left.
    pub(crate) const fn on_fresh_sent(&mut self, bytes: usize) {
        self.congestion.on_fresh_sent(bytes as u64);
    }

    /// Why a packet of `bytes` must wait for answers, if it must.
    fn full(&self, bytes: usize) -> Option<Permit> {
        if self.ledger.is_full() {
            return Some(Permit::LedgerFull);
        }
        let in_flight = self.ledger.flying_bytes() + bytes as u64;
        (in_flight > self.congestion.window()).then_some(Permit::WindowFull)
    }

    /// Whether room gets scarce while no answer is awaited: the next packet should carry a PING. If none may leave, the
    /// probe timer runs all the same.
    pub(crate) fn wants_ack(&self) -> bool {
        let (flying, window) = (self.ledger.flying_bytes(), self.congestion.window());
        // The least window is two datagrams of 1,200 bytes: half of it may be too little for a longer one.
        let is_scarce = flying > window / 2 || flying + DATAGRAM_MAX as u64 > window;
        !self.ledger.is_awaiting() && (is_scarce || self.ledger.is_half_full())
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
        let in_flight = self.ledger.flying_bytes();
        if in_flight + size > self.congestion.window() {
            self.trickle.on_sent(now, size);
        }
        let flight = self.congestion.on_sent(now, size, in_flight, app_limited);
        let is_marked = self.marking.on_sent(self.backoff == 0);
        self.ledger.push(Sent {
            number,
            at: now,
            size,
            is_awaited: matches!(eliciting, Eliciting::Patient | Eliciting::Yes),
            is_patient: eliciting == Eliciting::Patient,
            is_app_limited: app_limited,
            is_marked,
            ack_largest,
            flight,
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
        self.on_probe(now);
        self.suspects.on_silence();
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
                self.history.push_lost(true);
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

    /// What copies of small messages depend on. `their_loss_permille`: of what the peer sends.
    pub(crate) fn outlook(&self, now: Instant, their_loss_permille: u16) -> Outlook {
        Outlook {
            is_known: self.history.is_known(now),
            loss_permille: self.history.permille(),
            repeat_permille: self.history.repeat_permille(),
            run_tenths: self.history.run_tenths(),
            their_loss_permille,
            answer: self.ack_time.usual().unwrap_or(self.probe_timeout()),
            largest_acked: self.largest_acked.unwrap_or(0),
            newest_acked_at: self.newest_acked_at.unwrap_or(Instant::ZERO),
            window: self
                .reordering
                .window(self.rtt.min_us(), self.rtt.smoothed_us()),
        }
    }

    /// Copies left with the packet sent last: what they carry needs no probe before their answer is due.
    pub(crate) fn on_copied(&mut self, now: Instant) {
        self.copied_at = now;
    }

    /// Mean number of packets lost in a row, in tenths, of those of which [`loss_permille`](Self::loss_permille) tells.
    pub(crate) fn loss_run_tenths(&self) -> u16 {
        self.history.run_tenths()
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
        self.congestion.window()
    }

    /// Bytes a second at which packets leave.
    pub(crate) fn pacing_rate(&self) -> u64 {
        self.congestion.pacing_rate(&self.rtt)
    }

    /// Bytes a second at which packets arrived of late; no more than are sent. 0: nothing is known.
    pub(crate) const fn delivery_rate(&self) -> u64 {
        self.congestion.delivery_rate()
    }

    /// Another congestion controller from here on.
    pub(crate) fn set_congestion(&mut self, choice: CongestionControl) {
        self.congestion.set(choice, self.ledger.flying_bytes());
    }

    /// Which congestion controller it is.
    pub(crate) const fn congestion_control(&self) -> CongestionControl {
        self.congestion.choice()
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
}
