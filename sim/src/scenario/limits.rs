//! What a run may cost: scenarios that would take days, or more memory than a machine has, are refused when they are read.
//!
//! A run keeps some bytes for each message until its end, for each client and interval of the series, and for each thing
//! that happens. The bounds allow a day of two players, or ten minutes of a thousand, and refuse what was a slip of the
//! keyboard.

use std::time::Duration;

use super::Scenario;
use super::document::Section;
use super::error::ScenarioError;
use super::event::{Happening, What};
use super::link::WayKeys;
use super::traffic::{Pace, Traffic, Ways};

/// Most messages of all kinds together: 24 bytes each are kept of them.
pub const MESSAGES_MAX: u64 = 20_000_000;
/// Most bytes of all messages together.
pub const BYTES_MAX: u64 = 20_000_000_000;
/// Most ticks of all owners together.
pub const TICKS_MAX: u64 = 100_000_000;
/// Most clients times intervals of the series, each of 100 ms: 44 bytes each are kept of them.
pub const SAMPLES_MAX: u64 = 10_000_000;
/// Most happenings: how often each event comes, for each client that it befalls.
pub const HAPPENINGS_MAX: u64 = 100_000;

/// Most datagrams of others' traffic on all links together: about 0.3 µs each.
pub const FOREIGN_MAX: u64 = 100_000_000;

/// Length of an interval of the series.
const INTERVAL: Duration = Duration::from_millis(100);

/// Refuses what is beyond the bounds, at the key that is.
pub(crate) fn check(scenario: &Scenario, root: &Section<'_>) -> Result<(), ScenarioError> {
    let clients = u64::from(scenario.clients());
    let whole = scenario.duration + scenario.drain;
    let ticks = times(whole, scenario.tick_rate_hz.into()).saturating_mul(clients + 1);
    let less = "take a shorter `duration`, or fewer clients";
    if ticks > TICKS_MAX {
        let text = format!(
            "the owners of {clients} clients and the server have {ticks} ticks in this time, more than {TICKS_MAX}: {less}, or a lower `tick_rate_hz`"
        );
        return Err(root.error_at("duration", text));
    }
    let intervals = whole.as_nanos() / INTERVAL.as_nanos();
    let samples = narrow(intervals).saturating_mul(clients);
    if samples > SAMPLES_MAX {
        let text = format!(
            "the series of {clients} clients have {samples} intervals in this time, more than {SAMPLES_MAX}: {less}"
        );
        return Err(root.error_at("duration", text));
    }
    foreign(scenario, root)?;
    messages(scenario, root)?;
    happenings(scenario, root)
}

/// Others' traffic, with that of links which an event puts in place.
fn foreign(scenario: &Scenario, root: &Section<'_>) -> Result<(), ScenarioError> {
    let whole = scenario.duration + scenario.drain;
    let mut datagrams = 0_u64;
    for (index, group) in scenario.groups.iter().enumerate() {
        let on = |ways: &WayKeys, time, clients: u64| {
            let each = ways.up.cross_datagrams(time);
            let each = each.saturating_add(ways.down.cross_datagrams(time));
            each.saturating_mul(clients)
        };
        datagrams = datagrams.saturating_add(on(&group.link, whole, group.count.into()));
        for event in &scenario.events {
            let clients = (0..group.count).filter(|number| event.who.is(index, *number));
            if let What::Link(change) = &event.what {
                let ways = WayKeys {
                    up: change.up.over(&group.link.up),
                    down: change.down.over(&group.link.down),
                };
                let left = whole.saturating_sub(event.at);
                datagrams = datagrams.saturating_add(on(&ways, left, clients.count() as u64));
            }
        }
    }
    if datagrams > FOREIGN_MAX {
        let text = format!(
            "others send up to {datagrams} datagrams over all links in this time (`cross_flows`, `cross_rate`), more than {FOREIGN_MAX}: take a shorter `duration`, fewer clients, or slower links"
        );
        return Err(root.error_at("duration", text));
    }
    Ok(())
}

fn messages(scenario: &Scenario, root: &Section<'_>) -> Result<(), ScenarioError> {
    let sections = root.sections("traffic", super::traffic::KEYS)?;
    let (mut messages, mut bytes) = (0_u64, 0_u64);
    for (traffic, section) in scenario.traffic.iter().zip(&sections) {
        let count = traffic.messages_max(scenario);
        messages = messages.saturating_add(count);
        bytes = bytes.saturating_add(count.saturating_mul(traffic.size_max.into()));
        let key = match traffic.pace {
            Pace::Steady { .. } => "rate_hz",
            Pace::Bulk { .. } => "total",
        };
        let less = "take less of it, fewer clients or a shorter `duration`";
        if messages > MESSAGES_MAX {
            let text = format!(
                "up to here these are {messages} messages of all clients, more than {MESSAGES_MAX}: {less}"
            );
            return Err(section.error_at(key, text));
        }
        if bytes > BYTES_MAX {
            let text = format!(
                "up to here the messages of all clients are {bytes} bytes, more than {BYTES_MAX}: {less}"
            );
            return Err(section.error_at(key, text));
        }
    }
    Ok(())
}

fn happenings(scenario: &Scenario, root: &Section<'_>) -> Result<(), ScenarioError> {
    let sections = root.sections("event", super::event::KEYS)?;
    let mut happenings = 0_u64;
    for (event, section) in scenario.events.iter().zip(&sections) {
        happenings = happenings.saturating_add(event.count(scenario));
        if happenings > HAPPENINGS_MAX {
            let text = format!(
                "up to here {happenings} things happen, each client counted, more than {HAPPENINGS_MAX}: let them happen less often, to fewer clients, or take a shorter `duration`"
            );
            return Err(section.error_at("every", text));
        }
    }
    Ok(())
}

impl Traffic {
    /// How many messages all clients send and get, if none is refused.
    fn messages_max(&self, scenario: &Scenario) -> u64 {
        let until = self.until.unwrap_or(scenario.duration);
        let time = until.min(scenario.duration).saturating_sub(self.from);
        let each = match self.pace {
            Pace::Steady { rate_hz, burst } => {
                // The first is sent at once.
                times(time, rate_hz.into())
                    .saturating_add(1)
                    .saturating_mul(burst.into())
            }
            Pace::Bulk { total } => total.div_ceil(self.size_min.into()),
        };
        let ways = match self.ways {
            Ways::Up | Ways::Down => 1,
            Ways::Both => 2,
        };
        each.saturating_mul(ways * scenario.count(self.who))
    }
}

impl Happening {
    /// How often it comes, each of those counted whom it befalls.
    fn count(&self, scenario: &Scenario) -> u64 {
        let Some(left) = scenario.duration.checked_sub(self.at) else {
            return 0;
        };
        let repeats = match self.every {
            Some(every) => narrow(left.as_nanos() / every.as_nanos().max(1)),
            None => 0,
        };
        (repeats + 1).saturating_mul(scenario.count(self.who).max(1))
    }
}

/// How often something of this frequency comes in a time.
fn times(time: Duration, hertz: u64) -> u64 {
    narrow(time.as_nanos() * u128::from(hertz) / 1_000_000_000)
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    const DAY: &str = "title = \"x\"\nduration = \"24h\"\n";

    fn refusal(text: &str) -> String {
        let error = Scenario::parse(text).expect_err("it is absurd");
        error.in_file("a")
    }

    #[test]
    fn a_day_of_two_players_is_a_scenario() {
        let traffic = "[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nrate_hz = 50\n";
        let clients = "[[clients]]\ncount = 2\n";
        let scenario = Scenario::parse(&format!("{DAY}{clients}{traffic}"));
        scenario.expect("17 million messages");
    }

    #[test]
    fn more_messages_than_memory_has_room_for_are_refused() {
        let many = "[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nrate_hz = 10000\n";
        assert_eq!(
            refusal(&format!("{DAY}{many}")),
            "a:6:11: `rate_hz`: up to here these are 1728000002 messages of all clients, more than 20000000: take less of it, fewer clients or a shorter `duration`"
        );
        let bulk = "[[clients]]\ncount = 2000\n[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nsize = 8\ntotal = \"1000MB\"\n";
        let text = format!("title = \"x\"\nduration = \"10s\"\n{bulk}");
        assert!(refusal(&text).starts_with("a:9:9: `total`: up to here these are 500000000000"));
        let large = text.replace("size = 8", "size = 65536");
        assert!(refusal(&large).contains("`total`: up to here these are 61036000 messages"));
        let fewer = large.replace("2000", "200");
        assert!(refusal(&fewer).contains("bytes, more than 20000000000"));
    }

    #[test]
    fn more_ticks_and_series_than_anybody_waits_for_are_refused() {
        let crowd = "[[clients]]\ncount = 2000\n";
        let error = refusal(&format!("{DAY}{crowd}"));
        assert!(
            error.starts_with("a:2:12: `duration`: the owners of 2000 clients"),
            "{error}"
        );
        let slow = format!("{DAY}tick_rate_hz = 1\n[[clients]]\ncount = 100\n");
        let error = refusal(&slow);
        assert!(
            error.contains("86405000 intervals in this time, more than 10000000"),
            "{error}"
        );
    }

    #[test]
    fn more_of_others_traffic_than_anybody_waits_for_is_refused() {
        let fast = "[link]\nrate = \"10Gbit/s\"\ncross_flows = 1\n";
        let error = refusal(&format!("title = \"x\"\nduration = \"2min\"\n{fast}"));
        assert!(
            error.starts_with("a:2:12: `duration`: others send up to 208333332 datagrams"),
            "{error}"
        );
        let minute = "title = \"x\"\nduration = \"50s\"\n";
        Scenario::parse(&format!("{minute}{fast}")).expect("92 million");
        let event =
            "[[event]]\nat = \"30s\"\nkind = \"link\"\n[event.link]\ncross_rate = \"9Gbit/s\"\n";
        let error = refusal(&format!("{minute}{fast}{event}"));
        assert!(error.contains("others send up to 170833332"), "{error}");
    }

    #[test]
    fn more_happenings_than_make_sense_are_refused() {
        let event =
            "[[event]]\nat = \"1s\"\nevery = \"10ms\"\nkind = \"blackhole\"\nfor = \"1ms\"\n";
        let error = refusal(&format!("{DAY}{event}"));
        assert!(
            error.starts_with("a:5:9: `every`: up to here 8639901 things happen"),
            "{error}"
        );
        let late = event.replace("\"1s\"", "\"24h\"");
        Scenario::parse(&format!("{DAY}{late}")).expect("it comes once at most");
    }
}
