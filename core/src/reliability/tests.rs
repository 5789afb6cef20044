//! Both halves together: what one side says about arrivals is true, whatever the network does to the saying.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::iter;
use core::ops::RangeInclusive;
use core::time::Duration;

use proptest::prelude::*;

use super::received::{AckForm, Received, Urgency};
use super::recovery::{Eliciting, Record, Recovery, Verdict};
use crate::congestion::CongestionControl;
use crate::time::Instant;

const ACK_DELAY_MAX: Duration = Duration::from_millis(25);
const TICK_MS: u64 = 4;

struct Packet {
    number: u64,
    ack: AckForm,
    ranges: Vec<RangeInclusive<u64>>,
    delay: Duration,
    is_reliable: bool,
}

struct Side {
    received: Received,
    recovery: Recovery,
    /// The numbers that really arrived here.
    arrived: BTreeSet<u64>,
    /// The numbers that the peer acknowledged.
    acked: BTreeSet<u64>,
    compact_acks: u32,
}

impl Side {
    fn new() -> Self {
        Self {
            received: Received::new(ACK_DELAY_MAX),
            recovery: Recovery::new(CongestionControl::NewReno, 1_200, ACK_DELAY_MAX),
            arrived: BTreeSet::new(),
            acked: BTreeSet::new(),
            compact_acks: 0,
        }
    }

    fn send(&mut self, now: Instant, is_reliable: bool) -> Packet {
        let number = self.recovery.next_number();
        let ack = self.received.piggyback(now);
        let ranges: Vec<_> = match ack {
            AckForm::None => Vec::new(),
            AckForm::Compact(_) => Vec::new(),
            AckForm::Ranges => self.received.ranges().collect(),
        };
        self.received.on_ack_sent(now, ack);
        self.recovery.record(Record::Message {
            channel: 0,
            id: number,
        });
        let eliciting = if is_reliable {
            Eliciting::Yes
        } else {
            Eliciting::Lazy
        };
        let ack_largest = ranges.first().map(|range| *range.end());
        self.recovery.on_sent(now, 10, eliciting, ack_largest, true);
        let delay = self.received.ack_delay(now);
        Packet {
            number,
            ack,
            ranges,
            delay,
            is_reliable,
        }
    }

    fn handle(&mut self, now: Instant, packet: Packet) {
        if !self.received.is_new(packet.number) {
            return;
        }
        let is_newest = self
            .received
            .largest()
            .is_none_or(|largest| packet.number > largest);
        self.arrived.insert(packet.number);
        let acked = &mut self.acked;
        let mut sink = |verdict, record| {
            if let (Verdict::Acked, Record::Message { id, .. }) = (verdict, record) {
                acked.insert(id);
            }
        };
        let result = match packet.ack {
            AckForm::Compact(low_bits) if is_newest => {
                self.compact_acks += 1;
                let range = self.recovery.compact_range(low_bits);
                self.recovery
                    .on_ack(now, iter::once(range), None, &mut sink)
            }
            AckForm::Ranges => {
                let ranges = packet.ranges.into_iter();
                self.recovery
                    .on_ack(now, ranges, Some(packet.delay), &mut sink)
            }
            AckForm::None | AckForm::Compact(_) => Ok(Default::default()),
        };
        let confirmed = result
            .expect("an honest peer acknowledges what was sent")
            .ack_confirmed;
        if let Some(largest) = confirmed {
            self.received.on_ack_confirmed(largest);
        }
        let urgency = if packet.is_reliable {
            Urgency::Soon
        } else {
            Urgency::Lazy
        };
        self.received.record(now, packet.number, urgency);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.recovery.on_timeout(now, &mut |_, _| {});
    }
}

/// What happens to the next packet of both directions.
#[derive(Clone, Copy, Debug)]
struct Step {
    is_reliable: bool,
    /// Packets that the left side sends in this tick; the right side sends one.
    burst: u8,
    left_delay: Option<u8>,
    right_delay: Option<u8>,
}

fn delay() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![12 => Just(Some(10)), 2 => (0u8..40).prop_map(Some), 1 => Just(Some(200)), 1 => Just(None)]
}

fn step() -> impl Strategy<Value = Step> {
    let burst = prop_oneof![8 => Just(1u8), 1 => 0u8..120];
    (any::<bool>(), burst, delay(), delay()).prop_map(
        |(is_reliable, burst, left_delay, right_delay)| Step {
            is_reliable,
            burst,
            left_delay,
            right_delay,
        },
    )
}

/// Runs the steps, one a tick, and then lets what is under way arrive.
fn converse(steps: Vec<Step>) -> (Side, Side) {
    let (mut left, mut right) = (Side::new(), Side::new());
    let mut under_way: BTreeMap<u64, Vec<(bool, Packet)>> = BTreeMap::new();
    let end = steps.len() + 300;
    let quiet = Step {
        is_reliable: false,
        burst: 0,
        left_delay: None,
        right_delay: None,
    };
    for (tick, step) in (0u64..).zip(steps.into_iter().chain(iter::repeat(quiet)).take(end)) {
        let now = Instant::from_millis(tick * TICK_MS);
        for (is_to_right, packet) in under_way.remove(&tick).unwrap_or_default() {
            let side = if is_to_right { &mut right } else { &mut left };
            side.handle(now, packet);
        }
        left.handle_timeout(now);
        right.handle_timeout(now);
        for _ in 0..step.burst {
            let packet = left.send(now, step.is_reliable);
            if let Some(delay) = step.left_delay {
                under_way
                    .entry(tick + 1 + u64::from(delay))
                    .or_default()
                    .push((true, packet));
            }
        }
        if step.burst > 0 {
            let packet = right.send(now, step.is_reliable);
            if let Some(delay) = step.right_delay {
                under_way
                    .entry(tick + 1 + u64::from(delay))
                    .or_default()
                    .push((false, packet));
            }
        }
    }
    (left, right)
}

proptest! {
    #[test]
    fn nothing_is_acknowledged_that_did_not_arrive(steps in proptest::collection::vec(step(), 1..400)) {
        let (left, right) = converse(steps);
        prop_assert!(left.acked.is_subset(&right.arrived));
        prop_assert!(right.acked.is_subset(&left.arrived));
    }
}

#[test]
fn on_a_clean_path_nothing_is_lost_and_nearly_all_acknowledgements_are_compact() {
    let step = Step {
        is_reliable: true,
        burst: 1,
        left_delay: Some(10),
        right_delay: Some(10),
    };
    let (left, right) = converse(iter::repeat_n(step, 2_000).collect());
    assert_eq!(
        left.recovery.packets_lost() + right.recovery.packets_lost(),
        0
    );
    assert!(left.compact_acks > 1_700, "{}", left.compact_acks);
    assert!(left.acked.len() > 1_900);
}
