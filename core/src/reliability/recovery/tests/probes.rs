//! Probes that leave because the peer spoke and did not answer.

use super::*;

/// Answers take 60 ms; what left last is at 1 s.
fn learned() -> Recovery {
    let mut recovery = recovery();
    for n in 0..40 {
        let number = send(&mut recovery, 20 * n);
        ack(&mut recovery, 20 * n + 60, number..=number);
    }
    recovery
}

fn hear(recovery: &mut Recovery, millis: u64) -> bool {
    recovery.on_heard(at(millis), at(millis - 17), 0)
}

#[test]
fn a_datagram_that_lacks_the_answer_is_reason_for_a_probe() {
    let mut recovery = learned();
    send(&mut recovery, 1_000);
    let timer = recovery.deadline().expect("an answer is awaited");
    assert!(timer > at(1_060));
    assert!(!hear(&mut recovery, 1_043));
    assert_eq!(recovery.deadline(), Some(timer), "it could not have had it");
    assert!(hear(&mut recovery, 1_060));
    assert_eq!(recovery.deadline(), Some(at(1_060)));
    assert_eq!(timeout(&mut recovery, 1_060).0, Action::Probe);
    assert!(
        recovery.deadline() > Some(at(1_110)),
        "once for each question"
    );
}

#[test]
fn copies_under_way_put_off_that_probe_too() {
    let mut recovery = learned();
    send(&mut recovery, 1_000);
    send(&mut recovery, 1_017);
    recovery.on_copied(at(1_017));
    assert!(!hear(&mut recovery, 1_060));
    assert!(recovery.deadline() > Some(at(1_077)));
}

#[test]
fn silence_says_nothing_in_the_middle_of_bulk_or_of_what_may_wait() {
    for (eliciting, is_app_limited) in [(Eliciting::Yes, false), (Eliciting::Patient, true)] {
        let mut recovery = learned();
        recovery.on_sent(at(1_000), 100, eliciting, None, is_app_limited);
        let timer = recovery.deadline();
        assert!(!hear(&mut recovery, 1_062));
        assert_eq!(recovery.deadline(), timer, "{eliciting:?}");
    }
}

#[test]
fn where_answers_come_after_all_silence_is_not_heeded() {
    let mut recovery = learned();
    for round in 0..4 {
        let now = 1_000 + 100 * round;
        let number = send(&mut recovery, now);
        let is_heeded = hear(&mut recovery, now + 60);
        assert_eq!(is_heeded, round == 0, "{round}");
        ack(&mut recovery, now + 61, number..=number);
    }
}
