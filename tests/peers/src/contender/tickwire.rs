//! Tickwire's endpoint with the ciphers of its drivers, and every setting as it comes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::trace::{Content, Frame};
use tickwire_core::{
    Arrival, ChannelId, Config, Delivery, Endpoint, Entropy, Event, Instant, PeerId, SecretKey,
    ServerIdentity,
};

use super::Setup;
use crate::lab::{
    Class, Host, Micros, Outgoing, Sink, client_address, client_number, server_address,
};

/// Of the default channels, one of each delivery.
const UNRELIABLE: ChannelId = ChannelId::new(0);
const ORDERED: ChannelId = ChannelId::new(3);

#[derive(Debug)]
struct Tickwire {
    endpoint: Endpoint,
    address: SocketAddr,
    is_server: bool,
    /// By number.
    peers: Vec<Option<PeerId>>,
    numbers: HashMap<PeerId, usize>,
    counts_states: bool,
}

pub(super) fn server(setup: Setup, copies: bool) -> Box<dyn Host> {
    let mut server = Tickwire::new(setup, true, copies, server_address(), 0);
    server.peers.resize(setup.clients, None);
    Box::new(server)
}

pub(super) fn client(setup: Setup, number: usize, copies: bool) -> Box<dyn Host> {
    let mut client = Tickwire::new(setup, false, copies, client_address(number), number + 1);
    let identity = ServerIdentity::Known(identity().public_key());
    let dialled = client
        .endpoint
        .connect(at(setup.now), server_address(), identity);
    dialled.expect("there is room for one connection");
    Box::new(client)
}

/// The server's long-term key, which its clients know.
fn identity() -> SecretKey {
    SecretKey::from_bytes([7; 32])
}

/// The one place for settings: all are defaults, but the server must accept and have room, copies may be off, and another
/// controller may be asked for.
fn config(is_server: bool, setup: Setup, copies: bool) -> Config {
    let clients = setup.clients;
    let mut config = Config::builder().congestion(setup.congestion);
    if !copies {
        config = config.redundancy_percent_max(0);
    }
    if is_server {
        config = config.accepts(true).peers_max(clients.max(32) as u32);
        config = config.identity(Some(identity()));
        config = config.half_open_max(clients.max(64) as u32);
    }
    let config = config.build().expect("these settings are in their ranges");
    config.with_crypto(Arc::new(tickwire_crypto::Ring))
}

fn at(now: Micros) -> Instant {
    Instant::from_micros(now)
}

fn channel(class: Class) -> ChannelId {
    match class {
        Class::Reliable => ORDERED,
        Class::Unreliable => UNRELIABLE,
    }
}

impl Tickwire {
    fn new(
        setup: Setup,
        is_server: bool,
        copies: bool,
        address: SocketAddr,
        number: usize,
    ) -> Self {
        let entropy = Entropy::from_seed(setup.seed * 1_000_003 + number as u64);
        let mut endpoint = Endpoint::new(config(is_server, setup, copies), entropy, at(setup.now));
        endpoint.set_trace(setup.count_states);
        Self {
            endpoint,
            address,
            is_server,
            peers: vec![None],
            numbers: HashMap::new(),
            counts_states: setup.count_states,
        }
    }

    fn name(&mut self, peer: PeerId, number: usize) {
        self.peers[number] = Some(peer);
        self.numbers.insert(peer, number);
    }

    fn on_event(&mut self, event: Event, sink: &mut Sink<'_>) {
        match event {
            Event::Connected { peer, address, .. } => {
                let number = client_number(address).filter(|_| self.is_server);
                self.name(peer, number.unwrap_or(0));
            }
            Event::Message {
                peer,
                channel,
                payload,
            } => {
                let class = if channel == ORDERED {
                    Class::Reliable
                } else {
                    Class::Unreliable
                };
                sink(self.numbers[&peer], class, &payload);
            }
            Event::Disconnected { peer, .. } => {
                if let Some(number) = self.numbers.remove(&peer) {
                    self.peers[number] = None;
                }
            }
            _ => {}
        }
    }

    fn count_states(&mut self) -> u32 {
        if !self.counts_states {
            return 0;
        }
        match self.endpoint.poll_trace() {
            Some(Content::Packet { frames, .. }) => frames.iter().map(states_in).sum(),
            _ => 0,
        }
    }
}

fn states_in(frame: &Frame) -> u32 {
    let Frame::Message { delivery, .. } = frame else {
        return 0;
    };
    u32::from(*delivery == Some(Delivery::Unreliable))
}

impl Host for Tickwire {
    fn on_datagram(&mut self, now: Micros, from: SocketAddr, bytes: &mut [u8]) {
        self.endpoint
            .handle_datagram(at(now), Arrival::game(from), bytes);
    }

    fn on_time(&mut self, now: Micros) {
        let due = self.endpoint.poll_timeout();
        if due.is_some_and(|due| due <= at(now)) {
            self.endpoint.handle_timeout(at(now));
        }
    }

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        while let Some(event) = self.endpoint.poll_event() {
            self.on_event(event, sink);
        }
    }

    fn send(&mut self, now: Micros, peer: usize, class: Class, payload: &[u8]) -> bool {
        let Some(peer) = self.peers[peer] else {
            return false;
        };
        let sent = self.endpoint.send(at(now), peer, channel(class), payload);
        sent.is_ok()
    }

    fn flush(&mut self, now: Micros) {
        self.endpoint.flush(at(now));
    }

    fn transmit(&mut self, now: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        let transmit = self.endpoint.poll_transmit(at(now), buf)?;
        Some(Outgoing {
            from: self.address,
            to: transmit.to,
            states: self.count_states(),
        })
    }

    fn is_connected(&self, peer: usize) -> bool {
        self.peers[peer].is_some()
    }
}
