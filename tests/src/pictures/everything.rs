//! A world in which every kind of datagram and every frame that endpoints send crosses the wire.

use std::net::SocketAddr;

use tickwire_core::{
    AnnounceConfig, ChannelId, CipherSuite, Config, ConfigBuilder, DiscoveryQuery, Event, Farewell,
    PeerId, PublicKey, SecretKey, ServerIdentity,
};
use tickwire_sim::{Capture, CaptureLimits, HostId, Link, Nat, World, ms};

const UNRELIABLE: u8 = 0;
const SEQUENCED: u8 = 1;
const RELIABLE: u8 = 2;
const ORDERED: u8 = 3;

/// What crossed the wire of it.
pub(super) fn everything() -> Capture {
    let mut stage = Stage::new();
    // What a client asks in a packet without messages is padded, so one of them breaks its silence before the server does.
    let aes = stage.client(Config::builder().keepalive_interval(ms(1_000)));
    let chacha = stage.client(
        Config::builder()
            .ciphers(vec![CipherSuite::ChaCha20Poly1305])
            .connection_id_len(8),
    );
    let known = ServerIdentity::Known(stage.server_key());
    let aes_peer = stage.connect(aes, known);
    let chacha_peer = stage.connect(chacha, ServerIdentity::TrustOnFirstUse);
    for (host, peer) in [(aes, aes_peer), (chacha, chacha_peer)] {
        stage.talk(host, peer);
        stage.change_keys(host, peer);
    }
    stage.look_for_servers(aes);
    stage.be_refused();
    stage.be_asked_for_a_cookie();
    stage.end(
        chacha,
        chacha_peer,
        Farewell::new(4, "so \"long\"\nand goodbye"),
    );
    stage.move_house(aes, aes_peer);
    stage.be_forgotten(aes, aes_peer);
    stage.give_up();
    stage.world.take_capture().expect("it was begun")
}

struct Stage {
    world: World,
    server: HostId,
}

fn built(config: ConfigBuilder) -> Config {
    config.build().expect("a valid configuration")
}

fn server_config() -> Config {
    let announce = AnnounceConfig {
        name: "Tom's server".to_owned(),
        port: World::GAME_PORT,
        players_max: 8,
        interval: None,
    };
    built(
        Config::builder()
            .accepts(true)
            .connection_id_len(3)
            .packets_per_key(100)
            .identity(Some(SecretKey::from_bytes([7; 32])))
            .announce(Some(announce)),
    )
}

impl Stage {
    fn new() -> Self {
        let mut world = World::new(11);
        world.default_link(Link::new().latency(ms(10)).loss(30).duplication(20));
        let server = world.add(server_config());
        world.set_name(server, "S");
        world.capture(CaptureLimits::default());
        Self { world, server }
    }

    fn server_key(&self) -> PublicKey {
        self.world.view(self.server).public_key()
    }

    fn client(&mut self, config: ConfigBuilder) -> HostId {
        self.world.add(built(config))
    }

    fn dial(&mut self, host: HostId, identity: ServerIdentity) -> PeerId {
        let server = self.world.address(self.server);
        self.world
            .act(host, |endpoint, now| {
                endpoint.connect(now, server, identity)
            })
            .expect("it can dial")
    }

    fn connect(&mut self, host: HostId, identity: ServerIdentity) -> PeerId {
        let peer = self.dial(host, identity);
        let is_connected = |event: &Event| matches!(event, Event::Connected { .. }).then_some(());
        let connected = self.world.run_until(
            |world| world.take_event(host, is_connected).is_some(),
            ms(5_000),
        );
        assert!(connected);
        peer
    }

    fn send(&mut self, host: HostId, peer: PeerId, channel: u8, payload: &[u8]) {
        let sent = self.world.act(host, |endpoint, now| {
            endpoint.send(now, peer, ChannelId::new(channel), payload)
        });
        sent.expect("the queue has room");
    }

    /// So many packets that their keys are changed.
    fn change_keys(&mut self, host: HostId, peer: PeerId) {
        for _ in 0..150 {
            self.send(host, peer, ORDERED, b"short");
            self.world.run_for(ms(20));
        }
    }

    /// All deliveries, whole and in fragments, pings, and so much that credit is given anew.
    fn talk(&mut self, host: HostId, peer: PeerId) {
        for round in 0..20 {
            for channel in [UNRELIABLE, SEQUENCED, RELIABLE, ORDERED] {
                self.send(host, peer, channel, b"short");
                if round < 3 {
                    self.send(host, peer, channel, &[7; 4_000]);
                }
            }
            self.world.run_for(ms(33));
        }
        self.world
            .act(host, |endpoint, now| endpoint.ping(now, peer))
            .expect("connected");
        for _ in 0..4 {
            self.send(host, peer, RELIABLE, &[7; 20_000]);
            self.world.run_for(ms(500));
        }
    }

    /// Discovery, and a probe.
    fn look_for_servers(&mut self, host: HostId) {
        let query = DiscoveryQuery {
            targets: vec![SocketAddr::from(([255, 255, 255, 255], 8_081))],
            timeout: ms(1_000),
        };
        let server = self.world.address(self.server);
        self.world.act(host, |endpoint, now| {
            endpoint.discover(now, query).expect("no other search");
            endpoint.probe(now, server);
        });
        self.world.run_for(ms(1_500));
    }

    /// Inside the handshake, and outside of it.
    fn be_refused(&mut self) {
        let other = self.client(Config::builder().protocol_id(2));
        self.dial(other, ServerIdentity::TrustOnFirstUse);
        let mistaken = self.client(Config::builder());
        let wrong = PublicKey::from_bytes([9; 32]);
        self.dial(mistaken, ServerIdentity::Known(wrong));
        self.world.run_for(ms(3_000));
    }

    /// Another server wants to see who comes.
    fn be_asked_for_a_cookie(&mut self) {
        let wary = self
            .world
            .add(built(Config::builder().accepts(true).unproven_max(0)));
        let server = self.world.address(wary);
        let guest = self.client(Config::builder());
        let dialled = self.world.act(guest, |endpoint, now| {
            endpoint.connect(now, server, ServerIdentity::TrustOnFirstUse)
        });
        dialled.expect("it can dial");
        self.world.run_for(ms(3_000));
    }

    fn end(&mut self, host: HostId, peer: PeerId, farewell: Farewell) {
        self.world.act(host, |endpoint, now| {
            endpoint.disconnect(now, peer, farewell)
        });
        self.world.run_for(ms(3_000));
    }

    /// The client's packets come from another address from now on.
    fn move_house(&mut self, host: HostId, peer: PeerId) {
        let nat = self.world.add_nat(Nat::new());
        self.world.put_behind(host, nat);
        self.send(host, peer, RELIABLE, b"where am I?");
        self.world.run_for(ms(3_000));
    }

    /// The server begins anew, and tells the client.
    fn be_forgotten(&mut self, host: HostId, peer: PeerId) {
        self.world.restart(self.server, server_config());
        self.send(host, peer, RELIABLE, b"are you there?");
        self.world.run_for(ms(2_000));
    }

    /// A message that is never acknowledged.
    fn give_up(&mut self) {
        let hasty = Config::builder().delivery_timeout(ms(1_000));
        let host = self.client(hasty);
        let peer = self.connect(host, ServerIdentity::TrustOnFirstUse);
        self.world.run_for(ms(500));
        let server = self.server;
        self.world.link(server, host, Link::new().loss(1_000));
        self.send(host, peer, ORDERED, b"important");
        self.world.run_for(ms(5_000));
    }
}
