//! Tests over many seeds, and the one command that replays the seed that failed.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that picks one seed instead of all.
const VARIABLE: &str = "TICKWIRE_SEED";

/// The variable that says how many seeds to run instead of the usual number.
const COUNT_VARIABLE: &str = "TICKWIRE_SEEDS";

/// The seeds from 0: `usual` of them, or those that `TICKWIRE_SEEDS` says: `1000` for as many, `1000..5000` to go on from there.
///
/// # Panics
///
/// If `TICKWIRE_SEEDS` is neither.
#[must_use]
pub fn usually(usual: u64) -> Range<u64> {
    let asked = std::env::var(COUNT_VARIABLE).ok();
    asked.map_or(0..usual, |asked| {
        range(&asked).expect("TICKWIRE_SEEDS is a number, or two as in 1000..5000")
    })
}

fn range(asked: &str) -> Option<Range<u64>> {
    let (start, end) = asked.split_once("..").unwrap_or(("0", asked));
    Some(start.parse().ok()?..end.parse().ok()?).filter(|seeds| !seeds.is_empty())
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

/// Calls `test` with every seed of `seeds`, or only with the one in `TICKWIRE_SEED` if that is set, on as many threads as
/// the machine runs at once. Gives what it gave, in the order of the seeds, whatever the threads did.
///
/// # Errors
///
/// The first seed that failed, by number, with its error. Those behind it may not have run.
///
/// # Panics
///
/// If `test` does, or if `TICKWIRE_SEED` is not a number.
pub fn try_seeds<T: Send, E: Send>(
    seeds: Range<u64>,
    test: impl Fn(u64) -> Result<T, E> + Sync,
) -> Result<Vec<T>, (u64, E)> {
    let seeds = chosen(std::env::var(VARIABLE).ok().as_deref(), seeds);
    let next = AtomicU64::new(seeds.start);
    // No seed above one that failed needs to run.
    let end = AtomicU64::new(seeds.end);
    let run = || {
        let mut results = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end.load(Ordering::Relaxed) {
                return results;
            }
            let result = test(seed);
            if result.is_err() {
                end.fetch_min(seed, Ordering::Relaxed);
            }
            results.push((seed, result));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut results: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .flat_map(|results| results.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    results.sort_by_key(|(seed, _)| *seed);
    let results = results.into_iter();
    results
        .map(|(seed, result)| result.map_err(|error| (seed, error)))
        .collect()
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
    fn threads_give_results_in_the_order_of_seeds_and_the_first_error() {
        let squares = try_seeds(0..100, |seed| Ok::<_, ()>(seed * seed));
        assert_eq!(squares, Ok((0..100).map(|seed| seed * seed).collect()));
        let failed = try_seeds(0..100, |seed| match seed % 30 {
            17 => Err("seventeen"),
            _ => Ok(()),
        });
        assert_eq!(failed, Err((17, "seventeen")));
    }

    #[test]
    fn all_seeds_run_unless_one_is_asked_for() {
        assert_eq!(chosen(None, 0..1_000), 0..1_000);
        assert_eq!(chosen(Some("17"), 0..1_000), 17..18);
    }

    #[test]
    fn a_number_of_seeds_or_a_range_of_them() {
        assert_eq!(range("1000"), Some(0..1_000));
        assert_eq!(range("1000..5000"), Some(1_000..5_000));
        for wrong in ["", "many", "5..", "..5", "5..5", "-1", "0"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_replay_command_names_seed_package_and_test() {
        let command = command(17, "tickwire-tests", "delivery::ordered_holds");
        assert!(command.starts_with("TICKWIRE_SEED=17 cargo test"));
        assert!(command.ends_with("-p tickwire-tests delivery::ordered_holds"));
    }
}
