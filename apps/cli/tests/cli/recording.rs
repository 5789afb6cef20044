//! Recording that is begun and ended by signals, the built binary on loopback.

use std::path::{Path, PathBuf};

use crate::support::{Background, TestFile, refusal, run};

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

/// A new directory, removed when dropped.
struct TestDir(TestFile);

impl TestDir {
    fn new() -> Self {
        let file = TestFile::new();
        std::fs::create_dir(&file.path).expect("the directory is writable");
        Self(file)
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0.path).expect("it is there");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        paths.collect()
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0.path);
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

/// A server with a ring, to which somebody comes; then it is dumped. The file, and what the command said.
fn dumped(dir: &TestDir, arguments: &[&str]) -> (PathBuf, String) {
    let ring = ["--ring-dir", dir.0.as_str()];
    let server = Background::start(&[&SERVE[..], &ring, arguments].concat());
    let mut said = server.remark("keeping the latest ");
    let play = ["join", server.address("game"), "--duration", "0.3"];
    assert_eq!(run(&play).code, Some(0));
    server.signal("USR2");
    said += &server.remark("dumped the ring to ");
    let files = dir.files();
    let [file] = &files[..] else {
        panic!("one dump, and nothing half-written: {files:?}");
    };
    assert_eq!(mode(file), 0o600);
    assert!(said.contains(file.to_str().expect("text")), "{said}");
    assert_eq!(server.terminate().code, Some(0));
    (file.clone(), said)
}

#[test]
fn a_signal_dumps_a_ring_that_has_no_secrets_unless_asked_for() {
    let dir = TestDir::new();
    let (file, said) = dumped(&dir, &[]);
    assert!(
        said.contains("without content, addresses and keys"),
        "{said}"
    );
    assert!(!said.contains("secrets"), "{said}");
    assert!(file.ends_with("ring-1-asked.twred"), "{file:?}");
    let file = file.to_str().expect("text");
    let line = refusal(2, &["replay", file]);
    assert!(line.contains("it is redacted"), "{line}");
    let network = run(&["replay", file, "--summary", "--json"]).json();
    assert_eq!(
        network["peers"].as_array().map(Vec::len),
        Some(3),
        "{network}"
    );
}

#[test]
fn a_full_ring_says_what_is_inside_and_its_dump_replays() {
    let dir = TestDir::new();
    let (file, said) = dumped(&dir, &["--ring-full", "--ring-size", "1000000"]);
    assert_eq!(
        said.matches("the secrets of all sessions").count(),
        2,
        "{said}"
    );
    assert!(said.contains("the latest 1000000 bytes"), "{said}");
    assert!(file.ends_with("ring-1-asked.twrec"), "{file:?}");
    let summary = replayed(file.to_str().expect("text"));
    assert!(summary["datagrams_in"].as_u64() > Some(10), "{summary}");
}

#[test]
fn a_client_that_vanishes_is_worth_a_dump() {
    let dir = TestDir::new();
    let ring = ["--ring-dir", dir.0.as_str()];
    let server = Background::start(&[&SERVE[..5], &ring].concat());
    let client = Background::start_mute(&["join", server.address("game")], "plays on");
    client.signal("KILL");
    let said = server.remark("the ring was dumped");
    assert!(said.contains("ring-1-given-up.twred"), "{said}");
    let file = dir.0.path.join("ring-1-given-up.twred");
    let arguments = ["replay", file.to_str().expect("text"), "--summary"];
    assert_eq!(run(&arguments).code, Some(0));
}

#[test]
fn several_clients_answer_signals_and_play_on() {
    let server = Background::start(&SERVE[..5]);
    let trust = "--trust-on-first-use";
    let join = ["join", server.address("game"), "--bots", "2", trust];
    let bots = Background::start_mute(&[&join[..], &["--duration", "2"]].concat(), "plays on");
    for signal in ["USR1", "USR2"] {
        bots.signal(signal);
    }
    let outcome = bots.finish();
    assert_eq!(outcome.code, Some(0), "a signal ended it: {outcome:?}");
}

#[test]
fn signals_that_cannot_be_obeyed_are_answered() {
    let server = Background::start(&SERVE[..5]);
    server.signal("USR2");
    server.remark("start with --ring-dir DIR");
    let missing = [&SERVE[..5], &["--ring-dir", "/nowhere/rings"]].concat();
    assert!(refusal(2, &missing).contains("make it first"));
    let useless = [&SERVE[..5], &["--ring-full"]].concat();
    assert!(refusal(2, &useless).contains("--ring-dir"));
    let small = [&SERVE[..5], &["--ring-dir", "/tmp", "--ring-size", "9"]].concat();
    assert!(refusal(2, &small).contains("from 65536 to "));
    assert_eq!(server.terminate().code, Some(0));
}
