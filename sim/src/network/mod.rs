//! The network between hosts: links, and the datagrams under way on them.
//!
//! It is a machine like the endpoint: datagrams and time go in, datagrams and a deadline come out.
//! Two datagrams due at the same instant arrive in the order they were sent.

mod damage;
pub(crate) mod overheard;
mod partition;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::time::Duration;

use tickwire_core::{Arrival, Ecn, Instant};

use self::overheard::Overheard;
use self::partition::Partitions;
use crate::capture::Tag;
use crate::fate::{Fate, FateCounts};
use crate::faults::{DropCause, FaultCounts};
use crate::host::HostId;
use crate::link::Link;
use crate::link::cross::SharedQueue;
use crate::link::ecn::Markable;
use crate::link::rate::Output;
use crate::rng::Rng;

/// A datagram on its way to a host.
#[derive(Debug)]
pub(crate) struct Flight {
    due: Instant,
    /// Breaks ties: the order in which flights began.
    number: u64,
    pub(crate) to: HostId,
    pub(crate) arrival: Arrival,
    pub(crate) bytes: Vec<u8>,
    /// Not what its sender sent.
    pub(crate) is_damaged: bool,
    /// Which datagram of a capture this is a copy of.
    pub(crate) tag: Option<Tag>,
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.number) == (other.due, other.number)
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

/// From whom to whom.
type Direction = (HostId, HostId);

/// A link in place, with its own stream of chance.
#[derive(Debug)]
struct Route {
    link: Link,
    rng: Rng,
    /// Whether the link is a copy of the default, to be replaced with it.
    is_default: bool,
    /// When the link was put in place.
    since: Instant,
    /// What waits before a slow link.
    queue: Option<Box<SharedQueue<Parcel>>>,
    /// When the next is planned to leave the queue.
    departs_at: Option<Instant>,
    /// The latest arrival so far, on a link that keeps order.
    latest: Instant,
    /// The datagram before, on a link that splices.
    before: Vec<u8>,
}

/// A copy of a datagram that has not left yet.
#[derive(Debug)]
struct Parcel {
    sent_at: Instant,
    /// Time above that of the link.
    extra: Duration,
    /// What it takes above the latency, as it was recorded.
    delay: Duration,
    arrival: Arrival,
    bytes: Vec<u8>,
    is_damaged: bool,
    /// A queue has marked it.
    is_marked: bool,
    tag: Option<Tag>,
}

impl Markable for Parcel {
    fn mark(&mut self) -> bool {
        let Some(ecn) = &mut self.arrival.ecn else {
            return false;
        };
        self.is_marked |= *ecn != Ecn::Ce;
        *ecn = Ecn::Ce;
        true
    }
}

/// What became of a datagram when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It met this fate.
    Met(Fate),
    /// It was dropped for this.
    Stopped(DropCause),
}

/// As a wire trace marks it.
impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met(fate) => fate.fmt(f),
            Self::Stopped(cause) => cause.fmt(f),
        }
    }
}

/// A wait before a slow link that counts as bufferbloat.
const BLOAT: Duration = Duration::from_millis(100);

/// All links and all datagrams under way.
#[derive(Debug)]
pub(crate) struct Network {
    rng: Rng,
    default_link: Link,
    default_since: Instant,
    routes: BTreeMap<Direction, Route>,
    partitions: Partitions,
    in_flight: BinaryHeap<Reverse<Flight>>,
    flights_begun: u64,
    /// When a datagram has left a slow link. May name a queue that is gone.
    departures: BinaryHeap<Reverse<(Instant, Direction)>>,
    fates: FateCounts,
    pub(crate) faults: FaultCounts,
    /// The latest datagrams to each host, where somebody listens on the wire.
    pub(crate) overheard: Option<Overheard>,
    /// Buffers of datagrams that have arrived, for those to come.
    spare: Vec<Vec<u8>>,
    /// Captured datagrams that CoDel dropped on the way to a host.
    dropped: Vec<(Tag, Instant, HostId)>,
}

impl Network {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            rng,
            default_link: Link::new(),
            default_since: Instant::ZERO,
            routes: BTreeMap::new(),
            partitions: Partitions::default(),
            in_flight: BinaryHeap::new(),
            flights_begun: 0,
            departures: BinaryHeap::new(),
            fates: FateCounts::default(),
            faults: FaultCounts::default(),
            overheard: None,
            spare: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// Replaces the link of every direction that has none of its own.
    pub(crate) fn set_default_link(&mut self, now: Instant, link: Link) {
        let defaults = self.routes.iter().filter(|(_, route)| route.is_default);
        for direction in defaults
            .map(|(direction, _)| *direction)
            .collect::<Vec<_>>()
        {
            self.replace(now, direction, link.clone());
        }
        self.default_link = link;
        self.default_since = now;
    }

    /// Replaces one direction; datagrams under way keep their fate.
    pub(crate) fn set_link(&mut self, now: Instant, from: HostId, to: HostId, link: Link) {
        self.replace(now, (from, to), link);
        self.route((from, to)).is_default = false;
    }

    /// What waits before the link leaves at once: the link that made it wait is gone.
    fn replace(&mut self, now: Instant, direction: Direction, link: Link) {
        let route = self.route(direction);
        route.link = link;
        route.since = now;
        route.departs_at = None;
        route.latest = Instant::ZERO;
        for parcel in route
            .queue
            .take()
            .into_iter()
            .flat_map(|queue| queue.clear())
        {
            self.fly(now, direction, parcel);
        }
    }

    pub(crate) fn link(&mut self, from: HostId, to: HostId) -> &Link {
        &self.route((from, to)).link
    }

    pub(crate) fn partitions(&mut self) -> &mut Partitions {
        &mut self.partitions
    }

    pub(crate) fn fates(&self) -> FateCounts {
        self.fates
    }

    /// Bytes that wait before a slow link, headers included.
    pub(crate) fn queued_bytes(&self, direction: Direction) -> usize {
        let queue = |route: &Route| Some(route.queue.as_ref()?.bytes());
        self.routes.get(&direction).and_then(queue).unwrap_or(0)
    }

    /// When the next datagram arrives, or leaves a slow link.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let arrival = self.in_flight.peek().map(|Reverse(flight)| flight.due);
        let departure = self.departures.peek().map(|Reverse((due, _))| *due);
        [arrival, departure].into_iter().flatten().min()
    }

    /// When the last of those that are on a link arrives.
    pub(crate) fn last_arrival(&self) -> Instant {
        let arrivals = self.in_flight.iter().map(|Reverse(flight)| flight.due);
        arrivals.max().unwrap_or(Instant::ZERO)
    }

    /// Sends a datagram off and tells what becomes of it, as far as that is known: CoDel may drop it later.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        direction: Direction,
        mut arrival: Arrival,
        bytes: &[u8],
        tag: Option<Tag>,
    ) -> Passage {
        if let Some(overheard) = &mut self.overheard {
            overheard.add(direction.1, arrival, bytes);
        }
        if let Some(cause) = self.partitions.stops(direction) {
            return self.stop(cause);
        }
        let route = self.route(direction);
        let age = now.saturating_duration_since(route.since);
        let len = bytes.len();
        let crossing = route.link.cross(age, len, arrival.ecn, &mut route.rng);
        let fate = damage::within(crossing.fate, bytes.len());
        if fate == Fate::Drop {
            return self.stop(crossing.cause);
        }
        self.count(fate, crossing.hold);
        self.faults.count_ecn(arrival.ecn, crossing.sent_ecn);
        self.faults.count_ecn(crossing.sent_ecn, crossing.ecn);
        arrival.ecn = crossing.ecn;
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(bytes);
        let route = self.route(direction);
        damage::apply(fate, &mut copy, &route.before);
        if route.link.splices() {
            route.before = bytes.to_vec();
        }
        let parcel = Parcel {
            sent_at: now,
            extra: crossing.hold,
            delay: crossing.delay,
            arrival,
            is_damaged: copy != bytes,
            is_marked: false,
            bytes: copy,
            tag,
        };
        self.launch(now, direction, fate, parcel)
    }

    fn stop(&mut self, cause: DropCause) -> Passage {
        self.fates.count(Fate::Drop);
        self.faults.count_drop(cause);
        Passage::Stopped(cause)
    }

    fn count(&mut self, fate: Fate, hold: Duration) {
        self.fates.count(fate);
        let faults = &mut self.faults;
        faults.held += u64::from(!hold.is_zero());
        match fate {
            Fate::Deliver | Fate::Drop => {}
            Fate::Delay(_) => faults.reordered += 1,
            Fate::Duplicate => faults.duplicated += 1,
            Fate::Corrupt { .. } => faults.bit_flipped += 1,
            Fate::Truncate { .. } => faults.truncated += 1,
            Fate::Storm { .. } => faults.stormed += 1,
            Fate::Overwrite { .. } => faults.overwritten += 1,
            Fate::Extend { .. } => faults.extended += 1,
            Fate::Splice => faults.spliced += 1,
        }
    }

    /// Sends off all the copies there are; the first decides whether there was room.
    fn launch(
        &mut self,
        now: Instant,
        direction: Direction,
        fate: Fate,
        mut parcel: Parcel,
    ) -> Passage {
        let mut copies = Vec::new();
        match fate {
            Fate::Delay(ms) => parcel.extra += Duration::from_millis(ms.into()),
            Fate::Duplicate => copies.push(parcel.copy(Duration::ZERO)),
            Fate::Storm { copies: count } => {
                let later = |nth| Duration::from_millis(nth);
                copies.extend((1..=u64::from(count)).map(|nth| parcel.copy(later(nth))));
            }
            Fate::Deliver
            | Fate::Drop
            | Fate::Corrupt { .. }
            | Fate::Truncate { .. }
            | Fate::Overwrite { .. }
            | Fate::Extend { .. }
            | Fate::Splice => {}
        }
        let has_room = self.depart(now, direction, parcel);
        for copy in copies {
            self.depart(now, direction, copy);
        }
        match has_room {
            true => Passage::Met(fate),
            false => Passage::Stopped(DropCause::QueueFull),
        }
    }

    /// Puts a copy on the link, or into the queue before it; false if that is full.
    fn depart(&mut self, now: Instant, direction: Direction, parcel: Parcel) -> bool {
        let route = self.route(direction);
        let Some(rate) = route.link.slow() else {
            self.fly(now, direction, parcel);
            return true;
        };
        let queue = route.queue.get_or_insert_with(|| {
            let rng = route.rng.fork("cross");
            Box::new(SharedQueue::new(rate.clone(), route.since, rng))
        });
        let refused = queue.push(now, parcel.bytes.len(), parcel).err();
        let is_crowded = queue.is_crowded();
        self.faults.crowded += u64::from(is_crowded);
        self.plan_departure(direction);
        if let Some(parcel) = refused {
            self.faults.count_drop(DropCause::QueueFull);
            self.spare.push(parcel.bytes);
            return false;
        }
        true
    }

    /// Takes a datagram that has arrived by `now`.
    pub(crate) fn poll_flight(&mut self, now: Instant) -> Option<Flight> {
        loop {
            let due = self.next_due().filter(|due| *due <= now)?;
            match self.departures.peek() {
                Some(Reverse((departs, direction))) if *departs == due => {
                    let direction = *direction;
                    self.departures.pop();
                    let planned = &mut self.route(direction).departs_at;
                    planned.take_if(|planned| *planned == due);
                    self.poll_queue(due, direction);
                }
                Some(_) | None => return self.in_flight.pop().map(|Reverse(flight)| flight),
            }
        }
    }

    /// Lets go what has left the queue of a slow link.
    fn poll_queue(&mut self, now: Instant, direction: Direction) {
        while let Some(queue) = &mut self.route(direction).queue {
            match queue.poll(now) {
                Some(Output::Sent(at, parcel)) => {
                    let waited = at.saturating_duration_since(parcel.sent_at);
                    self.faults.bloated += u64::from(waited >= BLOAT);
                    self.fly(at, direction, parcel);
                }
                Some(Output::Dropped(parcel)) => {
                    self.faults.count_drop(DropCause::Codel);
                    self.dropped
                        .extend(parcel.tag.map(|tag| (tag, now, direction.1)));
                    self.spare.push(parcel.bytes);
                }
                None => return self.plan_departure(direction),
            }
        }
    }

    /// Comes back when the next has left, unless that is planned already.
    fn plan_departure(&mut self, direction: Direction) {
        let route = self.route(direction);
        let due = route.queue.as_ref().and_then(|queue| queue.poll_timeout());
        let due = due.filter(|due| route.departs_at.is_none_or(|planned| *due < planned));
        if let Some(due) = due {
            route.departs_at = Some(due);
            self.departures.push(Reverse((due, direction)));
        }
    }

    /// Takes a captured datagram that CoDel dropped: when, and to whom it was on the way.
    pub(crate) fn poll_dropped(&mut self) -> Option<(Tag, Instant, HostId)> {
        self.dropped.pop()
    }

    /// Takes an arrived datagram's buffer back.
    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }

    fn fly(&mut self, now: Instant, direction: Direction, parcel: Parcel) {
        let route = self.route(direction);
        let (transit, jitter) = route.link.transit(&mut route.rng);
        let mut due = now + parcel.extra + parcel.delay + transit;
        if route.link.is_in_order() && parcel.extra.is_zero() {
            due = due.max(route.latest);
            route.latest = due;
        }
        self.faults.ecn_marked += u64::from(parcel.is_marked);
        self.faults.jittered += u64::from(!(jitter + parcel.delay).is_zero());
        self.in_flight.push(Reverse(Flight {
            due,
            number: self.flights_begun,
            to: direction.1,
            arrival: parcel.arrival,
            bytes: parcel.bytes,
            is_damaged: parcel.is_damaged,
            tag: parcel.tag,
        }));
        self.flights_begun += 1;
    }

    fn route(&mut self, direction: Direction) -> &mut Route {
        self.routes.entry(direction).or_insert_with(|| Route {
            link: self.default_link.clone(),
            rng: self
                .rng
                .fork_nth("link", direction.0.pair_number(direction.1)),
            is_default: true,
            since: self.default_since,
            queue: None,
            departs_at: None,
            latest: Instant::ZERO,
            before: Vec::new(),
        })
    }
}

impl Parcel {
    /// The same once more, this much later.
    fn copy(&self, later: Duration) -> Self {
        Self {
            sent_at: self.sent_at,
            extra: self.extra + later,
            delay: self.delay,
            arrival: self.arrival,
            bytes: self.bytes.clone(),
            is_damaged: self.is_damaged,
            is_marked: self.is_marked,
            tag: self.tag,
        }
    }
}

#[cfg(test)]
mod tests;
