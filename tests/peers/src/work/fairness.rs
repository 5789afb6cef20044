//! Whether flows that share a bottleneck share it fairly: 10 Mbit/s, a queue of 64 KB, 50 ms round trip.

use std::fmt;

use serde::Serialize;
use tickwire_core::CongestionControl;

use super::bulk::{QUEUE, RATE};
use super::stream::Stream;
use super::{Plan, in_parallel};
use crate::contender::{Contender, Setup};
use crate::lab::link::Shape;
use crate::lab::rng::Rng;
use crate::lab::{Lab, Micros};

const PIECE_LEN: usize = 10_000;
const SECOND: Micros = 1_000_000;
/// The second begins up to this much after the first: nobody's luck is the same start.
const OFFSET_MS: u64 = 500;

/// One of two that share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sharer {
    contender: Contender,
    /// Tickwire's.
    congestion: CongestionControl,
}

const TICKWIRE: Sharer = Sharer {
    contender: Contender::Tickwire,
    congestion: CongestionControl::Game,
};
/// CUBIC, by default.
const QUINN: Sharer = Sharer {
    contender: Contender::Quinn,
    congestion: CongestionControl::Game,
};

/// Who shares with whom: each controller with its like, and with CUBIC as another implementation has it.
fn pairs(plan: &Plan) -> Vec<(Sharer, Sharer)> {
    let mut all = vec![(TICKWIRE, TICKWIRE), (TICKWIRE, QUINN), (QUINN, QUINN)];
    for congestion in &plan.controllers {
        let other = Sharer {
            congestion: *congestion,
            ..TICKWIRE
        };
        all.extend([(other, other), (other, QUINN)]);
    }
    let wanted = |one: Sharer| plan.contenders.contains(&one.contender);
    all.retain(|(a, b)| wanted(*a) && wanted(*b));
    all
}

/// `tickwire`, `tickwire (bbr)`.
impl fmt::Display for Sharer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.contender)?;
        match self.congestion == CongestionControl::default() {
            true => Ok(()),
            false => write!(f, " ({})", self.congestion),
        }
    }
}

/// A row of the table. Shares and index in thousandths.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fairness {
    pub(crate) first: String,
    pub(crate) second: String,
    pub(crate) seeds: u64,
    pub(crate) seconds: u64,
    /// The least of the seeds (Jain, Chiu and Hawe 1984).
    pub(crate) jain_permille_min: u64,
    /// The first one's part of what both got: least, mean, most.
    pub(crate) share_permille: [u64; 3],
    /// Of the bottleneck's rate, what both got of payload, in the mean.
    pub(crate) used_permille: u64,
}

/// All that the plan wants.
pub(crate) fn measure(plan: &Plan) -> Vec<Fairness> {
    let (seeds, seconds) = (plan.seeds(2, 10), plan.seconds(20, 120));
    let pairs = pairs(plan);
    let runs: Vec<_> = pairs
        .iter()
        .flat_map(|pair| (1..=seeds).map(move |seed| (*pair, seed)))
        .collect();
    let runs = in_parallel(&runs, plan.jobs, |(pair, seed)| play(*pair, *seed, seconds));
    let runs = runs.chunks(seeds.max(1) as usize);
    let tell = |((first, second), runs): (&(Sharer, Sharer), &[[u64; 2]])| {
        let shares: Vec<u64> = runs
            .iter()
            .map(|got| got[0] * 1_000 / (got[0] + got[1]).max(1))
            .collect();
        let (least, most) = (shares.iter().min(), shares.iter().max());
        let total: u64 = runs.iter().flatten().sum();
        Fairness {
            first: first.to_string(),
            second: second.to_string(),
            seeds,
            seconds,
            jain_permille_min: runs.iter().map(jain).min().unwrap_or(0),
            share_permille: [
                least.copied().unwrap_or(0),
                shares.iter().sum::<u64>() / seeds.max(1),
                most.copied().unwrap_or(0),
            ],
            used_permille: total * 8_000 / (RATE * seconds * seeds).max(1),
        }
    };
    pairs.iter().zip(runs).map(tell).collect()
}

/// `(a + b)^2 / (2 (a^2 + b^2))` in thousandths.
fn jain(got: &[u64; 2]) -> u64 {
    let [a, b] = got.map(u128::from);
    let index = 1_000 * (a + b) * (a + b) / (2 * (a * a + b * b)).max(1);
    u64::try_from(index).expect("it is at most 1,000")
}

/// Bytes of payload that each got.
fn play((first, second): (Sharer, Sharer), seed: u64, seconds: u64) -> [u64; 2] {
    let pair = |one: Sharer, seed| {
        one.contender.pair_of(Setup {
            seed,
            now: 0,
            clients: 1,
            count_states: false,
            congestion: one.congestion,
        })
    };
    let pairs = vec![pair(first, seed), pair(second, seed + 1_000)];
    let back = Shape::half_of(50);
    let mut lab = Lab::new(pairs, back.clone().bottleneck(RATE, QUEUE), back, seed);
    assert!(
        lab.connect(30 * SECOND),
        "{first} or {second} cannot connect"
    );
    let begin = lab.now;
    let offset = Rng::new(seed, "offset").below(OFFSET_MS) * 1_000;
    let mut streams = [(); 2].map(|()| Stream::new(u32::MAX, PIECE_LEN));
    while lab.now < begin + seconds * SECOND {
        lab.begin_step();
        let now = lab.now;
        for (number, stream) in streams.iter_mut().enumerate() {
            let pair = &mut lab.pairs[number];
            pair.server
                .receive(now, &mut |_, _, payload| stream.take(payload));
            pair.client.receive(now, &mut |_, _, _| {});
            if number == 0 || now >= begin + offset {
                stream.offer(now, &mut *pair.client);
            }
        }
        lab.end_step();
    }
    streams.map(|stream| stream.received_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_1_for_equals_and_a_half_if_one_has_all() {
        assert_eq!(jain(&[7, 7]), 1_000);
        assert_eq!(jain(&[7, 0]), 500);
        assert_eq!(jain(&[3, 1]), 800);
    }
}
