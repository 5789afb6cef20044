//! A ring holds the latest calls, however long its endpoint lives, and what is done to its bytes is noticed.

use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use tickwire_core::record::{Call, EndReason, repair};
use tickwire_core::{Config, SecretKey};
use tickwire_sim::{Link, Pair, Recording, Replay, ms};

const RING_BYTES: usize = 512 * 1024;

/// A game that goes on for `hours`, over a path that loses a datagram in a hundred, with rings at both sides.
fn played(hours: u64, ring_bytes: usize) -> Pair {
    let key = SecretKey::from_bytes([7; 32]);
    let server = Config::builder().accepts(true).identity(Some(key));
    let server = server.build().expect("valid");
    let mut pair = Pair::with_configs(3, Config::default(), server).connect();
    for host in [pair.server, pair.client] {
        pair.world
            .act(host, |endpoint, _| endpoint.keep_ring(Some(ring_bytes)));
    }
    let mut pair = pair.link(Link::new().latency(ms(25)).jitter(ms(10)).loss(10));
    for tick in 0..hours * 3_600 * 5 {
        let _ = pair.send_to_server(1, &[1; 24]);
        let _ = pair.send_to_client(1, &[2; 120]);
        if tick % 10 == 0 {
            let _ = pair.send_to_client(3, &[3; 2_000]);
        }
        pair.run_for(ms(200));
        pair.server_events();
        pair.client_events();
    }
    pair
}

#[test]
fn a_ring_dump_after_hours_replays() {
    let pair = played(3, RING_BYTES);
    for host in [pair.server, pair.client] {
        let endpoint = pair.world.view(host);
        let dump = endpoint.dump_ring(EndReason::Finished).expect("a ring");
        assert!(dump.len() <= RING_BYTES + 1_024, "{} bytes", dump.len());
        assert!(dump.len() > RING_BYTES / 2, "{} bytes", dump.len());
        let recording = Recording::read(dump).expect("whole");
        assert!(recording.begins_at().as_micros() > 2 * 3_600 * 1_000_000);
        let checkpoints = recording
            .records()
            .filter(|record| record.call == Call::Checkpoint);
        assert_eq!(checkpoints.count(), 1, "two generations");
        let report = Replay::new(&recording).run();
        assert!(
            report.is_identical(),
            "{}",
            report.divergence.expect("so it says")
        );
        assert!(report.stats.datagrams_out > 500, "{:?}", report.stats);
        assert!(report.stats.span() > Duration::from_secs(60));
        assert_eq!(report.state_hash, endpoint.state_hash());
    }
}

#[test]
fn a_ring_that_is_too_small_for_the_state_is_empty_until_it_fits() {
    let mut pair = Pair::new(1).connect();
    let server = pair.server;
    pair.world.set_reading(server, false);
    for _ in 0..40 {
        let _ = pair.send_to_server(3, &[1; 1_000]);
        pair.run_for(ms(20));
    }
    pair.world
        .act(server, |endpoint, _| endpoint.keep_ring(Some(64 * 1024)));
    let dump = |pair: &Pair| pair.world.view(server).dump_ring(EndReason::Finished);
    assert_eq!(dump(&pair), None, "40 kB are unread");
    pair.world.set_reading(server, true);
    pair.run_for(Duration::from_secs(15));
    let recording = Recording::read(dump(&pair).expect("it fits")).expect("whole");
    assert!(Replay::new(&recording).run().is_identical());
}

fn dumped_once() -> &'static [u8] {
    static DUMPED: OnceLock<Vec<u8>> = OnceLock::new();
    DUMPED.get_or_init(|| {
        let mut pair = Pair::new(5).connect();
        let link = Link::new().latency(ms(25)).loss(300);
        let server = pair.server;
        pair = pair.link(link);
        pair.world.set_reading(server, false);
        for tick in 0..30_u8 {
            for channel in 0..4 {
                let _ = pair.send_to_server(channel, &vec![tick; 1 + usize::from(tick) * 90]);
                let _ = pair.send_to_client(channel, &vec![tick; 3_000]);
            }
            pair.run_for(ms(15));
        }
        pair.world
            .act(server, |endpoint, _| endpoint.keep_ring(Some(8 << 20)));
        pair.world.set_reading(server, true);
        pair.run_for(ms(500));
        let dump = pair.world.view(server).dump_ring(EndReason::Finished);
        dump.expect("it fits")
    })
}

#[test]
fn a_checkpoint_that_was_changed_is_refused_or_found() {
    let bytes = dumped_once();
    let header = 16 + length(&bytes[12..]);
    assert!(header > 10_000, "a state with much in it: {header} bytes");
    let recording = Recording::read(bytes.to_vec()).expect("whole");
    assert!(Replay::new(&recording).run().is_identical());
    let mut changed = bytes.to_vec();
    changed[header - 5] ^= 1;
    let refused = Recording::read(changed).expect_err("its checksum is wrong");
    assert!(
        refused.to_string().contains("header is damaged"),
        "{refused}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// With a right checksum any state may come: it is refused by a field's name, or its replay is not the same or
    /// panics, and says so. It never hangs, and takes no more memory than it has bytes for.
    #[test]
    fn no_checkpoint_is_too_strange_to_be_judged(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = dumped_once().to_vec();
        let len = length(&bytes[12..]);
        for (at, byte) in changes {
            bytes[16 + at.index(len)] = byte;
        }
        repair(&mut bytes);
        if let Ok(recording) = Recording::read(bytes) {
            let _ = Replay::new(&recording).run();
        }
    }
}

/// `bytes` up to the record of this number, then the end that a panic makes.
fn cut_by_a_panic(bytes: &[u8], number: u64) -> Vec<u8> {
    let recording = Recording::read(bytes.to_vec()).expect("whole");
    let behind = recording.records().find(|record| record.number > number);
    let end = behind.expect("it is not the last").offset as usize;
    let (mut block, mut before) = (0, 0);
    let mut next = 24 + length(&bytes[12..]);
    while next < end {
        block = next;
        before += length(&bytes[block + 4..]);
        next = block + 16 + length(&bytes[block..]);
    }
    before -= length(&bytes[block + 4..]);
    let mut cut = [&bytes[..end], &[0, EndReason::Panicked as u8]].concat();
    let len = (cut.len() - block - 8) as u32;
    let records = number as u32 - before as u32 + 1;
    cut[block..block + 4].copy_from_slice(&len.to_be_bytes());
    cut[block + 4..block + 8].copy_from_slice(&records.to_be_bytes());
    cut.extend_from_slice(&[0; 8]);
    repair(&mut cut);
    cut
}

fn length(bytes: &[u8]) -> usize {
    u32::from_be_bytes(bytes[..4].try_into().expect("four")) as usize
}

#[test]
fn a_recording_that_ends_in_a_panic_of_the_endpoint_replays_to_that_panic() {
    tickwire_sim::quiet_replays();
    let bytes = dumped_once();
    let len = length(&bytes[12..]);
    let found = (16..16 + len).rev().step_by(3).find_map(|at| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0x7F;
        repair(&mut bytes);
        let recording = Recording::read(bytes.clone()).ok()?;
        let divergence = Replay::new(&recording).run().divergence?;
        let panic = divergence.panic?;
        // Of two polls in one record the first cannot be cut from the second.
        Recording::read(cut_by_a_panic(&bytes, divergence.record)).ok()?;
        Some((bytes, divergence.record, panic))
    });
    let (bytes, record, message) = found.expect("some states are impossible");
    let recording = Recording::read(cut_by_a_panic(&bytes, record)).expect("whole");
    let report = Replay::new(&recording).run();
    assert!(report.is_identical(), "{:?}", report.divergence);
    let panic = report.panic.expect("it ends in a panic");
    assert_eq!(panic.message, Some(message));
}
