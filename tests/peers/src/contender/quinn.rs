//! QUIC, as `quinn-proto` has it, with TLS by rustls and ring and the default transport settings: reliable messages
//! on one stream each way, a length before each; state in datagram frames (RFC 9221).

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig,
    ServerConfig,
};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SerialNumber};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Setup;
use super::outbox::{Outbox, outgoing};
use super::quinn_connection::Peer;
use crate::lab::{
    Class, Host, Micros, Outgoing, Sink, client_address, client_number, server_address,
};

const SERVER_NAME: &str = "server.test";

/// The moment that the laboratory calls 0: nothing depends on when it is.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(super) fn at(now: Micros) -> Instant {
    *EPOCH + Duration::from_micros(now)
}

/// The server's certificate and key: made once, of a kind that always has the same length.
static IDENTITY: LazyLock<(CertificateDer<'static>, Vec<u8>)> = LazyLock::new(|| {
    let key = KeyPair::generate_for(&PKCS_ED25519).expect("ring makes such keys");
    let names = vec![SERVER_NAME.to_owned()];
    let mut params = CertificateParams::new(names).expect("the name is one");
    params.serial_number = Some(SerialNumber::from(1));
    let certificate = params.self_signed(&key).expect("the key signs");
    (certificate.der().clone(), key.serialize_der())
});

fn server_config() -> ServerConfig {
    let (certificate, key) = &*IDENTITY;
    let key = PrivateKeyDer::Pkcs8(key.clone().into());
    ServerConfig::with_single_cert(vec![certificate.clone()], key).expect("the key fits")
}

fn client_config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(IDENTITY.0.clone())
        .expect("the certificate is well-formed");
    ClientConfig::with_root_certificates(Arc::new(roots)).expect("there is a root")
}

struct QuinnHost {
    endpoint: Endpoint,
    address: SocketAddr,
    peers: Vec<Option<Peer>>,
    numbers: HashMap<ConnectionHandle, usize>,
    /// Answers that belong to no connection.
    outbox: Outbox,
    buf: Vec<u8>,
    counts_states: bool,
    /// The peer whose turn to send it is.
    turn: usize,
}

impl fmt::Debug for QuinnHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuinnHost({})", self.address)
    }
}

pub(super) fn server(setup: Setup) -> Box<dyn Host> {
    let config = Some(Arc::new(server_config()));
    Box::new(QuinnHost::new(setup, config, server_address(), 0))
}

pub(super) fn client(setup: Setup, number: usize) -> Box<dyn Host> {
    let mut client = QuinnHost::new(setup, None, client_address(number), number + 1);
    let (handle, connection) = client
        .endpoint
        .connect(
            at(setup.now),
            client_config(),
            server_address(),
            SERVER_NAME,
        )
        .expect("it may connect");
    client.begin(0, handle, connection);
    Box::new(client)
}

impl QuinnHost {
    fn new(
        setup: Setup,
        server: Option<Arc<ServerConfig>>,
        address: SocketAddr,
        number: usize,
    ) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&setup.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&(number as u64).to_le_bytes());
        let peers = if server.is_some() { setup.clients } else { 1 };
        let config = Arc::new(EndpointConfig::default());
        Self {
            endpoint: Endpoint::new(config, server, true, Some(seed)),
            address,
            peers: (0..peers).map(|_| None).collect(),
            numbers: HashMap::new(),
            outbox: Outbox::default(),
            buf: Vec::new(),
            counts_states: setup.count_states,
            turn: 0,
        }
    }

    fn begin(&mut self, number: usize, handle: ConnectionHandle, connection: Connection) {
        self.numbers.insert(handle, number);
        self.peers[number] = Some(Peer::new(handle, connection));
    }

    fn accept(&mut self, now: Micros, incoming: quinn_proto::Incoming) {
        let Some(number) = client_number(incoming.remote_address()) else {
            return self.endpoint.ignore(incoming);
        };
        // A refusal has an answer, which a repeated attempt makes again.
        if let Ok((handle, connection)) =
            self.endpoint.accept(incoming, at(now), &mut self.buf, None)
        {
            self.begin(number, handle, connection);
        }
    }
}

impl Host for QuinnHost {
    fn on_datagram(&mut self, now: Micros, from: SocketAddr, bytes: &mut [u8]) {
        self.buf.clear();
        let bytes = BytesMut::from(&bytes[..]);
        let event = self
            .endpoint
            .handle(at(now), from, None, None, bytes, &mut self.buf);
        match event {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let number = self.numbers.get(&handle);
                let peer = number.and_then(|number| self.peers[*number].as_mut());
                if let Some(peer) = peer {
                    peer.connection.handle_event(event);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.accept(now, incoming),
            Some(DatagramEvent::Response(transmit)) => {
                let sent = outgoing(self.address, transmit.destination, 0);
                self.outbox.push(sent, &[&self.buf[..transmit.size]]);
            }
            None => {}
        }
    }

    fn on_time(&mut self, now: Micros) {
        for place in &mut self.peers {
            let Some(peer) = place else { continue };
            peer.advance(at(now), &mut self.endpoint);
            if peer.is_gone {
                self.numbers.remove(&peer.handle);
                *place = None;
            }
        }
    }

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        for (number, peer) in self.peers.iter_mut().enumerate() {
            if let Some(peer) = peer {
                peer.receive(&mut |class, payload| sink(number, class, payload));
            }
        }
    }

    fn send(&mut self, _: Micros, peer: usize, class: Class, payload: &[u8]) -> bool {
        let Some(peer) = &mut self.peers[peer] else {
            return false;
        };
        match class {
            Class::Reliable => peer.write(payload),
            Class::Unreliable => {
                let payload = Bytes::copy_from_slice(payload);
                peer.connection.datagrams().send(payload, true).is_ok()
            }
        }
    }

    fn flush(&mut self, _: Micros) {}

    fn transmit(&mut self, now: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        if let Some(sent) = self.outbox.pop(buf) {
            return Some(sent);
        }
        while self.turn < self.peers.len() {
            let peer = self.peers[self.turn].as_mut();
            let sent = peer.and_then(|peer| peer.transmit(at(now), buf, self.counts_states));
            if let Some((to, states)) = sent {
                return Some(outgoing(self.address, to, states));
            }
            self.turn += 1;
        }
        self.turn = 0;
        None
    }

    fn is_connected(&self, peer: usize) -> bool {
        self.peers[peer]
            .as_ref()
            .is_some_and(|peer| peer.is_connected)
    }
}
