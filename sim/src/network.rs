//! The network between hosts: links, and the datagrams under way on them.
//!
//! It is a machine like the endpoint: datagrams and time go in, datagrams and a deadline come out.
//! Two datagrams due at the same instant arrive in the order they were sent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use tickwire_core::{Arrival, Instant};

use crate::fate::{Fate, FateCounts};
use crate::host::HostId;
use crate::link::Link;
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

/// A link in place, with its own stream of chance.
#[derive(Debug)]
struct Route {
    link: Link,
    rng: Rng,
    /// When the link takes the next datagram.
    free_at: Instant,
    /// Whether the link is a copy of the default, to be replaced with it.
    is_default: bool,
}

/// All links and all datagrams under way.
#[derive(Debug)]
pub(crate) struct Network {
    rng: Rng,
    default_link: Link,
    routes: BTreeMap<(HostId, HostId), Route>,
    in_flight: BinaryHeap<Reverse<Flight>>,
    flights_begun: u64,
    fates: FateCounts,
    /// Buffers of datagrams that have arrived, for those to come.
    spare: Vec<Vec<u8>>,
}

impl Network {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            rng,
            default_link: Link::new(),
            routes: BTreeMap::new(),
            in_flight: BinaryHeap::new(),
            flights_begun: 0,
            fates: FateCounts::default(),
            spare: Vec::new(),
        }
    }

    /// Replaces the link of every direction that has none of its own.
    pub(crate) fn set_default_link(&mut self, link: Link) {
        for route in self.routes.values_mut().filter(|route| route.is_default) {
            route.link = link.clone();
        }
        self.default_link = link;
    }

    /// Replaces one direction; datagrams under way keep their fate.
    pub(crate) fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        let route = self.route(from, to);
        route.link = link;
        route.is_default = false;
    }

    pub(crate) fn link(&mut self, from: HostId, to: HostId) -> &Link {
        &self.route(from, to).link
    }

    pub(crate) fn fates(&self) -> FateCounts {
        self.fates
    }

    /// When the next datagram arrives.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.in_flight.peek().map(|Reverse(flight)| flight.due)
    }

    /// Sends a datagram off and tells what becomes of it.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        (from, to): (HostId, HostId),
        arrival: Arrival,
        bytes: &[u8],
    ) -> Fate {
        let route = self.route(from, to);
        let fate = within(route.link.fate(&mut route.rng), bytes.len());
        self.fates.count(fate);
        let mut fly = |later, bytes: &[u8]| self.fly((now, later), (from, to), arrival, bytes);
        match fate {
            Fate::Deliver => fly(Duration::ZERO, bytes),
            Fate::Drop => {}
            Fate::Delay(ms) => fly(Duration::from_millis(ms.into()), bytes),
            Fate::Duplicate => {
                fly(Duration::ZERO, bytes);
                fly(Duration::ZERO, bytes);
            }
            Fate::Corrupt { bit } => {
                let mut damaged = bytes.to_vec();
                if let Some(byte) = damaged.get_mut(usize::from(bit / 8)) {
                    *byte ^= 1 << (bit % 8);
                }
                fly(Duration::ZERO, &damaged);
            }
            Fate::Truncate { len } => fly(Duration::ZERO, &bytes[..usize::from(len)]),
        }
        fate
    }

    /// Takes a datagram that has arrived by `now`.
    pub(crate) fn poll_flight(&mut self, now: Instant) -> Option<Flight> {
        if self.next_due()? > now {
            return None;
        }
        self.in_flight.pop().map(|Reverse(flight)| flight)
    }

    /// Takes an arrived datagram's buffer back.
    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }

    /// Puts a copy on the link, from which it arrives this much later than others do.
    fn fly(
        &mut self,
        (now, later): (Instant, Duration),
        (from, to): (HostId, HostId),
        arrival: Arrival,
        bytes: &[u8],
    ) {
        let route = self.route(from, to);
        route.free_at = route.free_at.max(now) + route.link.occupation(bytes.len());
        let due = route.free_at + later + route.link.transit(&mut route.rng);
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(bytes);
        self.in_flight.push(Reverse(Flight {
            due,
            number: self.flights_begun,
            to,
            arrival,
            bytes: buffer,
        }));
        self.flights_begun += 1;
    }

    fn route(&mut self, from: HostId, to: HostId) -> &mut Route {
        self.routes.entry((from, to)).or_insert_with(|| Route {
            link: self.default_link.clone(),
            rng: self.rng.fork_nth("link", from.pair_number(to)),
            free_at: Instant::ZERO,
            is_default: true,
        })
    }
}

/// The same fate with its place inside a datagram of `len` bytes.
fn within(fate: Fate, len: usize) -> Fate {
    let len = u16::try_from(len).unwrap_or(u16::MAX);
    match fate {
        Fate::Corrupt { bit } => Fate::Corrupt {
            bit: bit % len.saturating_mul(8).max(1),
        },
        Fate::Truncate { len: left } => Fate::Truncate {
            len: left % len.max(1),
        },
        Fate::Deliver | Fate::Drop | Fate::Delay(_) | Fate::Duplicate => fate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    const A: HostId = HostId::new(0);
    const B: HostId = HostId::new(1);

    /// Sends `count` one-byte datagrams a millisecond apart over `link`; (arrival time in ms, byte) of each copy.
    fn exchange(link: Link, count: u8) -> Vec<(u64, Vec<u8>)> {
        let mut network = Network::new(Rng::new(1));
        network.set_link(A, B, link);
        for byte in 0..count {
            let now = Instant::from_millis(byte.into());
            network.send(now, (A, B), arrival(), &[byte]);
        }
        let mut arrived = Vec::new();
        while let Some(due) = network.next_due() {
            let flight = network.poll_flight(due).expect("it is due");
            assert_eq!(flight.to, B);
            arrived.push((due.as_micros() / 1_000, flight.bytes.clone()));
            network.recycle(flight.bytes);
        }
        arrived
    }

    fn arrival() -> Arrival {
        Arrival::game(([10, 0, 0, 1], 7_000).into())
    }

    #[test]
    fn datagrams_arrive_after_the_latency() {
        let arrived = exchange(Link::new().latency(ms(25)), 2);
        assert_eq!(arrived, [(25, vec![0]), (26, vec![1])]);
    }

    #[test]
    fn nothing_arrives_early() {
        let mut network = Network::new(Rng::new(1));
        network.set_link(A, B, Link::new().latency(ms(25)));
        network.send(Instant::ZERO, (A, B), arrival(), b"x");
        assert!(network.poll_flight(Instant::from_millis(24)).is_none());
        assert!(network.poll_flight(Instant::from_millis(25)).is_some());
    }

    #[test]
    fn datagrams_due_together_arrive_in_the_order_sent() {
        let link = Link::new().schedule([Fate::Delay(1), Fate::Deliver]);
        assert_eq!(exchange(link, 2), [(1, vec![0]), (1, vec![1])]);
    }

    #[test]
    fn datagrams_queue_for_a_link_that_is_slower_than_their_sender() {
        let link = Link::new().latency(ms(25)).rate(500);
        let arrived = exchange(link, 3);
        assert_eq!(arrived, [(27, vec![0]), (29, vec![1]), (31, vec![2])]);
    }

    #[test]
    fn a_delayed_datagram_does_not_hold_up_the_link() {
        let link = Link::new().rate(1_000).schedule([Fate::Delay(5)]);
        assert_eq!(exchange(link, 2), [(2, vec![1]), (6, vec![0])]);
    }

    #[test]
    fn a_dropped_datagram_never_arrives() {
        assert_eq!(exchange(Link::new().drop_nth([0]), 2), [(1, vec![1])]);
    }

    #[test]
    fn a_delayed_datagram_falls_behind() {
        let link = Link::new().schedule([Fate::Delay(5)]);
        assert_eq!(exchange(link, 2), [(1, vec![1]), (5, vec![0])]);
    }

    #[test]
    fn a_duplicated_datagram_arrives_twice() {
        let link = Link::new().schedule([Fate::Duplicate]);
        assert_eq!(exchange(link, 1), [(0, vec![0]), (0, vec![0])]);
    }

    #[test]
    fn a_corrupted_datagram_differs_in_one_bit() {
        let link = Link::new().schedule([Fate::Corrupt { bit: 8 + 3 }]);
        assert_eq!(exchange(link, 1), [(0, vec![0b1000])]);
    }

    #[test]
    fn a_truncated_datagram_is_shorter() {
        let link = Link::new().schedule([Fate::Truncate { len: 7 }]);
        assert_eq!(exchange(link, 1), [(0, vec![])]);
    }

    #[test]
    fn links_of_their_own_outlive_a_new_default() {
        let mut network = Network::new(Rng::new(1));
        network.set_link(A, B, Link::new().loss(1_000));
        network.set_default_link(Link::new());
        assert_eq!(
            network.send(Instant::ZERO, (A, B), arrival(), b"x"),
            Fate::Drop
        );
        network.set_default_link(Link::new().loss(1_000));
        assert_eq!(
            network.send(Instant::ZERO, (B, A), arrival(), b"x"),
            Fate::Drop
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        let link = Link::new().jitter(ms(9)).loss(200).duplication(200);
        assert_eq!(exchange(link.clone(), 200), exchange(link, 200));
    }

    #[test]
    fn an_empty_datagram_survives_every_fate() {
        for fate in [Fate::Corrupt { bit: 5 }, Fate::Truncate { len: 5 }] {
            let mut network = Network::new(Rng::new(1));
            network.set_link(A, B, Link::new().schedule([fate]));
            network.send(Instant::ZERO, (A, B), arrival(), b"");
            let flight = network.poll_flight(Instant::ZERO);
            assert_eq!(flight.expect("it arrives").bytes, b"");
        }
    }
}
