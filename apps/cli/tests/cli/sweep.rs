//! `tickwire sim sweep` and progress, the built binary.

use crate::support::{Outcome, TestFile, refusal, run};

const SMALL: &str = "title = \"Small\"\nduration = \"1s\"\ndrain = \"500ms\"\n[link]\nrate = \"5Mbit/s\"\n[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nrate_hz = 20\n";

fn scenario(text: &str) -> TestFile {
    let mut file = TestFile::new();
    file.path.set_extension("toml");
    std::fs::write(&file.path, text).expect("the temporary directory is writable");
    file
}

/// The arguments of a sweep of this scenario.
fn sweep<'a>(file: &'a TestFile, more: &[&'a str]) -> Vec<&'a str> {
    [&["sim", "sweep", "--scenario", file.as_str()], more].concat()
}

fn swept(file: &TestFile, more: &[&str]) -> Outcome {
    let outcome = run(&sweep(file, more));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome
}

#[test]
fn a_sweep_is_a_table_with_a_row_for_each_loss() {
    let file = scenario(SMALL);
    let outcome = swept(&file, &["--loss", "0,2.5", "--rtt", "20,60"]);
    for expected in [
        "LOSS \\ RTT  20 ms",
        "60 ms",
        "0 %",
        "2.5 %",
        "a ↑: latency p50 / p99, ms",
        // Copies of the message before ride along in the first second, while the loss is unknown.
        "10.4 / ",
    ] {
        assert!(outcome.stdout.contains(expected), "{expected}: {outcome:?}");
    }
    assert!(
        outcome.stderr.is_empty(),
        "no bar beside a pipe: {outcome:?}"
    );
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let file = scenario(SMALL);
    let by = |threads| {
        let points = ["--loss", "0,5", "--rtt", "20,50", "--json"];
        swept(
            &file,
            &[&points[..], &["--seeds", "2", "--threads", threads]].concat(),
        )
    };
    let (one, many) = (by("1"), by("5"));
    assert_eq!(one.stdout, many.stdout);
    let json = one.json();
    assert_eq!(json["losses_permille"], serde_json::json!([0, 50]));
    assert_eq!(json["seeds"], 2);
    let latency = &json["traffic"][0]["p50_us"];
    let half = |rtt: usize| latency[0][rtt].as_u64().expect("a number");
    assert!(
        (10_000..11_000).contains(&half(0)) && (25_000..26_000).contains(&half(1)),
        "{latency}"
    );
}

#[test]
fn a_sweep_is_drawn() {
    let (file, svg) = (scenario(SMALL), TestFile::new());
    let points = ["--loss", "0,5", "--rtt", "20", "--seeds", "1"];
    swept(&file, &[&points[..], &["--svg", svg.as_str()]].concat());
    let text = std::fs::read_to_string(&svg.path).expect("it was written");
    assert!(
        text.starts_with("<svg") && text.contains("a ↓: latency"),
        "{text}"
    );
}

#[test]
fn a_bad_sweep_is_one_line_and_writes_nothing() {
    let (file, svg) = (scenario(SMALL), TestFile::new());
    let bad = |more: &[&str]| {
        let svg = ["--svg", svg.as_str()];
        refusal(2, &sweep(&file, &[&svg, more].concat()))
    };
    assert!(bad(&["--loss", "0.25"]).contains("steps of 0.1"));
    assert!(bad(&["--rtt", "1h"]).contains("whole milliseconds"));
    assert!(bad(&["--seeds", "0"]).contains("at least one"));
    assert!(bad(&["--seeds", "1000000"]).contains("at most 400 points"));
    assert!(bad(&["--set", "traffic.0.rate_hz=0"]).contains("`rate_hz`"));
    assert!(!svg.path.exists(), "nothing is written");
    let unwritable = ["--loss", "0", "--rtt", "1", "--svg", "/no/such/directory/s"];
    assert!(refusal(2, &sweep(&file, &unwritable)).contains("give --svg a path"));
}

#[test]
fn a_run_into_a_pipe_shows_no_bar() {
    let file = scenario(SMALL);
    for more in [&[][..], &["--json"], &["--no-progress"]] {
        let outcome = run(&[&["sim", "run", file.as_str()][..], more].concat());
        assert!(outcome.stderr.is_empty(), "{outcome:?}");
    }
}
