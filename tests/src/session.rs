//! A session of a client and a server that stops at any stage, for somebody to attack it there.

use std::net::SocketAddr;

use tickwire_core::{
    AnnounceConfig, Arrival, ChannelId, CloseReason, Config, Endpoint, EndpointStats, Entropy,
    Event, Farewell, Instant, PeerStats, Prefix, ServerIdentity,
};
use tickwire_sim::ms;

/// How far the session has got; who is attacked then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    IdleClient,
    IdleServer,
    Dialling,
    HalfOpen,
    ConnectedClient,
    ConnectedServer,
    Closing,
    Draining,
}

pub(crate) const STAGES: [Stage; 8] = [
    Stage::IdleClient,
    Stage::IdleServer,
    Stage::Dialling,
    Stage::HalfOpen,
    Stage::ConnectedClient,
    Stage::ConnectedServer,
    Stage::Closing,
    Stage::Draining,
];

/// A client and a server whose datagrams arrive at once and are all kept.
pub(crate) struct Session {
    seed: u64,
    now: Instant,
    stage: Stage,
    client: Endpoint,
    server: Endpoint,
    wire: Vec<Vec<u8>>,
    client_events: Vec<Event>,
    server_events: Vec<Event>,
}

/// An endpoint under attack.
pub(crate) struct Victim<'a> {
    now: Instant,
    endpoint: &'a mut Endpoint,
    /// The one it talks to, whose address is forged too.
    friend: SocketAddr,
    /// Bytes that it answered, and that it was sent; discovery aside.
    pub(crate) sent: usize,
    pub(crate) received: usize,
}

const LAN: Prefix = Prefix {
    address: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 0)),
    len: 16,
};

pub(crate) fn client_address() -> SocketAddr {
    ([10, 0, 0, 1], 7_000).into()
}

pub(crate) fn server_address() -> SocketAddr {
    ([10, 0, 0, 2], 7_000).into()
}

impl Victim<'_> {
    /// The datagram arrives from a stranger and from its friend.
    pub(crate) fn receives(&mut self, datagram: &[u8]) {
        let stranger = SocketAddr::from(([10, 0, 66, 6], 666));
        for from in [Arrival::game(stranger), Arrival::game(self.friend)] {
            self.receives_from(from, datagram);
        }
        if datagram.first().is_some_and(u8::is_ascii) {
            self.receives_from(Arrival::discovery(stranger), datagram);
        }
    }

    pub(crate) fn receives_from_friend(&mut self, datagram: &[u8]) {
        self.receives_from(Arrival::game(self.friend), datagram);
    }

    pub(crate) fn receives_from_stranger(&mut self, datagram: &[u8]) {
        let stranger = SocketAddr::from(([198, 51, 100, 66], 666));
        self.receives_from(Arrival::game(stranger), datagram);
    }

    /// The hash of its state.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.endpoint.fingerprint()
    }

    fn receives_from(&mut self, arrival: Arrival, datagram: &[u8]) {
        let mut bytes = datagram.to_vec();
        self.endpoint.handle_datagram(self.now, arrival, &mut bytes);
        let mut answered = 0;
        let mut reply = Vec::new();
        while self.endpoint.poll_transmit(self.now, &mut reply).is_some() {
            let is_discovery = reply.starts_with(b"SERVER_INFO") && reply.len() < 400;
            if !is_discovery {
                answered += reply.len();
            }
            reply.clear();
        }
        let trigger = datagram.len();
        self.sent += answered;
        self.received += trigger;
        assert!(
            answered <= trigger,
            "{answered} bytes for {trigger}: {datagram:02x?}"
        );
        let event = self.endpoint.poll_event();
        assert_eq!(event, None, "by {datagram:02x?}");
    }
}

impl Session {
    pub(crate) fn at(stage: Stage) -> Self {
        Self::with_seeds(stage, 1)
    }

    pub(crate) fn with_seeds(stage: Stage, seed: u64) -> Self {
        let mut session = Self::new(seed);
        session.play_until(stage);
        session
    }

    fn new(seed: u64) -> Self {
        let now = Instant::from_millis(1);
        let announce = AnnounceConfig {
            name: "arena".to_owned(),
            port: 7_000,
            players_max: 8,
            interval: None,
        };
        let identity = tickwire_core::SecretKey::from_bytes([3; 32]);
        let server = Config::builder()
            .accepts(true)
            .announce(Some(announce))
            .identity(Some(identity));
        let server = server.build().expect("a valid configuration");
        let mut session = Self {
            seed,
            now,
            stage: Stage::IdleClient,
            client: Endpoint::new(Config::default(), Entropy::from_seed(seed), now),
            server: Endpoint::new(server, Entropy::from_seed(seed + 1), now),
            wire: Vec::new(),
            client_events: Vec::new(),
            server_events: Vec::new(),
        };
        session.server.set_interfaces(&[LAN]);
        session
    }

    /// What crossed the wire until now, and what would cross it until the end.
    pub(crate) fn wires(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut whole = Self::with_seeds(self.stage, self.seed);
        assert_eq!(
            whole.wire, self.wire,
            "the same seeds give the same session"
        );
        whole.play_to_the_end();
        (self.wire.clone(), whole.wire.split_off(self.wire.len()))
    }

    /// Lets `attack` loose on the endpoint that the stage is named after.
    pub(crate) fn attack(&mut self, attack: impl FnOnce(&mut Victim<'_>)) {
        let is_client = matches!(
            self.stage,
            Stage::IdleClient | Stage::Dialling | Stage::ConnectedClient | Stage::Closing
        );
        let before = self.accounts(is_client);
        let (endpoint, friend) = match is_client {
            true => (&mut self.client, server_address()),
            false => (&mut self.server, client_address()),
        };
        attack(&mut Victim {
            now: self.now,
            endpoint,
            friend,
            sent: 0,
            received: 0,
        });
        let stage = self.stage;
        assert_eq!(self.accounts(is_client), before, "{stage:?}");
    }

    /// What must not grow. The half-open are bounded and expire, see [`goes_on`](Self::goes_on).
    fn accounts(&self, is_client: bool) -> (EndpointStats, Vec<PeerStats>) {
        let endpoint = if is_client {
            &self.client
        } else {
            &self.server
        };
        let stats = endpoint.stats();
        assert!(stats.half_open_now <= 64);
        let mut kept = EndpointStats::default();
        kept.peers_now = stats.peers_now;
        kept.connections_ever = stats.connections_ever;
        kept.accepted = stats.accepted;
        kept.unread_bytes = stats.unread_bytes;
        let peers = endpoint.peers().filter_map(|peer| {
            let mut stats = endpoint.peer_stats(peer)?;
            stats.drops.duplicate_packet = 0;
            // A repeated HELLO is answered again.
            stats.datagrams_sent = 0;
            stats.bytes_sent = 0;
            Some(stats)
        });
        (kept, peers.collect())
    }

    /// The session ends as it would have without the attack, and nothing is left of that.
    pub(crate) fn goes_on(mut self) {
        let stage = self.stage;
        self.play_to_the_end();
        let told = |events: &[Event]| {
            let messages = events
                .iter()
                .filter(|event| matches!(event, Event::Message { .. }));
            let ends = events.iter().filter_map(|event| {
                let Event::Disconnected { reason, .. } = event else {
                    return None;
                };
                Some(reason.clone())
            });
            (messages.count(), ends.collect::<Vec<_>>())
        };
        let farewell = Farewell::new(7, "bye");
        let local = vec![CloseReason::Local(farewell.clone())];
        assert_eq!(told(&self.client_events), (8, local), "{stage:?}");
        let remote = vec![CloseReason::Remote(farewell)];
        assert_eq!(told(&self.server_events), (8, remote), "{stage:?}");
        self.now = self.now + ms(10_000);
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        for endpoint in [&self.client, &self.server] {
            let stats = endpoint.stats();
            assert_eq!((stats.peers_now, stats.half_open_now), (0, 0), "{stage:?}");
            assert_eq!(stats.unread_bytes, 0);
            assert_eq!(endpoint.peers().count(), 0);
        }
    }

    fn play_to_the_end(&mut self) {
        self.play_until(Stage::Draining);
        self.exchange();
    }

    fn play_until(&mut self, stage: Stage) {
        while self.stage < stage {
            self.advance();
        }
    }

    /// On to the next stage.
    fn advance(&mut self) {
        self.stage = match self.stage {
            Stage::IdleClient => Stage::IdleServer,
            Stage::IdleServer => {
                let known = ServerIdentity::Known(self.server.public_key());
                let dialled = self.client.connect(self.now, server_address(), known);
                dialled.expect("the place is free");
                self.collect(true);
                Stage::Dialling
            }
            Stage::Dialling => {
                let hello = self.wire.last().expect("it was sent").clone();
                self.deliver(true, hello);
                self.collect(false);
                Stage::HalfOpen
            }
            Stage::HalfOpen => {
                let welcome = self.wire.last().expect("it was sent").clone();
                self.deliver(false, welcome);
                self.exchange();
                self.talk();
                Stage::ConnectedClient
            }
            Stage::ConnectedClient => Stage::ConnectedServer,
            Stage::ConnectedServer => {
                self.talk();
                let peer = self.client.peers().next().expect("connected");
                let farewell = Farewell::new(7, "bye");
                self.client.disconnect(self.now, peer, farewell);
                self.collect(true);
                Stage::Closing
            }
            Stage::Closing | Stage::Draining => {
                let close = self.wire.last().expect("it was sent").clone();
                self.deliver(true, close);
                self.collect(false);
                let ack = self.wire.last().expect("it was sent").clone();
                self.deliver(false, ack);
                Stage::Draining
            }
        };
    }

    /// A message on each channel, there and back, one in several fragments.
    fn talk(&mut self) {
        let server = self.client.peers().next().expect("connected");
        let client = self.server.peers().next().expect("connected");
        for (channel, size) in [(0, 20), (1, 30), (2, 3_000), (3, 5)] {
            let (channel, bytes) = (ChannelId::new(channel), vec![9; size]);
            let sent = self.client.send(self.now, server, channel, &bytes);
            sent.expect("there is room");
            let sent = self.server.send(self.now, client, channel, &bytes);
            sent.expect("there is room");
        }
        self.client.flush(self.now);
        self.server.flush(self.now);
        self.exchange();
    }

    /// Lets half a second pass in which everything arrives at once.
    fn exchange(&mut self) {
        let end = self.now + ms(500);
        while self.now < end {
            while self.carry(true) | self.carry(false) {}
            self.now = self.now + ms(5);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
    }

    /// Carries what one side has to say to the other.
    fn carry(&mut self, from_client: bool) -> bool {
        let start = self.wire.len();
        self.collect(from_client);
        for index in start..self.wire.len() {
            self.deliver(from_client, self.wire[index].clone());
        }
        self.wire.len() > start
    }

    /// Takes what one side has to say off it.
    fn collect(&mut self, from_client: bool) {
        let endpoint = if from_client {
            &mut self.client
        } else {
            &mut self.server
        };
        let mut buf = Vec::new();
        while endpoint.poll_transmit(self.now, &mut buf).is_some() {
            self.wire.push(std::mem::take(&mut buf));
        }
    }

    fn deliver(&mut self, from_client: bool, mut datagram: Vec<u8>) {
        let (endpoint, from, events) = match from_client {
            true => (&mut self.server, client_address(), &mut self.server_events),
            false => (&mut self.client, server_address(), &mut self.client_events),
        };
        endpoint.handle_datagram(self.now, Arrival::game(from), &mut datagram);
        events.extend(std::iter::from_fn(|| endpoint.poll_event()));
    }
}
