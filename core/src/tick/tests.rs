use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::time::Duration;

use proptest::prelude::*;

use super::*;

const DAY_NANOS: u64 = 86_400 * 1_000_000_000;

fn clock(rate_hz: u32, start: Instant) -> TickClock {
    let rate_hz = NonZeroU32::new(rate_hz).expect("a rate above 0");
    TickClock::new(TickConfig::new(rate_hz), start)
}

/// `(tick, skipped, late)` of all that waits.
fn drain(clock: &mut TickClock) -> Vec<(u64, u64, Duration)> {
    let mut steps = Vec::new();
    while let Some(event) = clock.poll_event() {
        let Event::Tick {
            tick,
            skipped,
            late,
        } = event
        else {
            panic!("a tick clock only ticks: {event:?}");
        };
        steps.push((tick, skipped, late));
    }
    steps
}

fn numbers(clock: &mut TickClock) -> Vec<u64> {
    let steps = drain(clock);
    steps.into_iter().map(|(tick, _, _)| tick).collect()
}

#[test]
fn step_zero_is_due_at_once_and_the_next_a_period_later() {
    let start = Instant::from_millis(77);
    let mut clock = clock(50, start);
    assert_eq!(
        clock.poll_timeout(),
        None,
        "a step that waits needs no timer"
    );
    assert_eq!(drain(&mut clock), [(0, 0, Duration::ZERO)]);
    assert_eq!(clock.poll_timeout(), Some(Instant::from_millis(97)));
    clock.handle_timeout(Instant::from_nanos(96_999_999));
    assert_eq!(drain(&mut clock), []);
    clock.handle_timeout(Instant::from_millis(98));
    assert_eq!(drain(&mut clock), [(1, 0, Duration::from_millis(1))]);
}

#[test]
fn an_owner_on_time_gets_every_step_at_its_deadline() {
    let mut clock = clock(60, Instant::ZERO);
    for second in 0..100_u64 {
        for step in 0..60 {
            let deadline = second * 1_000_000_000 + step * 1_000_000_000 / 60;
            let deadline = Instant::from_nanos(deadline);
            assert!(clock.poll_timeout().is_none_or(|due| due == deadline));
            clock.handle_timeout(deadline);
            let expected = (second * 60 + step, 0, Duration::ZERO);
            assert_eq!(drain(&mut clock), [expected]);
        }
    }
}

#[test]
fn no_drift_over_ten_years() {
    for rate_hz in [30_u32, 60, 7, 128, 1_000] {
        let start = Instant::from_nanos(12_345);
        let mut clock = clock(rate_hz, start);
        drain(&mut clock);
        for day in 1..=3_650_u64 {
            let now = start + Duration::from_nanos(day * DAY_NANOS);
            clock.handle_timeout(now);
            let last = *drain(&mut clock).last().expect("many steps are due");
            let tick = day * 86_400 * u64::from(rate_hz);
            assert_eq!((last.0, last.2), (tick, Duration::ZERO));
            let next_nanos = 1_000_000_000 / u64::from(rate_hz);
            let next = now + Duration::from_nanos(next_nanos);
            assert_eq!(clock.poll_timeout(), Some(next));
        }
    }
}

#[test]
fn a_late_owner_catches_up_at_most_five_steps_and_learns_what_it_missed() {
    let mut clock = clock(100, Instant::ZERO);
    drain(&mut clock);
    clock.handle_timeout(Instant::from_millis(123));
    let millis = Duration::from_millis;
    let expected = [
        (8, 7, millis(43)),
        (9, 0, millis(33)),
        (10, 0, millis(23)),
        (11, 0, millis(13)),
        (12, 0, millis(3)),
    ];
    assert_eq!(drain(&mut clock), expected);
    assert_eq!(clock.poll_timeout(), Some(Instant::from_millis(130)));
}

#[test]
fn steps_that_nobody_polls_do_not_pile_up() {
    let mut clock = clock(1_000, Instant::ZERO);
    for millis in 0..10_000 {
        clock.handle_timeout(Instant::from_millis(millis));
    }
    let steps = drain(&mut clock);
    assert_eq!(steps.len(), 5);
    assert_eq!((steps[0].0, steps[0].1), (9_995, 9_995));
}

#[test]
fn early_repeated_and_backward_calls_are_harmless() {
    let mut clock = clock(10, Instant::from_millis(1_000));
    for millis in [1_000, 1_099, 1_050, 0, 1_100, 1_100, 1_000] {
        clock.handle_timeout(Instant::from_millis(millis));
    }
    assert_eq!(numbers(&mut clock), vec![0, 1]);
}

#[test]
fn the_end_of_time_is_no_panic() {
    let mut clock = clock(1_000, Instant::ZERO);
    clock.handle_timeout(Instant::from_nanos(u64::MAX));
    assert_eq!(numbers(&mut clock).len(), 5);
    assert!(clock.poll_timeout().is_some());
}

proptest! {
    #[test]
    fn every_step_is_handed_out_or_reported_as_skipped(
        rate_hz in 1_u32..=1_000,
        catch_up_max in 1_u32..=20,
        pauses in prop::collection::vec((0_u64..200_000_000, any::<bool>()), 1..200),
    ) {
        let rate = NonZeroU32::new(rate_hz).expect("a rate above 0");
        let config = TickConfig { rate_hz: rate, catch_up_max };
        let mut clock = TickClock::new(config, Instant::ZERO);
        let mut now = Instant::ZERO;
        let mut expected_next = 0;
        for (pause_nanos, polls) in pauses {
            now = now + Duration::from_nanos(pause_nanos);
            clock.handle_timeout(now);
            if !polls {
                continue;
            }
            let steps = drain(&mut clock);
            prop_assert!(steps.len() <= catch_up_max as usize);
            for (tick, skipped, late) in steps {
                prop_assert_eq!(tick, expected_next + skipped);
                expected_next = tick + 1;
                prop_assert_eq!(clock.deadline(tick) + late, now);
            }
            prop_assert!(clock.poll_timeout() > Some(now));
        }
    }

    #[test]
    fn a_step_is_due_exactly_from_its_deadline_on(rate_hz in 1_u32..=1_000, tick in 1_u64..18_000_000_000) {
        let clock = clock(rate_hz, Instant::from_nanos(99));
        let deadline = clock.deadline(tick);
        prop_assert_eq!(clock.steps_due(deadline), tick + 1);
        prop_assert_eq!(clock.steps_due(deadline - Duration::from_nanos(1)), tick);
    }
}
