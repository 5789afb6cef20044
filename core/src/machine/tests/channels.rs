//! What each delivery promises, whatever the path and the owners do.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::link::{Faults, Storm};
use super::pair::{Pair, Side};
use crate::channel::message_cost;
use crate::config::ConfigBuilder;
use crate::{ChannelConfig, Config, Delivery, Event, SendError};

#[test]
fn a_long_unreliable_message_is_never_put_together_from_two() {
    let fixed = Config::builder();
    let mut pair = Pair::connected_with(fixed, Config::builder());
    // Of the first one the last fragment is lost.
    pair.client.send(pair.now, 0, &[1; 3_000]).expect("room");
    pair.client.endpoint.flush(pair.now);
    let fragments = pair.client.datagrams(pair.now);
    assert_eq!(fragments.len(), 3);
    for fragment in &fragments[..2] {
        pair.server.take(pair.now, pair.client.address, fragment);
    }
    // Small messages pass, until the ids of all messages have come round.
    for batch in 0..64 {
        for _ in 0..if batch == 0 { 1_023 } else { 1_024 } {
            pair.client.send(pair.now, 0, &[]).expect("room");
        }
        pair.client.endpoint.flush(pair.now);
        pair.run_for(Duration::from_millis(5));
    }
    assert_eq!(pair.server.payloads().len(), 65_535);
    pair.client.send(pair.now, 0, &[2; 3_000]).expect("room");
    pair.client.endpoint.flush(pair.now);
    pair.run_for(Duration::from_millis(5));
    assert_eq!(pair.server.payloads(), [vec![2; 3_000]]);
}

#[test]
fn a_packet_overtaken_by_a_hundred_is_not_misread() {
    let mut pair = Pair::connected();
    let mut held = Vec::new();
    let mut sent = 0u32;
    // Packets are full of ids: 24 each. One in 64 is held back.
    for packet in 0..4_000 {
        for _ in 0..24 {
            let message = sent.to_be_bytes();
            pair.client.send(pair.now, 2, &message).expect("room");
            sent += 1;
        }
        pair.client.endpoint.flush(pair.now);
        let datagrams = pair.client.datagrams(pair.now);
        let latest = pair.client.slot().peer.recovery.next_number();
        for (index, datagram) in datagrams.into_iter().enumerate() {
            if packet % 64 == 0 && index == 0 {
                held.push((latest, datagram));
            } else {
                pair.server.take(pair.now, pair.client.address, &datagram);
            }
        }
        pair.run_for(Duration::from_millis(2));
        // What was held comes as late as its one byte of packet number can say.
        let latest = pair.client.slot().peer.recovery.next_number();
        let (now, from) = (pair.now, pair.client.address);
        held.retain(|(number, datagram)| {
            let is_due = latest >= number + 100;
            if is_due {
                pair.server.take(now, from, datagram);
            }
            !is_due
        });
        pair.run_for(Duration::from_millis(1));
    }
    pair.run_for(Duration::from_secs(1));
    let drops = pair.server.slot().peer.inbox.drops;
    assert!(drops.duplicate_message >= 24 * 30, "{drops:?}");
    let received: Vec<_> = pair.server.payloads();
    assert_eq!(received.len(), sent as usize);
    let distinct: BTreeSet<_> = received.into_iter().collect();
    assert_eq!(distinct.len(), sent as usize);
}

/// What may happen, in any order.
#[derive(Clone, Debug)]
enum Step {
    Send {
        from: usize,
        channel: u8,
        len: usize,
        count: usize,
    },
    Wait {
        millis: u64,
    },
    Read {
        side: usize,
        reads: bool,
    },
    Weather(Faults),
}

fn faults() -> impl Strategy<Value = Faults> {
    let permille = |most: u64| prop_oneof![Just(0u64), 0..most];
    (
        permille(400),
        permille(300),
        0u64..60,
        permille(80),
        permille(200),
        0u64..4_000,
    )
        .prop_map(
            |(loss, duplication, delay_ms, jitter_ms, late, late_ms)| Faults {
                loss,
                duplication,
                delay_ms,
                jitter_ms,
                late,
                late_ms,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![4 => 8usize..40, 2 => 8usize..1_300, 1 => 8usize..20_000];
    prop_oneof![
        8 => (0usize..2, 0u8..4, len, 1usize..40)
            .prop_map(|(from, channel, len, count)| Step::Send { from, channel, len, count }),
        6 => (0u64..200).prop_map(|millis| Step::Wait { millis }),
        2 => (0usize..2, any::<bool>()).prop_map(|(side, reads)| Step::Read { side, reads }),
        1 => faults().prop_map(Step::Weather),
    ]
}

/// The settings of one side. With `tight` every cap is the cost of one largest message and no more.
fn settings(size_max: usize, tight: bool, datagram_size_max: usize) -> ConfigBuilder {
    let deliveries = [
        Delivery::Unreliable,
        Delivery::Sequenced,
        Delivery::Reliable,
        Delivery::Ordered,
    ];
    let cap = if tight {
        message_cost(size_max)
    } else {
        64 * 1024
    };
    let channel = |delivery| {
        ChannelConfig::new(delivery)
            .message_size_max(size_max)
            .send_queue_bytes_max(cap)
            .receive_bytes_max(cap)
    };
    Config::builder()
        .channels(deliveries.map(channel).to_vec())
        .connection_bytes_max(cap)
        .datagram_size_max(datagram_size_max)
        .mtu_discovery(datagram_size_max > 1_200)
}

/// One direction of one channel: what went in, and what came out.
#[derive(Clone, Debug, Default)]
struct Flow {
    accepted: u32,
    received: Vec<u32>,
}

/// A message tells its channel and number in its first bytes; the others follow from them.
fn payload(channel: u8, number: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![channel; len.max(8)];
    bytes[1..5].copy_from_slice(&number.to_be_bytes());
    for (index, byte) in bytes.iter_mut().enumerate().skip(5) {
        *byte = (number as usize * 31 + index) as u8;
    }
    bytes
}

struct Model {
    storm: Storm,
    flows: [Vec<Flow>; 2],
    size_max: usize,
    cap: usize,
}

impl Model {
    fn sides(&mut self) -> [&mut Side; 2] {
        let pair = &mut self.storm.pair;
        [&mut pair.client, &mut pair.server]
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Send {
                from,
                channel,
                len,
                count,
            } => self.send(from, channel, len, count),
            Step::Wait { millis } => self.storm.run_for(Duration::from_millis(millis)),
            Step::Read { side, reads } => self.storm.reads[side] = reads,
            Step::Weather(faults) => self.storm.faults = faults,
        }
        self.collect();
        self.assert_bounds();
    }

    fn send(&mut self, from: usize, channel: u8, len: usize, count: usize) {
        let now = self.storm.pair.now;
        let len = len.min(self.size_max);
        for _ in 0..count {
            let number = self.flows[from][usize::from(channel)].accepted;
            let message = payload(channel, number, len);
            match self.sides()[from].send(now, channel, &message) {
                Ok(()) => self.flows[from][usize::from(channel)].accepted += 1,
                Err(error) => assert_eq!(error, SendError::QueueFull),
            }
        }
        self.sides()[from].endpoint.flush(now);
    }

    fn collect(&mut self) {
        for to in 0..2 {
            for event in core::mem::take(&mut self.sides()[to].events) {
                let Event::Message {
                    channel,
                    payload: bytes,
                    ..
                } = event
                else {
                    panic!("{event:?}");
                };
                let mut number = [0; 4];
                number.copy_from_slice(&bytes[1..5]);
                let number = u32::from_be_bytes(number);
                let expected = payload(channel.as_u8(), number, bytes.len());
                assert!(bytes == expected, "a message arrives as it was sent");
                self.flows[1 - to][channel.index()].received.push(number);
            }
        }
        for flow in self.flows.iter().flatten() {
            assert!(flow.received.iter().all(|number| *number < flow.accepted));
        }
        for flows in &self.flows {
            assert_once(&flows[0].received);
            assert!(flows[1].received.is_sorted_by(|a, b| a < b));
            assert_once(&flows[2].received);
            assert!(
                flows[3]
                    .received
                    .iter()
                    .copied()
                    .eq(0..flows[3].received.len() as u32)
            );
        }
    }

    fn assert_bounds(&mut self) {
        let cap = self.cap;
        for side in self.sides() {
            let peer = &side.slot().peer;
            assert!(peer.outbox.queued_bytes() <= 4 * cap);
            assert!(peer.inbox.buffered_bytes() <= 2 * cap);
            let (unread, unreliable) = peer.inbox.accounts();
            assert!(unread <= 2 * cap && unreliable <= cap);
            assert_eq!(side.endpoint.stats().unread_bytes, unread as u64);
        }
    }

    /// The sky clears and both owners read: everything reliable arrives, and nothing is left in any account.
    fn end(&mut self) {
        self.storm.faults = Faults {
            delay_ms: 10,
            ..Faults::default()
        };
        self.storm.reads = [true; 2];
        for _ in 0..80 {
            self.storm.run_for(Duration::from_millis(500));
            self.collect();
        }
        for flows in &self.flows {
            for reliable in [&flows[2], &flows[3]] {
                assert_eq!(reliable.received.len() as u32, reliable.accepted);
            }
        }
        for side in self.sides() {
            let peer = &side.slot().peer;
            assert_eq!(peer.outbox.queued_bytes(), 0);
            assert_eq!(peer.inbox.buffered_bytes(), 0);
            assert_eq!(peer.inbox.accounts(), (0, 0));
            assert_eq!(side.endpoint.stats().unread_bytes, 0);
        }
    }
}

fn assert_once(numbers: &[u32]) {
    let distinct: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(distinct.len(), numbers.len(), "each at most once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is sent, however bad the path is and however slow the owners are: every message arrives as its channel
    /// promises, no queue and no account leaves its bounds, and credit neither runs over nor dries up.
    #[test]
    fn every_channel_keeps_its_promise(
        seed: u64,
        size_max in 100usize..20_000,
        tight: bool,
        sizes in (prop::sample::select(&[1_200usize, 1_452][..]), prop::sample::select(&[1_200usize, 1_452][..])),
        start in faults(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let (client, server) = (settings(size_max, tight, sizes.0), settings(size_max, tight, sizes.1));
        let pair = Pair::connected_with(client, server);
        let mut model = Model {
            storm: Storm::new(pair, start, seed),
            flows: [vec![Flow::default(); 4], vec![Flow::default(); 4]],
            size_max,
            cap: if tight { message_cost(size_max) } else { 64 * 1024 },
        };
        for step in steps {
            model.apply(step);
        }
        model.end();
    }
}
