//! Mistakes on purpose: the swarm finds each of them, and shrinks it to something that a person can read.
//!
//! `cargo test --release -p tickwire-tests --features planted planted -- --nocapture` prints the table.

use std::fmt::Write as _;

use tickwire_core::Bug;
use tickwire_sim::Mix;
use tickwire_sim::seeds::try_seeds;

use super::case::{Case, asked_bug};
use super::shrink::{Shrunk, shrunk};
use super::trial::{invariant, trial};

/// Each is found within so many seeds.
const SEEDS_MAX: u64 = 400;
/// The shrunk failure has at most one in so many of the events that the seed has without the mistake, or so few that
/// a person reads them at once.
const SHRUNK_TO: u64 = 20;
const FEW: u64 = 60;

/// How a mistake was found.
struct Catch {
    bug: Bug,
    seed: u64,
    /// Events of the seed without the mistake.
    events: u64,
    shrunk: Shrunk,
}

#[test]
fn the_swarm_finds_every_planted_mistake() {
    let bugs: Vec<Bug> = match asked_bug() {
        Some(bug) => vec![bug],
        None => Bug::ALL.to_vec(),
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
    assert!(asked_bug().is_some() || catches.len() >= 20);
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
    if after.events > FEW.max(caught.events / SHRUNK_TO) {
        let (left, of) = (after.events, caught.events);
        return Err(format!("{bug:?}: {left} of {of} events are left"));
    }
    Ok(())
}

/// The first seed that shows a mistake.
fn catch(bug: Bug) -> Option<Catch> {
    let plant = |case| Case {
        bug: Some(bug),
        ..case
    };
    let seed = (0..SEEDS_MAX).find(|seed| trial(&plant(Case::of(*seed))).result.is_err())?;
    Some(Catch {
        bug,
        seed,
        events: trial(&Case::of(seed)).events,
        shrunk: shrunk(seed, Some(&plant)),
    })
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn println_table(catches: &[Catch]) {
    let mut table = String::new();
    for caught in catches {
        let Shrunk {
            before,
            case,
            after,
        } = &caught.shrunk;
        let failure = after.result.as_ref().err().map_or("", String::as_str);
        let troubles = Mix::draw(caught.seed).troubles().len();
        writeln!(
            table,
            "{:22} {:>3} seeds, {:3}; events: {} in the seed, {} until found, {} shrunk; troubles {troubles} to {}\n    {}\n    {}",
            format!("{:?}", caught.bug),
            caught.seed + 1,
            invariant(failure),
            caught.events,
            before.events,
            after.events,
            case.troubles.len(),
            failure.lines().next().unwrap_or_default(),
            case.command(),
        )
        .expect("a String takes everything");
    }
    println!("{table}");
}
