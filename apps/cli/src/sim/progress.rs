//! A bar on stderr for what takes long: only on a terminal, and only once it has taken a while.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes less shows nothing: a bar that flashes by only disturbs.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often a second the bar is drawn, at most.
const DRAWN_HZ: u8 = 10;

/// How far something has come.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    done: AtomicU64,
}

impl Progress {
    /// Nothing done yet of `total` so-and-so many.
    pub(super) fn new(total: u64, unit: &'static str, is_unwanted: bool, is_json: bool) -> Self {
        let terminals = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let bar = is_shown(is_unwanted, is_json, is_dumb(), terminals).then(|| bar(total, unit));
        Self {
            bar,
            began: Instant::now(),
            done: AtomicU64::new(0),
        }
    }

    /// So many more are done.
    pub(super) fn advance(&self, more: u64) {
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        self.reach(done);
    }

    /// So many are done in all.
    pub(super) fn reach(&self, done: u64) {
        if let Some(bar) = &self.bar
            && self.began.elapsed() >= PATIENCE
        {
            bar.set_position(done);
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: u64, unit: &'static str) -> ProgressBar {
    let bar =
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(DRAWN_HZ));
    let template = "{bar:40} {percent:>3} %  {pos} of {len} {msg}  {eta} left";
    // A template that indicatif does not know would be a bar of the usual kind.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    bar.set_message(unit);
    bar
}

/// On a terminal that can move its cursor; not if nobody wants it, and not beside JSON that goes to another program.
fn is_shown(
    is_unwanted: bool,
    is_json: bool,
    is_dumb: bool,
    (is_stdout_terminal, is_stderr_terminal): (bool, bool),
) -> bool {
    let is_for_a_program = is_json && !is_stdout_terminal;
    is_stderr_terminal && !is_unwanted && !is_dumb && !is_for_a_program
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_for_people_at_a_terminal() {
        let terminal = (true, true);
        assert!(is_shown(false, false, false, terminal));
        assert!(
            is_shown(false, false, false, (false, true)),
            "a table into a file"
        );
        assert!(is_shown(false, true, false, terminal), "JSON for reading");
        assert!(
            !is_shown(false, true, false, (false, true)),
            "JSON into a pipe"
        );
        assert!(!is_shown(false, false, false, (true, false)), "a log");
        assert!(!is_shown(true, false, false, terminal), "--no-progress");
        assert!(!is_shown(false, false, true, terminal), "a dumb terminal");
    }

    #[test]
    fn the_bars_template_is_one() {
        let bar = bar(10, "runs");
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_position(3);
        assert_eq!(
            (bar.position(), bar.length(), bar.message()),
            (3, Some(10), "runs".to_owned())
        );
    }
}
