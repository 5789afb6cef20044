use alloc::vec;
use alloc::vec::Vec;
use core::iter;

use super::*;
use crate::reliability::ledger::{PACKETS_MAX, RECORDS_MAX};

mod probes;
mod properties;
mod window;

const SIZE: usize = 1_200;
const ACK_DELAY_MAX: Duration = Duration::from_millis(25);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Round trip 40 ms, deviation 20 ms: 45 ms make a packet lost, 145 ms make a probe.
fn recovery() -> Recovery {
    let mut recovery = Recovery::new(CongestionControl::NewReno, SIZE, ACK_DELAY_MAX);
    recovery.seed_rtt(ms(40));
    recovery
}

fn message(id: u64) -> Record {
    Record::Message { channel: 1, id }
}

/// Sends a small reliable message, its id the packet's number.
fn send(recovery: &mut Recovery, millis: u64) -> u64 {
    let number = recovery.next_number();
    recovery.record(message(number));
    recovery.on_sent(at(millis), 100, Eliciting::Yes, None, true)
}

fn send_lazy(recovery: &mut Recovery, millis: u64, size: usize) -> u64 {
    recovery.on_sent(at(millis), size, Eliciting::Lazy, None, true)
}

type Verdicts = Vec<(Verdict, Record)>;

fn ack(recovery: &mut Recovery, millis: u64, range: RangeInclusive<u64>) -> (Acked, Verdicts) {
    ack_all(recovery, millis, &[range])
}

fn ack_all(
    recovery: &mut Recovery,
    millis: u64,
    ranges: &[RangeInclusive<u64>],
) -> (Acked, Verdicts) {
    let mut verdicts = vec![];
    let acked = recovery
        .on_ack(
            at(millis),
            ranges.iter().cloned(),
            Some(Duration::ZERO),
            &mut |verdict, record| verdicts.push((verdict, record)),
        )
        .expect("all of it was sent");
    (acked, verdicts)
}

fn timeout(recovery: &mut Recovery, millis: u64) -> (Action, Verdicts) {
    let mut verdicts = vec![];
    let action = recovery.on_timeout(at(millis), &mut |verdict, record| {
        verdicts.push((verdict, record));
    });
    (action, verdicts)
}

/// RFC 9000 section 9.4.
#[test]
fn what_crossed_another_network_tells_nothing_of_this_one() {
    let mut recovery = recovery();
    for _ in 0..8 {
        recovery.on_sent(at(0), SIZE, Eliciting::Yes, None, false);
    }
    recovery.on_path_changed(at(10), true, None);
    let before = (recovery.congestion_window(), recovery.rtt().is_measured());
    let (acked, _) = ack(&mut recovery, 30, 0..=7);
    assert_eq!((acked.packets_acked, acked.round_trip), (8, None));
    let after = (recovery.congestion_window(), recovery.rtt().is_measured());
    assert_eq!((before, after), ((12_000, false), (12_000, false)));
    recovery.on_sent(at(40), SIZE, Eliciting::Yes, None, false);
    let (acked, _) = ack(&mut recovery, 140, 8..=8);
    assert_eq!(acked.round_trip, Some(ms(100)));
    assert_eq!(recovery.congestion_window(), 12_000 + SIZE as u64);
}

#[test]
fn what_a_packet_carried_is_acknowledged_with_it() {
    let mut recovery = recovery();
    recovery.record(message(7));
    recovery.record(Record::CreditAll { limit: 9 });
    let number = recovery.on_sent(at(0), 100, Eliciting::Yes, Some(5), true);
    assert_eq!((number, recovery.next_number()), (0, 1));
    assert_eq!(recovery.in_flight(), 100);
    let (acked, verdicts) = ack(&mut recovery, 40, 0..=0);
    assert_eq!(
        verdicts,
        [
            (Verdict::Acked, message(7)),
            (Verdict::Acked, Record::CreditAll { limit: 9 })
        ]
    );
    assert_eq!(acked.ack_confirmed, Some(5));
    assert_eq!(acked.packets_acked, 1);
    assert_eq!(recovery.in_flight(), 0);
    assert_eq!(recovery.largest_acked(), Some(0));
    assert_eq!(recovery.deadline(), None);
    assert_eq!(recovery.rtt().smoothed_us(), 40_000);
    let (again, verdicts) = ack(&mut recovery, 41, 0..=0);
    assert_eq!((again, verdicts), (Acked::default(), vec![]));
}

#[test]
fn three_later_packets_make_one_lost() {
    let mut recovery = recovery();
    for _ in 0..4 {
        send(&mut recovery, 0);
    }
    assert_eq!(ack(&mut recovery, 40, 1..=2).0.packets_lost, 0);
    let (acked, verdicts) = ack(&mut recovery, 41, 3..=3);
    assert_eq!(acked.packets_lost, 1);
    assert_eq!(
        verdicts,
        [(Verdict::Acked, message(3)), (Verdict::Lost, message(0))]
    );
    assert_eq!(recovery.packets_lost(), 1);
    assert_eq!(recovery.loss_permille(), 250);
    assert_eq!(recovery.in_flight(), 0);
}

#[test]
fn time_makes_a_packet_lost_that_one_later_packet_overtook() {
    let mut recovery = recovery();
    send(&mut recovery, 0);
    send(&mut recovery, 4);
    assert_eq!(ack(&mut recovery, 44, 1..=1).0.packets_lost, 0);
    assert_eq!(recovery.deadline(), Some(at(45)));
    assert_eq!(timeout(&mut recovery, 44).0, Action::None);
    let (action, verdicts) = timeout(&mut recovery, 45);
    assert_eq!(action, Action::Losses);
    assert_eq!(verdicts, [(Verdict::Lost, message(0))]);
    assert_eq!(recovery.deadline(), None);
}

#[test]
fn a_lost_packet_that_arrives_late_is_still_acknowledged() {
    let mut recovery = recovery();
    for _ in 0..4 {
        send(&mut recovery, 0);
    }
    let window = recovery.congestion_window();
    ack(&mut recovery, 40, 1..=3);
    assert_eq!(recovery.congestion_window(), window / 2);
    let (acked, verdicts) = ack(&mut recovery, 60, 0..=3);
    assert_eq!(verdicts, [(Verdict::Acked, message(0))]);
    assert_eq!(acked.packets_acked, 1);
    assert_eq!(recovery.congestion_window(), window, "it was no loss");
    assert_eq!(ack(&mut recovery, 61, 0..=3).1, []);
}

#[test]
fn a_lost_packet_is_forgotten_after_three_probe_timeouts() {
    let mut recovery = recovery();
    for _ in 0..4 {
        send(&mut recovery, 0);
    }
    ack(&mut recovery, 40, 1..=3);
    send(&mut recovery, 1_000);
    ack(&mut recovery, 1_040, 4..=4);
    assert_eq!(recovery.ledger.packets().count(), 0);
    assert_eq!(recovery.ledger.records_len(), 0);
}

#[test]
fn silence_is_probed_with_a_backoff_that_ends_at_a_second() {
    let mut recovery = recovery();
    send(&mut recovery, 0);
    let mut pauses = vec![];
    let mut last = 0;
    for _ in 0..6 {
        let deadline = recovery.deadline().expect("an answer is awaited");
        let millis = deadline.as_micros() / 1_000;
        pauses.push(millis - last);
        last = millis;
        assert_eq!(timeout(&mut recovery, millis), (Action::Probe, vec![]));
        send(&mut recovery, millis);
    }
    assert_eq!(pauses, [145, 290, 580, 1_000, 1_000, 1_000]);
    assert_eq!(recovery.probes(), 6);
}

#[test]
fn a_round_trip_longer_than_a_second_is_awaited() {
    let mut recovery = Recovery::new(CongestionControl::NewReno, SIZE, ACK_DELAY_MAX);
    recovery.seed_rtt(ms(800));
    send(&mut recovery, 0);
    assert_eq!(recovery.deadline(), Some(at(2_425)));
    assert_eq!(timeout(&mut recovery, 2_425).0, Action::Probe);
    assert_eq!(recovery.deadline(), Some(at(4_850)));
}

#[test]
fn a_probe_that_could_not_be_sent_does_not_spin() {
    let mut recovery = recovery();
    send(&mut recovery, 0);
    assert_eq!(timeout(&mut recovery, 145).0, Action::Probe);
    assert_eq!(timeout(&mut recovery, 145).0, Action::None);
    assert!(recovery.deadline() > Some(at(145)));
}

#[test]
fn sending_on_and_on_does_not_put_off_the_probe() {
    let mut recovery = recovery();
    for millis in (0..144).step_by(16) {
        send(&mut recovery, millis);
    }
    assert_eq!(recovery.deadline(), Some(at(145)));
    // The answer to the first moves the deadline to the second.
    ack(&mut recovery, 140, 0..=0);
    let wait = recovery.rtt().probe_timeout(ACK_DELAY_MAX);
    assert_eq!(recovery.deadline(), Some(at(16) + wait));
}

#[test]
fn an_answer_ends_the_backoff() {
    let mut recovery = recovery();
    send(&mut recovery, 0);
    timeout(&mut recovery, 145);
    send(&mut recovery, 145);
    timeout(&mut recovery, 435);
    send(&mut recovery, 435);
    ack(&mut recovery, 475, 2..=2);
    assert_eq!(timeout(&mut recovery, 480).0, Action::None);
    send(&mut recovery, 480);
    let wait = recovery.rtt().probe_timeout(ACK_DELAY_MAX);
    let lost = timeout(&mut recovery, 600).0;
    assert_eq!(
        (lost, recovery.deadline()),
        (Action::None, Some(at(480) + wait))
    );
}

#[test]
fn unreliable_data_arms_no_probe() {
    let mut recovery = recovery();
    send_lazy(&mut recovery, 0, 100);
    assert_eq!(recovery.deadline(), None);
    assert_eq!(recovery.in_flight(), 100);
    assert!(!recovery.wants_ack());
}

#[test]
fn acknowledgements_alone_are_not_in_flight() {
    let mut recovery = recovery();
    for n in 0..10_000 {
        assert_eq!(recovery.on_sent(at(n), 60, Eliciting::No, Some(n), true), n);
    }
    assert_eq!(recovery.in_flight(), 0);
    assert_eq!(recovery.deadline(), None);
    assert_eq!(recovery.permit(at(10_000), SIZE), Permit::Now);
    assert_eq!(ack(&mut recovery, 10_000, 0..=9_999).0, Acked::default());
    assert_eq!(recovery.largest_acked(), Some(9_999));
}

#[test]
fn an_acknowledgement_of_the_unsent_changes_nothing() {
    let mut recovery = recovery();
    send(&mut recovery, 0);
    let mut sink = |_, _| panic!("nothing is decided");
    for ranges in [
        vec![1..=1],
        vec![0..=1 << 62],
        vec![0..=0, 1..=u64::MAX],
        vec![u64::MAX..=u64::MAX],
    ] {
        let result = recovery.on_ack(at(40), ranges.into_iter(), Some(ms(0)), &mut sink);
        assert_eq!(result, Err(AckOfUnsent));
    }
    assert_eq!(recovery.largest_acked(), None);
    assert_eq!(recovery.in_flight(), 100);
}

#[test]
fn only_the_first_32_ranges_count() {
    let mut recovery = recovery();
    for _ in 0..100 {
        send(&mut recovery, 0);
    }
    let ranges: Vec<_> = (0..50).map(|n| 99 - 2 * n..=99 - 2 * n).collect();
    assert_eq!(ack_all(&mut recovery, 40, &ranges).0.packets_acked, 32);
}

/// So no packet is looked at twice for one acknowledgement, however its ranges overlap.
#[test]
fn ranges_that_do_not_descend_are_ignored() {
    let mut recovery = recovery();
    for _ in 0..10 {
        send(&mut recovery, 0);
    }
    let (acked, _) = ack_all(&mut recovery, 40, &[5..=5, 7..=7, 4..=6]);
    assert_eq!(acked.packets_acked, 2, "5 and 4");
}

#[test]
fn the_delay_that_the_peer_admits_is_clipped() {
    let mut recovery = recovery();
    let mut sink = |_, _| {};
    let mut sample = |recovery: &mut Recovery, eliciting| {
        let number = recovery.on_sent(at(0), 100, eliciting, None, true);
        recovery
            .on_ack(
                at(640),
                iter::once(number..=number),
                Some(ms(600)),
                &mut sink,
            )
            .expect("it was sent");
        recovery.rtt().smoothed_us()
    };
    // Unreliable data may wait 500 ms: 140 ms. Reliable data only 25 ms: 615 ms.
    assert_eq!(sample(&mut recovery, Eliciting::Lazy), 52_500);
    assert_eq!(sample(&mut recovery, Eliciting::Yes), 122_812);
}

#[test]
fn a_compact_acknowledgement_gives_no_sample() {
    let mut recovery = Recovery::new(CongestionControl::NewReno, SIZE, ACK_DELAY_MAX);
    send(&mut recovery, 0);
    let range = recovery.compact_range(0);
    assert_eq!(range, 0..=0);
    recovery
        .on_ack(at(40), iter::once(range), None, &mut |_, _| {})
        .expect("it was sent");
    assert!(!recovery.rtt().is_measured());
    assert_eq!(recovery.in_flight(), 0);
}

#[test]
fn a_compact_number_is_the_next_one_that_fits() {
    let mut recovery = recovery();
    for _ in 0..1_000 {
        send(&mut recovery, 0);
    }
    assert_eq!(recovery.compact_range(40), 9..=40);
    ack(&mut recovery, 40, 0..=250);
    assert_eq!(recovery.compact_range(250), 219..=250);
    assert_eq!(recovery.compact_range(251), 220..=251);
    assert_eq!(recovery.compact_range(4), 229..=260);
    assert_eq!(recovery.compact_range(249), 474..=505);
}

#[test]
fn a_ping_that_rides_along_spares_the_probe() {
    let mut recovery = recovery();
    for n in 0..6 {
        send_lazy(&mut recovery, 16 * n, SIZE);
    }
    assert!(recovery.wants_ack());
    recovery.record(Record::Ping);
    recovery.on_sent(at(96), SIZE, Eliciting::Yes, None, true);
    assert!(!recovery.wants_ack());
    assert_eq!(recovery.deadline(), Some(at(241)));
}

#[test]
fn a_round_of_losses_halves_the_window_once() {
    let mut recovery = recovery();
    for _ in 0..8 {
        send(&mut recovery, 0);
    }
    ack(&mut recovery, 40, 3..=3);
    assert_eq!(recovery.congestion_window(), 6_000);
    ack(&mut recovery, 41, 7..=7);
    assert_eq!(recovery.packets_lost(), 4);
    assert_eq!(recovery.congestion_window(), 6_000);
}

#[test]
fn a_long_row_of_losses_collapses_the_window() {
    let mut recovery = recovery();
    // Three probe timeouts are 435 ms.
    send(&mut recovery, 0);
    send(&mut recovery, 200);
    send(&mut recovery, 436);
    for _ in 0..3 {
        send(&mut recovery, 500);
    }
    ack(&mut recovery, 540, 3..=5);
    assert_eq!(recovery.packets_lost(), 3);
    assert_eq!(recovery.congestion_window(), 2_400);
}

#[test]
fn a_survivor_in_the_row_disproves_persistent_congestion() {
    let mut recovery = recovery();
    send(&mut recovery, 0);
    send(&mut recovery, 200);
    send(&mut recovery, 436);
    for _ in 0..3 {
        send(&mut recovery, 500);
    }
    ack_all(&mut recovery, 540, &[3..=5, 1..=1]);
    assert_eq!(recovery.packets_lost(), 2);
    assert_eq!(recovery.congestion_window(), 6_000);
}
