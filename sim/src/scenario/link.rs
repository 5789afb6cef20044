//! The keys of a link, in layers: what holds for both directions, then for one; what the scenario says, then a group of
//! clients, then an event.

mod queue;

use std::time::Duration;

use toml::de::DeValue;

use self::queue::{ECN_PATHS, Room, room};
use super::document::{Section, time_of, whole_of};
use super::error::ScenarioError;
use super::traces::Traces;
use crate::link::Link;
use crate::link::bursts::Bursts;
use crate::link::ecn::EcnPath;
use crate::link::jitter::Jitter;
use crate::link::recorded::{Capacity, Conditions};
use crate::ms;

/// One more trait of a link: a share in thousandths, and a number of copies.
type Change = fn(Link, u16, u16) -> Link;

/// Longest time that a link may take or be down for.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(3_600);
/// Most copies of a datagram that storms make on average.
const STORMS_MAX: u64 = 100;
/// Rates that a link may have, in bits per second.
const RATES: std::ops::RangeInclusive<u64> = 1_000..=100_000_000_000;

/// How long a burst or the time between bursts is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Datagrams(u32),
    Time(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Uniform,
    Normal,
    Pareto,
}

macro_rules! layer {
    ($($key:ident: $type:ty,)*) => {
        /// What was said of one direction of a link; what was not is as on a perfect link.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct LinkKeys {
            $(pub(crate) $key: Option<$type>,)*
        }

        impl LinkKeys {
            /// All keys.
            pub(crate) const KEYS: &'static [&'static str] = &[$(stringify!($key),)*];
            /// All keys, and the tables of the two directions.
            pub(crate) const KEYS_AND_WAYS: &'static [&'static str] = &["up", "down", $(stringify!($key),)*];

            /// This on top of `base`.
            pub(crate) fn over(&self, base: &Self) -> Self {
                Self { $($key: self.$key.clone().or_else(|| base.$key.clone()),)* }
            }
        }
    };
}

layer! {
    delay: Duration,
    jitter: Duration,
    jitter_shape: Shape,
    jitter_deviation: Duration,
    jitter_max: Duration,
    in_order: bool,
    loss: u16,
    loss_run_max: u32,
    burst_length: Extent,
    burst_gap: Extent,
    burst_loss: u16,
    gap_loss: u16,
    drop: Vec<usize>,
    duplication: u16,
    storms: u16,
    storm_copies: u32,
    reordering: u16,
    reordering_delay: Duration,
    corruption: u16,
    corruption_run_max: u32,
    overwriting: u16,
    truncation: u16,
    extension: u16,
    splicing: u16,
    rate: u64,
    queue: Room,
    codel: bool,
    ecn: bool,
    ecn_threshold: Room,
    ecn_path: EcnPath,
    ect: bool,
    cross_flows: u32,
    cross_rtt: Duration,
    cross_rate: u64,
    cross_on: Duration,
    cross_off: Duration,
    mtu: u64,
    flap_up: Duration,
    flap_down: Duration,
    rate_trace: Capacity,
    delay_trace: Conditions,
}

/// Both directions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WayKeys {
    pub(crate) up: LinkKeys,
    pub(crate) down: LinkKeys,
}

impl WayKeys {
    /// Reads a table of a link, with the tables of its directions.
    pub(crate) fn read(
        section: &Section<'_>,
        traces: &mut Traces<'_>,
    ) -> Result<Self, ScenarioError> {
        let both = LinkKeys::read(section, traces)?;
        let mut ways = Self {
            up: both.clone(),
            down: both,
        };
        for (name, way) in [("up", &mut ways.up), ("down", &mut ways.down)] {
            if let Some(section) = section.section(name, LinkKeys::KEYS)? {
                *way = LinkKeys::read(&section, traces)?.over(way);
            }
        }
        Ok(ways)
    }

    /// This on top of `base`, if that makes sense together.
    pub(crate) fn over(&self, base: &Self, section: &Section<'_>) -> Result<Self, ScenarioError> {
        let ways = Self {
            up: self.up.over(&base.up),
            down: self.down.over(&base.down),
        };
        for way in [&ways.up, &ways.down] {
            way.check().map_err(|text| section.error(text))?;
        }
        Ok(ways)
    }
}

impl LinkKeys {
    fn read(section: &Section<'_>, traces: &mut Traces<'_>) -> Result<Self, ScenarioError> {
        let time = |key| section.time(key, Duration::ZERO..=TIME_MAX);
        let some_time = |key| section.time(key, ms(1)..=TIME_MAX);
        Ok(Self {
            delay: time("delay")?,
            jitter: time("jitter")?,
            jitter_shape: section.choice(
                "jitter_shape",
                &[
                    ("uniform", Shape::Uniform),
                    ("normal", Shape::Normal),
                    ("pareto", Shape::Pareto),
                ],
            )?,
            jitter_deviation: time("jitter_deviation")?,
            jitter_max: time("jitter_max")?,
            in_order: section.flag("in_order")?,
            loss: section.share("loss")?,
            loss_run_max: section.count("loss_run_max", 1..=1_000)?,
            burst_length: extent(section, "burst_length")?,
            burst_gap: extent(section, "burst_gap")?,
            burst_loss: section.share("burst_loss")?,
            gap_loss: section.share("gap_loss")?,
            drop: dropped(section)?,
            duplication: section.share("duplication")?,
            storms: section.share("storms")?,
            storm_copies: section.count("storm_copies", 1..=10_000)?,
            reordering: section.share("reordering")?,
            reordering_delay: section.time("reordering_delay", ms(1)..=ms(60_000))?,
            corruption: section.share("corruption")?,
            corruption_run_max: section.count("corruption_run_max", 1..=1_000)?,
            overwriting: section.share("overwriting")?,
            truncation: section.share("truncation")?,
            extension: section.share("extension")?,
            splicing: section.share("splicing")?,
            rate: section.rate("rate", RATES)?,
            queue: room(section, "queue")?,
            codel: section.flag("codel")?,
            ecn: section.flag("ecn")?,
            ecn_threshold: room(section, "ecn_threshold")?,
            ecn_path: section.choice("ecn_path", ECN_PATHS)?,
            ect: section.flag("ect")?,
            cross_flows: section.count("cross_flows", 1..=100)?,
            cross_rtt: some_time("cross_rtt")?,
            cross_rate: section.rate("cross_rate", RATES)?,
            cross_on: some_time("cross_on")?,
            cross_off: some_time("cross_off")?,
            mtu: section.bytes("mtu", 68..=65_507)?,
            flap_up: some_time("flap_up")?,
            flap_down: some_time("flap_down")?,
            rate_trace: traces.capacity(section, "rate_trace")?,
            delay_trace: traces.conditions(section, "delay_trace")?,
        })
    }

    /// Whether the keys make sense together; what is wrong otherwise.
    fn check(&self) -> Result<(), String> {
        use Extent::{Datagrams, Time};
        match (self.burst_length, self.burst_gap) {
            (Some(Datagrams(_)), Some(Datagrams(_))) | (Some(Time(_)), Some(Time(_))) => {}
            (None, None) if self.burst_loss.or(self.gap_loss).is_none() => {}
            _ => {
                return Err(
                    "`burst_length` and `burst_gap` belong together, both in datagrams or both as times"
                        .to_owned(),
                );
            }
        }
        let storms =
            u64::from(self.storms.unwrap_or(0)) * u64::from(self.storm_copies.unwrap_or(100));
        if storms > STORMS_MAX * 1_000 {
            return Err(format!(
                "`storms` and `storm_copies` make {} copies of each datagram on average, more than {STORMS_MAX}",
                storms.div_ceil(1_000)
            ));
        }
        if self.flap_up.is_some() != self.flap_down.is_some() {
            return Err("`flap_up` and `flap_down` belong together".to_owned());
        }
        let is_slow = self.rate.is_some() || self.rate_trace.is_some();
        if self.rate.is_some() && self.rate_trace.is_some() {
            return Err("`rate` and `rate_trace` exclude each other".to_owned());
        }
        if !is_slow && (self.queue.is_some() || self.codel.is_some()) {
            return Err("`queue` and `codel` need a `rate` or a `rate_trace`".to_owned());
        }
        self.check_ecn()?;
        self.check_cross(is_slow)?;
        let pairs = [
            (
                "jitter_shape",
                self.jitter_shape.is_some(),
                "jitter",
                self.jitter.is_some(),
            ),
            (
                "jitter_deviation",
                self.jitter_deviation.is_some(),
                "jitter",
                self.jitter.is_some(),
            ),
            (
                "jitter_max",
                self.jitter_max.is_some(),
                "jitter",
                self.jitter.is_some(),
            ),
            (
                "loss_run_max",
                self.loss_run_max.is_some(),
                "loss",
                self.loss.is_some(),
            ),
            (
                "corruption_run_max",
                self.corruption_run_max.is_some(),
                "corruption",
                self.corruption.is_some(),
            ),
            (
                "storm_copies",
                self.storm_copies.is_some(),
                "storms",
                self.storms.is_some(),
            ),
            (
                "reordering_delay",
                self.reordering_delay.is_some(),
                "reordering",
                self.reordering.is_some(),
            ),
        ];
        for (key, has_key, needed, has_needed) in pairs {
            if has_key && !has_needed {
                return Err(format!("`{key}` needs `{needed}`"));
            }
        }
        Ok(())
    }

    /// The link.
    pub(crate) fn build(&self) -> Link {
        let mut link = Link::new()
            .latency(self.delay.unwrap_or_default())
            .jitter(self.shaped_jitter())
            .loss(self.loss.unwrap_or(0))
            .duplication(self.duplication.unwrap_or(0))
            .corruption(self.corruption.unwrap_or(0))
            .reordering(
                self.reordering.unwrap_or(0),
                self.reordering_delay.unwrap_or(ms(30)),
            );
        if self.in_order == Some(true) {
            link = link.in_order();
        }
        if let Some(bursts) = self.bursts() {
            link = link.bursts(bursts);
        }
        if let Some(datagrams) = self.loss_run_max {
            link = link.loss_run_max(u16::try_from(datagrams).unwrap_or(u16::MAX));
        }
        if let Some(datagrams) = self.corruption_run_max {
            link = link.corruption_run_max(u16::try_from(datagrams).unwrap_or(u16::MAX));
        }
        if let Some(numbers) = &self.drop {
            link = link.drop_nth(numbers.iter().copied());
        }
        link = self.damage(link);
        link = self.pace(link);
        if let Some(mtu) = self.mtu {
            link = link.mtu(usize::try_from(mtu).unwrap_or(usize::MAX));
        }
        if let (Some(up), Some(down)) = (self.flap_up, self.flap_down) {
            link = link.flapping(up, down);
        }
        if let Some(path) = self.ecn_path {
            link = link.ecn(path);
        }
        if self.ect == Some(true) {
            link = link.ect();
        }
        match &self.delay_trace {
            Some(conditions) => link.conditions(conditions.clone()),
            None => link,
        }
    }

    fn shaped_jitter(&self) -> Jitter {
        let jitter = self.jitter.unwrap_or_default();
        match self.jitter_shape.unwrap_or(Shape::Uniform) {
            Shape::Uniform => Jitter::uniform(jitter),
            Shape::Normal => Jitter::normal(jitter, self.jitter_deviation.unwrap_or(jitter / 2)),
            Shape::Pareto => Jitter::pareto(jitter, self.jitter_max.unwrap_or(jitter * 100)),
        }
    }

    fn bursts(&self) -> Option<Bursts> {
        let bursts = match (self.burst_length?, self.burst_gap?) {
            (Extent::Datagrams(bad), Extent::Datagrams(good)) => Bursts::by_datagram(bad, good),
            (Extent::Time(bad), Extent::Time(good)) => Bursts::by_time(bad, good),
            (Extent::Datagrams(_), Extent::Time(_)) | (Extent::Time(_), Extent::Datagrams(_)) => {
                return None;
            }
        };
        let bursts = bursts.loss_in_bad(self.burst_loss.unwrap_or(1_000));
        Some(bursts.loss_in_good(self.gap_loss.unwrap_or(0)))
    }

    fn damage(&self, link: Link) -> Link {
        let copies = u16::try_from(self.storm_copies.unwrap_or(100)).unwrap_or(u16::MAX);
        // Only what was asked for: each of these costs a plain link its smallness.
        let traits: [(Option<u16>, Change); 5] = [
            (self.storms, Link::storms),
            (self.overwriting, |link, share, _| link.overwriting(share)),
            (self.truncation, |link, share, _| link.truncation(share)),
            (self.extension, |link, share, _| link.extension(share)),
            (self.splicing, |link, share, _| link.splicing(share)),
        ];
        let asked = traits
            .into_iter()
            .filter_map(|(share, add)| Some((share?, add)));
        asked.fold(link, |link, (share, add)| add(link, share, copies))
    }
}

fn extent(section: &Section<'_>, key: &'static str) -> Result<Option<Extent>, ScenarioError> {
    let expected =
        "a number of datagrams from 1 to 1000000, such as 4, or a time from \"1ms\" to \"1h\"";
    section.value(key, expected, |value| {
        if let Some(number) = whole_of(value) {
            let number = u32::try_from(number).ok();
            return number
                .filter(|number| (1..=1_000_000).contains(number))
                .map(Extent::Datagrams);
        }
        let time = time_of(value)?;
        (ms(1)..=TIME_MAX)
            .contains(&time)
            .then_some(Extent::Time(time))
    })
}

/// Numbers of datagrams to drop.
fn dropped(section: &Section<'_>) -> Result<Option<Vec<usize>>, ScenarioError> {
    const NUMBERS: std::ops::RangeInclusive<usize> = 0..=999_999;
    let expected = "a list of numbers from 0 to 999999, such as [1, 2, 3]";
    section.value("drop", expected, |value| {
        let DeValue::Array(list) = value else {
            return None;
        };
        let numbers = list.iter().map(|number| {
            let number = usize::try_from(whole_of(number.get_ref())?).ok()?;
            NUMBERS.contains(&number).then_some(number)
        });
        numbers.collect()
    })
}
