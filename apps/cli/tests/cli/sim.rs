//! `tickwire sim`, the built binary.

use crate::support::{TestFile, refusal, run};

/// A scenario file with this text; its name ends as people end it.
fn scenario(text: &str) -> TestFile {
    let mut file = TestFile::new();
    file.path.set_extension("toml");
    std::fs::write(&file.path, text).expect("the temporary directory is writable");
    file
}

const SMALL: &str = "title = \"Small\"\nduration = \"1s\"\n[link]\ndelay = \"20ms\"\n[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nrate_hz = 10\n";

#[test]
fn scenarios_are_listed_and_run_by_name() {
    let outcome = run(&["sim", "list"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("lossy-wifi"), "{outcome:?}");
    let listed = run(&["sim", "list", "--json"]).json();
    let named = listed.as_array().expect("a list").iter();
    assert!(named.into_iter().any(|entry| entry["name"] == "perfect"));
    let outcome = run(&["sim", "run", "perfect"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("all is as the scenario expects"),
        "{outcome:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_json() {
    let file = scenario(SMALL);
    let arguments = ["sim", "run", file.as_str(), "--seed", "7", "--json"];
    let outcome = run(&arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, run(&arguments).stdout);
    assert_eq!(outcome.json()["seed"], 7);
    assert_eq!(outcome.json()["traffic"][0]["lost"], 0);
}

#[test]
fn what_is_not_as_expected_is_told_and_the_exit_code_is_1() {
    let file = scenario(&format!("{SMALL}[traffic.expect]\nlatency_max = \"1ms\"\n"));
    let outcome = run(&["sim", "run", file.as_str()]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome
            .stdout
            .contains("not as expected: a up: the latest is"),
        "{outcome:?}"
    );
    let changed = run(&[
        "sim",
        "run",
        file.as_str(),
        "--set",
        "traffic.0.expect.latency_max=1s",
    ]);
    assert_eq!(changed.code, Some(0), "{changed:?}");
}

#[test]
fn a_trace_shows_every_datagram() {
    let (file, trace) = (scenario(SMALL), TestFile::new());
    let outcome = run(&["sim", "run", file.as_str(), "--trace", trace.as_str()]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let text = std::fs::read_to_string(&trace.path).expect("it was written");
    assert!(text.contains("Hello(") && text.contains("S←C1"), "{text}");
}

#[test]
fn a_bad_scenario_is_one_line_with_the_place_and_writes_nothing() {
    let trace = TestFile::new();
    let cases = [
        (
            "title = \"x\"\nduration = \"1s\"\n[link]\nloss = \"101%\"\n",
            ":4:8: `loss`: expected a share",
        ),
        (
            "title = \"x\"\nduration = \"1s\"\n[link]\nrate_trace = \"none.trace\"\n",
            ":4:14: `rate_trace`: the trace none.trace: there is no file",
        ),
        ("title = \"x\"\n\u{1b}[2J", "this is not TOML"),
        ("", ":1:1: a `title` is missing"),
    ];
    for (text, expected) in cases {
        let file = scenario(text);
        let path = file.as_str().to_owned();
        for arguments in [
            &["sim", "run", &path, "--trace", trace.as_str()][..],
            &["sim", "check", &path],
        ] {
            let error = refusal(2, arguments);
            assert!(error.contains(expected) && error.contains(&path), "{error}");
        }
        assert!(!trace.path.exists(), "nothing is written");
    }
}

#[test]
fn a_bad_trace_is_one_line_with_both_places() {
    let bad = scenario("0,1,0\n20,x,0\n");
    let name = bad
        .path
        .file_name()
        .expect("it has a name")
        .to_string_lossy();
    let file = scenario(&format!(
        "title = \"x\"\nduration = \"1s\"\n[link]\ndelay_trace = \"{name}\"\n"
    ));
    let error = refusal(2, &["sim", "run", file.as_str()]);
    assert!(error.contains(":4:15: `delay_trace`: the trace"), "{error}");
    assert!(error.contains("line 2: delay_ms: expected"), "{error}");
}

#[test]
fn what_cannot_be_read_or_written_is_told_in_one_line() {
    let error = refusal(2, &["sim", "run", "no-such-scenario"]);
    assert!(error.contains("tickwire sim list"), "{error}");
    refusal(2, &["sim", "run", "./no-such-file.toml"]);
    let error = refusal(2, &["sim", "run", "perfect", "--set", "link.delay"]);
    assert!(error.contains("expected KEY=VALUE"), "{error}");
    let error = refusal(
        2,
        &["sim", "run", "perfect", "--set", "link.delay=1", "--json"],
    );
    assert!(
        error.contains("in the setting link.delay=1: `delay`: expected a time"),
        "{error}"
    );
    let file = scenario(SMALL);
    let error = refusal(
        2,
        &[
            "sim",
            "run",
            file.as_str(),
            "--trace",
            "/no/such/directory/t",
        ],
    );
    assert!(error.contains("give --trace a path"), "{error}");
}
