//! The least of a case that breaks the same invariant: fewer troubles, fewer clients, a shorter time, fewer messages.

use std::fmt;

use super::case::Case;
use super::trial::{Trial, invariant, trial};

/// A case that fails, before and after.
#[derive(Clone, Debug)]
pub(super) struct Shrunk {
    pub(super) before: Trial,
    pub(super) case: Case,
    pub(super) after: Trial,
}

/// Shrinks a seed that fails; `plant` changes the case first.
pub(super) fn shrunk(seed: u64, plant: Option<&dyn Fn(Case) -> Case>) -> Shrunk {
    let whole = Case::of(seed);
    let whole = plant.map_or(whole.clone(), |plant| plant(whole));
    shrink(whole)
}

fn shrink(case: Case) -> Shrunk {
    let before = trial(&case);
    let mut shrunk = Shrunk {
        after: before.clone(),
        before,
        case,
    };
    // What was needed before may not be needed after.
    for _ in 0..2 {
        shrunk.leave_out_troubles();
        shrunk.leave_out_clients();
        shrunk.shorten();
        shrunk.say_less();
    }
    shrunk
}

impl Shrunk {
    /// Keeps a change if the same invariant breaks with it, and no later than before.
    fn keep(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        let mut case = self.case.clone();
        change(&mut case);
        if case == self.case {
            return false;
        }
        let after = trial(&case);
        let name = |trial: &Trial| {
            let failure = trial.result.as_ref().err();
            failure.map(|failure| invariant(failure).to_owned())
        };
        let is_same = name(&after).is_some() && name(&after) == name(&self.before);
        if is_same && after.events <= self.after.events {
            (self.case, self.after) = (case, after);
            return true;
        }
        false
    }

    /// All, then halves, quarters and so on, then each.
    fn leave_out_troubles(&mut self) {
        let mut chunk = self.case.troubles.len();
        while chunk > 0 {
            let mut at = 0;
            while at < self.case.troubles.len() {
                let end = (at + chunk).min(self.case.troubles.len());
                if !self.keep(|case| drop(case.troubles.drain(at..end))) {
                    at = end;
                }
            }
            chunk /= 2;
        }
    }

    fn leave_out_clients(&mut self) {
        for client in self.case.clients.clone() {
            if self.case.clients.len() > 1 {
                self.keep(|case| case.clients.retain(|other| *other != client));
            }
        }
    }

    /// Ends the faults sooner, and begins and ends talking later and sooner.
    fn shorten(&mut self) {
        let ms = self.after.ms;
        for part in [8, 4, 2] {
            self.keep(|case| case.length = case.length.min(ms) / part);
        }
        let end = self.case.window.1.min(ms + 1);
        self.keep(|case| case.window.1 = end);
        let (mut from, to) = (self.case.window.0, self.case.window.1.min(ms + 1));
        let mut step = to.saturating_sub(from) / 2;
        while step > 20 {
            if self.keep(|case| case.window.0 = from + step) {
                from += step;
            }
            step /= 2;
        }
        let mut step = to.saturating_sub(from) / 2;
        while step > 20 {
            self.keep(|case| case.window.1 = case.window.1.saturating_sub(step));
            step /= 2;
        }
    }

    fn say_less(&mut self) {
        for nth in [1_000_000, 64, 16, 4, 2] {
            if self.keep(|case| case.nth *= nth) {
                return;
            }
        }
    }
}

/// How it fails, how much is left, and the command.
impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = self.after.result.as_ref().err();
        let (events, before) = (self.after.events, self.before.events);
        writeln!(f, "the least that fails, {events} of {before} events:")?;
        writeln!(f, "{}", failure.map_or("nothing", String::as_str))?;
        writeln!(f, "in {}", self.case.mix())?;
        write!(f, "replay it with: {}", self.case.command())
    }
}
