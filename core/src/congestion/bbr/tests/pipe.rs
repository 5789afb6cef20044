//! A path of one queue for tests.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::super::super::delivery::{Delivery, Flight};
use super::super::*;

pub(super) const SIZE: u64 = 1_200;
/// 10 Mbit/s.
pub(super) const RATE: u64 = 1_250_000;
pub(super) const BASE_US: u64 = 50_000;
pub(super) const PRODUCT: u64 = 62_500;

#[derive(Clone, Copy, Debug)]
struct Packet {
    number: u64,
    sent_us: u64,
    arrives_us: u64,
    is_lost: bool,
    flight: Flight,
}

/// A path of one queue, and the controller in front of it, a datagram at a time.
pub(super) struct Pipe {
    pub(super) bbr: Bbr,
    delivery: Delivery,
    pub(super) now_us: u64,
    pub(super) rate: u64,
    pub(super) busy_until_us: u64,
    pub(super) queue_max: u64,
    flying: VecDeque<Packet>,
    pub(super) sent: u64,
    pub(super) delivered: u64,
    /// One packet of so many is lost by chance; 0: none.
    pub(super) lost_each: u64,
    /// The application says no more than a packet in so many microseconds; 0: as much as may be.
    pub(super) gap_us: u64,
    pub(super) said_us: u64,
    /// The phases so far, and when each began.
    pub(super) phases: Vec<(Phase, u64)>,
    pub(super) wait_max_us: u64,
}

impl Pipe {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            bbr: Bbr::new(SIZE, seed),
            delivery: Delivery::default(),
            now_us: 0,
            rate: RATE,
            busy_until_us: 0,
            queue_max: u64::MAX,
            flying: VecDeque::new(),
            sent: 0,
            delivered: 0,
            lost_each: 0,
            gap_us: 0,
            said_us: 0,
            phases: Vec::new(),
            wait_max_us: 0,
        }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_nanos(self.now_us * 1_000)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.flying.len() as u64 * SIZE
    }

    /// Runs for so many milliseconds; returns the bytes that arrived a second.
    pub(super) fn run(&mut self, millis: u64) -> u64 {
        let (delivered, until) = (self.delivered, self.now_us + millis * 1_000);
        let mut paced_us = self.now_us;
        self.wait_max_us = 0;
        while self.now_us < until {
            self.now_us += 100;
            self.arrive();
            let rate = self.bbr.pacing_rate().unwrap_or(RATE * 10);
            while self.in_flight() + SIZE <= self.bbr.window()
                && paced_us <= self.now_us
                && (self.gap_us == 0 || self.said_us + self.gap_us <= self.now_us)
            {
                let least = self.now_us.saturating_sub(2_000);
                paced_us = paced_us.max(least) + SIZE * 1_000_000 / rate;
                self.said_us = self.now_us;
                self.send();
            }
        }
        (self.delivered - delivered) * 1_000 / millis
    }

    pub(super) fn send(&mut self) {
        let (now, in_flight) = (self.now(), self.in_flight());
        self.bbr.on_sent(now, SIZE, in_flight);
        let is_app_limited = self.gap_us > 0 || self.bbr.holds_back();
        let flight = self.delivery.on_sent(now, SIZE, in_flight, is_app_limited);
        let waits_us = self.busy_until_us.saturating_sub(self.now_us);
        let is_full = waits_us * self.rate / 1_000_000 + SIZE > self.queue_max;
        self.sent += 1;
        let is_lost = is_full || self.lost_each > 0 && self.sent.is_multiple_of(self.lost_each);
        if !is_full {
            self.busy_until_us = self.now_us + waits_us + SIZE * 1_000_000 / self.rate;
            self.wait_max_us = self.wait_max_us.max(waits_us);
        }
        self.flying.push_back(Packet {
            number: self.sent,
            sent_us: self.now_us,
            arrives_us: self.busy_until_us + BASE_US,
            is_lost,
            flight,
        });
    }

    pub(super) fn arrive(&mut self) {
        while let Some(packet) = self.flying.front().copied()
            && packet.arrives_us <= self.now_us
        {
            self.flying.pop_front();
            let now = self.now();
            if packet.is_lost {
                let lost = self
                    .delivery
                    .on_lost(now, packet.number, SIZE, &packet.flight);
                self.bbr.on_packet_lost(&lost);
                self.bbr.on_congestion_event();
                self.note();
                continue;
            }
            self.delivered += SIZE;
            let mut newest = None;
            let sent_at = Instant::from_nanos(packet.sent_us * 1_000);
            self.delivery
                .on_acked(now, sent_at, SIZE, &packet.flight, &mut newest);
            let newest = newest.expect("one arrived");
            self.bbr.on_progress(&Progress {
                now,
                acked_bytes: SIZE,
                lost_bytes: 0,
                sent_in_flight: newest.in_flight(),
                round_trip_us: Some(self.now_us - packet.sent_us),
                is_round_start: false,
                rate: self.delivery.rate(&newest, BASE_US),
                is_app_limited: newest.is_app_limited(),
                delivered: self.delivery.delivered(),
                prior_delivered: newest.delivered(),
                lost_since_sent: self.delivery.lost_since(&newest),
                in_flight: self.in_flight(),
            });
            self.note();
        }
    }

    pub(super) fn note(&mut self) {
        let phase = self.bbr.cycle.phase;
        let name = |phase: &Phase| core::mem::discriminant(phase);
        if self.phases.last().map(|(last, _)| name(last)) != Some(name(&phase)) {
            self.phases.push((phase, self.now_us));
        }
    }

    /// Names of the phases since `from_us`.
    pub(super) fn names(&self, from_us: u64) -> Vec<&'static str> {
        let late = self.phases.iter().filter(|(_, at)| *at >= from_us);
        late.map(|(phase, _)| match phase {
            Phase::Startup => "startup",
            Phase::Drain { .. } => "drain",
            Phase::Down => "down",
            Phase::Cruise => "cruise",
            Phase::Refill => "refill",
            Phase::Up => "up",
            Phase::ProbeRtt { .. } => "probe-rtt",
        })
        .collect()
    }

    /// Runs until a phase of this name begins.
    pub(super) fn run_to(&mut self, name: &str) {
        for _ in 0..20_000 {
            let from = self.now_us;
            self.run(1);
            if self.names(from).last() == Some(&name) {
                return;
            }
        }
        panic!("{name} never comes: {:?}", self.phases);
    }
}
