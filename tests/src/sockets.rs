//! On real sockets the same script gives the same messages per channel, in the same order, as in the simulator.
//!
//! Bytes cannot be compared here: time is what it is. Nothing sleeps: each side waits for what it was sent, with a
//! timeout that only ends a test that hangs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tickwire_core::{ChannelId, Config, EcnState, Event, Farewell, PeerId, ServerIdentity};
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{Link, Pair, Rng, ms};
use tickwire_tokio::{Handle, Options, bind};

const CLIENT: usize = 0;
const SERVER: usize = 1;
/// The default channels, one of each delivery; this one keeps no order.
const CHANNELS: u8 = 4;
const RELIABLE: usize = 2;
/// Ends a test that hangs, in the simulator and on sockets.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message that one host sends to the other.
#[derive(Clone, Debug)]
struct Line {
    from: usize,
    channel: u8,
    payload: Vec<u8>,
}

/// What is said at once; the next begins when all of it has arrived.
type Burst = Vec<Line>;

/// The messages that arrived at each host, by channel.
type Heard = [[Vec<Bytes>; CHANNELS as usize]; 2];

/// Twelve bursts, each well below what the buffer of a socket holds, so that loopback loses nothing.
fn script(seed: u64) -> Vec<Burst> {
    let mut rng = Rng::new(seed).fork("script");
    let mut number: u64 = 0;
    let mut line = |rng: &mut Rng| {
        number += 1;
        let mut payload = number.to_be_bytes().to_vec();
        let most = if rng.chance(100) { 12_000 } else { 600 };
        let size = rng.between(8, most);
        payload.resize(usize::try_from(size).expect("a small number"), 7);
        Line {
            from: usize::from(rng.chance(500)),
            channel: u8::try_from(rng.below(CHANNELS.into())).expect("a small number"),
            payload,
        }
    };
    let mut burst = |_| (0..rng.between(1, 40)).map(|_| line(&mut rng)).collect();
    (0..12).map(&mut burst).collect()
}

/// How many of a burst's messages a host will hear.
fn expected(burst: &Burst, host: usize) -> usize {
    burst.iter().filter(|line| line.from != host).count()
}

fn note(heard: &mut Heard, host: usize, channel: ChannelId, payload: Bytes) {
    heard[host][channel.index()].push(payload);
}

fn in_simulator(script: &[Burst]) -> Heard {
    let mut pair = Pair::new(1).link(Link::new().latency(ms(1))).connect();
    let mut heard = Heard::default();
    for burst in script {
        for line in burst {
            let sent = match line.from {
                CLIENT => pair.send_to_server(line.channel, &line.payload),
                _ => pair.send_to_client(line.channel, &line.payload),
            };
            sent.expect("the queue has room");
        }
        let mut missing = [expected(burst, CLIENT), expected(burst, SERVER)];
        let hosts = [pair.client, pair.server];
        let is_heard = pair.run_until(
            |world| {
                for host in [CLIENT, SERVER] {
                    for message in world.messages(hosts[host]) {
                        missing[host] -= 1;
                        note(&mut heard, host, message.channel, message.payload);
                    }
                }
                missing == [0, 0]
            },
            PATIENCE,
        );
        assert!(is_heard, "missing {missing:?}");
    }
    heard
}

/// Two endpoints on loopback that know each other.
struct Connected {
    handles: [Handle; 2],
    /// The other host, as each knows it.
    peers: [PeerId; 2],
}

fn open(accepts: bool) -> Handle {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // A machine that is busy with other things must not make unreliable messages too old to leave.
    let config = Config::builder().accepts(accepts);
    let config = config.unreliable_age_max(Duration::from_secs(10));
    bind(Options::new(config).game(address)).expect("a free port")
}

async fn next(handle: &Handle) -> Event {
    let event = tokio::time::timeout(PATIENCE, handle.next_event()).await;
    event.expect("waited in vain").expect("the endpoint runs")
}

impl Connected {
    async fn new() -> Self {
        let handles = [open(false), open(true)];
        let identity = ServerIdentity::Known(handles[SERVER].public_key());
        let server = handles[CLIENT]
            .connect(handles[SERVER].local_addr(), identity)
            .expect("a fresh client");
        assert!(matches!(
            next(&handles[CLIENT]).await,
            Event::Connected { .. }
        ));
        let Event::Connected { peer, .. } = next(&handles[SERVER]).await else {
            panic!("the first event is the connection");
        };
        Self {
            handles,
            peers: [server, peer],
        }
    }

    fn say(&self, burst: &Burst) {
        for line in burst {
            self.handles[line.from]
                .send(
                    self.peers[line.from],
                    ChannelId::new(line.channel),
                    &line.payload,
                )
                .expect("the queue has room");
        }
        self.handles.iter().for_each(Handle::flush);
    }

    async fn hear(&self, heard: &mut Heard, host: usize, count: usize) {
        for _ in 0..count {
            let event = next(&self.handles[host]).await;
            let Event::Message {
                channel, payload, ..
            } = event
            else {
                panic!("only messages should come, not {event:?}");
            };
            note(heard, host, channel, payload);
        }
    }

    /// Ends it, and shows that nothing more arrived than was heard.
    async fn part(self) {
        let [client, server] = &self.handles;
        let report = client.shutdown(Farewell::new(1, "all said")).await;
        assert_eq!((report.undelivered, report.abandoned), (0, 0));
        assert!(matches!(next(server).await, Event::Disconnected { .. }));
        assert!(matches!(next(client).await, Event::Disconnected { .. }));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn on_sockets(script: &[Burst]) -> Heard {
    let pair = Connected::new().await;
    let mut heard = Heard::default();
    for burst in script {
        pair.say(burst);
        for host in [CLIENT, SERVER] {
            pair.hear(&mut heard, host, expected(burst, host)).await;
        }
    }
    pair.part().await;
    heard
}

/// Reliable messages may overtake each other.
fn without_order(mut heard: Heard) -> Heard {
    for host in &mut heard {
        host[RELIABLE].sort();
    }
    heard
}

#[test]
fn the_same_script_gives_the_same_messages_per_channel_on_sockets_and_in_the_simulator() {
    for_seeds(0..10, |seed| {
        let script = script(seed);
        let simulated = without_order(in_simulator(&script));
        let real = without_order(on_sockets(&script));
        for host in [CLIENT, SERVER] {
            for channel in 0..usize::from(CHANNELS) {
                let (one, two) = (&simulated[host][channel], &real[host][channel]);
                let numbers = |list: &[Bytes]| -> Vec<Vec<u8>> {
                    list.iter().map(|message| message[..8].to_vec()).collect()
                };
                assert!(
                    one == two,
                    "host {host}, channel {channel}:\nsim:     {:?}\nsockets: {:?}",
                    numbers(one),
                    numbers(two)
                );
            }
        }
    });
}

/// And both are what was sent: the comparison is not of two lists of nothing.
#[test]
fn without_loss_every_message_of_the_script_arrives_in_the_order_sent() {
    let script = script(0);
    let real = without_order(on_sockets(&script));
    let mut sent = Heard::default();
    for line in script.into_iter().flatten() {
        let to = 1 - line.from;
        note(
            &mut sent,
            to,
            ChannelId::new(line.channel),
            line.payload.into(),
        );
    }
    assert!(real == without_order(sent), "not what was sent");
}

/// 2 MB, with at most 50 kB under way: so many datagrams that the kernel hands some over together. Returns what the client
/// knows of marks then.
#[tokio::main(flavor = "current_thread")]
async fn bulk_on_sockets() -> EcnState {
    const MESSAGES: usize = 200;
    const UNDER_WAY: usize = 5;
    let pair = Connected::new().await;
    let [client, server] = &pair.handles;
    let channel = ChannelId::new(CHANNELS - 1);
    for number in 0..MESSAGES + UNDER_WAY {
        if number < MESSAGES {
            let sent = client.send(pair.peers[CLIENT], channel, &[7; 10_000]);
            sent.expect("the queue has room");
            client.flush();
        }
        if number >= UNDER_WAY {
            assert!(matches!(next(server).await, Event::Message { .. }));
        }
    }
    let stats = client.peer_stats(pair.peers[CLIENT]).expect("connected");
    pair.part().await;
    stats.ecn
}

/// Marks come through the operating system, in both directions, in datagrams that leave and arrive many at a time.
#[test]
fn bulk_over_sockets_finds_that_marks_work() {
    assert_eq!(bulk_on_sockets(), EcnState::Capable);
}
