//! Two endpoints, and the datagrams between them in the test's hands.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use crate::config::ConfigBuilder;
use crate::endpoint::Endpoint;
use crate::machine::slots::Slot;
use crate::{
    Arrival, Config, Entropy, Event, Instant, PeerId, SendError, ServerIdentity, Transmit,
};

/// The address of host `host`.
pub(super) const fn address(host: u8) -> SocketAddr {
    SocketAddr::new(
        core::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
        7000 + host as u16,
    )
}

/// An endpoint, its address, what it told, and the peer it is connected to.
pub(super) struct Side {
    pub(super) endpoint: Endpoint,
    pub(super) address: SocketAddr,
    pub(super) events: Vec<Event>,
    pub(super) peer: Option<PeerId>,
}

impl Side {
    pub(super) fn new(config: ConfigBuilder, host: u8, now: Instant) -> Self {
        let config = config.build().expect("a valid configuration");
        Self {
            endpoint: Endpoint::new(config, Entropy::from_seed(u64::from(host)), now),
            address: address(host),
            events: Vec::new(),
            peer: None,
        }
    }

    /// All datagrams that may leave now, and where they go.
    pub(super) fn transmits(&mut self, now: Instant) -> Vec<(Transmit, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            let mut datagram = Vec::new();
            let Some(transmit) = self.endpoint.poll_transmit(now, &mut datagram) else {
                return all;
            };
            assert_eq!(transmit.len, datagram.len());
            all.push((transmit, datagram));
            assert!(all.len() < 10_000, "a datagram for ever");
        }
    }

    /// The bytes of all datagrams that may leave now.
    pub(super) fn datagrams(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let transmits = self.transmits(now);
        transmits.into_iter().map(|(_, bytes)| bytes).collect()
    }

    pub(super) fn take(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let mut copy = datagram.to_vec();
        self.endpoint
            .handle_datagram(now, Arrival::game(from), &mut copy);
    }

    /// Takes the events that wait, and remembers the latest connected peer. Returns how many they were.
    pub(super) fn poll(&mut self) -> usize {
        let before = self.events.len();
        while let Some(event) = self.endpoint.poll_event() {
            if let Event::Connected { peer, .. } = event {
                self.peer = Some(peer);
            }
            self.events.push(event);
        }
        self.events.len() - before
    }

    pub(super) fn send(
        &mut self,
        now: Instant,
        channel: u8,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let peer = self.peer.expect("connected");
        self.endpoint
            .send(now, peer, crate::ChannelId::new(channel), payload)
            .map(|_| ())
    }

    /// The messages that the owner got, forgotten here.
    pub(super) fn payloads(&mut self) -> Vec<Vec<u8>> {
        let events = self.events.drain(..);
        events
            .filter_map(|event| {
                let Event::Message { payload, .. } = event else {
                    return None;
                };
                Some(payload.to_vec())
            })
            .collect()
    }

    /// The slot of the peer connected last.
    pub(super) fn slot(&mut self) -> &mut Slot {
        let peer = self.peer.expect("connected");
        self.endpoint
            .machine
            .slots
            .get_mut(peer.slot() as u32)
            .expect("not spent")
    }

    /// A packet with valid keys and these frames.
    pub(super) fn forge(&mut self, frames: &[u8]) -> Vec<u8> {
        self.slot().peer.forge(frames)
    }
}

/// A client, a server, and a path between them that takes no time.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) client: Side,
    pub(super) server: Side,
}

impl Pair {
    pub(super) fn new(client: ConfigBuilder, server: ConfigBuilder) -> Self {
        let now = Instant::from_millis(1);
        Self {
            now,
            client: Side::new(client, 1, now),
            server: Side::new(server.accepts(true), 2, now),
        }
    }

    pub(super) fn dial(&mut self) -> PeerId {
        let to = self.server.address;
        self.client
            .endpoint
            .connect(self.now, to, ServerIdentity::TrustOnFirstUse)
            .expect("free")
    }

    pub(super) fn connected_with(client: ConfigBuilder, server: ConfigBuilder) -> Self {
        let mut pair = Self::new(client, server);
        pair.dial();
        pair.run_for(Duration::from_millis(100));
        pair.client.events.clear();
        pair.server.events.clear();
        pair
    }

    pub(super) fn connected() -> Self {
        Self::connected_with(Config::builder(), Config::builder())
    }

    /// Carries datagrams both ways, and polls events, until both sides are silent.
    pub(super) fn exchange(&mut self) {
        for _ in 0..1_000 {
            self.client.endpoint.handle_timeout(self.now);
            self.server.endpoint.handle_timeout(self.now);
            let (up, down) = (
                self.client.datagrams(self.now),
                self.server.datagrams(self.now),
            );
            for datagram in &up {
                self.server.take(self.now, self.client.address, datagram);
            }
            for datagram in &down {
                self.client.take(self.now, self.server.address, datagram);
            }
            let heard = self.client.poll() + self.server.poll();
            if up.is_empty() && down.is_empty() && heard == 0 {
                return;
            }
        }
        panic!("the endpoints never fall silent");
    }

    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.exchange();
            let next = [
                self.client.endpoint.poll_timeout(),
                self.server.endpoint.poll_timeout(),
            ];
            let Some(next) = next.into_iter().flatten().min() else {
                self.now = end;
                return;
            };
            assert!(next > self.now, "busy loop at {}", self.now);
            self.now = next.min(end);
            if next >= end {
                return;
            }
        }
    }

    /// The client (0) or the server (1).
    pub(super) fn side(&mut self, index: usize) -> &mut Side {
        [&mut self.client, &mut self.server][index]
    }

    /// The server gets a packet of the client with valid keys and these frames.
    pub(super) fn attack(&mut self, frames: &[u8]) {
        let packet = self.client.forge(frames);
        self.server.take(self.now, self.client.address, &packet);
    }
}
