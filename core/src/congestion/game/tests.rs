use super::super::RateSample;
use super::super::tests::acked;
use super::*;
use crate::time::Instant;

const SIZE: u64 = 1_200;
/// 10 Mbit/s.
const RATE: u64 = 1_250_000;
const BASE_US: u64 = 50_000;

/// A path of this rate and round trip with a queue without end, and the controller in front of it, a datagram at a time.
struct Pipe {
    game: Game,
    now_us: u64,
    rate: u64,
    /// When the queue is empty, and the packets on their way: sent, arriving, in flight as they left.
    busy_until_us: u64,
    flying: alloc::collections::VecDeque<(u64, u64, u64)>,
    /// Of a thousand packets so many are lost, evenly.
    lost_permille: u64,
    lost_credit: u64,
    sent: u64,
    delivered: u64,
    round_until: u64,
    queue_max_us: u64,
    /// The wait of other flows' packets.
    foreign_us: u64,
}

impl Pipe {
    fn new() -> Self {
        Self {
            game: Game::new(SIZE),
            now_us: 0,
            rate: RATE,
            busy_until_us: 0,
            flying: alloc::collections::VecDeque::new(),
            lost_permille: 0,
            lost_credit: 0,
            sent: 0,
            delivered: 0,
            round_until: 0,
            queue_max_us: 0,
            foreign_us: 0,
        }
    }

    /// Runs for so many milliseconds; returns the bytes that arrived a second.
    fn run(&mut self, millis: u64) -> u64 {
        let (delivered, until) = (self.delivered, self.now_us + millis * 1_000);
        self.queue_max_us = 0;
        let mut paced_us = self.now_us;
        while self.now_us < until {
            self.now_us += 100;
            self.arrive();
            let rate = self.game.pacing_rate().unwrap_or(RATE * 10);
            while (self.flying.len() as u64 + 1) * SIZE <= self.game.window()
                && paced_us <= self.now_us
            {
                paced_us =
                    paced_us.max(self.now_us.saturating_sub(2_000)) + SIZE * 1_000_000 / rate;
                self.send();
            }
        }
        (self.delivered - delivered) * 1_000 / millis
    }

    fn send(&mut self) {
        self.sent += 1;
        self.busy_until_us = self.busy_until_us.max(self.now_us) + SIZE * 1_000_000 / self.rate;
        self.queue_max_us = self.queue_max_us.max(self.busy_until_us - self.now_us);
        let in_flight = (self.flying.len() as u64 + 1) * SIZE;
        let arrives = self.busy_until_us + self.foreign_us + BASE_US;
        self.flying.push_back((self.now_us, arrives, in_flight));
    }

    fn arrive(&mut self) {
        while let Some((sent, arrives, in_flight)) = self.flying.front().copied()
            && arrives <= self.now_us
        {
            self.flying.pop_front();
            let now = Instant::from_nanos(self.now_us * 1_000);
            self.lost_credit += self.lost_permille;
            let is_lost = self.lost_credit >= 1_000;
            if is_lost {
                self.lost_credit -= 1_000;
                self.game.on_congestion_event();
                self.game.lost_bytes += SIZE;
                continue;
            }
            self.delivered += SIZE;
            let is_round_start = sent >= self.round_until;
            if is_round_start {
                self.round_until = self.now_us;
            }
            self.game.on_acked(&AckedPacket {
                now,
                ..acked(0, SIZE)
            });
            self.game.on_progress(&Progress {
                now,
                acked_bytes: SIZE,
                lost_bytes: 0,
                sent_in_flight: in_flight,
                round_trip_us: Some(arrives - sent),
                is_round_start,
                rate: Some(RateSample {
                    bytes_per_second: self.rate,
                    is_app_limited: false,
                }),
                ..Progress::default()
            });
        }
    }
}

#[test]
fn it_fills_the_path_and_little_of_the_queue() {
    let mut pipe = Pipe::new();
    pipe.run(1_000);
    let rate = pipe.run(3_000);
    assert!(rate * 100 >= RATE * 99, "{rate}");
    // Seven datagrams are the share of a window of 59.
    assert!(
        (5_000..=10_000).contains(&pipe.queue_max_us),
        "{} us",
        pipe.queue_max_us
    );
}

#[test]
fn the_start_takes_few_round_trips_and_no_long_queue() {
    let mut pipe = Pipe::new();
    pipe.run(300);
    assert!(pipe.queue_max_us <= 30_000, "{} us", pipe.queue_max_us);
    let rate = pipe.run(200);
    assert!(rate * 100 >= RATE * 96, "{rate}");
}

#[test]
fn losses_by_chance_change_nothing_below_an_eighth() {
    let mut pipe = Pipe::new();
    pipe.lost_permille = 50;
    pipe.run(1_000);
    let rate = pipe.run(3_000);
    assert!(rate * 100 >= RATE * 93, "{rate}");
}

#[test]
fn losses_of_a_third_bound_the_window_by_what_arrives() {
    let mut pipe = Pipe::new();
    pipe.run(1_000);
    pipe.lost_permille = 330;
    pipe.run(2_000);
    assert!(pipe.game.loss_permille > CHANCE_PERMILLE);
    // 62,500 bytes are on the way; a quarter more, and eight datagrams' share.
    let window = pipe.game.window();
    assert!(window <= 78_125 + 9_600, "{window}");
}

#[test]
fn it_follows_a_rate_that_falls_and_rises() {
    let mut pipe = Pipe::new();
    pipe.run(500);
    pipe.rate = RATE / 4;
    pipe.run(1_000);
    let rate = pipe.run(1_000);
    assert!(rate * 100 >= pipe.rate * 98, "{rate}");
    assert!(pipe.queue_max_us < 30_000, "{} us", pipe.queue_max_us);
    pipe.rate = RATE;
    pipe.run(1_000);
    let rate = pipe.run(1_000);
    assert!(rate * 100 >= RATE * 97, "{rate}");
}

#[test]
fn in_company_that_fills_the_queue_it_holds_its_own() {
    let mut pipe = Pipe::new();
    pipe.run(1_000);
    pipe.foreign_us = 40_000;
    pipe.run(3_000);
    assert_eq!(pipe.game.mode, Mode::Compete);
    let window = pipe.game.window();
    pipe.run(1_000);
    assert!(pipe.game.window() > window, "it grows as Reno does");
    pipe.game.on_congestion_event();
    assert!(pipe.game.window() < window);
    pipe.foreign_us = 0;
    pipe.game.set_window(0);
    pipe.run(300);
    assert_eq!(pipe.game.mode, Mode::Calm, "it is alone again");
}

#[test]
fn a_loss_without_a_queue_may_be_chance() {
    let mut game = Game::new(SIZE);
    game.take_over(120_000);
    game.on_congestion_event();
    assert_eq!(game.window(), 120_000);
}

#[test]
fn the_window_rests_so_that_the_least_round_trip_is_seen() {
    let mut pipe = Pipe::new();
    pipe.run(4_900);
    assert!(!pipe.game.is_resting());
    let mut rested = 0;
    for _ in 0..100 {
        pipe.run(10);
        rested += u32::from(pipe.game.is_resting());
    }
    assert!((5..=25).contains(&rested), "{rested} times 10 ms of rest");
}

#[test]
fn an_idle_application_does_not_grow_the_window() {
    let mut game = Game::new(SIZE);
    for millis in 1..1_000 {
        game.on_acked(&AckedPacket {
            is_app_limited: true,
            ..acked(millis, SIZE)
        });
        game.on_progress(&Progress {
            now: Instant::from_millis(millis),
            acked_bytes: SIZE,
            sent_in_flight: SIZE,
            round_trip_us: Some(50_000),
            is_round_start: true,
            ..Progress::default()
        });
    }
    assert_eq!(game.window(), 12_000);
}
