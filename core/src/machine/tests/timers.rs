//! An endpoint sleeps between its deadlines, and keeps each of them.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::frames::end_of;
use super::link::{Faults, Storm};
use super::pair::{Pair, Side};
use crate::{Config, Farewell, ServerIdentity};

#[test]
fn an_end_that_must_wait_for_the_path_does_not_spin() {
    let mut pair = Pair::connected();
    // Bulk fills the congestion window, and no answer comes.
    for _ in 0..40 {
        pair.server
            .send(pair.now, 3, &[1; 4_000])
            .expect("the queue has room");
    }
    pair.server.endpoint.flush(pair.now);
    let _ = pair.server.datagrams(pair.now);
    // The peer lies: the connection ends at once.
    pair.attack(&[0x7F]);
    assert_quiet(&mut pair);
    let peer = pair.server.peer.expect("connected");
    let mut slow = Pair::connected();
    for _ in 0..40 {
        slow.server
            .send(slow.now, 3, &[1; 4_000])
            .expect("the queue has room");
    }
    slow.server.endpoint.flush(slow.now);
    let _ = slow.server.datagrams(slow.now);
    slow.server
        .endpoint
        .disconnect(slow.now, peer, Farewell::default());
    assert_quiet(&mut slow);
}

/// Runs the server alone to the end: it sleeps between its deadlines.
fn assert_quiet(pair: &mut Pair) {
    let mut wakes = 0;
    loop {
        let _ = pair.server.datagrams(pair.now);
        pair.server.poll();
        let Some(next) = pair.server.endpoint.poll_timeout() else {
            break;
        };
        assert!(next > pair.now, "busy loop at {}", pair.now);
        pair.now = next;
        pair.server.endpoint.handle_timeout(pair.now);
        wakes += 1;
        assert!(wakes < 100, "it never ends");
    }
    end_of(&pair.server.events);
}

/// What an owner, the path, a liar or the clock may do.
#[derive(Clone, Debug)]
enum Step {
    Dial,
    Send {
        side: usize,
        channel: u8,
        len: usize,
        flush: bool,
    },
    Ping {
        side: usize,
    },
    Part {
        side: usize,
    },
    /// The client says this with valid keys.
    Lie {
        frames: Vec<u8>,
    },
    Loss {
        permille: u64,
    },
    Read {
        side: usize,
        reads: bool,
    },
    Wait {
        millis: u64,
    },
    /// An owner whose clock went back.
    Back {
        side: usize,
        millis: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let frame = prop_oneof![
        Just(vec![0x01]),
        Just(vec![0x00]),
        Just(vec![0x04, 0xC0, 0, 0, 0, 0, 0, 0, 1]),
        Just(vec![0x05, 0, 0, 0]),
        prop::collection::vec(any::<u8>(), 1..12),
    ];
    let wait = prop_oneof![4 => 0u64..50, 2 => 0u64..3_000, 1 => 0u64..4_000_000];
    prop_oneof![
        2 => Just(Step::Dial),
        8 => (0usize..2, 0u8..4, 0usize..30_000, any::<bool>())
            .prop_map(|(side, channel, len, flush)| Step::Send { side, channel, len, flush }),
        2 => (0usize..2).prop_map(|side| Step::Ping { side }),
        1 => (0usize..2).prop_map(|side| Step::Part { side }),
        1 => prop::collection::vec(frame, 1..4).prop_map(|frames| Step::Lie { frames: frames.concat() }),
        2 => prop_oneof![Just(0u64), 0u64..500, Just(1_000u64)].prop_map(|permille| Step::Loss { permille }),
        1 => (0usize..2, any::<bool>()).prop_map(|(side, reads)| Step::Read { side, reads }),
        8 => wait.prop_map(|millis| Step::Wait { millis }),
        1 => (0usize..2, 0u64..5_000).prop_map(|(side, millis)| Step::Back { side, millis }),
    ]
}

/// Does one thing. What an endpoint refuses is fine here.
fn apply(storm: &mut Storm, step: Step) {
    let now = storm.pair.now;
    let pair = &mut storm.pair;
    match step {
        Step::Dial => {
            let to = pair.server.address;
            let _ = pair
                .client
                .endpoint
                .connect(now, to, ServerIdentity::TrustOnFirstUse);
        }
        Step::Send {
            side,
            channel,
            len,
            flush,
        } => {
            let side = pair.side(side);
            if side.peer.is_some() {
                let _ = side.send(now, channel, &vec![7; len]);
            }
            if flush {
                side.endpoint.flush(now);
            }
        }
        Step::Ping { side } => with_peer(pair.side(side), |side, peer| {
            let _ = side.endpoint.ping(now, peer);
        }),
        Step::Part { side } => with_peer(pair.side(side), |side, peer| {
            side.endpoint.disconnect(now, peer, Farewell::default());
        }),
        Step::Lie { frames } => {
            let slot = pair.client.peer.map_or(0, |peer| peer.slot() as u32);
            let found = pair.client.endpoint.machine.slots.get_mut(slot);
            if let Some(found) = found.filter(|found| found.peer.is_established()) {
                let packet = found.peer.forge(&frames);
                pair.server.take(now, pair.client.address, &packet);
            }
        }
        Step::Loss { permille } => storm.faults.loss = permille,
        Step::Read { side, reads } => storm.reads[side] = reads,
        Step::Wait { millis } => storm.run_for(Duration::from_millis(millis)),
        Step::Back { side, millis } => {
            let past = now - Duration::from_millis(millis);
            pair.side(side).endpoint.handle_timeout(past);
        }
    }
}

fn with_peer(side: &mut Side, act: impl FnOnce(&mut Side, crate::PeerId)) {
    if let Some(peer) = side.peer {
        act(side, peer);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Once an endpoint was told the time and yields nothing more, it sleeps: its next deadline is later. In every state,
    /// whatever the owners, the path and the clock do. At the end of everything nothing is left to wait for.
    #[test]
    fn an_endpoint_never_spins(
        seed: u64,
        delay_ms in 0u64..100,
        coalesce_ms in 0u64..50,
        ack_ms in 0u64..100,
        close_ms in prop_oneof![Just(0u64), 0u64..5_000],
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let millis = Duration::from_millis;
        let settings = || Config::builder()
            .coalesce_delay(millis(coalesce_ms))
            .ack_delay_max(millis(ack_ms))
            .close_timeout(millis(close_ms));
        let faults = Faults { delay_ms, jitter_ms: delay_ms / 4, duplication: 50, ..Faults::default() };
        let mut storm = Storm::new(Pair::new(settings(), settings()), faults, seed);
        apply(&mut storm, Step::Dial);
        for step in steps {
            apply(&mut storm, step);
            storm.settle();
            for side in [&storm.pair.client, &storm.pair.server] {
                let next = side.endpoint.poll_timeout();
                prop_assert!(next.is_none_or(|next| next > storm.pair.now), "{next:?}");
            }
        }
        // Everybody goes home.
        storm.reads = [true; 2];
        storm.faults = faults;
        for side in 0..2 {
            apply(&mut storm, Step::Part { side });
        }
        storm.faults.loss = 1_000;
        storm.run_for(Duration::from_secs(3_600));
        for side in [&mut storm.pair.client, &mut storm.pair.server] {
            prop_assert_eq!(side.endpoint.machine.slots.used(), 0);
            prop_assert_eq!(side.endpoint.poll_timeout(), None);
            prop_assert_eq!(side.endpoint.stats().peers_now, 0);
            prop_assert_eq!(side.endpoint.stats().half_open_now, 0);
            prop_assert_eq!(side.endpoint.stats().unread_bytes, 0);
        }
    }
}
