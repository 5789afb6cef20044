//! The server's side of renet, with many clients.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use renet::{ConnectionConfig, RenetServer};
use renetcode::{NetcodeServer, ServerAuthentication, ServerConfig, ServerResult};

use super::outbox::{Outbox, outgoing};
use super::renet::{PRIVATE_KEY, PROTOCOL_ID, channel, states_in};
use super::{Contender, Setup};
use crate::lab::{
    Class, Host, Micros, Outgoing, Sink, client_address, client_number, server_address,
};

/// A client's id is its number.
struct Server {
    server: RenetServer,
    netcode: Option<NetcodeServer>,
    now: Micros,
    counts_states: bool,
    outbox: Outbox,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({} clients)", self.server.connected_clients())
    }
}

pub(super) fn server(contender: Contender, setup: Setup) -> Box<dyn Host> {
    Box::new(Server::new(setup, contender == Contender::Renetcode))
}

impl Server {
    fn new(setup: Setup, is_encrypted: bool) -> Self {
        let mut server = RenetServer::new(ConnectionConfig::default());
        if !is_encrypted {
            (0..setup.clients as u64).for_each(|client| server.add_connection(client));
        }
        Self {
            server,
            netcode: is_encrypted.then(|| listen(setup)),
            now: setup.now,
            counts_states: setup.count_states,
            outbox: Outbox::default(),
        }
    }
}

fn listen(setup: Setup) -> NetcodeServer {
    NetcodeServer::new(ServerConfig {
        current_time: Duration::from_micros(setup.now),
        max_clients: setup.clients,
        protocol_id: PROTOCOL_ID,
        public_addresses: vec![server_address()],
        authentication: ServerAuthentication::Secure {
            private_key: PRIVATE_KEY,
        },
    })
}

/// Does what renetcode says, as its own transport does.
fn obey(result: ServerResult<'_, '_>, server: &mut RenetServer, outbox: &mut Outbox) {
    let mut send = |to, bytes: &[u8]| outbox.push(outgoing(server_address(), to, 0), &[bytes]);
    match result {
        ServerResult::None => {}
        ServerResult::PacketToSend { addr, payload } => send(addr, payload),
        ServerResult::Payload { client_id, payload } => {
            // Of a client that is gone: dropped.
            let _ = server.process_packet_from(payload, client_id);
        }
        ServerResult::ClientConnected {
            client_id,
            addr,
            payload,
            ..
        } => {
            server.add_connection(client_id);
            send(addr, payload);
        }
        ServerResult::ClientDisconnected {
            client_id,
            addr,
            payload,
        } => {
            server.remove_connection(client_id);
            if let Some(payload) = payload {
                send(addr, payload);
            }
        }
    }
}

impl Host for Server {
    fn on_datagram(&mut self, _: Micros, from: SocketAddr, bytes: &mut [u8]) {
        if let Some(netcode) = &mut self.netcode {
            let result = netcode.process_packet(from, bytes);
            obey(result, &mut self.server, &mut self.outbox);
        } else if let Some(number) = client_number(from) {
            // Of a client that is gone: dropped.
            let _ = self.server.process_packet_from(bytes, number as u64);
        }
    }

    fn on_time(&mut self, now: Micros) {
        let passed = Duration::from_micros(now - self.now);
        self.now = now;
        if let Some(netcode) = &mut self.netcode {
            netcode.update(passed);
            for client in netcode.clients_id() {
                let result = netcode.update_client(client);
                obey(result, &mut self.server, &mut self.outbox);
            }
        }
        self.server.update(passed);
        // Who asked for it in time has seen the event: they must not pile up.
        while self.server.get_event().is_some() {}
    }

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        for client in self.server.clients_id() {
            for class in [Class::Reliable, Class::Unreliable] {
                while let Some(message) = self.server.receive_message(client, channel(class)) {
                    sink(client as usize, class, &message);
                }
            }
        }
    }

    fn send(&mut self, _: Micros, peer: usize, class: Class, payload: &[u8]) -> bool {
        let client = peer as u64;
        let takes = self.server.is_connected(client)
            && self
                .server
                .can_send_message(client, channel(class), payload.len());
        if takes {
            self.server
                .send_message(client, channel(class), payload.to_vec());
        }
        takes
    }

    fn flush(&mut self, _: Micros) {
        for client in self.server.clients_id() {
            let packets = self.server.get_packets_to_send(client);
            for packet in packets.unwrap_or_default() {
                let states = states_in(&packet, self.counts_states);
                let to = client_address(client as usize);
                let sent = outgoing(server_address(), to, states);
                match &mut self.netcode {
                    None => self.outbox.push(sent, &[&packet]),
                    Some(netcode) => {
                        if let Ok((_, bytes)) = netcode.generate_payload_packet(client, &packet) {
                            self.outbox.push(sent, &[bytes]);
                        }
                    }
                }
            }
        }
    }

    fn transmit(&mut self, _: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        self.outbox.pop(buf)
    }

    fn is_connected(&self, peer: usize) -> bool {
        self.server.is_connected(peer as u64)
    }
}
