//! Recording that is begun and ended by signals, the built binary on loopback.

use crate::support::{Background, TestFile, run};

const SERVE: [&str; 7] = [
    "serve",
    "--bind",
    "127.0.0.1:0",
    "--discovery-port",
    "0",
    "--bots",
    "2",
];

/// What replay makes of a file, which must be whole and the same.
fn replayed(file: &str) -> serde_json::Value {
    let outcome = run(&["replay", file, "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    assert_eq!(summary["identical"], true, "{summary}");
    summary
}

#[test]
fn a_signal_ends_a_recording_and_another_begins_the_next_in_the_midst_of_the_game() {
    use std::os::unix::fs::PermissionsExt as _;
    let first = TestFile::new();
    let second = first.beside("-2");
    let server = Background::start(&[&SERVE[..], &["--record", first.as_str()]].concat());
    server.remark("the file holds the secrets of all sessions");
    server.signal("USR1");
    let line = server.remark("recorded to ");
    assert!(line.contains(first.as_str()), "{line}");
    replayed(first.as_str());

    server.signal("USR1");
    let line = server.remark("the file holds the secrets of all sessions");
    assert!(line.contains(second.as_str()), "{line}");
    let play = ["join", server.address("game"), "--duration", "0.3"];
    assert_eq!(run(&play).code, Some(0));
    let outcome = server.terminate();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    // The end of the server is the end of the recording.
    let summary = replayed(second.as_str());
    assert!(summary["datagrams_in"].as_u64() > Some(10), "{summary}");
    let metadata = std::fs::metadata(&second.path).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
