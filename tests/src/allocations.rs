//! Nothing is allocated for a datagram or a message in steady state, in either direction.

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{
    Arrival, ChannelId, Config, Endpoint, Entropy, Event, Instant, PeerId, SendOptions,
    ServerIdentity,
};

const RECEIPT: SendOptions = SendOptions::new().receipt();

const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// A client and a server whose datagrams take one tick. All buffers are kept, so that what is counted is the endpoints'.
struct Game {
    now: Instant,
    client: Side,
    server: Side,
}

struct Side {
    endpoint: Endpoint,
    address: SocketAddr,
    peer: Option<PeerId>,
    /// Datagrams on their way to this side, and how many of the buffers are in use.
    arriving: Vec<Vec<u8>>,
    arrived: usize,
    messages: u64,
    receipts: u64,
    recorded: Vec<u8>,
    recorded_bytes: usize,
}

/// How an endpoint is born: recorded or not.
type Birth = fn(Config, Entropy, Instant) -> Endpoint;

impl Side {
    fn new(birth: Birth, seed: u64, accepts: bool, port: u16) -> Self {
        let config = Config::builder()
            .accepts(accepts)
            .build()
            .expect("a valid configuration");
        Self {
            endpoint: birth(config, Entropy::from_seed(seed), Instant::ZERO),
            address: SocketAddr::from(([10, 0, 0, 1], port)),
            peer: None,
            arriving: Vec::new(),
            arrived: 0,
            messages: 0,
            receipts: 0,
            recorded: Vec::new(),
            recorded_bytes: 0,
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
            if let Event::Connected { peer, .. } = event {
                self.peer = Some(peer);
            }
            self.messages += u64::from(matches!(event, Event::Message { .. }));
            self.receipts += u64::from(matches!(event, Event::Delivered { .. }));
        }
    }

    /// What a busy game sends in a tick: fresh state, an event on each reliable channel, one large snapshot.
    fn send(&mut self, now: Instant) {
        let Some(peer) = self.peer else { return };
        for (channel, len) in [(0, 64), (1, 200), (2, 40), (3, 100), (1, 3_000)] {
            let payload = [channel; 3_000];
            let channel = ChannelId::new(channel);
            let sent = self
                .endpoint
                .send_with(now, peer, channel, &payload[..len], &RECEIPT);
            sent.expect("the path is free");
        }
        self.endpoint.flush(now);
    }

    fn transmit(&mut self, now: Instant, to: &mut Side) {
        loop {
            if to.arrived == to.arriving.len() {
                to.arriving.push(Vec::with_capacity(2_048));
            }
            let buffer = &mut to.arriving[to.arrived];
            buffer.clear();
            if self.endpoint.poll_transmit(now, buffer).is_none() {
                break;
            }
            to.arrived += 1;
        }
        self.recorded.clear();
        self.endpoint.take_recording(&mut self.recorded);
        self.endpoint.take_redacted(&mut self.recorded);
        self.recorded_bytes += self.recorded.len();
    }
}

impl Game {
    fn connected(birth: Birth) -> Self {
        let mut game = Self {
            now: Instant::ZERO,
            client: Side::new(birth, 1, false, 1),
            server: Side::new(birth, 2, true, 2),
        };
        let (to, now) = (game.server.address, game.now);
        game.client
            .endpoint
            .connect(now, to, ServerIdentity::TrustOnFirstUse)
            .expect("a free place");
        while game.client.peer.is_none() || game.server.peer.is_none() {
            game.tick();
        }
        game
    }

    fn tick(&mut self) {
        let Self {
            now,
            client,
            server,
        } = self;
        *now = *now + TICK;
        client.receive(*now, server.address);
        server.receive(*now, client.address);
        client.send(*now);
        server.send(*now);
        client.transmit(*now, server);
        server.transmit(*now, client);
    }

    fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.tick();
        }
    }
}

#[test]
fn a_running_game_allocates_nothing() {
    let recorded = check(Game::connected(Endpoint::new));
    assert_eq!(recorded, 0);
}

#[test]
fn a_recorded_game_allocates_nothing_either() {
    let recorded = check(Game::connected(Endpoint::recorded));
    assert!(recorded > 20 * 60 * 3_000, "{recorded}");
}

#[test]
fn a_game_recorded_without_secrets_allocates_nothing_either() {
    let recorded = check(Game::connected(|config, entropy, now| {
        let mut endpoint = Endpoint::new(config, entropy, now);
        endpoint.record_redacted(now);
        endpoint
    }));
    assert!(recorded > 20 * 60 * 10, "{recorded}");
}

/// Nothing is allocated in 20 s, of which the server records so many bytes.
fn check(mut game: Game) -> usize {
    game.run(1_200);
    let recorded = game.server.recorded_bytes;
    let (messages, receipts) = (game.server.messages, game.server.receipts);
    let counted = allocation_counter::measure(|| game.run(1_200));
    assert_eq!(
        game.server.messages - messages,
        5 * 1_200,
        "all messages of 20 s arrived"
    );
    assert_eq!(
        game.server.receipts - receipts,
        2 * 1_200,
        "all receipts of 20 s came"
    );
    assert_eq!(
        counted.count_total, 0,
        "{} bytes were allocated in 20 s",
        counted.bytes_total
    );
    game.server.recorded_bytes - recorded
}
