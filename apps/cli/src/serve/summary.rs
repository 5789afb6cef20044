//! The result of `serve`.

use serde::Serialize;
use tickwire_core::{EndpointStats, PeerStats};
use tickwire_game::{GameServer, ServerStats};
use tickwire_tokio::{Handle, ShutdownReport};

use crate::join::bot::Report;
use crate::join::summary::{BotSummary, Totals, bots, mean, millis, percent};

/// How the game stood when its end began, and what was counted until all was over.
#[derive(Debug, Default)]
pub(super) struct Ending {
    players: u32,
    peers: Vec<PeerStats>,
    shutdown: ShutdownReport,
    game: ServerStats,
    endpoint: EndpointStats,
}

impl Ending {
    pub(super) fn of(game: &GameServer, handle: &Handle) -> Self {
        let peers = game
            .players()
            .filter_map(|player| handle.peer_stats(player.peer));
        Self {
            players: game.players_now(),
            peers: peers.collect(),
            ..Self::default()
        }
    }

    pub(super) fn after(
        self,
        shutdown: ShutdownReport,
        game: ServerStats,
        endpoint: EndpointStats,
    ) -> Self {
        Self {
            shutdown,
            game,
            endpoint,
            ..self
        }
    }
}

/// The result of `serve --json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// When the end began.
    players: u32,
    players_ever: u64,
    tick_rate_hz: u32,
    ticks: u64,
    /// Handed out more than half a step after their time.
    ticks_late: u64,
    ticks_skipped: u64,
    tick_late_max_ms: f64,
    /// Sums over the server's own bots.
    #[serde(flatten)]
    totals: Totals,
    snapshots_sent: u64,
    events_sent: u64,
    /// Reliable messages that a player was still to get when the server was gone.
    events_undelivered: u32,
    /// Events that players, bots or not, sent to the server.
    player_events_expected: u64,
    player_events_received: u64,
    player_events_duplicated: u64,
    /// Mean over the players, as `loss_pct`; absent without players.
    rtt_ms: Option<f64>,
    loss_pct: f64,
    bytes_sent: u64,
    bytes_received: u64,
    datagrams_sent: u64,
    datagrams_received: u64,
    connections_ever: u64,
    bots: Vec<BotSummary>,
}

impl Summary {
    pub(super) fn new(tick_rate_hz: u32, ending: &Ending, reports: &[Report]) -> Self {
        let (game, endpoint) = (&ending.game, &ending.endpoint);
        let peers = || ending.peers.iter();
        Self {
            players: ending.players,
            players_ever: game.players_ever,
            tick_rate_hz,
            ticks: game.ticks,
            ticks_late: game.ticks_late,
            ticks_skipped: game.ticks_skipped,
            tick_late_max_ms: millis(game.tick_late_max_us),
            totals: Totals::of(reports),
            snapshots_sent: game.snapshots_sent,
            events_sent: game.events_sent,
            events_undelivered: ending.shutdown.undelivered,
            player_events_expected: game.events_expected,
            player_events_received: game.events_received,
            player_events_duplicated: game.events_duplicated,
            rtt_ms: mean(peers().map(|peer| millis(peer.rtt_us))),
            loss_pct: mean(peers().map(|peer| percent(peer.loss_permille))).unwrap_or(0.0),
            bytes_sent: endpoint.bytes_sent,
            bytes_received: endpoint.bytes_received,
            datagrams_sent: endpoint.datagrams_sent,
            datagrams_received: endpoint.datagrams_received,
            connections_ever: endpoint.connections_ever,
            bots: bots(reports),
        }
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let mut text = format!(
            "stopped after {} ticks ({} late, {} skipped) and {} players; {} bytes sent, {} received",
            self.ticks,
            self.ticks_late,
            self.ticks_skipped,
            self.players_ever,
            self.bytes_sent,
            self.bytes_received
        );
        if self.events_undelivered > 0 {
            text.push_str(&format!(
                "; {} events did not reach their players",
                self.events_undelivered
            ));
        }
        if !self.bots.is_empty() {
            text.push_str(&format!(
                "\nthe {} bots got {}",
                self.bots.len(),
                self.totals.line()
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_the_documented_members() {
        let summary = Summary::new(30, &Ending::default(), &[]);
        crate::join::summary::check_members(&summary);
        assert_eq!(
            summary.line(),
            "stopped after 0 ticks (0 late, 0 skipped) and 0 players; 0 bytes sent, 0 received"
        );
    }
}
