//! Hosts in virtual time: the event loop that a driver is, without sockets and without waiting.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{Arrival, Config, Endpoint, Event, Instant, Transmit};

use crate::address::{self, Receiver};
use crate::fate::FateCounts;
use crate::faults::FaultCounts;
use crate::host::{Host, HostId, Message};
use crate::link::Link;
use crate::network::Network;
use crate::rng::Rng;
use crate::trace::{Direction, Trace};

/// Hosts, the network between them, and a clock that jumps from one thing due to the next.
///
/// Everything follows from the seed: the entropy of every endpoint, the chance of every link. At one
/// instant datagrams arrive first, in the order they were sent; then deadlines fire, by host.
///
/// The world drains an endpoint after each input, as a driver does. After a command through
/// [`endpoint`](Self::endpoint) it does so when time next passes.
///
/// While it runs it checks what must hold for every endpoint in every situation: no datagram is empty or longer
/// than configured, and nobody asks to be woken at the same instant for ever. It panics otherwise.
#[derive(Debug)]
pub struct World {
    now: Instant,
    rng: Rng,
    hosts: Vec<Host>,
    network: Network,
    trace: Trace,
    /// Where endpoints append their datagrams.
    buf: Vec<u8>,
}

impl World {
    /// Port of every host's game socket.
    pub const GAME_PORT: u16 = address::GAME_PORT;
    /// Port of every host's discovery socket.
    pub const DISCOVERY_PORT: u16 = address::DISCOVERY_PORT;

    /// An empty world at [`Instant::ZERO`].
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let rng = Rng::new(seed);
        Self {
            now: Instant::ZERO,
            network: Network::new(rng.fork("network")),
            rng,
            hosts: Vec::new(),
            trace: Trace::default(),
            buf: Vec::new(),
        }
    }

    /// Adds a host: 10.0.0.1 first, then 10.0.0.2 and so on, all on one LAN, named A, B and so on in traces.
    ///
    /// # Panics
    ///
    /// If there are 65,536 already.
    pub fn add(&mut self, config: Config) -> HostId {
        let id = host_id(self.hosts.len());
        self.hosts.push(Host::new(id, config, &self.rng, self.now));
        self.set_trace(id);
        id
    }

    /// Replaces a host's endpoint, as a crash and a restart on the same address do: nothing is said to anybody,
    /// unread events are gone, entropy is new.
    pub fn restart(&mut self, host: HostId, config: Config) {
        self.hosts[host.index()].restart(config, &self.rng, self.now);
        self.set_trace(host);
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A stream of chance for the test itself, one for each label.
    #[must_use]
    pub fn fork_rng(&self, label: &str) -> Rng {
        self.rng.fork("test").fork(label)
    }

    /// All hosts, in the order they were added.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.hosts.len()).map(host_id)
    }

    /// The address of a host's game socket.
    #[must_use]
    pub fn address(&self, host: HostId) -> SocketAddr {
        address::game_address(host)
    }

    /// Names a host in traces; a short name keeps the columns straight.
    pub fn set_name(&mut self, host: HostId, name: &str) {
        self.hosts[host.index()].name = name.to_owned();
    }

    /// A host's endpoint, for commands. What they cause happens when time next passes.
    pub fn endpoint(&mut self, host: HostId) -> &mut Endpoint {
        let host = &mut self.hosts[host.index()];
        host.is_touched = true;
        &mut host.endpoint
    }

    /// A host's endpoint, to look at.
    #[must_use]
    pub fn view(&self, host: HostId) -> &Endpoint {
        &self.hosts[host.index()].endpoint
    }

    /// Gives a host's endpoint commands at the present time.
    pub fn act<R>(&mut self, host: HostId, act: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let now = self.now;
        act(self.endpoint(host), now)
    }

    /// Whether the host's owner takes events out of its endpoint. One who does not leaves messages where they
    /// are, until the endpoint's bounds make the sender stop.
    pub fn set_reading(&mut self, host: HostId, is_reading: bool) {
        let host = &mut self.hosts[host.index()];
        host.is_reading = is_reading;
        host.is_touched = true;
    }

    /// Takes the events that a host's owner was told so far.
    pub fn events(&mut self, host: HostId) -> Vec<Event> {
        self.settle();
        self.hosts[host.index()].events.drain(..).collect()
    }

    /// Takes the first event that matches, and leaves the others.
    pub fn take_event<T>(
        &mut self,
        host: HostId,
        mut matches: impl FnMut(&Event) -> Option<T>,
    ) -> Option<T> {
        self.settle();
        let events = &mut self.hosts[host.index()].events;
        let (index, found) = events
            .iter()
            .enumerate()
            .find_map(|(index, event)| Some((index, matches(event)?)))?;
        events.remove(index);
        Some(found)
    }

    /// Takes the messages that a host's owner was given so far, and leaves its other events.
    pub fn messages(&mut self, host: HostId) -> Vec<Message> {
        let mut messages = Vec::new();
        for event in self.events(host) {
            if let Event::Message {
                peer,
                channel,
                payload,
            } = event
            {
                messages.push(Message {
                    peer,
                    channel,
                    payload,
                });
            } else {
                self.hosts[host.index()].events.push_back(event);
            }
        }
        messages
    }

    /// Puts a link in place from `from` to `to`: one direction. Datagrams under way are not affected.
    pub fn link(&mut self, from: HostId, to: HostId, link: Link) {
        self.network.set_link(self.now, from, to, link);
    }

    /// Puts a link in place for every direction that has none of its own.
    pub fn default_link(&mut self, link: Link) {
        self.network.set_default_link(self.now, link);
    }

    /// Changes the link of one direction, which begins anew: `|link| link.mtu(576)`.
    pub fn change_link(&mut self, from: HostId, to: HostId, change: impl FnOnce(Link) -> Link) {
        let link = change(self.network.link(from, to).clone());
        self.link(from, to, link);
    }

    /// Cuts every link between a host of `left` and one of `right`, both ways. Datagrams under way still arrive.
    pub fn partition(&mut self, left: &[HostId], right: &[HostId]) {
        self.network.partitions().cut(left, right);
    }

    /// Cuts every link from a host of `from` to one of `to`, but not the way back.
    pub fn partition_one_way(&mut self, from: &[HostId], to: &[HostId]) {
        self.network.partitions().cut_one_way(from, to);
    }

    /// Ends all partitions.
    pub fn repair(&mut self) {
        self.network.partitions().repair();
    }

    /// Takes all faults off all links between hosts, their latencies stay, and ends all partitions.
    pub fn heal(&mut self) {
        self.repair();
        for from in self.hosts() {
            for to in self.hosts().filter(|to| *to != from) {
                let healed = self.network.link(from, to).healed();
                self.network.set_link(self.now, from, to, healed);
            }
        }
    }

    /// What became of all datagrams so far.
    #[must_use]
    pub fn fates(&self) -> FateCounts {
        self.network.fates()
    }

    /// How often each kind of fault struck so far.
    #[must_use]
    pub fn faults(&self) -> FaultCounts {
        self.network.faults
    }

    /// Starts to record the wire as text, from here on.
    pub fn record_trace(&mut self) {
        self.settle();
        self.trace.start(self.now);
        self.hosts().for_each(|host| self.set_trace(host));
    }

    /// Makes a host's endpoint describe what it sends from now on, if anybody records it.
    fn set_trace(&mut self, host: HostId) {
        let is_recording = self.trace.is_recording();
        self.hosts[host.index()].endpoint.set_trace(is_recording);
    }

    /// The wire since [`record_trace`](Self::record_trace), for people; empty if that was not called.
    #[must_use]
    pub fn trace(&mut self) -> &str {
        self.settle();
        self.trace.text()
    }

    /// Writes a remark into the trace, where one is recorded.
    pub fn note(&mut self, remark: &str) {
        self.settle();
        self.trace.note(self.now, remark);
    }

    /// A hash of every datagram sent so far with its time and direction: equal for equal runs.
    #[must_use]
    pub fn wire_hash(&mut self) -> u64 {
        self.settle();
        self.trace.hash()
    }

    /// Lets time pass: everything due meanwhile happens.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.next_due().is_some_and(|due| due <= end) {
            self.step();
        }
        self.now = end;
    }

    /// Lets time pass until `done`, but no longer than `limit`; tells whether it is done.
    pub fn run_until(&mut self, mut done: impl FnMut(&mut Self) -> bool, limit: Duration) -> bool {
        let end = self.now + limit;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            if self.next_due().is_none_or(|due| due > end) {
                self.now = end;
                return false;
            }
            self.step();
        }
    }

    /// Lets the next thing happen, whenever it is due: one datagram arrives or one deadline fires.
    /// False if nothing ever will.
    pub fn step(&mut self) -> bool {
        let Some(due) = self.next_due() else {
            return false;
        };
        if due > self.now {
            self.now = due;
            self.hosts.iter_mut().for_each(Host::on_time_passed);
        }
        match self.network.poll_flight(self.now) {
            Some(mut flight) => {
                self.hosts[flight.to.index()].handle_datagram(
                    self.now,
                    flight.arrival,
                    &mut flight.bytes,
                );
                self.network.recycle(flight.bytes);
                self.drain(flight.to);
            }
            None => self.wake(),
        }
        true
    }

    /// When the next thing is due.
    fn next_due(&mut self) -> Option<Instant> {
        self.settle();
        let deadline = self.hosts.iter().filter_map(|host| host.deadline).min();
        [self.network.next_due(), deadline]
            .into_iter()
            .flatten()
            .min()
    }

    /// Fires the deadline of the first host whose time has come.
    fn wake(&mut self) {
        let now = self.now;
        let is_due = |host: &Host| host.deadline.is_some_and(|deadline| deadline <= now);
        let Some(index) = self.hosts.iter().position(is_due) else {
            return;
        };
        self.hosts[index].handle_timeout(now);
        self.drain(host_id(index));
    }

    /// Drains every host that had commands since.
    fn settle(&mut self) {
        for host in self.hosts() {
            if self.hosts[host.index()].is_touched {
                self.drain(host);
            }
        }
    }

    /// Takes everything out of an endpoint, in the order the contract asks for.
    fn drain(&mut self, id: HostId) {
        let mut buf = std::mem::take(&mut self.buf);
        loop {
            buf.clear();
            let endpoint = &mut self.hosts[id.index()].endpoint;
            let Some(transmit) = endpoint.poll_transmit(self.now, &mut buf) else {
                break;
            };
            assert_eq!(transmit.len, buf.len(), "a transmit describes its bytes");
            self.transmit(id, transmit, &buf);
        }
        self.buf = buf;
        let host = &mut self.hosts[id.index()];
        let told = host.events.len();
        host.poll_events_and_timeout();
        for event in host.events.range(told..) {
            self.trace.event(self.now, &host.name, event);
        }
    }

    /// Sends each datagram of a transmit to where its address leads.
    fn transmit(&mut self, from: HostId, transmit: Transmit, bytes: &[u8]) {
        let size_max = self.view(from).config().datagram_size_max();
        for datagram in bytes.chunks(transmit.segment_size.unwrap_or(bytes.len()).max(1)) {
            let len = datagram.len();
            assert!((1..=size_max).contains(&len), "a datagram of {len} bytes");
            let description = self.describe(from);
            match address::receiver(transmit.to, self.hosts.len()) {
                Receiver::Host(to) => self.send(from, to, &transmit, datagram, &description),
                Receiver::Everybody => self.broadcast(from, &transmit, datagram, &description),
                Receiver::Nobody => self.row(from, None, datagram, &description, &"✗ no such host"),
            }
        }
    }

    /// What the sender says about the datagram it has just handed out; nothing if nobody records it.
    fn describe(&mut self, from: HostId) -> String {
        let line = self.hosts[from.index()].endpoint.poll_trace();
        assert!(
            line.is_some() || !self.trace.is_recording(),
            "a datagram without a line of trace"
        );
        line.unwrap_or_default()
    }

    fn send(
        &mut self,
        from: HostId,
        to: HostId,
        transmit: &Transmit,
        bytes: &[u8],
        description: &str,
    ) {
        let arrival = self.arrival(from, transmit);
        let fate = self.network.send(self.now, (from, to), arrival, bytes);
        self.row(from, Some(to), bytes, description, &fate);
    }

    /// Everybody but the sender gets it; one row stands for all.
    fn broadcast(&mut self, from: HostId, transmit: &Transmit, bytes: &[u8], description: &str) {
        let arrival = self.arrival(from, transmit);
        for to in self.hosts().filter(|to| *to != from) {
            self.network.send(self.now, (from, to), arrival, bytes);
        }
        self.row(from, None, bytes, description, &"to everybody");
    }

    fn arrival(&self, from: HostId, transmit: &Transmit) -> Arrival {
        Arrival {
            from: SocketAddr::new(self.address(from).ip(), address::port(transmit.socket)),
            to: Some(transmit.to.ip()),
            socket: address::socket(transmit.to.port()),
            ecn: transmit.ecn,
        }
    }

    fn row(
        &mut self,
        from: HostId,
        to: Option<HostId>,
        bytes: &[u8],
        text: &str,
        mark: &dyn Display,
    ) {
        self.trace.on_sent(self.now, from, to, bytes);
        let direction = Direction {
            from,
            from_name: &self.hosts[from.index()].name,
            to,
            to_name: to.map_or("*", |to| &self.hosts[to.index()].name),
        };
        self.trace.row(self.now, direction, bytes.len(), text, mark);
    }
}

fn host_id(index: usize) -> HostId {
    HostId::new(u16::try_from(index).expect("at most 65,536 hosts"))
}
