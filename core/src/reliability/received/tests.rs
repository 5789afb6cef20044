use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const ACK_DELAY_MAX: Duration = Duration::from_millis(25);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn received(packets: impl IntoIterator<Item = (u64, Urgency)>) -> Received {
    let mut received = Received::new(ACK_DELAY_MAX);
    for (number, urgency) in packets {
        received.record(at(0), number, urgency);
    }
    received
}

/// A flow past its first exact acknowledgements, everything up to 99 received and confirmed at 1 ms.
fn settled() -> Received {
    let mut received = received((0..100).map(|n| (n, Urgency::Lazy)));
    for _ in 0..EXACT_FIRST {
        received.on_ack_sent(at(1), AckForm::Ranges);
    }
    received.on_ack_confirmed(99);
    received
}

fn ranges(received: &Received) -> Vec<RangeInclusive<u64>> {
    received.ranges().collect()
}

#[test]
fn nothing_received_means_nothing_to_say() {
    let received = Received::new(ACK_DELAY_MAX);
    assert_eq!(received.largest(), None);
    assert_eq!(received.ack_deadline(None), None);
    assert_eq!(received.piggyback(at(5_000)), AckForm::None);
    assert_eq!(ranges(&received), vec![]);
}

#[test]
fn a_packet_counts_once() {
    let mut received = received([(0, Urgency::Lazy), (3, Urgency::Lazy)]);
    assert!(!received.is_new(0));
    assert!(received.is_new(1));
    assert!(!received.is_new(3));
    assert!(received.is_new(4));
    received.record(at(1), 1, Urgency::Lazy);
    assert!(!received.is_new(1));
    assert_eq!(ranges(&received), vec![3..=3, 0..=1]);
}

#[test]
fn what_is_older_than_the_window_counts_as_seen() {
    let received = received([(5_000, Urgency::Lazy)]);
    assert!(received.is_new(5_000 - WINDOW + 1));
    assert!(!received.is_new(5_000 - WINDOW));
}

#[test]
fn the_last_numbers_of_all_do_not_wrap() {
    let mut received = received([(u64::MAX - 2, Urgency::Lazy), (u64::MAX, Urgency::Lazy)]);
    assert!(!received.is_new(u64::MAX));
    assert!(!received.is_new(0));
    assert!(received.is_new(u64::MAX - 1));
    assert_eq!(
        ranges(&received),
        vec![u64::MAX..=u64::MAX, u64::MAX - 2..=u64::MAX - 2]
    );
    received.record(at(0), u64::MAX - 1, Urgency::Soon);
    assert_eq!(ranges(&received), vec![u64::MAX - 2..=u64::MAX]);
}

#[test]
fn what_came_late_is_reported_though_it_elicits_nothing() {
    let mut received = received([(4, Urgency::Soon), (6, Urgency::Soon)]);
    assert_eq!(ranges(&received), vec![6..=6, 4..=4]);
    received.on_ack_sent(at(0), AckForm::Ranges);
    received.record(at(1), 5, Urgency::None);
    received.on_ack_confirmed(6);
    received.record(at(2), 7, Urgency::Soon);
    assert_eq!(ranges(&received), vec![5..=7]);
    // Which of the two up to 6 it is cannot be told: perhaps the one that did not speak of 5 yet.
    received.on_ack_sent(at(2), AckForm::Ranges);
    received.on_ack_confirmed(6);
    assert_eq!(ranges(&received), vec![5..=7]);
    received.on_ack_confirmed(7);
    assert_eq!(ranges(&received), vec![7..=7]);
}

#[test]
fn reliable_data_is_acknowledged_in_time_and_unreliable_twice_a_second() {
    let mut received = received([(0, Urgency::None)]);
    assert_eq!(received.ack_deadline(None), None);
    received.record(at(10), 1, Urgency::Lazy);
    received.record(at(20), 2, Urgency::Lazy);
    assert_eq!(received.ack_deadline(None), Some(at(510)));
    received.record(at(30), 3, Urgency::Soon);
    received.record(at(40), 4, Urgency::Soon);
    assert_eq!(received.ack_deadline(None), Some(at(55)));
    received.record(at(41), 5, Urgency::Now);
    assert_eq!(received.ack_deadline(None), Some(at(41)));
    received.on_ack_sent(at(41), AckForm::Ranges);
    assert_eq!(received.ack_deadline(None), None);
    assert_eq!(received.ack_delay(at(50)), Duration::from_millis(9));
}

#[test]
fn a_one_way_unreliable_flow_costs_two_acknowledgements_a_second() {
    let mut received = Received::new(ACK_DELAY_MAX);
    let mut acks = 0;
    for millis in 0..10_000 {
        if millis % 16 == 0 {
            received.record(at(millis), millis / 16, Urgency::Lazy);
        }
        if received
            .ack_deadline(None)
            .is_some_and(|due| due <= at(millis))
        {
            received.on_ack_sent(at(millis), AckForm::Ranges);
            acks += 1;
        }
    }
    assert!((18..=20).contains(&acks), "{acks}");
}

#[test]
fn four_packets_of_reliable_data_do_not_wait() {
    let mut received = received([(0, Urgency::Soon), (1, Urgency::Soon), (2, Urgency::Lazy)]);
    received.record(at(3), 3, Urgency::Soon);
    assert_eq!(received.ack_deadline(None), Some(at(25)));
    received.record(at(4), 4, Urgency::Soon);
    assert_eq!(received.ack_deadline(None), Some(at(4)));
    received.on_ack_sent(at(4), AckForm::Ranges);
    received.record(at(5), 5, Urgency::Soon);
    assert_eq!(received.ack_deadline(None), Some(at(30)));
}

#[test]
fn reliable_data_after_a_gap_is_acknowledged_at_once_but_only_once() {
    let mut received = received([(0, Urgency::Soon), (2, Urgency::Soon)]);
    assert_eq!(received.ack_deadline(None), Some(at(0)));
    assert_eq!(received.piggyback(at(0)), AckForm::Ranges);
    received.on_ack_sent(at(0), AckForm::Ranges);
    received.record(at(1), 3, Urgency::Soon);
    assert_eq!(received.ack_deadline(None), Some(at(26)));
}

/// RFC 9000 section 13.2.1.
#[test]
fn a_gap_is_told_at_once_or_by_what_leaves_within_a_tick() {
    let received = received([(0, Urgency::Lazy), (2, Urgency::Lazy)]);
    assert_eq!(received.ack_deadline(None), Some(at(0)));
    assert_eq!(received.ack_deadline(Some(at(25))), Some(at(25)));
    assert_eq!(
        received.ack_deadline(Some(at(26))),
        Some(at(0)),
        "too far off"
    );
    assert_eq!(received.piggyback(at(0)), AckForm::Ranges);
}

#[test]
fn what_elicits_no_acknowledgement_shows_a_gap_and_causes_none() {
    let mut received = received([(0, Urgency::None), (2, Urgency::None)]);
    assert_eq!(received.ack_deadline(None), None);
    received.record(at(5), 3, Urgency::Lazy);
    assert_eq!(received.ack_deadline(None), Some(at(5)));
}

/// Acknowledgements of their own in ten seconds, if every second packet of 125 a second is lost, and one in so many of the
/// others is reliable.
fn reports_of_gaps(reliable: u64) -> u32 {
    let mut received = Received::new(ACK_DELAY_MAX);
    let mut reports = 0;
    for millis in 0..10_000 {
        if millis % 16 == 0 {
            // What was received before asks for no haste by itself.
            let urgency = match (millis / 16 + 1) % reliable {
                0 => Urgency::Again,
                _ => Urgency::Lazy,
            };
            received.record(at(millis), millis / 8, urgency);
        }
        if received
            .ack_deadline(None)
            .is_some_and(|due| due <= at(millis))
        {
            received.on_ack_sent(at(millis), AckForm::Ranges);
            reports += 1;
        }
    }
    reports
}

#[test]
fn a_path_that_loses_much_does_not_cause_an_acknowledgement_for_each_gap() {
    let none = reports_of_gaps(u64::MAX);
    assert!(
        none <= 20,
        "unreliable data costs what it costs without loss: {none}"
    );
    let some = reports_of_gaps(10);
    assert!((100..=250).contains(&some), "one in 40 ms: {some}");
}

#[test]
fn late_reliable_data_is_acknowledged_at_once() {
    let mut received = received([(0, Urgency::Lazy), (2, Urgency::Lazy)]);
    received.on_ack_sent(at(1), AckForm::Ranges);
    received.record(at(2), 1, Urgency::Soon);
    assert_eq!(received.ack_deadline(None), Some(at(2)));
    assert_eq!(ranges(&received), vec![0..=2]);
}

#[test]
fn the_first_acknowledgements_are_exact_then_one_a_second() {
    let mut received = Received::new(ACK_DELAY_MAX);
    let mut forms = Vec::new();
    for n in 0..200 {
        let now = at(n * 10);
        received.record(now, n, Urgency::Soon);
        let form = received.piggyback(now);
        if form == AckForm::Ranges {
            forms.push(n);
        }
        received.on_ack_sent(now, form);
    }
    assert_eq!(forms, vec![0, 1, 2, 3, 4, 5, 6, 7, 107]);
}

#[test]
fn unreliable_data_is_acknowledged_in_pairs_or_when_old() {
    let mut received = settled();
    received.record(at(10), 100, Urgency::Lazy);
    assert_eq!(received.piggyback(at(10)), AckForm::None);
    assert_eq!(received.piggyback(at(109)), AckForm::None);
    assert_eq!(received.piggyback(at(110)), AckForm::Compact(100));
    received.record(at(20), 101, Urgency::Lazy);
    assert_eq!(received.piggyback(at(20)), AckForm::Compact(101));
    received.on_ack_sent(at(20), AckForm::Compact(101));
    assert_eq!(received.piggyback(at(400)), AckForm::None);
}

#[test]
fn a_two_way_flow_pays_about_a_byte_for_acknowledgements() {
    let mut received = Received::new(ACK_DELAY_MAX);
    let mut bytes = 0;
    let mut unconfirmed = None;
    for n in 0..600 {
        let now = at(n * 1_000 / 60);
        received.record(now, n, Urgency::Lazy);
        let form = received.piggyback(now);
        received.on_ack_sent(now, form);
        if let Some(largest) = unconfirmed.take() {
            received.on_ack_confirmed(largest);
        }
        bytes += match form {
            AckForm::None => 0,
            AckForm::Compact(_) => 1,
            AckForm::Ranges => {
                unconfirmed = Some(n);
                9
            }
        };
    }
    assert!(bytes <= 600, "{bytes}");
}

#[test]
fn a_gap_near_the_largest_needs_ranges() {
    let mut received = settled();
    received.record(at(10), 101, Urgency::Lazy);
    received.record(at(10), 102, Urgency::Lazy);
    assert_eq!(received.piggyback(at(10)), AckForm::Ranges);
    for n in 103..133 {
        received.on_ack_sent(at(10), AckForm::Ranges);
        received.record(at(11), n, Urgency::Soon);
        assert_eq!(
            received.piggyback(at(11)) == AckForm::Ranges,
            n < 132,
            "{n}"
        );
    }
}

#[test]
fn a_ping_is_answered_with_ranges() {
    let mut received = settled();
    received.record(at(10), 100, Urgency::Now);
    assert_eq!(received.piggyback(at(10)), AckForm::Ranges);
}

#[test]
fn a_burst_too_long_for_the_compact_form_needs_ranges() {
    let mut received = settled();
    for n in 100..115 {
        received.record(at(10), n, Urgency::Lazy);
    }
    assert_eq!(received.piggyback(at(10)), AckForm::Compact(114));
    received.record(at(10), 115, Urgency::Lazy);
    received.record(at(10), 116, Urgency::Lazy);
    assert_eq!(received.piggyback(at(10)), AckForm::Ranges);
}

#[test]
fn a_compact_acknowledgement_is_never_ambiguous() {
    let mut received = settled();
    for n in 100..355 {
        received.record(at(10), n, Urgency::Soon);
        assert!(matches!(received.piggyback(at(10)), AckForm::Compact(_)));
        received.on_ack_sent(at(10), AckForm::Compact(0));
    }
    received.record(at(10), 355, Urgency::Soon);
    assert_eq!(received.piggyback(at(10)), AckForm::Ranges, "256 above 99");
    received.on_ack_sent(at(10), AckForm::Ranges);
    received.on_ack_confirmed(355);
    received.record(at(10), 356, Urgency::Soon);
    assert_eq!(received.piggyback(at(10)), AckForm::Compact(100));
}

#[test]
fn what_the_peer_knows_is_not_repeated_but_a_late_number_is() {
    let mut received = received([(0, Urgency::Lazy), (2, Urgency::Lazy), (4, Urgency::Lazy)]);
    received.on_ack_sent(at(1), AckForm::Ranges);
    received.record(at(2), 3, Urgency::Lazy);
    received.on_ack_confirmed(4);
    assert_eq!(ranges(&received), vec![3..=4]);
    received.record(at(3), 5, Urgency::Lazy);
    received.on_ack_sent(at(3), AckForm::Ranges);
    received.on_ack_confirmed(5);
    assert_eq!(ranges(&received), vec![5..=5]);
    received.record(at(4), 1, Urgency::Soon);
    assert_eq!(ranges(&received), vec![1..=5]);
}

#[test]
fn an_acknowledgement_names_at_most_32_ranges_newest_first() {
    let received = received((0..100).map(|n| (2 * n, Urgency::Lazy)));
    let ranges = ranges(&received);
    assert_eq!(ranges.len(), ACK_RANGES_MAX);
    assert_eq!(ranges[0], 198..=198);
    assert_eq!(ranges[31], 136..=136);
}

/// What [`Received`] promises, without a bitmap.
#[derive(Default)]
struct Model {
    seen: BTreeSet<u64>,
    report_from: u64,
}

impl Model {
    fn oldest(&self) -> u64 {
        let largest = self.seen.last().copied().unwrap_or(0);
        largest.saturating_sub(WINDOW - 1)
    }

    fn is_new(&self, number: u64) -> bool {
        number >= self.oldest() && !self.seen.contains(&number)
    }

    fn ranges(&self) -> Vec<RangeInclusive<u64>> {
        let largest = self.seen.last().copied().unwrap_or(0);
        let lowest = self.oldest().max(self.report_from).min(largest);
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        for &number in self.seen.range(lowest..).rev() {
            match ranges.last_mut() {
                Some(range) if range.start() - 1 == number => *range = number..=*range.end(),
                Some(_) | None => ranges.push(number..=number),
            }
        }
        ranges.truncate(ACK_RANGES_MAX);
        ranges
    }
}

fn base() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        0..5_000u64,
        Just((1 << 62) - 600),
        Just(u64::MAX - 3_000),
        any::<u64>(),
    ]
}

fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        8 => Just(1i64),
        4 => -40..40i64,
        2 => -1_100..1_100i64,
        1 => -3_000..3_000i64,
    ];
    proptest::collection::vec(step, 1..400)
}

proptest! {
    #[test]
    fn the_window_and_the_ranges_equal_the_model(base in base(), steps in steps(), confirm in 1usize..60) {
        let mut received = Received::new(ACK_DELAY_MAX);
        let mut model = Model::default();
        for (i, step) in steps.into_iter().enumerate() {
            let from = received.largest().unwrap_or(base);
            let number = from.saturating_add_signed(step);
            prop_assert_eq!(received.is_new(number), model.is_new(number), "{}", number);
            if !model.is_new(number) {
                continue;
            }
            let is_late = model.seen.last().is_some_and(|&largest| number < largest);
            received.record(at(0), number, Urgency::Lazy);
            model.seen.insert(number);
            if is_late {
                model.report_from = model.report_from.min(number);
            }
            prop_assert_eq!(received.largest(), model.seen.last().copied());
            prop_assert_eq!(ranges(&received), model.ranges());
            if i % confirm == 0 {
                received.on_ack_sent(at(0), AckForm::Ranges);
                let largest = received.largest().expect("one was recorded");
                received.on_ack_confirmed(largest);
                // What came late may be told once more than needed.
                prop_assert!(received.report_from <= largest);
                model.report_from = received.report_from;
            }
        }
    }

    #[test]
    fn a_compact_acknowledgement_speaks_the_truth(steps in steps()) {
        let mut received = Received::new(ACK_DELAY_MAX);
        received.exact_count = EXACT_FIRST;
        for step in steps {
            let from = received.largest().unwrap_or(0);
            let number = from.saturating_add_signed(step);
            if !received.is_new(number) {
                continue;
            }
            received.record(at(0), number, Urgency::Soon);
            received.now_since = None;
            received.soon_since = Some(at(0));
            if let AckForm::Compact(low_bits) = received.piggyback(at(0)) {
                let largest = received.largest().expect("one was recorded");
                prop_assert_eq!(u64::from(low_bits), largest % 256);
                for n in largest.saturating_sub(COMPACT_SPAN - 1)..=largest {
                    prop_assert!(!received.is_new(n));
                }
            }
            received.on_ack_sent(at(0), AckForm::Compact(0));
        }
    }
}
