//! What crossed a world's wire, kept whole: every datagram with what it holds in clear, where it arrived and when, or
//! what took it away; how each connection was doing meanwhile; and the keys, so that others can read it too.
//!
//! [`World::capture`](crate::World::capture) begins one, [`World::take_capture`](crate::World::take_capture) ends it. What is
//! made of it is beside: [`pcapng`] for Wireshark, [`qlog`] for tools.
//!
//! Invariants: a capture changes nothing in its world, and its world pays nothing without one. It is bounded: what comes
//! after [`CaptureLimits`] is counted and left out.

pub mod pcapng;
pub mod qlog;

use std::fmt;
use std::net::SocketAddr;

use tickwire_core::trace::Content;
use tickwire_core::{Ecn, Event, Instant, PeerId, PeerStats};

use crate::fate::Fate;
use crate::faults::DropCause;
use crate::host::HostId;

/// How much a capture keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLimits {
    /// Most datagrams.
    pub datagrams_max: usize,
    /// Most bytes of datagrams together.
    pub bytes_max: usize,
    /// Most samples of connections.
    pub samples_max: usize,
    /// Most events.
    pub events_max: usize,
}

impl Default for CaptureLimits {
    /// A million datagrams, 256 MiB, and 200,000 samples and events each.
    fn default() -> Self {
        Self {
            datagrams_max: 1_000_000,
            bytes_max: 256 << 20,
            samples_max: 200_000,
            events_max: 200_000,
        }
    }
}

/// What did not fit [`CaptureLimits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Datagrams.
    pub datagrams: u64,
    /// Samples of connections.
    pub samples: u64,
    /// Events.
    pub events: u64,
}

/// The wire of one world, from the beginning of the capture to its end.
#[derive(Clone, Debug)]
pub struct Capture {
    /// When it began.
    pub began_at: Instant,
    /// When it ended.
    pub ended_at: Instant,
    /// All hosts, in the order they were added: [`HostId`] is the index.
    pub hosts: Vec<CapturedHost>,
    /// Every datagram, in the order sent.
    pub datagrams: Vec<CapturedDatagram>,
    /// **Secrets**: the keys of the connections made meanwhile, each before its first packet; see
    /// [`Endpoint::poll_key_log`](tickwire_core::Endpoint::poll_key_log).
    pub keys: Vec<(Instant, String)>,
    /// How connections were doing, in the order taken.
    pub samples: Vec<Sample>,
    /// Connections that began and ended, in the order told.
    pub events: Vec<(Instant, HostId, Event)>,
    /// What there was no room for.
    pub left_out: LeftOut,
    limits: CaptureLimits,
    bytes: usize,
    sampled_at: Vec<Option<Instant>>,
}

/// A host of a captured world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedHost {
    /// Its name in traces.
    pub name: String,
    /// The address of its game socket.
    pub address: SocketAddr,
}

/// A datagram as it was sent, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedDatagram {
    /// When.
    pub sent_at: Instant,
    /// Who sent it.
    pub from: HostId,
    /// To whom; `None` to everybody or nobody.
    pub to: Option<HostId>,
    /// The sender's address, before any NAT.
    pub source: SocketAddr,
    /// Where the sender sent it.
    pub destination: SocketAddr,
    /// How the sender marked it.
    pub ecn: Option<Ecn>,
    /// What was sent. What arrived may differ: see [`course`](Self::course).
    pub bytes: Vec<u8>,
    /// What it holds, as its sender says.
    pub content: Content,
    /// What the network decided when it was sent.
    pub course: Course,
    /// Its arrivals and late losses, in order; a copy on its way when the capture ended has none.
    pub landings: Vec<Landing>,
}

/// What the network decided about a datagram when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It met this fate on its link.
    Met(Fate),
    /// It was lost at once.
    Stopped(DropCause),
    /// It went to everybody on the sender's LAN.
    Everybody,
    /// Nobody has the address.
    Nobody,
}

/// As a wire trace marks it; nothing for a plain delivery.
impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met(fate) => fate.fmt(f),
            Self::Stopped(cause) => cause.fmt(f),
            Self::Everybody => f.write_str("to everybody"),
            Self::Nobody => f.write_str("✗ no such host"),
        }
    }
}

/// A copy of a datagram at the end of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// When.
    pub at: Instant,
    /// Where, or on the way to whom.
    pub host: HostId,
    /// What took it; `None`: it arrived.
    pub lost: Option<DropCause>,
    /// How it was marked when it arrived.
    pub ecn: Option<Ecn>,
}

impl CapturedDatagram {
    /// Its first arrival anywhere.
    #[must_use]
    pub fn arrival(&self) -> Option<&Landing> {
        self.landings.iter().find(|landing| landing.lost.is_none())
    }

    /// What took it, if no copy of it arrived and none was on its way when the capture ended.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        if self.arrival().is_some() {
            return None;
        }
        match self.course {
            Course::Stopped(_) | Course::Nobody | Course::Met(Fate::Drop) => {
                Some(self.course.to_string())
            }
            Course::Met(_) | Course::Everybody => {
                let cause = self.landings.iter().find_map(|landing| landing.lost)?;
                Some(cause.to_string())
            }
        }
    }

    /// Whether the network changed its bytes, repeated it or held it back.
    #[must_use]
    pub fn is_hurt(&self) -> bool {
        matches!(self.course, Course::Met(fate) if fate.is_fault())
    }
}

/// How a connection was doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// On which host.
    pub host: HostId,
    /// Its name for the other side.
    pub peer: PeerId,
    /// Where the other side is.
    pub address: SocketAddr,
    /// How it was doing.
    pub stats: PeerStats,
}

/// Names a captured datagram while copies of it are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u32);

/// Virtual time between two samples of a host.
const SAMPLE_INTERVAL_NANOS: u64 = 10_000_000;

impl Capture {
    pub(crate) fn new(now: Instant, limits: CaptureLimits) -> Self {
        Self {
            began_at: now,
            ended_at: now,
            hosts: Vec::new(),
            datagrams: Vec::new(),
            keys: Vec::new(),
            samples: Vec::new(),
            events: Vec::new(),
            left_out: LeftOut::default(),
            limits,
            bytes: 0,
            sampled_at: Vec::new(),
        }
    }

    /// The name of a host.
    #[must_use]
    pub fn name(&self, host: HostId) -> &str {
        self.hosts
            .get(host.index())
            .map_or("?", |host| host.name.as_str())
    }

    /// Keeps a datagram and names it; `None` if there is no room.
    pub(crate) fn on_sent(&mut self, datagram: CapturedDatagram) -> Option<Tag> {
        let len = datagram.bytes.len();
        let has_room = self.datagrams.len() < self.limits.datagrams_max
            && len <= self.limits.bytes_max.saturating_sub(self.bytes);
        // One left out, all that follow are: what is kept has no holes.
        let number = u32::try_from(self.datagrams.len())
            .ok()
            .filter(|_| has_room && self.left_out.datagrams == 0);
        let Some(number) = number else {
            self.left_out.datagrams += 1;
            return None;
        };
        self.bytes += len;
        self.datagrams.push(datagram);
        Some(Tag(number))
    }

    pub(crate) fn on_course(&mut self, tag: Option<Tag>, to: Option<HostId>, course: Course) {
        if let Some(Tag(number)) = tag {
            let datagram = &mut self.datagrams[number as usize];
            datagram.to = to;
            datagram.course = course;
        }
    }

    pub(crate) fn on_landed(&mut self, tag: Option<Tag>, landing: Landing) {
        if let Some(Tag(number)) = tag {
            self.datagrams[number as usize].landings.push(landing);
        }
    }

    pub(crate) fn on_keys(&mut self, now: Instant, line: String) {
        if self.keys.iter().all(|(_, known)| *known != line) {
            self.keys.push((now, line));
        }
    }

    pub(crate) fn on_event(&mut self, now: Instant, host: HostId, event: &Event) {
        if !matches!(event, Event::Connected { .. } | Event::Disconnected { .. }) {
            return;
        }
        if self.events.len() == self.limits.events_max {
            self.left_out.events += 1;
            return;
        }
        self.events.push((now, host, event.clone()));
    }

    /// Whether it is time to look at a host's connections.
    pub(crate) fn wants_sample(&mut self, now: Instant, host: HostId) -> bool {
        if self.sampled_at.len() <= host.index() {
            self.sampled_at.resize(host.index() + 1, None);
        }
        let last = &mut self.sampled_at[host.index()];
        let is_due =
            last.is_none_or(|last| now.as_nanos() >= last.as_nanos() + SAMPLE_INTERVAL_NANOS);
        if is_due {
            *last = Some(now);
        }
        is_due
    }

    pub(crate) fn on_sample(&mut self, sample: Sample) {
        if self.samples.len() == self.limits.samples_max {
            self.left_out.samples += 1;
            return;
        }
        self.samples.push(sample);
    }
}

#[cfg(test)]
mod tests;
