//! The dependency graph: who may name whom.
//!
//! Packages live in layers, one directory each: `core <- services <- drivers <- apps`, with `sim` above core and
//! services and beside the drivers. An arrow against this order is what would let a clock into core or a socket
//! into the simulator, and no other test would notice. Only this package, `tests`, may join all of them.
//!
//! The arrows come from `cargo metadata --no-deps`, which needs neither network nor sources; what the crates
//! from elsewhere pull in comes from Cargo.lock, which has it for every target and so never too little.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::repository;

/// Crates that bring a socket, a clock, a thread or the system's randomness.
const NEEDS_AN_OS: [&str; 11] = [
    "getrandom",
    "if-addrs",
    "mio",
    "parking_lot",
    "quinn-udp",
    "rand",
    "ring",
    "signal-hook-registry",
    "socket2",
    "tokio",
    "web-time",
];

/// A direct dependency of a package of this repository.
#[derive(Debug)]
pub(crate) struct Arrow {
    from: String,
    /// The first directory of its path: `core`, `services`, ...
    from_layer: String,
    pub(crate) to: String,
    /// `None` for a crate from elsewhere.
    pub(crate) to_layer: Option<String>,
    /// Compiled into the package itself, and not only into its tests or its build.
    normal: bool,
    optional: bool,
    default_features: bool,
}

#[test]
fn dependencies_point_one_way() {
    none_of("against the layers", |arrow| {
        let to_layer = arrow.to_layer.as_deref();
        to_layer.is_some_and(|to| !layers_below(&arrow.from_layer).contains(&to))
    });
}

#[test]
fn services_do_not_know_each_other() {
    none_of("between services", |arrow| {
        arrow.from_layer == "services" && arrow.to_layer.as_deref() == Some("services")
    });
}

#[test]
fn an_app_can_be_built_without_the_simulator() {
    none_of("not behind a feature", |arrow| {
        let into_sim = arrow.to_layer.as_deref() == Some("sim");
        arrow.from_layer == "apps" && into_sim && arrow.normal && !arrow.optional
    });
}

#[test]
fn core_takes_no_default_features() {
    // A default feature is how `std` comes in unseen. Those of an optional crate are the choice of who turns it on.
    none_of("with default features", |arrow| {
        arrow.from_layer == "core" && arrow.normal && !arrow.optional && arrow.default_features
    });
}

#[test]
fn core_and_services_reach_nothing_that_needs_an_operating_system() {
    let locked = locked_dependencies();
    for arrow in arrows() {
        let pure = arrow.from_layer == "core" || arrow.from_layer == "services";
        // What is ours is checked by its own arrows; in Cargo.lock it stands with its tests' dependencies.
        if !pure || !arrow.normal || arrow.to_layer.is_some() {
            continue;
        }
        let reached = closure(&locked, &arrow.to);
        let from = &arrow.from;
        for name in NEEDS_AN_OS {
            assert!(
                !reached.contains(name),
                "{from} reaches {name} by {}: `cargo tree -p {from} -i {name}` tells how",
                arrow.to
            );
        }
    }
}

/// The layers that a package of `layer` may depend on.
fn layers_below(layer: &str) -> &'static [&'static str] {
    match layer {
        "core" => &[],
        "services" => &["core"],
        "sim" => &["core", "services"],
        "drivers" => &["core", "services", "drivers"],
        "apps" => &["core", "services", "drivers", "sim"],
        "tests" => &["core", "services", "drivers", "sim", "apps"],
        _ => {
            panic!("{layer}/ is not a layer yet: give it a place here and in docs/ARCHITECTURE.md")
        }
    }
}

/// Fails with the arrows that are `wrong`, if any.
fn none_of(what: &str, wrong: impl Fn(&Arrow) -> bool) {
    let found: Vec<Arrow> = arrows().into_iter().filter(wrong).collect();
    assert!(found.is_empty(), "{what}: {found:#?}");
}

/// Every direct dependency of every package of the workspace.
pub(crate) fn arrows() -> Vec<Arrow> {
    let metadata = metadata();
    let packages = list(&metadata, "packages");
    assert!(
        packages.len() > 1,
        "the workspace has more than one package"
    );
    packages.iter().flat_map(arrows_from).collect()
}

fn arrows_from(package: &Value) -> Vec<Arrow> {
    let manifest = text(package, "manifest_path");
    let directory = Path::new(manifest)
        .parent()
        .expect("a manifest is in a directory");
    list(package, "dependencies")
        .iter()
        .map(|dependency| Arrow {
            from: text(package, "name").to_owned(),
            from_layer: layer_of(directory),
            to: text(dependency, "name").to_owned(),
            to_layer: dependency["path"]
                .as_str()
                .map(|path| layer_of(Path::new(path))),
            normal: dependency["kind"].is_null(),
            optional: dependency["optional"] == true,
            default_features: dependency["uses_default_features"] == true,
        })
        .collect()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--locked",
            "--format-version",
            "1",
        ])
        .current_dir(repository::root())
        .output()
        .expect("cargo runs, since it ran this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// The directory of the repository that `path` is in.
fn layer_of(path: &Path) -> String {
    let inside = path
        .strip_prefix(repository::root())
        .expect("a package of this repository");
    let first = inside.components().next().expect("the root is no package");
    first.as_os_str().to_string_lossy().into_owned()
}

/// What each crate of Cargo.lock depends on, by name; versions of one name are taken together.
fn locked_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let lock = repository::read("Cargo.lock");
    let mut graph = BTreeMap::<String, BTreeSet<String>>::new();
    for package in lock.split("[[package]]").skip(1) {
        let mut quoted = package.split('"').skip(1).step_by(2);
        let name = quoted.next().expect("a package has a name").to_owned();
        let Some((_, dependencies)) = package.split_once("dependencies = [") else {
            graph.entry(name).or_default();
            continue;
        };
        // Each is "name", or "name version" where there are several.
        let names = dependencies.split('"').skip(1).step_by(2);
        let names = names
            .filter_map(|entry| entry.split(' ').next())
            .map(str::to_owned);
        graph.entry(name).or_default().extend(names);
    }
    graph
}

/// `start` and all that it pulls in.
fn closure(graph: &BTreeMap<String, BTreeSet<String>>, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(name) = open.pop() {
        let dependencies = graph
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is in Cargo.lock"));
        if reached.insert(name) {
            open.extend(dependencies.iter().cloned());
        }
    }
    reached
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key]
        .as_array()
        .unwrap_or_else(|| panic!("cargo metadata has a list {key}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("cargo metadata has a text {key}"))
}
