//! W5: from dialling until the server's application holds the client's first message.
//!
//! The client's application sends it, and flushes, as soon as its transport says that it is connected.

use serde::Serialize;

use super::samples::{Quantiles, Samples};
use super::{Plan, in_parallel};
use crate::contender::Contender;
use crate::lab::content::{self, Head};
use crate::lab::link::Shape;
use crate::lab::loss::Loss;
use crate::lab::{Class, Lab, Micros, Ticks};

const LEN: usize = 64;
/// Nothing after this is a success.
const PATIENCE: Micros = 30_000_000;
/// The losses of the table, in percent.
const LOSSES: [u64; 2] = [0, 10];

/// A row and column of the table. Times in microseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Handshake {
    pub(crate) contender: String,
    pub(crate) loss_percent: u64,
    pub(crate) seeds: u64,
    pub(crate) first_message: Quantiles,
    pub(crate) failed: u64,
    /// Bytes of the wire until then, both ways, in the mean of those that succeeded.
    pub(crate) bytes: u64,
}

/// All that the plan wants.
pub(crate) fn measure(plan: &Plan) -> Vec<Handshake> {
    let seeds = plan.seeds(20, 1_000);
    let mut cells = Vec::new();
    for contender in &plan.contenders {
        let losses = LOSSES.into_iter();
        let wanted = losses.filter(|loss| plan.wants_link(&loss.to_string()));
        cells.extend(wanted.map(|loss| (*contender, loss)));
    }
    in_parallel(&cells, plan.jobs, |(contender, loss)| {
        let runs = (1..=seeds).map(|seed| play(*contender, *loss, seed));
        let done: Vec<(Micros, u64)> = runs.flatten().collect();
        let count = done.len() as u64;
        Handshake {
            contender: contender.to_string(),
            loss_percent: *loss,
            seeds,
            first_message: done
                .iter()
                .map(|run| run.0)
                .collect::<Samples>()
                .quantiles(),
            failed: seeds - count,
            bytes: done.iter().map(|run| run.1).sum::<u64>() / count.max(1),
        }
    })
}

/// When the message arrived and what it took; `None` if it did not.
fn play(contender: Contender, loss_percent: u64, seed: u64) -> Option<(Micros, u64)> {
    let shape = Shape::half_of(50).loss(Loss::Percent(loss_percent));
    let mut lab = Lab::new(
        vec![contender.pair(seed, 0, false)],
        shape.clone(),
        shape,
        seed,
    );
    let mut ticks = Ticks::new(0);
    let mut payload = Vec::new();
    content::write(
        &mut payload,
        Class::Reliable,
        Head { number: 0, sent: 0 },
        LEN,
    );
    let mut is_sent = false;
    // The very first datagrams leave before any time has passed.
    lab.end_step();
    while lab.now < PATIENCE {
        lab.begin_step();
        let (now, pair) = (lab.now, &mut lab.pairs[0]);
        let mut has_arrived = false;
        pair.client.receive(now, &mut |_, _, _| {});
        pair.server.receive(now, &mut |_, _, _| has_arrived = true);
        if has_arrived {
            let bytes = lab.up.traffic.bytes + lab.down.traffic.bytes;
            return Some((now, bytes));
        }
        let is_tick = ticks.due(now).is_some();
        let sends = !is_sent && pair.client.is_connected(0);
        if sends {
            is_sent = pair.client.send(now, 0, Class::Reliable, &payload);
        }
        if sends || is_tick {
            pair.client.flush(now);
        }
        if is_tick {
            pair.server.flush(now);
        }
        lab.end_step();
    }
    None
}
