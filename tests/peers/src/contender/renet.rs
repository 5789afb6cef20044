//! renet, bare or with renetcode, which adds a handshake and encryption. Datagrams are made once a tick, as its
//! budget of bytes a tick has it.

use std::net::SocketAddr;
use std::time::Duration;

use renet::{ConnectionConfig, DefaultChannel, RenetClient};
use renetcode::{ClientAuthentication, ConnectToken, NetcodeClient};

use super::outbox::{Outbox, outgoing};
use super::{Contender, Setup};
use crate::lab::content::count_states;
use crate::lab::{Class, Host, Micros, Outgoing, Sink, client_address, server_address};

pub(super) const PROTOCOL_ID: u64 = 7;
pub(super) const PRIVATE_KEY: [u8; 32] = [7; 32];
const TOKEN_LIVES_SECONDS: u64 = 3_600;
const TIMEOUT_SECONDS: i32 = 15;

#[derive(Debug)]
struct Client {
    client: RenetClient,
    netcode: Option<NetcodeClient>,
    address: SocketAddr,
    now: Micros,
    counts_states: bool,
    outbox: Outbox,
}

pub(super) fn client(contender: Contender, setup: Setup, number: usize) -> Box<dyn Host> {
    Box::new(Client::new(
        setup,
        number,
        contender == Contender::Renetcode,
    ))
}

pub(super) fn channel(class: Class) -> DefaultChannel {
    match class {
        Class::Reliable => DefaultChannel::ReliableOrdered,
        Class::Unreliable => DefaultChannel::Unreliable,
    }
}

/// States in a datagram before it is encrypted, if anybody wants to know.
pub(super) fn states_in(datagram: &[u8], is_wanted: bool) -> u32 {
    if is_wanted { count_states(datagram) } else { 0 }
}

impl Client {
    fn new(setup: Setup, number: usize, is_encrypted: bool) -> Self {
        let mut client = RenetClient::new(ConnectionConfig::default());
        if !is_encrypted {
            client.set_connected();
        }
        Self {
            client,
            netcode: is_encrypted.then(|| dial(setup, number)),
            address: client_address(number),
            now: setup.now,
            counts_states: setup.count_states,
            outbox: Outbox::default(),
        }
    }
}

fn dial(setup: Setup, number: usize) -> NetcodeClient {
    let now = Duration::from_micros(setup.now);
    let connect_token = ConnectToken::generate(
        now,
        PROTOCOL_ID,
        TOKEN_LIVES_SECONDS,
        number as u64,
        TIMEOUT_SECONDS,
        vec![server_address()],
        None,
        &PRIVATE_KEY,
    );
    let connect_token = connect_token.expect("one address fits");
    let authentication = ClientAuthentication::Secure { connect_token };
    NetcodeClient::new(now, authentication).expect("the token names a server")
}

impl Host for Client {
    fn on_datagram(&mut self, _: Micros, _: SocketAddr, bytes: &mut [u8]) {
        let Some(netcode) = &mut self.netcode else {
            return self.client.process_packet(bytes);
        };
        if let Some(payload) = netcode.process_packet(bytes) {
            self.client.process_packet(payload);
        }
    }

    fn on_time(&mut self, now: Micros) {
        let passed = Duration::from_micros(now - self.now);
        self.now = now;
        if let Some(netcode) = &mut self.netcode {
            if let Some((bytes, to)) = netcode.update(passed) {
                self.outbox.push(outgoing(self.address, to, 0), &[bytes]);
            }
            if netcode.is_connected() {
                self.client.set_connected();
            } else if netcode.is_disconnected() {
                self.client.disconnect_due_to_transport();
            }
        }
        self.client.update(passed);
    }

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        for class in [Class::Reliable, Class::Unreliable] {
            while let Some(message) = self.client.receive_message(channel(class)) {
                sink(0, class, &message);
            }
        }
    }

    fn send(&mut self, _: Micros, _: usize, class: Class, payload: &[u8]) -> bool {
        let has_room = self.client.can_send_message(channel(class), payload.len());
        let takes = self.client.is_connected() && has_room;
        if takes {
            self.client.send_message(channel(class), payload.to_vec());
        }
        takes
    }

    fn flush(&mut self, _: Micros) {
        if !self.client.is_connected() {
            return;
        }
        for packet in self.client.get_packets_to_send() {
            let states = states_in(&packet, self.counts_states);
            let sent = outgoing(self.address, server_address(), states);
            match &mut self.netcode {
                None => self.outbox.push(sent, &[&packet]),
                Some(netcode) => {
                    if let Ok((_, bytes)) = netcode.generate_payload_packet(&packet) {
                        self.outbox.push(sent, &[bytes]);
                    }
                }
            }
        }
    }

    fn transmit(&mut self, _: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        self.outbox.pop(buf)
    }

    fn is_connected(&self, _: usize) -> bool {
        self.client.is_connected()
    }
}
