//! The swarm: each seed draws its own mix of faults, and a server and its clients talk through it.
//!
//! Three phases follow each other. While the **faults** play, nothing that was promised may be broken. Once all is
//! **healed**, every client must be connected again, and everything reliable delivered or its connection ended with a
//! reason, within three idle timeouts. After the **goodbye** nothing may be left: no peer, no byte, no deadline.
//!
//! | file      | idea                                                     |
//! |-----------|----------------------------------------------------------|
//! | `party`   | the hosts of one seed, and what they do                  |
//! | `ledger`  | who said what to whom                                    |
//! | `case`    | a seed, whole or with parts left out; the command for it |
//! | `trial`   | one run of a case                                        |
//! | `shrink`  | the least of a case that fails in the same way           |
//! | `planted` | mistakes on purpose are found                            |

mod case;
mod ledger;
mod party;
#[cfg(feature = "planted")]
mod planted;
mod recorded;
mod shrink;
mod style;
mod trial;

use tickwire_sim::seeds::{for_seeds, try_seeds, usually};
use tickwire_sim::{FaultCounts, Mix};

use self::case::Case;
use self::party::Party;
use self::shrink::shrunk;
use self::style::Style;
use self::trial::trial;

/// How many seeds run unless `TICKWIRE_SEEDS` asks for others.
const SEEDS: u64 = 500;

#[test]
fn promises_hold_in_every_mix_of_faults() {
    if let Some(case) = Case::asked() {
        let trial = trial(&case);
        let failure = trial.result.err();
        assert!(
            failure.is_none(),
            "{}\nin case {case}, {}\nwith {}",
            failure.unwrap_or_default(),
            case.mix(),
            Style::of(&case)
        );
        return;
    }
    let counts = try_seeds(usually(SEEDS), |seed| trial(&Case::of(seed)).result);
    let counts = counts.unwrap_or_else(|(seed, failure)| {
        let (whole, least) = (Case::of(seed), shrunk(seed, None));
        let mix = Mix::draw(seed);
        let style = Style::of(&whole);
        panic!(
            "{failure}\nin {mix}\nwith {style}\nwhole: {}\n{least}",
            whole.command()
        );
    });
    let mut faults = FaultCounts::default();
    counts.iter().for_each(|counts| faults += *counts);
    println_counts(counts.len(), &faults);
    let missing: Vec<&str> = faults
        .kinds()
        .filter(|(_, count)| *count == 0)
        .map(|(kind, _)| kind)
        .collect();
    // A single seed, or a few, cannot have them all.
    let has_all = (counts.len() as u64) < SEEDS || missing.is_empty();
    assert!(has_all, "never hit: {missing:?}");
}

/// One seed in so many is run twice.
const TWICE: u64 = 100;

#[test]
fn the_same_mix_gives_the_same_run() {
    for_seeds(0..usually(SEEDS).end.div_ceil(TWICE), |seed| {
        let case = Case::of(seed);
        assert_eq!(run_of(&case), run_of(&case), "I14: seed {seed}");
    });
}

/// What became of a case, to the byte.
fn run_of(case: &Case) -> (Result<(), String>, u64, FaultCounts) {
    let mut party = Party::new(case);
    let result = party.play();
    (result, party.wire_hash(), party.faults())
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn println_counts(runs: usize, faults: &FaultCounts) {
    println!("{runs} seeds:");
    for (kind, count) in faults.kinds() {
        println!("{count:>10} {kind}");
    }
}
