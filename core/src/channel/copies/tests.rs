use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::{Copies, WATCHED_MAX};
use crate::reliability::redundancy::{Budget, Outlook};
use crate::time::Instant;

const TICK_MS: u64 = 20;

fn at(tick: u64) -> Instant {
    Instant::from_millis(TICK_MS * tick)
}

/// So much loss, in rows of one; nothing was acknowledged, and an answer takes five ticks.
fn outlook(loss_permille: u16) -> Outlook {
    Outlook {
        is_known: true,
        loss_permille,
        repeat_permille: loss_permille,
        run_tenths: 10,
        their_loss_permille: 0,
        answer: Duration::from_millis(5 * TICK_MS),
        largest_acked: 0,
        newest_acked_at: Instant::ZERO,
        window: Duration::from_millis(10),
    }
}

fn copies() -> Copies {
    Copies::new(Some(Duration::from_millis(TICK_MS)))
}

/// The ticks in which a message that left in tick 0 rides along again, if a packet leaves in each.
fn rides(copies: &mut Copies, outlook: &Outlook, ticks: u64) -> Vec<u64> {
    let mut rides = Vec::new();
    for tick in 1..=ticks {
        if let Some(index) = copies.next(0, at(tick), tick, 0, outlook) {
            copies.on_copied(index, at(tick), tick, outlook);
            rides.push(tick);
        }
    }
    rides
}

#[test]
fn a_message_rides_along_blindly_and_then_by_evidence() {
    let table: [(u16, &[u64]); 4] = [
        (0, &[]),
        // One copy blindly; from the fifth tick on the answer is overdue.
        (20, &[1, 5, 6, 7, 8]),
        (50, &[1, 2, 5, 6, 7, 8]),
        (200, &[1, 2, 3, 5, 6, 7, 8]),
    ];
    for (loss, expected) in table {
        let mut copies = copies();
        copies.on_left(at(0), (2, 7), 50, 0, true);
        assert_eq!(rides(&mut copies, &outlook(loss), 8), expected, "{loss}");
    }
}

#[test]
fn what_is_overtaken_is_evidence_and_what_is_acknowledged_needs_no_copy() {
    let mut copies = copies();
    copies.on_left(at(0), (2, 7), 50, 4, true);
    let overtaken = Outlook {
        largest_acked: 5,
        newest_acked_at: at(1),
        ..outlook(1)
    };
    copies.on_copied(0, at(0), 4, &overtaken);
    assert_eq!(copies.next(0, at(1), 9, 0, &overtaken), Some(0));
    assert_eq!(
        copies.next(0, at(1), 4, 0, &overtaken),
        None,
        "it is in this packet"
    );
    copies.forget((2, 7));
    assert!(!copies.is_any());
}

#[test]
fn a_copy_alone_waits_half_a_tick_and_for_the_rate_of_its_channel() {
    let mut copies = copies();
    copies.on_left(at(0), (2, 7), 50, 0, true);
    let never = |_, _| Instant::ZERO;
    assert_eq!(copies.alone_at(&outlook(0), never), None);
    // A copy is due a quarter of a tick early, so that it finds the datagram of its tick.
    let half = at(1) + Duration::from_millis(TICK_MS / 4);
    assert_eq!(copies.alone_at(&outlook(50), never), Some(half));
    let ready = |channel, bytes| {
        assert_eq!((channel, bytes), (2, 50));
        at(9)
    };
    assert_eq!(copies.alone_at(&outlook(50), ready), Some(at(9)));
}

/// What is overdue is worth the rest of the budget: blind copies of others leave some for it.
#[test]
fn evidence_may_take_what_blind_copies_leave() {
    let (mut copies, outlook) = (copies(), outlook(200));
    copies.on_left(at(0), (2, 7), 50, 0, true);
    copies.budget.spend(Budget::BYTES_MAX - 100);
    assert_eq!(copies.next(0, at(1), 1, 0, &outlook), Some(0), "the first");
    copies.on_copied(0, at(1), 1, &outlook);
    copies.budget.earn(50, 100);
    assert_eq!(
        copies.next(0, at(2), 2, 0, &outlook),
        None,
        "the second is blind"
    );
    assert_eq!(
        copies.next(0, at(5), 5, 0, &outlook),
        Some(0),
        "this is not"
    );
}

/// A row of losses that takes all that carried a message does not make it wait for evidence again.
#[test]
fn what_was_lost_altogether_goes_on_with_every_tick() {
    let (mut copies, outlook) = (copies(), outlook(20));
    copies.on_left(at(0), (2, 7), 50, 0, true);
    assert_eq!(rides(&mut copies, &outlook, 6), [1, 5, 6]);
    copies.on_left(at(7), (2, 7), 50, 7, true);
    let again = (8..=10).filter(|tick| {
        let index = copies.next(0, at(*tick), *tick, 0, &outlook);
        index
            .inspect(|index| copies.on_copied(*index, at(*tick), *tick, &outlook))
            .is_some()
    });
    assert_eq!(again.collect::<Vec<_>>(), [8, 9, 10]);
}

proptest! {
    /// However many messages leave, few are watched, and their copies stay within the budget.
    #[test]
    fn the_list_and_the_bytes_are_bounded(
        lens in prop::collection::vec(1usize..=476, 1..200),
        percent in 0u8..=100,
        loss in 0u16..=500,
    ) {
        let (mut copies, outlook) = (copies(), outlook(loss));
        let mut others = 0;
        for (tick, len) in (1u64..).zip(lens) {
            let mut from = 0;
            while let Some(index) = copies.next(from, at(tick), tick, 0, &outlook) {
                copies.on_copied(index, at(tick), tick, &outlook);
                from = index + 1;
            }
            copies.on_left(at(tick), (2, tick), len, tick, true);
            copies.on_packet_sent(at(tick), len as u64 + 40, true, percent);
            others += len as u64 + 40;
            prop_assert!(copies.watched().count() <= WATCHED_MAX);
            prop_assert!(copies.audit().is_ok());
            prop_assert!(copies.bytes * 100 <= others * u64::from(percent) + Budget::BYTES_MAX * 100);
        }
    }
}
