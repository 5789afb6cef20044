//! The least of a case that breaks the same invariant: fewer troubles, fewer clients, a shorter time, fewer messages, less waiting at the end.

use std::fmt;

use super::case::Case;
use super::style::Style;
use super::trial::{Trial, invariant, trial};

/// A case that fails, before and after.
#[derive(Clone, Debug)]
pub(super) struct Shrunk {
    pub(super) before: Trial,
    pub(super) case: Case,
    pub(super) after: Trial,
    patience: u64,
    trials_max: u32,
    /// How many cases were tried.
    pub(super) trials: u32,
}

/// Shrinks a seed that fails; `plant` changes the case first.
pub(super) fn shrunk(seed: u64, plant: Option<&dyn Fn(Case) -> Case>) -> Shrunk {
    let whole = Case::of(seed);
    let whole = plant.map_or(whole.clone(), |plant| plant(whole));
    shrink(whole)
}

/// With patience for simpler cases that take longer; if much is left, without.
fn shrink(case: Case) -> Shrunk {
    let before = trial(&case);
    let patient = shrink_with(PATIENCE, &case, &before);
    if patient.after.events <= before.events / 20 {
        return patient;
    }
    let hasty = shrink_with(0, &case, &before);
    match hasty.after.events < patient.after.events {
        true => hasty,
        false => patient,
    }
}

fn shrink_with(patience: u64, case: &Case, before: &Trial) -> Shrunk {
    let mut shrunk = Shrunk {
        after: before.clone(),
        before: before.clone(),
        case: case.clone(),
        patience,
        trials_max: TRIALS_MAX,
        trials: 0,
    };
    // What was needed before may not be needed after.
    for _ in 0..ROUNDS_MAX {
        let before = shrunk.case.clone();
        shrunk.leave_out_troubles();
        shrunk.leave_out_clients();
        shrunk.shorten();
        shrunk.say_less();
        if shrunk.case == before {
            break;
        }
    }
    shrunk.wait_less();
    shrunk
}

/// In percent of the events, how much later a case may fail because something was left out: where less is lost, more
/// arrives before.
const PATIENCE: u64 = 12;
/// More than are ever needed.
const ROUNDS_MAX: u32 = 8;
/// So that the worst case takes no longer than a minute or so.
const TRIALS_MAX: u32 = 600;
/// How long a case may take to recover, if not as long as is promised.
const WAITS_MS: [u64; 4] = [2_000, 5_000, 10_000, 20_000];
/// Acts that can be listed in a command.
const ACTS_MAX: usize = 2_000;

impl Shrunk {
    /// Keeps a change if the same invariant breaks with it, and no later than before.
    fn keep(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        self.keep_within(self.after.events, change)
    }

    /// Keeps a change if the same invariant breaks with it within so many events.
    fn keep_within(&mut self, events_max: u64, change: impl FnOnce(&mut Case)) -> bool {
        let mut case = self.case.clone();
        change(&mut case);
        if case == self.case || self.trials >= self.trials_max {
            return false;
        }
        self.trials += 1;
        let after = trial(&case);
        let name = |trial: &Trial| {
            let failure = trial.result.as_ref().err();
            failure.map(|failure| invariant(failure).to_owned())
        };
        let is_same = name(&after).is_some() && name(&after) == name(&self.before);
        if is_same && after.events <= events_max {
            (self.case, self.after) = (case, after);
            return true;
        }
        false
    }

    /// All, then halves, quarters and so on, then each.
    fn leave_out_troubles(&mut self) {
        self.leave_out(|case| &mut case.troubles);
    }

    fn leave_out<T: Clone>(&mut self, list: impl Fn(&mut Case) -> &mut Vec<T>) {
        let mut chunk = list(&mut self.case).len();
        while chunk > 0 {
            let mut at = 0;
            while at < list(&mut self.case).len() {
                let end = (at + chunk).min(list(&mut self.case).len());
                let events_max = self.after.events * (100 + self.patience) / 100;
                if !self.keep_within(events_max, |case| drop(list(case).drain(at..end))) {
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

    /// What never comes does not come sooner either. Only now: this case fails with all the time there is, so one that
    /// fails with less shows the same, and not that something took long.
    fn wait_less(&mut self) {
        // However many it took until here.
        self.trials_max = u32::MAX;
        for ms in WAITS_MS {
            let fewer = self.after.events.saturating_sub(1);
            if self.keep_within(fewer, |case| case.recovery = ms) {
                return;
            }
        }
    }

    /// Leaves out what is said and done, by halves and so on; then makes messages small.
    fn say_less(&mut self) {
        if self.case.acts.is_none() && self.after.acts.len() <= ACTS_MAX {
            let acts = self.after.acts.clone();
            self.keep(|case| {
                case.acts = Some(acts);
                case.window = Case::of(case.seed).window;
            });
        }
        if self.case.acts.is_some() {
            self.leave_out(|case| case.acts.get_or_insert_default());
        }
        for size in [40, 1_000, 3_000] {
            self.keep(|case| case.size_max = case.size_max.min(size));
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
        writeln!(f, "with {}", Style::of(&self.case))?;
        write!(f, "replay it with: {}", self.case.command())
    }
}
