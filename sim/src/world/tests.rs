use super::*;
use crate::{Dependence, Hairpin, Link, Nat, Pair, ms};
use tickwire_core::CloseReason;

const RELIABLE: u8 = 2;

fn pair() -> Pair {
    Pair::new(1).link(Link::new().latency(ms(20))).connect()
}

fn send(pair: &mut Pair, text: &str) {
    let sent = pair.send_to_server(RELIABLE, text.as_bytes());
    sent.expect("the queue has room");
    pair.flush();
}

fn heard(pair: &mut Pair) -> Vec<String> {
    let messages = pair.server_messages();
    let text = |message: &Message| String::from_utf8_lossy(&message.payload).into_owned();
    messages.iter().map(text).collect()
}

fn end(events: &[Event]) -> Option<CloseReason> {
    events.iter().find_map(|event| {
        let Event::Disconnected { reason, .. } = event else {
            return None;
        };
        Some(reason.clone())
    })
}

#[test]
fn a_stalled_host_gets_everything_at_the_end() {
    let mut pair = pair();
    pair.world.stall(pair.server, ms(500));
    for text in ["one", "two"] {
        send(&mut pair, text);
        pair.world.run_for(ms(200));
    }
    assert!(heard(&mut pair).is_empty());
    pair.world.run_for(ms(100));
    assert_eq!(heard(&mut pair), ["one", "two"]);
    let faults = pair.world.faults();
    assert!(
        faults.stalled == 1 && faults.delivered_late >= 2,
        "{faults}"
    );
}

#[test]
fn a_crashed_host_hears_nothing_and_comes_back_without_memory() {
    let mut pair = pair();
    pair.world.crash(pair.server);
    send(&mut pair, "lost");
    pair.world.run_for(ms(15_000));
    assert_eq!(end(&pair.client_events()), Some(CloseReason::IdleTimeout));
    assert!(pair.world.faults().sent_to_the_dead > 0);
    let config = Config::builder().accepts(true).build();
    pair.world.restart(pair.server, config.expect("valid"));
    assert!(!pair.world.is_down(pair.server));
    let mut pair = pair.connect();
    send(&mut pair, "again");
    pair.world.run_for(ms(100));
    assert_eq!(heard(&mut pair), ["again"]);
    assert_eq!(pair.world.faults().crashed, 1);
}

#[test]
fn a_blocked_socket_sends_later() {
    let mut pair = pair();
    pair.world.block_socket(pair.client, ms(300));
    send(&mut pair, "later");
    pair.world.run_for(ms(310));
    assert!(heard(&mut pair).is_empty());
    pair.world.run_for(ms(20));
    assert_eq!(heard(&mut pair), ["later"]);
    assert!(pair.world.faults().send_blocked > 0);
}

#[test]
fn late_timers_delay_repairs_and_lose_nothing() {
    let mut pair = pair();
    pair.world.late_timers(pair.client, ms(1_000));
    for number in 0..20 {
        pair = pair.link_to_server(Link::new().latency(ms(20)).drop_nth([0]));
        send(&mut pair, &number.to_string());
        pair.world.run_for(ms(2_000));
    }
    assert_eq!(heard(&mut pair).len(), 20);
    let faults = pair.world.faults();
    assert!(faults.woken_late >= 10, "{faults}");
}

#[test]
fn clocks_that_drift_apart_do_not_part_the_hosts() {
    let mut pair = pair();
    pair.world.drift(pair.client, 100_000);
    pair.world.drift(pair.server, -100_000);
    pair.world.run_for(Duration::from_secs(600));
    assert_eq!(end(&pair.client_events()), None);
    let clock = pair.world.clock(pair.client);
    let ahead = clock.saturating_duration_since(pair.world.now());
    assert_eq!(ahead, Duration::from_secs(60));
}

#[test]
fn an_hour_ahead_ends_the_connection_and_an_hour_back_stops_time() {
    let mut pair = pair();
    pair.world.jump_back(pair.client, ms(10));
    pair.world.run_for(ms(1_000));
    assert_eq!(end(&pair.client_events()), None);
    pair.world
        .jump_ahead(pair.client, Duration::from_secs(3_600));
    pair.world.run_for(ms(1_000));
    assert_eq!(end(&pair.client_events()), Some(CloseReason::IdleTimeout));
}

#[test]
fn players_behind_a_chain_of_nats_play() {
    let mut pair = Pair::new(1).link(Link::new().latency(ms(20)));
    let carrier = pair
        .world
        .add_nat(Nat::new().mapping(Dependence::AddressAndPort));
    let home = pair.world.add_nat_behind(Nat::new(), carrier);
    pair.world.put_behind(pair.client, home);
    let mut pair = pair.connect();
    send(&mut pair, "from far inside");
    pair.run_for(ms(60_000));
    assert_eq!(heard(&mut pair), ["from far inside"]);
    let peer = pair.client_peer().expect("connected");
    let seen = pair.world.view(pair.server).peer_address(peer);
    assert_ne!(seen, Some(pair.world.address(pair.client)));
    assert_eq!(
        pair.world
            .faults()
            .kinds()
            .map(|(_, count)| count)
            .sum::<u64>(),
        0
    );
}

#[test]
fn a_server_behind_a_nat_is_found_by_no_stranger() {
    let mut pair = Pair::new(1);
    let home = pair
        .world
        .add_nat(Nat::new().hairpin(Hairpin::ExternalSource));
    pair.world.put_behind(pair.server, home);
    pair.dial();
    pair.run_for(ms(10_000));
    assert_eq!(
        end(&pair.client_events()),
        Some(CloseReason::HandshakeTimeout)
    );
    pair.world.put_in_public(pair.server);
    let _ = pair.connect();
}

#[test]
fn a_partition_ends_with_its_repair() {
    let mut pair = pair();
    pair.world.partition(&[pair.client], &[pair.server]);
    send(&mut pair, "across");
    pair.world.run_for(ms(3_000));
    assert!(heard(&mut pair).is_empty());
    pair.world.repair();
    pair.world.run_for(ms(3_000));
    assert_eq!(heard(&mut pair), ["across"]);
    pair.world.partition_one_way(&[pair.client], &[pair.server]);
    pair.world.run_for(ms(3_000));
    let faults = pair.world.faults();
    assert!(
        faults.partitioned > 0 && faults.partitioned_one_way > 0,
        "{faults}"
    );
}

#[test]
fn the_same_seed_gives_the_same_trouble() {
    let run = || {
        let mut pair = pair();
        pair.world.late_timers(pair.client, ms(50));
        pair.world.drift(pair.server, 333);
        for number in 0..20 {
            send(&mut pair, &number.to_string());
            pair.world.run_for(ms(30));
        }
        (pair.wire_hash(), pair.world.faults())
    };
    assert_eq!(run(), run());
}
