//! What happens, when and to whom.

use std::time::Duration;

use super::clients::Group;
use super::document::Section;
use super::error::ScenarioError;
use super::link::{LinkKeys, TIME_MAX, WayKeys};
use super::traces::Traces;
use crate::clock::DRIFT_MAX;
use crate::ms;

/// Keys of `[[event]]`.
pub(crate) const KEYS: &[&str] = &[
    "at",
    "every",
    "kind",
    "who",
    "for",
    "by",
    "ppm",
    "direction",
    "link",
];

/// Kinds of events, with the keys that each has besides `at`, `every`, `kind` and `who`.
pub(crate) const KINDS: &[(&str, &[&str])] = &[
    ("blackhole", &["for", "direction"]),
    ("hold", &["for", "direction"]),
    ("partition", &["for", "direction"]),
    ("link", &["link"]),
    ("rebind-port", &[]),
    ("rebind-address", &[]),
    ("nat-reboot", &[]),
    ("stall", &["for"]),
    ("socket-blocked", &["for"]),
    ("not-reading", &["for"]),
    ("crash", &["for"]),
    ("clock-drift", &["ppm"]),
    ("clock-ahead", &["by"]),
    ("clock-back", &["by"]),
    ("late-timers", &["by"]),
    ("leave", &["for"]),
];

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happening {
    pub(crate) at: Duration,
    pub(crate) every: Option<Duration>,
    pub(crate) who: Who,
    pub(crate) what: What,
}

/// To whom: groups of clients are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Server,
    AllClients,
    Group(usize),
    /// One of a group.
    Client(usize, u32),
}

/// Which directions of a link: towards the server, and from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directions {
    pub(crate) up: bool,
    pub(crate) down: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Blackhole(Duration, Directions),
    Hold(Duration, Directions),
    Partition(Duration, Directions),
    Link(Box<WayKeys>),
    RebindPort,
    RebindAddress,
    NatReboot,
    Stall(Duration),
    SocketBlocked(Duration),
    NotReading(Duration),
    Crash(Duration),
    ClockDrift(i32),
    ClockAhead(Duration),
    ClockBack(Duration),
    LateTimers(Duration),
    Leave(Duration),
}

impl Happening {
    pub(crate) fn read(
        section: &Section<'_>,
        groups: &[Group],
        traces: &mut Traces<'_>,
    ) -> Result<Self, ScenarioError> {
        let day = Duration::ZERO..=ms(86_400_000);
        let at = section.time("at", day)?;
        let at = at.ok_or_else(|| section.error("a time is missing: `at`, such as \"5s\""))?;
        let what = what(section, traces)?;
        let who = who(section, groups)?;
        if who == Who::Server && what.is_of_a_path() {
            let text = "this befalls the way between clients and the server: name clients";
            return Err(section.error_at("who", text));
        }
        if let What::Link(change) = &what {
            for group in groups {
                change.over(&group.link, section)?;
            }
        }
        Ok(Self {
            at,
            every: section.time("every", ms(10)..=ms(86_400_000))?,
            who,
            what,
        })
    }
}

impl What {
    /// Whether it befalls links or NATs, and not hosts.
    fn is_of_a_path(&self) -> bool {
        match self {
            Self::Blackhole(..)
            | Self::Hold(..)
            | Self::Partition(..)
            | Self::Link(_)
            | Self::RebindPort
            | Self::RebindAddress
            | Self::NatReboot
            | Self::Leave(_) => true,
            Self::Stall(_)
            | Self::SocketBlocked(_)
            | Self::NotReading(_)
            | Self::Crash(_)
            | Self::ClockDrift(_)
            | Self::ClockAhead(_)
            | Self::ClockBack(_)
            | Self::LateTimers(_) => false,
        }
    }

    /// Whether it needs a NAT.
    pub(crate) fn is_of_a_nat(&self) -> bool {
        matches!(
            self,
            Self::RebindPort | Self::RebindAddress | Self::NatReboot
        )
    }
}

fn what(section: &Section<'_>, traces: &mut Traces<'_>) -> Result<What, ScenarioError> {
    let kinds: Vec<(&str, usize)> = KINDS
        .iter()
        .enumerate()
        .map(|(index, (kind, _))| (*kind, index))
        .collect();
    let kind = section.choice("kind", &kinds)?;
    let kind = kind.ok_or_else(|| section.error("a `kind` is missing, such as \"blackhole\""))?;
    let (kind, keys) = KINDS[kind];
    for key in ["for", "by", "ppm", "direction", "link"] {
        if section.has(key) && !keys.contains(&key) {
            return Err(section.error_at(key, format!("an event \"{kind}\" has no such key")));
        }
    }
    let needed = |key: &'static str| {
        let time = section.time(key, ms(1)..=Duration::from_secs(86_400))?;
        time.ok_or_else(|| {
            section.error(format!("an event \"{kind}\" needs `{key}`, such as \"2s\""))
        })
    };
    let outage = || {
        let time = needed("for")?;
        if time > TIME_MAX {
            return Err(section.error_at("for", "expected at most \"1h\""));
        }
        Ok((time, directions(section)?))
    };
    Ok(match kind {
        "blackhole" => outage().map(|(time, ways)| What::Blackhole(time, ways))?,
        "hold" => outage().map(|(time, ways)| What::Hold(time, ways))?,
        "partition" => outage().map(|(time, ways)| What::Partition(time, ways))?,
        "link" => What::Link(Box::new(change(section, traces)?)),
        "rebind-port" => What::RebindPort,
        "rebind-address" => What::RebindAddress,
        "nat-reboot" => What::NatReboot,
        "stall" => What::Stall(needed("for")?),
        "socket-blocked" => What::SocketBlocked(needed("for")?),
        "not-reading" => What::NotReading(needed("for")?),
        "crash" => What::Crash(needed("for")?),
        "clock-drift" => What::ClockDrift(drift(section)?),
        "clock-ahead" => What::ClockAhead(needed("by")?),
        "clock-back" => What::ClockBack(needed("by")?),
        "late-timers" => What::LateTimers(needed("by")?),
        _ => What::Leave(needed("for")?),
    })
}

fn change(section: &Section<'_>, traces: &mut Traces<'_>) -> Result<WayKeys, ScenarioError> {
    let link = section.section("link", LinkKeys::KEYS_AND_WAYS)?;
    let link =
        link.ok_or_else(|| section.error("an event \"link\" needs a table: [event.link]"))?;
    WayKeys::read(&link, traces)
}

fn drift(section: &Section<'_>) -> Result<i32, ScenarioError> {
    let ppm = section.whole("ppm", (-DRIFT_MAX).into()..=DRIFT_MAX.into())?;
    let ppm = ppm.and_then(|ppm| i32::try_from(ppm).ok());
    ppm.ok_or_else(|| section.error("an event \"clock-drift\" needs `ppm`, such as 100"))
}

fn directions(section: &Section<'_>) -> Result<Directions, ScenarioError> {
    let both = Directions {
        up: true,
        down: true,
    };
    let choices = [
        (
            "up",
            Directions {
                down: false,
                ..both
            },
        ),
        ("down", Directions { up: false, ..both }),
        ("both", both),
    ];
    Ok(section.choice("direction", &choices)?.unwrap_or(both))
}

/// `server`, the name of a group, or that of one of its clients.
pub(crate) fn who(section: &Section<'_>, groups: &[Group]) -> Result<Who, ScenarioError> {
    let Some(name) = section.text("who")? else {
        return Ok(Who::AllClients);
    };
    if name == "server" {
        return Ok(Who::Server);
    }
    for (index, group) in groups.iter().enumerate() {
        if group.name == name {
            return Ok(Who::Group(index));
        }
        let number = (0..group.count).find(|number| group.client_name(*number) == name);
        if let Some(number) = number {
            return Ok(Who::Client(index, number));
        }
    }
    let names: Vec<String> = groups
        .iter()
        .map(|group| format!("\"{}\"", group.name))
        .collect();
    let text = format!(
        "there is nobody of this name: expected \"server\", {}, or one of a group, such as \"{}\"",
        names.join(", "),
        groups
            .first()
            .map_or_else(|| "client-1".to_owned(), |group| group.client_name(0))
    );
    Err(section.error_at("who", text))
}
