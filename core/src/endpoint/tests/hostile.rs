//! A peer that proved itself and then lies: whatever it says, nothing panics, loops or grows.

use core::time::Duration;

use super::frames::{end_of, fragment};
use super::pair::Pair;
use crate::CloseReason;
use crate::event::Violation;

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
