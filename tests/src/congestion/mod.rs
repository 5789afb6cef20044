//! What congestion controllers promise to those who share a path: measured in virtual time, on a bottleneck of
//! 10 Mbit/s with a queue of 64 KB and a round trip of 50 ms.

mod lab;

use std::num::NonZeroU64;
use std::time::Duration;

use tickwire_core::CongestionControl;

use self::lab::{Lab, Path, Plan};

const GAME: Plan = Plan {
    congestion: CongestionControl::Game,
    from: Duration::ZERO,
    bulk_bytes: 5_000_000,
    has_state: true,
};
const ENDLESS: Plan = Plan {
    bulk_bytes: u64::MAX,
    has_state: false,
    ..GAME
};

const fn cubic(plan: Plan) -> Plan {
    Plan {
        congestion: CongestionControl::Cubic,
        ..plan
    }
}

const fn late(plan: Plan) -> Plan {
    Plan {
        from: Duration::from_secs(3),
        ..plan
    }
}

/// 5 MB beside state, as in the benchmarks.
fn bulk_beside_state(plan: Plan, loss_permille: u64, seed: u64) -> Lab {
    let path = Path {
        loss_permille,
        ..Path::BENCH
    };
    let mut lab = Lab::new(path, &[plan], seed);
    lab.run_out(Duration::from_secs(200));
    lab
}

#[test]
fn bulk_fills_the_path_and_state_beside_it_stays_fresh() {
    // Loss, milliseconds to the end, thousandths of the payload on the wire.
    for (loss_permille, done_ms, wire_permille) in
        [(0, 4_500, 1_120), (10, 4_600, 1_120), (50, 5_400, 1_160)]
    {
        for seed in 0..3 {
            let lab = bulk_beside_state(GAME, loss_permille, seed);
            let flow = &lab.flows[0];
            let done = flow.bulk_done_at.expect("it ran out");
            let told = lab.told();
            assert!(done <= Duration::from_millis(done_ms), "{told}");
            assert!(flow.state_quantile_us(990) <= 45_000, "{told}");
            assert_eq!(flow.queue_drops, 0, "{told}");
            assert_eq!(lab.stats(0).drops.send_stale, 0, "{told}");
            assert!(flow.wire_permille() <= wire_permille, "{told}");
            if loss_permille == 0 {
                assert_eq!(flow.state_us.len() as u64, flow.state_sent, "{told}");
            }
        }
    }
}

#[test]
fn the_default_keeps_the_queue_short_and_cubic_fills_it() {
    // In 10 s, by when the flow begins: what was sent before shifts everything by a little.
    let longest = |plan, nth: u32| {
        let from = Duration::from_millis(130) * nth;
        let mut lab = Lab::new(Path::BENCH, &[Plan { from, ..plan }], 1);
        lab.run_until(from + Duration::from_secs(2));
        lab.queue_us.clear();
        lab.run_until(from + Duration::from_secs(12));
        lab.queue_us.iter().max().copied()
    };
    let calm: Vec<_> = (0..10).map(|nth| longest(ENDLESS, nth)).collect();
    let full = longest(cubic(ENDLESS), 0);
    assert!(calm.iter().max() < Some(&Some(20_000)), "{calm:?} us");
    assert!(full > Some(45_000), "{full:?} us");
}

/// Bytes that arrived of each, from 20 s on.
fn shares(plans: &[Plan]) -> Vec<u64> {
    let mut lab = Lab::new(Path::BENCH, plans, 7);
    lab.run_until(Duration::from_secs(20));
    let before: Vec<u64> = lab.flows.iter().map(|flow| flow.bulk_arrived).collect();
    lab.run_until(Duration::from_secs(120));
    let flows = lab.flows.iter().zip(before);
    flows
        .map(|(flow, before)| flow.bulk_arrived - before)
        .collect()
}

#[test]
fn two_flows_share_evenly() {
    let shares = shares(&[ENDLESS, late(ENDLESS)]);
    let sum: u128 = shares.iter().map(|share| u128::from(*share)).sum();
    let squares: u128 = shares.iter().map(|share| u128::from(*share).pow(2)).sum();
    // Jain's index of 0.95 at least.
    assert!(sum * sum * 100 >= squares * 2 * 95, "{shares:?}");
}

const fn bbr(plan: Plan) -> Plan {
    Plan {
        congestion: CongestionControl::Bbr,
        ..plan
    }
}

#[test]
fn two_flows_of_bbr_share_evenly_and_fill_the_path() {
    let shares = shares(&[bbr(ENDLESS), late(bbr(ENDLESS))]);
    let sum: u128 = shares.iter().map(|share| u128::from(*share)).sum();
    let squares: u128 = shares.iter().map(|share| u128::from(*share).pow(2)).sum();
    eprintln!("two flows of BBR: {shares:?}");
    // Jain's index of 0.9 at least; nine tenths of 1.25 MB/s for 100 s.
    assert!(sum * sum * 100 >= squares * 2 * 90, "{shares:?}");
    assert!(sum > 112_500_000, "{shares:?}");
}

#[test]
fn bbr_is_fast_where_losses_are_chance() {
    for seed in 0..3 {
        let lab = bulk_beside_state(bbr(GAME), 20, seed);
        let done = lab.flows[0].bulk_done_at.expect("it ran out");
        eprintln!("{}", lab.told());
        assert!(done <= Duration::from_millis(7_000), "{}", lab.told());
        assert_eq!(lab.stats(0).drops.send_stale, 0, "{}", lab.told());
    }
}

#[test]
fn bbr_beside_cubic_leaves_it_something_and_gets_something() {
    let shares = shares(&[bbr(ENDLESS), late(cubic(ENDLESS))]);
    eprintln!("BBR beside CUBIC: {shares:?}");
    let sum: u64 = shares.iter().sum();
    assert!(shares.iter().all(|share| share * 10 >= sum), "{shares:?}");
}

#[test]
fn beside_cubic_each_has_a_quarter_at_least() {
    for plans in [
        [ENDLESS, late(cubic(ENDLESS))],
        [cubic(ENDLESS), late(ENDLESS)],
    ] {
        let shares = shares(&plans);
        let sum: u64 = shares.iter().sum();
        for share in &shares {
            assert!(share * 4 >= sum, "{shares:?}");
        }
    }
}

#[test]
fn state_is_fresh_again_at_once_after_an_outage() {
    for congestion in [
        CongestionControl::NewReno,
        CongestionControl::Bbr,
        CongestionControl::Game,
    ] {
        for bulk_bytes in [0, u64::MAX] {
            let plan = Plan {
                congestion,
                bulk_bytes,
                ..GAME
            };
            let mut lab = Lab::new(Path::BENCH, &[plan], 3);
            lab.outage = Some((Duration::from_secs(3), Duration::from_secs(8)));
            lab.run_until(Duration::from_millis(7_990));
            let before = lab.flows[0].state_us.len();
            lab.run_until(Duration::from_secs(10));
            let flow = &lab.flows[0];
            let slowest = flow.state_us[before..].iter().max();
            // 60 a second for 2 s, but for those on their way.
            assert!(flow.state_us.len() - before >= 105, "{}", lab.told());
            assert!(slowest <= Some(&120_000), "{}", lab.told());
        }
    }
}

#[test]
fn a_controller_can_be_changed_while_it_runs() {
    let mut lab = Lab::new(Path::BENCH, &[ENDLESS], 5);
    let bytes_per_second = NonZeroU64::new(500_000).expect("not 0");
    let mut rates = Vec::new();
    for congestion in [
        CongestionControl::NewReno,
        CongestionControl::Fixed { bytes_per_second },
        CongestionControl::Cubic,
        CongestionControl::Bbr,
        CongestionControl::Game,
    ] {
        let peer = lab.flows[0].peer;
        let changed = lab.flows[0].client.set_congestion(peer, congestion);
        assert_eq!(changed, Ok(()));
        lab.run_for(Duration::from_secs(2));
        let before = lab.flows[0].bulk_arrived;
        lab.run_for(Duration::from_secs(3));
        rates.push((lab.flows[0].bulk_arrived - before) / 3);
    }
    assert!(rates[0] > 1_000_000, "{rates:?}");
    assert!((450_000..500_000).contains(&rates[1]), "{rates:?}");
    assert!(rates[2] > 1_000_000, "{rates:?}");
    assert!(rates[3] > 1_000_000, "{rates:?}");
    assert!(rates[4] > 1_150_000, "{rates:?}");
}

#[test]
fn who_stays_within_the_budget_never_queues_and_still_fills_the_path() {
    let path = Path {
        bulk_message_len: 1_000,
        ..Path::BENCH
    };
    let mut lab = Lab::new(path, &[ENDLESS], 9);
    lab.flows[0].obeys_budget = true;
    lab.run_until(Duration::from_secs(2));
    let before = lab.flows[0].bulk_arrived;
    // At the start the budget is a guess: what waits then counts for nothing.
    lab.flows[0].bulk_us_max = 0;
    lab.run_until(Duration::from_secs(8));
    let rate = (lab.flows[0].bulk_arrived - before) / 6;
    assert!(rate > 1_000_000, "{rate} bytes a second");
    // A tick to leave, the way, and the queue that the controller keeps: nothing waits for a second tick.
    let slowest = lab.flows[0].bulk_us_max;
    assert!(slowest <= 75_000, "{slowest} us");
    let (flow, now) = (&lab.flows[0], lab.now());
    let stranger = tickwire_core::PeerId::new(77, 7);
    assert_eq!(flow.client.budget(stranger, now), 0);
    let none = tickwire_core::ChannelId::new(30);
    assert_eq!(flow.client.channel_budget(flow.peer, none, now), 0);
}
