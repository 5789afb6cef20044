//! The time series: what each interval looked like.

use std::time::Duration;

use tickwire_core::{Instant, PeerStats};

use super::{Action, Run};
use crate::scenario::Scenario;
use crate::scenario::outcome::{ConnectionSeries, PathSeries, Series, TrafficSeries};

/// Length of an interval.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// Collects the series.
#[derive(Debug)]
pub(super) struct Sampler {
    /// By kind and interval: how many, the sum of their latencies, the greatest.
    traffic: Vec<Vec<(u32, u64, u64)>>,
    connections: Vec<ConnectionSeries>,
    intervals: usize,
}

impl Sampler {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let clients = usize::try_from(scenario.clients()).unwrap_or(usize::MAX);
        Self {
            // One for each traffic and direction, at most.
            traffic: vec![Vec::new(); scenario.traffic.len() * 2],
            connections: vec![ConnectionSeries::default(); clients],
            intervals: 0,
        }
    }

    /// A message arrived.
    pub(super) fn on_message(&mut self, kind: usize, at: Instant, latency_us: u64) {
        let since = at.saturating_duration_since(Instant::ZERO);
        let interval =
            usize::try_from(since.as_nanos() / INTERVAL.as_nanos()).unwrap_or(usize::MAX);
        let intervals = &mut self.traffic[kind];
        if intervals.len() <= interval {
            intervals.resize(interval + 1, (0, 0, 0));
        }
        let (count, sum, max) = &mut intervals[interval];
        *count += 1;
        *sum += latency_us;
        *max = latency_us.max(*max);
    }

    pub(super) fn finish(mut self, kinds: usize) -> Series {
        self.traffic.truncate(kinds);
        let intervals = self.intervals;
        let traffic = self.traffic.into_iter().map(|mut found| {
            found.resize(intervals, (0, 0, 0));
            TrafficSeries {
                delivered: found.iter().map(|(count, _, _)| *count).collect(),
                mean_us: found
                    .iter()
                    .map(|(count, sum, _)| narrow(sum / u64::from(*count).max(1)))
                    .collect(),
                max_us: found.iter().map(|(_, _, max)| narrow(*max)).collect(),
            }
        });
        Series {
            interval_us: u64::try_from(INTERVAL.as_micros()).unwrap_or(u64::MAX),
            intervals: intervals as u64,
            traffic: traffic.collect(),
            connections: self.connections,
        }
    }
}

impl Run<'_> {
    pub(super) fn sample(&mut self) {
        let now = self.world.now();
        self.plan(now + INTERVAL, Action::Sample);
        self.sampler.intervals += 1;
        for (client, series) in self.clients.iter().zip(&mut self.sampler.connections) {
            let host = client.place.host;
            let up = client
                .connected()
                .and_then(|peer| self.world.view(host).peer_stats(peer));
            let down = client
                .at_server
                .and_then(|peer| self.world.view(self.server).peer_stats(peer));
            series
                .up
                .push(up, self.world.queued_bytes(host, self.server));
            series
                .down
                .push(down, self.world.queued_bytes(self.server, host));
        }
    }
}

impl PathSeries {
    fn push(&mut self, stats: Option<PeerStats>, link_queue_bytes: usize) {
        let stats = stats.unwrap_or_default();
        self.rtt_us.push(narrow(stats.rtt_us));
        self.window_bytes
            .push(narrow(stats.congestion_window_bytes));
        self.in_flight_bytes.push(narrow(stats.in_flight_bytes));
        self.queued_bytes.push(narrow(stats.queued_bytes));
        self.loss_permille.push(stats.loss_permille);
        self.link_queue_bytes.push(narrow(link_queue_bytes as u64));
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
