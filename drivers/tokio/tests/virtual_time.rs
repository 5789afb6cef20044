//! Proves that the task adds nothing to the pump: on fake sockets and a manual clock it sends the same bytes at the same
//! times as a bare pump in a loop, and needs no runtime.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tickwire_core::{
    Arrival, ChannelId, Config, ConfigBuilder, Endpoint, Entropy, Event, Farewell, Instant, PeerId,
    Portable, ServerIdentity, Socket, Transmit,
};
use tickwire_tokio::{Handle, Options, Sockets, drive};
use tickwire_udp::{Clock, Io, Owned, Pump, Sent};

const DELAY: Duration = Duration::from_millis(20);
const ADDRESSES: [&str; 2] = ["10.0.0.1:1000", "10.0.0.2:2000"];

/// One side's sockets: what came in and was not read, and what went out.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Queues>>);

#[derive(Default)]
struct Queues {
    received: VecDeque<(Arrival, Vec<u8>)>,
    sent: Vec<Vec<u8>>,
}

impl Wire {
    fn with<R>(&self, f: impl FnOnce(&mut Queues) -> R) -> R {
        f(&mut self.0.lock().expect("no side panics"))
    }
}

impl Io for Wire {
    fn drain(&mut self, handle: &mut dyn FnMut(Arrival, &mut [u8])) {
        let received = self.with(|queues| std::mem::take(&mut queues.received));
        for (arrival, mut datagram) in received {
            handle(arrival, &mut datagram);
        }
    }

    fn send(&mut self, _transmit: &Transmit, bytes: &[u8]) -> Sent {
        self.with(|queues| queues.sent.push(bytes.to_vec()));
        Sent::Done
    }
}

impl Sockets for Wire {
    fn poll_receive(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        let is_empty = self.with(|queues| queues.received.is_empty());
        if is_empty {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    fn poll_writable(&mut self, _socket: Socket, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// An endpoint, however it is driven.
trait Side {
    fn with<R>(&mut self, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R;
    /// Works at `now` until there is nothing to do; returns when there is again.
    fn work(&mut self, now: Instant) -> Option<Instant>;
    fn next_event(&mut self) -> Option<Event>;
}

struct BarePump {
    endpoint: Endpoint,
    now: Instant,
    pump: Pump,
    wire: Wire,
}

impl Side for BarePump {
    fn with<R>(&mut self, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        f(&mut self.endpoint, self.now)
    }

    fn work(&mut self, now: Instant) -> Option<Instant> {
        self.now = now;
        let endpoint = &mut self.endpoint;
        let mut owned = Owned { endpoint, now };
        self.pump.turn(&mut owned, &mut self.wire).wake_at
    }

    fn next_event(&mut self) -> Option<Event> {
        self.endpoint.poll_event()
    }
}

struct TokioTask {
    handle: Handle,
    task: Pin<Box<dyn Future<Output = ()>>>,
    clock: Clock,
}

impl Side for TokioTask {
    fn with<R>(&mut self, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        self.handle.with(f)
    }

    fn work(&mut self, now: Instant) -> Option<Instant> {
        self.clock.advance_to(now);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(self.task.as_mut().poll(&mut cx).is_pending());
        self.handle.wake_at()
    }

    fn next_event(&mut self) -> Option<Event> {
        self.handle.try_next_event()
    }
}

fn config(index: usize) -> ConfigBuilder {
    Config::builder().accepts(index == 0)
}

fn bare_pump(index: usize, wire: Wire) -> BarePump {
    let config = config(index).build().expect("a valid configuration");
    let entropy = Entropy::from_seed(index as u64);
    BarePump {
        endpoint: Endpoint::new(config, entropy, Instant::ZERO),
        now: Instant::ZERO,
        pump: Pump::new(),
        wire,
    }
}

fn tokio_task(index: usize, wire: Wire) -> TokioTask {
    let clock = Clock::manual();
    let options = Options::new(config(index))
        .crypto(Arc::new(Portable))
        .entropy(Entropy::from_seed(index as u64));
    let (handle, task) = drive(options, wire, clock.clone()).expect("a valid configuration");
    TokioTask {
        handle,
        task: Box::pin(task),
        clock,
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Record {
    datagrams: Vec<(Instant, usize, Vec<u8>)>,
    events: Vec<(Instant, usize, String)>,
}

/// Plays one script: connect, talk both ways, part.
fn play<S: Side>(make: impl Fn(usize, Wire) -> S) -> Record {
    let wires = [Wire::default(), Wire::default()];
    let mut sides = [0, 1].map(|index| make(index, wires[index].clone()));
    let addresses = ADDRESSES.map(|text| text.parse::<SocketAddr>().expect("an address"));
    let mut record = Record {
        datagrams: Vec::new(),
        events: Vec::new(),
    };
    let mut flying: VecDeque<(Instant, usize, Vec<u8>)> = VecDeque::new();
    let mut now = Instant::ZERO;
    let dialled = sides[1]
        .with(|endpoint, now| endpoint.connect(now, addresses[0], ServerIdentity::TrustOnFirstUse));
    dialled.expect("a fresh endpoint");
    let mut gone = 0;
    while gone < 2 {
        while flying.front().is_some_and(|(at, ..)| *at <= now) {
            let (_, to, datagram) = flying.pop_front().expect("looked at");
            let arrival = Arrival::game(addresses[1 - to]);
            wires[to].with(|queues| queues.received.push_back((arrival, datagram)));
        }
        let mut wake_at = flying.front().map(|(at, ..)| *at);
        for (index, side) in sides.iter_mut().enumerate() {
            side.work(now);
            while let Some(event) = side.next_event() {
                gone += usize::from(matches!(event, Event::Disconnected { .. }));
                record.events.push((now, index, format!("{event:?}")));
                side.with(|endpoint, now| react(endpoint, now, index, &event));
            }
            let due = side.work(now);
            wake_at = [wake_at, due].into_iter().flatten().min();
            for datagram in wires[index].with(|queues| std::mem::take(&mut queues.sent)) {
                record.datagrams.push((now, index, datagram.clone()));
                flying.push_back((now + DELAY, 1 - index, datagram));
            }
        }
        let arrives_at = flying.front().map(|(at, ..)| *at);
        let Some(next) = [wake_at, arrives_at].into_iter().flatten().min() else {
            assert_eq!(gone, 2, "nothing is due though the script is not over");
            break;
        };
        now = next.max(now);
        assert!(now < Instant::from_millis(60_000), "it never ends");
    }
    record
}

/// The application: each side sends twenty messages, the client leaves when it has the server's.
fn react(endpoint: &mut Endpoint, now: Instant, index: usize, event: &Event) {
    if let Event::Connected { peer, .. } = event {
        talk(endpoint, now, *peer);
    }
    if let Event::Message { peer, payload, .. } = event
        && index == 1
        && payload[..] == [19]
    {
        endpoint.disconnect(now, *peer, Farewell::new(3, "all read"));
    }
}

fn talk(endpoint: &mut Endpoint, now: Instant, peer: PeerId) {
    for number in 0..20_u8 {
        endpoint
            .send(now, peer, ChannelId::new(3), &[number])
            .expect("room for twenty bytes");
    }
    endpoint.flush(now);
}

#[test]
fn the_task_sends_the_bytes_of_a_bare_pump_at_the_same_times() {
    let by_pump = play(bare_pump);
    let by_task = play(tokio_task);
    assert_eq!(by_pump, by_task);
    let messages = |record: &Record| {
        let is_message = |event: &&(Instant, usize, String)| event.2.starts_with("Message");
        record.events.iter().filter(is_message).count()
    };
    assert_eq!(messages(&by_task), 40);
}

#[test]
fn the_same_script_gives_the_same_bytes_again() {
    assert_eq!(play(tokio_task), play(tokio_task));
}
