//! The live table of players, drawn over itself on a terminal.

use std::fmt::Write as _;

use tickwire_core::PeerStats;
use tickwire_game::{GameServer, ServerStats};
use tickwire_tokio::Handle;

use crate::join::summary::{millis, percent};
use crate::output::{self, Table, clean};

/// Players shown; more would not fit a small terminal.
const ROWS_MAX: usize = 18;
/// Of the server's name.
const NAME_CHARS_MAX: usize = 30;

/// What stands on the terminal.
#[derive(Debug, Default)]
pub(super) struct LiveTable {
    lines: usize,
}

impl LiveTable {
    /// Replaces the table that stands there.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) fn draw(
        &mut self,
        name: &str,
        players_max: u32,
        game: &GameServer,
        handle: &Handle,
    ) -> anyhow::Result<()> {
        let head = headline(name, game.players_now(), players_max, &game.stats());
        let mut table = Table::new(["PLAYER", "SCORE", "RTT", "JITTER", "LOSS"]);
        for player in game.players().take(ROWS_MAX) {
            let stats = handle.peer_stats(player.peer).unwrap_or_default();
            table.row(row(player.name.as_str(), player.state.score, &stats));
        }
        let mut text = format!("{head}\n{}", table.render());
        let hidden = game.players().count().saturating_sub(ROWS_MAX);
        if hidden > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "\nand {hidden} more");
        }
        let result = output::line(&format!("{}{text}", erase(self.lines)));
        self.lines = text.lines().count();
        result
    }
}

/// Moves the cursor up over what was drawn, and clears from there on.
fn erase(lines: usize) -> String {
    match lines {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\r\x1b[J"),
    }
}

fn headline(name: &str, players: u32, players_max: u32, stats: &ServerStats) -> String {
    // A line that wraps would spoil the count of lines to erase.
    let name: String = clean(name).chars().take(NAME_CHARS_MAX).collect();
    format!(
        "{name}: {players}/{players_max} players, tick {} ({} late, {} skipped)",
        stats.ticks, stats.ticks_late, stats.ticks_skipped
    )
}

fn row(name: &str, score: u32, stats: &PeerStats) -> [String; 5] {
    [
        name.to_owned(),
        score.to_string(),
        format!("{:.1} ms", millis(stats.rtt_us)),
        format!("{:.1} ms", millis(stats.jitter_us)),
        format!("{:.1} %", percent(stats.loss_permille)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_times_in_milliseconds_and_loss_in_percent() {
        let mut stats = PeerStats::default();
        stats.rtt_us = 12_345;
        stats.jitter_us = 678;
        stats.loss_permille = 25;
        assert_eq!(
            row("Ann", 3, &stats),
            ["Ann", "3", "12.3 ms", "0.7 ms", "2.5 %"]
        );
        assert_eq!(
            headline("Arena", 1, 32, &ServerStats::default()),
            "Arena: 1/32 players, tick 0 (0 late, 0 skipped)"
        );
    }
}
