//! `tickwire ping` and `tickwire discover` against sockets of the test's own.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use crate::support::{Outcome, refusal, run};

const ANY: &str = "127.0.0.1:0";

/// A socket that takes datagrams and answers none, and its address.
fn silent() -> (UdpSocket, String) {
    let socket = UdpSocket::bind(ANY).expect("a port is free");
    let address = socket.local_addr().expect("it is bound").to_string();
    (socket, address)
}

fn one_line(outcome: &Outcome) -> &str {
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    outcome.stderr.trim_end()
}

#[test]
fn pinging_nobody_fails_with_what_to_check() {
    let (_socket, address) = silent();
    let options = [
        "--count",
        "3",
        "--interval",
        "0.05",
        "--timeout",
        "0.2",
        "--json",
    ];
    let outcome = run(&[&["ping", &address][..], &options].concat());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(one_line(&outcome).starts_with(&format!("error: no answer from {address}")));
    let summary = outcome.json();
    assert_eq!(summary["sent"], 3);
    assert_eq!(summary["received"], 0);
    assert_eq!(summary["loss_pct"], 100.0);
}

#[test]
fn a_plain_echo_is_no_server() {
    let (socket, address) = silent();
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..len], from);
        }
    });
    let outcome = run(&[
        "ping",
        &address,
        "--count",
        "2",
        "--interval",
        "0.05",
        "--timeout",
        "0.2",
    ]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stdout.starts_with("2 sent, 0 answered"),
        "{outcome:?}"
    );
}

#[test]
fn places_that_cannot_be_reached_are_bad_input() {
    for place in [
        "",
        "127.0.0.1:0",
        "0.0.0.0:8080",
        "a host",
        "127.0.0.1:99999",
    ] {
        refusal(2, &["ping", place]);
        refusal(2, &["discover", "--target", place]);
    }
    refusal(2, &["ping"]);
    refusal(2, &["ping", "127.0.0.1", "--count", "0"]);
    refusal(2, &["discover", "--timeout", "0"]);
    refusal(2, &["discover", "--discovery-port", "0"]);
}

#[test]
fn a_host_without_an_address_is_a_failure() {
    refusal(1, &["ping", "nowhere.invalid"]);
    refusal(1, &["discover", "--target", "nowhere.invalid"]);
}

#[test]
fn more_targets_than_a_query_can_ask_are_bad_input() {
    let target = ["--target", "127.0.0.1:9"];
    let arguments = [&["discover"][..], &target.repeat(65)].concat();
    let line = refusal(2, &arguments);
    assert!(line.contains("too many targets"), "{line}");
}

#[test]
fn finding_nobody_is_an_empty_list_and_a_hint() {
    let (_socket, address) = silent();
    let search = ["discover", "--target", &address, "--timeout", "0.3"];
    let outcome = run(&search);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    assert!(one_line(&outcome).starts_with(&format!("no server found at {address}")));
    let outcome = run(&[&search[..], &["--json"]].concat());
    assert_eq!(outcome.code, Some(0));
    assert_eq!(outcome.stdout, "{\"servers\":[]}\n");
}

/// Answers every query like this.
fn responder(answer: &'static str) -> String {
    let (socket, address) = silent();
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            if buffer[..len].trim_ascii() == b"DISCOVER_SERVER" {
                let _ = socket.send_to(answer.as_bytes(), from);
            }
        }
    });
    address
}

#[test]
fn a_server_that_answers_is_listed() {
    let address = responder("SERVER_INFO name=the%20arena players=3 max=16 port=9000\n");
    let search = ["discover", "--target", &address, "--timeout", "0.5"];
    let found = run(&[&search[..], &["--json"]].concat()).json();
    let expected = serde_json::json!({ "servers": [
        { "name": "the arena", "address": "127.0.0.1:9000", "players": 3, "max_players": 16 },
    ]});
    assert_eq!(found, expected);
    let outcome = run(&search);
    let row = "the arena  127.0.0.1:9000  3/16";
    assert_eq!(outcome.stdout.lines().nth(1), Some(row), "{outcome:?}");
}

#[test]
fn a_servers_name_cannot_steer_the_terminal() {
    let address = responder("SERVER_INFO name=a%1B[2Jb%0Ac players=0 max=1 port=9000\n");
    let outcome = run(&["discover", "--target", &address, "--timeout", "0.5"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stdout.contains('\x1b'), "{outcome:?}");
}

#[test]
fn the_time_to_search_is_kept() {
    let (_socket, address) = silent();
    let start = std::time::Instant::now();
    run(&["discover", "--target", &address, "--timeout", "0.5"]);
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(500) && took < Duration::from_secs(3),
        "{took:?}"
    );
}
