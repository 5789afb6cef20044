//! Mistakes on purpose: the swarm finds each of them, and shrinks it to something that a person can read.
//!
//! `cargo test --release -p tickwire-tests --features planted planted -- --nocapture` prints the table.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tickwire_core::Bug;
use tickwire_sim::Mix;
use tickwire_sim::seeds::try_seeds;

use super::case::{Case, asked_bug};
use super::run_of;
use super::shrink::{Shrunk, shrunk};
use super::trial::{invariant, trial};

/// Each is found within so many seeds.
const SEEDS_MAX: u64 = 500;
/// The shrunk failure has at most one in so many of the events that the seed has without the mistake.
const SHRUNK_TO: u64 = 20;
/// Of so many seeds that show it the one that shrinks best is taken.
const TRIES: usize = 5;

/// How a mistake was found.
struct Catch {
    bug: Bug,
    /// The first seed that showed it.
    first: u64,
    seed: u64,
    /// Events of the seed without the mistake.
    events: u64,
    shrunk: Shrunk,
}

#[test]
fn the_swarm_finds_every_planted_mistake() {
    let bugs: Vec<Bug> = match asked_bug() {
        Some(bug) => vec![bug],
        None => in_the_swarm().collect(),
    };
    let numbers = 0..bugs.len() as u64;
    let results = try_seeds(numbers, |number| {
        let bug = bugs[usize::try_from(number).unwrap_or(0)];
        Ok::<_, ()>(catch(bug).ok_or(bug))
    });
    let results = results.expect("none ends early");
    let (mut catches, mut wrong) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(caught) => catches.push(caught),
            Err(bug) => wrong.push(format!("{bug:?} was not found in {SEEDS_MAX} seeds")),
        }
    }
    println_table(&catches);
    wrong.extend(catches.iter().filter_map(|caught| judge(caught).err()));
    assert_eq!(wrong, [""; 0]);
    if asked_bug().is_none() {
        assert!(catches.len() >= 20, "{} are planted", catches.len());
        assert_eq!(
            broken(&catches),
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15],
            "each check of an invariant finds something"
        );
    }
}

/// The other one needs two runs.
fn in_the_swarm() -> impl Iterator<Item = Bug> {
    let all = Bug::ALL.iter().copied();
    all.filter(|bug| *bug != Bug::PastRemembered)
}

/// The numbers of the invariants that catches broke.
fn broken(catches: &[Catch]) -> Vec<u32> {
    let failures = catches.iter().map(|caught| &caught.shrunk.after.result);
    let names = failures.filter_map(|result| result.as_ref().err().map(|text| invariant(text)));
    let numbers = names.filter_map(|name| name.strip_prefix('I')?.parse().ok());
    let numbers: BTreeSet<u32> = numbers.collect();
    numbers.into_iter().collect()
}

#[test]
fn two_runs_tell_a_planted_dependence_on_the_past() {
    // A seed in which nobody comes to where it matters cannot show it.
    let told = (0..20).filter(|seed| {
        let honest = Case::of(*seed);
        let planted = Case {
            bug: Some(Bug::PastRemembered),
            ..honest.clone()
        };
        assert_eq!(run_of(&honest), run_of(&honest), "seed {seed}");
        run_of(&planted) != run_of(&planted)
    });
    let told = told.count();
    assert!(told > 0, "none of 20 seeds tells");
}

/// Its command shows it again; without the mistake nothing is wrong; and little is left.
fn judge(caught: &Catch) -> Result<(), String> {
    let (bug, Shrunk { case, after, .. }) = (caught.bug, &caught.shrunk);
    let text = case.to_string();
    let again = Case {
        bug: Some(bug),
        ..text.parse()?
    };
    let again = trial(&again);
    if (again.events, again.result.as_ref().err()) != (after.events, after.result.as_ref().err()) {
        return Err(format!("{bug:?}: {text} is not the same again"));
    }
    let sound = Case {
        bug: None,
        ..case.clone()
    };
    for honest in [Case::of(caught.seed), sound] {
        if let Err(failure) = trial(&honest).result {
            return Err(format!("{honest} fails without {bug:?}: {failure}"));
        }
    }
    if !caught.is_small() {
        let (left, of) = (after.events, caught.events);
        return Err(format!("{bug:?}: {left} of {of} events are left"));
    }
    Ok(())
}

/// The first seed that shows a mistake; of the first few, one that shrinks well.
fn catch(bug: Bug) -> Option<Catch> {
    let plant = |case| Case {
        bug: Some(bug),
        ..case
    };
    let shows = |seed: &u64| trial(&plant(Case::of(*seed))).result.is_err();
    let mut best: Option<Catch> = None;
    for seed in (0..SEEDS_MAX).filter(shows).take(TRIES) {
        let first = best.as_ref().map_or(seed, |best| best.first);
        let caught = Catch {
            bug,
            first,
            seed,
            events: trial(&Case::of(seed)).events,
            shrunk: shrunk(seed, Some(&plant)),
        };
        let is_better = |best: &Catch| caught.share() < best.share();
        if best.as_ref().is_none_or(is_better) {
            best = Some(caught);
        }
        if best.as_ref().is_some_and(Catch::is_small) {
            break;
        }
    }
    best
}

impl Catch {
    /// What is left of a million events.
    fn share(&self) -> u64 {
        self.shrunk.after.events * 1_000_000 / self.events.max(1)
    }

    fn is_small(&self) -> bool {
        self.shrunk.after.events <= self.events / SHRUNK_TO
    }
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn println_table(catches: &[Catch]) {
    let mut table = String::new();
    for caught in catches {
        let Shrunk {
            case,
            after,
            trials,
            ..
        } = &caught.shrunk;
        let failure = after.result.as_ref().err().map_or("", String::as_str);
        let line: String = failure.lines().next().unwrap_or_default().into();
        writeln!(
            table,
            "{:22} found in seed {:>3}, {:3}; seed {}: {} events, {} troubles; shrunk to {} events, {} troubles by {trials} trials\n    {}\n    {}",
            format!("{:?}", caught.bug),
            caught.first,
            invariant(failure),
            caught.seed,
            caught.events,
            Mix::draw(caught.seed).troubles().len(),
            after.events,
            case.troubles.len(),
            line.chars().take(160).collect::<String>(),
            case.command(),
        )
        .expect("a String takes everything");
    }
    println!("{table}");
}
