//! What a user meets first: help, versions, and mistakes answered by one line and exit code 2.

use crate::support::{refusal, run};

#[test]
fn the_version_names_the_protocol() {
    let outcome = run(&["--version"]);
    assert_eq!(outcome.code, Some(0));
    let expected = format!("tickwire {} (protocol 1)\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn help_goes_to_stdout_without_colours() {
    for arguments in [&["--help"][..], &["help", "echo"], &["echo", "-h"]] {
        let outcome = run(arguments);
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains("Examples:"), "{arguments:?}");
        assert!(!outcome.stdout.contains('\x1b'), "{arguments:?}");
    }
}

#[test]
fn no_command_shows_the_help_and_fails() {
    let outcome = run(&[]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("Usage: tickwire"));
}

#[test]
fn mistakes_in_options_are_one_line() {
    let cases: [&[&str]; 11] = [
        &["frobnicate"],
        &["echo", "--frobnicate"],
        &["echo", "--bind"],
        &["echo", "--bind", "nonsense"],
        &["echo", "--bind", "127.0.0.1:65536"],
        &["echo", "--duration", "0"],
        &["echo", "--duration", "-3"],
        &["echo", "--duration", "NaN"],
        &["echo", "--duration", "1e400"],
        &["echo", "--json", "--json"],
        &["echo", "superfluous"],
    ];
    for arguments in cases {
        refusal(2, arguments);
    }
}

#[test]
fn numbers_out_of_range_are_answered_by_the_option_and_the_range() {
    let cases = [
        ("serve", "--max-players", "1 to 2000"),
        ("serve", "--tick-rate", "1 to 1000"),
        ("serve", "--bots", "0 to 1000"),
        ("serve", "--discovery-port", "0 to 65535"),
        ("join", "--bots", "1 to 1000"),
        ("ping", "--count", "1 to 1000000"),
        ("discover", "--discovery-port", "1 to 65535"),
    ];
    for (command, option, range) in cases {
        for value in ["x", "", "-1", "99999999999999999999"] {
            let line = refusal(2, &[command, option, value]);
            let expected = format!("expected a whole number from {range}");
            assert!(line.contains(option) && line.contains(&expected), "{line}");
        }
    }
}

#[test]
fn what_the_user_wrote_cannot_steer_the_terminal() {
    let line = refusal(2, &["join", "127.0.0.1", "--name", "a\u{9b}2Jb"]);
    assert!(line.contains("a?2Jb"), "{line}");
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let output = crate::support::tickwire(&["join"])
        .arg(std::ffi::OsStr::from_bytes(b"\xff"))
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).expect("the answer is text");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    for arguments in [
        &["--help"][..],
        &["serve", "--bind", "127.0.0.1:0", "--discovery-port", "0"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let output = crate::support::tickwire(arguments)
            .stdout(full.expect("Linux has it"))
            .output()
            .expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with("error: cannot write to stdout"), "{text}");
    }
}

#[test]
fn a_malformed_filter_of_the_log_is_bad_input() {
    let output = crate::support::tickwire(&["echo", "--duration", "0.1"])
        .env("RUST_LOG", "a=b=c")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("RUST_LOG"));
}
