//! A hash of the JSON outcome of every scenario that comes along, of its first two seconds: what must be the same in every build.
//!
//! `.ci/run determinism` compares what this prints in debug and in release.
#![expect(clippy::print_stdout, reason = "the hashes are what it is for")]

use tickwire_sim::scenario::{Reader, library};

const SEED: u64 = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for entry in library::ENTRIES {
        let reader = Reader::new().traces(library::trace);
        let reader = reader.set("duration=2s")?.set("drain=1s")?;
        let outcome = reader.read(entry.text)?.run(SEED);
        let json = serde_json::to_string(&outcome)?;
        println!("{} {:016x} {}", entry.name, hash(&json), json.len());
    }
    Ok(())
}

/// FNV-1a: any difference shows.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
