//! A slow link: so many bits a second, and the queue before it.
//!
//! Datagrams leave one after the other. Each takes the time of its bits, with 28 bytes for the headers of IPv4 and
//! UDP. Those that come meanwhile wait. What happens when too many wait is the queue's character:
//!
//! - **drop-tail**: it takes datagrams until it is full. Large ones add seconds of delay: bufferbloat.
//! - **CoDel** (RFC 8289): drops from the head once datagrams have waited longer than 5 ms for 100 ms.
//!
//! Both may mark what is ECN-capable (RFC 3168): CoDel instead of dropping it, drop-tail once so much waits.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use tickwire_core::Instant;

use super::codel::Codel;
use super::cross::Cross;
use super::ecn::Markable;
use super::recorded::{Capacity, Opportunities};

/// Bytes of IPv4 and UDP headers that a link carries with each datagram.
const HEADERS: usize = 20 + 8;

/// How fast a link is, and how much may wait before it.
///
/// ```
/// use tickwire_sim::{Link, Rate, ms};
///
/// // 2 s of bufferbloat: 1 Mbit/s behind 250 kB.
/// let bloated = Link::new().latency(ms(20)).rate(Rate::bits_per_second(1_000_000).queue_bytes(250_000));
/// let managed = Link::new().latency(ms(20)).rate(Rate::bits_per_second(1_000_000).codel());
/// # let _ = (bloated, managed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Rate {
    pace: Pace,
    /// Bytes that each datagram has besides its payload.
    headers: usize,
    queue: Room,
    is_codel: bool,
    /// CoDel marks.
    is_ecn: bool,
    /// Drop-tail marks what finds so much waiting.
    mark_above: Option<Room>,
    cross: Cross,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pace {
    BitsPerSecond(u64),
    Recorded(Capacity),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Bytes(usize),
    Datagrams(usize),
    Endless,
}

impl Rate {
    /// So many bits a second, at least 1, with a drop-tail queue of 1,000 datagrams (a common default of routers).
    pub fn bits_per_second(bits: u64) -> Self {
        Self::new(Pace::BitsPerSecond(bits.max(1)))
    }

    /// As fast at each moment as a network was that was recorded, with the same queue. The recording begins when the
    /// link is put in place.
    pub fn recorded(capacity: Capacity) -> Self {
        Self::new(Pace::Recorded(capacity))
    }

    fn new(pace: Pace) -> Self {
        Self {
            pace,
            headers: HEADERS,
            queue: Room::Datagrams(1_000),
            is_codel: false,
            is_ecn: false,
            mark_above: None,
            cross: Cross::default(),
        }
    }

    /// So many bytes of UDP payload a second, at least 1, with an endless queue: the plainest slow link, easy to
    /// calculate with.
    pub fn bytes_per_second(bytes: u64) -> Self {
        Self {
            headers: 0,
            queue: Room::Endless,
            ..Self::bits_per_second(bytes.saturating_mul(8).max(8))
        }
    }

    /// The queue takes this many bytes, headers included.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue = Room::Bytes(bytes);
        self
    }

    /// The queue takes this many datagrams.
    pub fn queue_datagrams(mut self, datagrams: usize) -> Self {
        self.queue = Room::Datagrams(datagrams);
        self
    }

    /// Others send over the link too, as so many TCP connections that never end (Reno), each with this round trip besides
    /// what the queue takes.
    pub fn cross_flows(mut self, flows: u16, rtt: Duration) -> Self {
        (self.cross.flows, self.cross.rtt) = (flows, rtt);
        self
    }

    /// Others send so many bits a second over the link too, headers included, whatever is lost of it.
    pub fn cross_bits_per_second(mut self, bits: u64) -> Self {
        self.cross.bits_per_second = bits;
        self
    }

    /// That stream is on for so long, then off for so long, and so on.
    pub fn cross_on_off(mut self, on: Duration, off: Duration) -> Self {
        self.cross.on_off = Some((on, off));
        self
    }

    pub(crate) fn cross(&self) -> Cross {
        self.cross
    }

    #[cfg(test)]
    pub(super) fn with_cross(mut self, cross: Cross) -> Self {
        self.cross = cross;
        self
    }

    /// CoDel keeps the queue short.
    pub fn codel(mut self) -> Self {
        self.is_codel = true;
        self
    }

    /// CoDel keeps the queue short, and marks what is ECN-capable instead of dropping it.
    pub fn codel_with_ecn(mut self) -> Self {
        (self.is_codel, self.is_ecn) = (true, true);
        self
    }

    /// What is ECN-capable is marked if at least so many bytes wait when it comes, headers included, as switches of data
    /// centres do (RFC 8257 section 3.1). What finds the queue full is dropped nevertheless.
    pub fn mark_above_bytes(mut self, bytes: usize) -> Self {
        self.mark_above = Some(Room::Bytes(bytes));
        self
    }

    /// The same with so many datagrams.
    pub fn mark_above_datagrams(mut self, datagrams: usize) -> Self {
        self.mark_above = Some(Room::Datagrams(datagrams));
        self
    }

    /// The same without the others' traffic: they are a trouble, and a slow link is none.
    pub(crate) fn alone(mut self) -> Self {
        self.cross = Cross::default();
        self
    }
}

/// How long a link is busy with so many bytes.
fn time(bytes: usize, bits_per_second: u64) -> Duration {
    let nanos = bytes as u128 * 8 * 1_000_000_000 / u128::from(bits_per_second);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pace {
            Pace::BitsPerSecond(bits) => write!(f, "{} kbit/s", bits / 1_000)?,
            Pace::Recorded(capacity) => {
                write!(
                    f,
                    "{} kbit/s as recorded",
                    capacity.bits_per_second() / 1_000
                )?;
            }
        }
        match self.queue {
            Room::Bytes(bytes) => write!(f, " queue {bytes} B")?,
            Room::Datagrams(datagrams) => write!(f, " queue {datagrams}")?,
            Room::Endless => {}
        }
        f.write_str(if self.is_codel { " CoDel" } else { "" })?;
        f.write_str(if self.is_ecn { " with ECN" } else { "" })?;
        match self.mark_above {
            Some(Room::Bytes(bytes)) => write!(f, " ECN above {bytes} B")?,
            Some(Room::Datagrams(datagrams)) => write!(f, " ECN above {datagrams}")?,
            Some(Room::Endless) | None => {}
        }
        if self.cross.flows > 0 {
            let (flows, rtt) = (self.cross.flows, self.cross.rtt);
            write!(f, " shared with {flows} flows of {rtt:?}")?;
        }
        if self.cross.bits_per_second > 0 {
            let kbits = self.cross.bits_per_second / 1_000;
            write!(f, " shared with {kbits} kbit/s")?;
        }
        if let Some((on, off)) = self.cross.on_off {
            write!(f, " {on:?} on {off:?} off")?;
        }
        Ok(())
    }
}

/// What waits, in order, with the time since and the length of each.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    waiting: VecDeque<(Instant, usize, T)>,
    bytes: usize,
}

impl<T> Backlog<T> {
    fn push(&mut self, now: Instant, len: usize, item: T) {
        self.bytes += len + HEADERS;
        self.waiting.push_back((now, len, item));
    }

    pub(crate) fn pop(&mut self) -> Option<(Instant, usize, T)> {
        let head = self.waiting.pop_front()?;
        self.bytes -= head.1 + HEADERS;
        Some(head)
    }

    /// Bytes that wait, with headers.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A slow link at work: items go in, and come out when their last bit has left.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    rate: Rate,
    backlog: Backlog<T>,
    codel: Option<Codel>,
    /// For a rate that was recorded.
    opportunities: Option<Opportunities>,
    /// What is being sent, until when.
    sending: Option<(Instant, T)>,
    dropped: Vec<T>,
}

/// What comes out of a queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output<T> {
    /// Its last bit left at this time.
    Sent(Instant, T),
    /// CoDel dropped it.
    Dropped(T),
}

impl<T: Markable> Queue<T> {
    /// A rate that was recorded begins at `since`.
    pub(crate) fn new(rate: Rate, since: Instant) -> Self {
        let opportunities = match &rate.pace {
            Pace::BitsPerSecond(_) => None,
            Pace::Recorded(capacity) => Some(Opportunities::new(capacity.clone(), since)),
        };
        Self {
            opportunities,
            backlog: Backlog {
                waiting: VecDeque::new(),
                bytes: 0,
            },
            codel: rate.is_codel.then(|| Codel::new(rate.is_ecn)),
            rate,
            sending: None,
            dropped: Vec::new(),
        }
    }

    /// Takes an item of `len` bytes, or gives it back if there is no room.
    pub(crate) fn push(&mut self, now: Instant, len: usize, mut item: T) -> Result<(), T> {
        let has_room = match self.rate.queue {
            Room::Bytes(bytes) => self.backlog.bytes + len + HEADERS <= bytes,
            Room::Datagrams(datagrams) => self.backlog.waiting.len() < datagrams,
            Room::Endless => true,
        };
        let is_long = match self.rate.mark_above {
            Some(Room::Bytes(bytes)) => self.backlog.bytes >= bytes,
            Some(Room::Datagrams(datagrams)) => self.backlog.waiting.len() >= datagrams,
            Some(Room::Endless) | None => false,
        };
        if has_room && is_long {
            item.mark();
        }
        match self.sending {
            None => self.sending = Some((self.finish(now, len), item)),
            Some(_) if has_room => self.backlog.push(now, len, item),
            Some(_) => return Err(item),
        }
        Ok(())
    }

    /// Bytes that wait, with headers.
    pub(crate) fn bytes(&self) -> usize {
        self.backlog.bytes()
    }

    /// When the last bit of a datagram has left that begins now.
    fn finish(&mut self, now: Instant, len: usize) -> Instant {
        let bytes = len + self.rate.headers;
        match (&mut self.opportunities, &self.rate.pace) {
            (Some(opportunities), _) => opportunities.finish(now, bytes),
            (None, Pace::BitsPerSecond(bits)) => now + time(bytes, *bits),
            (None, Pace::Recorded(_)) => now,
        }
    }

    /// When the next item has left.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.sending.as_ref().map(|(until, _)| *until)
    }

    /// The next item that has left, or was dropped, by `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Output<T>> {
        if let Some(item) = self.dropped.pop() {
            return Some(Output::Dropped(item));
        }
        let (until, item) = self.sending.take_if(|(until, _)| *until <= now)?;
        let next = match &mut self.codel {
            Some(codel) => codel.dequeue(until, &mut self.backlog, &mut self.dropped),
            None => self.backlog.pop().map(|(_, len, item)| (len, item)),
        };
        self.sending = next.map(|(len, item)| (self.finish(until, len), item));
        Some(Output::Sent(until, item))
    }

    /// Empties the queue at once, in order.
    pub(crate) fn clear(self) -> impl Iterator<Item = T> {
        let waiting = self.backlog.waiting.into_iter().map(|(_, _, item)| item);
        self.sending
            .map(|(_, item)| item)
            .into_iter()
            .chain(waiting)
    }
}

#[cfg(test)]
mod tests;
