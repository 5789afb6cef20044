//! The live table of players, drawn over itself on a terminal.
//!
//! - A drawing is one write, so nothing flickers. What is wider than the terminal is cut, and where both disagree about
//!   a width the terminal cuts it: a line that wrapped would spoil the count of lines to draw over.
//! - A terminal that takes nothing (Ctrl-S) stops the table, never the game: drawings are written by a thread of their
//!   own, one at a time.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anstream::adapter::strip_str;
use anyhow::Context;
use tickwire_core::PeerStats;
use tickwire_game::{GameServer, ServerStats};
use tickwire_tokio::Handle;
use tokio::task::JoinHandle;

use crate::join::summary::{millis, percent};
use crate::output::{self, Table, clean, cut};

/// Players shown where the terminal does not tell its height.
const ROWS_DEFAULT: usize = 18;
/// Lines beside the players: the headline, the headings, how many are not shown, and the cursor's.
const LINES_BESIDE: usize = 4;
/// Of the server's name and of a player's: the numbers beside them stay on a narrow terminal.
const SERVER_COLUMNS_MAX: usize = 30;
const PLAYER_COLUMNS_MAX: usize = 22;

/// Columns and lines.
type Size = (u16, u16);

/// What stands on the terminal.
#[derive(Debug, Default)]
pub(super) struct LiveTable {
    lines: usize,
    /// Of the terminal when it was drawn: a terminal of another size has moved it.
    size: Option<Size>,
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl LiveTable {
    /// Replaces the table that stands there, unless that is still being written.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) async fn draw(
        &mut self,
        name: &str,
        players_max: u32,
        game: &GameServer,
        handle: &Handle,
    ) -> anyhow::Result<()> {
        let is_writing = |writing: &JoinHandle<_>| !writing.is_finished();
        if self.writing.as_ref().is_some_and(is_writing) {
            return Ok(());
        }
        self.settle().await?;
        let size = terminal_size::terminal_size().map(|(width, height)| (width.0, height.0));
        let head = headline(name, game.players_now(), players_max, &game.stats());
        let players = players(game, handle, rows_max(size));
        let text = fitting(&format!("{head}\n{players}"), size);
        let above = if size == self.size { self.lines } else { 0 };
        let drawing = drawing(above, &text);
        self.lines = text.lines().count();
        self.size = size;
        let write = move || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(drawing.as_bytes())?;
            stdout.flush()
        };
        self.writing = Some(tokio::task::spawn_blocking(write));
        Ok(())
    }

    /// Waits until the terminal has what was drawn.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        match self.writing.take() {
            Some(writing) => writing.await?.context("cannot write to stdout"),
            None => Ok(()),
        }
    }
}

fn rows_max(size: Option<Size>) -> usize {
    size.map_or(ROWS_DEFAULT, |(_, height)| {
        usize::from(height).saturating_sub(LINES_BESIDE).max(1)
    })
}

/// `text` as the terminal takes it. A line that must be cut loses its colours.
fn fitting(text: &str, size: Option<Size>) -> String {
    let columns = size.map_or(usize::MAX, |(width, _)| usize::from(width));
    let fit = |line: &str| {
        let plain = strip_str(line).to_string();
        let cut = cut(&plain, columns);
        if cut == plain { line.to_owned() } else { cut }
    };
    let lines: Vec<String> = text.lines().map(fit).collect();
    output::coloured(lines.join("\n"))
}

/// `text` over the `above` lines above the cursor, with the wrapping of lines off meanwhile (DECAWM).
fn drawing(above: usize, text: &str) -> String {
    let mut drawing = String::from("\x1b[?7l\r");
    if above > 0 {
        // Writing to a String cannot fail.
        let _ = write!(drawing, "\x1b[{above}A");
    }
    for line in text.lines() {
        let _ = writeln!(drawing, "\x1b[2K{line}");
    }
    drawing.push_str("\x1b[J\x1b[?7h");
    drawing
}

fn headline(name: &str, players: u32, players_max: u32, stats: &ServerStats) -> String {
    let name = cut(&clean(name), SERVER_COLUMNS_MAX);
    format!(
        "{name}: {players}/{players_max} players, tick {} ({} late, {} skipped)",
        stats.ticks, stats.ticks_late, stats.ticks_skipped
    )
}

fn players(game: &GameServer, handle: &Handle, rows_max: usize) -> String {
    let mut table = Table::new(["PLAYER", "SCORE", "RTT", "JITTER", "LOSS"]);
    for player in game.players().take(rows_max) {
        let stats = handle.peer_stats(player.peer).unwrap_or_default();
        table.row(row(player.name.as_str(), player.state.score, &stats));
    }
    let mut text = table.render();
    let hidden = game.players().count().saturating_sub(rows_max);
    if hidden > 0 {
        let _ = write!(text, "\nand {hidden} more");
    }
    text
}

fn row(name: &str, score: u32, stats: &PeerStats) -> [String; 5] {
    [
        cut(name, PLAYER_COLUMNS_MAX),
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

    #[test]
    fn what_is_wider_than_the_terminal_is_cut() {
        let text = "\x1b[1mPLAYER  SCORE\x1b[0m\nAda  3";
        assert_eq!(fitting(text, Some((8, 24))), "PLAYER …\nAda  3");
        let names = row(&"你".repeat(32), 0, &PeerStats::default());
        assert_eq!(names[0], format!("{}…", "你".repeat(10)));
    }

    #[test]
    fn a_drawing_covers_the_one_before_and_wraps_nothing() {
        assert_eq!(
            drawing(0, "a\nb"),
            "\x1b[?7l\r\x1b[2Ka\n\x1b[2Kb\n\x1b[J\x1b[?7h"
        );
        assert!(drawing(3, "a").starts_with("\x1b[?7l\r\x1b[3A\x1b[2Ka\n"));
    }

    #[test]
    fn all_lines_fit_the_terminal() {
        for (height, rows) in [(24, 20), (60, 56), (5, 1), (2, 1)] {
            assert_eq!(rows_max(Some((80, height))), rows);
        }
        assert_eq!(rows_max(None), ROWS_DEFAULT);
    }
}
