//! The swarm: each seed draws its own mix of faults, and a server and its clients talk through it.
//!
//! Three phases follow each other. While the **faults** play, nothing that was promised may be broken. Once all is
//! **healed**, every client must be connected again, and everything reliable delivered or its connection ended with a
//! reason, within three idle timeouts. After the **goodbye** nothing may be left: no peer, no byte, no deadline.

mod ledger;
mod party;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tickwire_core::record::Call;
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{FaultCounts, Mix, Recording, Replay};

use self::party::Party;

/// How many seeds run unless `TICKWIRE_SEEDS` asks for others.
const SEEDS: u64 = 500;
/// How many of them are recorded and replayed.
const RECORDED_SEEDS: u64 = 200;
/// The variable that leaves only some troubles of a mix, by number: `0,3`.
const TROUBLES: &str = "TICKWIRE_TROUBLES";

#[test]
fn promises_hold_in_every_mix_of_faults() {
    let seeds = usually(SEEDS);
    let (mut runs, mut faults) = (0, FaultCounts::default());
    for_seeds(seeds, |seed| {
        let mix = chosen(Mix::draw(seed));
        match trial(seed, &mix) {
            Ok(counts) => faults += counts,
            Err(failure) => panic!("{failure}\nin {mix}\n{}", shrunk(seed, &mix)),
        }
        runs += 1;
    });
    println_counts(runs, &faults);
    let missing: Vec<&str> = faults
        .kinds()
        .filter(|(_, count)| *count == 0)
        .map(|(kind, _)| kind)
        .collect();
    // A single seed, or a few, cannot have them all.
    assert!(runs < SEEDS || missing.is_empty(), "never hit: {missing:?}");
}

#[test]
fn the_same_mix_gives_the_same_run() {
    for seed in 0..5 {
        let hash = |mut party: Party| (party.wire_hash(), party.faults());
        let run = || hold(seed, &Mix::draw(seed)).map(hash);
        assert_eq!(run(), run(), "seed {seed}");
    }
}

/// A recording that begins anywhere, and what a ring holds, in mixes of faults: what comes out of the replays is what came
/// out, and they end in the very same state.
#[test]
fn what_is_recorded_from_any_moment_on_replays_in_every_mix() {
    let (mut rings, mut turned) = (0, 0);
    for_seeds(usually(RECORDED_SEEDS), |seed| {
        let mut party = Party::new(seed, &Mix::draw(seed));
        party.record_from_the_middle();
        party.talk().expect("the other test sees to that");
        for (state, recording, ring) in party.recordings() {
            replay(seed, recording, state);
            let ring = ring.map(|ring| replay(seed, ring, state));
            rings += u32::from(ring.is_some());
            turned += u32::from(ring.unwrap_or_default());
        }
    });
    assert!(rings > 0, "no ring was dumped");
    // Of few seeds none may talk enough.
    assert!(
        usually(RECORDED_SEEDS).end < 20 || turned > 0,
        "no ring turned over"
    );
}

/// Replays what ended in this state. Whether it holds two generations of a ring.
fn replay(seed: u64, recording: Vec<u8>, state: u64) -> bool {
    let recording = Recording::read(recording).expect("whole");
    assert!(recording.has_checkpoint());
    let report = Replay::new(&recording).run();
    assert!(
        report.is_identical(),
        "seed {seed}: {}",
        report.divergence.expect("so it says")
    );
    assert_eq!(report.state_hash, state, "seed {seed}");
    recording
        .records()
        .any(|record| record.call == Call::Checkpoint)
}

/// The faults that struck, if all went well.
fn trial(seed: u64, mix: &Mix) -> Result<FaultCounts, String> {
    let run = catch_unwind(AssertUnwindSafe(|| hold(seed, mix)));
    let party = run.map_err(|panic| message(panic.as_ref()))??;
    Ok(party.faults())
}

/// Plays all three phases.
fn hold(seed: u64, mix: &Mix) -> Result<Party, String> {
    let mut party = Party::new(seed, mix);
    party
        .talk()
        .map_err(|failure| format!("under faults: {failure}"))?;
    party
        .recover()
        .map_err(|failure| format!("healed: {failure}"))?;
    party
        .part()
        .map_err(|failure| format!("after the goodbye: {failure}"))?;
    Ok(party)
}

/// The fewest troubles that still fail, found by leaving out one after the other.
fn shrunk(seed: u64, mix: &Mix) -> String {
    let mut kept: Vec<usize> = (0..mix.troubles().len()).collect();
    for number in 0..mix.troubles().len() {
        let fewer: Vec<usize> = kept
            .iter()
            .copied()
            .filter(|kept| *kept != number)
            .collect();
        if trial(seed, &mix.only(&fewer)).is_err() {
            kept = fewer;
        }
    }
    let numbers: Vec<String> = kept.iter().map(usize::to_string).collect();
    format!(
        "the same with less, {TROUBLES}={}: {}",
        numbers.join(","),
        mix.only(&kept)
    )
}

fn chosen(mix: Mix) -> Mix {
    let Ok(numbers) = std::env::var(TROUBLES) else {
        return mix;
    };
    let numbers: Vec<usize> = numbers
        .split(',')
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().expect("TICKWIRE_TROUBLES has numbers"))
        .collect();
    mix.only(&numbers)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a panic: {}", text.unwrap_or("without words"))
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn println_counts(runs: u64, faults: &FaultCounts) {
    println!("{runs} seeds: {faults}");
}
