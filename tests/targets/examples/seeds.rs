//! Writes the seeds of every target into its corpus, `tests/fuzz/corpus`: `cargo run -p tickwire-targets --example seeds`.

use std::fs;
use std::path::Path;

use tickwire_targets::TARGETS;

fn main() -> std::io::Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for target in TARGETS {
        let directory = corpora.join(target.name);
        fs::create_dir_all(&directory)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(directory.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
