//! 10 MB through networks that are hard to get through: every bit arrives, in order, on one connection.

use serde::Serialize;

use super::samples::{Quantiles, Samples};
use super::stream::Stream;
use super::{Plan, in_parallel};
use crate::contender::Contender;
use crate::lab::link::Shape;
use crate::lab::loss::Loss;
use crate::lab::{Lab, Micros, STEP, Ticks};

/// 10 MB in messages of 10 kB.
const PIECES: u32 = 1_000;
const PIECE_LEN: usize = 10_000;

const SECOND: Micros = 1_000_000;
const PATIENCE: Micros = 7_200 * SECOND;

/// A network to get through.
#[derive(Clone, Debug)]
struct Network {
    name: &'static str,
    title: &'static str,
    shape: Shape,
    rebinds_every: Option<Micros>,
}

fn networks() -> Vec<Network> {
    let lossy = |percent| Shape::half_of(50).jitter_ms(2).loss(Loss::Percent(percent));
    let outages = Loss::Outages {
        on: 5 * SECOND,
        off: 2 * SECOND,
    };
    let network = |name, title, shape| Network {
        name,
        title,
        shape,
        rebinds_every: None,
    };
    let rebinding = Network {
        rebinds_every: Some(SECOND / 2),
        ..network("rebind", "another port each 500 ms", lossy(0))
    };
    vec![
        network("2", "2 %", lossy(2)),
        network("10", "10 %", lossy(10)),
        network("20", "20 %", lossy(20)),
        network("30", "30 %", lossy(30)),
        network("rtt750", "RTT 750 ms", Shape::half_of(750).jitter_ms(2)),
        network("outages", "5 s on, 2 s off", lossy(0).loss(outages)),
        rebinding,
    ]
}

/// A row and column of the table. Times in microseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reliable {
    pub(crate) contender: String,
    pub(crate) network: &'static str,
    pub(crate) seeds: u64,
    /// Runs in which all arrived, bit by bit, in order and on the first connection.
    pub(crate) exact: u64,
    pub(crate) wrong: u64,
    pub(crate) disconnected: u64,
    pub(crate) too_late: u64,
    pub(crate) took: Quantiles,
}

#[derive(Debug)]
enum End {
    Whole(Micros),
    Disconnected,
    TooLate,
}

/// All that the plan wants.
pub(crate) fn measure(plan: &Plan) -> Vec<Reliable> {
    let seeds = plan.seeds(1, 100);
    let mut cells = Vec::new();
    for contender in plan.contenders.iter().filter(|one| one.is_reliable()) {
        let networks = networks().into_iter();
        let wanted = networks.filter(|network| plan.wants_link(network.name));
        cells.extend(wanted.map(|network| (*contender, network)));
    }
    let runs: Vec<_> = cells
        .iter()
        .flat_map(|cell| (1..=seeds).map(move |seed| (cell, seed)))
        .collect();
    let ends = in_parallel(&runs, plan.jobs, |((contender, network), seed)| {
        play(*contender, network, *seed)
    });
    let ends = ends.chunks(seeds.max(1) as usize);
    let tell = |((contender, network), ends): (&(Contender, Network), &[(End, u64)])| {
        let count = |is: fn(&(End, u64)) -> bool| ends.iter().filter(|end| is(end)).count() as u64;
        let took = ends.iter().filter_map(|(end, _)| match end {
            End::Whole(took) => Some(*took),
            End::Disconnected | End::TooLate => None,
        });
        Reliable {
            contender: contender.to_string(),
            network: network.title,
            seeds,
            exact: count(|(end, wrong)| matches!(end, End::Whole(_)) && *wrong == 0),
            wrong: ends.iter().map(|(_, wrong)| wrong).sum(),
            disconnected: count(|(end, _)| matches!(end, End::Disconnected)),
            too_late: count(|(end, _)| matches!(end, End::TooLate)),
            took: took.collect::<Samples>().quantiles(),
        }
    };
    cells.iter().zip(ends).map(tell).collect()
}

/// How it ended, and messages that were wrong.
fn play(contender: Contender, network: &Network, seed: u64) -> (End, u64) {
    let (title, shape) = (network.title, &network.shape);
    let pair = contender.pair(seed, 0, false);
    let mut lab = Lab::new(vec![pair], shape.clone(), shape.clone(), seed);
    assert!(
        lab.connect(PATIENCE),
        "{contender} cannot connect: {title}, seed {seed}"
    );
    let begin = lab.now;
    lab.rebinds_every = network.rebinds_every;
    let mut ticks = Ticks::new(begin);
    let mut stream = Stream::new(PIECES, PIECE_LEN);
    while lab.now + STEP < begin + PATIENCE {
        lab.begin_step();
        let (now, pair) = (lab.now, &mut lab.pairs[0]);
        pair.server
            .receive(now, &mut |_, _, payload| stream.take(payload));
        pair.client.receive(now, &mut |_, _, _| {});
        if stream.is_whole() {
            return (End::Whole(now - begin), stream.wrong);
        }
        if !pair.is_connected() {
            return (End::Disconnected, stream.wrong);
        }
        stream.offer(now, &mut *pair.client);
        // Some make their datagrams only when a tick ends.
        if ticks.due(now).is_some() {
            pair.client.flush(now);
            pair.server.flush(now);
        }
        lab.end_step();
    }
    (End::TooLate, stream.wrong)
}
