//! A machine that was written down and read again goes on as if nothing had been.

use alloc::vec::Vec;
use core::num::{NonZeroU32, NonZeroU64};
use core::time::Duration;

use proptest::prelude::*;

use super::link::{Faults, Storm};
use super::pair::{Pair, Side, address};
use crate::config::{AnnounceConfig, ConfigBuilder, TickConfig};
use crate::machine::Machine;
use crate::saved::Loader;
use crate::wire::{DecodeError, Reader};
use crate::{
    ChannelId, CipherSuite, Config, CongestionControl, DiscoveryQuery, Endpoint, Event, Farewell,
    PeerId, Prefix, Priority, Qos, RateLimit, SendOptions, ServerIdentity,
};

/// What happens, one after the other.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Send { up: bool, channel: u8, len: u16 },
    Reads { up: bool, reads: bool },
    Pass { millis: u8 },
    Ask { what: u8 },
    Part { up: bool },
}

const CONTROLLERS: [CongestionControl; 5] = [
    CongestionControl::Game,
    CongestionControl::Cubic,
    CongestionControl::Bbr,
    CongestionControl::NewReno,
    CongestionControl::Fixed {
        bytes_per_second: NonZeroU64::new(50_000).unwrap(),
    },
];

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<bool>(), 0u8..4, 0u16..9_000)
            .prop_map(|(up, channel, len)| Step::Send { up, channel, len }),
        8 => (0u8..120).prop_map(|millis| Step::Pass { millis }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(up, reads)| Step::Reads { up, reads }),
        3 => (0u8..15).prop_map(|what| Step::Ask { what }),
        1 => any::<bool>().prop_map(|up| Step::Part { up }),
    ]
}

pub(super) fn faults() -> impl Strategy<Value = Faults> {
    (0u64..300, 0u64..100, 0u64..60, 0u64..40, 0u64..50).prop_map(
        |(loss, duplication, delay_ms, jitter_ms, late)| Faults {
            loss,
            duplication,
            delay_ms,
            jitter_ms,
            late,
            late_ms: 2_000,
        },
    )
}

pub(super) fn settings() -> ConfigBuilder {
    Config::builder()
        .tick(NonZeroU32::new(20).map(TickConfig::new))
        .announce(Some(AnnounceConfig {
            name: "here".into(),
            port: 7_002,
            players_max: 4,
            interval: Some(Duration::from_secs(1)),
        }))
        .ciphers(alloc::vec![CipherSuite::ChaCha20Poly1305])
        .idle_timeout(Duration::from_secs(2))
        .keepalive_interval(Duration::from_millis(300))
        .packets_per_key(100)
}

fn saved(machine: &Machine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.save(&mut bytes);
    bytes
}

fn loaded(bytes: &[u8], like: &Endpoint) -> Result<Machine, DecodeError> {
    let config = like.config().clone();
    let identity = crate::machine::identity(&config, &crate::Entropy::from_seed(2));
    let mut loader = Loader::new(Reader::new(bytes), &config);
    let machine = Machine::load(&mut loader, identity)?;
    loader.finish()?;
    Ok(machine)
}

/// Exchanges the machine for one that is read from its own bytes.
pub(super) fn revive(side: &mut Side, host: u8) {
    let before = saved(&side.endpoint.machine);
    let config = side.endpoint.config().clone();
    let identity = crate::machine::identity(&config, &crate::Entropy::from_seed(u64::from(host)));
    let mut loader = Loader::new(Reader::new(&before), &config);
    let mut machine = Machine::load(&mut loader, identity).expect("just written");
    machine.keep_revealed(true);
    loader.finish().expect("all is read");
    assert_eq!(saved(&machine), before);
    side.endpoint.machine = machine;
}

fn ask(storm: &mut Storm, what: u8) {
    let (now, Side { endpoint, peer, .. }) = (storm.pair.now, &mut storm.pair.client);
    match (what, *peer) {
        (0, Some(peer)) => drop(endpoint.ping(now, peer)),
        (1, Some(peer)) => {
            let receipt = SendOptions::new()
                .receipt()
                .key(1)
                .time_to_live(Duration::from_millis(300));
            let _ = endpoint.send_with(now, peer, ChannelId::new(3), b"heard?", &receipt);
        }
        (2, _) => endpoint.probe(now, address(2)),
        (3, _) => {
            let (targets, timeout) = (alloc::vec![address(2)], Duration::from_secs(1));
            let _ = endpoint.discover(now, DiscoveryQuery { targets, timeout });
        }
        (4, _) => endpoint.set_interfaces(&[Prefix {
            address: [10, 0, 0, 1].into(),
            len: 24,
        }]),
        (5, _) => endpoint.ban([10, 0, 0, 9].into()),
        (6, _) => drop(endpoint.connect(now, address(9), ServerIdentity::TrustOnFirstUse)),
        (8 | 9, Some(peer)) => {
            let rate = RateLimit::new(10_000 * u64::from(what), 3_000);
            let qos = Qos::new().weight(what).priority(Priority::High).rate(rate);
            let _ = endpoint.set_qos(peer, ChannelId::new(what % 4), &qos);
        }
        (10..15, Some(peer)) => {
            let congestion = CONTROLLERS[usize::from(what - 10)];
            let _ = endpoint.set_congestion(peer, congestion);
        }
        _ => drop(endpoint.connect(now, address(2), ServerIdentity::TrustOnFirstUse)),
    }
}

pub(super) fn take(storm: &mut Storm, step: &Step) {
    let now = storm.pair.now;
    match step {
        Step::Send { up, channel, len } => {
            let pair = &mut storm.pair;
            let side = if *up {
                &mut pair.client
            } else {
                &mut pair.server
            };
            if side.peer.is_some() {
                let _ = side.send(now, *channel, &alloc::vec![7; usize::from(*len)]);
            }
        }
        Step::Reads { up, reads } => storm.reads[usize::from(*up)] = *reads,
        Step::Pass { millis } => storm.run_for(Duration::from_millis(u64::from(*millis))),
        Step::Ask { what } => ask(storm, *what),
        Step::Part { up } => {
            let pair = &mut storm.pair;
            let side = if *up {
                &mut pair.client
            } else {
                &mut pair.server
            };
            let peer = side.peer.unwrap_or(PeerId::new(0, 0));
            side.endpoint
                .disconnect(now, peer, Farewell::new(3, "enough"));
        }
    }
}

/// What both sides were told, and all that went in and came out.
fn run(faults: Faults, steps: &[Step], seed: u64, revived: &[usize]) -> (Vec<Event>, Vec<u8>) {
    let mut pair = Pair::new(settings(), settings());
    for side in [&mut pair.client, &mut pair.server] {
        side.endpoint.start_recording();
    }
    pair.dial();
    let mut storm = Storm::new(pair, faults, seed);
    for (number, step) in steps.iter().enumerate() {
        if revived.contains(&number) {
            revive(&mut storm.pair.client, 1);
            revive(&mut storm.pair.server, 2);
        }
        take(&mut storm, step);
    }
    storm.run_for(Duration::from_secs(4));
    let (mut events, mut recordings) = (Vec::new(), Vec::new());
    for side in [&mut storm.pair.client, &mut storm.pair.server] {
        events.append(&mut side.events);
        side.endpoint.end_recording(&mut recordings);
    }
    (events, recordings)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 96 }))]
    #[test]
    fn a_revived_machine_says_and_does_the_same_to_the_byte(
        faults in faults(),
        steps in prop::collection::vec(step(), 1..60),
        seed: u64,
        moments in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let moments: Vec<usize> = moments.iter().map(|index| index.index(steps.len())).collect();
        let (events, bytes) = run(faults, &steps, seed, &[]);
        let (again, bytes_again) = run(faults, &steps, seed, &moments);
        prop_assert_eq!(events, again);
        prop_assert!(bytes == bytes_again, "other bytes");
    }
}

/// A server in the midst of everything.
fn busy() -> Storm {
    let mut pair = Pair::new(settings(), settings());
    pair.dial();
    let faults = Faults {
        loss: 200,
        delay_ms: 20,
        ..Faults::default()
    };
    let mut storm = Storm::new(pair, faults, 4);
    storm.run_for(Duration::from_millis(600));
    storm.reads = [false; 2];
    for up in [true, false] {
        for channel in 0..4 {
            for len in [10, 5_000] {
                take(&mut storm, &Step::Send { up, channel, len });
            }
        }
    }
    ask(&mut storm, 3);
    ask(&mut storm, 6);
    storm.run_for(Duration::from_millis(70));
    storm
}

#[test]
fn every_truncated_checkpoint_is_refused() {
    let storm = busy();
    let bytes = saved(&storm.pair.client.endpoint.machine);
    for len in 0..bytes.len() {
        let refused = loaded(&bytes[..len], &storm.pair.client.endpoint);
        assert!(refused.is_err(), "{len} of {} bytes", bytes.len());
    }
}

#[test]
fn a_checkpoint_holds_a_handshake_that_is_under_way() {
    let mut pair = Pair::new(settings(), settings());
    pair.dial();
    let hello = pair.client.datagrams(pair.now);
    revive(&mut pair.client, 1);
    pair.server.take(pair.now, address(1), &hello[0]);
    revive(&mut pair.server, 2);
    pair.run_for(Duration::from_millis(50));
    assert!(pair.client.peer.is_some() && pair.server.peer.is_some());
}
