//! A flood of HELLOs from addresses that are not the sender's, while 64 play and others come.
//!
//! `TICKWIRE_FLOOD=10000000 cargo test --release -p tickwire-tests flood` sends ten million; without it there are fewer.
#![expect(
    clippy::print_stdout,
    reason = "the figures are what a long flood is for"
)]

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{
    Arrival, ChannelId, Config, Endpoint, Entropy, Event, Instant, PeerId, ServerIdentity,
};
use tickwire_sim::{HostId, Link, World, ms};

const PLAYERS: usize = 64;
const TICK: Duration = ms(33);
/// HELLOs of the flood in a tick: 100,000 a second.
const PER_TICK: u32 = 3_300;
/// HELLOs of the flood, and how many come at once.
const HELLOS: u32 = 100_000;
const BATCH: u32 = 100;
/// Addresses that they pretend to be from.
const ADDRESSES: u32 = 1_000_000;
/// Where the ephemeral key stands in a HELLO with a connection id of 2 bytes.
const KEY_AT: usize = 8;
/// What a flood may cost the endpoint in memory.
const GROWTH_MAX: u64 = 64 * 1024;

fn server() -> Config {
    let builder = Config::builder().accepts(true).peers_max(512);
    builder.build().expect("a valid configuration")
}

/// HELLOs that differ in their keys, each from another address.
struct Flood {
    hello: Vec<u8>,
    sent: u32,
}

impl Flood {
    fn new() -> Self {
        let mut client = Endpoint::new(Config::default(), Entropy::from_seed(99), Instant::ZERO);
        let to = SocketAddr::from(([10, 0, 0, 1], World::GAME_PORT));
        let dialled = client.connect(Instant::ZERO, to, ServerIdentity::TrustOnFirstUse);
        dialled.expect("it can dial");
        let mut hello = Vec::new();
        let sent = client.poll_transmit(Instant::ZERO, &mut hello);
        assert!(sent.is_some());
        Self { hello, sent: 0 }
    }

    /// The next one, and the address that it pretends to be from.
    fn next(&mut self) -> (SocketAddr, &mut [u8]) {
        let number = self.sent;
        self.sent += 1;
        self.hello[KEY_AT..KEY_AT + 4].copy_from_slice(&number.to_be_bytes());
        let from = 0x0B00_0000 + number % ADDRESSES;
        (SocketAddr::from((from.to_be_bytes(), 9)), &mut self.hello)
    }
}

struct Siege {
    world: World,
    server: HostId,
    players: Vec<(HostId, PeerId)>,
    sent: u64,
}

impl Siege {
    fn new() -> Self {
        let mut world = World::new(1);
        world.default_link(Link::new().latency(ms(25)).jitter(ms(5)));
        let server = world.add(server());
        let mut siege = Self {
            world,
            server,
            players: Vec::new(),
            sent: 0,
        };
        for _ in 0..PLAYERS {
            siege.join();
        }
        siege.world.run_for(ms(1_000));
        siege
    }

    fn join(&mut self) {
        let host = self.world.add(Config::default());
        let server = self.world.address(self.server);
        let dialled = self.world.act(host, |endpoint, now| {
            endpoint.connect(now, server, ServerIdentity::TrustOnFirstUse)
        });
        self.players.push((host, dialled.expect("it can dial")));
    }

    /// Everybody tells the server two things, one of which must arrive.
    fn talk(&mut self) {
        for (host, peer) in self.players[..PLAYERS].iter().copied() {
            self.world.act(host, |endpoint, now| {
                for channel in [0, 3] {
                    let sent = endpoint.send(now, peer, ChannelId::new(channel), &[7; 28]);
                    sent.expect("the queue has room");
                }
                endpoint.flush(now);
            });
            self.sent += 2;
        }
    }
}

fn hellos() -> u32 {
    let wanted = std::env::var("TICKWIRE_FLOOD").ok();
    wanted.map_or(HELLOS, |text| {
        text.parse().expect("TICKWIRE_FLOOD is a number")
    })
}

#[test]
fn players_and_honest_clients_do_not_notice_a_flood() {
    let (mut siege, mut flood) = (Siege::new(), Flood::new());
    let server = siege.server;
    assert_eq!(siege.world.view(server).stats().peers_now, PLAYERS as u64);
    let (ticks, mut joined, mut heard) = (hellos().div_ceil(PER_TICK), 0, 0);
    let before = siege.world.view(server).stats();
    for tick in 0..ticks {
        siege.talk();
        // Six a second, and the last has time to get in.
        if tick % 5 == 0 && tick + 15 < ticks && joined < 400 {
            siege.join();
            joined += 1;
        }
        for _ in 0..PER_TICK / BATCH {
            for _ in 0..BATCH {
                let (from, hello) = flood.next();
                siege.world.spoof(from, server, hello);
            }
            siege.world.run_for(TICK * BATCH / PER_TICK);
        }
        heard += siege.world.messages(server).len() as u64;
    }
    siege.world.run_for(ms(1_000));
    heard += siege.world.messages(server).len() as u64;
    let stats = siege.world.view(server).stats();
    assert_eq!(heard, siege.sent, "all that the players said arrived");
    assert_eq!(stats.peers_now, (PLAYERS + joined) as u64, "all got in");
    assert!(stats.half_open_now <= 64);
    assert!(stats.retries - before.retries > u64::from(flood.sent) * 9 / 10);
    let events = siege.world.events(server);
    let ended = events
        .iter()
        .any(|event| matches!(event, Event::Disconnected { .. }));
    assert!(!ended, "nobody was thrown out");
    println!(
        "{} HELLOs, {joined} honest clients, {heard} messages",
        flood.sent
    );
}

#[test]
fn a_flood_leaves_nothing_in_memory() {
    let mut flood = Flood::new();
    let mut endpoint = Endpoint::new(server(), Entropy::from_seed(1), Instant::ZERO);
    let mut out = Vec::with_capacity(2_048);
    let (mut asked, mut answered) = (0, 0);
    let used = allocation_counter::measure(|| {
        for batch in 0..hellos() / BATCH {
            let now = Instant::from_millis(u64::from(batch));
            endpoint.handle_timeout(now);
            for _ in 0..BATCH {
                let (from, hello) = flood.next();
                asked += hello.len() as u64;
                endpoint.handle_datagram(now, Arrival::game(from), hello);
            }
            while let Some(transmit) = endpoint.poll_transmit(now, &mut out) {
                answered += transmit.len as u64;
                out.clear();
            }
        }
    });
    println!(
        "{} HELLOs: {answered} bytes out for {asked} in, {} bytes more in memory",
        flood.sent, used.bytes_current
    );
    assert!(used.bytes_current <= GROWTH_MAX as i64, "{used:?}");
    assert!(answered * 50 < asked);
}
