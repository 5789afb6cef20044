//! Datagrams are as long as the way carries, and nothing reliable is lost when a way begins to carry less.
//!
//! `TICKWIRE_SEEDS=1000 cargo test --release -p tickwire-tests mtu` runs a thousand seeds of each.

use std::time::Duration;

use tickwire_core::{ChannelId, Config, Delivery, Event, Instant, PeerStats};
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{Link, Oracle, Pair, Rate};

use crate::conversation::channel;

const TICK: Duration = Duration::from_millis(10);
/// Round trip 50 ms.
const LATENCY: Duration = Duration::from_millis(25);
/// IPv4 and UDP have this many bytes of an MTU.
const HEADERS: usize = 28;
/// Bytes of a message of the transfer.
const MESSAGE: usize = 16_000;
/// 10 MB of them.
const MESSAGES: usize = 625;

/// A client sends to its server, which answers little.
struct Transfer {
    pair: Pair,
    oracle: Oracle,
    heard_at: Instant,
    /// The longest that the server waited for the next message.
    gap: Duration,
}

impl Transfer {
    fn new(seed: u64, link: Link) -> Self {
        let config = |accepts| {
            let config = Config::builder().mtu_discovery(true).accepts(accepts);
            config.build().expect("a valid configuration")
        };
        let pair = Pair::with_configs(seed, config(false), config(true)).link(link);
        let pair = pair.connect();
        Self {
            heard_at: pair.world.now(),
            pair,
            oracle: Oracle::new(Delivery::Ordered),
            gap: Duration::ZERO,
        }
    }

    /// The way carries datagrams of this MTU, headers included, from here on.
    fn set_mtu(&mut self, mtu: usize) {
        let (server, client) = (self.pair.server, self.pair.client);
        for (from, to) in [(server, client), (client, server)] {
            let change = |link: Link| link.mtu(mtu - HEADERS);
            self.pair.world.change_link(from, to, change);
        }
    }

    /// One tick: as much of the transfer as the queue takes, of `messages` in all, and a message of state.
    fn tick(&mut self, size: usize, messages: usize) {
        let [ordered, state] = [Delivery::Ordered, Delivery::Sequenced].map(channel);
        let (pair, oracle) = (&mut self.pair, &mut self.oracle);
        while oracle.sent() < messages {
            let sent = oracle.send(size, |message| pair.send_to_server(ordered, message));
            if sent.is_err() {
                break;
            }
        }
        let sent = pair.send_to_server(state, &[0; 900]);
        sent.expect("older state makes room");
        pair.run_for(TICK);
        for (at, event) in pair.world.timed_events(pair.server) {
            if let Event::Disconnected { reason, .. } = &event {
                panic!("disconnected: {reason}");
            }
            if let Event::Message {
                channel, payload, ..
            } = &event
                && *channel == ChannelId::new(ordered)
            {
                self.oracle.on_received(payload).expect("once and in order");
                self.gap = self.gap.max(at.saturating_duration_since(self.heard_at));
                self.heard_at = at;
            }
        }
        let gone = |event: &Event| matches!(event, Event::Disconnected { .. });
        assert!(!self.pair.client_events().iter().any(gone));
    }

    fn run(&mut self, size: usize, messages: usize, limit: Duration) {
        let end = self.pair.world.now() + limit;
        while self.oracle.received() < messages && self.pair.world.now() < end {
            self.tick(size, messages);
        }
        self.oracle.complete().expect("all that was said");
        assert_eq!(self.oracle.received(), messages);
    }

    fn stats(&self) -> PeerStats {
        self.pair.client_stats().expect("connected")
    }
}

/// 10 MB, and somewhere in it the way begins to carry less.
fn drop_to(mtu: usize, seed: u64) {
    let rate = Rate::bits_per_second(20_000_000);
    let loss = [0, 20, 100][seed as usize % 3];
    let link = Link::new().latency(LATENCY).loss(loss).rate(rate);
    let mut transfer = Transfer::new(seed, link);
    let before = 50 + seed as usize * 7 % 200;
    for _ in 0..before {
        transfer.tick(MESSAGE, MESSAGES);
    }
    assert!(
        transfer.oracle.received() < MESSAGES,
        "there is more to come"
    );
    if loss == 0 {
        assert_eq!(transfer.stats().datagram_size_bytes, 1_452);
    }
    transfer.set_mtu(mtu);
    transfer.run(MESSAGE, MESSAGES, Duration::from_secs(120));
    let size = transfer.stats().datagram_size_bytes as usize;
    assert!(size <= mtu - HEADERS, "{size} bytes where {mtu} arrive");
    if loss == 0 {
        let gap = transfer.gap;
        assert!(gap <= Duration::from_millis(700), "{gap:?} of silence");
    }
}

#[test]
fn nothing_reliable_is_lost_when_the_mtu_drops_to_1280() {
    for_seeds(usually(3), |seed| drop_to(1_280, seed));
}

#[test]
fn nothing_reliable_is_lost_when_the_mtu_drops_to_600() {
    for_seeds(usually(3), |seed| drop_to(600, seed));
}

#[test]
fn a_drop_is_survived_by_who_says_little() {
    for_seeds(usually(30), |seed| {
        let mut transfer = Transfer::new(seed, Link::new().latency(LATENCY));
        transfer.run(800, 20, Duration::from_secs(2));
        transfer.set_mtu([600, 1_000, 576][seed as usize % 3]);
        let said_at = transfer.pair.world.now();
        transfer.run(800, 21, Duration::from_secs(10));
        let took = transfer.pair.world.now().saturating_duration_since(said_at);
        assert!(took <= Duration::from_millis(600), "{took:?}");
    });
}

#[test]
fn a_way_that_carries_576_bytes_is_enough_for_a_connection() {
    let mut transfer = Transfer::new(1, Link::new().latency(LATENCY).mtu(576 - HEADERS));
    transfer.run(2_000, 50, Duration::from_secs(5));
}

/// Its client has sent short HELLOs too before it hears the answer to the first.
#[test]
fn a_long_way_begins_as_any_other() {
    let sizes = |link| {
        let transfer = Transfer::new(1, link);
        let heard = transfer.pair.server_stats().expect("connected");
        [transfer.stats(), heard].map(|stats| stats.datagram_size_bytes)
    };
    let far = Link::new().latency(Duration::from_millis(250));
    assert_eq!(sizes(far.clone()), [1_200; 2]);
    assert_eq!(sizes(far.mtu(576 - HEADERS)), [548; 2]);
}

#[test]
fn long_datagrams_are_used_where_they_arrive() {
    let mut transfer = Transfer::new(1, Link::new().latency(LATENCY));
    transfer.run(8_000, 50, Duration::from_secs(5));
    let stats = transfer.stats();
    assert_eq!(stats.datagram_size_bytes, 1_452);
    assert_eq!((stats.packets_lost, stats.loss_permille), (0, 0));
}

/// Probes that are too long for the way are neither congestion nor losses.
#[test]
fn probes_that_do_not_arrive_cost_nothing_but_their_bytes() {
    let mut transfer = Transfer::new(1, Link::new().latency(LATENCY).mtu(1_300));
    for _ in 0..300 {
        transfer.tick(8_000, 600);
    }
    let stats = transfer.stats();
    assert!((1_284..=1_300).contains(&stats.datagram_size_bytes));
    assert_eq!((stats.packets_lost, stats.loss_permille), (0, 0));
}
