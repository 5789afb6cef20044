//! The files that `tickwire sim run` writes, by the built binary.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{TestFile, refusal, run};

/// A directory for one test, removed with its content.
struct TestDir(TestFile);

impl TestDir {
    fn new() -> Self {
        let place = TestFile::new();
        fs::create_dir(&place.path).expect("the temporary directory is writable");
        Self(place)
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.0.as_str())
    }

    /// The names of all that is in it, hidden ones too.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0.path).expect("it is there");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("it is readable").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0.path);
    }
}

fn read(path: &str) -> Vec<u8> {
    fs::read(path).expect("it was written")
}

/// The records of a qlog file, after its header.
fn events(path: &str) -> Vec<Value> {
    let text = String::from_utf8(read(path)).expect("qlog is text");
    let records = text.split('\u{1e}').skip(2);
    records
        .map(|record| serde_json::from_str(record).expect("each record is JSON"))
        .collect()
}

const LOSSY: [&str; 8] = [
    "sim",
    "run",
    "perfect",
    "--set",
    "link.loss=5%",
    "--seed",
    "7",
    "--json",
];

#[test]
fn one_run_writes_all_its_pictures_and_they_tell_of_the_same_run() {
    let dir = TestDir::new();
    let names = [
        "keys.txt",
        "run.html",
        "wire.pcapng",
        "wire.sqlog",
        "wire.txt",
    ];
    let paths = names.map(|name| dir.path(name));
    let files = [
        "--keylog", &paths[0], "--report", &paths[1], "--pcap", &paths[2], "--qlog", &paths[3],
        "--trace", &paths[4],
    ];
    let plain = run(&LOSSY);
    let outcome = run(&[&LOSSY[..], &files].concat());
    assert_eq!(
        outcome.stdout, plain.stdout,
        "pictures change nothing in the run"
    );
    assert_eq!(outcome.stderr, "");
    assert_eq!(dir.names(), names, "no temporary file stays");

    let found = outcome.json();
    let sent = ["wire_up", "wire_down"].map(|way| found[way]["datagrams"].as_u64());
    let sent: u64 = sent.into_iter().flatten().sum();
    let count = |name: &str| {
        let events = events(&paths[3]).into_iter();
        events.filter(|event| event["name"] == name).count() as u64
    };
    assert_eq!(count("tickwire:datagram_sent"), sent);
    assert_eq!(
        Some(count("tickwire:datagram_dropped")),
        found["faults"]["lost"].as_u64()
    );
    let trace = String::from_utf8(read(&paths[4])).expect("it is text");
    let rows = trace
        .lines()
        .filter(|row| row.contains('→') || row.contains('←'));
    assert_eq!(rows.count() as u64, sent);
    let keys = String::from_utf8(read(&paths[0])).expect("it is text");
    assert!(keys.starts_with("TICKWIRE_KEYS 1 suite="), "{keys}");
    let capture = read(&paths[2]);
    assert_eq!(capture[..4], [0x0A, 0x0D, 0x0D, 0x0A]);
    let first_key = keys.lines().next().expect("somebody connected");
    let contains = |needle: &[u8]| capture.windows(needle.len()).any(|window| window == needle);
    assert!(contains(first_key.as_bytes()), "the keys are inside");
}

#[test]
fn the_same_seed_gives_the_same_files() {
    let dir = TestDir::new();
    let paths = ["a.sqlog", "b.sqlog"].map(|name| dir.path(name));
    for path in &paths {
        assert_eq!(run(&[&LOSSY[..], &["--qlog", path]].concat()).stderr, "");
    }
    assert_eq!(read(&paths[0]), read(&paths[1]));
}

#[cfg(unix)]
#[test]
fn files_with_keys_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TestDir::new();
    let (keys, pcap) = (dir.path("keys.txt"), dir.path("wire.pcapng"));
    // What was there before must not lend them its mode.
    fs::write(&pcap, "old").expect("the directory is writable");
    run(&["sim", "run", "perfect", "--keylog", &keys, "--pcap", &pcap]);
    for path in [&keys, &pcap] {
        let metadata = fs::metadata(path).expect("it was written");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{path}");
    }
}

/// Long enough to notice that it was played for a path that cannot be written.
const ENDLESS: [&str; 5] = ["sim", "run", "perfect", "--set", "duration=600s"];

#[test]
fn a_path_that_cannot_be_written_is_told_before_the_run_and_nothing_is_written() {
    let dir = TestDir::new();
    let good = dir.path("good.txt");
    fs::create_dir(dir.path("directory")).expect("the directory is writable");
    // Not the device itself: a test that fails must not replace it.
    let device = dir.path("device");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/null", &device).expect("the directory is writable");
    #[cfg(not(unix))]
    fs::create_dir(&device).expect("the directory is writable");
    for bad in [dir.path("missing/file"), dir.path("directory"), device] {
        for option in ["--pcap", "--keylog", "--qlog", "--trace", "--report"] {
            let given = ["--keylog", &good, option, &bad];
            // Clap's own words, if an option is given twice.
            let given = if option == "--keylog" {
                &given[2..]
            } else {
                &given[..]
            };
            let error = refusal(2, &[&ENDLESS[..], given].concat());
            assert!(error.contains(&format!("cannot write {bad}: ")), "{error}");
            assert!(error.contains(option), "{error}");
        }
    }
    assert_eq!(dir.names(), ["device", "directory"]);
}

#[test]
fn two_files_of_one_name_are_refused() {
    let dir = TestDir::new();
    let path = dir.path("file");
    let again = PathBuf::from(dir.path("./file"));
    let again = again.to_str().expect("temporary paths are text");
    let error = refusal(
        2,
        &[&ENDLESS[..], &["--pcap", &path, "--qlog", again]].concat(),
    );
    assert!(error.contains("--pcap and --qlog both name"), "{error}");
    assert!(dir.names().is_empty());
}
