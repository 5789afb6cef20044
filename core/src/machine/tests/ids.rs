//! Connection ids: each leads to its own peer and no other one to anybody.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::pair::{Pair, Side};
use crate::{Config, Farewell, ServerIdentity};

/// A server with these clients, of which some have gone, and its name for each that is there.
fn peopled(id_len: u8, clients: u8, gone: &[bool]) -> Pair {
    let server = Config::builder()
        .connection_id_len(id_len)
        .peers_max(12)
        .idle_timeout(Duration::from_secs(300));
    let mut pair = Pair::new(Config::builder(), server);
    let to = pair.server.address;
    for client in 0..clients {
        pair.client = Side::new(Config::builder(), 10 + client, pair.now);
        let trust = ServerIdentity::TrustOnFirstUse;
        let dialled = pair.client.endpoint.connect(pair.now, to, trust);
        let peer = dialled.expect("free");
        pair.run_for(Duration::from_millis(100));
        if gone.get(usize::from(client)) == Some(&true) {
            pair.client
                .endpoint
                .disconnect(pair.now, peer, Farewell::default());
            // What drains is gone, too, and its slot is used again.
            pair.run_for(Duration::from_secs(3));
        }
    }
    pair
}

/// All ids that the server gave out and that are in use, with the slots that they lead to.
fn names(pair: &Pair) -> BTreeMap<Vec<u8>, u32> {
    let slots = pair.server.endpoint.machine.slots.iter();
    let name =
        |peer: &crate::peer::Peer| (peer.local_id.as_bytes().to_vec(), peer.id.slot() as u32);
    slots.map(|slot| name(&slot.peer)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Exhaustive for ids of two bytes: of all 65,536 exactly those of peers are found, and each leads to its own.
    #[test]
    fn of_all_ids_those_of_peers_lead_to_them_and_no_other(
        clients in 0u8..8, gone in prop::collection::vec(any::<bool>(), 8),
    ) {
        let pair = peopled(2, clients, &gone);
        let names = names(&pair);
        prop_assert_eq!(names.len(), (0..clients).filter(|at| !gone[usize::from(*at)]).count());
        for id in 0..=u16::MAX {
            let id = id.to_be_bytes();
            let found = pair.server.endpoint.machine.slots.find(&id);
            prop_assert_eq!(found, names.get(&id[..]).copied());
        }
    }

    /// With longer ones, each bit of each id counts, and so does the length. In three bytes there is nothing but the slot, so that one
    /// with another bit may be somebody else's.
    #[test]
    fn an_id_with_another_bit_leads_to_nobody_but_its_owner(id_len in 3u8..=8, clients in 1u8..6) {
        let pair = peopled(id_len, clients, &[]);
        let slots = &pair.server.endpoint.machine.slots;
        let names = names(&pair);
        prop_assert_eq!(names.len(), usize::from(clients));
        for (id, slot) in &names {
            prop_assert_eq!(slots.find(id), Some(*slot));
            for bit in 0..8 * id.len() {
                let mut other = id.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                prop_assert_eq!(slots.find(&other), names.get(&other).copied());
            }
            for len in 0..id.len() {
                prop_assert_eq!(slots.find(&id[..len]), None);
            }
        }
    }
}
