//! W1: how long reliable messages take while datagrams are lost.
//!
//! A client sends a reliable message of 100 bytes ten times a second and 64 bytes of unreliable state at each tick; the
//! server sends 64 bytes of state at each tick. A time is from `send` until the other application holds the message.

use serde::Serialize;

use super::samples::{Quantiles, Samples};
use super::{Plan, in_parallel};
use crate::contender::Contender;
use crate::lab::content::{self, Head};
use crate::lab::link::{Shape, Traffic};
use crate::lab::loss::Loss;
use crate::lab::{Class, Lab, Micros, STEP, TICK_HZ, Ticks};

const RELIABLE_LEN: usize = 100;
const STATE_LEN: usize = 64;
const TICKS_BETWEEN_MESSAGES: u64 = TICK_HZ / 10;

const SECOND: Micros = 1_000_000;
/// What is under way at the end has this long to arrive; a connection has it to begin.
const PATIENCE: Micros = 30 * SECOND;

/// A path to measure on, the same in both directions.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) shape: Shape,
}

/// The paths of the table.
pub(crate) fn paths() -> Vec<Path> {
    let path = |name, title, rtt_ms, loss| Path {
        name,
        title,
        shape: Shape::half_of(rtt_ms).jitter_ms(2).loss(loss),
    };
    let bursts = Loss::Bursts {
        percent: 5,
        mean_ms: 67,
    };
    vec![
        path("0", "0 %", 50, Loss::None),
        path("1", "1 %", 50, Loss::Percent(1)),
        path("2", "2 %", 50, Loss::Percent(2)),
        path("5", "5 %", 50, Loss::Percent(5)),
        path("10", "10 %", 50, Loss::Percent(10)),
        path("20", "20 %", 50, Loss::Percent(20)),
        path("ge5", "GE 5 %", 50, bursts),
        path("rtt150", "5 %, RTT 150", 150, Loss::Percent(5)),
    ]
}

/// What happened in some runs.
#[derive(Debug, Default)]
struct Tally {
    time: Micros,
    reliable: Samples,
    reliable_sent: u64,
    /// Messages that came twice, out of turn or with a wrong bit.
    wrong: u64,
    state_up: Samples,
    state_down: Samples,
    states_sent: u64,
    up: Traffic,
    down: Traffic,
    disconnects: u64,
}

/// A row and column of the table. Times in microseconds; rates per second of virtual time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) contender: String,
    pub(crate) link: &'static str,
    pub(crate) seeds: u64,
    pub(crate) seconds: u64,
    pub(crate) reliable: Quantiles,
    pub(crate) undelivered: u64,
    pub(crate) wrong: u64,
    pub(crate) state_up: Quantiles,
    pub(crate) state_down: Quantiles,
    /// Unreliable messages that arrived, in millionths, and datagrams that the link let through.
    pub(crate) state_up_ppm: u64,
    pub(crate) state_down_ppm: u64,
    pub(crate) link_up_ppm: u64,
    pub(crate) link_down_ppm: u64,
    pub(crate) up_bytes: u64,
    pub(crate) down_bytes: u64,
    pub(crate) up_datagrams_tenths: u64,
    pub(crate) down_datagrams_tenths: u64,
    pub(crate) disconnects: u64,
}

/// All that the plan wants.
pub(crate) fn measure(plan: &Plan) -> Vec<Latency> {
    let (seeds, seconds) = (plan.seeds(1, 3), plan.seconds(20, 600));
    let mut cells = Vec::new();
    for contender in &plan.contenders {
        let paths = paths().into_iter();
        let wanted = paths.filter(|path| plan.wants_link(path.name));
        cells.extend(wanted.map(|path| (*contender, path)));
    }
    let runs: Vec<_> = cells
        .iter()
        .flat_map(|cell| (1..=seeds).map(move |seed| (cell, seed)))
        .collect();
    let mut tallies = in_parallel(&runs, plan.jobs, |((contender, path), seed)| {
        play(*contender, path, *seed, seconds)
    })
    .into_iter();
    let cell = |(contender, path): &(Contender, Path)| {
        let mut whole = Tally::default();
        for tally in tallies.by_ref().take(seeds as usize) {
            whole.add(tally);
        }
        whole.tell(*contender, path, seeds, seconds)
    };
    cells.iter().map(cell).collect()
}

fn play(contender: Contender, path: &Path, seed: u64, seconds: u64) -> Tally {
    let pair = contender.pair(seed, 0, false);
    let mut lab = Lab::new(vec![pair], path.shape.clone(), path.shape.clone(), seed);
    assert!(
        lab.connect(PATIENCE),
        "{contender} cannot connect: {path:?}, seed {seed}"
    );
    let begin = lab.now;
    let mut game = Game {
        is_reliable: contender.is_reliable(),
        ticks: Ticks::new(begin),
        tally: Tally::default(),
        next_expected: None,
        payload: Vec::new(),
    };
    let (up, down) = (lab.up.traffic, lab.down.traffic);
    let mut redialled = None;
    // The tick at the very end belongs to the next second.
    while lab.now + STEP < begin + seconds * SECOND {
        lab.begin_step();
        game.receive(&mut lab);
        game.tick(&mut lab);
        lab.end_step();
        let is_connected = lab.pairs[0].is_connected();
        let is_trying = redialled.is_some_and(|since| lab.now < since + PATIENCE);
        if is_connected {
            redialled = None;
        } else if !is_trying {
            game.tally.disconnects += 1;
            game.next_expected = None;
            let seed = seed + 1_000 * game.tally.disconnects;
            lab.replace(contender.pair(seed, lab.now, false));
            redialled = Some(lab.now);
        }
    }
    game.tally.time = seconds * SECOND;
    game.tally.up = lab.up.traffic.since(up);
    game.tally.down = lab.down.traffic.since(down);
    let patience = lab.now + PATIENCE;
    while lab.now < patience && (game.tally.reliable.len() as u64) < game.tally.reliable_sent {
        lab.begin_step();
        game.receive(&mut lab);
        game.idle_tick(&mut lab);
        lab.end_step();
    }
    game.tally
}

/// The applications of both sides.
#[derive(Debug)]
struct Game {
    is_reliable: bool,
    ticks: Ticks,
    tally: Tally,
    /// The reliable message that must come next; `None` on a connection that has brought none.
    next_expected: Option<u32>,
    payload: Vec<u8>,
}

impl Game {
    fn receive(&mut self, lab: &mut Lab) {
        let (now, tally, is_reliable) = (lab.now, &mut self.tally, self.is_reliable);
        let next_expected = &mut self.next_expected;
        lab.pairs[0].server.receive(now, &mut |_, class, payload| {
            let Some(head) = content::read(class, payload) else {
                tally.wrong += 1;
                return;
            };
            if class == Class::Unreliable {
                return tally.state_up.push(now - head.sent);
            }
            tally.reliable.push(now - head.sent);
            let is_wrong = match *next_expected {
                Some(next) if is_reliable => head.number != next,
                // Bare datagrams leave gaps: they only must not come twice.
                Some(next) => head.number.wrapping_add(1) == next,
                None => false,
            };
            tally.wrong += u64::from(is_wrong);
            *next_expected = Some(head.number + 1);
        });
        lab.pairs[0].client.receive(now, &mut |_, class, payload| {
            if let Some(head) = content::read(class, payload) {
                tally.state_down.push(now - head.sent);
            }
        });
    }

    fn tick(&mut self, lab: &mut Lab) {
        let now = lab.now;
        while let Some(tick) = self.ticks.due(now) {
            let number = tick as u32;
            let state = Head { number, sent: now };
            let pair = &mut lab.pairs[0];
            if tick.is_multiple_of(TICKS_BETWEEN_MESSAGES) {
                let number = (tick / TICKS_BETWEEN_MESSAGES) as u32;
                let head = Head { number, sent: now };
                content::write(&mut self.payload, Class::Reliable, head, RELIABLE_LEN);
                // Refused is undelivered: a game has no later for what happens now.
                pair.client.send(now, 0, Class::Reliable, &self.payload);
                self.tally.reliable_sent += 1;
            }
            content::write(&mut self.payload, Class::Unreliable, state, STATE_LEN);
            pair.client.send(now, 0, Class::Unreliable, &self.payload);
            pair.server.send(now, 0, Class::Unreliable, &self.payload);
            self.tally.states_sent += 1;
            pair.client.flush(now);
            pair.server.flush(now);
        }
    }
}

impl Game {
    /// A tick without anything to say.
    fn idle_tick(&mut self, lab: &mut Lab) {
        while self.ticks.due(lab.now).is_some() {
            lab.pairs[0].client.flush(lab.now);
            lab.pairs[0].server.flush(lab.now);
        }
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.time += other.time;
        self.reliable.append(other.reliable);
        self.reliable_sent += other.reliable_sent;
        self.wrong += other.wrong;
        self.state_up.append(other.state_up);
        self.state_down.append(other.state_down);
        self.states_sent += other.states_sent;
        self.up = self.up.plus(other.up);
        self.down = self.down.plus(other.down);
        self.disconnects += other.disconnects;
    }

    fn tell(&self, contender: Contender, path: &Path, seeds: u64, seconds: u64) -> Latency {
        let time = self.time.max(1);
        let a_second = |count: u64| (count * SECOND + time / 2) / time;
        let ppm = |part: u64, whole: u64| part * 1_000_000 / whole.max(1);
        let passed = |traffic: Traffic| ppm(traffic.datagrams - traffic.lost, traffic.datagrams);
        Latency {
            contender: contender.to_string(),
            link: path.title,
            seeds,
            seconds,
            reliable: self.reliable.quantiles(),
            undelivered: self
                .reliable_sent
                .saturating_sub(self.reliable.len() as u64),
            wrong: self.wrong,
            state_up: self.state_up.quantiles(),
            state_down: self.state_down.quantiles(),
            state_up_ppm: ppm(self.state_up.len() as u64, self.states_sent),
            state_down_ppm: ppm(self.state_down.len() as u64, self.states_sent),
            link_up_ppm: passed(self.up),
            link_down_ppm: passed(self.down),
            up_bytes: a_second(self.up.bytes),
            down_bytes: a_second(self.down.bytes),
            up_datagrams_tenths: a_second(self.up.datagrams * 10),
            down_datagrams_tenths: a_second(self.down.datagrams * 10),
            disconnects: self.disconnects,
        }
    }
}
