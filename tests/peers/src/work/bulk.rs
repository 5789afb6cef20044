//! W2: a large transfer beside fresh state, over a bottleneck with a queue.
//!
//! A client sends 5 MB reliably, as fast as its transport takes them, and 200 bytes of unreliable state at each tick,
//! over 10 Mbit/s with a drop-tail queue of 64 kB, until the last byte of the 5 MB has arrived.

use serde::Serialize;

use super::samples::{Quantiles, Samples};
use super::stream::Stream;
use super::{Plan, in_parallel};
use crate::contender::Contender;
use crate::lab::content::{self, Head};
use crate::lab::link::Shape;
use crate::lab::loss::Loss;
use crate::lab::{Class, Lab, Micros, Ticks};

/// 5 MB in messages of 10 kB.
const PIECES: u32 = 500;
const PIECE_LEN: usize = 10_000;
const STATE_LEN: usize = 200;

const SECOND: Micros = 1_000_000;
const PATIENCE: Micros = 300 * SECOND;
/// After the transfer, so that state on its way can arrive.
const AFTERMATH: Micros = SECOND;

/// The losses of the table, in percent.
const LOSSES: [u64; 4] = [0, 1, 2, 5];

pub(crate) const RATE: u64 = 10_000_000;
pub(crate) const QUEUE: u64 = 64_000;

/// What happened in one run.
#[derive(Debug, Default)]
struct Run {
    /// From the first `send` until the last piece is whole.
    took: Option<Micros>,
    wrong: u64,
    state: Samples,
    states_sent: u64,
    states_lost: u64,
    wire_bytes: u64,
}

/// A row and column of the table. Times in microseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bulk {
    pub(crate) contender: String,
    pub(crate) loss_percent: u64,
    pub(crate) seeds: u64,
    /// The median, of the runs that came to an end.
    pub(crate) completion: Option<Micros>,
    pub(crate) slowest: Option<Micros>,
    pub(crate) unfinished: u64,
    /// Pieces that came out of turn or with a wrong bit.
    pub(crate) wrong: u64,
    pub(crate) state: Quantiles,
    pub(crate) states_sent: u64,
    pub(crate) states_delivered: u64,
    /// What the link's chance took; and what got lost otherwise: in queues, or never sent.
    pub(crate) states_lost_by_chance: u64,
    pub(crate) states_lost_otherwise: i64,
    pub(crate) wire_per_payload_ppm: u64,
}

/// All that the plan wants.
pub(crate) fn measure(plan: &Plan) -> Vec<Bulk> {
    let seeds = plan.seeds(2, 30);
    let mut cells = Vec::new();
    for contender in &plan.contenders {
        // Without repetition nothing would ever be complete.
        if contender.is_reliable() {
            let losses = LOSSES.into_iter();
            let wanted = losses.filter(|loss| plan.wants_link(&loss.to_string()));
            cells.extend(wanted.map(|loss| (*contender, loss)));
        }
    }
    let runs: Vec<_> = cells
        .iter()
        .flat_map(|cell| (1..=seeds).map(move |seed| (*cell, seed)))
        .collect();
    let runs = in_parallel(&runs, plan.jobs, |((contender, loss), seed)| {
        play(*contender, *loss, *seed)
    });
    let runs = runs.chunks(seeds.max(1) as usize);
    let cells = cells.into_iter().zip(runs);
    cells
        .map(|((contender, loss), runs)| tell(contender, loss, runs))
        .collect()
}

/// The way of the transfer: everything goes through the bottleneck. Acknowledgements have a free way back, which loses too.
fn path(loss_percent: u64) -> (Shape, Shape) {
    let back = Shape::half_of(50).loss(Loss::Percent(loss_percent));
    (back.clone().bottleneck(RATE, QUEUE), back)
}

fn play(contender: Contender, loss_percent: u64, seed: u64) -> Run {
    let (up, down) = path(loss_percent);
    let pair = contender.pair(seed, 0, true);
    let mut lab = Lab::new(vec![pair], up, down, seed);
    assert!(
        lab.connect(PATIENCE),
        "{contender} cannot connect, seed {seed}"
    );
    let begin = lab.now;
    let (up, down) = (lab.up.traffic, lab.down.traffic);
    let mut transfer = Transfer::new(begin);
    while !transfer.pieces.is_whole() && lab.now < begin + PATIENCE {
        lab.begin_step();
        transfer.receive(&mut lab);
        transfer.pieces.offer(lab.now, &mut *lab.pairs[0].client);
        transfer.tick(&mut lab);
        lab.end_step();
    }
    let is_whole = transfer.pieces.is_whole();
    transfer.run.took = is_whole.then_some(lab.now - begin);
    transfer.run.wire_bytes = lab.up.traffic.since(up).bytes + lab.down.traffic.since(down).bytes;
    let until = lab.now + AFTERMATH;
    while lab.now < until {
        lab.begin_step();
        transfer.receive(&mut lab);
        lab.end_step();
    }
    transfer.run.wrong += transfer.pieces.wrong;
    transfer.run.states_lost = lab.up.traffic.since(up).states_lost;
    transfer.run
}

/// The applications of both sides.
#[derive(Debug)]
struct Transfer {
    ticks: Ticks,
    run: Run,
    pieces: Stream,
    state: Vec<u8>,
}

impl Transfer {
    fn new(begin: Micros) -> Self {
        Self {
            ticks: Ticks::new(begin),
            run: Run::default(),
            pieces: Stream::new(PIECES, PIECE_LEN),
            state: Vec::new(),
        }
    }

    fn receive(&mut self, lab: &mut Lab) {
        let (now, run, pieces) = (lab.now, &mut self.run, &mut self.pieces);
        lab.pairs[0]
            .server
            .receive(now, &mut |_, class, payload| match class {
                Class::Reliable => pieces.take(payload),
                Class::Unreliable => match content::read(class, payload) {
                    Some(head) => run.state.push(now - head.sent),
                    None => run.wrong += 1,
                },
            });
        lab.pairs[0].client.receive(now, &mut |_, _, _| {});
    }

    fn tick(&mut self, lab: &mut Lab) {
        let (now, pair) = (lab.now, &mut lab.pairs[0]);
        while let Some(tick) = self.ticks.due(now) {
            let head = Head {
                number: tick as u32,
                sent: now,
            };
            content::write(&mut self.state, Class::Unreliable, head, STATE_LEN);
            pair.client.send(now, 0, Class::Unreliable, &self.state);
            pair.client.flush(now);
            pair.server.flush(now);
            self.run.states_sent += 1;
        }
    }
}

fn tell(contender: Contender, loss_percent: u64, runs: &[Run]) -> Bulk {
    let took: Samples = runs.iter().filter_map(|run| run.took).collect();
    let mut state = Samples::default();
    for run in runs {
        state.append(run.state.clone());
    }
    let sum = |of: fn(&Run) -> u64| runs.iter().map(of).sum::<u64>();
    let (sent, lost) = (sum(|run| run.states_sent), sum(|run| run.states_lost));
    let delivered = state.len() as u64;
    let payload = u64::from(PIECES) * PIECE_LEN as u64 * runs.len() as u64;
    Bulk {
        contender: contender.to_string(),
        loss_percent,
        seeds: runs.len() as u64,
        completion: took.quantiles().p50,
        slowest: took.quantiles().max,
        unfinished: (runs.len() - took.len()) as u64,
        wrong: sum(|run| run.wrong),
        state: state.quantiles(),
        states_sent: sent,
        states_delivered: delivered,
        states_lost_by_chance: lost,
        states_lost_otherwise: sent as i64 - delivered as i64 - lost as i64,
        wire_per_payload_ppm: sum(|run| run.wire_bytes) * 1_000_000 / payload,
    }
}
