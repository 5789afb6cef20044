//! The states in their order, on a path of one queue; the cases are those of the draft's "BBR Example Test Cases".

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::super::delivery::{Delivery, Flight};
use super::*;

const SIZE: u64 = 1_200;
/// 10 Mbit/s.
const RATE: u64 = 1_250_000;
const BASE_US: u64 = 50_000;
const PRODUCT: u64 = 62_500;

#[derive(Clone, Copy, Debug)]
struct Packet {
    number: u64,
    sent_us: u64,
    arrives_us: u64,
    is_lost: bool,
    flight: Flight,
}

/// A path of one queue, and the controller in front of it, a datagram at a time.
struct Pipe {
    bbr: Bbr,
    delivery: Delivery,
    now_us: u64,
    rate: u64,
    busy_until_us: u64,
    queue_max: u64,
    flying: VecDeque<Packet>,
    sent: u64,
    delivered: u64,
    /// One packet of so many is lost by chance; 0: none.
    lost_each: u64,
    /// The application says no more than a packet in so many microseconds; 0: as much as may be.
    gap_us: u64,
    said_us: u64,
    /// The phases so far, and when each began.
    phases: Vec<(Phase, u64)>,
    wait_max_us: u64,
}

impl Pipe {
    fn new(seed: u64) -> Self {
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

    fn now(&self) -> Instant {
        Instant::from_nanos(self.now_us * 1_000)
    }

    fn in_flight(&self) -> u64 {
        self.flying.len() as u64 * SIZE
    }

    /// Runs for so many milliseconds; returns the bytes that arrived a second.
    fn run(&mut self, millis: u64) -> u64 {
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

    fn send(&mut self) {
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

    fn arrive(&mut self) {
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

    fn note(&mut self) {
        let phase = self.bbr.cycle.phase;
        let name = |phase: &Phase| core::mem::discriminant(phase);
        if self.phases.last().map(|(last, _)| name(last)) != Some(name(&phase)) {
            self.phases.push((phase, self.now_us));
        }
    }

    /// Names of the phases since `from_us`.
    fn names(&self, from_us: u64) -> Vec<&'static str> {
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
    fn run_to(&mut self, name: &str) {
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

#[test]
fn startup_ends_on_the_plateau_and_the_model_is_right() {
    let mut pipe = Pipe::new(1);
    pipe.run(1_500);
    assert_eq!(
        pipe.names(0),
        // Drain leaves nothing for "down" to do.
        ["startup", "drain", "cruise"],
        "{:?}",
        pipe.phases
    );
    let bandwidth = pipe.bbr.model.max_bandwidth();
    assert!(bandwidth.abs_diff(RATE) * 50 < RATE, "{bandwidth}");
    let least = pipe.bbr.model.round_trip_us().expect("measured");
    assert!((BASE_US..BASE_US + 2_000).contains(&least), "{least}");
}

#[test]
fn it_fills_the_path_and_queues_little_but_to_probe() {
    let mut pipe = Pipe::new(1);
    pipe.run(2_000);
    let rate = pipe.run(20_000);
    assert!(rate * 100 >= RATE * 93, "{rate}");
    assert!(pipe.wait_max_us < BASE_US, "{} us", pipe.wait_max_us);
}

#[test]
fn bandwidth_is_probed_every_two_to_three_seconds_in_the_order_of_the_draft() {
    let mut pipe = Pipe::new(1);
    pipe.run_to("probe-rtt");
    pipe.run_to("cruise");
    let from = pipe.now_us;
    pipe.run_to("refill");
    let waited = pipe.now_us - from;
    assert!((2_000_000..3_050_000).contains(&waited), "{waited} us");
    pipe.run_to("up");
    pipe.run_to("down");
    pipe.run_to("cruise");
}

#[test]
fn the_wait_follows_from_the_seed() {
    let refills = |seed| {
        let mut pipe = Pipe::new(seed);
        pipe.run(8_000);
        let refills = pipe.phases.iter();
        let refills = refills.filter(|(phase, _)| *phase == Phase::Refill);
        refills.map(|(_, at)| *at).collect::<Vec<_>>()
    };
    assert_eq!(refills(1), refills(1));
    assert_ne!(refills(1), refills(2));
}

#[test]
fn more_bandwidth_is_found_and_less_is_heeded() {
    let mut pipe = Pipe::new(1);
    pipe.run(3_000);
    pipe.rate = 3 * RATE;
    pipe.run(12_000);
    let rate = pipe.run(4_000);
    assert!(rate * 100 >= 3 * RATE * 85, "{rate}");
    pipe.rate = RATE;
    pipe.run(12_000);
    pipe.run(4_000);
    let bandwidth = pipe.bbr.model.max_bandwidth();
    assert!(bandwidth.abs_diff(RATE) * 10 < RATE, "{bandwidth}");
}

#[test]
fn the_least_round_trip_is_looked_for_every_five_seconds() {
    let mut pipe = Pipe::new(1);
    pipe.run_to("probe-rtt");
    assert!(
        (5_000_000..7_000_000).contains(&pipe.now_us),
        "{}",
        pipe.now_us
    );
    let from = pipe.now_us;
    pipe.run(150);
    assert!(
        pipe.in_flight() <= PRODUCT / 2 + SIZE,
        "{}",
        pipe.in_flight()
    );
    pipe.run_to("cruise");
    let took = pipe.now_us - from;
    assert!((200_000..450_000).contains(&took), "{took} us");
    assert!(pipe.bbr.window() > PRODUCT, "the window is back");
}

#[test]
fn who_was_silent_needs_no_probe_of_the_round_trip() {
    let mut pipe = Pipe::new(1);
    pipe.run(3_000);
    let silent = pipe.now_us;
    pipe.gap_us = u64::MAX / 2;
    pipe.run(4_000);
    pipe.gap_us = 0;
    pipe.run(300);
    assert!(
        !pipe.names(silent).contains(&"probe-rtt"),
        "{:?}",
        pipe.phases
    );
}

#[test]
fn an_application_that_says_little_stays_in_startup_and_its_window_does_not_grow() {
    let mut pipe = Pipe::new(1);
    pipe.gap_us = 20_000;
    pipe.run(4_000);
    assert_eq!(pipe.names(0), ["startup"]);
    let window = pipe.bbr.window();
    assert!(window <= 2 * initial_window(SIZE), "{window}");
    assert!(
        pipe.bbr.pacing_rate() > Some(100_000),
        "not held to what it says"
    );
}

#[test]
fn many_losses_end_startup_and_bound_what_is_in_flight() {
    let mut pipe = Pipe::new(1);
    pipe.queue_max = 12_000;
    pipe.run(1_500);
    assert_eq!(pipe.names(0)[1], "drain");
    let longterm = pipe.bbr.bounds.inflight_longterm;
    assert!(longterm < 3 * PRODUCT, "{longterm}");
    let rate = pipe.run(20_000);
    assert!(rate * 100 >= RATE * 80, "{rate}");
}

#[test]
fn a_loss_in_a_hundred_by_chance_hardly_matters() {
    let mut pipe = Pipe::new(1);
    pipe.lost_each = 100;
    pipe.run(2_000);
    let rate = pipe.run(20_000);
    assert!(rate * 100 >= RATE * 85, "{rate}");
}

#[test]
fn a_mark_ends_startup_and_in_cruise_bounds_the_rate() {
    let mut pipe = Pipe::new(1);
    pipe.run(200);
    assert_eq!(pipe.bbr.cycle.phase, Phase::Startup);
    pipe.bbr.on_marked();
    pipe.run(100);
    assert_ne!(pipe.bbr.cycle.phase, Phase::Startup);
    let mut pipe = Pipe::new(1);
    pipe.run_to("cruise");
    pipe.bbr.on_marked();
    pipe.run(110);
    let bounds = &pipe.bbr.bounds;
    assert!(bounds.bandwidth <= RATE * 102 / 100, "{bounds:?}");
    assert!(bounds.inflight_shortterm < 2 * PRODUCT, "{bounds:?}");
}

#[test]
fn losses_that_were_none_are_undone() {
    let mut pipe = Pipe::new(1);
    pipe.run(150);
    pipe.bbr.note_loss(pipe.delivered);
    pipe.bbr.leave_startup();
    pipe.run(20);
    assert_ne!(pipe.bbr.cycle.phase, Phase::Startup);
    pipe.bbr.on_spurious_event();
    assert_eq!(pipe.bbr.cycle.phase, Phase::Startup);
    assert_eq!(pipe.bbr.bounds.inflight_longterm, u64::MAX);
}

#[test]
fn silence_leaves_two_datagrams_and_the_window_comes_back() {
    let mut pipe = Pipe::new(1);
    pipe.run(2_000);
    pipe.bbr.on_persistent_congestion();
    assert_eq!(pipe.bbr.window(), 2 * SIZE);
    pipe.run(2_000);
    let rate = pipe.run(1_000);
    assert!(rate * 100 >= RATE * 90, "{rate}");
}
