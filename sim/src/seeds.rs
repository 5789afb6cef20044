//! Tests over many seeds, and the one command that replays the seed that failed.

use std::ops::Range;

/// The variable that picks one seed instead of all.
const VARIABLE: &str = "TICKWIRE_SEED";

/// The variable that says how many seeds to run instead of the usual number.
const COUNT_VARIABLE: &str = "TICKWIRE_SEEDS";

/// The seeds from 0: `usual` of them, or as many as `TICKWIRE_SEEDS` says.
///
/// # Panics
///
/// If `TICKWIRE_SEEDS` is not a number.
#[must_use]
pub fn usually(usual: u64) -> Range<u64> {
    let asked = std::env::var(COUNT_VARIABLE).ok();
    0..asked.map_or(usual, |count| {
        count.parse().expect("TICKWIRE_SEEDS is a number")
    })
}

/// Calls `test` with every seed of `seeds`, or only with the one in `TICKWIRE_SEED` if that is set.
///
/// When `test` panics, the command that replays the seed is printed: cargo's package and the test's own
/// name are taken from where they are known, the environment and the thread.
///
/// ```
/// use tickwire_sim::seeds::for_seeds;
///
/// for_seeds(0..100, |seed| assert!(seed < 100));
/// ```
///
/// # Panics
///
/// If `test` does, or if `TICKWIRE_SEED` is not a number.
pub fn for_seeds(seeds: Range<u64>, mut test: impl FnMut(u64)) {
    for seed in chosen(std::env::var(VARIABLE).ok().as_deref(), seeds) {
        let _on_panic = Replay { seed };
        test(seed);
    }
}

/// The seeds to run: one if it was asked for.
fn chosen(asked: Option<&str>, seeds: Range<u64>) -> Range<u64> {
    match asked {
        Some(seed) => {
            let seed = seed.parse().expect("TICKWIRE_SEED is a number");
            seed..seed + 1
        }
        None => seeds,
    }
}

/// Tells how to replay its seed if it is dropped in a panic.
struct Replay {
    seed: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
            let thread = std::thread::current();
            let command = command(self.seed, &package, thread.name().unwrap_or_default());
            eprintln!("replay this seed with: {command}");
        }
    }
}

fn command(seed: u64, package: &str, test: &str) -> String {
    let release = if cfg!(debug_assertions) {
        ""
    } else {
        " --release"
    };
    format!("{VARIABLE}={seed} cargo test{release} -p {package} {test}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_seeds_run_unless_one_is_asked_for() {
        assert_eq!(chosen(None, 0..1_000), 0..1_000);
        assert_eq!(chosen(Some("17"), 0..1_000), 17..18);
    }

    #[test]
    fn the_replay_command_names_seed_package_and_test() {
        let command = command(17, "tickwire-tests", "delivery::ordered_holds");
        assert!(command.starts_with("TICKWIRE_SEED=17 cargo test"));
        assert!(command.ends_with("-p tickwire-tests delivery::ordered_holds"));
    }
}
