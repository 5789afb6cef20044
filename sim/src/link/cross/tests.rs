use super::*;
use crate::ms;

/// What a host of ours had of the line.
#[derive(Debug, PartialEq)]
struct Had {
    sent: usize,
    refused: usize,
    longest: Duration,
}

impl Markable for Instant {
    fn mark(&mut self) -> bool {
        false
    }
}

/// 10 Mbit/s with a queue of 50. Ours are 1,000 bytes each 2 ms: 4 Mbit/s, for 10 s.
fn offered(cross: Cross) -> Had {
    let rate = Rate::bits_per_second(10_000_000).queue_datagrams(50);
    let mut queue = SharedQueue::new(rate.with_cross(cross), Instant::ZERO, Rng::new(1));
    let mut had = Had {
        sent: 0,
        refused: 0,
        longest: Duration::ZERO,
    };
    for millisecond in 0..10_000 {
        let now = Instant::ZERO + ms(millisecond);
        while let Some(Output::Sent(at, since)) = queue.poll(now) {
            had.sent += 1;
            had.longest = had.longest.max(at.saturating_duration_since(since));
        }
        if millisecond % 2 == 0 {
            had.refused += usize::from(queue.push(now, 1_000 - HEADERS, now).is_err());
        }
    }
    had
}

fn flows(flows: u16) -> Cross {
    Cross {
        flows,
        rtt: ms(30),
        ..Cross::default()
    }
}

fn constant(bits_per_second: u64) -> Cross {
    Cross {
        bits_per_second,
        ..Cross::default()
    }
}

#[test]
fn a_queue_of_ones_own_is_not_disturbed() {
    let had = offered(Cross::default());
    assert_eq!((had.sent, had.refused), (5_000, 0));
    assert!(had.longest < ms(1), "{had:?}");
}

#[test]
fn a_flow_fills_the_queue_again_and_again_and_takes_what_is_left() {
    let had = offered(flows(1));
    // Reno loses once each time its window is full, and some of ours with it.
    assert!((1..250).contains(&had.refused), "{had:?}");
    assert!(had.sent + had.refused >= 4_930, "{had:?}");
    // 50 datagrams of which most have 1,500 bytes: almost 60 ms.
    assert!((ms(45)..ms(61)).contains(&had.longest), "{had:?}");
    let two = offered(flows(4));
    assert!(two.refused > had.refused, "{two:?} {had:?}");
}

#[test]
fn others_are_the_same_each_time() {
    assert_eq!(offered(flows(3)), offered(flows(3)));
}

#[test]
fn a_constant_stream_yields_to_nobody() {
    // 16 Mbit/s for a line of 10: 1,875 of 5,000 would be refused if chance alone decided whom.
    let had = offered(constant(12_000_000));
    assert!((1_100..2_700).contains(&had.refused), "{had:?}");
    assert!(had.longest > ms(45), "{had:?}");
    let had = offered(constant(5_000_000));
    assert_eq!(had.refused, 0, "there is room for both");
    assert!((ms(1)..ms(5)).contains(&had.longest), "{had:?}");
}

#[test]
fn a_stream_that_is_off_most_of_the_time_disturbs_a_tenth_of_it() {
    let always = offered(constant(12_000_000));
    let had = offered(Cross {
        on_off: Some((ms(500), ms(4_500))),
        ..constant(12_000_000)
    });
    assert!(had.refused > 0, "{had:?}");
    assert!(had.refused * 8 < always.refused, "{had:?} {always:?}");
}

#[test]
fn a_stream_keeps_its_rate_and_its_hours() {
    let cross = Cross {
        on_off: Some((ms(100), ms(900))),
        ..constant(12_000_000)
    };
    // 1,500 bytes are 1 ms of it.
    let mut rng = Rng::new(1);
    let since = Instant::ZERO + ms(7);
    let mut at = since;
    let mut sent = [0; 20];
    while at < since + ms(2_000) {
        let tenths = at.saturating_duration_since(since).as_millis() / 100;
        sent[usize::try_from(tenths).expect("less than 20")] += 1;
        at = cross.next_constant(since, at, &mut rng);
    }
    for (tenth, count) in sent.iter().enumerate() {
        let expected = if tenth % 10 == 0 { 90..=110 } else { 0..=0 };
        assert!(expected.contains(count), "{sent:?}");
    }
}

#[test]
fn nothing_is_to_be_done_while_nothing_of_ours_waits() {
    let cross = Cross {
        flows: 1,
        rtt: ms(30),
        ..constant(100_000)
    };
    let rate = Rate::bits_per_second(1_000_000).with_cross(cross);
    let mut queue = SharedQueue::new(rate, Instant::ZERO, Rng::new(1));
    let later = Instant::ZERO + ms(5_000);
    assert_eq!(queue.poll(later), None);
    assert_eq!(queue.poll_timeout(), None);
    assert!(queue.is_crowded());
    queue.push(later, 100, later).expect("the queue has room");
    let mut left_at = None;
    while let Some(due) = queue.poll_timeout() {
        if let Some(Output::Sent(at, _)) = queue.poll(due) {
            left_at = Some(at);
        }
    }
    // A megabit is slow: what the flow has in the queue of 1,000 takes seconds.
    assert!(left_at > Some(later + ms(1_000)), "{left_at:?}");
}

#[test]
fn what_waits_of_ours_is_not_lost_when_a_queue_is_cleared() {
    let rate = Rate::bits_per_second(100_000).with_cross(flows(1));
    let mut queue = SharedQueue::new(rate, Instant::ZERO, Rng::new(1));
    let times: Vec<Instant> = (0..5).map(|nth| Instant::ZERO + ms(nth)).collect();
    for time in &times {
        queue.push(*time, 100, *time).expect("it has room");
    }
    assert!(queue.clear().eq(times));
}

#[test]
fn codel_makes_flows_yield_before_they_fill_the_queue() {
    let longest = |rate: Rate| {
        let mut queue = SharedQueue::new(rate.with_cross(flows(1)), Instant::ZERO, Rng::new(1));
        let mut longest = Duration::ZERO;
        for nth in 0..1_000 {
            let now = Instant::ZERO + ms(10 * nth);
            while let Some(output) = queue.poll(now) {
                if let (Output::Sent(at, since), true) = (output, nth > 500) {
                    longest = longest.max(at.saturating_duration_since(since));
                }
            }
            let _ = queue.push(now, 100, now);
        }
        longest
    };
    let rate = || Rate::bits_per_second(10_000_000).queue_datagrams(200);
    let (tail, codel) = (longest(rate()), longest(rate().codel()));
    assert!(tail > ms(150), "{tail:?}");
    assert!(codel < ms(60), "{codel:?}");
}
