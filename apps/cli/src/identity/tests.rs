use std::fs;

use super::*;
use crate::failure::exit_code;
use crate::files::TestDir;

const FAR: &str = "192.0.2.7:8080";

fn key(byte: u8) -> PublicKey {
    PublicKey::from_bytes([byte; 32])
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn options(dir: &TestDir) -> IdentityArgs {
    IdentityArgs {
        known_servers: Some(dir.path("sub/known_servers")),
        ..IdentityArgs::default()
    }
}

fn first_use(dir: &TestDir) -> IdentityArgs {
    IdentityArgs {
        trust_on_first_use: true,
        ..options(dir)
    }
}

fn given(options: &IdentityArgs, to: &str) -> anyhow::Result<Trust> {
    options.trust(address(to), Origin::Given)
}

#[test]
fn an_unknown_server_is_refused_with_both_ways_out() {
    let dir = TestDir::new();
    let error = given(&options(&dir), FAR).expect_err("nothing says to trust it");
    let text = error.to_string();
    assert_eq!(exit_code(&error), 2);
    assert!(text.contains("--server-key"), "{text}");
    assert!(text.contains("--trust-on-first-use"), "{text}");
}

#[test]
fn loopback_and_discovered_servers_are_trusted_and_not_remembered() {
    let dir = TestDir::new();
    let options = options(&dir);
    for trust in [
        given(&options, "127.0.0.1:8080"),
        given(&options, "[::1]:8080"),
        given(&options, "[::ffff:127.0.0.1]:8080"),
        options.trust(address(FAR), Origin::Discovered),
    ] {
        let trust = trust.expect("it is trusted");
        assert_eq!(trust.identity(), ServerIdentity::TrustOnFirstUse);
        trust.accept(key(1)).expect("any key will do");
    }
    assert!(!dir.path("sub").exists());
}

#[test]
fn a_server_trusted_on_first_use_is_known_from_then_on() {
    let dir = TestDir::new();
    let trust = given(&first_use(&dir), FAR).expect("the flag says so");
    assert_eq!(trust.identity(), ServerIdentity::TrustOnFirstUse);
    trust.accept(key(1)).expect("it is the first time");

    let again = given(&options(&dir), FAR).expect("it is remembered, no flag needed");
    assert_eq!(again.identity(), ServerIdentity::Known(key(1)));
    again.accept(key(1)).expect("it is the same key");
    assert!(
        given(&options(&dir), "192.0.2.8:8080").is_err(),
        "another server is not"
    );
}

#[test]
fn a_changed_key_is_refused_with_the_line_to_remove() {
    let dir = TestDir::new();
    let trust = given(&first_use(&dir), "192.0.2.1:1").expect("the flag says so");
    trust.accept(key(9)).expect("it is the first time");
    // Two clients started at once: both meet the server for the first time.
    let one = given(&first_use(&dir), FAR).expect("the flag says so");
    let other = given(&first_use(&dir), FAR).expect("the flag says so");
    one.accept(key(1)).expect("it is the first time");
    other.accept(key(1)).expect("it is the same key");

    let again = given(&first_use(&dir), FAR).expect("it is remembered");
    let refusals = [
        again.wrong_key(),
        again.accept(key(2)).expect_err("the key changed"),
        other.accept(key(2)).expect_err("the key changed"),
    ];
    for error in refusals {
        let text = error.to_string();
        let expected = format!(
            "remove line 2 of {}",
            dir.path("sub/known_servers").display()
        );
        assert_eq!(exit_code(&error), 1);
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn a_given_key_outweighs_the_file() {
    let dir = TestDir::new();
    let trust = given(&first_use(&dir), FAR).expect("the flag says so");
    trust.accept(key(1)).expect("it is the first time");
    let told = IdentityArgs {
        server_key: Some(key(2)),
        ..options(&dir)
    };
    let trust = given(&told, FAR).expect("the key is given");
    assert_eq!(trust.identity(), ServerIdentity::Known(key(2)));
    assert!(trust.wrong_key().to_string().contains("--server-key"));
}

#[test]
fn remarks_and_a_missing_last_line_break_are_kept() {
    let dir = TestDir::new();
    let path = dir.path("known_servers");
    let line = format!("{FAR} {}", hex::encode(&[7; 32]));
    fs::write(&path, format!("# ours\n\n{line}")).expect("the directory is writable");
    let options = IdentityArgs {
        trust_on_first_use: true,
        known_servers: Some(path.clone()),
        server_key: None,
    };
    let trust = given(&options, "192.0.2.9:1").expect("the flag says so");
    trust.accept(key(1)).expect("it is the first time");
    let text = fs::read_to_string(&path).expect("it is there");
    let added = format!("192.0.2.9:1 {}", hex::encode(&[1; 32]));
    assert_eq!(text, format!("# ours\n\n{line}\n{added}\n"));
}

#[test]
fn malformed_lines_are_named_by_number() {
    let dir = TestDir::new();
    let path = dir.path("known_servers");
    let options = IdentityArgs {
        known_servers: Some(path.clone()),
        ..IdentityArgs::default()
    };
    let good = format!("{FAR} {}\n", hex::encode(&[7; 32]));
    let long = format!("# remark\n{} more\n", good.trim_end());
    let cases = [
        ("nonsense\n", "line 1"),
        (long.as_str(), "line 2"),
        (&format!("{good}{good}"), "line 2"),
        (&format!("{good}192.0.2.7:8080 12\n"), "line 2"),
        (&"#".repeat(2 << 20), "longer than"),
    ];
    for (text, expected) in cases {
        fs::write(&path, text).expect("the directory is writable");
        let error = given(&options, FAR).expect_err("the file is bad");
        assert_eq!(exit_code(&error), 2);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
