//! Recordings that begin anywhere, and what a ring holds, in mixes of faults: what comes out of the replays is what came
//! out, and they end in the very same state.

use tickwire_core::record::Call;
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{Recording, Replay};

use super::case::Case;
use super::party::Party;

/// How many seeds are recorded and replayed.
const RECORDED_SEEDS: u64 = 200;

#[test]
fn what_is_recorded_from_any_moment_on_replays_in_every_mix() {
    let (mut rings, mut turned) = (0, 0);
    for_seeds(usually(RECORDED_SEEDS), |seed| {
        let mut party = Party::new(&Case::of(seed));
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
