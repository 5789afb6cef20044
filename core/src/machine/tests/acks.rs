//! Acknowledgements that lie gain nothing: RFC 9000 section 21.4.

use core::time::Duration;

use super::pair::Pair;

const ORDERED: u8 = 3;

/// A server that said much, of which nothing has arrived; and the number of its last packet.
fn talking() -> (Pair, u8) {
    let mut pair = Pair::connected();
    for _ in 0..8 {
        pair.server
            .send(pair.now, ORDERED, &[7; 1_000])
            .expect("there is room");
    }
    pair.server.endpoint.flush(pair.now);
    assert!(pair.server.datagrams(pair.now).len() >= 7);
    let last = pair.server.slot().peer.recovery.next_number() - 1;
    (pair, u8::try_from(last).expect("few packets"))
}

fn window(pair: &mut Pair) -> u64 {
    pair.server.slot().peer.stats().congestion_window_bytes
}

#[test]
fn an_acknowledgement_said_a_thousand_times_counts_once() {
    let (mut pair, last) = talking();
    pair.now = pair.now + Duration::from_millis(20);
    pair.attack(&[0x02, last, 0, 0, last]);
    let once = window(&mut pair);
    for _ in 0..1_000 {
        pair.attack(&[0x02, last, 0, 0, last]);
    }
    assert_eq!(window(&mut pair), once);
    assert_eq!(pair.server.slot().peer.recovery.in_flight(), 0);
}

/// Acknowledging early makes the way look short, and what is in flight small: the window grows by what was sent, and no faster than for
/// a peer who is really there.
#[test]
fn an_acknowledgement_before_anything_arrived_grows_the_window_no_more_than_a_true_one() {
    let windows = [0, 20].map(|millis| {
        let (mut pair, last) = talking();
        pair.now = pair.now + Duration::from_millis(millis);
        pair.attack(&[0x02, last, 0, 0, last]);
        window(&mut pair)
    });
    assert!(windows[0] <= windows[1], "{windows:?}");
}

/// A delay that is longer than the round trip would make it 0 or less.
#[test]
fn a_delay_that_cannot_be_makes_no_round_trip_shorter_than_the_least() {
    let (mut pair, last) = talking();
    pair.now = pair.now + Duration::from_millis(50);
    let least = pair.server.slot().peer.stats().rtt_min_us;
    // 2^30 - 1 units of 8 microseconds.
    pair.attack(&[0x02, last, 0xBF, 0xFF, 0xFF, 0xFF, 0, last]);
    let stats = pair.server.slot().peer.stats();
    assert!(stats.rtt_us >= least && stats.rtt_min_us >= least.min(50_000));
    assert!(stats.rtt_us > 0);
}

/// Who acknowledges nothing gets nothing more than the window, and then a probe now and then.
#[test]
fn who_withholds_acknowledgements_stops_the_sender() {
    let (mut pair, _) = talking();
    let mut sent = 0;
    for _ in 0..500 {
        pair.now = pair.now + Duration::from_millis(10);
        let _ = pair.server.send(pair.now, ORDERED, &[7; 1_000]);
        pair.server.endpoint.handle_timeout(pair.now);
        sent += pair.server.datagrams(pair.now).len();
        assert!(pair.server.slot().peer.stats().queued_bytes <= 256 * 1024);
    }
    assert!(sent < 60, "{sent} datagrams in five seconds");
}
