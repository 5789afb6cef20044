//! Scenarios: a world, what happens in it and what is said there, as a file.
//!
//! A scenario is TOML; docs/SCENARIOS.md explains every key. It has a server and groups of clients that each reach it over a
//! link of their own; events on a time line; and kinds of messages that they exchange. [`Scenario::run`] plays it from a
//! seed and gives an [`Outcome`]: what arrived, how late, what broke, and a time series for pictures.
//!
//! ```
//! use tickwire_sim::Scenario;
//!
//! let scenario = Scenario::parse(
//!     r#"
//!     title = "A short fade"
//!     duration = "5s"
//!     [link]
//!     delay = "20ms"
//!     [[event]]
//!     at = "2s"
//!     kind = "blackhole"
//!     for = "300ms"
//!     [[traffic]]
//!     name = "orders"
//!     delivery = "ordered"
//!     rate_hz = 30
//!     "#,
//! )?;
//! let outcome = scenario.run(7);
//! assert_eq!(outcome.traffic[0].lost, 0);
//! assert!(outcome.traffic[0].latency.max_us > 300_000);
//! # Ok::<(), tickwire_sim::ScenarioError>(())
//! ```
//!
//! Here too everything follows from the seed: equal scenarios and seeds give equal outcomes, byte for byte.

mod clients;
mod distribution;
mod document;
mod error;
mod event;
mod expect;
pub mod library;
pub mod limits;
mod link;
mod nat;
mod outcome;
mod run;
mod service;
pub mod sweep;
mod traces;
mod traffic;
mod units;

use std::time::Duration;

use tickwire_core::{CongestionControl, UnknownCongestionControl};

use self::clients::{Group, HostKeys};
use self::document::{Section, Setting};
use self::event::{Happening, Who};
use self::expect::Expect;
use self::link::{LinkKeys, WayKeys};
use self::traces::Traces;
use self::traffic::Traffic;
use crate::ms;

pub use self::distribution::{Bar, Distribution};
pub use self::error::ScenarioError;
pub use self::outcome::{
    ConnectionLog, ConnectionSeries, Connections, Direction, Ending, Outcome, PathSeries, Receipts,
    RecordedNetwork, RecordedPath, RecordedWay, Series, TrafficOutcome, TrafficSeries, Volume,
};
pub use self::run::Player;
pub use self::traces::Loader;

/// Keys at the top.
const KEYS: &[&str] = &[
    "title",
    "about",
    "duration",
    "drain",
    "tick_rate_hz",
    "server",
    "endpoint",
    "link",
    "clients",
    "event",
    "traffic",
    "expect",
];
/// Keys of `[endpoint]`.
const ENDPOINT_KEYS: &[&str] = &[
    "idle_timeout",
    "keepalive_interval",
    "handshake_timeout",
    "delivery_timeout",
    "ack_delay_max",
    "datagram_size_max",
    "mtu_discovery",
    "half_open_max",
    "unproven_max",
    "packets_per_key",
    "send_queue_bytes_max",
    "congestion",
    "redundancy_percent_max",
    "ecn",
];

/// A scenario that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    title: String,
    about: String,
    duration: Duration,
    drain: Duration,
    tick_rate_hz: u32,
    endpoint: EndpointKeys,
    server: HostKeys,
    groups: Vec<Group>,
    events: Vec<Happening>,
    traffic: Vec<Traffic>,
    expect: Expect,
}

/// Every table of a scenario with the keys that it may have: what docs/SCENARIOS.md must explain.
#[must_use]
pub fn keys() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("the top", KEYS.to_vec()),
        ("[endpoint]", ENDPOINT_KEYS.to_vec()),
        ("[link]", LinkKeys::KEYS_AND_WAYS.to_vec()),
        ("[server]", clients::SERVER_KEYS.to_vec()),
        ("[[clients]]", clients::KEYS.to_vec()),
        ("[clients.nat]", nat::KEYS.to_vec()),
        ("[[traffic]]", traffic::KEYS.to_vec()),
        ("[traffic.channel]", service::CHANNEL_KEYS.to_vec()),
        ("[traffic.message]", service::MESSAGE_KEYS.to_vec()),
        ("[traffic.expect]", traffic::EXPECT_KEYS.to_vec()),
        ("[expect]", expect::KEYS.to_vec()),
        ("[[event]]", event::KEYS.to_vec()),
        (
            "kinds of events",
            event::KINDS.iter().map(|(kind, _)| *kind).collect(),
        ),
    ]
}

/// Settings of all endpoints; those that are not given have Tickwire's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct EndpointKeys {
    idle_timeout: Option<Duration>,
    keepalive_interval: Option<Duration>,
    handshake_timeout: Option<Duration>,
    delivery_timeout: Option<Duration>,
    ack_delay_max: Option<Duration>,
    datagram_size_max: Option<u32>,
    mtu_discovery: Option<bool>,
    half_open_max: Option<u32>,
    unproven_max: Option<u32>,
    packets_per_key: Option<u32>,
    send_queue_bytes_max: Option<u64>,
    congestion: Option<CongestionControl>,
    redundancy_percent_max: Option<u8>,
    ecn: Option<bool>,
}

/// Reads scenarios that name traces, or that are changed by settings.
#[derive(Default)]
pub struct Reader<'a> {
    settings: Vec<Setting>,
    load: Option<Box<Loader<'a>>>,
}

impl<'a> Reader<'a> {
    /// A reader that knows no traces.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads traces by `load`, which gets the path as it stands in the scenario.
    #[must_use]
    pub fn traces(mut self, load: impl FnMut(&str) -> Result<String, String> + 'a) -> Self {
        self.load = Some(Box::new(load));
        self
    }

    /// Sets one value, whatever the file says: `link.delay=80ms`, `traffic.0.rate_hz=60`. What is neither a number nor
    /// true or false is taken for a text.
    ///
    /// # Errors
    ///
    /// What was expected, if there is no `=` or nothing before it.
    pub fn set(mut self, setting: &str) -> Result<Self, String> {
        let (path, value) = setting.split_once('=').unwrap_or(("", ""));
        let path: Vec<String> = path.split('.').map(|key| key.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(format!(
                "expected KEY=VALUE, such as link.delay=80ms, and not {setting}"
            ));
        }
        self.settings.push(Setting {
            path,
            value: as_toml(value.trim()),
            text: setting.to_owned(),
        });
        Ok(self)
    }

    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and where.
    pub fn read(mut self, text: &str) -> Result<Scenario, ScenarioError> {
        let mut none = |_: &str| Err("there is nobody to read it".to_owned());
        let load: &mut Loader<'_> = match &mut self.load {
            Some(load) => &mut **load,
            None => &mut none,
        };
        let (source, root) = document::parse(text, &self.settings)?;
        let root = Section::root(&source, &root, KEYS)?;
        Scenario::from_section(&root, &mut Traces::new(load))
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A value of a setting: numbers, flags and lists as they are, all else as a text.
fn as_toml(value: &str) -> String {
    let is_plain = value.parse::<i64>().is_ok() || ["true", "false"].contains(&value);
    if is_plain || value.starts_with(['[', '"', '\'']) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Scenario {
    /// Reads a scenario without traces.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        Reader::new().read(text)
    }

    /// What it is, in one line.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where it comes from and what it shows, if the file says so.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// How long things are said in it.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How many clients it has.
    #[must_use]
    pub fn clients(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How long what is under way may take after that.
    #[must_use]
    pub fn drain(&self) -> Duration {
        self.drain
    }

    /// The same with this loss, in tenths of a percent, in each direction of every link, and half of this round trip as its delay.
    /// What events say of links stays.
    #[must_use]
    pub fn with_path(&self, loss_permille: u16, rtt: Duration) -> Self {
        let mut scenario = self.clone();
        for group in &mut scenario.groups {
            for way in [&mut group.link.up, &mut group.link.down] {
                way.loss = Some(loss_permille.min(1_000));
                way.delay = Some(rtt / 2);
            }
        }
        scenario
    }

    /// How many clients are meant.
    fn count(&self, who: Who) -> u64 {
        match who {
            Who::Server => 0,
            Who::AllClients => self.clients().into(),
            Who::Group(index) => self.groups[index].count.into(),
            Who::Client(..) => 1,
        }
    }

    /// Plays it. See [`Player`] for more than the outcome.
    #[must_use]
    pub fn run(&self, seed: u64) -> Outcome {
        Player::new(self, seed).run().0
    }

    fn from_section(root: &Section<'_>, traces: &mut Traces<'_>) -> Result<Self, ScenarioError> {
        let title = root.text("title")?;
        let title = title
            .ok_or_else(|| root.error("a `title` is missing: what the scenario is, in one line"))?;
        if title.is_empty() || title.len() > 100 || title.contains('\n') {
            return Err(root.error_at("title", "expected one line of at most 100 bytes"));
        }
        let duration = root.time("duration", ms(100)..=ms(86_400_000))?;
        let duration =
            duration.ok_or_else(|| root.error("a `duration` is missing, such as \"30s\""))?;
        let link = match root.section("link", LinkKeys::KEYS_AND_WAYS)? {
            Some(link) => WayKeys::read(&link, traces)?.over(&WayKeys::default(), &link)?,
            None => WayKeys::default(),
        };
        let groups = groups(root, link, traces)?;
        let server = root.section("server", clients::SERVER_KEYS)?;
        let endpoint = root.section("endpoint", ENDPOINT_KEYS)?;
        let expect = root.section("expect", expect::KEYS)?;
        let events = root.sections("event", event::KEYS)?;
        let events = events
            .iter()
            .map(|event| Happening::read(event, &groups, traces));
        let scenario = Self {
            title: title.to_owned(),
            about: root.text("about")?.unwrap_or_default().trim().to_owned(),
            duration,
            drain: root
                .time("drain", Duration::ZERO..=ms(3_600_000))?
                .unwrap_or(ms(5_000)),
            tick_rate_hz: root.count("tick_rate_hz", 1..=1_000)?.unwrap_or(60),
            endpoint: endpoint
                .as_ref()
                .map(EndpointKeys::read)
                .transpose()?
                .unwrap_or_default(),
            server: server
                .as_ref()
                .map(HostKeys::read)
                .transpose()?
                .unwrap_or_default(),
            events: events.collect::<Result<_, _>>()?,
            traffic: kinds_of_traffic(root, &groups)?,
            groups,
            expect: expect
                .as_ref()
                .map(Expect::read)
                .transpose()?
                .unwrap_or_default(),
        };
        scenario.check_channels(root)?;
        limits::check(&scenario, root)?;
        Ok(scenario)
    }

    /// What a channel asks for must fit to the endpoint's settings: core's own words say why not.
    fn check_channels(&self, root: &Section<'_>) -> Result<(), ScenarioError> {
        let sections = root.sections("traffic", traffic::KEYS)?;
        for (traffic, section) in self.traffic.iter().zip(&sections) {
            let tried = self.endpoint.config(1, std::slice::from_ref(traffic));
            let tried = tried.build();
            tried.map_err(|error| section.error_at("channel", error))?;
        }
        Ok(())
    }
}

fn groups(
    root: &Section<'_>,
    link: WayKeys,
    traces: &mut Traces<'_>,
) -> Result<Vec<Group>, ScenarioError> {
    let sections = root.sections("clients", clients::KEYS)?;
    if sections.is_empty() {
        return Ok(vec![Group::only(link)]);
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut count = 0;
    for section in &sections {
        let group = Group::read(section, &link, traces)?;
        if groups.iter().any(|other| other.name == group.name) {
            return Err(section.error(format!("there is another group \"{}\"", group.name)));
        }
        count += group.count;
        if count > clients::CLIENTS_MAX {
            let text = format!(
                "there are more than {} clients in all",
                clients::CLIENTS_MAX
            );
            return Err(section.error_at("count", text));
        }
        groups.push(group);
    }
    Ok(groups)
}

fn kinds_of_traffic(root: &Section<'_>, groups: &[Group]) -> Result<Vec<Traffic>, ScenarioError> {
    let sections = root.sections("traffic", traffic::KEYS)?;
    let mut kinds: Vec<Traffic> = Vec::new();
    for section in &sections {
        let traffic = Traffic::read(section, groups)?;
        if kinds.iter().any(|other| other.name == traffic.name) {
            return Err(section.error_at("name", "there is another traffic of this name"));
        }
        if kinds.len() == traffic::KINDS_MAX {
            return Err(section.error(format!("there are more than {} kinds", traffic::KINDS_MAX)));
        }
        kinds.push(traffic);
    }
    Ok(kinds)
}

impl EndpointKeys {
    fn read(section: &Section<'_>) -> Result<Self, ScenarioError> {
        let time = |key, least, most| section.time(key, ms(least)..=ms(most));
        let keys = Self {
            idle_timeout: time("idle_timeout", 1_000, 600_000)?,
            keepalive_interval: time("keepalive_interval", 100, 300_000)?,
            handshake_timeout: time("handshake_timeout", 500, 60_000)?,
            delivery_timeout: time("delivery_timeout", 1_000, 600_000)?,
            ack_delay_max: time("ack_delay_max", 0, 100)?,
            datagram_size_max: section.count("datagram_size_max", 1_200..=1_452)?,
            mtu_discovery: section.flag("mtu_discovery")?,
            half_open_max: section.count("half_open_max", 1..=5_000)?,
            unproven_max: section.count("unproven_max", 0..=5_000)?,
            packets_per_key: section.count("packets_per_key", 100..=4_194_304)?,
            send_queue_bytes_max: section.bytes("send_queue_bytes_max", 100_000..=100_000_000)?,
            congestion: section.value("congestion", UnknownCongestionControl, |value| {
                document::text_of(value)?.parse().ok()
            })?,
            redundancy_percent_max: section
                .count("redundancy_percent_max", 0..=100)?
                .and_then(|percent| u8::try_from(percent).ok()),
            ecn: section.flag("ecn")?,
        };
        // Whatever else does not fit together, core's own words say.
        let tried = keys.config(32, &[]).build();
        tried.map(|_| keys).map_err(|error| section.error(error))
    }
}

#[cfg(test)]
mod tests;
