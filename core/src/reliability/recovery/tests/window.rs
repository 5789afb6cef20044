//! What may be in flight, and what is remembered of it.

use super::*;

#[test]
fn the_window_bounds_what_is_in_flight() {
    let mut recovery = recovery();
    let mut sent = 0;
    let mut now = at(0);
    loop {
        match recovery.permit(now, SIZE) {
            Permit::Now => {
                recovery.on_sent(now, SIZE, Eliciting::Yes, None, false);
                sent += 1;
            }
            Permit::At(later) => {
                assert!(later > now);
                now = later;
            }
            Permit::WindowFull => break,
            Permit::LedgerFull => panic!("the window is smaller"),
        }
    }
    assert_eq!(sent, 10);
    ack(&mut recovery, 40, 0..=9);
    assert_eq!(recovery.congestion_window(), 24_000);
}

#[test]
fn the_ledger_is_bounded_in_packets_and_in_records() {
    let mut recovery = recovery();
    for _ in 0..PACKETS_MAX {
        assert_ne!(recovery.permit(at(0), 0), Permit::LedgerFull);
        recovery.on_sent(at(0), 1, Eliciting::Lazy, None, true);
    }
    assert_eq!(recovery.permit(at(0), 0), Permit::LedgerFull);
    assert!(recovery.wants_ack());
    ack(&mut recovery, 40, 0..=2_047);
    assert_eq!(recovery.permit(at(40), 0), Permit::Now);
    for id in 0..RECORDS_MAX as u64 {
        recovery.record(message(id));
    }
    recovery.on_sent(at(40), SIZE, Eliciting::Yes, None, true);
    assert_eq!(recovery.permit(at(41), 0), Permit::LedgerFull);
}

#[test]
fn lost_packets_do_not_fill_the_ledger() {
    let mut recovery = recovery();
    // One in two is lost, at a rate for which three probe timeouts hold more packets than the ledger.
    for round in 0..100 {
        for _ in 0..100 {
            let number = send(&mut recovery, round);
            assert_ne!(recovery.permit(at(round), 0), Permit::LedgerFull);
            if number % 2 == 1 {
                ack(&mut recovery, round, number..=number);
            }
        }
    }
    assert!(recovery.ledger.packets().count() <= PACKETS_MAX / 2 + 3);
}

#[test]
fn a_silent_peer_cannot_wedge_a_full_window_of_unreliable_data() {
    let mut recovery = recovery();
    for _ in 0..10 {
        send_lazy(&mut recovery, 0, SIZE);
    }
    assert_eq!(recovery.permit(at(1), SIZE), Permit::WindowFull);
    assert!(recovery.wants_ack());
    assert_eq!(recovery.deadline(), Some(at(145)));
    assert_eq!(timeout(&mut recovery, 145).0, Action::Probe);
    recovery.record(Record::Ping);
    let ping = recovery.on_sent(at(145), 30, Eliciting::Yes, None, true);
    assert!(!recovery.wants_ack());
    // All of it was lost but the PING.
    let (acked, verdicts) = ack(&mut recovery, 185, ping..=ping);
    assert_eq!(acked.packets_lost, 10);
    assert_eq!(verdicts, [(Verdict::Acked, Record::Ping)]);
    assert_eq!(recovery.in_flight(), 0);
    assert_ne!(recovery.permit(at(186), SIZE), Permit::WindowFull);
}

#[test]
fn nothing_wedges_a_least_window_in_which_a_long_datagram_has_no_room() {
    let mut recovery = recovery();
    recovery.on_datagram_size(1_452);
    // Rounds of losses make the window as small as it gets.
    for round in 0..10 {
        let now = 1_000 * round;
        let first = send(&mut recovery, now);
        (0..4).for_each(|_| {
            send(&mut recovery, now);
        });
        ack(&mut recovery, now + 40, first + 4..=first + 4);
    }
    let last = send(&mut recovery, 10_000);
    ack(&mut recovery, 10_040, 0..=last);
    let window = recovery.congestion_window();
    let flying = window - 1_451;
    assert!(flying <= window / 2 && recovery.in_flight() == 0);
    send_lazy(&mut recovery, 20_000, flying as usize);
    assert_eq!(recovery.permit(at(20_001), 1_452), Permit::WindowFull);
    assert!(recovery.wants_ack() && recovery.deadline().is_some());
}
