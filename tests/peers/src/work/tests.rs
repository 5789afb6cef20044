//! Short runs of each contender: what the tables say is what happened.

use clap::ValueEnum;
use tickwire_core::CongestionControl;

use super::{Plan, bulk, cpu, fairness, handshake, latency, wire};
use crate::contender::Contender;

fn plan(contenders: &[Contender], links: &[&str]) -> Plan {
    Plan {
        contenders: contenders.to_vec(),
        links: links.iter().map(|link| (*link).to_owned()).collect(),
        controllers: Vec::new(),
        seeds: Some(1),
        seconds: Some(20),
        quick: true,
        jobs: 2,
    }
}

fn reliable_ones() -> Vec<Contender> {
    let all = Contender::value_variants().iter().copied();
    all.filter(|contender| contender.is_reliable()).collect()
}

#[test]
fn the_median_of_bare_datagrams_is_the_delay_of_the_link() {
    for (link, delay_ms) in [("0", 25), ("rtt150", 75)] {
        let results = latency::measure(&plan(&[Contender::Raw], &[link]));
        let p50 = results[0].reliable.p50.expect("messages arrived") / 1_000;
        // Asked every millisecond: up to one is added to what the link takes.
        assert!((delay_ms..=delay_ms + 1).contains(&p50), "{p50} ms");
        assert_eq!(results[0].state_up.p50, results[0].reliable.p50);
    }
}

#[test]
fn the_bytes_of_bare_datagrams_are_what_can_be_counted_by_hand() {
    let mut plan = plan(&[Contender::Raw], &["0"]);
    plan.seconds = Some(600);
    let results = latency::measure(&plan);
    // A byte before each message and 28 of headers: 60 of 64 bytes, and up 10 of 100.
    assert_eq!(results[0].up_bytes, 60 * (64 + 29) + 10 * (100 + 29));
    assert_eq!(results[0].down_bytes, 60 * (64 + 29));
}

#[test]
fn everything_reliable_arrives_once_and_in_order_at_5_percent_loss() {
    for result in latency::measure(&plan(&reliable_ones(), &["5"])) {
        let who = &result.contender;
        assert_eq!(result.reliable.count, 200, "{who}");
        let bad = (result.undelivered, result.wrong, result.disconnects);
        assert_eq!(bad, (0, 0, 0), "{who}: undelivered, wrong, disconnects");
        let least = result.reliable.p50.expect("messages arrived");
        assert!((24_000..=28_000).contains(&least), "{who}: {least} us");
        // Lost at the link's rate, but for what waits in a transport for better times.
        assert!(result.state_up_ppm > 500_000, "{who}: {result:?}");
    }
}

#[test]
fn a_transfer_is_whole_and_takes_as_long_as_the_link_needs_at_least() {
    for result in bulk::measure(&plan(&reliable_ones(), &["0"])) {
        let who = &result.contender;
        assert_eq!((result.unfinished, result.wrong), (0, 0), "{who}");
        let took = result.completion.expect("it came to its end");
        assert!((4_025_000..=15_000_000).contains(&took), "{who}: {took} us");
        assert!(result.wire_per_payload_ppm > 1_000_000, "{who}");
        assert!(result.states_lost_otherwise >= 0, "{who}: {result:?}");
        assert_eq!(result.states_lost_by_chance, 0, "{who}");
    }
}

#[test]
fn the_same_seeds_give_the_same_figures_on_any_number_of_threads() {
    let all: Vec<Contender> = Contender::value_variants().to_vec();
    let figures = |jobs| {
        let plan = Plan {
            jobs,
            ..plan(&all, &["5"])
        };
        format!(
            "{:?} {:?}",
            latency::measure(&plan),
            bulk::measure(&Plan {
                links: vec!["1".to_owned()],
                ..plan.clone()
            })
        )
    };
    assert_eq!(figures(1), figures(2));
}

#[test]
fn a_server_hears_everybody_and_bare_datagrams_allocate_nothing() {
    let all = Contender::value_variants();
    let rows = cpu::measure(&plan(all, &[])).expect("nothing of it needs valgrind");
    let allocations: Vec<_> = rows.iter().map(|row| row.allocations_tenths).collect();
    assert_eq!(rows.len(), all.len());
    assert_eq!(allocations[0], Some(0), "{}", rows[0].contender);
}

#[test]
fn small_messages_cost_at_least_what_bare_datagrams_cost() {
    let rows = wire::measure(&plan(Contender::value_variants(), &[]));
    assert_eq!(rows[0].up_bytes, 31 * (20 + 29), "{}", rows[0].contender);
    for row in &rows[1..] {
        let least = 31 * 20 + 30 * 28;
        assert!(row.up_bytes > least, "{}: {}", row.contender, row.up_bytes);
    }
}

#[test]
fn everybody_connects_and_bare_datagrams_take_half_a_round_trip() {
    let rows = handshake::measure(&plan(Contender::value_variants(), &["0"]));
    let first = rows[0].first_message.max.expect("it arrived");
    assert!((25_000..=27_000).contains(&first), "{first} us");
    for row in &rows {
        assert_eq!(row.failed, 0, "{}", row.contender);
    }
}

#[test]
fn each_controller_shares_with_its_like_and_with_cubic_and_is_the_one_that_sends() {
    let fixed = CongestionControl::Fixed {
        bytes_per_second: 60_000.try_into().expect("not 0"),
    };
    let plan = Plan {
        controllers: vec![CongestionControl::Bbr, fixed],
        ..plan(&[Contender::Tickwire, Contender::Quinn], &[])
    };
    let rows = fairness::measure(&plan);
    let names: Vec<String> = rows
        .iter()
        .map(|row| format!("{} beside {}", row.first, row.second))
        .collect();
    let expected = [
        "tickwire beside tickwire",
        "tickwire beside quinn",
        "quinn beside quinn",
        "tickwire (bbr) beside tickwire (bbr)",
        "tickwire (bbr) beside quinn",
        "tickwire (fixed:60000) beside tickwire (fixed:60000)",
        "tickwire (fixed:60000) beside quinn",
    ];
    assert_eq!(names, expected);
    // Two of 60,000 bytes a second leave most of 1,250,000 unused; all others fill the path.
    for row in &rows {
        let is_slow = row.second.contains("fixed");
        assert_eq!(row.used_permille < 110, is_slow, "{row:?}");
        assert!(row.used_permille > 800 || is_slow, "{row:?}");
    }
}
