use super::*;
use crate::ms;

/// 1,000 bytes a millisecond with headers: a datagram of 972 bytes takes 1 ms.
const RATE: u64 = 8_000_000;
const LEN: usize = 972;

/// Offers a numbered datagram every `apart` for `count` times; when each left, in ms, and those that were refused and
/// dropped.
#[derive(Default)]
struct Outcome {
    sent: Vec<(u64, u32)>,
    marked: Vec<u32>,
    refused: usize,
    dropped: usize,
}

fn offer(rate: Rate, apart: Duration, count: u32) -> Outcome {
    offer_some(rate, apart, count, |_| false)
}

/// Those that `is_capable` says may be marked.
fn offer_some(
    rate: Rate,
    apart: Duration,
    count: u32,
    is_capable: impl Fn(u32) -> bool,
) -> Outcome {
    let mut queue = Queue::new(rate, Instant::ZERO);
    let mut outcome = Outcome::default();
    for number in 0..count {
        let now = Instant::ZERO + apart * number;
        poll(&mut queue, now, &mut outcome);
        let item = Item {
            number,
            is_capable: is_capable(number),
            is_marked: false,
        };
        outcome.refused += usize::from(queue.push(now, LEN, item).is_err());
    }
    while let Some(due) = queue.poll_timeout() {
        poll(&mut queue, due, &mut outcome);
    }
    outcome
}

/// A datagram as far as a queue is concerned.
#[derive(Debug)]
struct Item {
    number: u32,
    is_capable: bool,
    is_marked: bool,
}

impl Markable for Item {
    fn mark(&mut self) -> bool {
        self.is_marked |= self.is_capable;
        self.is_capable
    }
}

fn poll(queue: &mut Queue<Item>, now: Instant, outcome: &mut Outcome) {
    while let Some(output) = queue.poll(now) {
        match output {
            Output::Sent(at, item) => {
                outcome.sent.push((at.as_micros() / 1_000, item.number));
                outcome.marked.extend(item.is_marked.then_some(item.number));
            }
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
        let item = Item {
            number,
            is_capable: false,
            is_marked: false,
        };
        queue.push(Instant::ZERO, LEN, item).expect("it has room");
    }
    assert!(queue.clear().map(|item| item.number).eq(0..3));
}

/// A tenth more than the link carries.
const TOO_MUCH: Duration = Duration::from_micros(909);

#[test]
fn codel_marks_what_understands_marks_where_it_would_have_dropped_it() {
    let rate = || Rate::bits_per_second(RATE).queue_datagrams(500);
    let dropping = offer_some(rate().codel(), TOO_MUCH, 5_000, |_| true);
    assert!(dropping.marked.is_empty());
    let marking = offer_some(rate().codel_with_ecn(), TOO_MUCH, 1_000, |_| true);
    assert_eq!((marking.dropped, marking.refused), (0, 0));
    assert_eq!(marking.sent.len(), 1_000);
    // Until the first drop both queues are the same.
    let first = (0..).find(|number| dropping.sent[*number as usize].1 != *number);
    assert_eq!(marking.marked.first().copied(), first);
    // Marks come by the law of drops: each time sooner.
    let when = |number: &u32| marking.sent[*number as usize].0;
    let times: Vec<u64> = marking.marked.iter().map(when).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 5, "{gaps:?}");
    let law = [100, 71, 58, 50, 45];
    for (gap, expected) in gaps.iter().zip(law) {
        assert!(gap.abs_diff(expected) <= 2, "{gaps:?}");
    }
}

#[test]
fn codel_drops_what_does_not_understand_marks() {
    let rate = Rate::bits_per_second(RATE).queue_datagrams(500);
    let is_even = |number: u32| number.is_multiple_of(2);
    let mixed = offer_some(rate.codel_with_ecn(), TOO_MUCH, 5_000, is_even);
    assert!(mixed.dropped > 20 && mixed.marked.len() > 20);
    assert!(mixed.marked.iter().all(|number| is_even(*number)));
    let missing = |number| mixed.sent.iter().all(|(_, sent)| *sent != number);
    assert!(
        (0..5_000)
            .filter(|number| is_even(*number))
            .all(|number| !missing(number))
    );
}

#[test]
fn drop_tail_marks_what_finds_so_much_waiting_and_drops_what_finds_it_full() {
    for rate in [
        Rate::bits_per_second(RATE)
            .queue_datagrams(5)
            .mark_above_datagrams(2),
        Rate::bits_per_second(RATE)
            .queue_bytes(5_000)
            .mark_above_bytes(2_000),
    ] {
        // One is sent, five wait; those that came third to fifth found two to four.
        let outcome = offer_some(rate.clone(), ms(0), 10, |_| true);
        assert_eq!(outcome.marked, [3, 4, 5]);
        assert_eq!(outcome.refused, 4);
        let unmarked = offer_some(rate, ms(0), 10, |number| number != 4);
        assert_eq!(unmarked.marked, [3, 5]);
    }
}
