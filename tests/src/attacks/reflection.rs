//! A2: whatever comes from an address that is not proven, in whatever state, less goes back than came; and no answer is answered.

use tickwire_core::{Arrival, Config, Endpoint, Entropy, Instant, SecretKey};
use tickwire_sim::Rng;

use super::tell;
use crate::session::{STAGES, Session, client_address, server_address};

/// Longest datagram of an Ethernet.
const LEN_MAX: usize = 1_500;

#[test]
fn every_first_byte_and_every_length_in_every_state_gets_no_more_back() {
    let mut rng = Rng::new(2).fork("reflection");
    let (mut sent, mut received) = (0, 0);
    let noise: Vec<u8> = (0..2 * LEN_MAX)
        .map(|_| rng.draw().to_be_bytes()[7])
        .collect();
    let mut datagram = Vec::with_capacity(LEN_MAX);
    // Answers are limited to a thousand a second: a new session for each thousand datagrams, so that none is withheld.
    let halves = [0..LEN_MAX / 2, LEN_MAX / 2..LEN_MAX + 1];
    for stage in STAGES {
        for (first, lens) in (0..=255).flat_map(|first| halves.clone().map(|lens| (first, lens))) {
            let mut session = Session::at(stage);
            session.attack(|victim| {
                for len in lens {
                    datagram.clear();
                    let start = usize::from(first);
                    datagram.extend_from_slice(&noise[start..start + len]);
                    if let Some(byte) = datagram.first_mut() {
                        *byte = first;
                    }
                    victim.receives_from_stranger(&datagram);
                }
                sent += victim.sent;
                received += victim.received;
            });
        }
    }
    assert!(sent <= received);
    tell(format_args!("{sent} bytes out for {received} in"));
}

/// An endpoint that answers everything it can.
fn talkative(seed: u64) -> Endpoint {
    let identity = SecretKey::from_bytes([seed.to_be_bytes()[7]; 32]);
    let config = Config::builder().accepts(true).identity(Some(identity));
    let config = config.build().expect("a valid configuration");
    Endpoint::new(config, Entropy::from_seed(seed), Instant::ZERO)
}

#[test]
fn two_endpoints_never_answer_each_others_answers() {
    let now = Instant::ZERO;
    let addresses = [client_address(), server_address()];
    let mut rng = Rng::new(3).fork("ping-pong");
    let (seen, to_come) = Session::at(STAGES[5]).wires();
    let mut triggers: Vec<Vec<u8>> = seen.into_iter().chain(to_come).collect();
    for first in 0..=255 {
        for len in [1, 5, 9, 17, 20, 21, 40, 548, 1_200] {
            let mut noise: Vec<u8> = (0..len).map(|_| rng.draw().to_be_bytes()[7]).collect();
            noise[0] = first;
            triggers.push(noise);
        }
    }
    let mut endpoints = [talkative(1), talkative(2)];
    for trigger in triggers {
        let mut flying = vec![(0, trigger.clone())];
        let (mut answers, mut bytes) = (0, 0);
        while let Some((to, mut datagram)) = flying.pop() {
            let from = Arrival::game(addresses[1 - to]);
            endpoints[to].handle_datagram(now, from, &mut datagram);
            let mut answer = Vec::new();
            while endpoints[to].poll_transmit(now, &mut answer).is_some() {
                answers += 1;
                bytes += answer.len();
                flying.push((1 - to, std::mem::take(&mut answer)));
            }
        }
        let asks_to_connect = trigger.first() == Some(&0xC0);
        assert!(
            answers <= 1 || asks_to_connect,
            "{answers} after {trigger:02x?}"
        );
        assert!(bytes <= trigger.len(), "{bytes} bytes after {trigger:02x?}");
    }
}
