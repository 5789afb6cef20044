//! Bare datagrams: what the network itself does, and the least that anything above it can cost.

use std::net::SocketAddr;

use super::Setup;
use super::outbox::{Outbox, outgoing};
use crate::lab::{
    Class, Host, Micros, Outgoing, Sink, client_address, client_number, server_address,
};

#[derive(Debug)]
struct Raw {
    address: SocketAddr,
    peers: Vec<SocketAddr>,
    outbox: Outbox,
    /// What waits to be read; its addressees are senders.
    inbox: Outbox,
    buf: Vec<u8>,
}

pub(super) fn server(setup: Setup) -> Box<dyn Host> {
    let clients = (0..setup.clients).map(client_address);
    Box::new(Raw::new(server_address(), clients.collect()))
}

pub(super) fn client(number: usize) -> Box<dyn Host> {
    Box::new(Raw::new(client_address(number), vec![server_address()]))
}

impl Raw {
    fn new(address: SocketAddr, peers: Vec<SocketAddr>) -> Self {
        Self {
            address,
            peers,
            outbox: Outbox::default(),
            inbox: Outbox::default(),
            buf: Vec::new(),
        }
    }
}

impl Host for Raw {
    fn on_datagram(&mut self, _: Micros, from: SocketAddr, bytes: &mut [u8]) {
        self.inbox.push(outgoing(from, self.address, 0), &[bytes]);
    }

    fn on_time(&mut self, _: Micros) {}

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        while let Some(arrived) = self.inbox.pop(&mut self.buf) {
            let peer = client_number(arrived.from).unwrap_or(0);
            let class = match self.buf.first() {
                Some(0) => Class::Unreliable,
                _ => Class::Reliable,
            };
            sink(peer, class, self.buf.get(1..).unwrap_or_default());
            self.buf.clear();
        }
    }

    fn send(&mut self, _: Micros, peer: usize, class: Class, payload: &[u8]) -> bool {
        let is_reliable = class == Class::Reliable;
        let states = u32::from(!is_reliable);
        let sent = outgoing(self.address, self.peers[peer], states);
        self.outbox.push(sent, &[&[u8::from(is_reliable)], payload]);
        true
    }

    fn flush(&mut self, _: Micros) {}

    fn transmit(&mut self, _: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        self.outbox.pop(buf)
    }

    fn is_connected(&self, _: usize) -> bool {
        true
    }
}
