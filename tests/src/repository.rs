//! What the repository says of itself: the documents keep up with the files they speak of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tickwire_sim::{Link, Pair, ms};

use crate::graph;

#[test]
fn every_direct_dependency_has_its_reason() {
    let reasons = read("docs/decisions/0002-dependencies.md");
    let explained: BTreeSet<&str> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let unexplained: BTreeSet<String> = graph::arrows()
        .into_iter()
        .filter(|arrow| arrow.to_layer.is_none())
        .map(|arrow| arrow.to)
        .chain(dependencies_of("tests/peers", "renet"))
        .chain(dependencies_of("tests/fuzz", "libfuzzer-sys"))
        .filter(|name| !explained.contains(name.as_str()))
        .collect();
    assert!(unexplained.is_empty(), "without a row: {unexplained:?}");
}

#[test]
fn every_link_of_the_documents_leads_to_a_file() {
    for document in documents() {
        let directory = document.parent().expect("a document is in a directory");
        let text = fs::read_to_string(&document).expect("a document is readable");
        for target in link_targets(&text) {
            let path = directory.join(target);
            assert!(
                path.exists(),
                "{}: no such file: {target}",
                document.display()
            );
        }
    }
}

#[test]
fn decisions_are_numbered_without_a_gap_and_say_when_to_revisit() {
    let decisions: Vec<PathBuf> = documents_in("docs/decisions");
    assert!(!decisions.is_empty());
    for (index, decision) in decisions.iter().enumerate() {
        let name = decision
            .file_name()
            .expect("a file has a name")
            .to_string_lossy();
        let number = format!("{:04}-", index + 1);
        assert!(
            name.starts_with(&number),
            "{name} should be number {number}"
        );
        let text = fs::read_to_string(decision).expect("a decision is readable");
        for heading in ["## Context", "## Choice", "## Price", "## When to revisit"] {
            assert!(text.contains(heading), "{name} lacks {heading}");
        }
    }
}

#[test]
fn every_setting_and_every_counter_is_told_of() {
    let behaviour = read("docs/BEHAVIOUR.md");
    let config = read("core/src/config.rs");
    let (_, setters) = config
        .split_once("setters! {\n")
        .expect("the builder's setters");
    let (setters, _) = setters.split_once("\n    }\n").expect("their end");
    let settings = field_names(setters, "");
    assert!(settings.contains(&"peers_max"), "{settings:?}");
    let stats = read("core/src/stats.rs");
    let counters = field_names(&stats, "pub ");
    assert!(counters.contains(&"rtt_us"), "{counters:?}");
    let untold: Vec<&str> = settings
        .into_iter()
        .chain(counters)
        .filter(|name| !behaviour.contains(&format!("{name}`")))
        .filter(|name| !behaviour.contains(&format!("`{name}.")))
        .collect();
    assert!(untold.is_empty(), "docs/BEHAVIOUR.md lacks {untold:?}");
}

#[test]
fn the_readme_prints_what_its_example_prints() {
    let path = Link::new().latency(ms(25));
    let mut pair = Pair::new(7).link(path.clone()).connect();
    pair.run_for(ms(500));
    let mut pair = pair.traced().link_to_server(path.drop_nth([0]));
    pair.send_to_server(2, b"this must arrive")
        .expect("the queue has room");
    pair.run_for(ms(500));
    let readme = read("README.md");
    assert!(readme.contains(pair.trace()), "{}", pair.trace());
}

/// Blocks that are not compiled with the page are lines of the example, in its order.
#[test]
fn the_page_on_testing_a_game_shows_its_example() {
    let page = read("docs/TEST-YOUR-GAME.md");
    let example =
        ["rules.rs", "main.rs"].map(|file| read(&format!("sim/examples/own_game/{file}")));
    let example = example.concat().replace("pub(crate)", "pub");
    let blocks: Vec<&str> = page.split("```rs\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let (block, _) = block.split_once("```").expect("a block has an end");
        let mut rest = example.lines().map(str::trim);
        for line in block.lines().map(str::trim) {
            assert!(
                rest.any(|known| known == line),
                "not in the example: {line}"
            );
        }
    }
}

#[test]
fn the_map_names_every_module_of_core() {
    let map = read("docs/ARCHITECTURE.md");
    let mut directories = vec![root().join("core/src")];
    let mut unnamed = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of sources is readable") {
            let path = entry.expect("an entry is readable").path();
            let stem = path.file_stem().expect("a file has a name");
            let stem = stem.to_string_lossy().into_owned();
            let is_named = map.contains(&format!("`{stem}`"));
            let has_own_row = directory.ends_with("src") && is_named;
            if path.is_dir() && has_own_row {
                directories.push(path);
            } else if !is_named && !["lib", "mod", "tests", "forge"].contains(&stem.as_str()) {
                unnamed.push(path);
            }
        }
    }
    assert!(unnamed.is_empty(), "docs/ARCHITECTURE.md lacks {unnamed:?}");
}

/// What a workspace of its own takes from elsewhere, this crate among others: a line each below `[dependencies]`.
fn dependencies_of(workspace: &str, one: &str) -> Vec<String> {
    let manifest = read(&format!("{workspace}/Cargo.toml"));
    let (_, rest) = manifest
        .split_once("[dependencies]\n")
        .expect("it has dependencies");
    let section = rest.split("\n[").next().expect("a split has a first part");
    let from_elsewhere = section.lines().filter(|line| !line.contains("path = "));
    let names = from_elsewhere.filter_map(|line| line.split_once(" = "));
    let names: Vec<String> = names.map(|(name, _)| name.to_owned()).collect();
    assert!(names.contains(&one.to_owned()), "{names:?}");
    names
}

/// What stands before the colon of each line `name: type,` with this before the name.
fn field_names<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let lines = text.lines().map(str::trim);
    let fields = lines.filter_map(|line| line.strip_prefix(before)?.strip_suffix(','));
    fields
        .filter_map(|field| field.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect()
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package is one directory below the root")
}

/// The text of a file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents() -> Vec<PathBuf> {
    ["", "docs", "docs/decisions"]
        .into_iter()
        .flat_map(documents_in)
        .collect()
}

/// The Markdown files of one directory, sorted by name.
fn documents_in(directory: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(root().join(directory)).expect("a directory of documents is readable");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found
}

/// The files that `[text](path#heading)` of a document point to; links to the web and inside the page left out.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(target, _)| target.split('#').next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}
