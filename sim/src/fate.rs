//! What happens to datagrams on their way: one [`Fate`] each, and the [`Schedule`] that lists them.
//!
//! Loss by probability finds bugs but explains none: change one draw and everything after it changes.
//! A schedule is an explicit list. Any element may be removed and the rest stays a valid schedule, so
//! a property test that failed under two hundred fates shrinks to "drop #2, duplicate #5".

use std::collections::VecDeque;
use std::fmt;

/// What happens to one datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Fate {
    /// Arrives as it was sent.
    #[default]
    Deliver,
    /// Never arrives.
    Drop,
    /// Arrives this many milliseconds later than the link would have it: behind others, with luck.
    Delay(u16),
    /// Arrives twice.
    Duplicate,
    /// Arrives with one bit flipped.
    Corrupt {
        /// Which bit of the datagram, modulo their number; bit 0 is the lowest of the first byte.
        bit: u16,
    },
    /// Arrives without its end.
    Truncate {
        /// How many bytes are left, modulo the datagram's length.
        len: u16,
    },
    /// Arrives, and again and again.
    Storm {
        /// How many times more, a millisecond apart.
        copies: u16,
    },
    /// Arrives with a run of bytes inverted.
    Overwrite {
        /// The first of them, modulo the datagram's length.
        at: u16,
        /// How many, as far as there are.
        len: u16,
    },
    /// Arrives with bytes behind its end: its own once more.
    Extend {
        /// How many, as far as a UDP datagram may have them (65,507 together).
        len: u16,
    },
    /// Arrives with its second half from the datagram before it on the same link; without it, if there was none.
    Splice,
}

impl Fate {
    /// Whether the network did anything but deliver.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::Deliver)
    }
}

/// As a wire trace marks it; nothing for a plain delivery.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver => Ok(()),
            Self::Drop => f.write_str("✗ dropped"),
            Self::Delay(ms) => write!(f, "» delayed {ms} ms"),
            Self::Duplicate => f.write_str("+ duplicated"),
            Self::Corrupt { bit } => write!(f, "~ bit {bit} flipped"),
            Self::Truncate { len } => write!(f, "~ cut to {len} B"),
            Self::Storm { copies } => write!(f, "+ {copies} times more"),
            Self::Overwrite { at, len } => write!(f, "~ {len} B overwritten at {at}"),
            Self::Extend { len } => write!(f, "~ {len} B longer"),
            Self::Splice => f.write_str("~ spliced"),
        }
    }
}

/// The fates of the next datagrams of one link, consumed in order; once it runs out the link decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Schedule(VecDeque<Fate>);

impl Schedule {
    /// These fates, in this order.
    pub fn new(fates: impl IntoIterator<Item = Fate>) -> Self {
        Self(fates.into_iter().collect())
    }

    /// Drops the datagrams with these numbers, counted from 0, and delivers those between them.
    pub fn drop_nth(numbers: impl IntoIterator<Item = usize>) -> Self {
        let mut fates = VecDeque::new();
        for number in numbers {
            if fates.len() <= number {
                fates.resize(number + 1, Fate::Deliver);
            }
            fates[number] = Fate::Drop;
        }
        Self(fates)
    }

    /// Takes the next fate; `None` once the schedule has run out.
    pub fn take(&mut self) -> Option<Fate> {
        self.0.pop_front()
    }

    /// How many of the fates are not plain deliveries.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.0.iter().filter(|fate| fate.is_fault()).count()
    }
}

impl FromIterator<Fate> for Schedule {
    fn from_iter<T: IntoIterator<Item = Fate>>(fates: T) -> Self {
        Self::new(fates)
    }
}

impl IntoIterator for Schedule {
    type Item = Fate;
    type IntoIter = std::collections::vec_deque::IntoIter<Fate>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Only the faults, with the numbers of their datagrams: `#2 ✗ dropped, #5 + duplicated`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (number, fate) in self.0.iter().enumerate() {
            if fate.is_fault() {
                write!(f, "{separator}#{number} {fate}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() {
            f.write_str("no faults")?;
        }
        Ok(())
    }
}

/// How many datagrams met which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FateCounts {
    /// Arrived as they were sent.
    pub delivered: u64,
    /// Never arrived.
    pub dropped: u64,
    /// Arrived late.
    pub delayed: u64,
    /// Arrived twice.
    pub duplicated: u64,
    /// Arrived with a flipped bit.
    pub corrupted: u64,
    /// Arrived without their end.
    pub truncated: u64,
    /// Arrived many times.
    pub stormed: u64,
    /// Arrived with a run of other bytes.
    pub overwritten: u64,
    /// Arrived longer than they were.
    pub extended: u64,
    /// Arrived with the end of another.
    pub spliced: u64,
}

impl FateCounts {
    pub(crate) fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Deliver => self.delivered += 1,
            Fate::Drop => self.dropped += 1,
            Fate::Delay(_) => self.delayed += 1,
            Fate::Duplicate => self.duplicated += 1,
            Fate::Corrupt { .. } => self.corrupted += 1,
            Fate::Truncate { .. } => self.truncated += 1,
            Fate::Storm { .. } => self.stormed += 1,
            Fate::Overwrite { .. } => self.overwritten += 1,
            Fate::Extend { .. } => self.extended += 1,
            Fate::Splice => self.spliced += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_consumed_in_order_and_then_runs_out() {
        let mut schedule = Schedule::new([Fate::Drop, Fate::Duplicate]);
        assert_eq!(schedule.take(), Some(Fate::Drop));
        assert_eq!(schedule.take(), Some(Fate::Duplicate));
        assert_eq!(schedule.take(), None);
    }

    #[test]
    fn a_schedule_prints_only_its_faults() {
        let schedule = Schedule::new([
            Fate::Deliver,
            Fate::Drop,
            Fate::Deliver,
            Fate::Corrupt { bit: 9 },
        ]);
        assert_eq!(schedule.to_string(), "#1 ✗ dropped, #3 ~ bit 9 flipped");
        assert_eq!(schedule.faults(), 2);
        assert_eq!(Schedule::default().to_string(), "no faults");
    }

    #[test]
    fn drop_nth_takes_its_numbers_in_any_order() {
        let schedule = Schedule::drop_nth([3, 1]);
        assert_eq!(schedule.to_string(), "#1 ✗ dropped, #3 ✗ dropped");
    }
}
