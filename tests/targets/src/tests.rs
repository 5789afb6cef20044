//! Each target over its corpus, and over mutations of it, the same ones every time.
//!
//! `TICKWIRE_FUZZ_RUNS` asks for more of them than 2,000. An input that fails is written to `tests/fuzz/artifacts`.

use std::fs;
use std::path::{Path, PathBuf};

use tickwire_sim::Rng;

use crate::mutate::mutated;
use crate::{TARGETS, Target};

/// Bytes of all corpora together, at most: they are in the repository.
const CORPORA_MAX: u64 = 200_000;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The files of a corpus, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = fuzz().join("corpus").join(name);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry is readable").path())
        .collect();
    files.sort();
    let files = files.iter().map(fs::read);
    files
        .map(|file| file.expect("a file is readable"))
        .collect()
}

fn keeps_its_promises(name: &str) {
    let target = Target::named(name);
    let mut corpus = corpus(name);
    assert!(!corpus.is_empty(), "no corpus of {name}");
    // Where a layout has changed since, those in the files lead nowhere.
    corpus.extend((target.seeds)());
    corpus.iter().for_each(|input| checked(&target, input));
    let runs = std::env::var("TICKWIRE_FUZZ_RUNS");
    let runs: u32 = runs.map_or(2_000, |runs| runs.parse().expect("a number"));
    let mut rng = Rng::new(1).fork(name);
    for _ in 0..runs / target.weight {
        let mut pick = || &corpus[usize::try_from(rng.below(corpus.len() as u64)).expect("small")];
        let (input, other) = (pick(), pick());
        checked(&target, &mutated(&mut rng, input, other));
    }
}

fn checked(target: &Target, input: &[u8]) {
    let failed = std::panic::catch_unwind(|| target.check(input));
    let Err(panic) = failed else { return };
    let directory = fuzz().join("artifacts").join(target.name);
    let path = directory.join(format!("test-{}", input.len()));
    let kept = fs::create_dir_all(&directory).and_then(|()| fs::write(&path, input));
    eprintln!("the input is in {}: {kept:?}", path.display());
    std::panic::resume_unwind(panic);
}

macro_rules! each {
    ($($name:ident,)*) => {
        $(#[test]
        fn $name() {
            keeps_its_promises(stringify!($name));
        })*

        #[test]
        fn every_target_is_tested_and_is_in_the_fuzzers_workspace() {
            let tested = [$(stringify!($name)),*];
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(tested[..], names);
            let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("it is there");
            for name in names {
                let line = format!("name = \"{name}\"");
                assert!(manifest.contains(&line), "tests/fuzz/Cargo.toml lacks {name}");
                let body = fuzz().join(format!("fuzz_targets/{name}.rs"));
                let body = fs::read_to_string(body).expect("a target has a file");
                assert!(body.contains(&format!("\"{name}\"")), "{body}");
            }
        }
    };
}

each! {
    frames,
    headers,
    handshakes,
    numbers,
    cookies,
    tokens,
    discovery,
    checkpoints,
    server_datagrams,
    client_datagrams,
    server_frames,
    client_frames,
    conversation,
    recordings,
    redacted,
    scenarios,
    traces,
}

#[test]
fn corpora_are_small() {
    let files = TARGETS.iter().flat_map(|target| corpus(target.name));
    let bytes: u64 = files.map(|file| file.len() as u64).sum();
    assert!(bytes <= CORPORA_MAX, "{bytes} bytes");
}

/// `tests/fuzz/run --table` writes it.
#[test]
fn the_documents_table_says_what_the_log_does() {
    let log = fs::read_to_string(fuzz().join("log.csv")).expect("the log is readable");
    let page = fs::read_to_string(fuzz().join("../../docs/TESTING.md")).expect("it is readable");
    for target in TARGETS {
        let lines = log.lines().skip(1).map(|line| line.split(',').collect());
        let lines = lines.filter(|line: &Vec<&str>| line[1] == target.name);
        let runs: u64 = lines
            .map(|line| line[3].parse::<u64>().expect("a number"))
            .sum();
        let row = format!("| `{}` | ", target.name);
        let row = page
            .lines()
            .find(|line| line.starts_with(&row) && line.contains('%'));
        let row = row.unwrap_or_else(|| panic!("no row of {}", target.name));
        assert!(row.contains(&format!("% | {runs} | ")), "{row}: {runs}");
    }
}

/// What a fuzzer finds, these mutations would find too, given time: they reach every kind of change.
#[test]
fn mutations_are_the_same_for_the_same_seed_and_change_something() {
    let all = |seed| {
        let mut rng = Rng::new(seed);
        let inputs = (0..200).map(|_| mutated(&mut rng, b"an input of some length", b"other"));
        inputs.collect::<Vec<_>>()
    };
    assert_eq!(all(1), all(1));
    assert_ne!(all(1), all(2));
    let unchanged = |input: &&Vec<u8>| input[..] == b"an input of some length"[..];
    assert!(all(1).iter().filter(unchanged).count() < 20);
}
