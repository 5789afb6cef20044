//! What is recorded can be lived again: by a driver on real sockets, at what price, and whatever is done to the bytes.

use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use tickwire_core::record::Sight;
use tickwire_core::{ChannelId, Config, Event, Farewell, PeerId, SecretKey, ServerIdentity};
use tickwire_sim::{Link, Pair, Recording, RedactedRecording, Replay, ms};
use tickwire_tokio::{Handle, Options, bind};

/// A file that is removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("tickwire-recording-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn read(&self) -> Recording {
        Recording::read(std::fs::read(&self.0).expect("it was written")).expect("it is whole")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The two sides of a connection over loopback, recorded at both.
async fn play(server_file: &Scratch, client_file: &Scratch) {
    let key = SecretKey::from_bytes([9; 32]);
    let config = Config::builder().accepts(true).identity(Some(key));
    let loopback = ([127, 0, 0, 1], 0).into();
    let server =
        bind(Options::new(config).game(loopback).record(&server_file.0)).expect("a free port");
    let client = Options::new(Config::builder())
        .game(loopback)
        .record(&client_file.0);
    let client = bind(client).expect("a free port");
    let identity = ServerIdentity::Known(server.public_key());
    let to_server = client.connect(server.local_addr(), identity).expect("free");
    let to_client = connected(&server).await;
    for number in 0..50_u8 {
        for channel in 0..4 {
            let message = [number; 700];
            client
                .send(to_server, ChannelId::new(channel), &message)
                .expect("room");
            server
                .send(to_client, ChannelId::new(channel), &message)
                .expect("room");
        }
        client.flush();
        server.flush();
        tokio::time::sleep(Duration::from_millis(5)).await;
        while client.try_next_event().is_some() || server.try_next_event().is_some() {}
    }
    client.shutdown(Farewell::new(1, "done")).await;
    server.shutdown(Farewell::default()).await;
}

async fn connected(server: &Handle) -> PeerId {
    loop {
        if let Some(Event::Connected { peer, .. }) = server.next_event().await {
            return peer;
        }
    }
}

#[tokio::test]
async fn what_a_driver_records_over_loopback_replays_to_identical_bytes() {
    let (server, client) = (Scratch::new("server"), Scratch::new("client"));
    play(&server, &client).await;
    for file in [server, client] {
        let recording = file.read();
        let report = Replay::new(&recording).run();
        assert!(
            report.is_identical(),
            "{}",
            report.divergence.expect("so it says")
        );
        assert!(report.stats.datagrams_out >= 50, "{report:?}");
        assert!(report.stats.datagrams_in >= 50, "{report:?}");
    }
}

#[tokio::test]
async fn a_game_without_a_goodbye_leaves_a_whole_recording() {
    let file = Scratch::new("dropped");
    let options = Options::new(Config::builder()).game(([127, 0, 0, 1], 0).into());
    let handle = bind(options.record(&file.0)).expect("a free port");
    handle.probe(([127, 0, 0, 1], 9).into());
    let shared = handle.clone();
    drop(handle);
    // What a panic does: the task is dropped with its runtime.
    std::thread::spawn(move || drop(shared))
        .join()
        .expect("no panic");
    for _ in 0..200 {
        let bytes = std::fs::read(&file.0).expect("it is there from the start");
        if Recording::read(bytes).is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(Replay::new(&file.read()).run().is_identical());
}

#[tokio::test]
async fn a_file_that_exists_is_replaced_only_if_asked_for() {
    let file = Scratch::new("exists");
    std::fs::write(&file.0, "something dear").expect("the directory is writable");
    let options = || Options::new(Config::builder()).game(([127, 0, 0, 1], 0).into());
    let error = bind(options().record(&file.0)).expect_err("it exists");
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(
        std::fs::read(&file.0).expect("untouched"),
        b"something dear"
    );
    let handle = bind(options().record_replacing(&file.0)).expect("asked for");
    handle.shutdown(Farewell::default()).await;
    assert!(Replay::new(&file.read()).run().is_identical());
}

/// A game's traffic, 30 ticks a second for 10 s, recorded at the server.
fn recorded(link: Link) -> Vec<u8> {
    let mut pair = Pair::new(1);
    pair.world.record(pair.server);
    let mut pair = pair.link(link).connect();
    play_game(&mut pair);
    pair.world.end_recording(pair.server)
}

fn play_game(pair: &mut Pair) {
    for tick in 0..300 {
        let _ = pair.send_to_server(1, &[1; 24]);
        let _ = pair.send_to_client(1, &[2; 120]);
        if tick % 10 == 0 {
            let _ = pair.send_to_client(3, &[3; 40]);
        }
        pair.run_for(Duration::from_micros(33_333));
        pair.server_events();
    }
}

#[test]
fn a_recording_costs_at_most_16_bytes_a_datagram_besides_the_payload() {
    let bytes = recorded(Link::new().latency(ms(25)).jitter(ms(5)).loss(10));
    let size = bytes.len() as u64;
    let stats = Replay::new(&Recording::read(bytes).expect("whole"))
        .run()
        .stats;
    let beside = size - stats.bytes_in - stats.message_bytes_in;
    let datagrams = stats.datagrams_in + stats.datagrams_out;
    assert!(datagrams > 550, "{stats:?}");
    assert!(
        beside * 10 <= datagrams * 160,
        "{beside} bytes for {datagrams} datagrams"
    );
}

/// The same traffic, redacted.
#[test]
fn a_redacted_recording_costs_at_most_6_bytes_a_datagram() {
    let link = Link::new().latency(ms(25)).jitter(ms(5)).loss(10);
    let mut pair = Pair::new(1).link(link).connect();
    pair.world.record_redacted(pair.server);
    let before = pair.server_stats().expect("connected");
    play_game(&mut pair);
    let after = pair.server_stats().expect("connected");
    let bytes = pair.world.end_redacted(pair.server);
    let datagrams = after.datagrams_sent + after.datagrams_received
        - before.datagrams_sent
        - before.datagrams_received;
    assert!(datagrams > 550, "{after:?}");
    let len = bytes.len() as u64;
    assert!(
        len <= datagrams * 6,
        "{len} bytes for {datagrams} datagrams"
    );
    let recording = RedactedRecording::read(bytes).expect("whole");
    let seen = recording
        .records()
        .filter(|record| matches!(record.sight, Sight::Sent { .. } | Sight::Arrived { .. }));
    assert_eq!(seen.count() as u64, datagrams);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// With right checksums nearly anything may come: it is read or refused, and replayed or not the same.
    #[test]
    fn nothing_is_too_strange_to_be_replayed(at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = recorded_once().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Recording::read(bytes.clone()).is_err(), "byte {at}");
        tickwire_core::record::repair(&mut bytes);
        if let Ok(recording) = Recording::read(bytes) {
            let _ = Replay::new(&recording).run();
        }
    }
}

fn recorded_once() -> &'static [u8] {
    static RECORDED: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    RECORDED.get_or_init(|| recorded(Link::new().latency(ms(25))))
}
