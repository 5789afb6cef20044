//! A world of three: an honest client talks with a server over links whose datagrams meet the fates that the input lists, and a second
//! client with valid keys puts whatever it likes into its packets. What the honest two are promised holds all the same: an oracle
//! follows each channel in each direction, and the simulator checks its invariants after every step.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arbitrary::{Arbitrary, Unstructured};
use tickwire_core::{
    AeadKey, ChannelConfig, ChannelId, CipherSuite, CloseReason, Config, ConfigBuilder,
    CongestionControl, Crypto, Delivery, Event, OpenError, PeerId, Portable, ServerIdentity,
    TAG_LEN,
};
use tickwire_sim::{Fate, HostId, Link, Oracle, World, ms};

use crate::Target;

pub(crate) const CONVERSATION: Target = Target {
    name: "conversation",
    run: |data| {
        if let Ok(script) = Script::arbitrary_take_rest(Unstructured::new(data)) {
            Party::meets(script.bounded());
        }
    },
    seeds,
    memory: (16 << 20, 4_096),
    weight: 20,
};

const DELIVERIES: [Delivery; 4] = [
    Delivery::Unreliable,
    Delivery::Sequenced,
    Delivery::Reliable,
    Delivery::Ordered,
];

/// All that an input says.
#[derive(Debug, Arbitrary)]
struct Script {
    seed: u8,
    manners: u8,
    acts: Vec<Act>,
    to_server: Vec<Fate>,
    to_client: Vec<Fate>,
}

/// What somebody does.
#[derive(Debug, Arbitrary)]
enum Act {
    /// One of the honest two says something.
    Say {
        to_server: bool,
        channel: u8,
        size: u16,
    },
    /// Time passes.
    Wait(u8),
    /// The next packet of the hostile client has these frames.
    Lie(Vec<u8>),
    /// The server says something to the hostile client.
    Answer { channel: u8, size: u16 },
    /// The server's owner looks away, or looks again.
    LookAway(bool),
    /// Another congestion controller.
    Control { of_server: bool, which: u8 },
}

impl Script {
    /// So much that it takes milliseconds, and no faults that nobody survives.
    fn bounded(mut self) -> Self {
        self.acts.truncate(40);
        for fates in [&mut self.to_server, &mut self.to_client] {
            fates.truncate(60);
            for fate in fates {
                if let Fate::Storm { copies } = fate {
                    *copies %= 20;
                } else if let Fate::Delay(millis) = fate {
                    *millis %= 1_500;
                } else if let Fate::Extend { len } = fate {
                    *len %= 2_000;
                }
            }
        }
        self
    }
}

/// Ciphers of the hostile client: the frames of its next packets are others than its endpoint thinks.
#[derive(Clone, Debug, Default)]
struct Puppet(Arc<Mutex<VecDeque<Vec<u8>>>>);

#[derive(Debug)]
struct PuppetKey {
    inner: Box<dyn AeadKey>,
    puppet: Puppet,
}

impl Puppet {
    fn next(&self) -> Option<Vec<u8>> {
        let mut lies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lies.pop_front()
    }

    fn push(&self, lie: Vec<u8>) {
        let mut lies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lies.push_back(lie);
    }
}

impl Crypto for Puppet {
    fn key(&self, suite: CipherSuite, key: &[u8]) -> Box<dyn AeadKey> {
        Box::new(PuppetKey {
            inner: Portable.key(suite, key),
            puppet: self.clone(),
        })
    }
}

impl AeadKey for PuppetKey {
    fn seal(&self, nonce: &[u8; 12], header: &[u8], bytes: &mut [u8]) -> [u8; TAG_LEN] {
        if let Some(lie) = self.puppet.next() {
            let is_compact = header.first().is_some_and(|first| first & 8 != 0);
            let frames = &mut bytes[usize::from(is_compact)..];
            let len = lie.len().min(frames.len());
            frames.fill(0);
            frames[..len].copy_from_slice(&lie[..len]);
        }
        self.inner.seal(nonce, header, bytes)
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        self.inner.open(nonce, header, bytes, tag)
    }
}

/// Everybody.
struct Party {
    world: World,
    server: HostId,
    client: HostId,
    liar: HostId,
    puppet: Puppet,
    /// What the client calls the server, and the server the client.
    peers: [Option<PeerId>; 2],
    /// To the server, to the client: one for each channel.
    oracles: [[Oracle; 4]; 2],
    has_ended: bool,
}

impl Party {
    fn meets(script: Script) {
        let mut party = Self::connected(script.seed, script.manners);
        let link = Link::new().latency(ms(10));
        let (server, client) = (party.server, party.client);
        let fates = |fates: Vec<Fate>| link.clone().schedule(fates);
        party.world.link(client, server, fates(script.to_server));
        party.world.link(server, client, fates(script.to_client));
        for act in script.acts {
            party.does(act);
            party.listens();
        }
        party.says_the_rest();
    }

    fn connected(seed: u8, manners: u8) -> Self {
        let mut world = World::new(seed.into());
        world.default_link(Link::new().latency(ms(5)));
        let puppet = Puppet::default();
        let server = world.add(build(settings(manners).accepts(true)));
        let client = world.add(build(settings(manners)));
        let liar = world.add(build(settings(manners).crypto(Arc::new(puppet.clone()))));
        let identity = ServerIdentity::Known(world.view(server).public_key());
        let address = world.address(server);
        let mut party = Self {
            world,
            server,
            client,
            liar,
            puppet,
            peers: [None; 2],
            oracles: [0; 2].map(|_| DELIVERIES.map(Oracle::new)),
            has_ended: false,
        };
        let mut dial = |host| {
            let dialled = party
                .world
                .act(host, |host, now| host.connect(now, address, identity));
            dialled.expect("free")
        };
        let to_server = dial(client);
        party.world.run_for(ms(100));
        let to_client = party.world.view(server).peers().next();
        party.peers = [Some(to_server), to_client];
        let dialled = party
            .world
            .act(liar, |host, now| host.connect(now, address, identity));
        dialled.expect("free");
        party.world.run_for(ms(100));
        party.listens();
        party
    }

    fn does(&mut self, act: Act) {
        match act {
            Act::Say {
                to_server,
                channel,
                size,
            } => self.says(to_server, channel & 3, usize::from(size) % 6_000),
            Act::Wait(millis) => self.world.run_for(ms(4 * u64::from(millis))),
            Act::Lie(frames) => {
                let len = frames.len().clamp(1, 1_100);
                self.puppet.push(frames);
                self.whispers(self.liar, 0, &vec![0; len]);
            }
            Act::Answer { channel, size } => {
                let message = vec![9; usize::from(size) % 6_000];
                self.whispers(self.server, channel & 3, &message);
            }
            Act::LookAway(away) => self.world.set_reading(self.server, !away),
            Act::Control { of_server, which } => {
                let (host, peer) = self.speaker(!of_server);
                let control = CONTROLLERS[usize::from(which) % CONTROLLERS.len()];
                if let Some(peer) = peer {
                    let _gone = self.world.endpoint(host).set_congestion(peer, control);
                }
            }
        }
    }

    fn speaker(&self, to_server: bool) -> (HostId, Option<PeerId>) {
        match to_server {
            true => (self.client, self.peers[0]),
            false => (self.server, self.peers[1]),
        }
    }

    fn says(&mut self, to_server: bool, channel: u8, size: usize) {
        let (host, peer) = self.speaker(to_server);
        let Some(peer) = peer else { return };
        let oracle = &mut self.oracles[usize::from(!to_server)][usize::from(channel)];
        let channel = ChannelId::new(channel);
        let world = &mut self.world;
        // A full queue, or a connection that has ended, is an answer too.
        let _refused = oracle.send(size, |message| {
            world.act(host, |host, now| {
                let sent = host.send(now, peer, channel, message);
                host.flush(now);
                sent
            })
        });
    }

    /// Between the hostile client and the server.
    fn whispers(&mut self, from: HostId, channel: u8, message: &[u8]) {
        let honest = self.peers[1];
        self.world.act(from, |host, now| {
            let others = host.peers().filter(|peer| Some(*peer) != honest);
            let others: Vec<PeerId> = others.collect();
            for peer in others {
                let _refused = host.send(now, peer, ChannelId::new(channel), message);
            }
            host.flush(now);
        });
    }

    fn listens(&mut self) {
        let _lies = self.world.events(self.liar);
        for (host, direction) in [(self.server, 0), (self.client, 1)] {
            for event in self.world.events(host) {
                self.hears(direction, event);
            }
        }
    }

    fn hears(&mut self, direction: usize, event: Event) {
        let honest = self.peers[1 - direction];
        if let Event::Message {
            peer,
            channel,
            payload,
        } = event
        {
            let oracle = &mut self.oracles[direction][channel.index()];
            let is_honest = Some(peer) == honest;
            let heard = is_honest.then(|| oracle.on_received(&payload));
            if let Some(Err(breach)) = heard {
                panic!("on {channel}: {breach}");
            }
        } else if let Event::Disconnected { peer, reason, .. } = event
            && Some(peer) == honest
        {
            // A link may be as bad as that; nobody may be blamed for what he did not do.
            let is_innocent = matches!(
                reason,
                CloseReason::IdleTimeout
                    | CloseReason::Undeliverable { .. }
                    | CloseReason::PeerCouldNotDeliver
                    | CloseReason::Reset
            );
            assert!(is_innocent, "{reason}");
            self.has_ended = true;
        }
    }

    /// The network is whole again: what is reliable arrives, and nothing is left.
    fn says_the_rest(mut self) {
        self.world.set_reading(self.server, true);
        self.world.heal();
        for _ in 0..60 {
            self.world.run_for(ms(250));
            self.listens();
            if self.has_ended || self.is_settled() {
                break;
            }
        }
        if self.has_ended {
            return;
        }
        for oracle in self.oracles.iter().flatten() {
            oracle
                .complete()
                .unwrap_or_else(|breach| panic!("{breach}"));
        }
    }

    fn is_settled(&self) -> bool {
        let ends = [(self.client, self.peers[0]), (self.server, self.peers[1])];
        ends.into_iter().all(|(host, peer)| {
            let stats = peer.and_then(|peer| self.world.view(host).peer_stats(peer));
            stats.is_none_or(|stats| stats.queued_bytes == 0 && stats.receive_buffered_bytes == 0)
        })
    }
}

const CONTROLLERS: [CongestionControl; 4] = [
    CongestionControl::Game,
    CongestionControl::Cubic,
    CongestionControl::Bbr,
    CongestionControl::NewReno,
];

fn settings(manners: u8) -> ConfigBuilder {
    let bit = |bit: u8| manners >> bit & 1 == 1;
    let channel = |delivery| {
        ChannelConfig::new(delivery)
            .message_size_max(8_000)
            .parity(if bit(0) { 3 } else { 0 })
    };
    Config::builder()
        .channels(DELIVERIES.map(channel).to_vec())
        .redundancy_percent_max(if bit(1) { 100 } else { 0 })
        .ecn(bit(2))
        .mtu_discovery(bit(3))
        .congestion(CONTROLLERS[usize::from(manners >> 6)])
        .connection_bytes_max(40_000)
        .unread_bytes_max(60_000)
}

fn build(settings: ConfigBuilder) -> Config {
    settings.build().expect("a valid configuration")
}

/// Bytes that are acts and fates of every kind, as they happen to be read: there is no encoder of scripts.
fn seeds() -> Vec<Vec<u8>> {
    let mut rng = tickwire_sim::Rng::new(7).fork("conversations");
    let lengths = [40, 200, 600, 1_200];
    let seeds = lengths.map(|len| (0..len).map(|_| rng.draw() as u8).collect());
    seeds.to_vec()
}
