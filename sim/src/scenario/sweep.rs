//! A sweep: one scenario over many losses and round trips, each with several seeds.
//!
//! A [`Sweep`] is a list of runs. They do not depend on each other, so the caller may play them in any order and on as many
//! threads as it likes; [`Sweep::gather`] puts what came out in the list's order, so the result does not depend on that.

use std::time::Duration;

use serde::Serialize;

use super::Scenario;
use super::outcome::{Direction, Outcome, TrafficOutcome};

/// Most points of a sweep.
pub const POINTS_MAX: usize = 400;
/// Most runs of a sweep.
pub const RUNS_MAX: u64 = 10_000;

/// What is swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    losses_permille: Vec<u16>,
    rtts: Vec<Duration>,
    first_seed: u64,
    seeds: u64,
}

/// One run of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Lost in each direction, in tenths of a percent.
    pub loss_permille: u16,
    /// There and back, without jitter and queues.
    pub rtt: Duration,
    /// The seed.
    pub seed: u64,
}

/// What a run gave, as far as a sweep keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    traffic: Vec<Figures>,
    names: Vec<(String, Direction, bool)>,
    disconnects: u64,
    unmet: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Figures {
    goodput_bps: u64,
    p50_us: u64,
    p99_us: u64,
    sent: u64,
    lost: u64,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// The scenario's title.
    pub title: String,
    /// The least seed of each point.
    pub first_seed: u64,
    /// How many seeds each point has.
    pub seeds: u64,
    /// The losses, in tenths of a percent.
    pub losses_permille: Vec<u16>,
    /// The round trips.
    pub rtts_us: Vec<u64>,
    /// One for each kind of traffic and direction.
    pub traffic: Vec<Swept>,
    /// Connections that ended without anybody asking for it, at each point over all seeds: by loss, then by round trip.
    pub disconnects: Vec<Vec<u64>>,
    /// Runs that were not as the scenario expects, at each point.
    pub unmet: Vec<Vec<u64>>,
}

/// One kind of traffic in one direction. Each list has a list for each loss, with a value for each round trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// The traffic's name.
    pub name: String,
    /// Which way.
    pub direction: Direction,
    /// Whether it is a `total`, sent as fast as it is taken.
    pub is_bulk: bool,
    /// Payload per second and client, in bits: the mean over the seeds.
    pub goodput_bps: Vec<Vec<u64>>,
    /// Median latency: the median over the seeds.
    pub p50_us: Vec<Vec<u64>>,
    /// 99th percentile of latency: the median over the seeds.
    pub p99_us: Vec<Vec<u64>>,
    /// The greatest 99th percentile of any seed.
    pub p99_worst_us: Vec<Vec<u64>>,
    /// Messages that were lost, in tenths of a percent, over all seeds.
    pub lost_permille: Vec<Vec<u64>>,
}

impl Sweep {
    /// A sweep over these losses, in tenths of a percent, and round trips, each with `seeds` seeds from `first_seed` on.
    ///
    /// # Errors
    ///
    /// What is expected, if there is nothing to sweep, or too much.
    pub fn new(
        losses_permille: &[u16],
        rtts: &[Duration],
        first_seed: u64,
        seeds: u64,
    ) -> Result<Self, String> {
        let (mut losses_permille, mut rtts) = (losses_permille.to_vec(), rtts.to_vec());
        losses_permille.sort_unstable();
        losses_permille.dedup();
        rtts.sort_unstable();
        rtts.dedup();
        let points = losses_permille.len() * rtts.len();
        if points == 0 || seeds == 0 {
            return Err("expected at least one loss, one round trip and one seed".to_owned());
        }
        let runs = (points as u64).saturating_mul(seeds);
        if points > POINTS_MAX || runs > RUNS_MAX {
            return Err(format!(
                "{points} points with {seeds} seeds are too many: expected at most {POINTS_MAX} points and {RUNS_MAX} runs"
            ));
        }
        if first_seed.checked_add(seeds).is_none() {
            return Err("the seeds end before that".to_owned());
        }
        Ok(Self {
            losses_permille,
            rtts,
            first_seed,
            seeds,
        })
    }

    /// All runs, in order: by loss, then by round trip, then by seed.
    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for loss_permille in &self.losses_permille {
            for rtt in &self.rtts {
                let seeds = self.first_seed..self.first_seed + self.seeds;
                runs.extend(seeds.map(|seed| Run {
                    loss_permille: *loss_permille,
                    rtt: *rtt,
                    seed,
                }));
            }
        }
        runs
    }

    /// Puts together what the runs gave, which must be in the order of [`runs`](Self::runs).
    ///
    /// # Panics
    ///
    /// If there are fewer or more of them than runs.
    #[must_use]
    pub fn gather(&self, scenario: &Scenario, measured: &[Measured]) -> SweepReport {
        assert_eq!(measured.len(), self.runs().len(), "one for each run");
        let per_point = usize::try_from(self.seeds).unwrap_or(usize::MAX);
        let per_loss = per_point.saturating_mul(self.rtts.len());
        let grid = |value: &dyn Fn(&[Measured]) -> u64| -> Vec<Vec<u64>> {
            let rows = measured.chunks(per_loss);
            rows.map(|row| row.chunks(per_point).map(value).collect())
                .collect()
        };
        let kinds = measured.first().map_or(&[][..], |first| &first.names);
        let swept = kinds
            .iter()
            .enumerate()
            .map(|(kind, (name, way, is_bulk))| {
                let all = |point: &[Measured], value: fn(&Figures) -> u64| -> Vec<u64> {
                    let values = point.iter().map(|run| value(&run.traffic[kind]));
                    values.collect()
                };
                Swept {
                    name: name.clone(),
                    direction: *way,
                    is_bulk: *is_bulk,
                    goodput_bps: grid(&|point| mean(&all(point, |found| found.goodput_bps))),
                    p50_us: grid(&|point| median(all(point, |found| found.p50_us))),
                    p99_us: grid(&|point| median(all(point, |found| found.p99_us))),
                    p99_worst_us: grid(&|point| {
                        let worst = all(point, |found| found.p99_us).into_iter().max();
                        worst.unwrap_or(0)
                    }),
                    lost_permille: grid(&|point| {
                        let sent: u64 = all(point, |found| found.sent).iter().sum();
                        let lost: u64 = all(point, |found| found.lost).iter().sum();
                        lost * 1_000 / sent.max(1)
                    }),
                }
            });
        SweepReport {
            title: scenario.title.clone(),
            first_seed: self.first_seed,
            seeds: self.seeds,
            losses_permille: self.losses_permille.clone(),
            rtts_us: self.rtts.iter().map(|rtt| micros(*rtt)).collect(),
            traffic: swept.collect(),
            disconnects: grid(&|point| point.iter().map(|run| run.disconnects).sum()),
            unmet: grid(&|point| point.iter().map(|run| run.unmet).sum()),
        }
    }
}

impl Run {
    /// Plays it.
    #[must_use]
    pub fn play(&self, scenario: &Scenario) -> Measured {
        let outcome = scenario
            .with_path(self.loss_permille, self.rtt)
            .run(self.seed);
        Measured::from(&outcome)
    }
}

impl From<&Outcome> for Measured {
    fn from(outcome: &Outcome) -> Self {
        let named = |found: &TrafficOutcome| {
            let is_bulk = found.complete.is_some();
            (found.name.clone(), found.direction, is_bulk)
        };
        Self {
            traffic: outcome.traffic.iter().map(Figures::from).collect(),
            names: outcome.traffic.iter().map(named).collect(),
            disconnects: outcome.connections.disconnects,
            unmet: u64::from(!outcome.unmet.is_empty()),
        }
    }
}

impl From<&TrafficOutcome> for Figures {
    fn from(found: &TrafficOutcome) -> Self {
        Self {
            goodput_bps: found.goodput_bps,
            p50_us: found.latency.p50_us,
            p99_us: found.latency.p99_us,
            sent: found.sent,
            lost: found.lost,
        }
    }
}

fn mean(values: &[u64]) -> u64 {
    let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
    let mean = sum / (values.len() as u128).max(1);
    u64::try_from(mean).unwrap_or(u64::MAX)
}

/// The lower one of the two in the middle, if there are two.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(0)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    const TALK: &str = "title = \"Talk\"\nduration = \"3s\"\n[link]\nrate = \"5Mbit/s\"\nqueue = 50\n[link.up]\ndelay = \"1s\"\n[[traffic]]\nname = \"file\"\ndelivery = \"reliable\"\ndirection = \"down\"\nsize = 5000\ntotal = \"500kB\"\n[[traffic]]\nname = \"state\"\ndelivery = \"sequenced\"\ndirection = \"up\"\nrate_hz = 30\n";

    fn swept(sweep: &Sweep, scenario: &Scenario) -> SweepReport {
        let runs = sweep.runs();
        let measured: Vec<Measured> = runs.iter().map(|run| run.play(scenario)).collect();
        sweep.gather(scenario, &measured)
    }

    #[test]
    fn loss_and_distance_cost_goodput_and_time() {
        let scenario = Scenario::parse(TALK).expect("a good scenario");
        let sweep = Sweep::new(&[0, 50], &[ms(20), ms(100)], 0, 3).expect("a small sweep");
        let report = swept(&sweep, &scenario);
        let (file, state) = (&report.traffic[0], &report.traffic[1]);
        assert!(file.is_bulk && !state.is_bulk);
        assert!(file.goodput_bps[0][0] > file.goodput_bps[1][0], "{file:?}");
        assert!(file.goodput_bps[1][0] > file.goodput_bps[1][1], "{file:?}");
        // The link's own delays are replaced, also that of one direction.
        assert!((10_000..16_000).contains(&state.p50_us[0][0]), "{state:?}");
        assert!((50_000..56_000).contains(&state.p50_us[0][1]), "{state:?}");
        assert_eq!(state.lost_permille[0], [0, 0]);
        assert!((20..90).contains(&state.lost_permille[1][0]), "{state:?}");
    }

    #[test]
    fn the_order_of_what_is_asked_for_does_not_matter() {
        let forth = Sweep::new(&[0, 20], &[ms(20), ms(50)], 7, 1).expect("a small sweep");
        let back = Sweep::new(&[20, 0, 20], &[ms(50), ms(20)], 7, 1).expect("a small sweep");
        assert_eq!(forth, back);
        assert_eq!(forth.runs()[1].rtt, ms(50));
    }

    #[test]
    fn too_much_and_nothing_are_refused() {
        assert!(Sweep::new(&[], &[ms(1)], 0, 1).is_err());
        assert!(Sweep::new(&[0], &[ms(1)], 0, 0).is_err());
        let error = Sweep::new(&[0], &[ms(1)], 0, 1_000_000).expect_err("too many");
        assert!(
            error.contains("at most 400 points and 10000 runs"),
            "{error}"
        );
        assert!(Sweep::new(&[0], &[ms(1)], u64::MAX, 2).is_err());
    }

    #[test]
    fn a_median_of_two_is_the_lower_one() {
        assert_eq!(median(vec![9, 1]), 1);
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!((median(Vec::new()), mean(&[])), (0, 0));
        assert_eq!(mean(&[1, 2]), 1);
    }
}
