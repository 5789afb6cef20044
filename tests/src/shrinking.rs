//! A planted bug shrinks to the few fates that show it.

use proptest::test_runner::{
    Config as RunnerConfig, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};
use tickwire_core::{Config, Delivery};
use tickwire_sim::oracle::Breach;
use tickwire_sim::{Link, Oracle, Pair, Schedule, ms};

use crate::schedules;

#[test]
fn a_planted_bug_shrinks_to_fewer_than_five_fates() {
    let outcome = runner().run(&schedules::schedule(200), |schedule| {
        forgetful_receiver(schedule).map_err(|breach| TestCaseError::fail(breach.to_string()))
    });
    let Err(TestError::Fail(reason, schedule)) = outcome else {
        panic!("the planted bug was not found: {outcome:?}");
    };
    assert_eq!(reason.message(), "message 0 came twice");
    let fates = schedule.clone().into_iter().count();
    assert!(
        (1..5).contains(&fates),
        "{fates} fates are left: {schedule}"
    );
    insta::assert_snapshot!(schedule, @"#0 » delayed 51 ms, #1 + duplicated");
}

/// The same cases each time. What it finds is planted, so nothing is written down for the next time.
fn runner() -> TestRunner {
    let config = RunnerConfig {
        failure_persistence: None,
        ..RunnerConfig::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// The bug: the receiver takes a copy of a packet for new if it has seen a message again before. It shows only when
/// an acknowledgement was slow or lost and, later, a datagram is duplicated.
fn forgetful_receiver(schedule: Schedule) -> Result<(), Breach> {
    const RELIABLE: u8 = 2;
    // Copies would show it at many places.
    let config = |accepts| {
        let config = Config::builder().accepts(accepts).redundancy_percent_max(0);
        config.build().expect("valid")
    };
    let mut pair = Pair::with_configs(1, config(false), config(true))
        .link(Link::new().latency(ms(25)))
        .connect()
        .link_to_server(Link::new().latency(ms(25)).schedule(schedule));
    let mut oracle = Oracle::new(Delivery::Reliable);
    let mut last = Vec::new();
    let mut copies = 0;
    for _ in 0..100 {
        let send = |message: &[u8]| pair.send_to_server(RELIABLE, message);
        oracle.send(40, send).expect("the queue has room");
        pair.run_for(ms(50));
        for message in pair.server_messages() {
            oracle.on_received(&message.payload)?;
            last = message.payload.to_vec();
        }
        let drops = pair.server_stats().expect("connected").drops;
        if drops.duplicate_packet > copies
            && pair
                .client_stats()
                .is_some_and(|stats| stats.retransmissions > 0)
        {
            oracle.on_received(&last)?;
        }
        copies = drops.duplicate_packet;
    }
    Ok(())
}
