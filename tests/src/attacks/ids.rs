//! A14: who guesses connection ids, of which there are only 65,536, reaches nobody's connection.

use tickwire_core::{Arrival, Config};
use tickwire_sim::{Link, Rng, World, ms};

use super::{tell, times};

const CLIENTS: usize = 300;
const RELIABLE: u8 = 2;

#[test]
fn packets_for_every_id_there_is_reach_nobody() {
    let mut world = World::new(14);
    world.default_link(Link::new().latency(ms(5)));
    let config = Config::builder()
        .accepts(true)
        .peers_max(1_000)
        .half_open_max(1_000);
    let server = world.add(config.build().expect("a valid configuration"));
    world.record_trace();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let client = world.add(Config::default());
            (client, world.dial(client, server))
        })
        .collect();
    world.run_for(ms(3_000));
    assert_eq!(world.view(server).stats().peers_now, CLIENTS as u64);
    let real: Vec<Vec<u8>> = world
        .datagrams()
        .iter()
        .filter(|datagram| datagram.to == Some(server) && datagram.bytes[0] < 0xC0)
        .map(|datagram| datagram.bytes.clone())
        .collect();
    assert!(real.len() >= CLIENTS);
    let addresses: Vec<_> = clients
        .iter()
        .map(|(host, _)| world.address(*host))
        .collect();
    let mut rng = Rng::new(1).fork("ids");
    let (now, endpoint) = (world.clock(server), world.endpoint(server));
    let before = endpoint.fingerprint();
    let mut told = 0;
    for round in 0..times(4) {
        for id in 0..=u16::MAX {
            let index = usize::try_from(rng.below(real.len() as u64)).unwrap_or(0);
            let mut datagram = real[index].clone();
            // A true packet under another id, and one with another number so that it is no copy.
            datagram[1..3].copy_from_slice(&id.to_be_bytes());
            datagram[3] = datagram[3].wrapping_add(1 + (round % 255).to_be_bytes()[7]);
            let from = addresses[usize::from(id) % CLIENTS];
            endpoint.handle_datagram(now, Arrival::game(from), &mut datagram);
            told += 1;
        }
    }
    let mut reply = Vec::new();
    assert!(endpoint.poll_transmit(now, &mut reply).is_none());
    assert_eq!(
        endpoint.poll_event().map(|_| ()),
        endpoint.poll_event().map(|_| ())
    );
    assert_eq!(endpoint.fingerprint(), before);
    tell(format_args!("{told} guesses at {CLIENTS} connections"));
    // And everybody is still who they were.
    for (number, (client, peer)) in clients.into_iter().enumerate() {
        let word = number.to_string();
        let sent = world.act(client, |endpoint, now| {
            endpoint.send(
                now,
                peer,
                tickwire_core::ChannelId::new(RELIABLE),
                word.as_bytes(),
            )
        });
        sent.expect("connected");
    }
    world.run_for(ms(1_000));
    assert_eq!(world.messages(server).len(), CLIENTS);
}
