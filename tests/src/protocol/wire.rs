//! Two endpoints whose packets can be read: their cipher hides nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tickwire_core::{
    AeadKey, Arrival, ChannelId, CipherSuite, Config, ConfigBuilder, Crypto, Endpoint, Entropy,
    Event, Instant, OpenError, PeerId, SecretKey, ServerIdentity, TAG_LEN,
};

/// Leaves every packet as it is, under the same tag.
#[derive(Clone, Copy, Debug)]
struct Clear;

const TAG: [u8; TAG_LEN] = [0xEE; TAG_LEN];

impl Crypto for Clear {
    fn key(&self, _: CipherSuite, _: &[u8]) -> Box<dyn AeadKey> {
        Box::new(Clear)
    }
}

impl AeadKey for Clear {
    fn seal(&self, _: &[u8; 12], _: &[u8], _: &mut [u8]) -> [u8; TAG_LEN] {
        TAG
    }

    fn open(
        &self,
        _: &[u8; 12],
        _: &[u8],
        _: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        (*tag == TAG).then_some(()).ok_or(OpenError)
    }
}

/// A client and a server, and the datagrams that the test carries between them.
pub(super) struct Wire {
    pub(super) now: Instant,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    /// The client's name for the server.
    pub(super) peer: Option<PeerId>,
}

impl Wire {
    pub(super) const CLIENT: SocketAddr = address(1);
    pub(super) const SERVER: SocketAddr = address(2);

    /// Two that have not met. The server's key is 32 bytes of 7.
    pub(super) fn new() -> Self {
        Self::with(Config::builder())
    }

    /// As [`new`](Self::new), both with these settings.
    pub(super) fn with(settings: ConfigBuilder) -> Self {
        let now = Instant::from_millis(1);
        let settings = settings.crypto(Arc::new(Clear));
        let server = settings
            .clone()
            .accepts(true)
            .identity(Some(SecretKey::from_bytes([7; 32])));
        let endpoint = |settings: ConfigBuilder, seed| {
            let config = settings.build().expect("the settings are valid");
            Endpoint::new(config, Entropy::from_seed(seed), now)
        };
        Self {
            now,
            client: endpoint(settings, 1),
            server: endpoint(server, 2),
            peer: None,
        }
    }

    /// Two that are connected and have nothing to say.
    pub(super) fn connected() -> Self {
        let mut wire = Self::new();
        wire.dial(ServerIdentity::TrustOnFirstUse);
        wire.settle();
        let told = [wire.client.poll_event(), wire.server.poll_event()];
        assert!(
            matches!(
                told,
                [Some(Event::Connected { .. }), Some(Event::Connected { .. })]
            ),
            "{told:?}"
        );
        wire
    }

    pub(super) fn dial(&mut self, identity: ServerIdentity) {
        let peer = self.client.connect(self.now, Self::SERVER, identity);
        self.peer = Some(peer.expect("nobody is connected yet"));
    }

    /// Lets time pass until both are silent and all deadlines of less than a second are over.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000 {
            let up = self.client_sends();
            self.server_takes(up);
            let down = self.server_sends();
            self.client_takes(down);
            self.pass(Duration::from_millis(1));
        }
    }

    pub(super) fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }

    /// Sends messages from the client and returns the datagrams that hold them.
    pub(super) fn send(&mut self, channel: u8, messages: &[&[u8]]) -> Vec<Vec<u8>> {
        let peer = self.peer.expect("the client dialled");
        for message in messages {
            let sent = self
                .client
                .send(self.now, peer, ChannelId::new(channel), message);
            sent.expect("the queue has room");
        }
        self.client.flush(self.now);
        self.client_sends()
    }

    /// Sends one message back, so that the client has something to acknowledge.
    pub(super) fn send_to_client(&mut self, channel: u8, message: &[u8]) -> Vec<Vec<u8>> {
        let peer = self.server.peers().next().expect("the client is connected");
        let sent = self
            .server
            .send(self.now, peer, ChannelId::new(channel), message);
        sent.expect("the queue has room");
        self.server.flush(self.now);
        self.server_sends()
    }

    /// Every datagram that the client hands out now.
    pub(super) fn client_sends(&mut self) -> Vec<Vec<u8>> {
        datagrams(&mut self.client, self.now)
    }

    /// Every datagram that the server hands out now.
    pub(super) fn server_sends(&mut self) -> Vec<Vec<u8>> {
        datagrams(&mut self.server, self.now)
    }

    pub(super) fn server_takes(&mut self, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        for mut datagram in datagrams {
            let arrival = Arrival::game(Self::CLIENT);
            self.server
                .handle_datagram(self.now, arrival, &mut datagram);
        }
    }

    pub(super) fn client_takes(&mut self, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        for mut datagram in datagrams {
            let arrival = Arrival::game(Self::SERVER);
            self.client
                .handle_datagram(self.now, arrival, &mut datagram);
        }
    }

    /// Hands the server a datagram out of the document and returns its answer.
    pub(super) fn ask(&mut self, datagram: Vec<u8>) -> Vec<u8> {
        self.server_takes([datagram]);
        let mut answers = self.server_sends();
        assert_eq!(answers.len(), 1, "one answer is expected");
        answers.remove(0)
    }

    pub(super) fn server_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }
}

const fn address(last: u8) -> SocketAddr {
    let ip = std::net::Ipv4Addr::new(192, 0, 2, last);
    SocketAddr::new(std::net::IpAddr::V4(ip), 7000)
}

fn datagrams(endpoint: &mut Endpoint, now: Instant) -> Vec<Vec<u8>> {
    let mut buf = Vec::new();
    let mut datagrams = Vec::new();
    while endpoint.poll_transmit(now, &mut buf).is_some() {
        datagrams.push(std::mem::take(&mut buf));
    }
    datagrams
}

/// What is in a packet with a 1-byte number: everything between the header and the tag.
pub(super) fn content(packet: &[u8]) -> &[u8] {
    &packet[HEADER_LEN..packet.len() - TAG_LEN]
}

/// Flags, 2-byte id, 1-byte number.
pub(super) const HEADER_LEN: usize = 4;

/// A packet to the server with this content: as `like`, but of this number.
pub(super) fn packet(like: &[u8], number: u8, content: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, like[1], like[2], number];
    packet.extend_from_slice(content);
    packet.extend_from_slice(&TAG);
    packet
}
