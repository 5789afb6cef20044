use super::*;
use crate::nat::Dependence;

/// A server, and two players behind their routers behind one carrier.
struct Town {
    realms: Realms,
}

const SERVER: HostId = HostId::new(0);
const ANNA: HostId = HostId::new(1);
const BERT: HostId = HostId::new(2);
const HOSTS: usize = 3;

fn address(host: HostId) -> SocketAddr {
    address::game_address(host)
}

impl Town {
    fn new(carrier: Nat) -> Self {
        let mut realms = Realms::default();
        let rng = Rng::new(1);
        let outer = realms.add(carrier, None, Instant::ZERO, &rng);
        for player in [ANNA, BERT] {
            let home = realms.add(Nat::new(), Some(outer), Instant::ZERO, &rng);
            realms.put_behind(player, Some(home));
        }
        Self { realms }
    }

    fn way(&mut self, from: HostId, dst: SocketAddr) -> Way {
        let src = address(from);
        self.realms.way(Instant::ZERO, from, (src, dst), HOSTS)
    }

    /// The address at which the server sees a player.
    fn seen(&mut self, player: HostId) -> SocketAddr {
        let way = self.way(player, address(SERVER));
        let Way::To { host, src, dst } = way else {
            panic!("{way:?}");
        };
        assert_eq!((host, dst), (SERVER, address(SERVER)));
        src
    }
}

#[test]
fn a_chain_translates_twice_and_back() {
    let mut town = Town::new(Nat::new());
    let seen = town.seen(ANNA);
    assert!(town.realms.nats[0].0.owns(seen.ip()), "{seen}");
    let (src, dst) = (address(SERVER), address(ANNA));
    let back = town.way(SERVER, seen);
    assert_eq!(
        back,
        Way::To {
            host: ANNA,
            src,
            dst
        }
    );
}

#[test]
fn who_is_inside_cannot_be_dialled_from_outside() {
    let mut town = Town::new(Nat::new());
    assert_eq!(town.way(SERVER, address(ANNA)), Way::Nobody);
    let nowhere = SocketAddr::new(address::nat_address(0).into(), 9);
    assert_eq!(
        town.way(SERVER, nowhere),
        Way::Stopped(DropCause::NatUnmapped)
    );
}

#[test]
fn neighbours_behind_one_nat_see_each_other_directly() {
    let mut town = Town::new(Nat::new());
    let home = town.realms.realm(ANNA);
    town.realms.put_behind(BERT, home);
    let (src, dst) = (address(ANNA), address(BERT));
    assert_eq!(
        town.way(ANNA, dst),
        Way::To {
            host: BERT,
            src,
            dst
        }
    );
}

/// Anna and Bert send to where the server sees the other, Anna once more at the end: whether that arrives, and from
/// where it seems to come.
fn punch(carrier: Nat) -> (Way, SocketAddr) {
    let mut town = Town::new(carrier);
    let (anna, bert) = (town.seen(ANNA), town.seen(BERT));
    town.way(ANNA, bert);
    town.way(BERT, anna);
    (town.way(ANNA, bert), anna)
}

#[test]
fn subscribers_of_one_carrier_meet_only_by_a_hairpin_with_the_outside_source() {
    let (way, _) = punch(Nat::new());
    assert_eq!(way, Way::Stopped(DropCause::NatNotTurned));
    let (way, _) = punch(Nat::new().hairpin(Hairpin::InternalSource));
    assert_eq!(way, Way::Stopped(DropCause::NatFiltered));
    let (way, src) = punch(Nat::new().hairpin(Hairpin::ExternalSource));
    let dst = address(BERT);
    assert_eq!(
        way,
        Way::To {
            host: BERT,
            src,
            dst
        }
    );
}

/// Whether two players behind NATs of their own meet within ten rounds, Anna first in each.
fn meet(anna: Nat, bert: Nat) -> bool {
    let mut realms = Realms::default();
    for (player, nat) in [(ANNA, anna), (BERT, bert)] {
        let home = realms.add(nat, None, Instant::ZERO, &Rng::new(1));
        realms.put_behind(player, Some(home));
    }
    let mut town = Town { realms };
    let (mut at_anna, mut at_bert) = (town.seen(ANNA), town.seen(BERT));
    let (mut heard_anna, mut heard_bert) = (false, false);
    for _ in 0..10 {
        // Each goes on with the address that it hears the other from.
        if let Way::To { host, src, .. } = town.way(ANNA, at_bert) {
            assert_eq!(host, BERT);
            (heard_anna, at_anna) = (true, src);
        }
        if let Way::To { host, src, .. } = town.way(BERT, at_anna) {
            assert_eq!(host, ANNA);
            (heard_bert, at_bert) = (true, src);
        }
    }
    heard_anna && heard_bert
}

/// The kinds of NAT that were measured with real routers of Linux in namespaces, and who met whom there. A router that
/// keeps unsolicited datagrams meets one that drops them only if its own player sends first.
#[test]
fn who_meets_whom_is_as_it_was_measured() {
    use Dependence::{Address, AddressAndPort, Independent};
    let home = |filtering| Nat::new().filtering(filtering);
    let kinds = [
        home(Independent),
        home(Address),
        home(AddressAndPort),
        home(AddressAndPort).inbound_clash(),
        home(AddressAndPort)
            .mapping(AddressAndPort)
            .ports(crate::nat::Ports::Random),
    ];
    let table = kinds
        .clone()
        .map(|anna| kinds.clone().map(|bert| meet(anna.clone(), bert)));
    let (y, n) = (true, false);
    assert_eq!(
        table,
        [
            [y, y, y, y, y],
            [y, y, y, y, y],
            [y, y, y, n, n],
            [y, y, y, n, n],
            [y, y, n, n, n],
        ]
    );
}
