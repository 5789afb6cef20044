//! Who does what when, and what becomes of each datagram. All of it follows from a seed.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::{
    ChannelConfig, ChannelId, CipherSuite, Config, ConfigBuilder, Delivery, Farewell, Instant,
    PeerId, SendOptions, ServerIdentity, TickConfig,
};
use tickwire_sim::{Fate, Rng, ms};

use crate::manners::{Change, Manners};
use crate::options;

use super::record::Told;
use super::{ADDRESSES, CLIENT, SERVER, Stage};

/// What an owner does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// The client dials; with the server's key, or trusting the first it meets.
    Connect {
        knows_key: bool,
    },
    Send {
        channel: u8,
        size: usize,
        options: SendOptions,
    },
    Flush,
    /// Another congestion controller, or another quality of service of a channel.
    Change(Change),
    Ping,
    Probe,
    /// Takes events out of the endpoint from here on, or leaves them there.
    Read(bool),
    Disconnect(Farewell),
}

/// An owner's action at an instant.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: Instant,
    pub(super) host: usize,
    pub(super) action: Action,
}

/// One direction of the path: datagrams take `latency`, and meet these fates in turn. Those after them arrive.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) latency: Duration,
    /// In bytes a second.
    pub(super) rate: u64,
    pub(super) fates: Vec<Fate>,
}

/// A conversation of two hosts.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) seed: u64,
    pub(super) steps: Vec<Step>,
    /// From the host of this number to the other.
    pub(super) paths: [Path; 2],
    pub(super) suite: CipherSuite,
    /// Of the host of this number.
    pub(super) manners: [Manners; 2],
    /// Whether the server has a tick clock.
    pub(super) has_tick: bool,
    pub(super) end: Instant,
}

/// Longest message, in bytes.
const MESSAGE_MAX: usize = 16 * 1024;
/// A peer that no endpoint knows.
const NOBODY: PeerId = PeerId::new(9, 9);
const DELIVERIES: [Delivery; 4] = [
    Delivery::Unreliable,
    Delivery::Sequenced,
    Delivery::Reliable,
    Delivery::Ordered,
];
/// When the talk is over, at the latest; then the connection is closed, or the path is cut.
const TALK: Duration = Duration::from_secs(4);
/// Time for the end, an idle timeout too.
const END: Duration = Duration::from_secs(30);

impl Script {
    pub(super) fn drawn(seed: u64) -> Self {
        let mut rng = Rng::new(seed).fork("script");
        let is_cut = rng.chance(150);
        let mut steps = vec![Step {
            at: Instant::ZERO,
            host: CLIENT,
            action: Action::Connect {
                knows_key: rng.chance(500),
            },
        }];
        for _ in 0..rng.between(20, 60) {
            burst(&mut rng, &mut steps);
        }
        // Streams of their own: all else is as it was before there were manners.
        let manners = [0, 1].map(|host| Manners::drawn(&mut rng.fork_nth("manners", host)));
        changes(&mut rng.fork("changes"), &mut steps);
        for host in [CLIENT, SERVER] {
            steps.push(step(host, TALK, Action::Read(true)));
        }
        if !is_cut {
            let farewell = Farewell::new(7, "the script is over");
            let host = any_host(&mut rng);
            steps.push(step(host, TALK, Action::Disconnect(farewell)));
        }
        steps.sort_by_key(|step| step.at);
        let has_tick = rng.chance(300);
        if has_tick {
            // Which steps a late owner is told, and how late, depends on how often its endpoint was woken meanwhile.
            steps.retain(|step| step.host == CLIENT || !matches!(step.action, Action::Read(_)));
        }
        Self {
            seed,
            steps,
            paths: [0, 1].map(|_| path(&mut rng, is_cut)),
            suite: match seed % 2 {
                0 => CipherSuite::Aes128Gcm,
                _ => CipherSuite::ChaCha20Poly1305,
            },
            manners,
            has_tick,
            end: Instant::ZERO + TALK + END,
        }
    }

    /// A host's configuration: with caps so tight that a reader who stops is felt.
    pub(super) fn config(&self, host: usize) -> ConfigBuilder {
        let channels = DELIVERIES.map(|delivery| {
            ChannelConfig::new(delivery)
                .message_size_max(MESSAGE_MAX)
                .send_queue_bytes_max(3 * MESSAGE_MAX / 2)
                .receive_bytes_max(2 * MESSAGE_MAX)
        });
        let rate_hz = NonZeroU32::new(30).expect("not 0");
        let config = self.manners[host].of(Config::builder());
        config
            .channels(channels.to_vec())
            .connection_bytes_max(3 * MESSAGE_MAX)
            .accepts(host == SERVER)
            .ciphers(vec![self.suite])
            .tick((self.has_tick && host == SERVER).then(|| TickConfig::new(rate_hz)))
    }
}

/// Some actions of one host at one instant: in the talk's first seconds, at any nanosecond.
fn burst(rng: &mut Rng, steps: &mut Vec<Step>) {
    let at = Duration::from_nanos(rng.below(3_500_000_000));
    let host = any_host(rng);
    for _ in 0..rng.between(1, 4) {
        steps.push(step(host, at, any_action(rng)));
    }
    if rng.chance(500) {
        steps.push(step(host, at, Action::Flush));
    }
}

/// A few changes of mind in the talk's first seconds.
fn changes(rng: &mut Rng, steps: &mut Vec<Step>) {
    for _ in 0..rng.below(5) {
        let at = Duration::from_nanos(rng.below(3_500_000_000));
        let change = Change::drawn(rng);
        steps.push(step(any_host(rng), at, Action::Change(change)));
    }
}

fn step(host: usize, at: Duration, action: Action) -> Step {
    let at = Instant::ZERO + at;
    Step { at, host, action }
}

fn any_host(rng: &mut Rng) -> usize {
    [CLIENT, SERVER][usize::from(rng.chance(500))]
}

fn any_action(rng: &mut Rng) -> Action {
    match rng.below(20) {
        0 => Action::Ping,
        1 => Action::Probe,
        2..=3 => Action::Read(false),
        4 => Action::Read(true),
        _ => Action::Send {
            channel: u8::try_from(rng.below(4)).expect("a small number"),
            size: size(rng),
            options: match rng.chance(400) {
                true => options::drawn(rng),
                false => SendOptions::new(),
            },
        },
    }
}

/// Mostly small, some that fill a datagram, a few of many fragments.
fn size(rng: &mut Rng) -> usize {
    let most = match rng.below(10) {
        0..=5 => 64,
        6..=7 => 1_300,
        _ => MESSAGE_MAX as u64,
    };
    usize::try_from(rng.between(0, most)).expect("a small number")
}

/// Latencies are odd numbers of nanoseconds, and no two datagrams arrive at one instant: who lets them in together, as a
/// driver may, and who lets them in one by one, as the simulator does, may rightly say different things after each.
fn path(rng: &mut Rng, is_cut: bool) -> Path {
    let latency = ms(rng.between(2, 80)) + Duration::from_nanos(rng.below(1_000_000) | 1);
    let mut fates: Vec<Fate> = (0..400).map(|_| fate(rng)).collect();
    if is_cut {
        fates.extend(std::iter::repeat_n(Fate::Drop, 10_000));
    }
    Path {
        latency,
        rate: rng.between(200_000, 100_000_000),
        fates,
    }
}

fn fate(rng: &mut Rng) -> Fate {
    let place = u16::try_from(rng.below(1 << 16)).expect("16 bits");
    match rng.below(100) {
        0..=5 => Fate::Drop,
        6..=8 => Fate::Duplicate,
        9..=11 => Fate::Delay(1 + place % 60),
        12..=13 => Fate::Corrupt { bit: place },
        14 => Fate::Truncate { len: place },
        _ => Fate::Deliver,
    }
}

/// The bytes of the `number`-th message of a script.
fn payload(number: usize, size: usize) -> Vec<u8> {
    let byte = |index: usize| u8::try_from((number * 31 + index * 7) % 251).expect("below 251");
    (0..size).map(byte).collect()
}

/// Performs the `number`-th action of a script on `host`'s endpoint, and tells what that said to it. Reading is the
/// stage's own business.
pub(super) fn perform(stage: &mut impl Stage, host: usize, number: usize, action: &Action) {
    let server_key = stage.with(SERVER, |endpoint, _| endpoint.public_key());
    if let Action::Read(is_reading) = action {
        stage.set_reading(host, *is_reading);
    }
    let said = stage.with(host, |endpoint, now| {
        let other = ADDRESSES[1 - host];
        let peer = endpoint.peers().next().unwrap_or(NOBODY);
        match action {
            Action::Connect { knows_key } => {
                let identity = match knows_key {
                    true => ServerIdentity::Known(server_key),
                    false => ServerIdentity::TrustOnFirstUse,
                };
                format!("{:?}", endpoint.connect(now, other, identity))
            }
            Action::Send {
                channel,
                size,
                options,
            } => {
                let (channel, payload) = (ChannelId::new(*channel), payload(number, *size));
                let sent = endpoint.send_with(now, peer, channel, &payload, options);
                format!("{sent:?}")
            }
            Action::Flush => format!("{:?}", endpoint.flush(now)),
            Action::Change(change) => change.make(endpoint, peer),
            Action::Ping => format!("{:?}", endpoint.ping(now, peer)),
            Action::Probe => format!("{:?}", endpoint.probe(now, other)),
            Action::Disconnect(farewell) => {
                format!("{:?}", endpoint.disconnect(now, peer, farewell.clone()))
            }
            Action::Read(_) => String::new(),
        }
    });
    stage.record(host, Told::Answer(format!("{action:?}: {said}")));
}
