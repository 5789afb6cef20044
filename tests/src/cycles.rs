//! Nothing is left of connections that ended, however many they were, and nothing grows in one that lasts.
//!
//! `TICKWIRE_CYCLES=1000000 cargo test --release -p tickwire-tests cycles -- --nocapture` connects and parts a million times, and
//! plays a whole day.
#![expect(
    clippy::print_stdout,
    reason = "the figures are what a long run is for"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{
    Arrival, ChannelId, Config, Endpoint, Entropy, Event, Farewell, Instant, PeerId, ServerIdentity,
};

/// Connections that begin and end, unless `TICKWIRE_CYCLES` says otherwise.
const CYCLES: u64 = 2_000;
/// After so many everything that is kept for reuse is there.
const WARM_UP: u64 = 300;
const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);
const TICKS_A_MINUTE: u64 = 60 * 60;
/// Minutes that are played for each thousand cycles: a day for 960,000.
const CYCLES_A_MINUTE: u64 = 667;

/// A client and a server. Datagrams take a tick; buffers are kept.
struct Couple {
    now: Instant,
    client: Side,
    server: Side,
}

struct Side {
    endpoint: Endpoint,
    address: SocketAddr,
    arriving: Vec<Vec<u8>>,
    arrived: usize,
    peer: Option<PeerId>,
    ended: u64,
    messages: u64,
}

fn cycles() -> u64 {
    let wanted = std::env::var("TICKWIRE_CYCLES").ok();
    wanted.map_or(CYCLES, |text| {
        text.parse().expect("TICKWIRE_CYCLES is a number")
    })
}

impl Side {
    fn new(seed: u64, port: u16) -> Self {
        let config = Config::builder()
            .accepts(port == 2)
            .unproven_per_second(100_000);
        let config = config.build().expect("a valid configuration");
        Self {
            endpoint: Endpoint::new(config, Entropy::from_seed(seed), Instant::ZERO),
            address: SocketAddr::from(([10, 0, 0, 1], port)),
            arriving: Vec::new(),
            arrived: 0,
            peer: None,
            ended: 0,
            messages: 0,
        }
    }

    fn receive(&mut self, now: Instant, from: SocketAddr) {
        self.endpoint.handle_timeout(now);
        for datagram in &mut self.arriving[..self.arrived] {
            self.endpoint
                .handle_datagram(now, Arrival::game(from), datagram);
        }
        self.arrived = 0;
        while let Some(event) = self.endpoint.poll_event() {
            self.messages += u64::from(matches!(event, Event::Message { .. }));
            if let Event::Connected { peer, .. } = event {
                self.peer = Some(peer);
            }
            if let Event::Disconnected { .. } = event {
                self.peer = None;
                self.ended += 1;
            }
        }
    }

    fn say(&mut self, now: Instant) {
        let Some(peer) = self.peer else { return };
        for (channel, len) in [(0, 60), (1, 200), (2, 30), (3, 90)] {
            let sent = self
                .endpoint
                .send(now, peer, ChannelId::new(channel), &[7; 200][..len]);
            sent.expect("there is room");
        }
        self.endpoint.flush(now);
    }

    fn send_to(&mut self, now: Instant, other: &mut Self) {
        loop {
            if other.arrived == other.arriving.len() {
                other.arriving.push(Vec::with_capacity(2_048));
            }
            let buf = &mut other.arriving[other.arrived];
            buf.clear();
            if self.endpoint.poll_transmit(now, buf).is_none() {
                return;
            }
            other.arrived += 1;
        }
    }
}

impl Couple {
    fn new() -> Self {
        Self {
            now: Instant::ZERO,
            client: Side::new(1, 1),
            server: Side::new(2, 2),
        }
    }

    fn tick(&mut self, length: Duration) {
        self.now = self.now + length;
        let Self {
            now,
            client,
            server,
        } = self;
        client.receive(*now, server.address);
        server.receive(*now, client.address);
        client.send_to(*now, server);
        server.send_to(*now, client);
    }

    fn connect(&mut self) -> PeerId {
        let (now, to) = (self.now, self.server.address);
        let dialled = self
            .client
            .endpoint
            .connect(now, to, ServerIdentity::TrustOnFirstUse);
        let peer = dialled.expect("the place is free");
        while self.client.peer.is_none() || self.server.peer.is_none() {
            self.tick(TICK);
        }
        peer
    }

    /// A connection begins, is talked over, and ends.
    fn cycle(&mut self) -> PeerId {
        let peer = self.connect();
        self.client.say(self.now);
        self.server.say(self.now);
        self.tick(TICK);
        let ended = self.server.ended;
        self.client
            .endpoint
            .disconnect(self.now, peer, Farewell::new(1, "bye"));
        while self.server.ended == ended || self.client.peer.is_some() || self.is_in_use() {
            self.tick(TICK);
        }
        peer
    }

    fn is_in_use(&self) -> bool {
        let mut peers = self
            .client
            .endpoint
            .peers()
            .chain(self.server.endpoint.peers());
        peers.next().is_some()
    }
}

#[test]
fn connections_that_ended_leave_no_byte_and_no_place() {
    let mut couple = Couple::new();
    for _ in 0..WARM_UP {
        couple.cycle();
    }
    // Whatever lingers of the last one.
    let rest = |couple: &mut Couple| (0..60 * 20).for_each(|_| couple.tick(TICK));
    rest(&mut couple);
    let used = allocation_counter::measure(|| {
        for _ in 0..cycles() {
            couple.cycle();
        }
        rest(&mut couple);
    });
    assert_eq!(used.bytes_current, 0, "{used:?}");
    for side in [&couple.client, &couple.server] {
        let stats = side.endpoint.stats();
        assert_eq!(
            (stats.peers_now, stats.half_open_now, stats.unread_bytes),
            (0, 0, 0)
        );
        assert_eq!(side.endpoint.poll_timeout(), None);
    }
    println!(
        "{} connections: {} bytes more",
        cycles(),
        used.bytes_current
    );
}

#[test]
fn no_name_is_given_twice() {
    let mut couple = Couple::new();
    let names: BTreeSet<PeerId> = (0..CYCLES).map(|_| couple.cycle()).collect();
    assert_eq!(names.len() as u64, CYCLES);
}

#[test]
fn a_long_game_ends_with_the_memory_of_its_first_minute() {
    let mut couple = Couple::new();
    couple.connect();
    let play = |couple: &mut Couple, ticks: u64| {
        for _ in 0..ticks {
            couple.client.say(couple.now);
            couple.server.say(couple.now);
            couple.tick(TICK);
        }
    };
    play(&mut couple, TICKS_A_MINUTE);
    let minutes = cycles() / CYCLES_A_MINUTE;
    let used = allocation_counter::measure(|| play(&mut couple, minutes * TICKS_A_MINUTE));
    assert_eq!(used.bytes_current, 0, "{used:?}");
    let said = (minutes + 1) * TICKS_A_MINUTE * 4;
    assert!(couple.server.messages > said - 20 && couple.client.messages > said - 20);
    println!(
        "{minutes} minutes at 60 Hz: {} bytes more",
        used.bytes_current
    );
}

#[test]
fn an_idle_day_ends_with_the_memory_of_its_first_minute() {
    let mut couple = Couple::new();
    couple.connect();
    let idle = |couple: &mut Couple, seconds: u64| {
        for _ in 0..seconds * 10 {
            couple.tick(Duration::from_millis(100));
        }
    };
    idle(&mut couple, 60);
    let used = allocation_counter::measure(|| idle(&mut couple, 24 * 3_600));
    assert_eq!(used.bytes_current, 0, "{used:?}");
    assert!(couple.client.peer.is_some() && couple.server.peer.is_some());
}
