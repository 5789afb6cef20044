//! A client and a server: the fixture of most tests.

use std::time::Duration;

use tickwire_core::{
    ChannelId, Config, Event, Farewell, MessageId, PeerId, PeerStats, SendError, ServerIdentity,
};

use crate::host::{HostId, Message};
use crate::link::Link;
use crate::world::World;

/// Two hosts of a [`World`], named C and S in traces: a client and the server it talks to.
///
/// Setters come before [`connect`](Self::connect); what is sent between two calls of
/// [`run_for`](Self::run_for) belongs to one tick and is flushed together.
#[derive(Debug)]
pub struct Pair {
    /// The world they live in, for everything that has no shorter way here.
    pub world: World,
    /// The host that dials.
    pub client: HostId,
    /// The host that accepts.
    pub server: HostId,
    /// The client's name for the server, once it dialled.
    server_peer: Option<PeerId>,
    /// The server's name for the client, once connected.
    client_peer: Option<PeerId>,
}

/// How long [`Pair::connect`] waits, in virtual time.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

impl Pair {
    /// Two hosts with default configurations that have not heard of each other, and a perfect network.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let server = Config::builder().accepts(true).build();
        Self::with_configs(
            seed,
            Config::default(),
            server.expect("defaults with `accepts` are valid"),
        )
    }

    /// As [`new`](Self::new), with these configurations.
    #[must_use]
    pub fn with_configs(seed: u64, client: Config, server: Config) -> Self {
        let mut world = World::new(seed);
        let client = world.add(client);
        let server = world.add(server);
        world.set_name(client, "C");
        world.set_name(server, "S");
        Self {
            world,
            client,
            server,
            server_peer: None,
            client_peer: None,
        }
    }

    /// A connected pair on a perfect network.
    #[must_use]
    pub fn connected(seed: u64) -> Self {
        Self::new(seed).connect()
    }

    /// Puts the same link in place in both directions.
    #[must_use]
    pub fn link(self, link: Link) -> Self {
        self.link_to_server(link.clone()).link_to_client(link)
    }

    /// Puts a link in place from the client to the server.
    #[must_use]
    pub fn link_to_server(mut self, link: Link) -> Self {
        self.world.link(self.client, self.server, link);
        self
    }

    /// Puts a link in place from the server to the client.
    #[must_use]
    pub fn link_to_client(mut self, link: Link) -> Self {
        self.world.link(self.server, self.client, link);
        self
    }

    /// Records the wire as text from here on.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.world.record_trace();
        self
    }

    /// Dials, with the server's key known, and waits until both sides are connected. The events that say so are
    /// taken.
    ///
    /// # Panics
    ///
    /// If they are not connected within 30 s.
    #[must_use]
    pub fn connect(mut self) -> Self {
        self.dial();
        self.connect_dialled()
    }

    /// As [`connect`](Self::connect), for a client that has dialled already.
    ///
    /// # Panics
    ///
    /// If they are not connected within 30 s.
    #[must_use]
    pub fn connect_dialled(mut self) -> Self {
        let (client, server) = (self.client, self.server);
        let mut is_client_connected = false;
        let mut client_peer = None;
        let is_connected = self.world.run_until(
            |world| {
                is_client_connected |= world.take_event(client, connected).is_some();
                client_peer = client_peer.or_else(|| world.take_event(server, connected));
                is_client_connected && client_peer.is_some()
            },
            CONNECT_LIMIT,
        );
        assert!(
            is_connected,
            "not connected within {CONNECT_LIMIT:?}: {:?}",
            self.world.events(client)
        );
        self.client_peer = client_peer;
        self
    }

    /// Begins to connect, with the server's key known.
    pub fn dial(&mut self) -> PeerId {
        let server_key = self.world.view(self.server).public_key();
        self.dial_as(ServerIdentity::Known(server_key))
    }

    /// Begins to connect to a server of this identity.
    ///
    /// # Panics
    ///
    /// If the client's endpoint refuses to.
    pub fn dial_as(&mut self, identity: ServerIdentity) -> PeerId {
        let address = self.world.address(self.server);
        let dialled = self.world.act(self.client, |endpoint, now| {
            endpoint.connect(now, address, identity)
        });
        let peer = dialled.expect("the client can dial");
        self.server_peer = Some(peer);
        peer
    }

    /// Sends from the client.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::send`](tickwire_core::Endpoint::send).
    pub fn send_to_server(&mut self, channel: u8, payload: &[u8]) -> Result<MessageId, SendError> {
        let peer = self.server_peer.ok_or(SendError::UnknownPeer)?;
        self.send(self.client, peer, channel, payload)
    }

    /// Sends from the server.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::send`](tickwire_core::Endpoint::send).
    pub fn send_to_client(&mut self, channel: u8, payload: &[u8]) -> Result<MessageId, SendError> {
        let peer = self.client_peer().ok_or(SendError::UnknownPeer)?;
        self.send(self.server, peer, channel, payload)
    }

    fn send(
        &mut self,
        host: HostId,
        peer: PeerId,
        channel: u8,
        payload: &[u8],
    ) -> Result<MessageId, SendError> {
        self.world.act(host, |endpoint, now| {
            endpoint.send(now, peer, ChannelId::new(channel), payload)
        })
    }

    /// Ends both owners' ticks and lets time pass.
    pub fn run_for(&mut self, duration: Duration) {
        self.flush();
        self.world.run_for(duration);
    }

    /// Ends both owners' ticks and lets time pass until `done`, but no longer than `limit`; tells whether it is
    /// done.
    pub fn run_until(&mut self, done: impl FnMut(&mut World) -> bool, limit: Duration) -> bool {
        self.flush();
        self.world.run_until(done, limit)
    }

    /// Ends both owners' ticks: what was sent leaves now.
    pub fn flush(&mut self) {
        for host in [self.client, self.server] {
            self.world.act(host, |endpoint, now| endpoint.flush(now));
        }
    }

    /// Takes all faults off both links; their latencies stay.
    pub fn heal(&mut self) {
        self.world.heal();
    }

    /// Closes the connection from the client's side.
    pub fn disconnect_client(&mut self, farewell: Farewell) {
        if let Some(peer) = self.server_peer {
            self.world.act(self.client, |endpoint, now| {
                endpoint.disconnect(now, peer, farewell);
            });
        }
    }

    /// Closes the connection from the server's side.
    pub fn disconnect_server(&mut self, farewell: Farewell) {
        if let Some(peer) = self.client_peer() {
            self.world.act(self.server, |endpoint, now| {
                endpoint.disconnect(now, peer, farewell);
            });
        }
    }

    /// Takes the messages that the server was given; other events stay.
    pub fn server_messages(&mut self) -> Vec<Message> {
        self.world.messages(self.server)
    }

    /// Takes the messages that the client was given; other events stay.
    pub fn client_messages(&mut self) -> Vec<Message> {
        self.world.messages(self.client)
    }

    /// Takes everything that the server was told.
    pub fn server_events(&mut self) -> Vec<Event> {
        self.world.events(self.server)
    }

    /// Takes everything that the client was told.
    pub fn client_events(&mut self) -> Vec<Event> {
        self.world.events(self.client)
    }

    /// The client's name for the server, once it dialled.
    #[must_use]
    pub fn server_peer(&self) -> Option<PeerId> {
        self.server_peer
    }

    /// The server's name for the client, once it knows it.
    #[must_use]
    pub fn client_peer(&self) -> Option<PeerId> {
        self.client_peer
            .or_else(|| self.world.view(self.server).peers().next())
    }

    /// The client's view of the connection; `None` without one.
    #[must_use]
    pub fn client_stats(&self) -> Option<PeerStats> {
        let peer = self.server_peer?;
        self.world.view(self.client).peer_stats(peer)
    }

    /// The server's view of the connection; `None` without one.
    #[must_use]
    pub fn server_stats(&self) -> Option<PeerStats> {
        let peer = self.client_peer()?;
        self.world.view(self.server).peer_stats(peer)
    }

    /// Writes a remark into the trace.
    pub fn note(&mut self, remark: &str) {
        self.flush();
        self.world.note(remark);
    }

    /// The wire since [`traced`](Self::traced), for people.
    #[must_use]
    pub fn trace(&mut self) -> &str {
        self.world.trace()
    }

    /// A hash of every datagram so far with its time and direction.
    #[must_use]
    pub fn wire_hash(&mut self) -> u64 {
        self.world.wire_hash()
    }
}

fn connected(event: &Event) -> Option<PeerId> {
    let Event::Connected { peer, .. } = event else {
        return None;
    };
    Some(*peer)
}
