use core::num::NonZeroU64;
use core::time::Duration;

use super::*;

const SIZE: u64 = 1_200;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn rtt() -> Rtt {
    let mut rtt = Rtt::new();
    rtt.on_sample(Duration::from_millis(50), Duration::ZERO);
    rtt
}

fn congestion() -> Congestion {
    Congestion::new(CongestionControl::NewReno, 1_200)
}

fn lost(count: u32, sent_at: u64) -> Lost {
    Lost {
        count,
        bytes: u64::from(count) * SIZE,
        sent_at: at(sent_at),
    }
}

fn arrive(congestion: &mut Congestion, now: u64, sent_at: u64) {
    let flight = Flight::default();
    let packet = Arrived {
        sent_at: at(sent_at),
        bytes: SIZE,
        is_app_limited: false,
        flight: &flight,
    };
    congestion.on_acked(at(now), &packet);
    congestion.on_progress(at(now), Some(50_000), 0, &rtt());
}

#[test]
fn one_round_trip_of_losses_is_one_event() {
    let mut congestion = congestion();
    congestion.on_lost(at(100), lost(1, 50));
    congestion.on_lost(at(110), lost(1, 90));
    congestion.on_lost(at(120), lost(2, 100));
    assert_eq!(congestion.window(), 6_000);
    arrive(&mut congestion, 125, 99);
    assert_eq!(
        congestion.window(),
        6_000,
        "sent before the loss was answered"
    );
    congestion.on_lost(at(130), lost(1, 101));
    assert_eq!(congestion.window(), 3_000);
}

#[test]
fn an_event_is_undone_when_all_its_packets_came_late() {
    let mut congestion = congestion();
    congestion.on_lost(at(100), lost(1, 50));
    congestion.on_lost(at(110), lost(1, 90));
    congestion.on_late(at(100));
    assert_eq!(congestion.window(), 6_000);
    congestion.on_late(at(99));
    assert_eq!(congestion.window(), 6_000, "of an earlier event");
    congestion.on_late(at(110));
    assert_eq!(congestion.window(), 12_000);
    congestion.on_late(at(110));
    assert_eq!(congestion.window(), 12_000);
}

#[test]
fn persistent_congestion_is_not_undone() {
    let mut congestion = congestion();
    congestion.on_lost(at(100), lost(1, 50));
    congestion.on_persistent_congestion();
    congestion.on_late(at(100));
    assert_eq!(congestion.window(), 2_400);
}

#[test]
fn a_change_of_controllers_keeps_the_window_that_was_used() {
    let mut congestion = congestion();
    for _ in 0..20 {
        arrive(&mut congestion, 60, 10);
    }
    assert_eq!(congestion.window(), 36_000);
    congestion.set(CongestionControl::Cubic, 30_000);
    assert_eq!(congestion.window(), 36_000);
    assert_eq!(congestion.choice(), CongestionControl::Cubic);
    let bytes_per_second = NonZeroU64::new(1_000_000).expect("not zero");
    congestion.set(CongestionControl::Fixed { bytes_per_second }, 30_000);
    assert_eq!(congestion.window(), 1_000_000);
    assert_eq!(congestion.pacing_rate(&rtt()), 1_000_000);
    // A second's bytes were never in flight: that window is not handed on.
    congestion.set(CongestionControl::NewReno, 30_000);
    assert_eq!(congestion.window(), 60_000);
}

#[test]
fn another_path_begins_anew() {
    let mut congestion = congestion();
    congestion.on_lost(at(100), lost(1, 50));
    congestion.reset(at(100));
    assert_eq!(congestion.window(), 12_000);
}
