//! One lost fragment costs a long message nothing, where its channel wants parities.
//!
//! A client says 9,000 bytes ten times a second, which is eight fragments, beside 64 bytes of state at 60 Hz in both
//! directions; 25 ms each way, give or take 2.

use std::time::Duration;

use tickwire_core::{ChannelConfig, ChannelId, Config, Delivery, Event, PeerStats};
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{Fate, Link, Oracle, Pair, Recording, Replay, ms};

const STATE: u8 = 0;
const LONG: u8 = 1;
const HZ: u64 = 60;
const LEN: usize = 9_000;
const SECONDS: u64 = 100;
/// Bytes of an IPv4 and a UDP header.
const HEADERS: u64 = 28;

fn config(accepts: bool, delivery: Delivery, parity: u8) -> Config {
    let channels = vec![
        ChannelConfig::new(Delivery::Unreliable),
        ChannelConfig::new(delivery).parity(parity),
    ];
    let config = Config::builder().accepts(accepts).channels(channels);
    config.build().expect("valid")
}

fn pair(seed: u64, delivery: Delivery, parity: u8) -> Pair {
    let configs = [false, true].map(|accepts| config(accepts, delivery, parity));
    let [client, server] = configs;
    let mut pair = Pair::with_configs(seed, client, server)
        .link(Link::new().latency(ms(25)))
        .connect();
    pair.run_for(ms(200));
    pair
}

/// What became of the long messages of three sessions.
#[derive(Debug, Default)]
struct Tally {
    sent: usize,
    latencies: Vec<Duration>,
    bytes: u64,
    states_sent: u64,
    states_heard: u64,
    parities_used: u64,
    retransmissions: u64,
}

impl Tally {
    fn of(delivery: Delivery, parity: u8, loss: u16) -> Self {
        let mut tally = Self::default();
        for seed in 1..=3 {
            tally.play(pair(seed, delivery, parity), loss);
        }
        tally.latencies.sort_unstable();
        tally
    }

    fn play(&mut self, pair: Pair, loss: u16) {
        let link = Link::new().latency(ms(23)).jitter(ms(4)).loss(loss);
        let mut pair = pair.link(link);
        let start = pair.world.now();
        let mut sent_at = Vec::new();
        for tick in 0..SECONDS * HZ {
            let at = start + Duration::from_nanos(tick * 1_000_000_000 / HZ);
            let wait = at.saturating_duration_since(pair.world.now());
            pair.world.run_for(wait);
            pair.send_to_server(STATE, &[1; 64]).expect("room");
            pair.send_to_client(STATE, &[2; 64]).expect("room");
            if tick.is_multiple_of(6) {
                let mut message = vec![3; LEN];
                message[..8].copy_from_slice(&sent_at.len().to_be_bytes());
                message[LEN - 8..].copy_from_slice(&sent_at.len().to_le_bytes());
                sent_at.push(pair.world.now());
                pair.send_to_server(LONG, &message).expect("room");
            }
            pair.flush();
            self.states_sent += 1;
        }
        pair.run_for(ms(3_000));
        for (at, event) in pair.world.timed_events(pair.server) {
            let Event::Message {
                channel, payload, ..
            } = event
            else {
                continue;
            };
            if channel == ChannelId::new(STATE) {
                self.states_heard += 1;
                continue;
            }
            let [first, last] = [&payload[..8], &payload[LEN - 8..]];
            let number = u64::from_be_bytes(first.try_into().expect("8 bytes"));
            assert_eq!(last, number.to_le_bytes(), "not of two messages");
            let latency = at.saturating_duration_since(sent_at[number as usize]);
            self.latencies.push(latency);
        }
        let stats = |stats: Option<PeerStats>| stats.expect("connected");
        let (up, heard) = (stats(pair.client_stats()), stats(pair.server_stats()));
        self.sent += sent_at.len();
        self.bytes += up.bytes_sent + HEADERS * up.datagrams_sent;
        self.retransmissions += up.retransmissions;
        self.parities_used += heard.parities_used;
        assert_eq!(heard.receive_buffered_bytes, 0);
    }

    /// So many of 1,000 messages that came were not later.
    fn late(&self, permille: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * permille / 1_000]
    }

    fn came_permille(&self) -> usize {
        self.latencies.len() * 1_000 / self.sent
    }

    fn row(&self, name: &str) -> String {
        let late = [500, 900, 950, 990].map(|permille| self.late(permille).as_millis());
        let came = self.came_permille();
        let rate = self.bytes / (3 * SECONDS) / 1_000;
        format!(
            "| {name} | {}.{} % | {} | {} | {} | {} | {rate} KB/s |",
            came / 10,
            came % 10,
            late[0],
            late[1],
            late[2],
            late[3]
        )
    }
}

#[test]
fn a_lost_fragment_of_a_reliable_message_costs_no_round_trip() {
    let tally = |parity| Tally::of(Delivery::Reliable, parity, 50);
    let (without, eight, four) = (tally(0), tally(8), tally(4));
    for (name, tally) in [
        ("reliable, without", &without),
        ("reliable, 8", &eight),
        ("reliable, 4", &four),
    ] {
        println_row(name, tally);
        assert_eq!(tally.came_permille(), 1_000, "{tally:?}");
        let spared = tally.states_sent * 95 / 100;
        assert!(tally.states_heard.abs_diff(spared) * 100 <= tally.states_sent);
    }
    // A third of the messages lose a fragment, one in fourteen two of nine, one in twenty two of a group of five.
    assert!(without.late(900) > ms(100) && eight.late(900) < ms(60) && four.late(900) < ms(60));
    assert!(four.late(950) < without.late(950) && four.late(990) < without.late(990));
    assert!(eight.bytes * 100 < without.bytes * 118 && four.bytes * 100 < without.bytes * 132);
    assert!(eight.parities_used > 500 && without.parities_used == 0);
}

#[test]
fn a_lost_fragment_of_an_unreliable_message_is_not_its_death() {
    let tally = |parity, loss| Tally::of(Delivery::Unreliable, parity, loss);
    let (without, eight, four) = (tally(0, 50), tally(8, 50), tally(4, 50));
    println_row("unreliable, without", &without);
    println_row("unreliable, 8", &eight);
    println_row("unreliable, 4", &four);
    // 0.95^8 are 66 %; 0.95^9 + 9 * 0.05 * 0.95^8 are 93 %; (0.95^5 + 5 * 0.05 * 0.95^4)^2 are 95 %.
    assert!((630..=690).contains(&without.came_permille()));
    assert!(eight.came_permille() >= 905 && four.came_permille() >= 935);
    assert!(four.late(999) < ms(45), "{four:?}");
    let clean = tally(4, 0);
    assert_eq!(clean.came_permille(), 1_000);
}

/// For the table in docs/BENCHMARKS.md.
#[expect(clippy::print_stdout, reason = "measured figures, for --nocapture")]
fn println_row(name: &str, tally: &Tally) {
    println!("{}", tally.row(name));
}

/// The second of four fragments, and with it, or not, another datagram of its group.
#[test]
fn one_lost_fragment_is_made_up_for_and_two_are_not() {
    for (parity, lost, comes) in [
        (0, &[1][..], false),
        (4, &[1], true),
        (4, &[4], true),
        (4, &[1, 2], false),
        (4, &[1, 4], false),
        (2, &[1, 3], true),
    ] {
        let mut pair = pair(1, Delivery::Sequenced, parity);
        let fates = (0..6).map(|nth| match lost.contains(&nth) {
            true => Fate::Drop,
            false => Fate::Deliver,
        });
        pair = pair.link_to_server(Link::new().latency(ms(25)).schedule(fates));
        pair.send_to_server(LONG, &[7; 4_300]).expect("room");
        pair.run_for(ms(40));
        let came = pair.server_messages().len();
        assert_eq!(came, usize::from(comes), "{parity}, {lost:?}");
    }
}

#[test]
fn whatever_is_lost_and_in_whatever_order_it_comes_each_message_is_as_it_was_sent() {
    for_seeds(usually(40), |seed| {
        for delivery in [
            Delivery::Unreliable,
            Delivery::Sequenced,
            Delivery::Reliable,
            Delivery::Ordered,
        ] {
            let parity = [2, 3, 5, 16][seed as usize % 4];
            let link = Link::new().latency(ms(20)).jitter(ms(30)).loss(100);
            let link = link.duplication(50).reordering(100, ms(40));
            let mut pair = pair(seed, delivery, parity).link(link);
            let mut oracle = Oracle::new(delivery);
            for tick in 0..60 {
                let len = 500 + (seed as usize * 977 + tick * 613) % 7_000;
                let sent = oracle.send(len, |message| pair.send_to_server(LONG, message));
                sent.expect("room");
                pair.run_for(ms(30));
                for message in pair.server_messages() {
                    oracle.on_received(&message.payload).expect("as promised");
                }
            }
            pair.heal();
            pair.run_for(ms(5_000));
            for message in pair.server_messages() {
                oracle.on_received(&message.payload).expect("as promised");
            }
            if delivery.is_reliable() {
                oracle.complete().expect("all that was said");
            }
            let stats = pair.server_stats().expect("connected");
            assert_eq!(stats.receive_buffered_bytes, 0, "{delivery:?}");
            assert_eq!(stats.drops.parity_no_room, 0);
        }
    });
}

#[test]
fn a_recording_of_parities_replays_to_the_byte() {
    let mut pair = pair(4, Delivery::Unreliable, 3).link(Link::new().latency(ms(25)).loss(100));
    let hosts = [pair.client, pair.server];
    for host in hosts {
        pair.world.start_recording(host);
    }
    for _ in 0..60 {
        pair.send_to_server(LONG, &[7; LEN]).expect("room");
        pair.run_for(ms(50));
    }
    assert!(pair.server_stats().expect("connected").parities_used > 10);
    for host in hosts {
        let recording = Recording::read(pair.world.end_recording(host));
        let report = Replay::new(&recording.expect("just written")).run();
        assert!(report.is_identical(), "{report:?}");
    }
}
