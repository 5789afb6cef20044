//! The pump on sockets that are a list and a clock that is a number.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tickwire_core::{ChannelId, Config, Entropy, Event, Farewell, PeerId, ServerIdentity};

use super::*;

#[derive(Default)]
struct FakeIo {
    received: VecDeque<(Arrival, Vec<u8>)>,
    sent: Vec<(SocketAddr, Vec<u8>)>,
    answer: Option<Sent>,
    /// Bytes that a datagram may have to leave.
    size_max: Option<usize>,
}

impl Io for FakeIo {
    fn drain(&mut self, handle: &mut dyn FnMut(Arrival, &mut [u8])) {
        for (arrival, mut datagram) in self.received.drain(..) {
            handle(arrival, &mut datagram);
        }
    }

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Sent {
        let is_too_long = self.size_max.is_some_and(|size_max| bytes.len() > size_max);
        let answer = match is_too_long {
            true => Sent::TooLong,
            false => self.answer.unwrap_or(Sent::Done),
        };
        if answer == Sent::Done {
            self.sent.push((transmit.to, bytes.to_vec()));
        }
        answer
    }
}

struct Side {
    address: SocketAddr,
    endpoint: Endpoint,
    pump: Pump,
    io: FakeIo,
}

impl Side {
    fn new(port: u16, accepts: bool) -> Self {
        let config = Config::builder().accepts(accepts).mtu_discovery(true);
        let config = config.build().expect("a valid configuration");
        let entropy = Entropy::from_seed(port.into());
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            endpoint: Endpoint::new(config, entropy, Instant::ZERO),
            pump: Pump::new(),
            io: FakeIo::default(),
        }
    }

    fn dial(&mut self, to: SocketAddr) -> PeerId {
        self.endpoint
            .connect(Instant::ZERO, to, ServerIdentity::TrustOnFirstUse)
            .expect("a fresh endpoint")
    }

    fn turn(&mut self, now: Instant) -> Next {
        let endpoint = &mut self.endpoint;
        self.pump.turn(&mut Owned { endpoint, now }, &mut self.io)
    }
}

fn server() -> Side {
    Side::new(1, true)
}

fn client() -> Side {
    Side::new(2, false)
}

/// Turns both sides, each datagram arriving after 100 us, and moves the time from deadline to deadline until `done`.
fn run(sides: &mut [Side; 2], now: &mut Instant, mut done: impl FnMut(usize, Event) -> bool) {
    for _ in 0..10_000 {
        let mut wake_at = None;
        for (index, side) in sides.iter_mut().enumerate() {
            let next = side.turn(*now);
            wake_at = [wake_at, next.wake_at].into_iter().flatten().min();
            while let Some(event) = side.endpoint.poll_event() {
                if done(index, event) {
                    return;
                }
            }
        }
        match deliver(sides) {
            true => *now = *now + Duration::from_micros(100),
            false => *now = wake_at.expect("something is due until it is done"),
        }
    }
    panic!("it is not done after 10,000 turns");
}

fn deliver([left, right]: &mut [Side; 2]) -> bool {
    let moved = carry(left, right);
    carry(right, left) || moved
}

fn carry(from: &mut Side, to: &mut Side) -> bool {
    let moved = !from.io.sent.is_empty();
    let arrival = Arrival::game(from.address);
    let datagrams = from.io.sent.drain(..).map(|(_, datagram)| datagram);
    to.io
        .received
        .extend(datagrams.map(|datagram| (arrival, datagram)));
    moved
}

#[test]
fn a_blocked_transmit_waits_and_leaves_unchanged() {
    let (mut open, mut blocked) = (client(), client());
    let to = server().address;
    open.dial(to);
    blocked.dial(to);
    open.turn(Instant::ZERO);
    assert_eq!(open.io.sent.len(), 1);

    blocked.io.answer = Some(Sent::Blocked);
    for now_ms in [0, 1, 2] {
        let now = Instant::from_millis(now_ms);
        let next = blocked.turn(now);
        assert_eq!(next.blocked, Some(Socket::Game));
        assert!(next.wake_at.is_none_or(|at| at > now), "the driver spins");
    }
    blocked.io.answer = None;
    let next = blocked.turn(Instant::from_millis(3));
    assert_eq!(next.blocked, None);
    assert_eq!(blocked.io.sent, open.io.sent);
}

#[test]
fn a_lost_transmit_blocks_nothing() {
    let mut side = client();
    side.dial(server().address);
    side.io.answer = Some(Sent::Failed);
    let next = side.turn(Instant::ZERO);
    assert_eq!(next.blocked, None);
    // The handshake is repeated when its time has come, as after any loss.
    side.io.answer = None;
    side.turn(next.wake_at.expect("the repetition is due"));
    assert_eq!(side.io.sent.len(), 1);
}

/// Sends 80,000 bytes in four messages; how long it took until all was heard.
fn transfer(sides: &mut [Side; 2], now: &mut Instant, peer: PeerId) -> Duration {
    let start = *now;
    for _ in 0..4 {
        let sent = sides[1]
            .endpoint
            .send(*now, peer, ChannelId::new(3), &[7; 20_000]);
        sent.expect("the queue has room");
    }
    sides[1].endpoint.flush(*now);
    let mut heard = 0;
    run(sides, now, |index, event| {
        let is_message = index == 0 && matches!(event, Event::Message { .. });
        heard += usize::from(is_message);
        heard == 4
    });
    now.saturating_duration_since(start)
}

#[test]
fn an_interface_that_takes_less_from_now_on_costs_no_silence() {
    let (mut sides, mut now) = ([server(), client()], Instant::ZERO);
    let to = sides[0].address;
    let peer = sides[1].dial(to);
    run(&mut sides, &mut now, |index, event| {
        index == 1 && matches!(event, Event::Connected { .. })
    });
    transfer(&mut sides, &mut now, peer);
    let stats = |sides: &[Side; 2]| sides[1].endpoint.peer_stats(peer).expect("connected");
    let before = stats(&sides);
    assert_eq!(before.datagram_size_bytes, 1_452, "it found out");
    let (mut lost, mut sent) = (before.packets_lost, before.bytes_sent);
    for (size_max, least) in [(1_300, 1_284), (700, 684)] {
        sides[1].io.size_max = Some(size_max);
        let took = transfer(&mut sides, &mut now, peer);
        let after = stats(&sides);
        let found = after.datagram_size_bytes;
        assert!(
            (least..=size_max as u64).contains(&found),
            "{found} of {size_max}"
        );
        assert_eq!((after.probes_sent, took < ms(100)), (0, true), "no silence");
        // What left before the interface said so: no more than the transfer has, at the size that it had.
        let burst = after.packets_lost - lost;
        lost = after.packets_lost;
        assert!(burst <= 70, "one burst: {burst}");
        assert!(after.bytes_sent - sent <= 2 * 90_000, "nothing twice over");
        sent = after.bytes_sent;
    }
}

#[test]
fn a_client_whose_interface_takes_only_short_datagrams_gets_in() {
    let (mut sides, mut now) = ([server(), client()], Instant::ZERO);
    let to = sides[0].address;
    sides[1].io.size_max = Some(600);
    sides[1].dial(to);
    run(&mut sides, &mut now, |index, event| {
        index == 1 && matches!(event, Event::Connected { .. })
    });
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn an_idle_endpoint_is_never_due() {
    let never = Next {
        wake_at: None,
        blocked: None,
    };
    assert_eq!(client().turn(Instant::from_millis(5)), never);
}

#[test]
fn two_pumps_connect_talk_and_part_by_deadlines_alone() {
    let mut sides = [server(), client()];
    let mut now = Instant::ZERO;
    let to = sides[0].address;
    let server_id = sides[1].dial(to);
    run(&mut sides, &mut now, |side, event| {
        side == 1 && matches!(event, Event::Connected { .. })
    });
    for number in 0..100_u8 {
        sides[1]
            .endpoint
            .send(now, server_id, ChannelId::new(3), &[number])
            .expect("room for a hundred bytes");
    }
    sides[1]
        .endpoint
        .disconnect(now, server_id, Farewell::default());
    let mut numbers = Vec::new();
    run(&mut sides, &mut now, |side, event| {
        if let Event::Message { payload, .. } = &event {
            numbers.push(payload[0]);
        }
        side == 0 && matches!(event, Event::Disconnected { .. })
    });
    assert_eq!(numbers, (0..100).collect::<Vec<u8>>());
}
