//! Mistakes on purpose: the swarm finds each of them, and shrinks it to something that a person can read.
//!
//! `cargo test --release -p tickwire-tests --features planted planted -- --nocapture` prints the table.

use std::fmt::Write as _;

use tickwire_core::Bug;
use tickwire_sim::Mix;
use tickwire_sim::seeds::try_seeds;

use super::case::Case;
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
    let count = Bug::ALL.len() as u64;
    assert!(count >= 20);
    let catches = try_seeds(0..count, |number| {
        let bug = Bug::ALL[usize::try_from(number).unwrap_or(0)];
        catch(bug).map_err(|()| bug)
    });
    let catches = catches.unwrap_or_else(|(_, bug)| panic!("{bug:?} was not found"));
    println_table(&catches);
    for caught in &catches {
        let Shrunk { case, after, .. } = &caught.shrunk;
        let again = trial(case);
        assert_eq!(again.result.as_ref().err(), after.result.as_ref().err());
        assert_eq!(
            again.events, after.events,
            "{:?} is the same again",
            caught.bug
        );
        for honest in [
            Case::of(caught.seed),
            Case {
                bug: None,
                ..case.clone()
            },
        ] {
            let result = trial(&honest).result;
            assert_eq!(result.err(), None, "{honest} has no mistake");
        }
        let is_small = after.events <= FEW.max(caught.events / SHRUNK_TO);
        assert!(
            is_small,
            "{:?}: {} events are left",
            caught.bug, after.events
        );
    }
}

/// The first seed that shows a mistake.
fn catch(bug: Bug) -> Result<Catch, ()> {
    let plant = |case| Case {
        bug: Some(bug),
        ..case
    };
    let seed = (0..SEEDS_MAX).find(|seed| trial(&plant(Case::of(*seed))).result.is_err());
    let seed = seed.ok_or(())?;
    Ok(Catch {
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
