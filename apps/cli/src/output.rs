//! What the user reads: lines and tables for people, one JSON object for programs, files for scripts.
//!
//! Results go to stdout, remarks and errors to stderr. Colours appear only on a terminal, and not with
//! `NO_COLOR`: `anstream` takes them out elsewhere. Text that came from the network passes
//! [`clean`] first, so that no server's name can steer a terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::failure::bad_input;
use crate::files;

/// Headings of tables.
pub(crate) const HEADING: Style = Style::new().bold();
/// The word `error:`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// One line on stdout.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    writeln!(anstream::stdout().lock(), "{text}").context("cannot write to stdout")
}

/// One line on stderr, for people: a remark beside the result. There is nowhere to report a failure to.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Tells what a recording is: on stderr, before anything is in it.
pub(crate) fn remark_recording(path: &Path) {
    remark(&format!(
        "recording to {}: the file holds the secrets of all sessions, so who has it can read what is said; only you can read it",
        path.display()
    ));
}

/// As [`remark_recording`], for a redacted one.
pub(crate) fn remark_redacted(path: &Path) {
    remark(&format!(
        "recording to {}: sizes, times and losses of datagrams, without content, addresses and keys",
        path.display()
    ));
}

/// `error: ...` on one line of stderr. It may quote what the user or the network wrote.
pub(crate) fn error(text: &str) {
    let text = clean(&one_line(text));
    remark(&format!("{ERROR}error:{ERROR:#} {text}"));
}

/// Prints `value`, which is a JSON object, on one line of stdout.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value).context("cannot print the result as JSON")?;
    line(&text)
}

/// Whether what stands on stdout can be drawn over: a terminal that moves its cursor, and that shows no log between.
pub(crate) fn can_redraw() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let has_log = io::stderr().is_terminal() && tracing::enabled!(tracing::Level::INFO);
    io::stdout().is_terminal() && !is_dumb && !has_log
}

/// `text` with its colours, or without where stdout is to have none.
pub(crate) fn coloured(text: String) -> String {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(&text).to_string(),
        anstream::ColorChoice::Auto
        | anstream::ColorChoice::AlwaysAnsi
        | anstream::ColorChoice::Always => text,
    }
}

/// `text` with all that could steer a terminal or break a line replaced by `?`.
pub(crate) fn clean(text: &str) -> String {
    let harmless = |c: char| !c.is_control() && !is_format(c);
    text.chars()
        .map(|c| if harmless(c) { c } else { '?' })
        .collect()
}

/// Characters that reorder or hide others: bidirectional controls, zero-width ones, line separators.
fn is_format(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `text` in at most `columns` of a terminal, with an ellipsis where it was cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if kept.width() >= columns {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

/// Lines joined by a blank: errors are one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A table with aligned columns.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self::of(vec![headings.map(str::to_owned).to_vec()])
    }

    /// A table of these rows, the first one the headings. They are all as long, and clean.
    pub(crate) fn of(rows: Vec<Vec<String>>) -> Self {
        Self { rows }
    }

    /// Adds a row; its cells are cleaned.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.iter().map(|cell| clean(cell)).collect());
    }

    /// The lines, without a line break at the end.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let mut cells = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                cells.push_str(cell);
                cells.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
            }
            let cells = cells.trim_end();
            // Writing to a String cannot fail.
            let _ = match index {
                0 => write!(text, "{HEADING}{cells}{HEADING:#}"),
                _ => write!(text, "\n{cells}"),
            };
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

/// The file of `--ready-file`: it appears, whole, once all listens.
#[derive(Debug)]
pub(crate) struct ReadyFile {
    path: Option<PathBuf>,
}

impl ReadyFile {
    /// Removes what an earlier run left at `path`, so that its waiter is not misled.
    ///
    /// # Errors
    ///
    /// Bad input, if that is not possible.
    pub(crate) fn prepare(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self { path: None });
        };
        files::remove_regular(path).map_err(|error| unwritable(path, &error))?;
        Ok(Self {
            path: Some(path.to_owned()),
        })
    }

    /// Writes `value` as JSON, in one step.
    ///
    /// # Errors
    ///
    /// Bad input, if the file cannot be written.
    pub(crate) fn write(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut text = serde_json::to_string(value).context("cannot write the ready file")?;
        text.push('\n');
        files::replace(path, &text, files::Access::World).map_err(|error| unwritable(path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    bad_input(format!(
        "cannot write the ready file {}: {error}; give --ready-file a path in a directory that can be written",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDir;

    #[test]
    fn columns_align_and_end_without_blanks() {
        let mut table = Table::new(["NAME", "PLAYERS"]);
        table.row(["a long name".to_owned(), "1/32".to_owned()]);
        table.row(["b".to_owned(), "12/32".to_owned()]);
        let text = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(
            text,
            "NAME         PLAYERS\na long name  1/32\nb            12/32"
        );
    }

    #[test]
    fn columns_align_by_the_width_on_a_terminal() {
        let mut table = Table::new(["NAME", "PLAYERS"]);
        table.row(["你好吗".to_owned(), "1/32".to_owned()]);
        table.row(["e\u{301}e\u{301}".to_owned(), "2/32".to_owned()]);
        let text = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(
            text,
            "NAME    PLAYERS\n你好吗  1/32\ne\u{301}e\u{301}      2/32"
        );
    }

    #[test]
    fn what_is_too_wide_is_cut_and_shows_it() {
        assert_eq!(cut("arena", 5), "arena");
        assert_eq!(cut("arenas", 5), "aren…");
        assert_eq!(cut("你好吗", 5), "你好…");
        assert_eq!(cut("你好吗", 4), "你…");
    }

    #[test]
    fn a_name_from_the_network_cannot_steer_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{202e}d"), "a?[2Jb?c?d");
        assert_eq!(clean("Größe 你好"), "Größe 你好");
    }

    #[test]
    fn a_ready_file_replaces_the_one_of_an_earlier_run() {
        let dir = TestDir::new();
        let path = dir.path("ready.json");
        std::fs::write(&path, "old").expect("the directory is writable");
        let ready = ReadyFile::prepare(Some(&path)).expect("the old file can be removed");
        assert!(!path.exists());
        ready
            .write(&serde_json::json!({ "game": "127.0.0.1:1" }))
            .expect("the file can be written");
        let text = std::fs::read_to_string(&path).expect("the file is there");
        assert_eq!(text, "{\"game\":\"127.0.0.1:1\"}\n");
    }

    #[test]
    fn a_ready_file_that_cannot_be_written_is_bad_input() {
        let dir = TestDir::new();
        let path = dir.path("missing/ready.json");
        let ready = ReadyFile::prepare(Some(&path)).expect("nothing is there to remove");
        let error = ready.write(&1).expect_err("the directory is missing");
        assert_eq!(crate::failure::exit_code(&error), 2);
        assert!(
            ReadyFile::prepare(Some(dir.root())).is_err(),
            "a directory is no file"
        );
    }
}
