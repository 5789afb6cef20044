//! How late the slowest reliable messages are on lossy links: a client sends 100 reliable bytes ten times a second and
//! 64 bytes of state at 60 Hz, its server 64 bytes at 60 Hz; 25 ms each way, give or take 2.
//!
//! Run it with `cargo run -p tickwire-sim --example latency`; `-- 60` plays 60 s for each seed instead of 600, and a second
//! number sets the bytes that copies may add, in percent (0 is off).
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::Duration;

use tickwire_core::{ChannelId, Config, Event, Instant, PeerStats};
use tickwire_sim::{Bursts, Link, Pair, ms};

const STATE: u8 = 0;
const ORDERED: u8 = 3;
const SEEDS: u64 = 3;
/// Bytes of an IPv4 and a UDP header.
const HEADERS: u64 = 28;

fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = || args.next().and_then(|arg| arg.parse::<u64>().ok());
    let seconds = number().unwrap_or(600);
    let percent = u8::try_from(number().unwrap_or(40)).expect("0 to 100");
    println!(
        "| link | p50 | p99 | p99.9 | max | state | up B/s | down B/s | up /s | down /s | sent again | copies | probes | lost |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let near = || Link::new().latency(ms(23)).jitter(ms(4));
    let far = || Link::new().latency(ms(73)).jitter(ms(4));
    for loss in [0, 10, 20, 50, 100, 200] {
        measure(
            &format!("{} %", loss / 10),
            near().loss(loss),
            seconds,
            percent,
        );
    }
    let bursts = Bursts::by_time(ms(67), ms(1_273));
    measure("bursts, 5 %", near().bursts(bursts), seconds, percent);
    measure("5 %, 150 ms", far().loss(50), seconds, percent);
}

/// What one session or several came to.
#[derive(Default)]
struct Tally {
    /// From `send` to the owner, of every reliable message.
    latencies: Vec<Duration>,
    states_sent: u64,
    states_heard: u64,
    seconds: u64,
    up: Traffic,
    down: Traffic,
    resent: u64,
    copies: u64,
    probes: u64,
    lost: u64,
    /// Reliable messages heard in this session.
    heard: usize,
}

#[derive(Clone, Copy, Default)]
struct Traffic {
    bytes: u64,
    datagrams: u64,
}

impl Traffic {
    fn add(&mut self, before: &PeerStats, after: &PeerStats) {
        self.datagrams += after.datagrams_sent - before.datagrams_sent;
        self.bytes += after.bytes_sent - before.bytes_sent
            + HEADERS * (after.datagrams_sent - before.datagrams_sent);
    }
}

fn measure(name: &str, link: Link, seconds: u64, percent: u8) {
    let mut tally = Tally::default();
    for seed in 1..=SEEDS {
        play(seed, &link, seconds, percent, &mut tally);
    }
    tally.latencies.sort_unstable();
    let at = |permille: usize| {
        let index = (tally.latencies.len() - 1) * permille / 1_000;
        let tenths = tally.latencies[index].as_micros() / 100;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let rate = |count: u64| count / tally.seconds;
    println!(
        "| {name} | {} | {} | {} | {} | {}.{} % | {} | {} | {} | {} | {} | {} | {} | {} |",
        at(500),
        at(990),
        at(999),
        at(1_000),
        tally.states_heard * 100 / tally.states_sent,
        tally.states_heard * 1_000 / tally.states_sent % 10,
        rate(tally.up.bytes),
        rate(tally.down.bytes),
        rate(tally.up.datagrams),
        rate(tally.down.datagrams),
        tally.resent,
        tally.copies,
        tally.probes,
        tally.lost,
    );
}

fn play(seed: u64, link: &Link, seconds: u64, percent: u8, tally: &mut Tally) {
    let config = |accepts| {
        let config = Config::builder()
            .accepts(accepts)
            .redundancy_percent_max(percent);
        config.build().expect("valid")
    };
    let mut pair = Pair::with_configs(seed, config(false), config(true))
        .link(Link::new().latency(ms(25)))
        .connect();
    pair.run_for(ms(200));
    let mut pair = pair.link(link.clone());
    let (up, down) = stats(&pair);
    let start = pair.world.now();
    let mut sent_at: Vec<Instant> = Vec::new();
    let ticks = seconds * 60;
    for tick in 0..ticks {
        let at = start + Duration::from_nanos(tick * 1_000_000_000 / 60);
        let pause = at.saturating_duration_since(pair.world.now());
        pair.world.run_for(pause);
        pair.send_to_server(STATE, &[1; 64]).expect("room");
        pair.send_to_client(STATE, &[2; 64]).expect("room");
        if tick % 6 == 0 {
            sent_at.push(pair.world.now());
            pair.send_to_server(ORDERED, &[3; 100]).expect("room");
        }
        pair.flush();
        hear(&mut pair, &sent_at, tally);
    }
    let (up_now, down_now) = stats(&pair);
    pair.run_for(ms(3_000));
    hear(&mut pair, &sent_at, tally);
    assert_eq!(tally.heard, sent_at.len(), "all arrived");
    tally.heard = 0;
    tally.states_sent += ticks;
    tally.seconds += seconds;
    tally.up.add(&up, &up_now);
    tally.down.add(&down, &down_now);
    tally.copies += up_now.copies_sent;
    tally.resent += up_now.retransmissions;
    tally.probes += up_now.probes_sent;
    tally.lost += up_now.packets_lost;
}

fn hear(pair: &mut Pair, sent_at: &[Instant], tally: &mut Tally) {
    for (at, event) in pair.world.timed_events(pair.server) {
        let Event::Message { channel, .. } = event else {
            continue;
        };
        if channel == ChannelId::new(STATE) {
            tally.states_heard += 1;
        } else {
            let latency = at.saturating_duration_since(sent_at[tally.heard]);
            tally.latencies.push(latency);
            tally.heard += 1;
        }
    }
    pair.world.timed_events(pair.client);
}

fn stats(pair: &Pair) -> (PeerStats, PeerStats) {
    (
        pair.client_stats().expect("connected"),
        pair.server_stats().expect("connected"),
    )
}
