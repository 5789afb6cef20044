//! The states in their order, on a path of one queue; the cases are those of the draft's "BBR Example Test Cases".

use alloc::vec::Vec;

use super::*;

mod pipe;

use self::pipe::{BASE_US, PRODUCT, Pipe, RATE, SIZE};

#[test]
fn startup_ends_on_the_plateau_and_the_model_is_right() {
    let mut pipe = Pipe::new(1);
    pipe.run(1_500);
    assert_eq!(
        pipe.names(0),
        // Drain leaves nothing for "down" to do.
        ["startup", "drain", "cruise"],
        "{:?}",
        pipe.phases
    );
    let bandwidth = pipe.bbr.model.max_bandwidth();
    assert!(bandwidth.abs_diff(RATE) * 50 < RATE, "{bandwidth}");
    let least = pipe.bbr.model.round_trip_us().expect("measured");
    assert!((BASE_US..BASE_US + 2_000).contains(&least), "{least}");
}

#[test]
fn it_fills_the_path_and_queues_little_but_to_probe() {
    let mut pipe = Pipe::new(1);
    pipe.run(2_000);
    let rate = pipe.run(20_000);
    assert!(rate * 100 >= RATE * 93, "{rate}");
    assert!(pipe.wait_max_us < BASE_US, "{} us", pipe.wait_max_us);
}

#[test]
fn bandwidth_is_probed_every_two_to_three_seconds_in_the_order_of_the_draft() {
    let mut pipe = Pipe::new(1);
    pipe.run_to("probe-rtt");
    pipe.run_to("cruise");
    let from = pipe.now_us;
    pipe.run_to("refill");
    let waited = pipe.now_us - from;
    assert!((2_000_000..3_050_000).contains(&waited), "{waited} us");
    pipe.run_to("up");
    pipe.run_to("down");
    pipe.run_to("cruise");
}

#[test]
fn the_wait_follows_from_the_seed() {
    let refills = |seed| {
        let mut pipe = Pipe::new(seed);
        pipe.run(8_000);
        let refills = pipe.phases.iter();
        let refills = refills.filter(|(phase, _)| *phase == Phase::Refill);
        refills.map(|(_, at)| *at).collect::<Vec<_>>()
    };
    assert_eq!(refills(1), refills(1));
    assert_ne!(refills(1), refills(2));
}

#[test]
fn more_bandwidth_is_found_and_less_is_heeded() {
    let mut pipe = Pipe::new(1);
    pipe.run(3_000);
    pipe.rate = 3 * RATE;
    pipe.run(12_000);
    let rate = pipe.run(4_000);
    assert!(rate * 100 >= 3 * RATE * 85, "{rate}");
    pipe.rate = RATE;
    pipe.run(12_000);
    pipe.run(4_000);
    let bandwidth = pipe.bbr.model.max_bandwidth();
    assert!(bandwidth.abs_diff(RATE) * 10 < RATE, "{bandwidth}");
}

#[test]
fn the_least_round_trip_is_looked_for_every_five_seconds() {
    let mut pipe = Pipe::new(1);
    pipe.run_to("probe-rtt");
    assert!(
        (5_000_000..7_000_000).contains(&pipe.now_us),
        "{}",
        pipe.now_us
    );
    let from = pipe.now_us;
    pipe.run(150);
    assert!(
        pipe.in_flight() <= PRODUCT / 2 + SIZE,
        "{}",
        pipe.in_flight()
    );
    pipe.run_to("cruise");
    let took = pipe.now_us - from;
    assert!((200_000..450_000).contains(&took), "{took} us");
    assert!(pipe.bbr.window() > PRODUCT, "the window is back");
}

#[test]
fn who_was_silent_needs_no_probe_of_the_round_trip() {
    let mut pipe = Pipe::new(1);
    pipe.run(3_000);
    let silent = pipe.now_us;
    pipe.gap_us = u64::MAX / 2;
    pipe.run(4_000);
    pipe.gap_us = 0;
    pipe.run(300);
    assert!(
        !pipe.names(silent).contains(&"probe-rtt"),
        "{:?}",
        pipe.phases
    );
}

#[test]
fn an_application_that_says_little_stays_in_startup_and_its_window_does_not_grow() {
    let mut pipe = Pipe::new(1);
    pipe.gap_us = 20_000;
    pipe.run(4_000);
    assert_eq!(pipe.names(0), ["startup"]);
    let window = pipe.bbr.window();
    assert!(window <= 2 * initial_window(SIZE), "{window}");
    assert!(
        pipe.bbr.pacing_rate() > Some(100_000),
        "not held to what it says"
    );
}

#[test]
fn many_losses_end_startup_and_bound_what_is_in_flight() {
    let mut pipe = Pipe::new(1);
    pipe.queue_max = 12_000;
    pipe.run(1_500);
    assert_eq!(pipe.names(0)[1], "drain");
    let longterm = pipe.bbr.bounds.inflight_longterm;
    assert!(longterm < 3 * PRODUCT, "{longterm}");
    let rate = pipe.run(20_000);
    assert!(rate * 100 >= RATE * 80, "{rate}");
}

#[test]
fn a_loss_in_a_hundred_by_chance_hardly_matters() {
    let mut pipe = Pipe::new(1);
    pipe.lost_each = 100;
    pipe.run(2_000);
    let rate = pipe.run(20_000);
    assert!(rate * 100 >= RATE * 85, "{rate}");
}

#[test]
fn a_mark_ends_startup_and_in_cruise_bounds_the_rate() {
    let mut pipe = Pipe::new(1);
    pipe.run(200);
    assert_eq!(pipe.bbr.cycle.phase, Phase::Startup);
    pipe.bbr.on_marked();
    pipe.run(100);
    assert_ne!(pipe.bbr.cycle.phase, Phase::Startup);
    let mut pipe = Pipe::new(1);
    pipe.run_to("cruise");
    pipe.bbr.on_marked();
    pipe.run(110);
    let bounds = &pipe.bbr.bounds;
    assert!(bounds.bandwidth <= RATE * 102 / 100, "{bounds:?}");
    assert!(bounds.inflight_shortterm < 2 * PRODUCT, "{bounds:?}");
}

#[test]
fn losses_that_were_none_are_undone() {
    let mut pipe = Pipe::new(1);
    pipe.run(150);
    pipe.bbr.note_loss(pipe.delivered);
    pipe.bbr.leave_startup();
    pipe.run(20);
    assert_ne!(pipe.bbr.cycle.phase, Phase::Startup);
    pipe.bbr.on_spurious_event();
    assert_eq!(pipe.bbr.cycle.phase, Phase::Startup);
    assert_eq!(pipe.bbr.bounds.inflight_longterm, u64::MAX);
}

#[test]
fn silence_leaves_two_datagrams_and_the_window_comes_back() {
    let mut pipe = Pipe::new(1);
    pipe.run(2_000);
    pipe.bbr.on_persistent_congestion();
    assert_eq!(pipe.bbr.window(), 2 * SIZE);
    pipe.run(2_000);
    let rate = pipe.run(1_000);
    assert!(rate * 100 >= RATE * 90, "{rate}");
}

#[test]
fn one_loss_of_few_datagrams_is_chance_unless_there_is_a_queue() {
    let mut pipe = Pipe::new(1);
    pipe.run_to("cruise");
    assert!(!pipe.bbr.is_too_high(SIZE, 40 * SIZE), "no queue");
    assert!(pipe.bbr.is_too_high(2 * SIZE, 40 * SIZE), "two of them");
    assert!(!pipe.bbr.is_too_high(2 * SIZE, 100 * SIZE), "2 %");
    pipe.run_to("up");
    while pipe.bbr.model.queue_us() < BASE_US / 4 {
        pipe.run(1);
    }
    assert!(pipe.bbr.is_too_high(SIZE, 40 * SIZE), "a queue");
}
