use super::*;
use crate::link::ecn::EcnPath;
use crate::link::rate::Rate;
use crate::ms;

const A: HostId = HostId::new(0);
const B: HostId = HostId::new(1);

/// Sends `count` one-byte datagrams a millisecond apart over `link`; (arrival time in ms, byte) of each copy.
fn exchange(link: Link, count: u8) -> Vec<(u64, Vec<u8>)> {
    let mut network = Network::new(Rng::new(1));
    network.set_link(Instant::ZERO, A, B, link);
    for byte in 0..count {
        let now = Instant::from_millis(byte.into());
        network.send(now, (A, B), arrival(), &[byte], None);
    }
    let mut arrived = Vec::new();
    while let Some(due) = network.next_due() {
        // A departure from a slow link brings no arrival with it.
        let Some(flight) = network.poll_flight(due) else {
            continue;
        };
        assert_eq!(flight.to, B);
        arrived.push((due.as_micros() / 1_000, flight.bytes.clone()));
        network.recycle(flight.bytes);
    }
    arrived
}

fn arrival() -> Arrival {
    Arrival::game(([10, 0, 0, 1], 7_000).into())
}

#[test]
fn datagrams_arrive_after_the_latency() {
    let arrived = exchange(Link::new().latency(ms(25)), 2);
    assert_eq!(arrived, [(25, vec![0]), (26, vec![1])]);
}

#[test]
fn nothing_arrives_early() {
    let mut network = Network::new(Rng::new(1));
    network.set_link(Instant::ZERO, A, B, Link::new().latency(ms(25)));
    network.send(Instant::ZERO, (A, B), arrival(), b"x", None);
    assert!(network.poll_flight(Instant::from_millis(24)).is_none());
    assert!(network.poll_flight(Instant::from_millis(25)).is_some());
}

#[test]
fn datagrams_due_together_arrive_in_the_order_sent() {
    let link = Link::new().schedule([Fate::Delay(1), Fate::Deliver]);
    assert_eq!(exchange(link, 2), [(1, vec![0]), (1, vec![1])]);
}

#[test]
fn a_dropped_datagram_never_arrives() {
    assert_eq!(exchange(Link::new().drop_nth([0]), 2), [(1, vec![1])]);
}

#[test]
fn a_delayed_datagram_falls_behind() {
    let link = Link::new().schedule([Fate::Delay(5)]);
    assert_eq!(exchange(link, 2), [(1, vec![1]), (5, vec![0])]);
}

#[test]
fn a_duplicated_datagram_arrives_twice() {
    let link = Link::new().schedule([Fate::Duplicate]);
    assert_eq!(exchange(link, 1), [(0, vec![0]), (0, vec![0])]);
}

#[test]
fn a_corrupted_datagram_differs_in_one_bit() {
    let link = Link::new().schedule([Fate::Corrupt { bit: 8 + 3 }]);
    assert_eq!(exchange(link, 1), [(0, vec![0b1000])]);
}

#[test]
fn a_truncated_datagram_is_shorter() {
    let link = Link::new().schedule([Fate::Truncate { len: 7 }]);
    assert_eq!(exchange(link, 1), [(0, vec![])]);
}

#[test]
fn links_of_their_own_outlive_a_new_default() {
    let mut network = Network::new(Rng::new(1));
    network.set_link(Instant::ZERO, A, B, Link::new().loss(1_000));
    network.set_default_link(Instant::ZERO, Link::new());
    assert_eq!(
        network.send(Instant::ZERO, (A, B), arrival(), b"x", None),
        Passage::Stopped(DropCause::Loss)
    );
    network.set_default_link(Instant::ZERO, Link::new().loss(1_000));
    assert_eq!(
        network.send(Instant::ZERO, (B, A), arrival(), b"x", None),
        Passage::Stopped(DropCause::Loss)
    );
}

#[test]
fn the_same_seed_gives_the_same_arrivals() {
    let link = Link::new().jitter(ms(9)).loss(200).duplication(200);
    assert_eq!(exchange(link.clone(), 200), exchange(link, 200));
}

#[test]
fn an_empty_datagram_survives_every_fate() {
    for fate in [Fate::Corrupt { bit: 5 }, Fate::Truncate { len: 5 }] {
        let mut network = Network::new(Rng::new(1));
        network.set_link(Instant::ZERO, A, B, Link::new().schedule([fate]));
        network.send(Instant::ZERO, (A, B), arrival(), b"", None);
        let flight = network.poll_flight(Instant::ZERO);
        assert_eq!(flight.expect("it arrives").bytes, b"");
    }
}

#[test]
fn datagrams_queue_for_a_link_that_is_slower_than_their_sender() {
    let link = Link::new()
        .latency(ms(25))
        .rate(Rate::bytes_per_second(500));
    let arrived = exchange(link, 3);
    assert_eq!(arrived, [(27, vec![0]), (29, vec![1]), (31, vec![2])]);
}

#[test]
fn a_delayed_datagram_does_not_hold_up_the_link() {
    let link = Link::new()
        .rate(Rate::bytes_per_second(1_000))
        .schedule([Fate::Delay(5)]);
    assert_eq!(exchange(link, 2), [(2, vec![1]), (6, vec![0])]);
}

#[test]
fn a_slow_link_spaces_datagrams_out() {
    // 29 bytes with headers: 232 bits.
    let slow = Link::new()
        .latency(ms(100))
        .rate(Rate::bits_per_second(2_320));
    let times: Vec<u64> = exchange(slow, 4).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [200, 300, 400, 500]);
}

#[test]
fn a_full_queue_tells_the_sender_s_trace() {
    let mut network = Network::new(Rng::new(1));
    let rate = Rate::bits_per_second(1_000).queue_datagrams(1);
    network.set_link(Instant::ZERO, A, B, Link::new().rate(rate));
    let mut send = || network.send(Instant::ZERO, (A, B), arrival(), b"x", None);
    assert_eq!([send(), send()], [Passage::Met(Fate::Deliver); 2]);
    assert_eq!(send(), Passage::Stopped(DropCause::QueueFull));
    assert_eq!(network.faults.queue_full, 1);
}

#[test]
fn what_waits_leaves_when_its_slow_link_is_replaced() {
    let mut network = Network::new(Rng::new(1));
    let rate = Rate::bits_per_second(1);
    network.set_link(Instant::ZERO, A, B, Link::new().rate(rate));
    for byte in 0..3 {
        network.send(Instant::ZERO, (A, B), arrival(), &[byte], None);
    }
    let now = Instant::from_millis(5);
    network.set_link(now, A, B, Link::new());
    for byte in 0..3 {
        assert_eq!(network.poll_flight(now).expect("it left").bytes, [byte]);
    }
    assert!(
        network
            .poll_flight(Instant::from_millis(u64::MAX))
            .is_none()
    );
}

#[test]
fn a_link_that_keeps_order_jitters_without_overtaking() {
    let jittery = Link::new().jitter(ms(50));
    let order = |link| {
        exchange(link, 200)
            .into_iter()
            .map(|(_, bytes)| bytes[0])
            .collect()
    };
    let overtaking: Vec<u8> = order(jittery.clone());
    assert!(!overtaking.is_sorted());
    let keeping: Vec<u8> = order(jittery.in_order());
    assert!(keeping.is_sorted() && keeping.len() == 200);
}

#[test]
fn a_storm_arrives_a_millisecond_apart() {
    let arrived = exchange(Link::new().schedule([Fate::Storm { copies: 3 }]), 1);
    assert_eq!(
        arrived.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
}

#[test]
fn held_datagrams_arrive_together() {
    let arrived = exchange(Link::new().hold(ms(1), ms(5)), 8);
    assert_eq!(
        arrived.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [0, 6, 6, 6, 6, 6, 6, 7]
    );
}

#[test]
fn spliced_datagrams_end_as_the_one_before() {
    let arrived = exchange(Link::new().splicing(1_000), 2);
    assert_eq!(arrived, [(0, vec![]), (1, vec![0])]);
}

#[test]
fn a_partition_stops_what_is_sent_and_not_what_is_under_way() {
    let mut network = Network::new(Rng::new(1));
    network.set_link(Instant::ZERO, A, B, Link::new().latency(ms(10)));
    network.send(Instant::ZERO, (A, B), arrival(), b"x", None);
    network.partitions().cut(&[A], &[B]);
    let stopped = network.send(Instant::ZERO, (A, B), arrival(), b"y", None);
    assert_eq!(stopped, Passage::Stopped(DropCause::Partition));
    assert_eq!(
        network
            .poll_flight(Instant::from_millis(10))
            .expect("x")
            .bytes,
        b"x"
    );
}

/// Sends `count` datagrams with this mark at once over `link`; the marks of those that arrive, and what was counted.
fn marked(link: Link, mark: Option<Ecn>, count: usize) -> (Vec<Option<Ecn>>, FaultCounts) {
    let mut network = Network::new(Rng::new(1));
    network.set_link(Instant::ZERO, A, B, link);
    let arrival = Arrival {
        ecn: mark,
        ..arrival()
    };
    for _ in 0..count {
        network.send(Instant::ZERO, (A, B), arrival, &[0; 972], None);
    }
    let mut marks = Vec::new();
    while let Some(due) = network.next_due() {
        marks.extend(network.poll_flight(due).map(|flight| flight.arrival.ecn));
    }
    (marks, network.faults)
}

#[test]
fn a_path_s_deeds_to_marks_arrive_and_are_counted() {
    let on = |path, mark| marked(Link::new().ecn(path), mark, 3);
    let (marks, faults) = on(EcnPath::Bleach, Some(Ecn::Ect0));
    assert_eq!((marks, faults.ecn_bleached), (vec![None; 3], 3));
    let (marks, faults) = on(EcnPath::Swap, Some(Ecn::Ect0));
    assert_eq!((marks, faults.ecn_mangled), (vec![Some(Ecn::Ect1); 3], 3));
    let (marks, faults) = on(EcnPath::Mark, Some(Ecn::Ect1));
    assert_eq!((marks, faults.ecn_marked), (vec![Some(Ecn::Ce); 3], 3));
    let (marks, faults) = on(EcnPath::Drop, Some(Ecn::Ect1));
    assert_eq!((marks, faults.ecn_dropped), (vec![], 3));
    let (marks, faults) = on(EcnPath::Drop, None);
    assert_eq!((marks, faults.ecn_dropped), (vec![None; 3], 0));
}

#[test]
fn what_a_queue_marks_arrives_marked_and_is_counted_once() {
    // 1 ms each; those behind the first and two that wait find two waiting.
    let rate = Rate::bits_per_second(8_000_000).mark_above_datagrams(2);
    let link = || Link::new().rate(rate.clone());
    let (marks, faults) = marked(link(), Some(Ecn::Ect0), 5);
    let (ect, ce) = (Some(Ecn::Ect0), Some(Ecn::Ce));
    assert_eq!(marks, [ect, ect, ect, ce, ce]);
    assert_eq!((faults.ecn_marked, faults.queue_full), (2, 0));
    let (marks, faults) = marked(link(), ce, 5);
    assert_eq!((marks, faults.ecn_marked), (vec![ce; 5], 0));
    let (marks, faults) = marked(link(), None, 5);
    assert_eq!((marks, faults.ecn_marked), (vec![None; 5], 0));
    // What a path takes away no queue can mark; what it sets it can.
    let (marks, _) = marked(link().ecn(EcnPath::Bleach), ect, 5);
    assert_eq!(marks, [None; 5]);
    let (marks, faults) = marked(link().ect(), None, 5);
    assert_eq!(marks, [ect, ect, ect, ce, ce]);
    assert_eq!((faults.ecn_mangled, faults.ecn_marked), (5, 2));
    let (marks, faults) = marked(link().ect().ecn(EcnPath::Bleach), None, 5);
    assert_eq!(marks, [None; 5]);
    assert_eq!((faults.ecn_mangled, faults.ecn_bleached), (5, 5));
}

#[test]
fn what_shares_a_queue_with_others_waits_for_them_and_is_counted() {
    let rate = Rate::bits_per_second(8_000_000);
    let (_, faults) = marked(Link::new().rate(rate.clone()), None, 3);
    assert_eq!(faults.crowded, 0);
    let shared = rate.cross_flows(1, ms(30));
    let mut network = Network::new(Rng::new(1));
    network.set_link(Instant::ZERO, A, B, Link::new().rate(shared));
    network.send(Instant::ZERO, (A, B), arrival(), &[0; 972], None);
    let mut arrived = Vec::new();
    while let Some(due) = network.next_due() {
        arrived.extend(network.poll_flight(due).map(|_| due));
    }
    // A flow begins with ten of 1,500 bytes, 1.5 ms each.
    assert_eq!(arrived, [Instant::ZERO + ms(16)]);
    assert_eq!(network.faults.crowded, 1);
}
