//! ENet, as `rusty_enet` has it: reliable messages on its first channel, state (unreliable, sequenced) on its second.

use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rusty_enet::{
    Event, Host as Enet, HostSettings, MTU_MAX, Packet, PacketReceived, PeerID, Socket,
};

use super::Setup;
use super::outbox::{Outbox, outgoing};
use crate::lab::content::count_states;
use crate::lab::{
    Class, Host, Micros, Outgoing, Sink, client_address, client_number, server_address,
};

const RELIABLE: u8 = 0;
const UNRELIABLE: u8 = 1;
const CHANNELS: usize = 2;

/// The socket that ENet gets: what has arrived, and what waits to leave.
#[derive(Debug)]
struct Wire {
    address: SocketAddr,
    inbox: Outbox,
    outbox: Outbox,
    buf: Vec<u8>,
    counts_states: bool,
}

impl Socket for Wire {
    type Address = SocketAddr;
    type Error = Infallible;

    fn send(&mut self, to: SocketAddr, bytes: &[u8]) -> Result<usize, Infallible> {
        let states = if self.counts_states {
            count_states(bytes)
        } else {
            0
        };
        self.outbox
            .push(outgoing(self.address, to, states), &[bytes]);
        Ok(bytes.len())
    }

    fn receive(
        &mut self,
        bytes: &mut [u8; MTU_MAX],
    ) -> Result<Option<(SocketAddr, PacketReceived)>, Infallible> {
        self.buf.clear();
        let arrived = self.inbox.pop(&mut self.buf);
        Ok(arrived.map(|arrived| {
            bytes[..self.buf.len()].copy_from_slice(&self.buf);
            (arrived.from, PacketReceived::Complete(self.buf.len()))
        }))
    }
}

struct EnetHost {
    host: Enet<Wire>,
    clock: Rc<Cell<Micros>>,
    address: SocketAddr,
    peers: Vec<Option<PeerID>>,
    unread: VecDeque<(usize, u8, Packet)>,
}

impl fmt::Debug for EnetHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnetHost({})", self.address)
    }
}

pub(super) fn server(setup: Setup) -> Box<dyn Host> {
    Box::new(EnetHost::new(setup, server_address(), setup.clients, 0))
}

pub(super) fn client(setup: Setup, number: usize) -> Box<dyn Host> {
    let mut client = EnetHost::new(setup, client_address(number), 1, number + 1);
    let dialled = client.host.connect(server_address(), CHANNELS, 0);
    dialled.expect("there is room for one connection");
    Box::new(client)
}

impl EnetHost {
    fn new(setup: Setup, address: SocketAddr, peers: usize, number: usize) -> Self {
        let wire = Wire {
            address,
            inbox: Outbox::default(),
            outbox: Outbox::default(),
            buf: Vec::new(),
            counts_states: setup.count_states,
        };
        let clock = Rc::new(Cell::new(setup.now));
        let read = Rc::clone(&clock);
        let settings = HostSettings {
            peer_limit: peers,
            channel_limit: CHANNELS,
            time: Box::new(move || Duration::from_micros(read.get())),
            seed: Some((setup.seed * 1_000_003 + number as u64) as u32),
            ..HostSettings::default()
        };
        Self {
            host: Enet::new(wire, settings).expect("these settings are in their ranges"),
            clock,
            address,
            peers: vec![None; peers],
            unread: VecDeque::new(),
        }
    }
}

/// The number of a peer: a client's of its server is 0.
fn number_of(address: Option<SocketAddr>) -> usize {
    address.and_then(client_number).unwrap_or(0)
}

impl Host for EnetHost {
    fn on_datagram(&mut self, _: Micros, from: SocketAddr, bytes: &mut [u8]) {
        let arrived = outgoing(from, self.address, 0);
        self.host.socket_mut().inbox.push(arrived, &[bytes]);
    }

    fn on_time(&mut self, now: Micros) {
        self.clock.set(now);
        while let Ok(Some(event)) = self.host.service() {
            match event {
                Event::Connect { peer, .. } => {
                    self.peers[number_of(peer.address())] = Some(peer.id());
                }
                Event::Disconnect { peer, .. } => {
                    let gone = peer.id();
                    let mut peers = self.peers.iter_mut();
                    if let Some(place) = peers.find(|place| **place == Some(gone)) {
                        *place = None;
                    }
                }
                Event::Receive {
                    peer,
                    channel_id,
                    packet,
                } => {
                    let number = number_of(peer.address());
                    self.unread.push_back((number, channel_id, packet));
                }
            }
        }
    }

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        for (peer, channel, packet) in self.unread.drain(..) {
            let class = match channel {
                RELIABLE => Class::Reliable,
                _ => Class::Unreliable,
            };
            sink(peer, class, packet.data());
        }
    }

    fn send(&mut self, _: Micros, peer: usize, class: Class, payload: &[u8]) -> bool {
        let Some(peer) = self.peers[peer] else {
            return false;
        };
        let (channel, packet) = match class {
            Class::Reliable => (RELIABLE, Packet::reliable(payload)),
            Class::Unreliable => (UNRELIABLE, Packet::unreliable(payload)),
        };
        self.host.peer_mut(peer).send(channel, &packet).is_ok()
    }

    fn flush(&mut self, now: Micros) {
        self.clock.set(now);
        self.host.flush();
    }

    fn transmit(&mut self, _: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        self.host.socket_mut().outbox.pop(buf)
    }

    fn is_connected(&self, peer: usize) -> bool {
        self.peers[peer].is_some()
    }
}
