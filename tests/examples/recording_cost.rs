//! What recording costs: a server's endpoint with 16 clients at 30 Hz, with and without, in processor time and bytes.
//!
//! Run it with `cargo run --release -p tickwire-tests --example recording_cost`. Beside the endpoint it measures the two
//! system calls that a server makes for a client's tick, over loopback: the least that surrounds an endpoint in any process.
//! With the name of a way to record it plays that one alone, so that
//! its instructions can be counted:
//!
//! ```sh
//! valgrind --tool=callgrind --toggle-collect='*Game::serve' target/release/examples/recording_cost file
//! ```
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant as WallClock};

use tickwire_core::record::EndReason;
use tickwire_core::{
    Arrival, ChannelId, Config, Endpoint, Entropy, Event, Instant, PeerId, ServerIdentity,
};
use tickwire_crypto::Ring;

const TICK: Duration = Duration::from_nanos(1_000_000_000 / 30);
const CLIENTS: usize = 16;
/// Ticks of one measurement, and measurements: the least time of each way counts.
const TICKS: u32 = 1_000;
const ROUNDS: u32 = 15;
/// What a ring keeps.
const RING_BYTES: usize = 4 << 20;
/// Of the server whose checkpoint is measured.
const PLAYERS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    None,
    File,
    FullRing,
    Redacted,
    RedactedRing,
}

const WAYS: [(&str, Way); 5] = [
    ("none", Way::None),
    ("file", Way::File),
    ("full-ring", Way::FullRing),
    ("redacted", Way::Redacted),
    ("redacted-ring", Way::RedactedRing),
];

fn main() {
    let wanted = std::env::args().nth(1);
    let wanted = wanted.and_then(|wanted| WAYS.into_iter().find(|(name, _)| *name == wanted));
    if let Some((name, way)) = wanted {
        let mut game = Game::new(way, CLIENTS);
        game.play(TICKS);
        println!("{name}: {} datagrams in and out", game.datagrams);
        return;
    }
    compare();
    checkpoint();
}

fn compare() {
    let mut games = WAYS.map(|(_, way)| Game::new(way, CLIENTS));
    for game in &mut games {
        game.play(300);
    }
    let mut sockets = Sockets::new().expect("loopback is there");
    let mut least = [Duration::MAX; WAYS.len()];
    let mut least_sockets = Duration::MAX;
    for _ in 0..ROUNDS {
        for (game, least) in games.iter_mut().zip(&mut least) {
            *least = (*least).min(game.play(TICKS));
        }
        let calls = (0..TICKS).map(|_| sockets.tick().expect("loopback works"));
        least_sockets = least_sockets.min(calls.sum());
    }
    let per_tick = |time: Duration| time / TICKS / CLIENTS as u32;
    println!(
        "recvfrom and sendto of a client's tick: {:?}",
        per_tick(least_sockets)
    );
    println!(
        "recording      a client's tick   more than none   with the sockets   bytes a datagram besides the payload"
    );
    for (((name, way), game), time) in WAYS.into_iter().zip(&games).zip(least) {
        let more_than = |base: Duration| {
            100.0 * (time.as_secs_f64() - least[0].as_secs_f64()) / base.as_secs_f64()
        };
        let (more, with_sockets) = (more_than(least[0]), more_than(least[0] + least_sockets));
        let per_tick = format!("{:?}", per_tick(time));
        let bytes = match way {
            Way::File => (game.recorded - game.payload) as f64 / game.datagrams as f64,
            Way::Redacted => game.recorded as f64 / game.datagrams as f64,
            Way::None | Way::FullRing | Way::RedactedRing => 0.0,
        };
        println!("{name:<15}{per_tick:>15}{more:>15.1} %{with_sockets:>17.1} %{bytes:>15.1}");
    }
}

/// Size and time of a checkpoint.
fn checkpoint() {
    let mut game = Game::new(Way::None, PLAYERS);
    game.play(300);
    let (mut least, mut bytes) = (Duration::MAX, Vec::new());
    for _ in 0..ROUNDS {
        let start = WallClock::now();
        game.server.keep_ring(Some(16 << 20));
        least = least.min(start.elapsed());
        bytes = game.server.dump_ring(EndReason::Finished).expect("a ring");
        game.play(10);
    }
    println!(
        "checkpoint of a server with {PLAYERS} players: {} bytes, {least:?}",
        bytes.len()
    );
}

/// A server's socket and one for all clients.
struct Sockets {
    server: UdpSocket,
    clients: UdpSocket,
    buf: [u8; 1_500],
}

impl Sockets {
    fn new() -> std::io::Result<Self> {
        let bind = || UdpSocket::bind("127.0.0.1:0");
        Ok(Self {
            server: bind()?,
            clients: bind()?,
            buf: [0; 1_500],
        })
    }

    /// Time of the server's system calls for a tick of datagrams as long as the game's.
    fn tick(&mut self) -> std::io::Result<Duration> {
        for _ in 0..CLIENTS {
            self.clients.send_to(&[1; 46], self.server.local_addr()?)?;
        }
        let to = self.clients.local_addr()?;
        let start = WallClock::now();
        for _ in 0..CLIENTS {
            self.server.recv_from(&mut self.buf)?;
        }
        for _ in 0..CLIENTS {
            self.server.send_to(&[2; 222], to)?;
        }
        let time = start.elapsed();
        for _ in 0..CLIENTS {
            self.clients.recv_from(&mut self.buf)?;
        }
        Ok(time)
    }
}

struct Game {
    way: Way,
    now: Instant,
    server: Endpoint,
    clients: Vec<Endpoint>,
    peers: Vec<PeerId>,
    /// Datagrams to the server.
    buf: Vec<u8>,
    arriving: Vec<(usize, Vec<u8>)>,
    sent: Vec<(SocketAddr, usize)>,
    taken: Vec<u8>,
    recorded: usize,
    datagrams: usize,
    payload: usize,
}

fn address(client: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 1_000 + client as u16))
}

const SERVER: [u8; 4] = [10, 0, 0, 1];

fn config(accepts: bool) -> Config {
    let config = Config::builder().accepts(accepts).peers_max(PLAYERS as u32);
    config.crypto(Arc::new(Ring)).build().expect("valid")
}

fn recorded(way: Way) -> Endpoint {
    let (config, entropy, now) = (config(true), Entropy::from_seed(0), Instant::ZERO);
    if way == Way::File {
        return Endpoint::recorded(config, entropy, now);
    }
    let mut server = Endpoint::new(config, entropy, now);
    match way {
        Way::None | Way::File => {}
        Way::FullRing => server.keep_ring(Some(RING_BYTES)),
        Way::Redacted => server.record_redacted(now),
        Way::RedactedRing => server.keep_redacted_ring(now, Some(RING_BYTES)),
    }
    server
}

impl Game {
    fn new(way: Way, clients: usize) -> Self {
        let now = Instant::ZERO;
        let client = |seed| {
            let mut client = Endpoint::new(config(false), Entropy::from_seed(seed), now);
            let dialled = client.connect(now, (SERVER, 1).into(), ServerIdentity::TrustOnFirstUse);
            dialled.expect("free");
            client
        };
        Self {
            way,
            now,
            server: recorded(way),
            clients: (1..=clients as u64).map(client).collect(),
            peers: Vec::new(),
            buf: Vec::new(),
            arriving: Vec::new(),
            sent: Vec::new(),
            taken: Vec::new(),
            recorded: 0,
            datagrams: 0,
            payload: 0,
        }
    }

    /// Time that the server's endpoint takes for so many ticks.
    fn play(&mut self, ticks: u32) -> Duration {
        (0..ticks).map(|_| self.tick()).sum()
    }

    fn tick(&mut self) -> Duration {
        self.now = self.now + TICK;
        for (number, client) in self.clients.iter_mut().enumerate() {
            client.handle_timeout(self.now);
            while let Some(event) = client.poll_event() {
                drop(event);
            }
            let peer = client.peers().next();
            if let Some(peer) = peer {
                let _ = client.send(self.now, peer, ChannelId::new(1), &[1; 24]);
            }
            client.flush(self.now);
            loop {
                let mut datagram = Vec::new();
                if client.poll_transmit(self.now, &mut datagram).is_none() {
                    break;
                }
                self.arriving.push((number, datagram));
            }
        }
        let start = WallClock::now();
        self.serve();
        let time = start.elapsed();
        let mut begin = 0;
        for (to, len) in self.sent.drain(..) {
            let client = usize::from(to.port()) - 1_000;
            let bytes = &mut self.buf[begin..begin + len];
            self.clients[client].handle_datagram(
                self.now,
                Arrival::game((SERVER, 1).into()),
                bytes,
            );
            begin += len;
        }
        self.buf.clear();
        time
    }

    /// A server's tick, as a driver has it.
    #[inline(never)]
    fn serve(&mut self) {
        for (client, mut datagram) in self.arriving.drain(..) {
            // Each at a time of its own.
            self.now = self.now + Duration::from_micros(7);
            self.payload += datagram.len();
            self.datagrams += 1;
            let arrival = Arrival::game(address(client));
            self.server
                .handle_datagram(self.now, arrival, &mut datagram);
            while let Some(event) = self.server.poll_event() {
                if let Event::Connected { peer, .. } = event {
                    self.peers.push(peer);
                }
            }
        }
        self.server.handle_timeout(self.now);
        for peer in &self.peers {
            let snapshot = [2; 200];
            if self
                .server
                .send(self.now, *peer, ChannelId::new(1), &snapshot)
                .is_ok()
            {
                self.payload += snapshot.len();
            }
        }
        self.server.flush(self.now);
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut self.buf) {
            self.datagrams += 1;
            self.sent.push((transmit.to, transmit.len));
        }
        match self.way {
            Way::File => self.server.take_recording(&mut self.taken),
            Way::Redacted => self.server.take_redacted(&mut self.taken),
            Way::None | Way::FullRing | Way::RedactedRing => {}
        }
        self.recorded += self.taken.len();
        self.taken.clear();
    }
}
