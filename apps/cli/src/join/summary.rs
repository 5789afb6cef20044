//! What bots saw, added up: for `join --json`, `serve --json` and their last lines.

use serde::Serialize;

use super::bot::Report;

/// One bot.
#[derive(Debug, Serialize)]
pub(crate) struct BotSummary {
    name: String,
    snapshots_received: u64,
    snapshots_stale: u64,
    shots_received: u64,
    events_expected: u64,
    events_received: u64,
    events_duplicated: u64,
    /// Whether the server said goodbye, so that `events_expected` is certain.
    events_final: bool,
    rtt_ms: f64,
    jitter_ms: f64,
    loss_pct: f64,
    bytes_sent: u64,
    bytes_received: u64,
    datagrams_sent: u64,
    datagrams_received: u64,
    retransmissions: u64,
    /// Moves to another socket that the server answered, and that it did not.
    rebinds: u64,
    rebinds_failed: u64,
    /// Why it did not end as it should.
    error: Option<String>,
}

impl BotSummary {
    fn new(report: &Report) -> Self {
        let (game, peer, endpoint) = (&report.game, &report.peer, &report.endpoint);
        Self {
            name: report.name.clone(),
            snapshots_received: game.snapshots_received,
            snapshots_stale: game.snapshots_stale,
            shots_received: game.shots_received,
            events_expected: game.events_expected,
            events_received: game.events_received,
            events_duplicated: game.events_duplicated,
            events_final: game.events_final,
            rtt_ms: millis(peer.rtt_us),
            jitter_ms: millis(peer.jitter_us),
            loss_pct: percent(peer.loss_permille),
            bytes_sent: endpoint.bytes_sent,
            bytes_received: endpoint.bytes_received,
            datagrams_sent: endpoint.datagrams_sent,
            datagrams_received: endpoint.datagrams_received,
            retransmissions: peer.retransmissions,
            rebinds: peer.path_changes,
            rebinds_failed: peer.paths_failed,
            error: report.failure.as_ref().map(|error| format!("{error:#}")),
        }
    }
}

/// Sums over bots; times and losses are means.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) snapshots_received: u64,
    pub(crate) events_expected: u64,
    pub(crate) events_received: u64,
    pub(crate) events_duplicated: u64,
}

impl Totals {
    pub(crate) fn of(reports: &[Report]) -> Self {
        let sum = |field: fn(&Report) -> u64| reports.iter().map(field).sum();
        Self {
            snapshots_received: sum(|report| report.game.snapshots_received),
            events_expected: sum(|report| report.game.events_expected),
            events_received: sum(|report| report.game.events_received),
            events_duplicated: sum(|report| report.game.events_duplicated),
        }
    }

    /// For people.
    pub(crate) fn line(&self) -> String {
        let Self {
            snapshots_received,
            events_expected,
            events_received,
            events_duplicated,
        } = self;
        format!(
            "{snapshots_received} snapshots; {events_received} of {events_expected} events, {events_duplicated} of them twice"
        )
    }
}

/// The result of `join --json`. Counts are sums over the bots.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Players in the game when a bot last looked, the most.
    players: usize,
    tick_rate_hz: u16,
    /// Steps of the bots' own clocks, the most.
    ticks: u64,
    #[serde(flatten)]
    totals: Totals,
    /// The mean, as `loss_pct`; absent without a connection.
    rtt_ms: Option<f64>,
    loss_pct: f64,
    bytes_sent: u64,
    bytes_received: u64,
    datagrams_sent: u64,
    datagrams_received: u64,
    bots: Vec<BotSummary>,
}

impl Summary {
    pub(crate) fn new(reports: &[Report]) -> Self {
        let sum = |field: fn(&Report) -> u64| reports.iter().map(field).sum();
        let most = |field: fn(&Report) -> u64| reports.iter().map(field).max().unwrap_or(0);
        let played = || reports.iter().filter(|report| report.has_played);
        Self {
            players: reports
                .iter()
                .map(|report| report.players)
                .max()
                .unwrap_or(0),
            tick_rate_hz: reports
                .iter()
                .map(|report| report.tick_rate_hz)
                .max()
                .unwrap_or(0),
            ticks: most(|report| report.game.ticks),
            totals: Totals::of(reports),
            rtt_ms: mean(played().map(|report| millis(report.peer.rtt_us))),
            loss_pct: mean(played().map(|report| percent(report.peer.loss_permille)))
                .unwrap_or(0.0),
            bytes_sent: sum(|report| report.endpoint.bytes_sent),
            bytes_received: sum(|report| report.endpoint.bytes_received),
            datagrams_sent: sum(|report| report.endpoint.datagrams_sent),
            datagrams_received: sum(|report| report.endpoint.datagrams_received),
            bots: bots(reports),
        }
    }

    /// For people.
    pub(crate) fn line(&self) -> String {
        let rtt = self
            .rtt_ms
            .map_or("-".to_owned(), |rtt| format!("{rtt:.3} ms"));
        format!(
            "{}; round trip {rtt}, loss {:.1} %; {} bytes sent, {} received",
            self.totals.line(),
            self.loss_pct,
            self.bytes_sent,
            self.bytes_received
        )
    }
}

pub(crate) fn bots(reports: &[Report]) -> Vec<BotSummary> {
    reports.iter().map(BotSummary::new).collect()
}

/// Milliseconds to the microsecond.
pub(crate) fn millis(us: u64) -> f64 {
    us as f64 / 1_000.0
}

pub(crate) fn percent(permille: u16) -> f64 {
    f64::from(permille) / 10.0
}

/// To three digits after the point; `None` of nothing.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (!values.is_empty()).then_some((mean * 1_000.0).round() / 1_000.0)
}

/// Checks that a result has what `serve --json` and `join --json` promise.
#[cfg(test)]
pub(crate) fn check_members(summary: &impl Serialize) {
    let json = serde_json::to_value(summary).expect("it is plain data");
    for member in [
        "players",
        "tick_rate_hz",
        "ticks",
        "snapshots_received",
        "events_expected",
        "events_received",
        "events_duplicated",
        "rtt_ms",
        "loss_pct",
        "bytes_sent",
        "bytes_received",
        "datagrams_sent",
        "datagrams_received",
        "bots",
    ] {
        assert!(json.get(member).is_some(), "{member}");
    }
}

#[cfg(test)]
mod tests {
    use tickwire_core::{EndpointStats, PeerStats};
    use tickwire_game::ClientStats;

    use super::*;

    fn report(rtt_us: u64, snapshots: u64) -> Report {
        let mut game = ClientStats::default();
        game.snapshots_received = snapshots;
        game.events_expected = 5;
        game.events_received = 5;
        let mut peer = PeerStats::default();
        peer.rtt_us = rtt_us;
        peer.loss_permille = 15;
        Report {
            name: "bot".to_owned(),
            has_played: rtt_us > 0,
            players: 2,
            tick_rate_hz: 30,
            game,
            peer,
            endpoint: EndpointStats::default(),
            failure: None,
        }
    }

    #[test]
    fn counts_are_sums_and_round_trips_means_of_those_who_played() {
        let summary = Summary::new(&[report(1_000, 300), report(2_001, 299), report(0, 0)]);
        let json = serde_json::to_value(&summary).expect("it is plain data");
        assert_eq!(json["snapshots_received"], 599);
        assert_eq!(json["events_expected"], 15);
        assert_eq!(json["rtt_ms"], 1.501);
        assert_eq!(json["loss_pct"], 1.5);
        assert_eq!(json["bots"][1]["snapshots_received"], 299);
        assert_eq!(
            summary.line(),
            "599 snapshots; 15 of 15 events, 0 of them twice; round trip 1.501 ms, loss 1.5 %; 0 bytes sent, 0 received"
        );
    }

    #[test]
    fn the_json_has_the_documented_members() {
        check_members(&Summary::new(&[]));
    }
}
