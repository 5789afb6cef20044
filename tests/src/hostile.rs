//! Whatever arrives, in whatever state: no panic, no growth, no reply longer than its trigger, and the connection
//! that is under way goes on as if nothing had been.
//!
//! An attacker here knows everything that ever crossed the wire and can write any address into a datagram, but has
//! no keys. One who has is met in core's own tests of the peer.

use tickwire_sim::Rng;

use crate::session::{STAGES, Session, Stage, Victim};

#[test]
fn random_datagrams_of_every_first_byte_and_length_are_harmless() {
    for stage in STAGES {
        let mut session = Session::at(stage);
        let mut rng = Rng::new(1).fork("hostile");
        session.attack(|victim| {
            for len in [
                1, 2, 3, 4, 5, 8, 9, 10, 16, 17, 18, 20, 21, 22, 40, 94, 142, 300, 1_199,
            ] {
                every_first_byte(victim, &mut rng, len);
            }
            for len in [1_200, 1_201, 1_472, 9_000] {
                every_first_byte(victim, &mut rng, len);
            }
            for first in [0x80, 0x8b, 0xc0, 0xc1, 0xc3, b'D'] {
                victim.receives(&random(&mut rng, first, 65_507));
            }
            victim.receives(&[]);
        });
        session.goes_on();
    }
}

fn every_first_byte(victim: &mut Victim<'_>, rng: &mut Rng, len: usize) {
    for first in 0..=255 {
        victim.receives(&random(rng, first, len));
    }
}

fn random(rng: &mut Rng, first: u8, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len.div_ceil(8))
        .flat_map(|_| rng.draw().to_le_bytes())
        .collect();
    bytes.truncate(len);
    bytes[0] = first;
    bytes
}

#[test]
fn replays_are_harmless() {
    for stage in STAGES {
        let mut session = Session::at(stage);
        let (seen, _) = session.wires();
        session.attack(|victim| {
            for datagram in &seen {
                victim.receives(datagram);
                victim.receives(datagram);
            }
        });
        session.goes_on();
    }
}

#[test]
fn every_truncation_is_harmless() {
    for stage in STAGES {
        let mut session = Session::at(stage);
        let (seen, to_come) = session.wires();
        session.attack(|victim| {
            for datagram in seen.iter().chain(&to_come) {
                let all = 0..datagram.len();
                for len in all.filter(|len| *len < 80 || len % 13 == 0 || len + 40 > datagram.len())
                {
                    victim.receives(&datagram[..len]);
                }
            }
        });
        session.goes_on();
    }
}

#[test]
fn every_flipped_bit_is_harmless() {
    for stage in STAGES {
        let mut session = Session::at(stage);
        let (seen, to_come) = session.wires();
        session.attack(|victim| {
            for datagram in seen.iter().chain(&to_come) {
                // The padding of a HELLO is nobody's: with one of its bits flipped it is the same HELLO.
                let len = match datagram[0] {
                    0xc0 => 100,
                    _ => datagram.len(),
                };
                for place in (0..len).filter(|place| *place < 64 || place % 11 == 0) {
                    for bit in 0..8 {
                        let mut flipped = datagram.clone();
                        flipped[place] ^= 1 << bit;
                        victim.receives(&flipped);
                    }
                }
            }
        });
        session.goes_on();
    }
}

#[test]
fn datagrams_of_another_session_are_harmless() {
    let (_, foreign) = Session::with_seeds(Stage::IdleClient, 77).wires();
    for stage in STAGES {
        let mut session = Session::at(stage);
        session.attack(|victim| {
            for datagram in &foreign {
                victim.receives(datagram);
            }
        });
        session.goes_on();
    }
}
