//! Connecting is fast on bad networks too: a lost handshake datagram must not cost a second.

use std::time::Duration;

use tickwire_core::Event;
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{Link, Pair, ms};

const RELIABLE: u8 = 2;
const LIMIT: Duration = Duration::from_secs(5);

#[test]
fn ninety_nine_of_a_hundred_clients_are_heard_within_300_ms_at_ten_percent_loss() {
    let link = Link::new().latency(ms(25)).loss(100);
    let mut times = Vec::new();
    for_seeds(0..1_000, |seed| {
        times.push(time_to_first_message(seed, &link))
    });
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    let p99 = percentile(99);
    eprintln!(
        "the first message was heard after {:?} (median), {p99:?} (99 in 100), {:?} (slowest of {})",
        percentile(50),
        percentile(100),
        times.len()
    );
    assert!(p99 < ms(300), "p99 is {p99:?}, slowest {:?}", times.last());
}

#[test]
fn the_first_message_takes_one_and_a_half_round_trips_without_loss() {
    let link = Link::new().latency(ms(25));
    assert_eq!(time_to_first_message(1, &link), ms(75));
}

#[test]
fn handshakes_survive_damage_and_repetition() {
    let link = Link::new()
        .latency(ms(25))
        .corruption(300)
        .duplication(300)
        .reordering(300, ms(50));
    for_seeds(0..200, |seed| {
        let _ = time_to_first_message(seed, &link);
    });
}

/// So many seeds of each network, unless `TICKWIRE_SEEDS` says otherwise.
const BAD_NETWORKS: u64 = 500;

/// What the QUIC interop runner calls `handshakeloss`: 30 % both ways, never more than three in a row.
#[test]
fn everybody_gets_in_at_thirty_percent_loss_in_both_directions() {
    let link = Link::new().latency(ms(15)).loss(300).loss_run_max(3);
    everybody_gets_in("30 % loss", &link);
}

/// And `handshakecorruption`: the same with damage in place of loss.
#[test]
fn everybody_gets_in_at_thirty_percent_damage_in_both_directions() {
    let link = Link::new()
        .latency(ms(15))
        .corruption(300)
        .corruption_run_max(3);
    everybody_gets_in("30 % damage", &link);
}

fn everybody_gets_in(network: &str, link: &Link) {
    let mut times = Vec::new();
    for_seeds(usually(BAD_NETWORKS), |seed| {
        times.push(time_to_first_message(seed, link));
    });
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    eprintln!(
        "{network}: {} of {0} got in; the first message was heard after {:?} (median), {:?} (99 in 100), {:?} (slowest)",
        times.len(),
        percentile(50),
        percentile(99),
        percentile(100)
    );
    assert!(percentile(99) <= LIMIT);
}

/// From the command to connect until the server's owner holds the client's first message.
fn time_to_first_message(seed: u64, link: &Link) -> Duration {
    let mut pair = Pair::new(seed).link(link.clone());
    let start = pair.world.now();
    pair.dial();
    let (client, server) = (pair.client, pair.server);
    let is_connected = |event: &Event| matches!(event, Event::Connected { .. }).then_some(());
    let connected = pair.run_until(
        |world| world.take_event(client, is_connected).is_some(),
        LIMIT,
    );
    assert!(connected, "the client is connected within {LIMIT:?}");
    pair.send_to_server(RELIABLE, b"here I am")
        .expect("a connected client can send");
    let heard = pair.run_until(|world| !world.messages(server).is_empty(), LIMIT);
    assert!(heard, "the server hears the client within {LIMIT:?}");
    pair.world.now().saturating_duration_since(start)
}
