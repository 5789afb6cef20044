//! The end of loops: two echoes that were made to answer each other stop after a bounded number of rounds.
//!
//! A forged source address is enough to set two echoes on each other, and whatever goes round is the same
//! bytes from the same source. So the answers to the very same datagram are counted; after a number of them
//! it is not answered for [`PAUSE`]. Whatever goes round meanwhile, once or a hundred times, is
//! dropped when it arrives: loops die if a round takes less than the pause. A client that sends the same
//! bytes again and again loses those of the pause and is answered anew after it.
//!
//! What is counted has a bound: a few hundred different datagrams fill the sockets of a loop, and the table
//! holds thousands. Where it is crowded, the datagram that was answered least makes room, and a loop that loses its count to
//! others ends after them.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Silence after too many answers, and the silence of a sender that makes its count start anew.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// Answers to the same datagram from loopback, where a round takes microseconds and clients test throughput.
pub(super) const ANSWERS_MAX_LOOPBACK: u32 = 10_000;
/// Answers to the same datagram from elsewhere, where a round takes milliseconds.
pub(super) const ANSWERS_MAX: u32 = 256;

const SETS: usize = 1_024;
const WAYS: usize = 4;

/// Counts answers to the very same datagram.
pub(super) struct RepeatGuard {
    hasher: RandomState,
    sets: Vec<[Option<Answered>; WAYS]>,
}

#[derive(Clone, Copy, Debug)]
struct Answered {
    /// Hash of source and bytes.
    fingerprint: u64,
    count: u32,
    last: Instant,
}

impl RepeatGuard {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            sets: vec![[None; WAYS]; SETS],
        }
    }

    /// Whether `datagram` from `from` may be answered now; if so, the answer is counted.
    pub(super) fn admits(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> bool {
        let fingerprint = self.hasher.hash_one((from, datagram));
        let answers_max = if from.ip().to_canonical().is_loopback() {
            ANSWERS_MAX_LOOPBACK
        } else {
            ANSWERS_MAX
        };
        let slot = self.slot(fingerprint, now);
        let count = match slot {
            Some(known) if known.fingerprint == fingerprint && !known.is_over(now) => known.count,
            _ => 0,
        };
        if count >= answers_max {
            return false;
        }
        *slot = Some(Answered {
            fingerprint,
            count: count + 1,
            last: now,
        });
        true
    }

    /// The place of this datagram, or the one to give to it.
    fn slot(&mut self, fingerprint: u64, now: Instant) -> &mut Option<Answered> {
        let index = fingerprint as usize % SETS;
        let set = &mut self.sets[index];
        let known = set
            .iter()
            .position(|slot| slot.is_some_and(|known| known.fingerprint == fingerprint));
        let worth = |slot: &Option<Answered>| match slot {
            Some(known) if !known.is_over(now) => known.count,
            _ => 0,
        };
        let way = known
            .or_else(|| (0..WAYS).min_by_key(|way| worth(&set[*way])))
            .expect("there is more than one way");
        &mut set[way]
    }
}

impl Answered {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "127.0.0.1:50000";
    const FAR: &str = "192.0.2.1:50000";

    fn from(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn answers(guard: &mut RepeatGuard, source: &str, now: Instant) -> u32 {
        let answered = (0..100_000).filter(|_| guard.admits(from(source), b"ping", now));
        answered.count() as u32
    }

    #[test]
    fn the_very_same_datagram_is_answered_so_often_and_then_pauses() {
        let start = Instant::now();
        let mut guard = RepeatGuard::new();
        assert_eq!(answers(&mut guard, LOCAL, start), ANSWERS_MAX_LOOPBACK);
        assert_eq!(answers(&mut guard, FAR, start), ANSWERS_MAX);
        assert_eq!(answers(&mut guard, FAR, start + PAUSE / 2), 0);
        assert_eq!(answers(&mut guard, FAR, start + PAUSE), ANSWERS_MAX);
    }

    #[test]
    fn a_client_that_asks_slowly_is_always_answered() {
        let mut now = Instant::now();
        let mut guard = RepeatGuard::new();
        for _ in 0..10 * ANSWERS_MAX {
            assert!(guard.admits(from(FAR), b"are you there?", now));
            now += PAUSE;
        }
    }

    #[test]
    fn different_datagrams_are_always_answered() {
        let now = Instant::now();
        let mut guard = RepeatGuard::new();
        for number in 0..1_000_000_u32 {
            assert!(guard.admits(from(FAR), &number.to_be_bytes(), now));
        }
    }

    #[test]
    fn other_traffic_does_not_keep_a_loop_alive() {
        // In its first rounds, when nothing has been answered oftener, a loop may lose its count to others.
        const LOST_MAX: u32 = 64;
        let mut now = Instant::now();
        let mut guard = RepeatGuard::new();
        let mut rounds = 0;
        while guard.admits(from(FAR), b"round and round", now) {
            rounds += 1;
            assert!(rounds <= ANSWERS_MAX + LOST_MAX);
            now += Duration::from_millis(10);
            for number in 0..1_000_u32 {
                guard.admits(from(LOCAL), &(rounds * 1_000 + number).to_be_bytes(), now);
            }
        }
    }

    #[test]
    fn hundreds_of_datagrams_in_a_loop_die_too() {
        let mut now = Instant::now();
        let mut guard = RepeatGuard::new();
        let mut looping: Vec<u32> = (0..600).collect();
        // Those that are many in one place of the table wait for each other's pauses to be over.
        for _ in 0..20 * PAUSE.as_millis() {
            looping.retain(|number| guard.admits(from(FAR), &number.to_be_bytes(), now));
            now += Duration::from_millis(1);
        }
        assert!(looping.is_empty(), "{looping:?}");
    }
}
