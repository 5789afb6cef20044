//! Two tokio drivers on fake sockets and a manual clock, without a runtime, joined by a network as plain as can be: it
//! knows a path's latency and what each fate does, and nothing of the simulator's machinery.
//!
//! Kept here, as in the simulator: at one instant datagrams arrive first, one by one and in the order sent; then
//! those are polled whose time has come, by host.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tickwire_core::{Arrival, Crypto, Endpoint, Entropy, Instant, Socket, Transmit};
use tickwire_sim::Fate;
use tickwire_tokio::{Handle, Options, Sockets, drive};
use tickwire_udp::{Clock, Io, Sent as Outcome};

use super::record::{Record, Sent, Told};
use super::script::{Path, Script};
use super::{ADDRESSES, Stage};

/// One host's sockets: what came and was not read, and what went out.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Queues>>);

#[derive(Default)]
struct Queues {
    received: VecDeque<(Arrival, Vec<u8>)>,
    sent: Vec<(Transmit, Vec<u8>)>,
}

impl Wire {
    fn with<R>(&self, f: impl FnOnce(&mut Queues) -> R) -> R {
        f(&mut self.0.lock().expect("no side panics"))
    }
}

impl Io for Wire {
    fn drain(&mut self, handle: &mut dyn FnMut(Arrival, &mut [u8])) {
        for (arrival, mut datagram) in self.with(|queues| std::mem::take(&mut queues.received)) {
            handle(arrival, &mut datagram);
        }
    }

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Outcome {
        self.with(|queues| queues.sent.push((*transmit, bytes.to_vec())));
        Outcome::Done
    }
}

impl Sockets for Wire {
    fn poll_receive(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        match self.with(|queues| queues.received.is_empty()) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    fn poll_writable(&mut self, _socket: Socket, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// A driver, and when to poll it.
struct Host {
    handle: Handle,
    task: Pin<Box<dyn Future<Output = ()>>>,
    wire: Wire,
    is_reading: bool,
    /// Whether it had commands since its last poll.
    is_touched: bool,
    due: Option<Instant>,
}

impl Host {
    fn new(options: Options, clock: Clock) -> Self {
        let wire = Wire::default();
        let (handle, task) = drive(options, wire.clone(), clock).expect("a valid configuration");
        handle.with(|endpoint, _| endpoint.set_trace(true));
        Self {
            handle,
            task: Box::pin(task),
            wire,
            is_reading: true,
            is_touched: true,
            due: None,
        }
    }

    fn poll(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(self.task.as_mut().poll(&mut cx).is_pending());
        self.is_touched = false;
    }
}

/// A datagram under way.
struct Flight {
    to: usize,
    arrival: Arrival,
    bytes: Vec<u8>,
}

/// A path that is being used: its fates are consumed.
struct Lane {
    path: Path,
    fates: VecDeque<Fate>,
    /// When the last datagram was put on it.
    free_at: Instant,
}

impl Lane {
    fn new(path: &Path) -> Self {
        Self {
            fates: path.fates.iter().copied().collect(),
            path: path.clone(),
            free_at: Instant::ZERO,
        }
    }

    /// The copies of a datagram that will arrive, and when.
    fn carry(&mut self, now: Instant, bytes: Vec<u8>) -> Vec<(Instant, Vec<u8>)> {
        let (copies, later_ms) = match self.fates.pop_front().unwrap_or_default() {
            Fate::Deliver => (vec![bytes], 0),
            Fate::Drop => (Vec::new(), 0),
            Fate::Delay(ms) => (vec![bytes], ms),
            Fate::Duplicate => (vec![bytes.clone(), bytes], 0),
            Fate::Corrupt { bit } => (vec![flipped(bytes, bit)], 0),
            Fate::Truncate { len } => (vec![cut(bytes, len)], 0),
            Fate::Storm { .. } | Fate::Overwrite { .. } | Fate::Extend { .. } | Fate::Splice => {
                unreachable!("no script has these")
            }
        };
        let later = self.path.latency + Duration::from_millis(later_ms.into());
        let arrival = |copy: Vec<u8>| {
            let occupation = copy.len() as u64 * 1_000_000_000 / self.path.rate;
            self.free_at = self.free_at.max(now) + Duration::from_nanos(occupation);
            (self.free_at + later, copy)
        };
        copies.into_iter().map(arrival).collect()
    }
}

fn cut(mut bytes: Vec<u8>, len: u16) -> Vec<u8> {
    bytes.truncate(usize::from(len) % bytes.len());
    bytes
}

fn flipped(mut bytes: Vec<u8>, bit: u16) -> Vec<u8> {
    let bit = usize::from(bit) % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// The stage.
pub(super) struct Driven {
    clock: Clock,
    hosts: [Host; 2],
    lanes: [Lane; 2],
    /// By arrival, and then in the order sent.
    flights: BTreeMap<(Instant, u64), Flight>,
    flights_begun: u64,
    record: Record,
}

impl Driven {
    pub(super) fn new(script: &Script, entropy: [Entropy; 2], crypto: Arc<dyn Crypto>) -> Self {
        let clock = Clock::manual();
        let host = |host: usize| {
            let options = Options::new(script.config(host))
                .game(ADDRESSES[host])
                .crypto(Arc::clone(&crypto))
                .entropy(entropy[host].clone());
            Host::new(options, clock.clone())
        };
        Self {
            hosts: [host(0), host(1)],
            lanes: [0, 1].map(|from| Lane::new(&script.paths[from])),
            flights: BTreeMap::new(),
            flights_begun: 0,
            record: Record::default(),
            clock,
        }
    }

    /// Lets the next thing happen if it is due by `end`: one datagram arrives, or one host is woken.
    fn step(&mut self, end: Instant) -> bool {
        let arrives = self.flights.first_key_value().map(|((at, _), _)| *at);
        let due = self.hosts.iter().filter_map(|host| host.due).min();
        let next = [arrives, due].into_iter().flatten().min();
        let Some(at) = next.filter(|at| *at <= end) else {
            return false;
        };
        self.clock.advance_to(at);
        let now = self.clock.now();
        if arrives.is_some_and(|at| at <= now) {
            self.arrive();
        } else if let Some(host) = self
            .hosts
            .iter()
            .position(|host| host.due.is_some_and(|at| at <= now))
        {
            self.turn(host);
        }
        true
    }

    fn arrive(&mut self) {
        if let Some((_, flight)) = self.flights.pop_first() {
            let received = (flight.arrival, flight.bytes);
            let wire = &self.hosts[flight.to].wire;
            wire.with(|queues| queues.received.push_back(received));
            self.turn(flight.to);
        }
    }

    /// Polls a host's driver, carries off what it sent and reads its events.
    fn turn(&mut self, host: usize) {
        self.hosts[host].poll();
        self.carry(host);
        let found = &mut self.hosts[host];
        found.due = found.handle.wake_at();
        if !found.is_reading {
            return;
        }
        while let Some(event) = self.hosts[host].handle.try_next_event() {
            self.record(host, Told::Event(event));
            // Reading wakes the driver: there may be credit to give.
            self.hosts[host].due = Some(self.clock.now());
        }
    }

    fn carry(&mut self, from: usize) {
        let now = self.clock.now();
        let sent = self.hosts[from]
            .wire
            .with(|queues| std::mem::take(&mut queues.sent));
        for (transmit, bytes) in sent {
            assert_eq!(transmit.to, ADDRESSES[1 - from], "there is nobody else");
            let line = self.hosts[from]
                .handle
                .with(|endpoint, _| endpoint.poll_trace());
            self.record.sent.push(Sent {
                at: now,
                from,
                bytes: bytes.clone(),
                text: line.expect("every datagram has its line").to_string(),
            });
            let arrival = Arrival {
                from: ADDRESSES[from],
                to: Some(transmit.to.ip()),
                socket: Socket::Game,
                ecn: transmit.ecn,
            };
            for (at, bytes) in self.lanes[from].carry(now, bytes) {
                let key = (at, self.flights_begun);
                let to = 1 - from;
                self.flights.insert(key, Flight { to, arrival, bytes });
                self.flights_begun += 1;
            }
        }
    }

    /// Polls every host that had commands.
    fn settle(&mut self) {
        for host in 0..self.hosts.len() {
            if self.hosts[host].is_touched {
                self.turn(host);
            }
        }
    }
}

impl Stage for Driven {
    fn run_until(&mut self, end: Instant) {
        self.settle();
        while self.step(end) {}
        self.clock.advance_to(end);
    }

    fn with<R>(&mut self, host: usize, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        self.hosts[host].is_touched = true;
        self.hosts[host].handle.with(f)
    }

    fn set_reading(&mut self, host: usize, is_reading: bool) {
        self.hosts[host].is_touched = true;
        self.hosts[host].is_reading = is_reading;
    }

    fn record(&mut self, host: usize, told: Told) {
        self.record.told.push((self.clock.now(), host, told));
    }

    fn finish(self) -> Record {
        self.record
    }
}
