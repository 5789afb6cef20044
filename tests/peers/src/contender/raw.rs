//! Bare datagrams: what the network itself does, and the least that anything above it can cost.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::Setup;
use crate::lab::{
    Class, Host, Micros, Outgoing, Sink, client_address, client_number, server_address,
};

#[derive(Debug)]
struct Raw {
    address: SocketAddr,
    peers: Vec<SocketAddr>,
    /// What waits to be sent or read: each a peer's number and a datagram. Buffers come back to `spare`.
    outbox: VecDeque<(usize, Vec<u8>)>,
    inbox: VecDeque<(usize, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

pub(super) fn hosts(setup: Setup) -> (Box<dyn Host>, Vec<Box<dyn Host>>) {
    let clients = (0..setup.clients).map(client_address);
    let server = Raw::new(server_address(), clients.clone().collect());
    let clients = clients
        .map(|address| -> Box<dyn Host> { Box::new(Raw::new(address, vec![server_address()])) });
    (Box::new(server), clients.collect())
}

impl Raw {
    fn new(address: SocketAddr, peers: Vec<SocketAddr>) -> Self {
        Self {
            address,
            peers,
            outbox: VecDeque::new(),
            inbox: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    fn buffer(&mut self, first: &[u8], rest: &[u8]) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(first);
        buffer.extend_from_slice(rest);
        buffer
    }
}

impl Host for Raw {
    fn on_datagram(&mut self, _: Micros, from: SocketAddr, bytes: &mut [u8]) {
        let peer = client_number(from).unwrap_or(0);
        let buffer = self.buffer(bytes, &[]);
        self.inbox.push_back((peer, buffer));
    }

    fn on_time(&mut self, _: Micros) {}

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        while let Some((peer, buffer)) = self.inbox.pop_front() {
            let class = match buffer.first() {
                Some(0) => Class::Unreliable,
                _ => Class::Reliable,
            };
            sink(peer, class, buffer.get(1..).unwrap_or_default());
            self.spare.push(buffer);
        }
    }

    fn send(&mut self, _: Micros, peer: usize, class: Class, payload: &[u8]) -> bool {
        let buffer = self.buffer(&[u8::from(class == Class::Reliable)], payload);
        self.outbox.push_back((peer, buffer));
        true
    }

    fn flush(&mut self, _: Micros) {}

    fn transmit(&mut self, _: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        let (peer, buffer) = self.outbox.pop_front()?;
        buf.extend_from_slice(&buffer);
        let sent = Outgoing {
            from: self.address,
            to: self.peers[peer],
            states: u32::from(buffer[0] == 0),
        };
        self.spare.push(buffer);
        Some(sent)
    }

    fn is_connected(&self, _: usize) -> bool {
        true
    }
}
