//! Peers that lie, and things that are no peers: whatever they say, nothing panics, loops or grows.

use core::time::Duration;

use super::frames::{end_of, fragment};
use super::pair::{Pair, Side, address};
use crate::event::Violation;
use crate::{Arrival, CloseReason, Config, Instant, ServerIdentity};

#[test]
fn a_lie_about_indexes_and_counts_ends_the_connection() {
    for (index, count) in [
        (u64::from(u32::MAX), 2),
        (u64::from(u32::MAX), u64::from(u32::MAX)),
        (0, 0),
        (0, 1),
        (2, 2),
        (1, 1 << 32),
        (1 << 61, 2),
        (0, 1 << 20),
    ] {
        for channel in 0..4 {
            let mut pair = Pair::connected();
            pair.attack(&fragment(channel, 0, index, count, &[7; 300]));
            pair.run_for(Duration::from_secs(1));
            assert!(
                matches!(
                    end_of(&pair.server.events),
                    CloseReason::Violation(
                        Violation::BadFragment | Violation::BadFrame | Violation::TooLarge
                    )
                ),
                "{index} of {count}"
            );
        }
    }
}

#[test]
fn an_endpoint_that_calls_an_echo_hears_nobody() {
    for accepts in [false, true] {
        let mut now = Instant::from_millis(1);
        let mut side = Side::new(Config::builder().accepts(accepts), 1, now);
        let echo = address(2);
        side.endpoint
            .connect(now, echo, ServerIdentity::TrustOnFirstUse)
            .expect("free");
        let event = loop {
            for mut datagram in side.datagrams(now) {
                side.endpoint
                    .handle_datagram(now, Arrival::game(echo), &mut datagram);
            }
            if let Some(event) = side.endpoint.poll_event() {
                break event;
            }
            now = side.endpoint.poll_timeout().expect("the attempt ends");
            side.endpoint.handle_timeout(now);
        };
        assert_eq!(end_of(&[event]), &CloseReason::HandshakeTimeout);
        assert_eq!(side.endpoint.stats().attempts, 0);
    }
}
