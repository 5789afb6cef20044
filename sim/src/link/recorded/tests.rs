use super::*;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn opportunities(text: &str) -> Opportunities {
    Opportunities::new(Capacity::parse(text).expect("a good trace"), at(100))
}

#[test]
fn each_line_lets_1500_bytes_through_and_the_trace_begins_again() {
    let mut link = opportunities("5\n10\n10\n");
    let times = [0; 7].map(|_| link.finish(at(100), 1_500).as_micros() / 1_000 - 100);
    assert_eq!(times, [5, 10, 10, 15, 20, 20, 25]);
}

#[test]
fn small_datagrams_share_an_opportunity_and_large_ones_take_several() {
    let mut link = opportunities("5\n10\n");
    let times =
        [700, 700, 700, 3_000].map(|len| link.finish(at(100), len).as_micros() / 1_000 - 100);
    assert_eq!(times, [5, 5, 10, 20]);
}

#[test]
fn what_nobody_used_is_lost() {
    let mut link = opportunities("5\n10\n");
    assert_eq!(link.finish(at(112), 100), at(115));
    assert_eq!(
        link.finish(at(115), 100),
        at(115),
        "the same opportunity goes on"
    );
    assert_eq!(link.finish(at(100 + 10_000_001), 100), at(100 + 10_000_005));
}

#[test]
fn the_average_rate_is_that_of_the_lines() {
    let capacity = Capacity::parse("# two in 10 ms\n5\n\n10\n").expect("a good trace");
    assert_eq!(capacity.bits_per_second(), 2_400_000);
}

#[test]
fn a_bad_line_of_a_capacity_is_named() {
    let wrong = |text: &str| Capacity::parse(text).expect_err("it is wrong").to_string();
    assert!(wrong("1\n2\nx\n").starts_with("line 3: expected a time"));
    assert!(wrong("1\n-2\n").starts_with("line 2: expected a time"));
    assert!(wrong("86400001\n").starts_with("line 1: expected a time"));
    assert!(wrong("1\n\n3\n2\n").starts_with("line 4: the time is before"));
    assert!(wrong("0\n0\n").contains("above 0"));
    assert!(wrong("\n# nothing\n").contains("no time"));
}

#[test]
fn conditions_hold_until_the_next_row_and_begin_again() {
    let rows = "send_ms,delay_ms,lost\n1000,21.5,0\n1020,48,0\n1040,,1\n1060,7,1\n1080,9,0\n";
    let mut conditions = Conditions::parse(rows).expect("a good table");
    let mut meet = |age| conditions.meet(ms(age)).map(|delay| delay.as_micros());
    assert_eq!(
        [meet(0), meet(19), meet(20)],
        [Some(21_500), Some(21_500), Some(48_000)]
    );
    assert_eq!(
        [meet(40), meet(79), meet(80), meet(99)],
        [None, None, Some(9_000), Some(9_000)]
    );
    assert_eq!(meet(100), Some(21_500), "five rows of 20 ms each");
    let mut one = Conditions::parse("0,5,0").expect("one row is enough");
    assert_eq!(one.meet(ms(123_456)), Some(ms(5)));
}

#[test]
fn rows_with_one_time_are_met_one_after_the_other() {
    let rows = "0,1,0\n10,2,0\n10,,1\n10,4,0\n20,5,0\n";
    let mut conditions = Conditions::parse(rows).expect("a good table");
    let mut met = |ages: [u64; 6]| {
        let times = ages.map(|age| conditions.meet(ms(age)));
        times.map(|time| time.map_or(0, |time| time.as_millis()))
    };
    assert_eq!(met([0, 0, 10, 10, 10, 10]), [1, 1, 2, 0, 4, 4]);
    assert_eq!(met([12, 20, 25, 35, 36, 47]), [4, 5, 1, 2, 0, 5]);
}

#[test]
fn a_bad_line_of_conditions_is_named() {
    let wrong = |text: &str| {
        Conditions::parse(text)
            .expect_err("it is wrong")
            .to_string()
    };
    assert!(wrong("0,5\n").starts_with("line 1: expected three values"));
    assert!(wrong("0,5,0\n1,5,2\n").starts_with("line 2: lost"));
    assert!(wrong("0,5,0\n1,,0\n").starts_with("line 2: delay_ms"));
    assert!(wrong("0,3600001,0\n").starts_with("line 1: delay_ms"));
    assert!(wrong("0,1.1234567,0\n").starts_with("line 1: delay_ms"));
    assert!(wrong("x,1,0\n").starts_with("line 1: send_ms"));
    assert!(wrong("5,1,0\n4,1,0\n").starts_with("line 2: it was sent before"));
    assert!(wrong("send_ms,delay_ms,lost\n").contains("no row"));
}
