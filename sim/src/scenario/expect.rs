//! What a scenario expects of its outcome as a whole.

use std::time::Duration;

use super::document::{Section, text_of};
use super::error::ScenarioError;
use crate::faults::FaultCounts;
use crate::ms;
use toml::de::DeValue;

/// Keys of `[expect]`.
pub(crate) const KEYS: &[&str] = &[
    "disconnects_max",
    "reconnect_within",
    "handshake_max",
    "all_connected",
    "all_reliable_delivered",
    "faults",
];

/// Bounds; what is not given is not expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expect {
    pub(crate) disconnects_max: Option<u32>,
    pub(crate) reconnect_within: Option<Duration>,
    pub(crate) handshake_max: Option<Duration>,
    pub(crate) all_connected: bool,
    pub(crate) all_reliable_delivered: bool,
    /// Kinds of faults that must have struck.
    pub(crate) faults: Vec<&'static str>,
}

impl Expect {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, ScenarioError> {
        let time = |key| section.time(key, ms(1)..=ms(86_400_000));
        Ok(Self {
            disconnects_max: section.count("disconnects_max", 0..=1_000_000)?,
            reconnect_within: time("reconnect_within")?,
            handshake_max: time("handshake_max")?,
            all_connected: section.flag("all_connected")?.unwrap_or(false),
            all_reliable_delivered: section.flag("all_reliable_delivered")?.unwrap_or(false),
            faults: faults(section)?,
        })
    }
}

fn faults(section: &Section<'_>) -> Result<Vec<&'static str>, ScenarioError> {
    let kinds: Vec<&str> = FaultCounts::default()
        .kinds()
        .map(|(kind, _)| kind)
        .collect();
    let expected = format!("a list of some of {}", kinds.join(", "));
    let faults = section.value("faults", expected, |value| {
        let DeValue::Array(list) = value else {
            return None;
        };
        let find = |word: &str| kinds.iter().copied().find(|kind| *kind == word);
        list.iter()
            .map(|word| find(text_of(word.get_ref())?))
            .collect()
    })?;
    Ok(faults.unwrap_or_default())
}
