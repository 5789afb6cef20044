//! Marks are believed as far as they fit what was sent, and no further.

use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::{Heed, Marking, Tally};
use crate::stats::EcnState;
use crate::time::Instant;
use crate::transmit::{Ecn, EcnCounts};

const fn counts(ect0: u64, ect1: u64, ce: u64) -> Option<EcnCounts> {
    Some(EcnCounts { ect0, ect1, ce })
}

/// Sends marked packets from number `from` on, and takes those as acknowledged that `arrives` names.
fn send(marking: &mut Marking, from: u64, count: u64, arrives: fn(u64) -> bool) {
    marking.begin_ack();
    let sent: Vec<u64> = (from..from + count)
        .filter(|_| marking.on_sent(true))
        .collect();
    for number in sent.iter().copied() {
        match arrives(number) {
            true => marking.on_acked(number),
            false => marking.on_lost(number),
        }
    }
}

/// Ten packets arrived, and nothing happened to them.
fn capable() -> Marking {
    let mut marking = Marking::new(true);
    send(&mut marking, 0, 10, |_| true);
    assert_eq!(marking.state(), EcnState::Unknown);
    assert_eq!(marking.on_ack_frame(counts(10, 0, 0)), Heed::Nothing);
    assert_eq!(marking.state(), EcnState::Capable);
    marking
}

#[test]
fn ten_packets_are_marked_and_then_none_until_the_peer_has_counted_them() {
    let mut marking = Marking::new(true);
    let marked = (0..100).filter(|_| marking.on_sent(true)).count();
    assert_eq!((marked, marking.state()), (10, EcnState::Unknown));
    marking.begin_ack();
    marking.on_acked(0);
    assert_eq!(marking.on_ack_frame(counts(1, 0, 0)), Heed::Nothing);
    assert!(marking.on_sent(true));
}

#[test]
fn off_is_off() {
    let mut marking = Marking::new(false);
    assert!(!marking.on_sent(true));
    marking.restart(5);
    assert!(!marking.on_sent(true));
    assert_eq!(marking.on_ack_frame(counts(9, 9, 9)), Heed::Nothing);
    assert_eq!(marking.state(), EcnState::Off);
}

#[test]
fn congestion_is_heeded_once_for_each_that_is_new() {
    let mut marking = capable();
    send(&mut marking, 10, 10, |_| true);
    assert_eq!(marking.on_ack_frame(counts(18, 0, 2)), Heed::Congestion);
    assert_eq!(marking.on_ack_frame(counts(18, 0, 2)), Heed::Nothing);
    assert_eq!(
        (marking.congested(), marking.state()),
        (2, EcnState::Capable)
    );
}

#[test]
fn a_path_that_takes_marks_away_is_seen_by_the_first_acknowledgement() {
    let mut marking = Marking::new(true);
    send(&mut marking, 0, 3, |_| true);
    marking.on_ack_frame(None);
    assert_eq!(marking.state(), EcnState::Failed);
    assert!(!marking.on_sent(true));
}

#[test]
fn a_path_that_begins_to_take_marks_away_is_seen_by_the_next_counts() {
    let mut marking = capable();
    send(&mut marking, 10, 20, |_| true);
    marking.on_ack_frame(None);
    assert_eq!(
        marking.state(),
        EcnState::Capable,
        "counts come now and then"
    );
    marking.on_ack_frame(counts(15, 0, 0));
    assert_eq!(marking.state(), EcnState::Failed);
}

#[test]
fn a_path_that_drops_what_is_marked_is_left_after_a_probe() {
    let mut marking = Marking::new(true);
    let sent = (0..6).filter(|_| marking.on_sent(true)).count() as u64;
    marking.on_probe();
    assert!(!marking.on_sent(true), "a probe is not marked");
    assert!(!marking.on_sent(true), "nor what follows, before an answer");
    (0..sent).for_each(|number| marking.on_lost(number));
    assert_eq!(marking.state(), EcnState::Failed);
}

#[test]
fn one_lost_packet_proves_nothing() {
    let mut marking = Marking::new(true);
    assert!(marking.on_sent(true));
    marking.on_probe();
    assert!(!marking.on_sent(true));
    marking.on_lost(0);
    assert_eq!(marking.state(), EcnState::Testing);
}

#[test]
fn a_path_that_marks_whatever_passes_is_not_believed() {
    let mut marking = Marking::new(true);
    send(&mut marking, 0, 9, |_| true);
    assert_eq!(marking.on_ack_frame(counts(0, 0, 9)), Heed::Nothing);
    assert_eq!(marking.state(), EcnState::Testing);
    send(&mut marking, 9, 1, |_| true);
    marking.on_ack_frame(counts(0, 0, 10));
    assert_eq!(marking.state(), EcnState::Failed);
}

/// A9 of the attacks: less than before, more than was sent, of another kind, more than there can be.
#[test]
fn counts_that_cannot_be_end_all_marking_and_change_nothing_else() {
    for lie in [
        counts(9, 0, 1),
        counts(10, 0, 1),
        counts(10, 1, 0),
        counts(u64::MAX, 0, 1),
        counts(u64::MAX, u64::MAX, u64::MAX),
        counts(0, 0, 11),
        counts(0, 0, 0),
    ] {
        let mut marking = capable();
        assert_eq!(marking.on_ack_frame(lie), Heed::Nothing, "{lie:?}");
        assert_eq!(marking.state(), EcnState::Failed, "{lie:?}");
        assert_eq!(marking.on_ack_frame(counts(10, 0, 0)), Heed::Nothing);
        assert!(!marking.on_sent(true), "{lie:?}");
    }
}

#[test]
fn another_path_is_tried_anew_whatever_became_of_the_one_before() {
    let mut marking = capable();
    send(&mut marking, 10, 20, |_| true);
    marking.on_ack_frame(counts(15, 0, 0));
    assert_eq!(marking.state(), EcnState::Failed);
    marking.restart(30);
    send(&mut marking, 30, 10, |_| true);
    marking.on_ack_frame(counts(25, 0, 0));
    assert_eq!(marking.state(), EcnState::Capable);
}

#[test]
fn nothing_is_told_where_nothing_is_marked() {
    let mut tally = Tally::new();
    for _ in 0..1_000 {
        assert!(!tally.on_packet(None));
    }
    assert_eq!(tally.due(Instant::from_millis(9_000)), None);
}

#[test]
fn counts_are_told_at_first_and_then_once_a_second() {
    let mut tally = Tally::new();
    let mut told = 0;
    for tick in 0..600 {
        let now = Instant::from_millis(1_000 + tick * 16);
        tally.on_packet(Some(Ecn::Ect0));
        if tally.due(now).is_some() {
            told += 1;
            tally.on_reported(now);
        }
    }
    assert_eq!(told, 8 + 9);
}

#[test]
fn congestion_is_told_twice_and_its_beginning_at_once() {
    let mut tally = Tally::new();
    let now = Instant::from_millis(10);
    for _ in 0..20 {
        tally.on_packet(Some(Ecn::Ect0));
        tally.on_reported(now);
    }
    let now = now + Duration::from_millis(1);
    assert_eq!(tally.due(now), None);
    assert!(tally.on_packet(Some(Ecn::Ce)));
    assert!(!tally.on_packet(Some(Ecn::Ce)), "the row has begun");
    for _ in 0..2 {
        assert_eq!(tally.due(now), counts(20, 0, 2));
        tally.on_reported(now);
    }
    assert_eq!(tally.due(now), None);
    assert!(!tally.on_packet(None));
    assert!(tally.on_packet(Some(Ecn::Ce)), "another row");
}

proptest! {
    /// Whatever a peer counts, in whatever order, nothing overflows, and congestion is never heeded more often than packets
    /// were marked.
    #[test]
    fn no_peer_makes_more_of_marks_than_were_sent(
        steps in prop::collection::vec((0u8..6, any::<u64>(), 0u64..30, 0u64..30), 1..200),
    ) {
        let mut marking = Marking::new(true);
        let (mut number, mut heeded) = (0, 0);
        for (kind, wild, ect0, ce) in steps {
            match kind {
                0 | 1 => send(&mut marking, number, ect0, |number| number % 7 != 0),
                2 => heeded += u64::from(marking.on_ack_frame(counts(ect0, 0, ce)) == Heed::Congestion),
                3 => heeded += u64::from(marking.on_ack_frame(counts(wild, ce, wild)) == Heed::Congestion),
                4 => marking.on_probe(),
                _ => marking.restart(number),
            }
            number += ect0;
            let (marked, arrived) = marking.sums();
            prop_assert!(arrived <= marked && marking.congested() <= marked && heeded <= marked);
        }
    }
}
