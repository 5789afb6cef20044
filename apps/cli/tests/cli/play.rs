//! `tickwire serve` and `tickwire join`, the built binary on loopback.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Background, TestFile, refusal, run};

/// A server on free ports, with these options besides.
fn serve(options: &[&str]) -> Background {
    let fixed = ["serve", "--bind", "127.0.0.1:0", "--discovery-port", "0"];
    Background::start(&[&fixed, options].concat())
}

fn number(value: &Value, name: &str) -> u64 {
    let number = value[name].as_u64();
    number.unwrap_or_else(|| panic!("{name} is no number in {value}"))
}

/// Checks that each bot got the snapshots of `seconds`, give or take a third of one second, and every event once.
fn check_bots(summary: &Value, seconds: u64) {
    for bot in summary["bots"].as_array().expect("it is a list") {
        let snapshots = number(bot, "snapshots_received");
        let expected = seconds * 30 - 10..=seconds * 30 + 10;
        assert!(expected.contains(&snapshots), "{snapshots}: {summary}");
        assert_eq!(
            number(bot, "events_received"),
            number(bot, "events_expected")
        );
        assert_eq!(number(bot, "events_duplicated"), 0);
        assert_eq!(bot["events_final"], true, "{summary}");
        assert_eq!(bot["error"], Value::Null);
    }
}

#[test]
fn its_bots_get_every_snapshot_and_every_event_exactly_once() {
    let arguments = "serve --bind 127.0.0.1:0 --discovery-port 0 --bots 8 --duration 3 --json";
    let outcome = run(&arguments.split(' ').collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    check_bots(&summary, 3);
    assert_eq!(number(&summary, "players"), 8);
    assert_eq!(summary["bots"].as_array().map(Vec::len), Some(8));
    assert!(number(&summary, "events_expected") > 8 * 8);
    assert!(
        outcome.stderr.contains("listens on 127.0.0.1:"),
        "{outcome:?}"
    );
}

#[test]
fn a_client_joins_plays_and_leaves() {
    let server = serve(&["--json"]);
    let address = server.address("game");
    let key = server.address("public_key");
    let arguments = [
        "join",
        address,
        "--server-key",
        key,
        "--duration",
        "2",
        "--bots",
        "2",
        "--json",
    ];
    let outcome = run(&arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    check_bots(&summary, 2);
    assert_eq!(number(&summary, "players"), 2);
    assert_eq!(number(&summary, "tick_rate_hz"), 30);
    assert!(number(&summary, "bytes_received") > 0);

    let outcome = server.terminate();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    assert_eq!(
        (
            number(&summary, "players"),
            number(&summary, "players_ever")
        ),
        (0, 2)
    );
}

#[test]
fn a_client_that_moves_to_other_sockets_plays_on() {
    let server = serve(&["--json"]);
    let address = server.address("game");
    let arguments = [
        "join",
        address,
        "--duration",
        "2",
        "--rebind-every",
        "0.4",
        "--trust-on-first-use",
        "--json",
    ];
    let outcome = run(&arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    check_bots(&summary, 2);
    let bot = &summary["bots"][0];
    assert!(number(bot, "rebinds") >= 3, "{summary}");
    assert_eq!(number(bot, "rebinds_failed"), 0, "{summary}");
}

#[test]
fn a_client_finds_the_server_by_discovery() {
    let server = serve(&["--name", "Arena 7", "--json"]);
    let discovery = server.address("discovery");
    let port = discovery.rsplit(':').next().expect("it has a port");
    let arguments = [
        "join",
        "--discover",
        "--target",
        "127.0.0.1",
        "--discovery-port",
        port,
        "--duration",
        "0.5",
        "--json",
    ];
    let outcome = run(&arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(number(&outcome.json(), "snapshots_received") > 5);
}

#[test]
fn a_server_that_stops_is_gone_at_once_and_its_players_know_why() {
    let server = serve(&["--bots", "2", "--json"]);
    let client = std::thread::spawn({
        let address = server.address("game").to_owned();
        move || run(&["join", &address, "--json"])
    });
    std::thread::sleep(Duration::from_millis(500));
    let begin = Instant::now();
    let outcome = server.terminate();
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    assert_eq!(number(&summary, "players"), 3);
    assert_eq!(number(&summary, "events_undelivered"), 0);
    let outcome = client.join().expect("it does not panic");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.json()["bots"][0]["events_final"], true);
}

#[test]
fn a_key_file_keeps_the_identity_and_another_key_is_refused() {
    let file = TestFile::new();
    let keys = [(); 2].map(|()| {
        serve(&["--key", file.as_str()])
            .address("public_key")
            .to_owned()
    });
    assert_eq!(keys[0], keys[1]);
    let server = serve(&[]);
    let error = refusal(
        1,
        &["join", server.address("game"), "--server-key", &keys[0]],
    );
    assert!(
        error.contains("has another key than --server-key"),
        "{error}"
    );
}

#[test]
fn a_full_server_says_so() {
    let server = serve(&["--max-players", "1", "--bots", "1"]);
    std::thread::sleep(Duration::from_millis(300));
    let error = refusal(1, &["join", server.address("game")]);
    assert!(
        error.contains("the server is full; try again later"),
        "{error}"
    );
}

#[test]
fn a_port_in_use_is_one_line_and_code_2() {
    let server = serve(&[]);
    let error = refusal(2, &["serve", "--bind", server.address("game")]);
    assert!(error.contains("the port is in use"), "{error}");
}

#[test]
fn servers_share_the_discovery_port_and_one_that_cannot_have_it_goes_on() {
    let first = serve(&[]);
    let port = first
        .address("discovery")
        .rsplit(':')
        .next()
        .expect("it has a port");
    let second = Background::start(&["serve", "--bind", "127.0.0.1:0", "--discovery-port", port]);
    assert_eq!(second.address("discovery"), first.address("discovery"));

    let taken = std::net::UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let third = Background::start(&["serve", "--bind", "127.0.0.1:0", "--discovery-port", &port]);
    assert_eq!(third.ready["discovery"], Value::Null);
    let outcome = third.terminate();
    assert_eq!(outcome.code, Some(0));
    assert!(
        outcome
            .stderr
            .contains("players cannot find this server by discovery"),
        "{outcome:?}"
    );
}

#[test]
fn wrong_options_are_one_line_and_code_2() {
    for arguments in [
        &["serve", "--tick-rate", "0"][..],
        &["serve", "--max-players", "0"],
        &["serve", "--bots", "33"],
        &["serve", "--announce", "0.1"],
        &["serve", "--name", ""],
        &["join"],
        &["join", "127.0.0.1", "--discover"],
        &["join", "127.0.0.1", "--target", "127.0.0.1"],
        &["join", "127.0.0.1", "--discovery-port", "8081"],
        &["join", "127.0.0.1", "--name", "a\nb"],
        &["join", "127.0.0.1", "--bots", "0"],
        &["join", "192.0.2.1"],
    ] {
        refusal(2, arguments);
    }
}

#[test]
fn an_unreachable_server_is_one_line_and_code_1() {
    let error = refusal(1, &["join", "127.0.0.1:9"]);
    assert!(
        error.contains("no answer from 127.0.0.1:9: check"),
        "{error}"
    );
}

#[test]
fn an_echo_is_no_server_though_it_returns_what_we_say() {
    let echo = Background::start(&["echo", "--bind", "127.0.0.1:0"]);
    let address = echo.address("udp");
    let outcome = run(&["join", address, "--json"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let expected = format!("error: no answer from {address}: check");
    assert!(outcome.stderr.starts_with(&expected), "{outcome:?}");
    let bot = &outcome.json()["bots"][0];
    assert!(
        bot["error"]
            .as_str()
            .is_some_and(|e| e.starts_with("no answer"))
    );
}

#[test]
fn the_log_shows_each_step_and_no_key() {
    let key = TestFile::new();
    let server = serve(&["--key", key.as_str(), "-vv"]);
    let discovery = server.address("discovery").rsplit(':').next();
    let port = discovery.expect("it has a port");
    let target = ["--target", "127.0.0.1", "--discovery-port", port];
    let found = run(&[&["discover", "--timeout", "0.3"], &target[..]].concat());
    assert_eq!(found.code, Some(0), "{found:?}");
    let played = run(&[
        "join",
        server.address("game"),
        "--name",
        "Ada",
        "--duration",
        "0.5",
    ]);
    assert_eq!(played.code, Some(0), "{played:?}");
    let log = server.terminate().stderr;
    for step in [
        "made a new key",
        "looks for servers and is answered",
        "said hello and is answered",
        "proved itself and is connected",
        "Ada joined",
        "received from=127.0.0.1:",
        "sent to=127.0.0.1:",
        "closed here: goodbye",
        "Ada left",
        "asked to stop",
    ] {
        assert!(log.contains(step), "{step}: {log}");
    }
    let secret = std::fs::read_to_string(&key.path).expect("the server made it");
    assert!(!log.contains(secret.trim()), "the secret key is in the log");
}
