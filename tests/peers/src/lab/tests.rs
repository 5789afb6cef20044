//! The laboratory measures what it says, before anybody is measured in it.

use std::net::SocketAddr;

use super::link::{HEADERS, Link, Shape};
use super::loss::Loss;
use super::rng::Rng;
use super::{
    Class, Micros, Outgoing, STEP, Ticks, client_address, client_number, content, server_address,
};

fn outgoing() -> Outgoing {
    let (from, to): (SocketAddr, SocketAddr) = (client_address(0), server_address());
    Outgoing {
        from,
        to,
        states: 1,
    }
}

/// Sends a datagram each millisecond for `seconds` and returns when each was received.
fn run(shape: Shape, seed: u64, seconds: u64, len: usize) -> (Link, Vec<Micros>) {
    let mut link = Link::new(shape, seed, "test");
    let mut received = Vec::new();
    for now in (0..seconds * 1_000_000).step_by(STEP as usize) {
        while link.receive(now).is_some() {
            received.push(now);
        }
        link.send(now, 0, &outgoing(), &vec![0; len]);
    }
    (link, received)
}

#[test]
fn a_link_loses_as_many_as_it_is_told_to() {
    for percent in [1, 5, 20] {
        let shape = Shape::half_of(50).loss(Loss::Percent(percent));
        let (link, _) = run(shape, 1, 200, 100);
        let (lost, sent) = (link.traffic.lost, link.traffic.datagrams);
        let (least, most) = (sent * percent * 9 / 1_000, sent * percent * 11 / 1_000);
        assert!(
            (least..most).contains(&lost),
            "{lost} of {sent} at {percent} %"
        );
        assert_eq!(link.traffic.states_lost, lost);
    }
}

#[test]
fn bursts_have_the_share_and_the_mean_that_were_asked_for() {
    let bursts = Loss::Bursts {
        percent: 5,
        mean_ms: 67,
    };
    let mut state = super::loss::LossState::new(&bursts, Rng::new(1, "bursts"));
    let fates: Vec<bool> = (0..10_000_000).map(|ms| state.takes(ms * 1_000)).collect();
    let dead = fates.iter().filter(|is_lost| **is_lost).count();
    let bursts = fates.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert!(
        (450_000..550_000).contains(&dead),
        "{dead} of 10,000,000 ms"
    );
    let mean = dead / bursts;
    assert!((64..=70).contains(&mean), "{bursts} bursts of {mean} ms");
}

#[test]
fn outages_come_and_go() {
    let outages = Loss::Outages {
        on: 5_000_000,
        off: 2_000_000,
    };
    let (link, _) = run(Shape::half_of(0).loss(outages), 1, 14, 100);
    assert_eq!(link.traffic.lost, 4_000);
}

#[test]
fn the_delay_is_as_told_and_the_jitter_within_its_bounds() {
    let mut link = Link::new(Shape::half_of(50).jitter_ms(2), 1, "test");
    let mut times = Vec::new();
    for _ in 0..1_000 {
        link.send(0, 0, &outgoing(), &[]);
    }
    for now in 0..30_000 {
        while link.receive(now).is_some() {
            times.push(now);
        }
    }
    assert_eq!(times.len(), 1_000);
    assert!(times[0] >= 23_000 && times[999] <= 27_000);
    let mean = times.iter().sum::<Micros>() / 1_000;
    assert!((24_900..=25_100).contains(&mean), "{mean} us");
}

#[test]
fn a_bottleneck_lets_its_rate_through_and_holds_no_more_than_its_queue() {
    let shape = Shape::half_of(0).bottleneck(1_000_000, 10_000);
    // Each second 1,000 datagrams of 1,000 bytes want to pass; 125 can.
    let (link, received) = run(shape, 1, 10, 1_000 - HEADERS as usize);
    let passed = received.len() as u64;
    assert!((1_245..=1_255).contains(&passed), "{passed} in 10 s");
    assert_eq!(link.traffic.lost, 0, "a full queue is not chance");
    assert_eq!(link.traffic.overflowed, 10_000 - passed - 10, "10 wait");
}

#[test]
fn the_same_seed_gives_the_same_fates_and_another_one_others() {
    let play = |seed| {
        run(
            Shape::half_of(50).jitter_ms(2).loss(Loss::Percent(5)),
            seed,
            10,
            64,
        )
        .1
    };
    assert_eq!(play(1), play(1));
    assert_ne!(play(1), play(2));
}

#[test]
fn ticks_come_at_60_hz_and_once_each() {
    let mut ticks = Ticks::new(5_000);
    let count = (0..=1_005)
        .filter(|ms| ticks.due(ms * 1_000).is_some())
        .count();
    assert_eq!(
        count, 61,
        "from 0 to 1,000 ms after the beginning, both included"
    );
}

#[test]
fn addresses_name_their_clients() {
    for number in [0, 1, 255, 511] {
        assert_eq!(client_number(client_address(number)), Some(number));
    }
    assert_eq!(client_number(server_address()), None);
}

#[test]
fn a_wrong_bit_is_seen_and_state_in_clear_is_counted() {
    let head = content::Head { number: 7, sent: 9 };
    let mut payload = Vec::new();
    content::write(&mut payload, Class::Unreliable, head, 64);
    assert_eq!(content::read(Class::Unreliable, &payload), Some(head));
    assert_eq!(content::read(Class::Reliable, &payload), None);
    assert_eq!(content::count_states(&payload.repeat(2)), 2);
    for at in 0..payload.len() {
        payload[at] ^= 1;
        let read = content::read(Class::Unreliable, &payload);
        assert!(read != Some(head), "byte {at}");
        payload[at] ^= 1;
    }
}
