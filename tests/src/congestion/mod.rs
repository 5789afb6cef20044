//! What congestion controllers promise to those who share a path: measured in virtual time.

mod lab;

use std::time::Duration;

use tickwire_core::CongestionControl;

use self::lab::{Lab, Path, Plan};

const PLAN: Plan = Plan {
    congestion: CongestionControl::Game,
    from: Duration::ZERO,
    bulk_bytes: 5_000_000,
    has_state: true,
};

/// 5 MB beside state, as in the benchmarks.
fn bulk_beside_state(congestion: CongestionControl, path: Path, seed: u64) -> Lab {
    let plan = Plan { congestion, ..PLAN };
    let mut lab = Lab::new(path, &[plan], seed);
    lab.run_out(Duration::from_secs(200));
    lab
}

fn told(lab: &Lab) -> String {
    let flow = &lab.flows[0];
    let payload = 5_000_000 + 200 * flow.state_sent;
    format!(
        "{:?} s; state {} of {}, p50 {} p99 {} max {} us; wire {} permille; {} queue drops; {} lost, {} again",
        flow.bulk_done_at.map(|at| at.as_secs_f64()),
        flow.state_us.len(),
        flow.state_sent,
        flow.state_quantile_us(500),
        flow.state_quantile_us(990),
        flow.state_quantile_us(1_000),
        flow.wire_bytes * 1_000 / payload,
        flow.queue_drops,
        lab.stats(0).packets_lost,
        lab.stats(0).retransmissions,
    )
}

#[test]
fn explore() {
    let names = std::env::var("TWCC").unwrap_or("game,cubic,new-reno".into());
    for name in names.split(',') {
        for loss in [0, 10, 20, 50] {
            for seed in 1..4 {
                let jitter = Duration::from_millis(2);
                let path = Path {
                    loss_permille: loss,
                    jitter,
                    ..Path::BENCH
                };
                let lab = bulk_beside_state(name.parse().expect("a name"), path, seed);
                println!("{name} {loss}: {}", told(&lab));
            }
        }
    }
}

fn shares(plans: &[Plan], seconds: u64) -> Vec<u64> {
    let mut lab = Lab::new(Path::BENCH, plans, 7);
    lab.run_until(Duration::from_secs(20));
    let before: Vec<u64> = lab.flows.iter().map(|flow| flow.bulk_arrived).collect();
    lab.run_until(Duration::from_secs(seconds));
    let arrived = lab
        .flows
        .iter()
        .zip(before)
        .map(|(flow, before)| flow.bulk_arrived - before);
    arrived.collect()
}

#[test]
fn explore_fair() {
    let endless = Plan {
        bulk_bytes: u64::MAX,
        has_state: false,
        ..PLAN
    };
    let late = Plan {
        from: Duration::from_secs(3),
        ..endless
    };
    let cubic = Plan {
        congestion: CongestionControl::Cubic,
        ..endless
    };
    let late_cubic = Plan {
        congestion: CongestionControl::Cubic,
        ..late
    };
    println!("game game {:?}", shares(&[endless, late], 120));
    println!("game late cubic {:?}", shares(&[endless, late_cubic], 120));
    println!("cubic late game {:?}", shares(&[cubic, late], 120));
    println!("cubic cubic {:?}", shares(&[cubic, late_cubic], 120));
}
