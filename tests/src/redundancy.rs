//! A lost packet costs a tick, not a round trip: small reliable messages ride along again where losses are measured, within a
//! budget; and what recovery does without that.
//!
//! The workload is the one by which transports are compared: 100 reliable bytes ten times a second and 64 bytes of state
//! at 60 Hz one way, 64 bytes at 60 Hz the other, 25 ms each way, give or take 2.

use std::fmt;
use std::time::Duration;

use proptest::prelude::*;
use tickwire_core::{ChannelConfig, ChannelId, Config, Delivery, Event, Instant, PeerStats};
use tickwire_sim::{Bursts, Fate, Link, Pair, Recording, Replay, Rng, ms};

const STATE: u8 = 0;
const ORDERED: u8 = 3;
const HZ: u64 = 60;
/// Bytes of an IPv4 and a UDP header.
const HEADERS: u64 = 28;
/// What the bucket for copies holds beside the share of what leaves.
const BUCKET: u64 = 2_400;

#[test]
fn a_lost_packet_costs_a_tick() {
    let tally = |loss| Tally::of(&near().loss(loss), 40);
    let clean = tally(0);
    assert!(clean.late(990) < ms(28), "{clean:?}");
    assert!(clean.up.rate() <= 8_400, "{clean:?}");
    let one = tally(10);
    assert!(one.late(990) <= ms(45), "{one:?}");
    let five = tally(50);
    assert!(
        five.late(990) <= ms(45) && five.late(999) <= ms(65),
        "{five:?}"
    );
    assert!(
        five.up.rate() <= 10_500 && five.down.rate() <= 7_200,
        "{five:?}"
    );
    let ten = tally(100);
    assert!(ten.late(990) <= ms(62), "{ten:?}");
    let twenty = tally(200);
    assert!(
        // Each session begins without knowing the loss: the benchmark's, of ten minutes, have 110 ms.
        twenty.late(990) <= ms(65) && twenty.late(999) <= ms(130),
        "{twenty:?}"
    );
    for (tally, loss) in [(clean, 0), (one, 10), (five, 50), (ten, 100), (twenty, 200)] {
        assert!(
            tally.up.datagrams_rate() <= 66 && tally.down.datagrams_rate() <= 66,
            "{tally:?}"
        );
        // State arrives as the link has it: a copy displaces none.
        let spared = (1_000 - loss) * tally.states_sent / 1_000;
        assert!(
            tally.states_heard.abs_diff(spared) * 100 <= tally.states_sent,
            "{tally:?}"
        );
    }
}

#[test]
fn bursts_and_long_round_trips_are_survived() {
    let bursts = Tally::of(&near().bursts(Bursts::by_time(ms(67), ms(1_273))), 40);
    assert!(bursts.late(990) <= ms(150), "{bursts:?}");
    let far = Tally::of(&Link::new().latency(ms(73)).jitter(ms(4)).loss(50), 40);
    assert!(far.late(990) <= ms(100), "{far:?}");
}

#[test]
fn without_redundancy_recovery_alone_is_as_fast_as_any() {
    let tally = |loss| Tally::of(&near().loss(loss), 0);
    let (two, five, ten, twenty) = (tally(20), tally(50), tally(100), tally(200));
    assert!(two.late(990) <= ms(85), "{two:?}");
    assert!(
        five.late(990) <= ms(86) && five.late(999) <= ms(95),
        "{five:?}"
    );
    assert!(ten.late(990) <= ms(105), "{ten:?}");
    assert!(
        twenty.late(990) <= ms(185) && twenty.late(999) <= ms(280),
        "{twenty:?}"
    );
    for tally in [two, five, ten, twenty] {
        assert_eq!((tally.copies, tally.copy_bytes), (0, 0), "off is off");
    }
}

/// RFC 9000 section 13.2.1: a side that only listens tells of a gap at once, though what shows it is unreliable.
#[test]
fn a_listener_tells_of_a_gap_at_once() {
    let link = Link::new().latency(ms(25));
    let config = |accepts| {
        let config = Config::builder().accepts(accepts).redundancy_percent_max(0);
        config.build().expect("valid")
    };
    let mut pair = Pair::with_configs(1, config(false), config(true))
        .link(link.clone())
        .connect();
    pair.run_for(ms(1_000));
    pair = pair.link_to_server(link.schedule([Fate::Drop]));
    pair.send_to_server(ORDERED, b"lost").expect("room");
    for _ in 0..5 {
        pair.run_for(ms(20));
        pair.send_to_server(STATE, &[1; 64]).expect("room");
    }
    // A tick later the next datagram leaves, and shows the gap; there, back and there again take 75 ms.
    let heard = pair.server_messages();
    assert!(
        heard
            .iter()
            .any(|message| message.payload[..] == b"lost"[..]),
        "{heard:?}"
    );
}

#[test]
fn a_channel_that_wants_no_copies_gets_none() {
    let channel = ChannelConfig::new(Delivery::Ordered).redundancy(false);
    let config = |accepts| {
        let channels = vec![ChannelConfig::new(Delivery::Unreliable), channel.clone()];
        let config = Config::builder().accepts(accepts).channels(channels);
        config.build().expect("valid")
    };
    let mut pair = Pair::with_configs(1, config(false), config(true))
        .link(near().loss(100))
        .connect();
    for _ in 0..600 {
        pair.send_to_server(0, &[1; 64]).expect("room");
        pair.send_to_server(1, &[2; 64]).expect("room");
        pair.run_for(Duration::from_micros(16_667));
    }
    assert_eq!(pair.client_stats().expect("connected").copies_sent, 0);
}

#[test]
fn a_path_that_loses_nothing_gets_no_copies_but_at_first() {
    let mut session = Session::new(1, &near(), 40);
    session.play(2);
    let first = session.up();
    assert!((1..=10).contains(&first.copies_sent), "{first:?}");
    session.play(60);
    assert_eq!(session.up().copies_sent, first.copies_sent);
}

/// As many datagrams in a row as the gaps between copies survive, each place of the row in turn.
#[test]
fn a_burst_that_takes_a_message_and_its_first_copy_costs_two_ticks() {
    for first in 0..6 {
        let mut session = Session::new(1 + first, &near().loss(100), 40);
        session.play(5);
        session.pause();
        session.tally.latencies.clear();
        let fates = (0..12).map(|nth| match (first..first + 2).contains(&nth) {
            true => Fate::Drop,
            false => Fate::Deliver,
        });
        session.pair = session.pair.link_to_server(near().schedule(fates));
        session.play(1);
        session.pause();
        let latest = session.tally.latencies.iter().max().expect("ten were sent");
        assert!(*latest <= ms(63), "datagrams {first} and next: {latest:?}");
    }
}

#[test]
fn copies_are_dropped_and_counted_where_they_arrive() {
    let mut session = Session::new(3, &near().loss(100), 40);
    session.play(60);
    let sent = session.up().copies_sent;
    let drops = session.pair.server_stats().expect("connected").drops;
    // `hear` has seen that each message came once, in order.
    assert_eq!(session.tally.latencies.len(), 600);
    assert!(drops.duplicate_message > sent / 2 && drops.duplicate_message < 2 * sent);
}

#[test]
fn a_recording_of_copies_replays_to_the_byte() {
    let mut session = Session::new(4, &near().loss(100), 40);
    session.play(5);
    let client = session.pair.client;
    session.pair.world.start_recording(client);
    session.play(5);
    let recording = Recording::read(session.pair.world.end_recording(client));
    let report = Replay::new(&recording.expect("just written")).run();
    assert!(report.is_identical(), "{report:?}");
}

#[test]
fn a_trace_tells_a_copy_from_a_message() {
    let mut pair = Pair::new(5).link(near()).traced().connect();
    pair.run_for(ms(200));
    for tick in 0..12 {
        pair.send_to_server(STATE, &[1; 8]).expect("room");
        pair.send_to_client(STATE, &[1; 8]).expect("room");
        if tick == 0 {
            pair.send_to_server(ORDERED, b"once").expect("room");
        }
        pair.run_for(Duration::from_micros(16_667));
    }
    let trace = pair.trace();
    assert_eq!(trace.matches("Ordered(ch3 m0, 4 B)").count(), 1, "{trace}");
    assert_eq!(
        trace.matches("Ordered(ch3 m0, 4 B, copy)").count(),
        1,
        "{trace}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is said and whatever is lost: over any second copies take their share of the rest, and what the bucket holds.
    #[test]
    fn the_budget_holds_over_any_second(
        seed in 0u64..1_000,
        loss in 0u16..500,
        percent in 1u8..=100,
        messages in proptest::collection::vec((0usize..6, 1usize..600), 20..120),
    ) {
        let mut pair = Pair::with_configs(seed, config(false, percent), config(true, percent))
            .link(Link::new().latency(ms(20)).jitter(ms(10)))
            .connect()
            .link(Link::new().latency(ms(20)).jitter(ms(10)).loss(loss));
        let mut rng = Rng::new(seed);
        let mut sums = Vec::new();
        for _ in 0..4 {
            for (count, len) in &messages {
                for _ in 0..*count {
                    let channel = [STATE, 2, ORDERED][rng.below(3) as usize];
                    let _ = pair.send_to_server(channel, &vec![7; *len]);
                }
                pair.run_for(ms(20));
                pair.server_messages();
                let Some(stats) = pair.client_stats() else { return Ok(()) };
                let wire = stats.bytes_sent + HEADERS * stats.datagrams_sent;
                sums.push((wire - stats.copy_bytes_sent, stats.copy_bytes_sent));
            }
        }
        for window in sums.windows(50) {
            let ((ordinary, copies), (ordinary_now, copies_now)) = (window[0], window[49]);
            let share = (ordinary_now - ordinary) * u64::from(percent) / 100;
            prop_assert!(copies_now - copies <= share + BUCKET + 1, "{} of {share}", copies_now - copies);
        }
    }
}

fn near() -> Link {
    Link::new().latency(ms(23)).jitter(ms(4))
}

fn config(accepts: bool, percent: u8) -> Config {
    let config = Config::builder()
        .accepts(accepts)
        .redundancy_percent_max(percent);
    config.build().expect("valid")
}

/// What several sessions came to.
#[derive(Default)]
struct Tally {
    /// From `send` to the owner, of every reliable message.
    latencies: Vec<Duration>,
    states_sent: u64,
    states_heard: u64,
    up: Traffic,
    down: Traffic,
    copies: u64,
    copy_bytes: u64,
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    bytes: u64,
    datagrams: u64,
    seconds: u64,
}

impl Traffic {
    fn add(&mut self, before: &PeerStats, after: &PeerStats, seconds: u64) {
        let datagrams = after.datagrams_sent - before.datagrams_sent;
        self.datagrams += datagrams;
        self.bytes += after.bytes_sent - before.bytes_sent + HEADERS * datagrams;
        self.seconds += seconds;
    }

    const fn rate(&self) -> u64 {
        self.bytes / self.seconds
    }

    const fn datagrams_rate(&self) -> u64 {
        self.datagrams / self.seconds
    }
}

impl Tally {
    /// Three seeds, 200 s each.
    fn of(link: &Link, percent: u8) -> Self {
        const SECONDS: u64 = 200;
        let mut tally = Self::default();
        for seed in 1..=3 {
            let mut session = Session::new(seed, link, percent);
            session.tally = tally;
            let (up, down) = (session.up(), session.down());
            session.play(SECONDS);
            let (up_now, down_now) = (session.up(), session.down());
            session.pair.run_for(ms(3_000));
            session.hear();
            assert_eq!(session.heard, session.sent_at.len(), "all arrived");
            tally = session.tally;
            tally.up.add(&up, &up_now, SECONDS);
            tally.down.add(&down, &down_now, SECONDS);
            tally.copies += up_now.copies_sent;
            tally.copy_bytes += up_now.copy_bytes_sent;
        }
        tally.latencies.sort_unstable();
        tally
    }

    /// For a message that says what went wrong.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = [500, 990, 999, 1_000].map(|permille| self.late(permille));
        let (up, down) = (self.up, self.down);
        let (sent, heard) = (self.states_sent, self.states_heard);
        write!(
            f,
            "late {late:?}, {} copies, {up:?}, {down:?}, {heard} of {sent} states",
            self.copies
        )
    }

    /// So many of 1,000 messages were not later.
    fn late(&self, permille: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * permille / 1_000]
    }
}

/// Both sides at play.
struct Session {
    pair: Pair,
    start: Instant,
    ticks: u64,
    sent_at: Vec<Instant>,
    heard: usize,
    tally: Tally,
}

impl Session {
    fn new(seed: u64, link: &Link, percent: u8) -> Self {
        let mut pair = Pair::with_configs(seed, config(false, percent), config(true, percent))
            .link(Link::new().latency(ms(25)))
            .connect();
        pair.run_for(ms(200));
        Self {
            start: pair.world.now(),
            pair: pair.link(link.clone()),
            ticks: 0,
            sent_at: Vec::new(),
            heard: 0,
            tally: Tally::default(),
        }
    }

    fn play(&mut self, seconds: u64) {
        for _ in 0..seconds * HZ {
            let at = self.start + Duration::from_nanos(self.ticks * 1_000_000_000 / HZ);
            let now = self.pair.world.now();
            self.pair.world.run_for(at.saturating_duration_since(now));
            self.pair.send_to_server(STATE, &[1; 64]).expect("room");
            self.pair.send_to_client(STATE, &[2; 64]).expect("room");
            if self.ticks.is_multiple_of(6) {
                let mut message = [3; 100];
                message[..8].copy_from_slice(&self.sent_at.len().to_be_bytes());
                self.sent_at.push(self.pair.world.now());
                self.pair.send_to_server(ORDERED, &message).expect("room");
            }
            self.pair.flush();
            self.ticks += 1;
            self.tally.states_sent += 1;
            self.hear();
        }
    }

    /// Says nothing for a second.
    fn pause(&mut self) {
        self.pair.run_for(ms(1_000));
        self.start = self.start + ms(1_000);
        self.hear();
    }

    fn hear(&mut self) {
        self.pair.client_messages();
        for (at, event) in self.pair.world.timed_events(self.pair.server) {
            let Event::Message {
                channel, payload, ..
            } = event
            else {
                continue;
            };
            if channel == ChannelId::new(STATE) {
                self.tally.states_heard += 1;
                continue;
            }
            assert_eq!(payload[..8], self.heard.to_be_bytes(), "once and in order");
            let latency = at.saturating_duration_since(self.sent_at[self.heard]);
            self.tally.latencies.push(latency);
            self.heard += 1;
        }
    }

    fn up(&self) -> PeerStats {
        self.pair.client_stats().expect("connected")
    }

    fn down(&self) -> PeerStats {
        self.pair.server_stats().expect("connected")
    }
}
