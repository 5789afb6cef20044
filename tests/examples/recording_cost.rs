//! What recording costs: a server's endpoint with 16 clients at 30 Hz, with and without, in processor time and bytes.
//!
//! Run it with `cargo run --release -p tickwire-tests --example recording_cost`. Nothing but endpoints is measured: with
//! the system calls of real sockets the share is smaller.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant as WallClock};

use tickwire_core::{
    Arrival, ChannelId, Config, Endpoint, Entropy, Event, Instant, PeerId, ServerIdentity,
};
use tickwire_crypto::Ring;

const CLIENTS: usize = 16;
const TICK: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Ticks of one measurement, and measurements: the least time of each kind counts.
const TICKS: u32 = 1_000;
const ROUNDS: u32 = 15;

fn main() {
    let mut games = [false, true].map(Game::new);
    for game in &mut games {
        game.play(300);
    }
    let mut least = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (game, least) in games.iter_mut().zip(&mut least) {
            *least = (*least).min(game.play(TICKS));
        }
    }
    let [without, with] = least;
    let game = &games[1];
    let per_tick = |time: Duration| time / TICKS / CLIENTS as u32;
    println!(
        "server's time for a client's tick: {:?} without, {:?} with recording",
        per_tick(without),
        per_tick(with)
    );
    let extra = with.as_nanos() as f64 / without.as_nanos() as f64 - 1.0;
    println!("recording takes {:.1} % more", extra * 100.0);
    println!(
        "{} bytes for {} datagrams: {:.1} bytes a datagram besides the payload",
        game.recorded,
        game.datagrams,
        (game.recorded - game.payload) as f64 / game.datagrams as f64
    );
}

struct Game {
    now: Instant,
    server: Endpoint,
    clients: Vec<Endpoint>,
    peers: Vec<PeerId>,
    /// Datagrams to the server.
    buf: Vec<u8>,
    arriving: Vec<(usize, Vec<u8>)>,
    taken: Vec<u8>,
    recorded: usize,
    datagrams: usize,
    payload: usize,
}

fn address(client: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 1_000 + client as u16))
}

const SERVER: [u8; 4] = [10, 0, 0, 1];

impl Game {
    fn new(is_recorded: bool) -> Self {
        let now = Instant::ZERO;
        let config = |accepts| {
            let config = Config::builder().accepts(accepts).crypto(Arc::new(Ring));
            config.build().expect("valid")
        };
        let birth = if is_recorded {
            Endpoint::recorded
        } else {
            Endpoint::new
        };
        let client = |seed| {
            let mut client = Endpoint::new(config(false), Entropy::from_seed(seed), now);
            let dialled = client.connect(now, (SERVER, 1).into(), ServerIdentity::TrustOnFirstUse);
            dialled.expect("free");
            client
        };
        Self {
            now,
            server: birth(config(true), Entropy::from_seed(0), now),
            clients: (1..=CLIENTS as u64).map(client).collect(),
            peers: Vec::new(),
            buf: Vec::new(),
            arriving: Vec::new(),
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
        let mut sent = Vec::new();
        let start = WallClock::now();
        self.serve(&mut sent);
        let time = start.elapsed();
        let mut begin = 0;
        for (to, len) in sent {
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
    fn serve(&mut self, sent: &mut Vec<(SocketAddr, usize)>) {
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
            sent.push((transmit.to, transmit.len));
        }
        self.server.take_recording(&mut self.taken);
        self.recorded += self.taken.len();
        self.taken.clear();
    }
}
