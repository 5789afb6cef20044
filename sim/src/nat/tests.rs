use super::*;
use crate::ms;

const SERVER: &str = "203.0.113.1:7000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn at(secs: u64) -> Instant {
    Instant::from_millis(secs * 1_000)
}

fn plugged(mut nat: Nat) -> Nat {
    nat.plug_in(Instant::ZERO, [198, 18, 0, 0].into(), Rng::new(1));
    nat
}

/// What `nat` makes of a datagram from this inside port to a destination.
fn out(nat: &mut Nat, port: u16, dst: &str) -> Result<SocketAddr, DropCause> {
    nat.outbound(([10, 0, 0, 1], port).into(), address(dst), Instant::ZERO)
}

#[test]
fn an_answer_finds_its_way_back() {
    let mut nat = plugged(Nat::new());
    let outside = out(&mut nat, 7_000, SERVER).expect("room");
    assert_eq!(outside, address("198.18.0.0:7000"));
    let inside = nat.inbound(address(SERVER), outside, Instant::ZERO);
    assert_eq!(inside, Ok(address("10.0.0.1:7000")));
    let elsewhere = nat.inbound(address(SERVER), address("198.18.0.0:7001"), Instant::ZERO);
    assert_eq!(elsewhere, Err(DropCause::NatUnmapped));
}

#[test]
fn a_mapping_depends_on_what_was_said() {
    let same = |dependence, other| {
        let mut nat = plugged(Nat::new().mapping(dependence));
        out(&mut nat, 7_000, SERVER) == out(&mut nat, 7_000, other)
    };
    let (other_port, other_host) = ("203.0.113.1:9", "203.0.113.2:7000");
    use Dependence::{Address, AddressAndPort, Independent};
    assert!(same(Independent, other_port) && same(Independent, other_host));
    assert!(same(Address, other_port) && !same(Address, other_host));
    assert!(!same(AddressAndPort, other_port) && !same(AddressAndPort, other_host));
}

#[test]
fn a_filter_depends_on_what_was_said() {
    let lets_in = |dependence, other| {
        let mut nat = plugged(Nat::new().filtering(dependence));
        let outside = out(&mut nat, 7_000, SERVER).expect("room");
        nat.inbound(address(other), outside, Instant::ZERO).is_ok()
    };
    let (other_port, other_host) = ("203.0.113.1:9", "203.0.113.2:7000");
    use Dependence::{Address, AddressAndPort, Independent};
    assert!(lets_in(Independent, other_port) && lets_in(Independent, other_host));
    assert!(lets_in(Address, other_port) && !lets_in(Address, other_host));
    assert!(!lets_in(AddressAndPort, other_port) && !lets_in(AddressAndPort, other_host));
    assert!(lets_in(AddressAndPort, SERVER));
}

/// The outside ports of two hosts that use the same port.
fn two_hosts(ports: Ports) -> (u16, Result<u16, DropCause>) {
    let mut nat = plugged(Nat::new().ports(ports));
    let first = out(&mut nat, 7_000, SERVER).expect("room").port();
    let second = nat.outbound(address("10.0.0.2:7000"), address(SERVER), Instant::ZERO);
    (first, second.map(|outside| outside.port()))
}

#[test]
fn ports_are_chosen_as_was_said() {
    assert_eq!(two_hosts(Ports::Preserve), (7_000, Err(DropCause::NatFull)));
    let (first, second) = two_hosts(Ports::PreserveElseRandom);
    assert!(first == 7_000 && second.is_ok_and(|port| port != 7_000));
    assert_eq!(two_hosts(Ports::Sequential { step: 2 }), (1_025, Ok(1_027)));
    assert_eq!(
        two_hosts(Ports::Contiguous { block: 64 }),
        (1_024, Ok(1_088))
    );
    let (first, second) = two_hosts(Ports::Random);
    assert!(first >= 1_024 && second.is_ok_and(|port| port >= 1_024 && port != first));
}

#[test]
fn a_block_of_ports_runs_out() {
    let mut nat = plugged(Nat::new().ports(Ports::Contiguous { block: 2 }));
    let mut port = |number| out(&mut nat, number, SERVER).map(|outside| outside.port());
    assert_eq!([port(1), port(2)], [Ok(1_024), Ok(1_025)]);
    assert_eq!(port(3), Err(DropCause::NatFull));
}

#[test]
fn a_quota_bounds_the_mappings_of_one_host() {
    let mut nat = plugged(Nat::new().quota(1));
    assert!(out(&mut nat, 1, SERVER).is_ok());
    assert_eq!(out(&mut nat, 2, SERVER), Err(DropCause::NatFull));
    let neighbour = nat.outbound(address("10.0.0.2:1"), address(SERVER), Instant::ZERO);
    assert!(neighbour.is_ok());
}

#[test]
fn pooling_is_paired_or_not() {
    let addresses = |pooling| {
        let mut nat = plugged(Nat::new().pooling(pooling));
        let outside = (1..40).map(|port| out(&mut nat, port, SERVER).expect("room").ip());
        outside
            .collect::<std::collections::BTreeSet<IpAddr>>()
            .len()
    };
    assert_eq!(addresses(Pooling::Paired { addresses: 4 }), 1);
    assert_eq!(addresses(Pooling::Arbitrary { addresses: 4 }), 4);
}

/// Sends at 0 s, hears an answer if `is_replied`, is sent to at `late`: whether that arrives.
fn is_alive(nat: Nat, is_replied: bool, late: u64) -> bool {
    let mut nat = plugged(nat);
    let outside = out(&mut nat, 7_000, SERVER).expect("room");
    if is_replied {
        let answered = nat.inbound(address(SERVER), outside, Instant::ZERO);
        answered.expect("it was contacted");
    }
    nat.inbound(address(SERVER), outside, at(late)).is_ok()
}

#[test]
fn a_mapping_that_was_answered_lives_longer() {
    assert!(is_alive(Nat::new(), false, 29) && !is_alive(Nat::new(), false, 30));
    assert!(is_alive(Nat::new(), true, 119) && !is_alive(Nat::new(), true, 120));
}

#[test]
fn what_counts_as_use_is_as_was_said() {
    for (refresh, lives) in [(Refresh::Both, true), (Refresh::Outbound, false)] {
        let mut nat = plugged(Nat::new().refresh(refresh).timeouts(ms(10_000), ms(10_000)));
        let outside = out(&mut nat, 7_000, SERVER).expect("room");
        let mut hear = |secs| nat.inbound(address(SERVER), outside, at(secs)).is_ok();
        assert!(hear(9));
        assert_eq!(hear(18), lives);
        assert_eq!(nat.faults.nat_expired, u64::from(!lives));
    }
}

#[test]
fn an_expired_mapping_is_made_anew() {
    let mut nat = plugged(Nat::new().ports(Ports::Sequential { step: 1 }));
    let first = out(&mut nat, 7_000, SERVER).expect("room");
    let again = nat.outbound(address("10.0.0.1:7000"), address(SERVER), at(31));
    assert_ne!(again, Ok(first));
    assert_eq!(nat.faults.nat_expired, 1);
}

#[test]
fn a_reboot_forgets_and_comes_once() {
    let mut nat = plugged(Nat::new().reboot_at([at(5), at(5)]));
    let outside = out(&mut nat, 7_000, SERVER).expect("room");
    let mut hear = |secs| nat.inbound(address(SERVER), outside, at(secs));
    assert!(hear(4).is_ok());
    assert_eq!(hear(5), Err(DropCause::NatUnmapped));
    assert_eq!(nat.faults.nat_rebooted, 1);
}

#[test]
fn rebinding_changes_the_port_and_renumbering_the_address() {
    let after = |nat| {
        let mut nat = plugged(nat);
        out(&mut nat, 7_000, SERVER).expect("room");
        let again = nat.outbound(address("10.0.0.1:7000"), address(SERVER), at(6));
        again.expect("room")
    };
    let rebound = after(Nat::new().rebind_every(ms(5_000)));
    assert_eq!(rebound.ip(), address("198.18.0.0:1").ip());
    assert_ne!(rebound.port(), 7_000);
    let renumbered = after(Nat::new().renumber_every(ms(5_000)));
    assert_eq!(renumbered, address("198.18.0.1:7000"));
}

#[test]
fn a_stranger_who_comes_too_early_takes_the_port() {
    let early = |nat| {
        let mut nat = plugged(nat);
        let stranger = nat.inbound(address(SERVER), address("198.18.0.0:7000"), Instant::ZERO);
        assert_eq!(stranger, Err(DropCause::NatUnmapped));
        let elsewhere = out(&mut nat, 7_000, "203.0.113.2:7000").expect("room");
        let there = out(&mut nat, 7_000, SERVER).expect("room");
        (elsewhere.port(), there.port())
    };
    assert_eq!(early(Nat::new()), (7_000, 7_000));
    let (elsewhere, there) = early(Nat::new().inbound_clash());
    assert_eq!(elsewhere, 7_000);
    assert_ne!(there, 7_000);
}

#[test]
fn a_port_lost_to_a_stranger_stays_lost_for_that_destination() {
    let mut nat = plugged(Nat::new().inbound_clash());
    out(&mut nat, 7_000, "203.0.113.2:7000").expect("room");
    let stranger = nat.inbound(address(SERVER), address("198.18.0.0:7000"), Instant::ZERO);
    assert_eq!(stranger, Err(DropCause::NatFiltered));
    let first = out(&mut nat, 7_000, SERVER).expect("room");
    assert_eq!(out(&mut nat, 7_000, SERVER), Ok(first));
    let answered = nat.inbound(address(SERVER), first, Instant::ZERO);
    assert_eq!(answered, Ok(address("10.0.0.1:7000")));
}

#[test]
fn a_nat_that_lets_no_udp_out_says_so() {
    let mut nat = plugged(Nat::new().block_udp());
    assert_eq!(out(&mut nat, 7_000, SERVER), Err(DropCause::NatBlocked));
    nat.heal();
    assert!(out(&mut nat, 7_000, SERVER).is_ok());
}
