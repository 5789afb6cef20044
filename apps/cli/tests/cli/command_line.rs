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
fn a_malformed_filter_of_the_log_is_bad_input() {
    let output = crate::support::tickwire(&["echo", "--duration", "0.1"])
        .env("RUST_LOG", "a=b=c")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("RUST_LOG"));
}
