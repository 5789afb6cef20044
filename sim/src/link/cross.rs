//! Other people's traffic on a slow link: datagrams that are not of this world, but take room in its queue and time on its line.
//!
//! Two kinds: **flows** that behave as TCP's Reno does, each with a window that grows until the queue drops ([`flow`]); and a
//! **constant** stream that yields to nobody, all the time or on and off. What is not of this world arrives nowhere, so it is
//! played only as far as it matters: whenever something of ours comes or leaves, what the others did until then is made up
//! for, in order.
//!
//! Clocks that beat together would let one of two always find the place that has just become free (Floyd and Jacobson 1991,
//! traffic phase effects). So a little chance, from the link's own seed, is in when the others send.

mod flow;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tickwire_core::Instant;

use self::flow::Flow;
use super::ecn::Markable;
use super::rate::{Output, Queue, Rate};
use crate::rng::Rng;

/// Bytes of a foreign datagram, headers and payload.
pub(crate) const FOREIGN_BYTES: usize = 1_500;
/// Headers that a queue adds by itself.
const HEADERS: usize = 28;
/// Wait for an acknowledgement at first (RFC 6298 section 2.4: at least a second).
const TIMEOUT: Duration = Duration::from_secs(1);
/// A receiver acknowledges each second datagram, or one that it has had for so long (RFC 5681 section 4.2; as Linux does).
const ACK_DELAY: Duration = Duration::from_millis(40);
/// Longest time that a receiver takes to acknowledge.
const HESITATION_NANOS: u64 = 1_000_000;
/// Flows begin so long one after the other.
const STAGGER: Duration = Duration::from_millis(1);

/// How much other traffic a link has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cross {
    /// How many flows.
    pub(crate) flows: u16,
    /// Their round trip without the queue.
    pub(crate) rtt: Duration,
    /// Bits per second of the constant stream while it is on, headers included.
    pub(crate) bits_per_second: u64,
    /// How long the constant stream is on, and how long off; always on otherwise.
    pub(crate) on_off: Option<(Duration, Duration)>,
}

impl Cross {
    /// When the constant stream sends again that sends now; `since` it began. Half to one and a half of the mean later.
    fn next_constant(&self, since: Instant, now: Instant, rng: &mut Rng) -> Instant {
        let nanos = FOREIGN_BYTES as u64 * 8 * 1_000_000_000 / self.bits_per_second.max(1);
        let nanos = rng.between(nanos / 2, nanos + nanos / 2);
        let next = now + Duration::from_nanos(nanos.max(1));
        let Some((on, off)) = self.on_off else {
            return next;
        };
        let cycle = (on + off).as_nanos().max(1);
        let age = next.saturating_duration_since(since).as_nanos();
        let into = age % cycle;
        if into < on.as_nanos() {
            return next;
        }
        next + Duration::from_nanos(u64::try_from(cycle - into).unwrap_or(u64::MAX))
    }
}

/// What takes room in the queue.
#[derive(Debug, PartialEq, Eq)]
enum Load<T> {
    Ours(T),
    /// A datagram of the flow with this number; `None` for one of the constant stream.
    Foreign(Option<(usize, u64)>),
}

impl<T: Markable> Markable for Load<T> {
    fn mark(&mut self) -> bool {
        match self {
            Self::Ours(item) => item.mark(),
            // The others do not understand marks.
            Self::Foreign(_) => false,
        }
    }
}

/// What happens to the others next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// A flow sends for the first time.
    Begins(usize),
    /// A flow's receiver has waited for a second datagram to acknowledge with the one of this number.
    Waited(usize, u64),
    /// A flow hears that a datagram has arrived.
    Acknowledged(usize, u64),
    /// A flow has waited in vain.
    TimedOut(usize),
    /// The next datagram of the constant stream is due.
    Constant,
}

/// A queue that is shared with others.
#[derive(Debug)]
pub(crate) struct SharedQueue<T> {
    queue: Queue<Load<T>>,
    cross: Cross,
    since: Instant,
    rng: Rng,
    flows: Vec<Flow>,
    /// What each flow's receiver has not acknowledged.
    unacknowledged: Vec<Option<u64>>,
    /// By time and order.
    coming: BTreeMap<(Instant, u64), Happening>,
    planned: u64,
    /// How many of ours are inside, and of the others.
    ours: usize,
    foreign: usize,
    ready: VecDeque<Output<T>>,
}

impl<T: Markable> SharedQueue<T> {
    /// The others begin at `since`.
    pub(crate) fn new(rate: Rate, since: Instant, rng: Rng) -> Self {
        let cross = rate.cross();
        let mut queue = Self {
            queue: Queue::new(rate, since),
            cross,
            since,
            rng,
            flows: vec![Flow::new(); cross.flows.into()],
            unacknowledged: vec![None; cross.flows.into()],
            coming: BTreeMap::new(),
            planned: 0,
            ours: 0,
            foreign: 0,
            ready: VecDeque::new(),
        };
        for flow in 0..cross.flows {
            let begins = Happening::Begins(flow.into());
            queue.plan(since + STAGGER * flow.into(), begins);
        }
        if cross.bits_per_second > 0 {
            queue.plan(since, Happening::Constant);
        }
        queue
    }

    /// Takes an item of `len` bytes, or gives it back if there is no room.
    pub(crate) fn push(&mut self, now: Instant, len: usize, item: T) -> Result<(), T> {
        self.catch_up(now);
        match self.queue.push(now, len, Load::Ours(item)) {
            Ok(()) => {
                self.ours += 1;
                Ok(())
            }
            Err(Load::Ours(item)) => Err(item),
            Err(Load::Foreign(_)) => Ok(()),
        }
    }

    /// Bytes that wait, with headers, the others' too.
    pub(crate) fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether any of the others' is inside.
    pub(crate) fn is_crowded(&self) -> bool {
        self.foreign > 0
    }

    /// When something leaves next, as long as any of ours waits.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.ready.front() {
            Some(Output::Sent(at, _)) => Some(*at),
            Some(Output::Dropped(_)) => Some(Instant::ZERO),
            None if self.ours == 0 => None,
            None => self.queue.poll_timeout(),
        }
    }

    /// The next of ours that has left, or was dropped, by `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Output<T>> {
        self.catch_up(now);
        self.ready.pop_front()
    }

    /// Empties the queue of ours at once, in order.
    pub(crate) fn clear(self) -> impl Iterator<Item = T> {
        let left = self.ready.into_iter().filter_map(|output| match output {
            Output::Sent(_, item) => Some(item),
            Output::Dropped(_) => None,
        });
        let waiting = self.queue.clear().filter_map(|load| match load {
            Load::Ours(item) => Some(item),
            Load::Foreign(_) => None,
        });
        left.chain(waiting)
    }

    fn plan(&mut self, at: Instant, happening: Happening) {
        self.coming.insert((at, self.planned), happening);
        self.planned += 1;
    }

    /// Plays everything until `now`; what leaves at a time leaves before what comes then.
    fn catch_up(&mut self, now: Instant) {
        loop {
            let leaves = self.queue.poll_timeout().filter(|at| *at <= now);
            let comes = self.coming.first_key_value().map(|((at, _), _)| *at);
            let comes = comes.filter(|at| *at <= now);
            match (leaves, comes) {
                (Some(at), Some(coming)) if coming < at => self.come(),
                (None, Some(_)) => self.come(),
                (Some(at), _) => self.leave(at),
                (None, None) => return,
            }
        }
    }

    fn leave(&mut self, at: Instant) {
        while let Some(output) = self.queue.poll(at) {
            match output {
                Output::Sent(at, Load::Ours(item)) => {
                    self.ours -= 1;
                    self.ready.push_back(Output::Sent(at, item));
                }
                Output::Dropped(Load::Ours(item)) => {
                    self.ours -= 1;
                    self.ready.push_back(Output::Dropped(item));
                }
                Output::Sent(at, Load::Foreign(whose)) => {
                    self.foreign -= 1;
                    if let Some((flow, number)) = whose {
                        self.receive(at, flow, number);
                    }
                }
                Output::Dropped(Load::Foreign(whose)) => {
                    self.foreign -= 1;
                    self.lose(at, whose);
                }
            }
        }
    }

    /// Acknowledges a datagram with the one before it, or waits for the next. A gap is told at once.
    fn receive(&mut self, at: Instant, flow: usize, number: u64) {
        match self.unacknowledged[flow].take() {
            Some(before) => self.acknowledge(at, flow, &[before, number]),
            None if self.flows[flow].has_gap(number) => self.acknowledge(at, flow, &[number]),
            None => {
                self.unacknowledged[flow] = Some(number);
                self.plan(at + ACK_DELAY, Happening::Waited(flow, number));
            }
        }
    }

    fn acknowledge(&mut self, at: Instant, flow: usize, numbers: &[u64]) {
        let wait = Duration::from_nanos(self.rng.below(HESITATION_NANOS));
        for number in numbers {
            let heard = Happening::Acknowledged(flow, *number);
            self.plan(at + self.cross.rtt + wait, heard);
        }
    }

    fn come(&mut self) {
        let Some(((now, _), happening)) = self.coming.pop_first() else {
            return;
        };
        match happening {
            Happening::Constant => {
                self.offer(now, None);
                let next = self.cross.next_constant(self.since, now, &mut self.rng);
                self.plan(next, Happening::Constant);
            }
            Happening::Begins(flow) => self.send(now, flow),
            Happening::Waited(flow, number) => {
                if self.unacknowledged[flow] == Some(number) {
                    self.unacknowledged[flow] = None;
                    self.acknowledge(now, flow, &[number]);
                }
            }
            Happening::Acknowledged(flow, number) => {
                self.flows[flow].on_acknowledged(number);
                self.send(now, flow);
            }
            Happening::TimedOut(flow) => {
                self.flows[flow].on_timeout();
                self.send(now, flow);
            }
        }
    }

    /// A flow sends what its window allows.
    fn send(&mut self, now: Instant, flow: usize) {
        while let Some(number) = self.flows[flow].send() {
            self.offer(now, Some((flow, number)));
        }
        self.wait_if_stuck(now, flow);
    }

    fn offer(&mut self, now: Instant, whose: Option<(usize, u64)>) {
        let load = Load::Foreign(whose);
        match self.queue.push(now, FOREIGN_BYTES - HEADERS, load) {
            Ok(()) => self.foreign += 1,
            // Its sender looks after itself once it has sent all.
            Err(_) => self.note(whose),
        }
    }

    fn note(&mut self, whose: Option<(usize, u64)>) {
        if let Some((flow, number)) = whose {
            self.flows[flow].drop(number);
        }
    }

    fn lose(&mut self, now: Instant, whose: Option<(usize, u64)>) {
        self.note(whose);
        if let Some((flow, _)) = whose {
            self.wait_if_stuck(now, flow);
        }
    }

    fn wait_if_stuck(&mut self, now: Instant, flow: usize) {
        let found = &self.flows[flow];
        if found.is_stuck() {
            let timeout = TIMEOUT.max(self.cross.rtt * 2) * (1 << found.backoff());
            self.plan(now + timeout, Happening::TimedOut(flow));
        }
    }
}

#[cfg(test)]
mod tests;
