//! A5: nothing is taken twice, also after its keys were changed, and from wherever it comes.

use tickwire_core::{Arrival, Config};
use tickwire_sim::{Link, Pair, ms};

use super::{tell, times};

const RELIABLE: u8 = 2;
const REPLAYS: u64 = 1_000_000;

/// A conversation over some key updates, and all that crossed the wire.
fn conversation() -> (Pair, [Vec<Vec<u8>>; 2]) {
    let config = || Config::builder().packets_per_key(100);
    let client = config().build().expect("a valid configuration");
    let server = config()
        .accepts(true)
        .build()
        .expect("a valid configuration");
    let mut pair = Pair::with_configs(5, client, server)
        .link(Link::new().latency(ms(10)))
        .traced()
        .connect();
    for _ in 0..500 {
        pair.send_to_server(RELIABLE, b"move").expect("room");
        pair.send_to_client(RELIABLE, b"seen").expect("room");
        pair.flush();
        pair.run_for(ms(16));
    }
    pair.run_for(ms(1_000));
    assert!(pair.client_stats().expect("connected").key_updates >= 3);
    let (client, mut wires) = (pair.client, [Vec::new(), Vec::new()]);
    for datagram in pair.world.datagrams() {
        wires[usize::from(datagram.from == client)].push(datagram.bytes.clone());
    }
    (pair, wires)
}

#[test]
fn nothing_is_accepted_twice() {
    let (mut pair, wires) = conversation();
    let heard = [pair.client_messages().len(), pair.server_messages().len()];
    assert_eq!(heard, [500, 500]);
    let mut told = 0;
    let hosts = [pair.client, pair.server];
    for (to, wire) in hosts.into_iter().zip(wires) {
        let from = hosts[usize::from(to == pair.client)];
        let friend = pair.world.address(from);
        let stranger = ([203, 0, 113, 9], 4_000).into();
        let is_packet = |datagram: &&Vec<u8>| datagram[0] < 0xC0;
        let wire: Vec<_> = wire.iter().filter(is_packet).collect();
        let rounds = times(REPLAYS / 4) / wire.len() as u64 + 1;
        let (now, endpoint) = (pair.world.clock(to), pair.world.endpoint(to));
        let before = endpoint.fingerprint();
        let mut copy = Vec::new();
        for address in [friend, stranger] {
            for _ in 0..rounds {
                for datagram in &wire {
                    copy.clear();
                    copy.extend_from_slice(datagram);
                    endpoint.handle_datagram(now, Arrival::game(address), &mut copy);
                    told += 1;
                }
            }
            assert_eq!(endpoint.poll_event(), None);
            assert_eq!(endpoint.fingerprint(), before, "from {address}");
        }
    }
    assert!(told >= REPLAYS);
    // They still talk.
    pair.send_to_server(RELIABLE, b"still here").expect("room");
    pair.run_for(ms(500));
    assert_eq!(pair.server_messages().len(), 1);
    tell(format_args!("{told} replays, none accepted"));
}
