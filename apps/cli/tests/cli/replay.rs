//! `--record` and `tickwire replay`, the built binary on loopback.

use crate::support::{Background, TestFile, refusal, run};

/// Plays for two seconds with two bots and returns the server's recording.
pub(crate) fn recorded() -> (TestFile, serde_json::Value) {
    let file = TestFile::new();
    let key = TestFile::new();
    let arguments = "serve --bind 127.0.0.1:0 --discovery-port 0 --bots 2 --duration 2 --json";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.extend(["--key", key.as_str(), "--record", file.as_str()]);
    let outcome = run(&arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stderr.contains("secrets of all sessions"),
        "{outcome:?}"
    );
    let secret = std::fs::read_to_string(&key.path).expect("the key was made");
    let bytes = std::fs::read(&file.path).expect("it was recorded");
    assert!(
        !holds(&bytes, &secret),
        "the long-term key is in the recording"
    );
    (file, outcome.json())
}

fn holds(bytes: &[u8], hex: &str) -> bool {
    let digits = hex.trim_end().as_bytes().chunks_exact(2);
    let secret: Vec<u8> = digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits");
            u8::from_str_radix(pair, 16).expect("digits")
        })
        .collect();
    bytes.windows(secret.len()).any(|window| window == secret)
}

#[test]
fn a_served_game_replays_to_the_byte() {
    let (file, summary) = recorded();
    let outcome = run(&["replay", file.as_str(), "--times", "5", "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let replayed = outcome.json();
    assert_eq!(replayed["identical"], true);
    assert_eq!(replayed["times"], 5);
    for (name, of_server) in [
        ("datagrams_in", "datagrams_received"),
        ("bytes_in", "bytes_received"),
    ] {
        assert!(
            replayed[name].as_u64() >= summary[of_server].as_u64(),
            "{replayed} {summary}"
        );
    }
    assert!(
        replayed["span_ms"]
            .as_u64()
            .is_some_and(|span| span >= 2_000),
        "{replayed}"
    );

    let part = run(&["replay", file.as_str(), "--until", "1", "--trace"]);
    assert_eq!(part.code, Some(0));
    assert!(
        part.stdout.contains("Hello") || part.stdout.contains("Welcome"),
        "{}",
        part.stdout
    );
    assert!(part.stdout.contains("identical"), "{}", part.stdout);
}

#[cfg(unix)]
#[test]
fn a_recording_is_for_its_owner_only_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let (file, _) = recorded();
    let mode = std::fs::metadata(&file.path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let arguments = [
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--discovery-port",
        "0",
        "--record",
        file.as_str(),
    ];
    let error = refusal(2, &arguments);
    assert!(error.contains("the file exists already"), "{error}");
    let outcome = run(&["replay", file.as_str()]);
    assert!(outcome.stdout.contains("identical"), "{outcome:?}");
}

#[test]
fn a_client_records_too() {
    let server = Background::start(&["serve", "--bind", "127.0.0.1:0", "--discovery-port", "0"]);
    let file = TestFile::new();
    let address = server.address("game");
    let outcome = run(&[
        "join",
        address,
        "--duration",
        "1",
        "--json",
        "--record",
        file.as_str(),
    ]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let outcome = run(&["replay", file.as_str(), "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let arguments = ["join", address, "--bots", "2", "--record", file.as_str()];
    assert!(refusal(2, &arguments).contains("for one client"));
}

#[test]
fn what_cannot_be_replayed_is_one_line_that_names_the_place() {
    let (file, _) = recorded();
    let bytes = std::fs::read(&file.path).expect("it is there");
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        let other = TestFile::new();
        std::fs::write(&other.path, bytes).expect("the directory is writable");
        (refusal(2, &["replay", other.as_str()]), other)
    };
    let half = bytes.len() / 2;
    let (error, cut) = changed(&|bytes| bytes.truncate(half));
    assert!(error.contains("it is cut off at record "), "{error}");
    let saved = run(&["replay", cut.as_str(), "--salvage"]);
    assert_eq!(saved.code, Some(0), "{saved:?}");
    let (error, _) = changed(&|bytes| bytes[half] ^= 1);
    assert!(error.contains("it is damaged between record "), "{error}");
    let (_, place) = error.split_once("the block at byte ").expect("the place");
    let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
    let block: usize = digits.parse().expect("a number");
    // A block's first bytes are its length.
    let length = bytes[block..block + 4].try_into().expect("four bytes");
    let end = block + u32::from_be_bytes(length) as usize;
    assert!(
        (block..end + 16).contains(&half),
        "{half} is not in {block} to {end}: {error}"
    );
    let (error, _) = changed(&|bytes| bytes[9] = 9);
    assert!(error.contains("its format is version 9"), "{error}");
    let (error, _) = changed(&|bytes| bytes.clear());
    assert!(error.contains("cut off inside its header"), "{error}");
    assert!(refusal(2, &["replay", "/nowhere/x"]).contains("cannot read the recording"));
}

#[test]
fn a_changed_datagram_is_named_with_both_sides() {
    let (file, _) = recorded();
    let mut bytes = std::fs::read(&file.path).expect("it is there");
    let half = bytes.len() / 2;
    // Somewhere in the middle, until it is a byte that matters.
    let outcome = (half..half + 200)
        .step_by(7)
        .map(|at| {
            bytes[at] ^= 1;
            tickwire_core::record::repair(&mut bytes);
            std::fs::write(&file.path, &bytes).expect("it is ours");
            let outcome = run(&["replay", file.as_str()]);
            bytes[at] ^= 1;
            outcome
        })
        .find(|outcome| outcome.code == Some(1));
    let outcome = outcome.expect("one of them changes what comes out");
    assert!(outcome.stdout.contains("diverged: record "), "{outcome:?}");
    assert!(outcome.stdout.contains("recorded: "), "{outcome:?}");
    assert!(outcome.stdout.contains("replayed: "), "{outcome:?}");
}

#[test]
fn the_dump_of_a_ring_after_hours_is_replayed() {
    let mut pair = tickwire_sim::Pair::new(3).connect();
    let server = pair.server;
    pair.world
        .act(server, |endpoint, _| endpoint.keep_ring(Some(64 * 1024)));
    for _ in 0..3 * 3_600 {
        let _ = pair.send_to_server(1, &[1; 24]);
        let _ = pair.send_to_client(3, &[2; 120]);
        pair.run_for(tickwire_sim::ms(1_000));
        pair.server_events();
        pair.client_events();
    }
    let reason = tickwire_core::record::EndReason::Finished;
    let dump = pair.world.view(server).dump_ring(reason);
    let file = TestFile::new();
    std::fs::write(&file.path, dump.expect("a ring")).expect("the directory is writable");
    let outcome = run(&["replay", file.as_str(), "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    assert!(summary["datagrams_out"].as_u64() > Some(100), "{summary}");
    assert_eq!(summary["identical"], true);
}

#[test]
fn a_redacted_recording_shows_the_network_and_is_not_replayed() {
    let (file, full) = (TestFile::new(), TestFile::new());
    let arguments = "serve --bind 127.0.0.1:0 --discovery-port 0 --bots 2 --duration 2 --json";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.extend([
        "--record-redacted",
        file.as_str(),
        "--record",
        full.as_str(),
    ]);
    let outcome = run(&arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("without content, addresses and keys"),
        "{outcome:?}"
    );
    let line = refusal(2, &["replay", file.as_str()]);
    assert!(
        line.contains("cannot be replayed: it is redacted"),
        "{line}"
    );
    assert!(line.contains("--summary"), "{line}");
    let outcome = run(&["replay", file.as_str(), "--summary", "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let of_redacted = outcome.json();
    let peers = of_redacted["peers"].as_array().expect("a list");
    assert_eq!(peers.len(), 2, "{of_redacted}");
    for peer in peers {
        assert_eq!(peer["to_peer"]["lost"], 0, "{of_redacted}");
        assert!(
            peer["from_peer"]["datagrams"].as_u64() > Some(50),
            "{of_redacted}"
        );
        assert!(
            peer["round_trip"]["measured"].as_u64() > Some(1),
            "{of_redacted}"
        );
    }
    let of_full = run(&["replay", full.as_str(), "--summary", "--json"]).json();
    assert_eq!(of_full["peers"], of_redacted["peers"]);
    let text = run(&["replay", file.as_str(), "--summary"]).stdout;
    assert!(text.contains("peer 2\n  to it "), "{text}");
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_a_redacted_recording() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = TestFile::new();
    let arguments = "serve --bind 127.0.0.1:0 --discovery-port 0 --duration 0.1";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.extend(["--record-redacted", file.as_str()]);
    assert_eq!(run(&arguments).code, Some(0));
    let mode = std::fs::metadata(&file.path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
