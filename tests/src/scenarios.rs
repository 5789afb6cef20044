//! Scenarios: each one of the library is as it expects, and their document tells of every key.

use std::collections::BTreeSet;
use std::fs;

use tickwire_sim::Scenario;
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

/// Scenarios of many players, with a length that makes them take about as long as the others.
const LARGE: &[(&str, &str)] = &[("crowd-joins", "4s"), ("match-64", "6s")];

#[test]
fn every_scenario_is_as_it_expects() {
    all_but_large_ones(0);
}

#[test]
fn every_scenario_is_as_it_expects_with_another_seed() {
    all_but_large_ones(1);
}

fn all_but_large_ones(seed: u64) {
    for entry in library::ENTRIES {
        let is_large = LARGE.iter().any(|(name, _)| *name == entry.name);
        if !is_large {
            let scenario = entry.read().expect("the library was read by another test");
            is_as_expected(entry, &scenario, seed);
        }
    }
}

#[test]
fn every_large_scenario_is_as_it_expects() {
    for (name, duration) in LARGE {
        let entry = library::find(name).expect("it is in the library");
        let reader = Reader::new().traces(library::trace);
        let reader = reader.set(&format!("duration={duration}"));
        let scenario = reader.expect("a setting").read(entry.text);
        is_as_expected(&entry, &scenario.expect("a shorter scenario"), 0);
    }
}

fn is_as_expected(entry: &library::Entry, scenario: &Scenario, seed: u64) {
    let unmet = scenario.run(seed).unmet;
    let name = entry.name;
    assert!(
        unmet.is_empty(),
        "tickwire sim run {name} --seed {seed}: {unmet:#?}"
    );
}

#[test]
fn every_scenario_says_what_it_models_and_expects_something() {
    for entry in library::ENTRIES {
        let scenario = entry.read().expect("the library was read by another test");
        let name = entry.name;
        assert!(scenario.about().len() > 80, "{name} does not say why");
        assert!(entry.text.contains("[expect]"), "{name} expects nothing");
    }
}

#[test]
fn the_document_lists_every_scenario_with_its_title() {
    let document = read("docs/SCENARIOS.md");
    let listed: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| [`"))
        .collect();
    let rows: Vec<String> = library::ENTRIES
        .iter()
        .map(|entry| {
            let scenario = entry.read().expect("the library was read by another test");
            let (name, title) = (entry.name, scenario.title());
            format!("| [`{name}`](../sim/scenarios/{name}.toml) | {title} |")
        })
        .collect();
    assert_eq!(listed, rows, "docs/SCENARIOS.md must list them so");
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
