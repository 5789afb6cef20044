//! A client and a server on a network that takes no time, with a cipher that hides nothing: the tag of every packet is zeros, and
//! who writes zeros has the keys. So what a fuzzer changes is not stopped by a tag, and what honest endpoints send are its seeds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tickwire_core::{
    AeadKey, AnnounceConfig, Arrival, ChannelConfig, ChannelId, CipherSuite, Config, ConfigBuilder,
    Crypto, Delivery, Endpoint, Entropy, Event, Instant, OpenError, PeerId, Prefix, SecretKey,
    ServerIdentity, TAG_LEN,
};

/// When everything begins.
pub(crate) const BEGIN: Instant = Instant::from_millis(1_000);
pub(crate) const CLIENT: SocketAddr = address(1);
pub(crate) const SERVER: SocketAddr = address(2);

/// The address of this host.
pub(crate) const fn address(host: u8) -> SocketAddr {
    let ip = std::net::Ipv4Addr::new(10, 0, 0, host);
    SocketAddr::new(std::net::IpAddr::V4(ip), 7_000)
}

/// Ciphers that hide nothing.
#[derive(Debug)]
struct Open;

impl Crypto for Open {
    fn key(&self, _: CipherSuite, _: &[u8]) -> Box<dyn AeadKey> {
        Box::new(Self)
    }
}

impl AeadKey for Open {
    fn seal(&self, _: &[u8; 12], _: &[u8], _: &mut [u8]) -> [u8; TAG_LEN] {
        [0; TAG_LEN]
    }

    fn open(
        &self,
        _: &[u8; 12],
        _: &[u8],
        _: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        match *tag == [0; TAG_LEN] {
            true => Ok(()),
            false => Err(OpenError),
        }
    }
}

/// Small bounds, so that a short input meets them.
pub(crate) fn settings() -> ConfigBuilder {
    let channel = |delivery| {
        ChannelConfig::new(delivery)
            .message_size_max(8_000)
            .send_queue_bytes_max(32_000)
            .receive_bytes_max(32_000)
    };
    Config::builder()
        .channels(vec![
            channel(Delivery::Unreliable).parity(4),
            channel(Delivery::Sequenced),
            channel(Delivery::Reliable).parity(2),
            channel(Delivery::Ordered),
        ])
        .peers_max(4)
        .half_open_max(4)
        .connection_bytes_max(64_000)
        .unread_bytes_max(48_000)
        .crypto(Arc::new(Open))
}

/// The settings of a server with these.
pub(crate) fn server_settings(settings: ConfigBuilder) -> Config {
    let announce = AnnounceConfig {
        name: "arena".to_owned(),
        port: 7_000,
        players_max: 4,
        interval: None,
    };
    let settings = settings
        .accepts(true)
        .announce(Some(announce))
        .identity(Some(SecretKey::from_bytes([3; 32])));
    settings.build().expect("a valid configuration")
}

pub(crate) fn client_settings(settings: ConfigBuilder) -> Config {
    settings.build().expect("a valid configuration")
}

pub(crate) fn server(config: Config) -> Endpoint {
    let mut server = Endpoint::new(config, Entropy::from_seed(2), BEGIN);
    server.set_audit(true);
    server.set_interfaces(&[Prefix {
        address: SERVER.ip(),
        len: 24,
    }]);
    server
}

/// A client that has dialled.
pub(crate) fn client(config: Config, is_known: bool) -> (Endpoint, PeerId) {
    let mut client = Endpoint::new(config, Entropy::from_seed(1), BEGIN);
    client.set_audit(true);
    let identity = match is_known {
        true => ServerIdentity::Known(SecretKey::from_bytes([3; 32]).public_key()),
        false => ServerIdentity::TrustOnFirstUse,
    };
    let peer = client.connect(BEGIN, SERVER, identity).expect("free");
    (client, peer)
}

/// Both, and what crossed the wire.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) now: Instant,
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    /// Each datagram, and whether it is for the server.
    pub(crate) wire: Vec<(bool, Vec<u8>)>,
    peers: [Option<PeerId>; 2],
}

impl Session {
    /// They have not met yet.
    pub(crate) fn new(settings: ConfigBuilder, is_known: bool) -> Self {
        let (client, _) = client(client_settings(settings.clone()), is_known);
        Self {
            now: BEGIN,
            client,
            server: server(server_settings(settings)),
            wire: Vec::new(),
            peers: [None; 2],
        }
    }

    /// They are connected and have nothing left to say.
    pub(crate) fn connected() -> Self {
        let mut session = Self::new(settings(), true);
        session.run_for(Duration::from_millis(200));
        assert!(session.peers.iter().all(Option::is_some), "{session:?}");
        session
    }

    /// A message on each channel, there and back, two of them in several fragments, with one datagram in five lost; then the end.
    pub(crate) fn whole() -> Self {
        let mut session = Self::connected();
        for round in 0..4 {
            session.talk(round);
            session.run_losing(Duration::from_millis(150), 5);
        }
        session.run_for(Duration::from_secs(3));
        let [Some(peer), _] = session.peers else {
            return session;
        };
        let farewell = tickwire_core::Farewell::new(7, "bye");
        session.client.disconnect(session.now, peer, farewell);
        session.run_for(Duration::from_secs(1));
        session
    }

    /// A message on each channel in both directions, and a long one.
    pub(crate) fn talk(&mut self, round: usize) {
        for (channel, size) in [(0, 20), (1, 30), (2, 40), (3, 5), (round % 4, 3_000)] {
            let channel = ChannelId::new(channel as u8);
            let payload = vec![round as u8; size];
            for (endpoint, peer) in [&mut self.client, &mut self.server]
                .into_iter()
                .zip(self.peers)
            {
                if let Some(peer) = peer {
                    let _full = endpoint.send(self.now, peer, channel, &payload);
                    endpoint.flush(self.now);
                }
            }
        }
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_losing(time, usize::MAX);
    }

    /// Lets time pass; every so manieth datagram is lost.
    fn run_losing(&mut self, time: Duration, nth: usize) {
        let end = self.now + time;
        while self.now < end {
            while self.carry(true, nth) | self.carry(false, nth) {}
            let next = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            self.now = next.max(self.now + Duration::from_millis(1)).min(end);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
    }

    fn carry(&mut self, to_server: bool, nth: usize) -> bool {
        let (from, to, address) = match to_server {
            true => (&mut self.client, &mut self.server, CLIENT),
            false => (&mut self.server, &mut self.client, SERVER),
        };
        let mut datagram = Vec::new();
        if from.poll_transmit(self.now, &mut datagram).is_none() {
            return false;
        }
        self.wire.push((to_server, datagram.clone()));
        if !self.wire.len().is_multiple_of(nth) {
            to.handle_datagram(self.now, Arrival::game(address), &mut datagram);
        }
        while let Some(event) = to.poll_event() {
            if let Event::Connected { peer, .. } = event {
                self.peers[usize::from(to_server)] = Some(peer);
            }
        }
        true
    }

    /// What one side calls the other.
    pub(crate) fn peer_of(&self, is_server: bool) -> PeerId {
        self.peers[usize::from(is_server)].expect("connected")
    }

    /// Frames of packets, in clear.
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        let packets = self.wire.iter().map(|(_, datagram)| datagram);
        let packets = packets.filter(|datagram| datagram[0] & 0xC0 == 0x80);
        let frames = packets.map(|datagram| {
            let header = 3 + usize::from(datagram[0] & 3) + 1;
            let ack = usize::from(datagram[0] & 8 != 0);
            datagram[header + ack..datagram.len() - TAG_LEN].to_vec()
        });
        frames.collect()
    }
}

/// All that an endpoint wants to send now, with who gets it.
///
/// # Panics
///
/// If that never ends.
pub(crate) fn drain(endpoint: &mut Endpoint, now: Instant) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut all = Vec::new();
    let mut datagram = Vec::new();
    while let Some(transmit) = endpoint.poll_transmit(now, &mut datagram) {
        assert_eq!(transmit.len, datagram.len());
        all.push((transmit.to, std::mem::take(&mut datagram)));
        assert!(all.len() < 1_000, "it sends for ever");
    }
    all
}
