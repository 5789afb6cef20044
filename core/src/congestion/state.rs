//! All that one connection knows of congestion: the rest of core talks to this, and it to the controller.

use alloc::boxed::Box;
use core::time::Duration;

use super::delivery::{Delivery, Flight, Newest};
use super::pacer::{self, Pacer, Rate};
use super::{AckedPacket, CongestionControl, Controller, Progress};
use crate::reliability::rtt::Rtt;
use crate::saved::saved;
use crate::time::Instant;

/// Beyond the window, unreliable messages get this part of the rate,
const FRESH_DIVISOR: u64 = 4;
/// and so many datagrams in a round trip at least.
const FRESH_DATAGRAMS: u64 = 2;
/// What a packet has beside the piece, about.
const FRESH_OVERHEAD: u64 = 48;

/// The controller and what it is told by.
///
/// Kept here, because it is the same for all controllers: one congestion event is told for each round trip (RFC 9002
/// section 7.3.2), and that all its packets arrived after all, if they did.
#[derive(Debug)]
pub(crate) struct Congestion {
    choice: CongestionControl,
    controller: Box<dyn Controller>,
    pacer: Pacer,
    /// What unreliable messages may send beyond the window.
    fresh: Pacer,
    delivery: Delivery,
    datagram_size: u64,
    seed: u64,
    /// Packets sent until then belong to an event already answered.
    recovery_until: Option<Instant>,
    /// Packets whose loss is that event's, and that did not arrive late. 0: they did, or there was none.
    losses: u32,
    acked_bytes: u64,
    lost_bytes: u64,
    newest: Option<Newest>,
    /// Bytes a second at which packets arrived, as the latest acknowledgement that told it. 0: none did.
    delivery_rate: u64,
}

saved!(Congestion {
    choice,
    controller,
    pacer,
    fresh,
    delivery,
    datagram_size,
    seed,
    recovery_until,
    losses,
    acked_bytes,
    lost_bytes,
    newest,
    delivery_rate
});

/// A packet that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) sent_at: Instant,
    pub(crate) bytes: u64,
    pub(crate) is_app_limited: bool,
    pub(crate) flight: &'a Flight,
}

/// Packets that were found lost together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost {
    pub(crate) count: u32,
    pub(crate) bytes: u64,
    /// When the latest of them left.
    pub(crate) sent_at: Instant,
}

impl Congestion {
    pub(crate) fn new(choice: CongestionControl, datagram_size: usize) -> Self {
        let datagram_size = datagram_size as u64;
        Self {
            choice,
            controller: choice.controller(datagram_size, 0),
            pacer: Pacer::new(datagram_size),
            fresh: Pacer::new(datagram_size),
            delivery: Delivery::default(),
            datagram_size,
            seed: 0,
            recovery_until: None,
            losses: 0,
            acked_bytes: 0,
            lost_bytes: 0,
            newest: None,
            delivery_rate: 0,
        }
    }

    /// What controllers leave to chance follows from `seed`. Before anything is sent.
    pub(crate) fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self.controller = self.choice.controller(self.datagram_size, seed);
        self
    }

    /// The path is another one: what was learnt of the old one says nothing (RFC 9002 section 7.8, RFC 9000 section 9.4).
    /// Packets in flight on the old path are told no more.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.delivery.restart(now);
        self.newest = None;
        self.delivery_rate = 0;
        (self.acked_bytes, self.lost_bytes) = (0, 0);
        self.controller = self.choice.controller(self.datagram_size, self.seed);
        self.pacer = Pacer::new(self.datagram_size);
        self.fresh = Pacer::new(self.datagram_size);
        self.recovery_until = None;
        self.losses = 0;
    }

    /// Another controller from here on. It goes on with the window of the one before, as far as that was used.
    pub(crate) fn set(&mut self, choice: CongestionControl, in_flight: u64) {
        if choice == self.choice {
            return;
        }
        let fresh = choice.controller(self.datagram_size, self.seed);
        let used = (2 * in_flight).max(fresh.window());
        let before = core::mem::replace(&mut self.controller, fresh);
        self.choice = choice;
        if self.delivery.delivered() > 0 {
            self.controller.take_over(before.window().min(used));
        }
        // What the controller before answered is no event of this one.
        self.losses = 0;
    }

    /// Datagrams have this many bytes at most from here on.
    pub(crate) fn on_datagram_size(&mut self, bytes: u64) {
        if self.datagram_size == bytes {
            return;
        }
        self.datagram_size = bytes;
        self.controller.on_datagram_size(bytes);
        self.pacer.on_datagram_size(bytes);
        self.fresh.on_datagram_size(bytes);
    }

    pub(crate) const fn choice(&self) -> CongestionControl {
        self.choice
    }

    pub(crate) fn window(&self) -> u64 {
        self.controller.window()
    }

    /// Bytes a second at which packets leave.
    pub(crate) fn pacing_rate(&self, rtt: &Rtt) -> u64 {
        self.rate(rtt).bytes_per_second()
    }

    fn rate(&self, rtt: &Rtt) -> Rate {
        match self.controller.pacing_rate() {
            Some(bytes_per_second) => Rate::of_second(bytes_per_second),
            None => Rate::of_window(self.controller.window(), rtt.smoothed_us()),
        }
    }

    /// `None` if pacing lets `bytes` leave now, else when it will: always later than `now`.
    pub(crate) fn paced_until(&mut self, now: Instant, bytes: u64, rtt: &Rtt) -> Option<Instant> {
        let mut pacer = self.pacer;
        let until = self.foresee(&mut pacer, now, bytes, rtt);
        self.pacer = pacer;
        until
    }

    /// The same, but nothing is changed by asking.
    pub(crate) fn foresee_paced_until(
        &self,
        now: Instant,
        bytes: u64,
        rtt: &Rtt,
    ) -> Option<Instant> {
        self.foresee(&mut { self.pacer }, now, bytes, rtt)
    }

    fn foresee(&self, pacer: &mut Pacer, now: Instant, bytes: u64, rtt: &Rtt) -> Option<Instant> {
        let rate = self.rate(rtt);
        pacer.permit(now, bytes, rate, self.burst(rate))
    }

    fn burst(&self, rate: Rate) -> u64 {
        match self.controller.burst() {
            Some(bytes) => bytes,
            None => pacer::burst(rate, self.datagram_size, self.controller.window()),
        }
    }

    /// Bytes of packets that may leave within `tick`: all in all, and if they are unreliable.
    pub(crate) fn budget(
        &self,
        now: Instant,
        in_flight: u64,
        tick: Duration,
        rtt: &Rtt,
    ) -> (u64, u64) {
        let rate = self.rate(rtt);
        let paced = self.pacer.available(now, rate, self.burst(rate)) + rate.bytes_in(tick);
        let all = paced.min(self.window().saturating_sub(in_flight));
        let rate = self.fresh_rate(rtt);
        let burst = pacer::burst(rate, self.datagram_size, u64::MAX);
        let fresh = self.fresh.available(now, rate, burst) + rate.bytes_in(tick);
        (all, all.max(fresh))
    }

    /// `None` if an unreliable piece of `bytes` may leave now, whatever is in flight, else when it may.
    ///
    /// What ages is no use later, and it is little: a quarter of the rate, and at least two datagrams a round trip, may go
    /// beyond the window. It counts as in flight, so that bulk makes room for it; and where the path is so slow that
    /// even this fills a queue, the round trip grows and it becomes less.
    pub(crate) fn fresh_until(&mut self, now: Instant, bytes: u64, rtt: &Rtt) -> Option<Instant> {
        let mut fresh = self.fresh;
        let until = self.ask_fresh(&mut fresh, now, bytes, rtt);
        self.fresh = fresh;
        until
    }

    /// The same, but nothing is changed by asking.
    pub(crate) fn foresee_fresh_until(
        &self,
        now: Instant,
        bytes: u64,
        rtt: &Rtt,
    ) -> Option<Instant> {
        self.ask_fresh(&mut { self.fresh }, now, bytes, rtt)
    }

    fn ask_fresh(&self, fresh: &mut Pacer, now: Instant, bytes: u64, rtt: &Rtt) -> Option<Instant> {
        let rate = self.fresh_rate(rtt);
        let burst = pacer::burst(rate, self.datagram_size, u64::MAX);
        let bytes = (bytes + FRESH_OVERHEAD).min(self.datagram_size);
        fresh.permit(now, bytes, rate, burst)
    }

    fn fresh_rate(&self, rtt: &Rtt) -> Rate {
        let quarter = self.rate(rtt).bytes_per_second() / FRESH_DIVISOR;
        let least = FRESH_DATAGRAMS * self.datagram_size * 1_000_000 / rtt.smoothed_us().max(1);
        Rate::of_second(quarter.max(least))
    }

    /// A packet left that was permitted as unreliable only.
    pub(crate) const fn on_fresh_sent(&mut self, bytes: u64) {
        self.fresh.on_sent(bytes);
    }

    /// A packet leaves while `in_flight` others are; returns what to remember with it.
    pub(crate) fn on_sent(
        &mut self,
        now: Instant,
        bytes: u64,
        in_flight: u64,
        is_app_limited: bool,
    ) -> Flight {
        self.pacer.on_sent(bytes);
        self.controller.on_sent(now, bytes, in_flight);
        let is_app_limited = is_app_limited || self.controller.holds_back();
        self.delivery.on_sent(now, bytes, in_flight, is_app_limited)
    }

    /// A packet arrived that was in flight; [`on_progress`](Self::on_progress) ends the acknowledgement.
    pub(crate) fn on_acked(&mut self, now: Instant, packet: &Arrived<'_>) {
        self.acked_bytes += packet.bytes;
        self.delivery.on_acked(
            now,
            packet.sent_at,
            packet.bytes,
            packet.flight,
            &mut self.newest,
        );
        self.controller.on_acked(&AckedPacket {
            now,
            bytes: packet.bytes,
            is_app_limited: packet.is_app_limited,
            is_in_recovery: self.is_in_recovery(packet.sent_at),
        });
    }

    /// A packet arrived that was declared lost at `lost_at`.
    pub(crate) fn on_late(&mut self, lost_at: Instant) {
        let is_of_event = self.recovery_until.is_some_and(|until| lost_at >= until);
        if !is_of_event || self.losses == 0 {
            return;
        }
        self.losses -= 1;
        if self.losses == 0 {
            self.controller.on_spurious_event();
            self.recovery_until = None;
        }
    }

    /// Each packet that is declared lost, before [`on_lost`](Self::on_lost) tells of all.
    pub(crate) fn on_packet_lost(
        &mut self,
        now: Instant,
        number: u64,
        bytes: u64,
        flight: &Flight,
    ) {
        self.controller
            .on_packet_lost(&self.delivery.on_lost(now, number, bytes, flight));
    }

    pub(crate) fn on_lost(&mut self, now: Instant, lost: Lost) {
        self.lost_bytes += lost.bytes;
        if self.is_in_recovery(lost.sent_at) {
            self.losses = self
                .losses
                .saturating_add(u32::from(self.losses > 0) * lost.count);
            return;
        }
        self.losses = lost.count;
        self.recovery_until = Some(now);
        self.controller.on_congestion_event();
    }

    /// Marks were told by an acknowledgement whose newest packet had left at `sent_at` (RFC 9002 section 7.1, appendix B.7).
    pub(crate) fn on_marked(&mut self, now: Instant, sent_at: Instant) {
        // No packet that arrives late undoes what a queue said.
        self.losses = 0;
        if !self.is_in_recovery(sent_at) {
            self.recovery_until = Some(now);
            self.controller.on_marked();
        }
    }

    /// RFC 9002 section 7.6.2.
    pub(crate) fn on_persistent_congestion(&mut self) {
        self.controller.on_persistent_congestion();
        self.recovery_until = None;
        self.losses = 0;
    }

    fn is_in_recovery(&self, sent_at: Instant) -> bool {
        self.recovery_until.is_some_and(|until| sent_at <= until)
    }

    /// The acknowledgement was taken in, and the losses that it showed.
    pub(crate) fn on_progress(
        &mut self,
        now: Instant,
        round_trip_us: Option<u64>,
        in_flight: u64,
        rtt: &Rtt,
    ) {
        let Some(newest) = self.newest.take() else {
            return;
        };
        let progress = Progress {
            now,
            acked_bytes: core::mem::take(&mut self.acked_bytes),
            lost_bytes: core::mem::take(&mut self.lost_bytes),
            sent_in_flight: newest.in_flight(),
            round_trip_us,
            is_round_start: self.delivery.ends_round(&newest),
            rate: self.delivery.rate(&newest, rtt.min_us()),
            is_app_limited: newest.is_app_limited(),
            delivered: self.delivery.delivered(),
            prior_delivered: newest.delivered(),
            lost_since_sent: self.delivery.lost_since(&newest),
            in_flight,
        };
        if let Some(rate) = progress.rate {
            self.delivery_rate = rate.bytes_per_second;
        }
        self.controller.on_progress(&progress);
    }

    /// Bytes a second at which packets arrived of late; no more than are sent. 0: nothing is known.
    pub(crate) const fn delivery_rate(&self) -> u64 {
        self.delivery_rate
    }
}

#[cfg(test)]
mod tests;
