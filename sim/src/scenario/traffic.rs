//! What is said: kinds of messages, each on a channel of its own.

use std::time::Duration;

use tickwire_core::Delivery;

use super::clients::{Group, is_name};
use super::document::{Section, text_of, whole_of};
use super::error::ScenarioError;
use super::event::{self, Who};
use super::service::{self, ChannelKeys, MessageKeys};
use crate::ms;

/// Keys of `[[traffic]]`.
pub(crate) const KEYS: &[&str] = &[
    "name",
    "delivery",
    "direction",
    "who",
    "size",
    "rate_hz",
    "burst",
    "total",
    "from",
    "until",
    "late_after",
    "channel",
    "message",
    "expect",
];
/// Keys of `[traffic.expect]`.
pub(crate) const EXPECT_KEYS: &[&str] = &[
    "p50_max",
    "p99_max",
    "latency_max",
    "lost_max",
    "late_max",
    "goodput_min",
    "complete_within",
    "gap_max",
];

/// Least bytes of a message: its number and its sender.
pub(crate) const SIZE_MIN: u32 = 8;
/// Most kinds of traffic: one channel of the 31 is for joining.
pub(crate) const KINDS_MAX: usize = 30;

/// Who talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ways {
    Up,
    Down,
    Both,
}

/// When messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// So many at once, so often a second.
    Steady { rate_hz: u32, burst: u32 },
    /// As fast as they are taken, until so many bytes were sent.
    Bulk { total: u64 },
}

/// One kind of messages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Traffic {
    pub(crate) name: String,
    pub(crate) delivery: Delivery,
    pub(crate) ways: Ways,
    /// Which clients say or hear it.
    pub(crate) who: Who,
    pub(crate) size_min: u32,
    pub(crate) size_max: u32,
    pub(crate) pace: Pace,
    pub(crate) from: Duration,
    pub(crate) until: Option<Duration>,
    pub(crate) late_after: Duration,
    pub(crate) channel: ChannelKeys,
    pub(crate) message: MessageKeys,
    pub(crate) expect: Bounds,
}

/// What is expected of one kind of messages, in each direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) p50_max: Option<Duration>,
    pub(crate) p99_max: Option<Duration>,
    pub(crate) latency_max: Option<Duration>,
    pub(crate) lost_max: Option<u16>,
    pub(crate) late_max: Option<u16>,
    pub(crate) goodput_min: Option<u64>,
    pub(crate) complete_within: Option<Duration>,
    pub(crate) gap_max: Option<Duration>,
}

impl Traffic {
    pub(crate) fn read(section: &Section<'_>, groups: &[Group]) -> Result<Self, ScenarioError> {
        let day = Duration::ZERO..=ms(86_400_000);
        let name = section.text("name")?;
        let name = name.ok_or_else(|| section.error("a `name` is missing, such as \"state\""))?;
        if !is_name(name) {
            return Err(section.error_at("name", "expected up to 32 letters, digits, `-` and `_`"));
        }
        let deliveries = [
            ("unreliable", Delivery::Unreliable),
            ("sequenced", Delivery::Sequenced),
            ("reliable", Delivery::Reliable),
            ("ordered", Delivery::Ordered),
        ];
        let delivery = section.choice("delivery", &deliveries)?;
        let missing =
            "a `delivery` is missing: \"unreliable\", \"sequenced\", \"reliable\" or \"ordered\"";
        let delivery = delivery.ok_or_else(|| section.error(missing))?;
        let ways = section.choice(
            "direction",
            &[("up", Ways::Up), ("down", Ways::Down), ("both", Ways::Both)],
        )?;
        let (size_min, size_max) = sizes(section)?;
        let bounds = section.section("expect", EXPECT_KEYS)?;
        let channel = section.section("channel", service::CHANNEL_KEYS)?;
        let message = section.section("message", service::MESSAGE_KEYS)?;
        let traffic = Self {
            name: name.to_owned(),
            delivery,
            ways: ways.unwrap_or(Ways::Both),
            who: clients(section, groups)?,
            size_min,
            size_max,
            pace: pace(section, delivery)?,
            from: section.time("from", day.clone())?.unwrap_or_default(),
            until: section.time("until", day)?,
            late_after: section
                .time("late_after", ms(1)..=ms(60_000))?
                .unwrap_or(ms(100)),
            channel: channel
                .as_ref()
                .map(ChannelKeys::read)
                .transpose()?
                .unwrap_or_default(),
            message: message
                .as_ref()
                .map(|message| MessageKeys::read(message, delivery))
                .transpose()?
                .unwrap_or_default(),
            expect: bounds
                .as_ref()
                .map(Bounds::read)
                .transpose()?
                .unwrap_or_default(),
        };
        if traffic.until.is_some_and(|until| until <= traffic.from) {
            return Err(section.error_at("until", "expected a time after `from`"));
        }
        if let Some(bounds) = &bounds {
            traffic.check_bounds(bounds)?;
        }
        Ok(traffic)
    }

    /// Whether the bounds are of things that such traffic has.
    fn check_bounds(&self, section: &Section<'_>) -> Result<(), ScenarioError> {
        let bounds = &self.expect;
        match self.pace {
            Pace::Steady { .. } if bounds.complete_within.is_some() => {
                Err(section.error_at("complete_within", "only what has a `total` completes"))
            }
            Pace::Bulk { .. } if bounds.gap_max.is_some() => {
                let text = "only what has a `rate_hz` is expected to arrive all the time";
                Err(section.error_at("gap_max", text))
            }
            Pace::Steady { .. } | Pace::Bulk { .. } => Ok(()),
        }
    }
}

fn clients(section: &Section<'_>, groups: &[Group]) -> Result<Who, ScenarioError> {
    match event::who(section, groups)? {
        Who::Server => Err(section.error_at("who", "the server talks with clients: name these")),
        who @ (Who::AllClients | Who::Group(_) | Who::Client(..)) => Ok(who),
    }
}

fn pace(section: &Section<'_>, delivery: Delivery) -> Result<Pace, ScenarioError> {
    let rate_hz = section.count("rate_hz", 1..=10_000)?;
    let total = section.bytes("total", 1..=1_000_000_000)?;
    let burst = section.count("burst", 1..=10_000)?;
    match (rate_hz, total) {
        (Some(rate_hz), None) => Ok(Pace::Steady {
            rate_hz,
            burst: burst.unwrap_or(1),
        }),
        (None, Some(_)) if !delivery.is_reliable() => {
            let text = "what is not reliable has no end to wait for: use `rate_hz`";
            Err(section.error_at("total", text))
        }
        (None, Some(_)) if burst.is_some() => {
            Err(section.error_at("burst", "it belongs to `rate_hz`, and not to `total`"))
        }
        (None, Some(total)) => Ok(Pace::Bulk { total }),
        (None, None) | (Some(_), Some(_)) => Err(section.error(
            "expected either `rate_hz`, messages a second, or `total`, bytes to be sent at once",
        )),
    }
}

/// `120`, or `"60..200"`.
fn sizes(section: &Section<'_>) -> Result<(u32, u32), ScenarioError> {
    const SIZES: std::ops::RangeInclusive<u32> = SIZE_MIN..=65_536;
    let expected = "8 to 65536 bytes, such as 120, or a range such as \"60..200\"";
    let sizes = section.value("size", expected, |value| {
        if let Some(size) = whole_of(value) {
            let size = u32::try_from(size).ok();
            return size
                .filter(|size| SIZES.contains(size))
                .map(|size| (size, size));
        }
        let (least, most) = text_of(value)?.split_once("..")?;
        let (least, most) = (least.trim().parse().ok()?, most.trim().parse().ok()?);
        (SIZES.contains(&least) && SIZES.contains(&most) && least <= most).then_some((least, most))
    })?;
    Ok(sizes.unwrap_or((100, 100)))
}

impl Bounds {
    fn read(section: &Section<'_>) -> Result<Self, ScenarioError> {
        let time = |key| section.time(key, ms(1)..=ms(86_400_000));
        Ok(Self {
            p50_max: time("p50_max")?,
            p99_max: time("p99_max")?,
            latency_max: time("latency_max")?,
            lost_max: section.share("lost_max")?,
            late_max: section.share("late_max")?,
            goodput_min: section.rate("goodput_min", 1_000..=100_000_000_000)?,
            complete_within: time("complete_within")?,
            gap_max: time("gap_max")?,
        })
    }
}
