//! Groups of clients: who they are, when they come, through what they reach the server.

use std::time::Duration;

use super::document::Section;
use super::error::ScenarioError;
use super::link::WayKeys;
use super::nat::{self, NatKeys};
use super::traces::Traces;
use crate::clock::DRIFT_MAX;
use crate::ms;

/// Most clients of a scenario.
pub(crate) const CLIENTS_MAX: u32 = 2_000;

/// What hosts have that never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostKeys {
    pub(crate) clock_drift_ppm: i32,
    pub(crate) late_timers: Duration,
    pub(crate) receive_buffer: Option<usize>,
}

/// Clients that are alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) count: u32,
    pub(crate) join_at: Duration,
    pub(crate) join_every: Duration,
    /// How long after its connection ended a client dials again; `None` if never.
    pub(crate) reconnect: Option<Duration>,
    pub(crate) host: HostKeys,
    pub(crate) link: WayKeys,
    pub(crate) nat: Option<NatKeys>,
}

/// Keys of `[server]`.
pub(crate) const SERVER_KEYS: &[&str] = &["clock_drift_ppm", "late_timers", "receive_buffer"];
/// Keys of `[[clients]]`.
pub(crate) const KEYS: &[&str] = &[
    "name",
    "count",
    "join_at",
    "join_every",
    "reconnect",
    "clock_drift_ppm",
    "late_timers",
    "receive_buffer",
    "link",
    "nat",
];

impl HostKeys {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, ScenarioError> {
        let drift = section.whole("clock_drift_ppm", (-DRIFT_MAX).into()..=DRIFT_MAX.into())?;
        let buffer = section.bytes("receive_buffer", 0..=1_000_000_000)?;
        Ok(Self {
            clock_drift_ppm: drift
                .and_then(|drift| i32::try_from(drift).ok())
                .unwrap_or(0),
            late_timers: section
                .time("late_timers", Duration::ZERO..=ms(60_000))?
                .unwrap_or_default(),
            receive_buffer: buffer.and_then(|bytes| usize::try_from(bytes).ok()),
        })
    }
}

impl Group {
    /// One client on the scenario's link, for scenarios without groups.
    pub(crate) fn only(link: WayKeys) -> Self {
        Self {
            name: "client".to_owned(),
            count: 1,
            join_at: Duration::ZERO,
            join_every: Duration::ZERO,
            reconnect: Some(ms(500)),
            host: HostKeys::default(),
            link,
            nat: None,
        }
    }

    /// Reads a group whose link is on top of the scenario's.
    pub(crate) fn read(
        section: &Section<'_>,
        base: &WayKeys,
        traces: &mut Traces<'_>,
    ) -> Result<Self, ScenarioError> {
        let only = Self::only(base.clone());
        let day = Duration::ZERO..=ms(86_400_000);
        let name = section.text("name")?.unwrap_or("client");
        if !is_name(name) || name == "server" {
            let text = "expected up to 32 letters, digits, `-` and `_`, other than \"server\"";
            return Err(section.error_at("name", text));
        }
        let link = match section.section("link", super::link::LinkKeys::KEYS_AND_WAYS)? {
            Some(link) => WayKeys::read(&link, traces)?.over(base, &link)?,
            None => only.link,
        };
        let nat = section.section("nat", nat::KEYS)?;
        Ok(Self {
            name: name.to_owned(),
            count: section.count("count", 1..=CLIENTS_MAX)?.unwrap_or(1),
            join_at: section.time("join_at", day.clone())?.unwrap_or_default(),
            join_every: section.time("join_every", day)?.unwrap_or_default(),
            reconnect: reconnect(section)?,
            host: HostKeys::read(section)?,
            link,
            nat: nat.map(|nat| NatKeys::read(&nat)).transpose()?,
        })
    }

    /// Name of the client with this number of the group.
    pub(crate) fn client_name(&self, number: u32) -> String {
        match self.count {
            1 => self.name.clone(),
            _ => format!("{}-{}", self.name, number + 1),
        }
    }
}

fn reconnect(section: &Section<'_>) -> Result<Option<Duration>, ScenarioError> {
    if section.has("reconnect") && section.text("reconnect")? == Some("never") {
        return Ok(None);
    }
    let most = ms(3_600_000);
    let time = section.time("reconnect", ms(1)..=most);
    let time = time.map_err(|_| {
        section.error_at(
            "reconnect",
            "expected \"never\" or a time from \"1ms\" to \"1h\"",
        )
    })?;
    Ok(Some(time.unwrap_or(ms(500))))
}

/// Whether a word can name a group or a kind of traffic.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=32).contains(&name.len()) && name.chars().all(is_plain)
}
