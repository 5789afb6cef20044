//! The scenarios that come with the simulator: sim/scenarios, in the binary.

use super::{Reader, Scenario, ScenarioError};

/// A scenario of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// By which people call it: `lossy-wifi`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! entries {
    ($($name:literal,)*) => {
        [$(Entry { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) },)*]
    };
}

macro_rules! traces {
    ($($path:literal,)*) => {
        [$(($path, include_str!(concat!("../../scenarios/", $path))),)*]
    };
}

/// All of them, by name.
pub const ENTRIES: &[Entry] = &entries![
    "4g-driving",
    "amplificationlimit",
    "blackhole",
    "bufferbloat",
    "bufferbloat-codel",
    "carrier-nat",
    "clock-jump",
    "crosstraffic",
    "crowd-joins",
    "droplist",
    "ecn",
    "elevator",
    "flapping",
    "goodput",
    "handover",
    "handshakecorruption",
    "handshakeloss",
    "hotel-wifi",
    "lan",
    "laptop-sleep",
    "leo-satellite",
    "longrtt",
    "lossy-wifi",
    "match-64",
    "mtu-drop",
    "nat-rebind",
    "oneway-blackhole",
    "perfect",
    "qos",
    "rebind-addr",
    "rebind-port",
    "satellite",
    "server-crash",
    "server-pause",
    "slow-joiner",
    "sweep",
    "transfercorruption",
    "transferloss",
];

/// The traces that they name.
const TRACES: &[(&str, &str)] = &traces![
    "traces/4g-driving-down.trace",
    "traces/4g-driving-up.trace",
    "traces/leo-satellite.csv",
];

/// The scenario of this name.
#[must_use]
pub fn find(name: &str) -> Option<Entry> {
    ENTRIES.iter().copied().find(|entry| entry.name == name)
}

/// The text of a trace of the library, by its path from the scenarios.
///
/// # Errors
///
/// If there is none.
pub fn trace(path: &str) -> Result<String, String> {
    let found = TRACES.iter().find(|(name, _)| *name == path);
    let (_, text) = found.ok_or_else(|| "the library has no such trace".to_owned())?;
    Ok((*text).to_owned())
}

impl Entry {
    /// The scenario.
    ///
    /// # Errors
    ///
    /// None, for those of the library: a test reads all.
    pub fn read(&self) -> Result<Scenario, ScenarioError> {
        Reader::new().traces(trace).read(self.text)
    }
}
