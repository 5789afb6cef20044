//! Connect tokens in a whole world: who gets in with one, and that nobody else does, however often he tries.
//!
//! `TICKWIRE_TOKENS=1000000 cargo test --release -p tickwire-tests tokens` makes a million tries; without it there are fewer.
#![expect(
    clippy::print_stdout,
    reason = "the figures are what many tries are for"
)]

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{
    Arrival, CloseReason, Config, ConfigBuilder, ConnectToken, Endpoint, Entropy, Event, Grant,
    Instant, Refusal, SecretKey, ServerIdentity, TokenAuthority, TokenKey, TokenServer,
};
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{HostId, Link, Pair, Recording, Replay, World, ms};

/// What the calendar shows when the world's clock shows zero.
pub(crate) const START: u64 = 1_800_000_000;

/// Tries without `TICKWIRE_TOKENS`.
const TRIES: u64 = 4_000;

pub(crate) fn authority_key() -> TokenKey {
    TokenKey::from_bytes([0xA5; 32])
}

fn server_key() -> SecretKey {
    SecretKey::from_bytes([0x5E; 32])
}

/// A server that lets in only clients with a token.
pub(crate) fn server() -> ConfigBuilder {
    Config::builder()
        .accepts(true)
        .identity(Some(server_key()))
        .tokens(Some(TokenAuthority::new(authority_key())))
}

fn built(builder: ConfigBuilder) -> Config {
    builder.build().expect("a valid configuration")
}

/// A token for the server at this address.
fn grant(address: SocketAddr, client_id: u64, serial: u64) -> Grant {
    Grant {
        client_id,
        serial,
        expires_at: START + 60,
        servers: vec![TokenServer {
            address,
            key: Some(server_key().public_key()),
        }],
        user_data: b"rank=12".to_vec(),
    }
}

pub(crate) fn token(address: SocketAddr, client_id: u64, serial: u64) -> ConnectToken {
    issue(&grant(address, client_id, serial))
}

fn issue(grant: &Grant) -> ConnectToken {
    let seed = grant.client_id.rotate_left(32) ^ grant.serial ^ grant.expires_at.rotate_left(16);
    let issued = authority_key().issue(grant, Entropy::from_seed(seed).secret);
    issued.expect("a fair grant")
}

/// Tells a host the time.
pub(crate) fn tell_time(world: &mut World, host: HostId) {
    world.act(host, |endpoint, now| {
        let passed = Duration::from_nanos(now.as_nanos());
        endpoint.set_unix_time(now, Duration::from_secs(START) + passed);
    });
}

/// Begins to connect.
pub(crate) fn dial(world: &mut World, from: HostId, to: HostId, token: &ConnectToken) {
    let address = world.address(to);
    let dialled = world.act(from, |endpoint, now| {
        endpoint.connect_with_token(now, address, token)
    });
    dialled.expect("it can dial");
}

/// The client ids of those whom a host was told of, in order.
fn clients(world: &mut World, host: HostId) -> Vec<u64> {
    let events = world.events(host).into_iter();
    events
        .filter_map(|event| {
            let Event::Connected { client, .. } = event else {
                return None;
            };
            client.map(|client| client.id)
        })
        .collect()
}

fn has_event(world: &mut World, host: HostId, is_it: impl Fn(&Event) -> bool) -> bool {
    world
        .take_event(host, |event| is_it(event).then_some(()))
        .is_some()
}

#[test]
fn thirty_percent_loss_both_ways_keeps_nobody_with_a_token_out() {
    let link = Link::new().latency(ms(25)).loss(300);
    let mut slowest = Duration::ZERO;
    for_seeds(0..200, |seed| {
        let mut pair = Pair::with_configs(seed, Config::default(), built(server()));
        pair = pair.link(link.clone());
        let (client, server, start) = (pair.client, pair.server, pair.world.now());
        tell_time(&mut pair.world, server);
        let token = token(pair.world.address(server), 7, 1);
        let mut is_in = false;
        // An attempt that failed for 5 s may be made again with the same token: it is not used.
        for _ in 0..4 {
            dial(&mut pair.world, client, server, &token);
            let is_over = |event: &Event| {
                matches!(event, Event::Connected { .. } | Event::Disconnected { .. })
            };
            let mut over = None;
            pair.run_until(
                |world| {
                    over = over.take().or_else(|| {
                        world.take_event(client, |event| is_over(event).then(|| event.clone()))
                    });
                    over.is_some()
                },
                Duration::from_secs(10),
            );
            is_in = matches!(over, Some(Event::Connected { .. }));
            if is_in {
                break;
            }
            assert!(
                matches!(
                    over,
                    Some(Event::Disconnected {
                        reason: CloseReason::HandshakeTimeout,
                        ..
                    })
                ),
                "{over:?}"
            );
        }
        assert!(is_in, "four attempts of 5 s");
        slowest = slowest.max(pair.world.now().saturating_duration_since(start));
        pair.run_for(ms(2_000));
        assert_eq!(clients(&mut pair.world, server), [7]);
    });
    println!("the slowest of 200 was in after {slowest:?}");
    assert!(slowest < Duration::from_secs(6));
}

#[test]
fn a_newer_token_takes_over_across_addresses_and_both_owners_learn_it() {
    let mut world = World::new(3);
    world.default_link(Link::new().latency(ms(25)));
    let server = world.add(built(server().peers_max(1)));
    tell_time(&mut world, server);
    let (old, new) = (world.add(Config::default()), world.add(Config::default()));
    let address = world.address(server);
    dial(&mut world, old, server, &token(address, 7, 1));
    world.run_for(ms(500));
    dial(&mut world, new, server, &token(address, 7, 2));
    world.run_for(ms(2_000));
    assert_eq!(clients(&mut world, server), [7, 7]);
    let is_replaced = |event: &Event| {
        matches!(
            event,
            Event::Disconnected {
                reason: CloseReason::Replaced,
                ..
            }
        )
    };
    assert!(has_event(&mut world, old, is_replaced));
    assert_eq!(world.view(server).stats().peers_now, 1);
    assert!(
        !has_event(&mut world, new, is_replaced),
        "the new one stays"
    );
    // The old one comes back with what it had, and changes nothing.
    let older = token(address, 7, 1);
    dial(&mut world, old, server, &older);
    world.run_for(ms(2_000));
    let is_outdated = |event: &Event| {
        matches!(
            event,
            Event::Disconnected {
                reason: CloseReason::Refused(Refusal::TokenOutdated),
                ..
            }
        )
    };
    assert!(has_event(&mut world, old, is_outdated));
    assert_eq!(world.view(server).stats().peers_now, 1);
}

#[test]
fn what_happened_with_tokens_replays_without_the_authoritys_key() {
    for from_birth in [true, false] {
        let mut world = World::new(5);
        world.default_link(Link::new().latency(ms(25)).loss(100));
        let server = world.add(built(server()));
        if from_birth {
            world.record(server);
        }
        tell_time(&mut world, server);
        let address = world.address(server);
        for number in 0..6 {
            if number == 3 && !from_birth {
                world.start_recording(server);
            }
            let host = world.add(Config::default());
            world.record(host);
            // Some come twice, some are refused.
            let forged = TokenKey::from_bytes([1; 32]).issue(&grant(address, 9, 1), [2; 32]);
            let token = match number {
                2 => forged.expect("a fair grant"),
                _ => token(address, number % 3, number),
            };
            dial(&mut world, host, server, &token);
            world.run_for(ms(1_500));
            let recording = Recording::read(world.end_recording(host)).expect("it is whole");
            let report = Replay::new(&recording).run();
            assert!(report.is_identical(), "{:?}", report.divergence);
        }
        assert!(world.view(server).stats().refused.token_invalid > 0);
        let bytes = world.end_recording(server);
        let shows = |secret: &[u8; 32]| bytes.windows(16).any(|part| *part == secret[..16]);
        assert!(!shows(authority_key().as_bytes()) && !shows(server_key().as_bytes()));
        let recording = Recording::read(bytes).expect("it is whole");
        let report = Replay::new(&recording).run();
        assert!(report.is_identical(), "{:?}", report.divergence);
    }
}

/// A server under attack, called directly: there are many tries, and no network is needed for them.
struct Gate {
    now: Instant,
    server: Endpoint,
    tries: u64,
}

const GATE: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::new(10, 0, 0, 1),
    7_000,
));

impl Gate {
    fn new() -> Self {
        let now = Instant::from_millis(1);
        // Room for all, so that every try comes to where its token is judged.
        let config = server()
            .peers_max(1_000)
            .half_open_max(5_000)
            .unproven_max(5_000)
            .unproven_per_second(100_000);
        let mut server = Endpoint::new(built(config), Entropy::from_seed(1), now);
        server.set_unix_time(now, Duration::from_secs(START));
        Self {
            now,
            server,
            tries: 0,
        }
    }

    /// The serial and the seed of a token that nobody has had before.
    fn next(&mut self) -> u64 {
        self.tries += 1;
        self.now = self.now + ms(10);
        self.server.handle_timeout(self.now);
        // The calendar stands still at the gate, so that tokens live as long as the test.
        self.server
            .set_unix_time(self.now, Duration::from_secs(START));
        self.tries
    }

    fn client(&self, number: u64) -> (Endpoint, SocketAddr) {
        let address = 0x0B00_0000_u32 + (number % 1_000_000) as u32;
        let client = Endpoint::new(Config::default(), Entropy::from_seed(number), self.now);
        (client, SocketAddr::from((address.to_be_bytes(), 9)))
    }

    /// The HELLO of a client with this token.
    fn hello(&self, client: &mut Endpoint, token: &ConnectToken) -> Vec<u8> {
        let dialled = client.connect_with_token(self.now, GATE, token);
        dialled.expect("it can dial");
        let mut hello = Vec::new();
        let sent = client.poll_transmit(self.now, &mut hello);
        assert!(sent.is_some());
        hello
    }

    /// Hands a datagram to the server, and its answers to the client, and so on until both are silent.
    fn exchange(&mut self, client: &mut Endpoint, from: SocketAddr, mut hello: Vec<u8>) {
        let arrival = Arrival::game(from);
        self.server.handle_datagram(self.now, arrival, &mut hello);
        for _ in 0..6 {
            let mut answer = Vec::new();
            while let Some(transmit) = self.server.poll_transmit(self.now, &mut answer) {
                if transmit.to == from {
                    client.handle_datagram(self.now, Arrival::game(GATE), &mut answer);
                }
                answer.clear();
            }
            let mut up = Vec::new();
            while client.poll_transmit(self.now, &mut up).is_some() {
                self.server.handle_datagram(self.now, arrival, &mut up);
                up.clear();
            }
        }
    }

    fn accepted(&self) -> u64 {
        self.server.stats().accepted
    }

    /// One try to get in without a right to. What it has: an unused token's HELLO that was overheard, and a used token.
    fn try_in(&mut self, overheard: &[u8], used: &ConnectToken) {
        let number = self.next();
        let (mut client, from) = self.client(number);
        let own = token(GATE, number | 1 << 40, 1);
        let hello = match number % 8 {
            // An overheard HELLO from another address.
            0 => overheard.to_vec(),
            // Its sealed part in a HELLO of one's own: what is missing is the PSK.
            1 => {
                let mut hello = self.hello(&mut client, &own);
                let end = 6 + usize::from(hello[2]) + own.sealed().len();
                let start = 6 + usize::from(hello[2]);
                hello[start..end].copy_from_slice(&overheard[start..end]);
                hello
            }
            // A used token, with its PSK.
            2 => self.hello(&mut client, used),
            3 => {
                let expired = Grant {
                    expires_at: START,
                    ..grant(GATE, number | 1 << 40, 1)
                };
                self.hello(&mut client, &issue(&expired))
            }
            4 => {
                let mut elsewhere = grant(GATE, number | 1 << 40, 1);
                let other = SecretKey::from_bytes(Entropy::from_seed(number).secret);
                elsewhere.servers[0].key = Some(other.public_key());
                self.hello(&mut client, &issue(&elsewhere))
            }
            5 => {
                let other = TokenKey::from_bytes(Entropy::from_seed(number).secret);
                let forged = other.issue(&grant(GATE, 7, number), [3; 32]);
                self.hello(&mut client, &forged.expect("a fair grant"))
            }
            // One's own token, one bit changed on its way.
            6 => {
                let mut hello = self.hello(&mut client, &own);
                let len = own.sealed().len() as u64;
                let at = 6 + usize::from(hello[2]) + (number / 8 % len) as usize;
                hello[at] ^= 1 << (number / 8 / len % 8);
                hello
            }
            // No token at all.
            _ => {
                let dialled = client.connect(
                    self.now,
                    GATE,
                    ServerIdentity::Known(self.server.public_key()),
                );
                dialled.expect("it can dial");
                let mut hello = Vec::new();
                let sent = client.poll_transmit(self.now, &mut hello);
                assert!(sent.is_some());
                hello
            }
        };
        self.exchange(&mut client, from, hello);
    }
}

#[test]
fn nobody_gets_in_who_has_no_token_of_his_own_however_often_he_tries() {
    let tries = std::env::var("TICKWIRE_TOKENS").ok();
    let tries = tries.map_or(TRIES, |text| {
        text.parse().expect("TICKWIRE_TOKENS is a number")
    });
    let mut gate = Gate::new();
    // Somebody uses a token, and somebody else says hello with one and is overheard.
    let used = token(GATE, 1, 1);
    let (mut first, from) = gate.client(u64::MAX);
    let hello = gate.hello(&mut first, &used);
    gate.exchange(&mut first, from, hello);
    assert_eq!(gate.accepted(), 1);
    let waiting = token(GATE, 2, 1);
    let (mut honest, honest_from) = gate.client(u64::MAX - 1);
    let overheard = gate.hello(&mut honest, &waiting);
    for _ in 0..tries {
        gate.try_in(&overheard, &used);
    }
    assert_eq!(gate.accepted(), 1, "nobody got in");
    let refused = gate.server.stats().refused;
    let each = tries / 8;
    assert_eq!(refused.token_used, each);
    assert_eq!(refused.token_expired, each);
    assert_eq!(refused.token_elsewhere, each);
    assert_eq!(refused.token_invalid, 2 * each);
    assert_eq!(refused.token_missing, each);
    assert_eq!(gate.server.stats().used_tokens_now, 1);
    // Whose HELLO was overheard and sent a thousand times still gets in.
    gate.exchange(&mut honest, honest_from, overheard);
    assert_eq!(gate.accepted(), 2);
    println!("{tries} tries, 0 got in; {refused:?}");
}
