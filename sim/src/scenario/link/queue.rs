//! The keys of a slow link: its rate, what waits before it, what that does to marks of congestion, and others' traffic.

use std::time::Duration;

use super::LinkKeys;
use crate::link::Link;
use crate::link::cross::FOREIGN_BYTES;
use crate::link::ecn::EcnPath;
use crate::link::rate::Rate;
use crate::link::recorded::Capacity;
use crate::scenario::document::{Section, text_of, whole_of};
use crate::scenario::error::ScenarioError;
use crate::scenario::units;

/// What a path may do to marks of congestion.
pub(super) const ECN_PATHS: &[(&str, EcnPath)] = &[
    ("bleach", EcnPath::Bleach),
    ("drop", EcnPath::Drop),
    ("swap", EcnPath::Swap),
    ("mark", EcnPath::Mark),
];
/// Round trip of others' flows unless it is said.
const CROSS_RTT: Duration = Duration::from_millis(30);

/// How much waits before a slow link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Datagrams(u32),
    Bytes(u64),
}

impl LinkKeys {
    pub(super) fn check_ecn(&self) -> Result<(), String> {
        let is_codel = self.codel == Some(true);
        let text = match (self.ecn, self.ecn_threshold) {
            (Some(true), None) if !is_codel => {
                "`ecn` needs `codel`, or an `ecn_threshold` for a queue without"
            }
            (Some(true), Some(_)) if is_codel => {
                "`ecn_threshold` is for a queue without `codel`: that knows by itself when to mark"
            }
            (Some(false) | None, Some(_)) => "`ecn_threshold` needs `ecn`",
            _ => return Ok(()),
        };
        Err(text.to_owned())
    }

    pub(super) fn check_cross(&self, is_slow: bool) -> Result<(), String> {
        let has_others = self.cross_flows.is_some() || self.cross_rate.is_some();
        let text = if has_others && !is_slow {
            "`cross_flows` and `cross_rate` need a `rate` or a `rate_trace`"
        } else if self.cross_rtt.is_some() && self.cross_flows.is_none() {
            "`cross_rtt` needs `cross_flows`"
        } else if self.cross_on.is_some() != self.cross_off.is_some() {
            "`cross_on` and `cross_off` belong together"
        } else if self.cross_on.is_some() && self.cross_rate.is_none() {
            "`cross_on` and `cross_off` need a `cross_rate`"
        } else {
            return Ok(());
        };
        Err(text.to_owned())
    }

    /// How many datagrams of others it carries in this time, at most.
    pub(crate) fn cross_datagrams(&self, time: Duration) -> u64 {
        let line = self.rate_trace.as_ref().map(Capacity::bits_per_second);
        let line = line.or(self.rate).unwrap_or(0);
        let flows = if self.cross_flows.is_some() { line } else { 0 };
        let bits = u128::from(flows.saturating_add(self.cross_rate.unwrap_or(0)));
        let datagrams = bits * time.as_micros() / 1_000_000 / (FOREIGN_BYTES as u128 * 8);
        u64::try_from(datagrams).unwrap_or(u64::MAX)
    }

    pub(super) fn pace(&self, link: Link) -> Link {
        let rate = match (self.rate, &self.rate_trace) {
            (None, None) => return link,
            (_, Some(capacity)) => Rate::recorded(capacity.clone()),
            (Some(bits), None) => Rate::bits_per_second(bits),
        };
        let narrow = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let rate = match self.queue {
            None => rate,
            Some(Room::Datagrams(datagrams)) => rate.queue_datagrams(narrow(datagrams.into())),
            Some(Room::Bytes(bytes)) => rate.queue_bytes(narrow(bytes)),
        };
        let is_ecn = self.ecn == Some(true);
        let rate = match (self.codel == Some(true), is_ecn, self.ecn_threshold) {
            (true, true, _) => rate.codel_with_ecn(),
            (true, false, _) => rate.codel(),
            (false, true, Some(Room::Datagrams(datagrams))) => {
                rate.mark_above_datagrams(narrow(datagrams.into()))
            }
            (false, true, Some(Room::Bytes(bytes))) => rate.mark_above_bytes(narrow(bytes)),
            (false, _, _) => rate,
        };
        link.rate(self.share(rate))
    }

    /// With others' traffic.
    fn share(&self, rate: Rate) -> Rate {
        let flows = u16::try_from(self.cross_flows.unwrap_or(0)).unwrap_or(u16::MAX);
        let rate = rate
            .cross_flows(flows, self.cross_rtt.unwrap_or(CROSS_RTT))
            .cross_bits_per_second(self.cross_rate.unwrap_or(0));
        match (self.cross_on, self.cross_off) {
            (Some(on), Some(off)) => rate.cross_on_off(on, off),
            _ => rate,
        }
    }
}

pub(super) fn room(
    section: &Section<'_>,
    key: &'static str,
) -> Result<Option<Room>, ScenarioError> {
    let expected = "a number of datagrams from 1 to 1000000, such as 50, or bytes up to \"1000MB\", such as \"64kB\"";
    section.value(key, expected, |value| {
        if let Some(number) = whole_of(value) {
            let number = u32::try_from(number).ok();
            return number
                .filter(|number| (1..=1_000_000).contains(number))
                .map(Room::Datagrams);
        }
        let bytes = units::parse(text_of(value)?, units::BYTES)?;
        (1..=1_000_000_000)
            .contains(&bytes)
            .then_some(Room::Bytes(bytes))
    })
}
