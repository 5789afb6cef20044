//! Dependencies point one way: core <- services <- drivers <- apps, and sim -> core, services. Drivers and the
//! simulator never meet.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn core_depends_on_nothing_of_ours() {
    assert_only("core", &[]);
}

#[test]
fn services_know_core_and_not_each_other() {
    for service in members("services") {
        assert_only(&service, &["core"]);
    }
}

#[test]
fn the_simulator_knows_core_and_services() {
    assert_only("sim", &["core", "services"]);
}

#[test]
fn drivers_never_meet_the_simulator_or_the_apps() {
    for driver in members("drivers") {
        assert_only(&driver, &["core", "services", "drivers"]);
    }
}

/// Asserts that the crate at `path` depends, among ours, only on crates in these top-level directories.
fn assert_only(path: &str, allowed: &[&str]) {
    for dependency in dependencies(path) {
        let place = place_of(&dependency);
        assert!(
            allowed.contains(&place.as_str()),
            "{path} depends on {dependency} in {place}"
        );
    }
}

/// Our crates that the manifest at `path` names as dependencies; those for its tests do not count.
fn dependencies(path: &str) -> BTreeSet<String> {
    let mut is_counted = false;
    let mut found = BTreeSet::new();
    for line in manifest(path).lines() {
        if line.starts_with('[') {
            is_counted = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if is_counted && line.starts_with("tickwire-") {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            found.insert(name.to_owned());
        }
    }
    found
}

/// The top-level directory of a crate of ours, as the workspace's manifest tells.
fn place_of(name: &str) -> String {
    let workspace = manifest(".");
    let start = format!("{name} = {{ path = \"");
    let path = workspace
        .lines()
        .find_map(|line| line.strip_prefix(&start))
        .unwrap_or_else(|| panic!("{name} is not in the workspace's dependencies"));
    path.split(['/', '"']).next().unwrap_or_default().to_owned()
}

/// Paths of the crates below a top-level directory.
fn members(directory: &str) -> Vec<String> {
    let workspace = manifest(".");
    let start = format!("\"{directory}/");
    let members: Vec<String> = workspace
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(&start))
        .map(|line| line.trim_matches(['"', ',']).to_owned())
        .collect();
    assert!(!members.is_empty(), "no crates in {directory}");
    members
}

fn manifest(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = root.join(path).join("Cargo.toml");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
