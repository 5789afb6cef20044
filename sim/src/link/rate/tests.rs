use super::*;
use crate::ms;

/// 1,000 bytes a millisecond with headers: a datagram of 972 bytes takes 1 ms.
const RATE: u64 = 8_000_000;
const LEN: usize = 972;

/// Offers a numbered datagram every `apart` for `count` times; when each left, in ms, and those that were refused and
/// dropped.
struct Outcome {
    sent: Vec<(u64, u32)>,
    refused: usize,
    dropped: usize,
}

fn offer(rate: Rate, apart: Duration, count: u32) -> Outcome {
    let mut queue = Queue::new(rate, Instant::ZERO);
    let mut outcome = Outcome {
        sent: Vec::new(),
        refused: 0,
        dropped: 0,
    };
    for number in 0..count {
        let now = Instant::ZERO + apart * number;
        poll(&mut queue, now, &mut outcome);
        outcome.refused += usize::from(queue.push(now, LEN, number).is_err());
    }
    while let Some(due) = queue.poll_timeout() {
        poll(&mut queue, due, &mut outcome);
    }
    outcome
}

fn poll(queue: &mut Queue<u32>, now: Instant, outcome: &mut Outcome) {
    while let Some(output) = queue.poll(now) {
        match output {
            Output::Sent(at, number) => outcome.sent.push((at.as_micros() / 1_000, number)),
            Output::Dropped(_) => outcome.dropped += 1,
        }
    }
}

#[test]
fn datagrams_leave_one_after_the_other() {
    let outcome = offer(Rate::bits_per_second(RATE), ms(0), 3);
    assert_eq!(outcome.sent, [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn an_idle_link_sends_at_once() {
    let outcome = offer(Rate::bits_per_second(RATE), ms(10), 3);
    assert_eq!(outcome.sent, [(1, 0), (11, 1), (21, 2)]);
}

#[test]
fn a_full_queue_drops_the_newest() {
    for rate in [
        Rate::bits_per_second(RATE).queue_datagrams(2),
        Rate::bits_per_second(RATE).queue_bytes(2_999),
    ] {
        let outcome = offer(rate, ms(0), 10);
        assert_eq!(outcome.sent, [(1, 0), (2, 1), (3, 2)]);
        assert_eq!(outcome.refused, 7);
    }
}

#[test]
fn drop_tail_is_full_for_ever_where_codel_is_short() {
    // A tenth more than the link carries, for 20 s.
    let apart = Duration::from_micros(909);
    let longest = |rate| {
        let outcome = offer(rate, apart, 22_000);
        let wait = |(at, number): &(u64, u32)| at.saturating_sub(u64::from(*number) * 909 / 1_000);
        // Once CoDel has found its drop rate.
        let late = outcome
            .sent
            .iter()
            .filter(|(at, _)| *at > 10_000)
            .map(wait)
            .max();
        (
            late.expect("datagrams after 10 s"),
            outcome.dropped,
            outcome.refused,
        )
    };
    let (wait, dropped, refused) = longest(Rate::bits_per_second(RATE).queue_datagrams(500));
    assert!(
        wait >= 499 && dropped == 0 && refused > 1_000,
        "{wait} {dropped} {refused}"
    );
    let (wait, dropped, refused) =
        longest(Rate::bits_per_second(RATE).queue_datagrams(500).codel());
    assert!(
        wait <= 60 && dropped > 1_000 && refused == 0,
        "{wait} {dropped} {refused}"
    );
}

#[test]
fn codel_lets_a_short_burst_pass() {
    let outcome = offer(Rate::bits_per_second(RATE).codel(), ms(0), 80);
    assert_eq!((outcome.sent.len(), outcome.dropped), (80, 0));
}

#[test]
fn codel_drops_first_after_an_interval_above_the_target() {
    let outcome = offer(Rate::bits_per_second(RATE).codel(), ms(0), 300);
    let first_gap = outcome
        .sent
        .windows(2)
        .find(|pair| pair[1].1 != pair[0].1 + 1);
    let (at, _) = first_gap.expect("one is missing")[0];
    // Above the target at 5 ms, so the interval ends at 105 ms.
    assert!((104..=107).contains(&at), "{at}");
}

#[test]
fn what_waits_is_not_lost_when_a_queue_is_cleared() {
    let mut queue = Queue::new(Rate::bits_per_second(1), Instant::ZERO);
    for number in 0..3 {
        queue.push(Instant::ZERO, LEN, number).expect("it has room");
    }
    assert!(queue.clear().eq(0..3));
}
