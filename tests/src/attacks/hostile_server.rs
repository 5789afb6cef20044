//! A15: a server, or who speaks in its name, sends every type of datagram in every state of a client.

use tickwire_sim::Rng;

use crate::session::{Session, Stage};

/// Of a client's states.
const STATES: [Stage; 4] = [
    Stage::IdleClient,
    Stage::Dialling,
    Stage::ConnectedClient,
    Stage::Closing,
];

/// One of each type, with the client's id where there is one, as right as can be without keys.
fn datagrams(id: &[u8], rng: &mut Rng) -> Vec<Vec<u8>> {
    let noise = |rng: &mut Rng, len: usize| -> Vec<u8> {
        (0..len).map(|_| rng.draw().to_be_bytes()[7]).collect()
    };
    let with = |first: u8, rest: Vec<u8>| [&[first][..], id, &rest].concat();
    let mut all = vec![
        with(0xC1, noise(rng, 91)),
        with(0xC1, noise(rng, 139)),
        with(0xC1, Vec::new()),
        [&[0xC3][..], &noise(rng, 16)].concat(),
        [&[0xC4][..], &noise(rng, 8)].concat(),
        [&[0xC5][..], &noise(rng, 8)].concat(),
        with(0xC6, noise(rng, 17)),
        with(0xC6, vec![0; 17]),
        b"SERVER_INFO name=x players=0 max=1 port=7000\n".to_vec(),
        b"DISCOVER_SERVER\n".to_vec(),
    ];
    // Every reason, known or not, with a check that is wrong.
    for reason in 0..=255 {
        let check = noise(rng, 4);
        all.push(with(0xC2, [&[reason, 1][..], &check].concat()));
        all.push(with(0xC2, vec![reason, 1]));
    }
    // Packets of every flag.
    for flags in 0x80..0xC0 {
        let rest = noise(rng, 40);
        all.push(with(flags, rest));
    }
    // A HELLO, as if the server dialled its client.
    let mut hello = with(0xC0, Vec::new());
    hello.splice(1..1, [1, 2]);
    hello.extend([0, 0, 96]);
    hello.extend(noise(rng, 96));
    hello.resize(1_200, 0);
    all.push(hello);
    all
}

#[test]
fn every_type_of_datagram_in_every_state_of_a_client_is_harmless() {
    for stage in STATES {
        let mut rng = Rng::new(15).fork("hostile server");
        let mut session = Session::at(stage);
        // The id that the client chose stands in its HELLO.
        let (seen, to_come) = session.wires();
        let hello = seen
            .iter()
            .chain(&to_come)
            .find(|datagram| datagram[0] == 0xC0);
        let id = hello.expect("it dials")[3..5].to_vec();
        let all = datagrams(&id, &mut rng);
        session.attack(|victim| {
            for datagram in &all {
                // A client that dials answers a RETRY with its HELLO, a few times at once: core/src/machine/tests/retry.rs.
                if stage == Stage::Dialling && datagram[0] == 0xC6 {
                    continue;
                }
                victim.receives_from_friend(datagram);
                for len in [1, datagram.len() / 2, datagram.len() - 1] {
                    victim.receives_from_friend(&datagram[..len]);
                }
            }
        });
        session.goes_on();
    }
}
