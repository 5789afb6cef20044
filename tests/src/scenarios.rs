//! Scenarios: each one of the library is as it expects, and their document tells of every key.

use std::collections::BTreeSet;
use std::fs;

use tickwire_sim::scenario::{Reader, keys, library};

use crate::repository::{read, root};

#[test]
fn the_library_has_every_file_and_every_file_is_read() {
    let directory = root().join("sim/scenarios");
    let entries = fs::read_dir(directory).expect("the scenarios are there");
    let names = entries.map(|entry| entry.expect("an entry is readable").path());
    let files: BTreeSet<String> = names
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    let names: BTreeSet<String> = library::ENTRIES
        .iter()
        .map(|entry| entry.name.to_owned())
        .collect();
    assert_eq!(names, files);
    assert!(library::ENTRIES.is_sorted_by_key(|entry| entry.name));
    for entry in library::ENTRIES {
        if let Err(error) = entry.read() {
            panic!("{}", error.in_file(entry.name));
        }
    }
}

#[test]
fn every_scenario_is_as_it_expects() {
    for entry in library::ENTRIES {
        let scenario = entry.read().expect("the library was read by another test");
        let outcome = scenario.run(0);
        assert!(
            outcome.unmet.is_empty(),
            "tickwire sim run {} --seed 0: {:#?}",
            entry.name,
            outcome.unmet
        );
    }
}

#[test]
fn the_document_tells_of_every_key() {
    let document = read("docs/SCENARIOS.md");
    let rows: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    for (table, keys) in keys() {
        for key in keys {
            let word = format!("`{key}`");
            assert!(
                rows.iter().any(|row| row.contains(&word)),
                "docs/SCENARIOS.md lacks {word} of {table}"
            );
        }
    }
}

#[test]
fn every_example_of_the_document_is_a_scenario() {
    let document = read("docs/SCENARIOS.md");
    let examples: Vec<&str> = document
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        if let Err(error) = Reader::new().traces(library::trace).read(example) {
            panic!("{error}\n{example}");
        }
    }
}
