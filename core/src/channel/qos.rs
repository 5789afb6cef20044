//! What a channel may have of a connection: who goes first, how much of it, and how fast at most.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::options::Priority;
use crate::record::codec::{flag, number, put_number};
use crate::saved::{Loader, Saved};
use crate::wire::{DecodeError, Reader};

/// Weights are 1 to this.
pub(crate) const WEIGHT_MAX: u8 = 100;
/// A bucket holds one full datagram at least, or a fragment could never leave.
const BURST_BYTES_MIN: u64 = 1_500;
const BURST_BYTES_MAX: u64 = 64 * 1024 * 1024;
const RATE_MIN: u64 = 100;
const RATE_MAX: u64 = 100_000_000_000;

/// Quality of service of one channel to one peer: in `ChannelConfig::qos` for all connections, and with
/// [`Endpoint::set_qos`](crate::Endpoint::set_qos) for one while it runs.
///
/// **Priority** decides who leaves first in a tick: a higher one goes before a lower one, as long as it is not further ahead
/// of its share than a few datagrams. **Weight** decides the shares while there is more to send than may leave, so that
/// nobody starves, whatever the priorities: a channel with weight 30 gets three times the bytes of one with weight 10.
/// **Rate** is a bound that holds also while there is room.
///
/// Unreliable channels go before reliable ones whatever these say: what is fresh does not wait behind bulk. Only if they
/// alone were to fill the line do the reliable ones have a sixteenth of the share that their weights would give.
///
/// ```
/// use tickwire_core::{ChannelConfig, Delivery, Priority, Qos, RateLimit};
///
/// // Voice goes first; the map goes last, and with at most 200 kB a second.
/// let voice = ChannelConfig::new(Delivery::Unreliable).qos(Qos::new().priority(Priority::High));
/// let map = Qos::new().priority(Priority::Low).rate(RateLimit::new(200_000, 20_000));
/// let map = ChannelConfig::new(Delivery::Ordered).qos(map);
/// # let _ = (voice, map);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Qos {
    /// Who leaves first in a tick. Default `Normal`.
    pub priority: Priority,
    /// Share of the bytes where channels compete, 1 to 100. Default 10.
    pub weight: u8,
    /// The most that may leave, new, again and as copies. Default `None`: as much as there is room for.
    pub rate: Option<RateLimit>,
}

/// A token bucket: over any time `t`, at most `burst_bytes + bytes_per_second * t` leave.
///
/// Counted are the frames of messages: their payload and about four bytes each, without the headers of datagrams. Reliable
/// messages wait for their rate; unreliable ones do too, and are dropped when it would let them leave only once they are older
/// than `unreliable_age_max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RateLimit {
    /// Bytes a second, 100 to 100,000,000,000.
    pub bytes_per_second: u64,
    /// Bytes that may leave at once after a rest, 1,500 to 64 MiB.
    pub burst_bytes: u64,
}

impl Default for Qos {
    fn default() -> Self {
        Self::new()
    }
}

impl Qos {
    /// The defaults: an equal among equals, without a limit.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            priority: Priority::Normal,
            weight: 10,
            rate: None,
        }
    }

    /// Sets the priority.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the weight.
    #[must_use]
    pub const fn weight(mut self, weight: u8) -> Self {
        self.weight = weight;
        self
    }

    /// Sets the rate.
    #[must_use]
    pub const fn rate(mut self, rate: RateLimit) -> Self {
        self.rate = Some(rate);
        self
    }

    /// What is out of range: the name of a setting, and what is allowed.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.weight == 0 || self.weight > WEIGHT_MAX {
            return Some(("qos.weight", "1 to 100"));
        }
        let rate = self.rate?;
        if !(RATE_MIN..=RATE_MAX).contains(&rate.bytes_per_second) {
            let allowed = "100 to 100000000000 bytes a second";
            return Some(("qos.rate.bytes_per_second", allowed));
        }
        if !(BURST_BYTES_MIN..=BURST_BYTES_MAX).contains(&rate.burst_bytes) {
            return Some(("qos.rate.burst_bytes", "1500 to 67108864 bytes"));
        }
        None
    }

    /// Whether so many bytes leave within `time` at its rate.
    pub(crate) fn carries(&self, bytes: usize, time: Duration) -> bool {
        self.rate.is_none_or(|rate| {
            u128::from(rate.bytes_per_second) * time.as_nanos() >= bytes as u128 * 1_000_000_000
        })
    }

    /// Writes it as recordings and checkpoints have it.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let Self {
            priority,
            weight,
            rate,
        } = self;
        priority.save(out);
        out.push(*weight);
        out.push(rate.is_some().into());
        if let Some(RateLimit {
            bytes_per_second,
            burst_bytes,
        }) = rate
        {
            put_number(*bytes_per_second, out);
            put_number(*burst_bytes, out);
        }
    }

    /// Reads what [`put`](Self::put) wrote; only what is in range.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.error("qos");
        let qos = Self::read_any(reader)?;
        match qos.fault() {
            None => Ok(qos),
            Some(_) => Err(error),
        }
    }

    /// The same, of what was asked for and perhaps refused.
    pub(crate) fn read_any(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.error("qos");
        let priority = match reader.u8("qos.priority")? {
            0 => Priority::Low,
            1 => Priority::Normal,
            2 => Priority::High,
            _ => return Err(error),
        };
        let weight = reader.u8("qos.weight")?;
        let rate = match flag(reader, "qos.rate")? {
            true => Some(RateLimit {
                bytes_per_second: number(reader, "qos.rate.bytes_per_second")?,
                burst_bytes: number(reader, "qos.rate.burst_bytes")?,
            }),
            false => None,
        };
        Ok(Self {
            priority,
            weight,
            rate,
        })
    }
}

impl RateLimit {
    /// So many bytes a second, and so many at once after a rest.
    #[must_use]
    pub const fn new(bytes_per_second: u64, burst_bytes: u64) -> Self {
        Self {
            bytes_per_second,
            burst_bytes,
        }
    }
}

impl fmt::Display for Qos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let priority = match self.priority {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        };
        write!(f, "{priority}, weight {}", self.weight)?;
        let Some(rate) = self.rate else { return Ok(()) };
        let RateLimit {
            bytes_per_second,
            burst_bytes,
        } = rate;
        write!(f, ", {bytes_per_second} B/s and {burst_bytes} B at once")
    }
}

impl Saved for Qos {
    fn save(&self, out: &mut Vec<u8>) {
        self.put(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(|reader, _| Self::read(reader))
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Qos {
    fn arbitrary(from: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let rate = from.arbitrary::<bool>()?.then(|| {
            let bytes_per_second = from.int_in_range(10_000..=10_000_000)?;
            let burst_bytes = from.int_in_range(BURST_BYTES_MIN..=100_000)?;
            Ok(RateLimit::new(bytes_per_second, burst_bytes))
        });
        Ok(Self {
            priority: from.arbitrary()?,
            weight: from.int_in_range(1..=WEIGHT_MAX)?,
            rate: rate.transpose()?,
        })
    }
}
