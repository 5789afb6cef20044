//! Hosts in virtual time: the event loop that a driver is, without sockets and without waiting.

mod agenda;
mod capture;
mod forger;
mod play;
mod post;
mod troubles;

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{Config, Endpoint, Entropy, Event, Instant};

use self::agenda::Agenda;
use crate::address;
use crate::capture::{Capture, Landing};
use crate::driver::Reception;
use crate::faults::FaultCounts;
use crate::host::{self, Host, HostId, Message};
use crate::invariants::Broken;
use crate::nat::realms::Realms;
use crate::network::{Flight, Network};
use crate::rng::Rng;
use crate::trace::{Datagram, Trace};

/// Hosts, the network between them, and a clock that jumps from one thing due to the next.
///
/// Everything follows from the seed: the entropy of every endpoint, the chance of every link. At one
/// instant datagrams arrive first, in the order they were sent; then deadlines fire, by host.
///
/// The world drains an endpoint after each input, as a driver does. After a command through
/// [`endpoint`](Self::endpoint) it does so when time next passes.
///
/// While it runs it checks after every step what must hold for every endpoint in every situation: the invariants of
/// docs/TESTING.md. It panics otherwise, and names the invariant, the host, the time and its seed.
#[derive(Debug)]
pub struct World {
    now: Instant,
    rng: Rng,
    hosts: Vec<Host>,
    agenda: Agenda,
    network: Network,
    realms: Realms,
    /// Faults that are neither the network's nor a NAT's.
    faults: FaultCounts,
    trace: Trace,
    seed: u64,
    /// Datagrams that arrived and deadlines that fired.
    steps: u64,
    /// All that crosses the wire, where somebody wants it kept.
    capture: Option<Box<Capture>>,
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
            agenda: Agenda::default(),
            realms: Realms::default(),
            faults: FaultCounts::default(),
            trace: Trace::default(),
            seed,
            steps: 0,
            capture: None,
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
        self.agenda.add(id);
        self.set_trace(id);
        id
    }

    /// Begins a host's present life again, and records every call of its endpoint: to be called before it has
    /// done anything.
    pub fn record(&mut self, host: HostId) {
        self.hosts[host.index()].record(&self.rng, self.now);
        self.agenda.touch(host);
        self.set_trace(host);
    }

    /// Records every call of a host's endpoint from here on, until [`end_recording`](Self::end_recording): the recording begins with
    /// a checkpoint.
    pub fn start_recording(&mut self, host: HostId) {
        self.settle();
        let host = &mut self.hosts[host.index()];
        host.recording.clear();
        host.endpoint.start_recording();
    }

    /// Ends the recording of a host's endpoint and gives it out: a [`Recording`](crate::Recording) in bytes. Empty
    /// if [`record`](Self::record) was not called.
    pub fn end_recording(&mut self, host: HostId) -> Vec<u8> {
        self.settle();
        let host = &mut self.hosts[host.index()];
        host.endpoint.end_recording(&mut host.recording);
        std::mem::take(&mut host.recording)
    }

    /// Begins a redacted recording of a host's endpoint, at any time: sizes, times and losses only.
    pub fn record_redacted(&mut self, host: HostId) {
        self.hosts[host.index()].record_redacted(self.now);
    }

    /// Ends it and gives it out: a [`RedactedRecording`](crate::RedactedRecording) in bytes. Empty if
    /// [`record_redacted`](Self::record_redacted) was not called.
    pub fn end_redacted(&mut self, host: HostId) -> Vec<u8> {
        self.settle();
        let host = &mut self.hosts[host.index()];
        host.endpoint.end_redacted(&mut host.redacted);
        std::mem::take(&mut host.redacted)
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How much has happened: datagrams that arrived and deadlines that fired.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
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

    /// What a host's endpoint was born with when it was added: another driver makes the same endpoint from it.
    #[must_use]
    pub fn entropy(&self, host: HostId) -> Entropy {
        host::entropy(host, 0, &self.rng)
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
        self.agenda.touch(host);
        &mut self.hosts[host.index()].endpoint
    }

    /// A host's endpoint, to look at.
    #[must_use]
    pub fn view(&self, host: HostId) -> &Endpoint {
        &self.hosts[host.index()].endpoint
    }

    /// Gives a host's endpoint commands at the present time, as the host's clock shows it.
    pub fn act<R>(&mut self, host: HostId, act: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let now = self.clock(host);
        act(self.endpoint(host), now)
    }

    /// What a host's clock shows: [`now`](Self::now), unless it was made to drift or jump.
    #[must_use]
    pub fn clock(&self, host: HostId) -> Instant {
        self.hosts[host.index()].clock.read(self.now)
    }

    /// Whether the host's owner takes events out of its endpoint. One who does not leaves messages where they
    /// are, until the endpoint's bounds make the sender stop.
    pub fn set_reading(&mut self, host: HostId, is_reading: bool) {
        self.faults.looked_away += u64::from(!is_reading);
        self.agenda.touch(host);
        self.hosts[host.index()].is_reading = is_reading;
    }

    /// Takes the events that a host's owner was told so far.
    pub fn events(&mut self, host: HostId) -> Vec<Event> {
        let events = self.timed_events(host).into_iter();
        events.map(|(_, event)| event).collect()
    }

    /// As [`events`](Self::events), each with the time at which the owner was told.
    pub fn timed_events(&mut self, host: HostId) -> Vec<(Instant, Event)> {
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
            .find_map(|(index, (_, event))| Some((index, matches(event)?)))?;
        events.remove(index);
        Some(found)
    }

    /// Takes the messages that a host's owner was given so far, and leaves its other events.
    pub fn messages(&mut self, host: HostId) -> Vec<Message> {
        let mut messages = Vec::new();
        for (at, event) in self.timed_events(host) {
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
                self.hosts[host.index()].events.push_back((at, event));
            }
        }
        messages
    }

    /// Starts to record the wire, as text and as it is, from here on.
    pub fn record_trace(&mut self) {
        self.settle();
        self.trace.start(self.now);
        self.hosts().for_each(|host| self.set_trace(host));
    }

    /// Makes a host's endpoint describe what it sends from now on, if anybody records it.
    fn set_trace(&mut self, host: HostId) {
        let is_captured = self.capture.is_some();
        let endpoint = &mut self.hosts[host.index()].endpoint;
        endpoint.set_trace(is_captured || self.trace.is_recording());
        endpoint.set_key_log(is_captured);
    }

    /// The wire since [`record_trace`](Self::record_trace), for people; empty if that was not called.
    #[must_use]
    pub fn trace(&mut self) -> &str {
        self.settle();
        self.trace.text()
    }

    /// Every datagram since [`record_trace`](Self::record_trace), in the order sent; one to everybody counts once.
    #[must_use]
    pub fn datagrams(&mut self) -> &[Datagram] {
        self.settle();
        self.trace.datagrams()
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
        while let Some(due) = self.next_due().filter(|due| *due <= end) {
            self.happen(due);
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
            let Some(due) = self.next_due().filter(|due| *due <= end) else {
                self.now = end;
                return false;
            };
            self.happen(due);
        }
    }

    /// Lets the next thing happen, whenever it is due: one datagram arrives or one deadline fires.
    /// False if nothing ever will.
    pub fn step(&mut self) -> bool {
        let due = self.next_due();
        due.map(|due| self.happen(due)).is_some()
    }

    fn happen(&mut self, due: Instant) {
        self.steps += 1;
        self.now = self.now.max(due);
        match self.network.poll_flight(self.now) {
            Some(flight) => self.arrive(flight),
            None => self.wake(),
        }
        self.capture_drops();
    }

    fn arrive(&mut self, mut flight: Flight) {
        let host = &mut self.hosts[flight.to.index()];
        let reception = host.driver.receive(flight.arrival, &flight.bytes);
        if let Some(capture) = &mut self.capture {
            let landing = Landing {
                at: self.now,
                host: flight.to,
                lost: reception.dropped(),
                ecn: flight.arrival.ecn,
            };
            capture.on_landed(flight.tag, landing);
        }
        match reception {
            Reception::Now => {
                let (now, arrival) = (self.now, flight.arrival);
                let handled = match flight.is_damaged {
                    true => host.handle_forgery(now, arrival, &mut flight.bytes),
                    false => {
                        host.handle_datagram(now, arrival, &mut flight.bytes);
                        Ok(())
                    }
                };
                self.expect(flight.to, handled);
                self.drain(flight.to);
            }
            Reception::Later => self.faults.delivered_late += 1,
            Reception::Dropped(cause) => self.faults.count_drop(cause),
        }
        self.network.recycle(flight.bytes);
    }

    /// When the next thing is due.
    fn next_due(&mut self) -> Option<Instant> {
        self.settle();
        let dues = [self.network.next_due(), self.agenda.next()];
        dues.into_iter().flatten().min()
    }

    /// Wakes the first host whose time has come.
    fn wake(&mut self) {
        let now = self.now;
        let Some(id) = self.agenda.due(now) else {
            return;
        };
        let host = &mut self.hosts[id.index()];
        self.faults.woken_late += u64::from(host.driver.is_late());
        for (arrival, mut bytes) in host.driver.wake(now) {
            host.handle_datagram(now, arrival, &mut bytes);
        }
        host.handle_timeout(now);
        let is_sound = host.is_awake_for_something();
        self.expect(id, is_sound);
        self.drain(id);
    }

    /// Drains every host that had commands since.
    fn settle(&mut self) {
        let mut from = HostId::new(0);
        while let Some(host) = self.agenda.touched(from) {
            if self.hosts[host.index()].driver.is_running() {
                self.drain(host);
            }
            let Some(next) = host.next() else {
                return;
            };
            from = next;
        }
    }

    /// Takes everything out of an endpoint, in the order the contract asks for.
    fn drain(&mut self, id: HostId) {
        if self.hosts[id.index()].driver.can_send() {
            self.drain_transmits(id);
        } else {
            self.faults.send_blocked += 1;
        }
        let now = self.now;
        let host = &mut self.hosts[id.index()];
        let told = host.events.len();
        let drained = host.poll_events_and_timeout(now);
        let wake_at = self.expect(id, drained);
        self.agenda.wake(id, wake_at);
        self.agenda.on_drained(id);
        let host = &self.hosts[id.index()];
        for (_, event) in host.events.range(told..) {
            self.trace.event(now, &host.name, event);
            if let Some(capture) = &mut self.capture {
                capture.on_event(now, id, event);
            }
        }
        self.capture_sample(id);
    }

    /// Ends the simulation if an invariant is broken.
    fn expect<T>(&self, host: HostId, checked: Result<T, Broken>) -> T {
        checked.unwrap_or_else(|broken| {
            panic!(
                "{broken}\nat host {} at {} in World::new({})",
                self.hosts[host.index()].name,
                self.now,
                self.seed
            )
        })
    }

    fn drain_transmits(&mut self, id: HostId) {
        let mut buf = std::mem::take(&mut self.buf);
        loop {
            buf.clear();
            let host = &mut self.hosts[id.index()];
            let now = host.clock.read(self.now);
            let Some(transmit) = host.endpoint.poll_transmit(now, &mut buf) else {
                break;
            };
            assert_eq!(transmit.len, buf.len(), "a transmit describes its bytes");
            self.transmit(id, transmit, &buf);
        }
        self.buf = buf;
    }
}

fn host_id(index: usize) -> HostId {
    HostId::new(u16::try_from(index).expect("at most 65,536 hosts"))
}

#[cfg(test)]
mod tests;
