use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{FRESH_BYTES, LEAD_BYTES, SCALE, Set, Shares};
use crate::channel::options::Priority;
use crate::channel::qos::Qos;

const PIECE_MAX: usize = 1_400;

fn any_channel() -> impl Strategy<Value = (Qos, bool)> {
    let priority = prop::sample::select(vec![Priority::Low, Priority::Normal, Priority::High]);
    (priority, 1u8..=100, any::<bool>()).prop_map(|(priority, weight, is_fresh)| {
        (Qos::new().priority(priority).weight(weight), is_fresh)
    })
}

fn all(channels: usize) -> Set {
    let mut set = Set::default();
    (0..channels).for_each(|channel| set.set(channel, true));
    set
}

/// How far channel `i` may be ahead of any other, by weight: its lead and a piece.
fn bound((qos, is_fresh): (Qos, bool)) -> u64 {
    let bytes = if is_fresh { FRESH_BYTES } else { 1 };
    let piece = PIECE_MAX as u64 * SCALE / (u64::from(qos.weight) * bytes);
    LEAD_BYTES * SCALE / bytes + piece
}

proptest! {
    /// Of channels that always have something to send, whatever their priorities and pieces: at every moment, counted from
    /// the beginning, nobody is ahead of another by more than its bound. So shares are those of the weights, and nobody
    /// starves.
    #[test]
    fn weights_are_honoured_and_nobody_starves(
        channels in prop::collection::vec(any_channel(), 1..8),
        pieces in prop::collection::vec(1..=PIECE_MAX, 1..2_000),
    ) {
        let mut shares = Shares::new(channels.iter().copied());
        let everybody = all(channels.len());
        let mut by_weight = vec![0u64; channels.len()];
        for bytes in pieces {
            let (next, _) = shares.next(Set::default(), everybody).expect("somebody");
            shares.serve(next, bytes, everybody);
            let (qos, is_fresh) = channels[next];
            let rate = u64::from(qos.weight) * if is_fresh { FRESH_BYTES } else { 1 };
            by_weight[next] += bytes as u64 * SCALE / rate;
            let least = by_weight.iter().min().expect("somebody");
            for (channel, served) in channels.iter().zip(&by_weight) {
                prop_assert!(served - least <= bound(*channel), "{channel:?}: {served}, {least}");
            }
        }
    }

    /// Others come and go, with whatever they were served before: who always has something to send waits for no more than
    /// each one's bound, taken once.
    #[test]
    fn who_waits_is_served_whoever_comes_and_goes(
        channels in prop::collection::vec(any_channel(), 2..8),
        steps in prop::collection::vec((any::<u8>(), 1..=PIECE_MAX), 1..2_000),
    ) {
        let mut shares = Shares::new(channels.iter().copied());
        let mut others = vec![0u64; channels.len()];
        for (present, bytes) in steps {
            let mut now = Set::default();
            (0..channels.len()).for_each(|channel| now.set(channel, present >> channel & 1 == 1));
            now.set(0, true);
            let (next, _) = shares.next(Set::default(), now).expect("the first");
            shares.serve(next, bytes, now);
            others[next] += bytes as u64;
            if next == 0 {
                others.fill(0);
            }
            let first = channels[0];
            let own = PIECE_MAX as u64 * SCALE / (u64::from(first.0.weight) * if first.1 { FRESH_BYTES } else { 1 });
            for (channel, bytes) in channels.iter().zip(&others).skip(1) {
                let rate = u64::from(channel.0.weight) * if channel.1 { FRESH_BYTES } else { 1 };
                // The first may itself be ahead, by its lead and a piece.
                let most = bound(*channel) + LEAD_BYTES * SCALE + own;
                prop_assert!(bytes * SCALE / rate <= most + SCALE, "{channel:?}: {bytes}");
            }
        }
    }
}

fn shares_of(channels: &[(Priority, u8, bool)]) -> Shares {
    let channels = channels.iter().map(|(priority, weight, is_fresh)| {
        (Qos::new().priority(*priority).weight(*weight), *is_fresh)
    });
    Shares::new(channels)
}

fn turns(
    shares: &mut Shares,
    lost: Set,
    new: Set,
    bytes: usize,
    count: usize,
) -> Vec<(usize, bool)> {
    let mut turns = Vec::new();
    for _ in 0..count {
        let next = shares.next(lost, new).expect("somebody");
        shares.serve(next.0, bytes, lost.and(new));
        turns.push(next);
    }
    turns
}

#[test]
fn a_burst_of_high_priority_goes_first_and_then_shares() {
    use Priority::{High, Low};
    let mut shares = shares_of(&[(Low, 10, false), (High, 10, false)]);
    let turns = turns(&mut shares, Set::default(), all(2), 1_025, 30);
    let first_low = turns.iter().position(|(channel, _)| *channel == 0);
    assert_eq!(first_low, Some(10), "ten times 1,024 bytes is the lead");
    let low = turns[10..].iter().filter(|(channel, _)| *channel == 0);
    assert_eq!(low.count(), 10, "and from there they take turns");
}

#[test]
fn fresh_goes_before_bulk_of_any_priority_and_leaves_it_a_sixteenth() {
    use Priority::{High, Low};
    let mut shares = shares_of(&[(High, 10, false), (Low, 10, true)]);
    let turns = turns(&mut shares, Set::default(), all(2), 1_025, 10 + 17 * 10);
    assert!(turns[..10].iter().all(|(channel, _)| *channel == 1));
    let bulk = turns[10..].iter().filter(|(channel, _)| *channel == 0);
    assert_eq!(bulk.count(), 10);
}

#[test]
fn of_equals_what_was_lost_goes_first_and_of_the_rest_the_lower_number() {
    use Priority::Normal;
    let mut shares = shares_of(&[(Normal, 10, false); 3]);
    let mut lost = Set::default();
    lost.set(2, true);
    assert_eq!(shares.next(lost, all(3)), Some((2, true)));
    assert_eq!(shares.next(Set::default(), all(3)), Some((0, false)));
    shares.serve(0, 1, all(3));
    assert_eq!(shares.next(Set::default(), all(3)), Some((1, false)));
    shares.rest();
    assert_eq!(shares.next(Set::default(), all(3)), Some((0, false)));
}

#[test]
fn silence_buys_nothing_later() {
    use Priority::Normal;
    let mut shares = shares_of(&[(Normal, 10, false), (Normal, 10, false)]);
    let mut only_first = Set::default();
    only_first.set(0, true);
    let before = turns(&mut shares, Set::default(), only_first, 1_000, 100);
    assert!(before.iter().all(|(channel, _)| *channel == 0));
    let after = turns(&mut shares, Set::default(), all(2), 1_000, 20);
    let second = after.iter().filter(|(channel, _)| *channel == 1);
    assert_eq!(second.count(), 10);
}
