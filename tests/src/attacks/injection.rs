//! A4 and I5: who knows both addresses and all that crossed the wire, but no key, changes nothing.

use tickwire_sim::Rng;

use super::{tell, times};
use crate::session::{Session, Stage};

const DATAGRAMS: u64 = 100_000;

/// A packet that looks like one of theirs, a copy with changes, a forged end.
fn forged(rng: &mut Rng, seen: &[Vec<u8>]) -> Vec<u8> {
    let pick = |rng: &mut Rng| {
        let index = rng.below(seen.len() as u64);
        seen[usize::try_from(index).unwrap_or(0)].clone()
    };
    let byte = |rng: &mut Rng| rng.draw().to_be_bytes()[7];
    let mut bytes = pick(rng);
    match rng.below(6) {
        // The right id, and noise; of either key phase.
        0 => {
            bytes.truncate(3);
            let len = rng.between(18, 1_400);
            bytes.extend((0..len).map(|_| byte(rng)));
            bytes[0] = 0x80 | byte(rng) & 0x2B;
        }
        1 => {
            let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap_or(0);
            bytes[at] ^= 1 << rng.below(8);
        }
        2 => {
            let len = usize::try_from(rng.below(bytes.len() as u64)).unwrap_or(0);
            bytes.truncate(len);
        }
        // The head of one and the tail of another.
        3 => {
            let other = pick(rng);
            let at = usize::try_from(rng.below(bytes.len().min(other.len()) as u64)).unwrap_or(0);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[at..]);
        }
        // A RESET.
        4 => {
            bytes = vec![0xC3];
            bytes.extend((0..16).map(|_| byte(rng)));
        }
        // A REFUSE, a WELCOME, a RETRY, a PROBE_REPLY: with the right id.
        _ => {
            bytes.truncate(3);
            bytes[0] = [0xC1, 0xC2, 0xC5, 0xC6][usize::try_from(rng.below(4)).unwrap_or(0)];
            let len = rng.below(120);
            bytes.extend((0..len).map(|_| byte(rng)));
        }
    }
    bytes
}

#[test]
fn nothing_without_a_key_changes_the_state_or_ends_a_connection() {
    let mut told = 0;
    for stage in [Stage::ConnectedClient, Stage::ConnectedServer] {
        let mut session = Session::at(stage);
        let (seen, to_come) = session.wires();
        // A HELLO may begin a handshake, whoever sends it: that is the flood's affair.
        let is_packet = |datagram: &Vec<u8>| datagram[0] < 0xC0;
        let packets: Vec<_> = seen.into_iter().chain(to_come).filter(is_packet).collect();
        let mut rng = Rng::new(4).fork("injection");
        session.attack(|victim| {
            let before = victim.fingerprint();
            for number in 0..times(DATAGRAMS) {
                let bytes = forged(&mut rng, &packets);
                if bytes.first() == Some(&0xC0) || packets.contains(&bytes) {
                    continue;
                }
                victim.receives_from_friend(&bytes);
                told += 1;
                if number % 1_000 == 0 {
                    assert_eq!(
                        victim.fingerprint(),
                        before,
                        "by {bytes:02x?} or one before"
                    );
                }
            }
            assert_eq!(victim.fingerprint(), before);
        });
        session.goes_on();
    }
    tell(format_args!("{told} forged datagrams changed nothing"));
}

/// I5, one by one: the hash of the state is asked after each datagram.
#[test]
fn each_wrong_tag_leaves_the_hash_of_the_state_as_it_was() {
    for stage in [Stage::ConnectedClient, Stage::ConnectedServer] {
        let mut session = Session::at(stage);
        let (_, to_come) = session.wires();
        session.attack(|victim| {
            let before = victim.fingerprint();
            for packet in to_come.iter().filter(|datagram| datagram[0] < 0xC0) {
                for at in packet.len() - 16..packet.len() {
                    let mut wrong = packet.clone();
                    wrong[at] ^= 0x40;
                    victim.receives_from_friend(&wrong);
                    assert_eq!(victim.fingerprint(), before);
                }
            }
        });
        session.goes_on();
    }
}
