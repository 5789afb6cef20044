//! `tickwire token`, and servers that want tokens: the built binary on loopback.

use std::fs;

use crate::support::{Background, TestFile, refusal, run};

/// The key of an authority.
fn authority() -> TestFile {
    let file = TestFile::new();
    let outcome = run(&["token", "keygen", file.as_str()]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("made token key"), "{outcome:?}");
    file
}

/// A server on free ports that wants tokens of this authority, with these options besides.
fn serve(authority: &TestFile, options: &[&str]) -> Background {
    let fixed = [
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--discovery-port",
        "0",
        "--json",
        "--require-token",
        "--token-key",
        authority.as_str(),
    ];
    Background::start(&[&fixed, options].concat())
}

/// A token for this server, with these options besides.
fn issue(authority: &TestFile, server: &str, options: &[&str]) -> TestFile {
    let file = TestFile::new();
    let fixed = [
        "token",
        "issue",
        "--key",
        authority.as_str(),
        "--client-id",
        "7",
        "--server",
        server,
        "--out",
        file.as_str(),
    ];
    let outcome = run(&[&fixed, options].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("client 7"), "{outcome:?}");
    file
}

const JOIN: [&str; 5] = ["join", "--duration", "0.5", "--json", "--token"];

fn join(token: &TestFile) -> Vec<&str> {
    [&JOIN[..], &[token.as_str()]].concat()
}

const KEY: &str = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";

#[test]
fn a_client_with_a_token_plays_once() {
    let authority = authority();
    let server = serve(&authority, &["--bots", "2"]);
    let address = server.address("game");
    let key = server.address("public_key");
    let token = issue(
        &authority,
        address,
        &["--server-key", key, "--user-data", "team=red"],
    );
    let outcome = run(&join(&token));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.json()["snapshots_received"].as_u64() > Some(3),
        "{outcome:?}"
    );
    // The bots of the server's own are inside as well.
    assert_eq!(outcome.json()["players"], 3, "{outcome:?}");

    let outcome = run(&join(&token));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("the connect token was used before; each token is good once"),
        "{outcome:?}"
    );
    let outcome = run(&["join", address, "--duration", "0.5"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stderr.contains("only clients with a connect token"),
        "{outcome:?}"
    );
}

#[test]
fn a_server_is_named_by_its_address_where_its_key_is_not_known() {
    let authority = authority();
    let probe = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = probe.local_addr().expect("it is bound").to_string();
    drop(probe);
    let fixed = [
        "serve",
        "--discovery-port",
        "0",
        "--json",
        "--require-token",
        "--bind",
    ];
    let named = [
        "--token-key",
        authority.as_str(),
        "--token-address",
        &address,
    ];
    let server = Background::start(&[&fixed[..], &[&address], &named].concat());
    assert_eq!(server.address("game"), address);
    let outcome = run(&join(&issue(&authority, &address, &[])));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn tokens_of_both_keys_are_taken_while_one_is_replaced_and_of_no_third() {
    let (old, new, third) = (authority(), authority(), authority());
    let server = serve(&old, &["--token-key", new.as_str()]);
    let (address, key) = (server.address("game"), server.address("public_key"));
    for (authority, code) in [(&old, 0), (&new, 0), (&third, 1)] {
        let outcome = run(&join(&issue(authority, address, &["--server-key", key])));
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert_eq!(
            outcome.stderr.contains("cannot open the connect token"),
            code == 1
        );
    }
}

#[test]
fn what_a_token_says_is_shown_and_its_secrets_are_not() {
    let (authority, other) = (authority(), authority());
    let options = [
        "--server-key",
        KEY,
        "--user-data",
        "team=red",
        "--expires",
        "5m",
    ];
    let token = issue(&authority, "192.0.2.1:8080,[2001:db8::1]:9", &options);
    let plain = run(&["token", "inspect", token.as_str()]);
    assert_eq!(plain.code, Some(0), "{plain:?}");
    for part in [
        "client 7",
        "Unix time), in ",
        "server 192.0.2.1:8080, 8520f0",
        "server [2001:db8::1]:9, 8520f0",
        "sealed part of",
    ] {
        assert!(plain.stdout.contains(part), "{part}: {plain:?}");
    }
    assert!(!plain.stdout.contains("red"), "{plain:?}");
    // Bytes 21 to 52 of a token are its pre-shared key.
    let secret = &fs::read_to_string(&token.path).expect("it was written")[42..106];
    let opened = run(&[
        "token",
        "inspect",
        token.as_str(),
        "--key",
        authority.as_str(),
        "--json",
    ]);
    assert_eq!(opened.code, Some(0), "{opened:?}");
    assert!(!plain.stdout.contains(secret) && !opened.stdout.contains(secret));
    assert_eq!(opened.json()["sealed"]["user_data"], "team=red");
    assert_eq!(opened.json()["sealed"]["is_alike"], true);
    let left = opened.json()["expires_in_seconds"].as_i64();
    assert!(
        (290..=301).contains(&left.unwrap_or_default()),
        "{opened:?}"
    );
    let foreign = refusal(
        1,
        &["token", "inspect", token.as_str(), "--key", other.as_str()],
    );
    assert!(foreign.contains("does not open with the key"), "{foreign}");
}

#[test]
fn without_a_file_the_token_is_the_only_thing_on_stdout() {
    let authority = authority();
    let arguments = [
        "token",
        "issue",
        "--key",
        authority.as_str(),
        "--client-id",
        "7",
        "--server",
        "192.0.2.1:80",
    ];
    let outcome = run(&arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let digits = outcome.stdout.trim_end();
    assert!(digits.starts_with("54574354") && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[cfg(unix)]
#[test]
fn key_and_token_files_are_for_their_owner_and_refused_otherwise() {
    use std::os::unix::fs::PermissionsExt as _;
    let authority = authority();
    let token = issue(&authority, "192.0.2.1:8080", &["--server-key", KEY]);
    for file in [&authority, &token] {
        let mode = fs::metadata(&file.path)
            .expect("it was written")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    }
    let path = token.as_str();
    for arguments in [&["token", "inspect", path][..], &["join", "--token", path]] {
        let text = refusal(2, arguments);
        assert!(
            text.contains("token file") && text.contains("mode 0644"),
            "{text}"
        );
        assert!(text.contains(&format!("chmod 600 {path}")), "{text}");
    }
    let key = authority.as_str();
    let issue = [
        "token",
        "issue",
        "--client-id",
        "7",
        "--server",
        "192.0.2.1:80",
        "--key",
        key,
    ];
    let serve = [
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--require-token",
        "--token-key",
        key,
    ];
    for arguments in [&issue[..], &serve] {
        let text = refusal(2, arguments);
        assert!(
            text.contains("token key file") && text.contains("mode 0644"),
            "{text}"
        );
    }
}

#[test]
fn bad_input_is_answered_by_one_line_that_says_what_to_do() {
    let authority = authority();
    let good = issue(&authority, "192.0.2.1:8080", &["--server-key", KEY]);
    let (key, token) = (authority.as_str(), good.as_str());
    let expect = |part: &str, arguments: &[&str]| {
        let text = refusal(2, arguments);
        assert!(text.contains(part), "{arguments:?}: {text}");
    };
    expect("exists already", &["token", "keygen", key]);
    expect(
        "cannot read token key file",
        &["token", "inspect", token, "--key", "/no/such/file"],
    );
    expect(
        "cannot read token file",
        &["token", "inspect", "/no/such/file"],
    );
    expect(
        "64 hexadecimal digits",
        &["token", "inspect", token, "--key", token],
    );
    expect("is no connect token", &["token", "inspect", key]);
    expect(
        "not good for 192.0.2.9:8080, but for 192.0.2.1:8080",
        &["join", "192.0.2.9:8080", "--token", token],
    );
    expect("good once", &["join", "--token", token, "--bots", "2"]);
    expect(
        "cannot be used with",
        &["join", "--token", token, "--server-key", KEY],
    );
    expect("--token-key", &["serve", "--require-token"]);
    expect(
        "twice",
        &[
            "serve",
            "--token-key",
            key,
            "--token-key",
            key,
            "--token-key",
            key,
        ],
    );
    let issue = |more: &[&'static str]| {
        let fixed = [
            "token",
            "issue",
            "--key",
            key,
            "--client-id",
            "7",
            "--server",
            "192.0.2.1:80",
        ];
        [&fixed[..], more].concat()
    };
    expect(
        "exists already",
        &[&issue(&[])[..], &["--out", token]].concat(),
    );
    expect("1s to 24h", &issue(&["--expires", "2d"]));
    expect("64 hexadecimal digits", &issue(&["--server-key", "12"]));
    expect(
        "give one key for all",
        &issue(&[
            "--server",
            "192.0.2.2:80,192.0.2.3:80",
            "--server-key",
            [KEY, ",", KEY].concat().leak(),
        ]),
    );
    expect(
        "at most 256 bytes",
        &issue(&["--user-data", "x".repeat(257).leak()]),
    );
    expect(
        "IP address and port",
        &issue(&["--server", "example.org:80"]),
    );
    let damaged = TestFile::new();
    let text = fs::read_to_string(&good.path).expect("it was written");
    for (bad, part) in [
        (text[..40].to_owned(), "damaged"),
        (text.replacen("07", "08", 1), "damaged: checksum"),
        (text.replacen('5', "x", 1), "hexadecimal digits"),
    ] {
        let _ = fs::remove_file(&damaged.path);
        fs::write(&damaged.path, bad).expect("a temporary file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&damaged.path, fs::Permissions::from_mode(0o600))
                .expect("it is ours");
        }
        expect(part, &["join", "--token", damaged.as_str()]);
    }
}

#[test]
fn an_expired_token_is_not_even_tried() {
    let authority = authority();
    let token = issue(
        &authority,
        "192.0.2.1:8080",
        &["--server-key", KEY, "--expires", "1s"],
    );
    let start = std::time::Instant::now();
    let is_expired = || {
        let shown = run(&["token", "inspect", token.as_str()]);
        shown.stdout.contains(" s ago")
    };
    while !is_expired() {
        assert!(start.elapsed().as_secs() < 10, "it never expires");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let text = refusal(2, &["join", "--token", token.as_str()]);
    assert!(text.contains("expired"), "{text}");
}
