//! An outcome of a long run or of many clients, made small enough for a page. Only what charts and the log show is made
//! smaller; every other number stays what it was.

use serde::Serialize;

use crate::scenario::{ConnectionSeries, Outcome, PathSeries, Series, TrafficSeries};

/// Points of a line, at most; if there are more intervals, as many as needed become one.
pub const INTERVALS_MAX: usize = 1_200;
/// Values of the series of connections, at most; the first clients have theirs.
pub const SERIES_VALUES_MAX: usize = 600_000;
/// Lines of the log, at most.
pub const LOG_MAX: usize = 2_000;
/// Lines of one connection.
const LINES: usize = 12;

/// What a page does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    /// How many intervals one point stands for.
    merged_intervals: usize,
    connections: usize,
    log: usize,
}

/// A copy for a page, and what is not in it.
pub(super) fn shrunk(outcome: &Outcome) -> (Outcome, LeftOut) {
    let mut small = Outcome {
        series: Series::default(),
        log: Vec::new(),
        ..outcome.clone()
    };
    let series = &outcome.series;
    let intervals = usize::try_from(series.intervals).unwrap_or(usize::MAX);
    let merged = intervals.div_ceil(INTERVALS_MAX).max(1);
    let points = intervals.div_ceil(merged).max(1);
    let shown = (SERIES_VALUES_MAX / (points * LINES)).min(series.connections.len());
    small.series = Series {
        interval_us: series.interval_us * merged as u64,
        intervals: intervals.div_ceil(merged) as u64,
        traffic: series
            .traffic
            .iter()
            .map(|found| merge_traffic(found, merged))
            .collect(),
        connections: series.connections[..shown]
            .iter()
            .map(|found| ConnectionSeries {
                up: merge_path(&found.up, merged),
                down: merge_path(&found.down, merged),
            })
            .collect(),
    };
    let lines = outcome.log.len().min(LOG_MAX);
    small.log = outcome.log[..lines].to_vec();
    let left_out = LeftOut {
        merged_intervals: merged,
        connections: series.connections.len() - shown,
        log: outcome.log.len() - lines,
    };
    (small, left_out)
}

fn merge_traffic(found: &TrafficSeries, merged: usize) -> TrafficSeries {
    let all = found.delivered.chunks(merged);
    let means = all.clone().zip(found.mean_us.chunks(merged));
    TrafficSeries {
        delivered: all.map(|counts| counts.iter().sum()).collect(),
        mean_us: means.map(|(counts, means)| mean(counts, means)).collect(),
        max_us: greatest(&found.max_us, merged),
    }
}

/// The mean of means, each as heavy as its count.
fn mean(counts: &[u32], means: &[u32]) -> u32 {
    let count: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let products = counts.iter().zip(means);
    let sum: u64 = products
        .map(|(count, mean)| u64::from(*count) * u64::from(*mean))
        .sum();
    u32::try_from(sum / count.max(1)).unwrap_or(u32::MAX)
}

fn merge_path(found: &PathSeries, merged: usize) -> PathSeries {
    PathSeries {
        rtt_us: greatest(&found.rtt_us, merged),
        window_bytes: greatest(&found.window_bytes, merged),
        in_flight_bytes: greatest(&found.in_flight_bytes, merged),
        queued_bytes: greatest(&found.queued_bytes, merged),
        loss_permille: greatest(&found.loss_permille, merged),
        link_queue_bytes: greatest(&found.link_queue_bytes, merged),
    }
}

fn greatest<T: Copy + Ord + Default>(values: &[T], merged: usize) -> Vec<T> {
    let parts = values.chunks(merged);
    parts
        .map(|part| part.iter().copied().max().unwrap_or_default())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    fn outcome(duration: &str, clients: u32) -> Outcome {
        let text = format!(
            "title = \"x\"\nduration = \"{duration}\"\ndrain = \"0s\"\n[[clients]]\ncount = {clients}\n\
             [[traffic]]\nname = \"a\"\ndelivery = \"unreliable\"\nrate_hz = 1\n"
        );
        Scenario::parse(&text).expect("it is a scenario").run(1)
    }

    #[test]
    fn a_short_run_stays_as_it_is() {
        let outcome = outcome("2s", 2);
        let (small, left_out) = shrunk(&outcome);
        assert_eq!(small, outcome);
        let nothing = LeftOut {
            merged_intervals: 1,
            connections: 0,
            log: 0,
        };
        assert_eq!(left_out, nothing);
    }

    #[test]
    fn intervals_of_a_long_run_become_one_and_lose_no_message_and_no_peak() {
        let outcome = outcome("250s", 1);
        let (small, left_out) = shrunk(&outcome);
        assert_eq!(left_out.merged_intervals, 3);
        let (before, after) = (&outcome.series.traffic[0], &small.series.traffic[0]);
        assert_eq!(after.delivered.len() as u64, small.series.intervals);
        assert!(after.delivered.len() <= INTERVALS_MAX);
        let sum = |counts: &[u32]| counts.iter().sum::<u32>();
        assert_eq!(sum(&after.delivered), sum(&before.delivered));
        assert_eq!(after.max_us.iter().max(), before.max_us.iter().max());
        assert_eq!(mean(&[1, 3], &[10, 50]), 40);
        let rest = Outcome {
            series: outcome.series.clone(),
            ..small
        };
        assert_eq!(rest, outcome, "nothing else changes");
    }

    #[test]
    fn the_first_of_many_clients_have_their_lines_and_the_log_its_first() {
        let mut outcome = outcome("1s", 1);
        let points = outcome.series.connections[0].up.rtt_us.len();
        let many = SERIES_VALUES_MAX / (points * LINES) + 5;
        outcome.series.connections = vec![outcome.series.connections[0].clone(); many];
        outcome.log = vec![outcome.log[0].clone(); LOG_MAX + 7];
        let (small, left_out) = shrunk(&outcome);
        assert_eq!((left_out.connections, left_out.log), (5, 7));
        assert_eq!(small.series.connections.len(), many - 5);
        assert_eq!(small.log.len(), LOG_MAX);
    }
}
