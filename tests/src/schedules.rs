//! Schedules as proptest makes and shrinks them: towards fewer fates, and each fate towards delivery.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use tickwire_sim::{Fate, Schedule};

/// Up to `len_max` fates, three in four of them deliveries.
pub(crate) fn fates(len_max: usize) -> impl Strategy<Value = Vec<Fate>> {
    proptest::collection::vec(fate(), 0..=len_max)
}

/// As [`fates`], as a schedule.
pub(crate) fn schedule(len_max: usize) -> impl Strategy<Value = Schedule> {
    fates(len_max).prop_map(Schedule::new)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        15 => Just(Fate::Deliver),
        1 => Just(Fate::Drop),
        1 => Just(Fate::Duplicate),
        1 => (1..=300_u16).prop_map(Fate::Delay),
        1 => any::<u16>().prop_map(|bit| Fate::Corrupt { bit }),
        1 => any::<u16>().prop_map(|len| Fate::Truncate { len }),
    ]
}
