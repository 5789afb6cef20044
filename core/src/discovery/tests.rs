mod answers;
mod searches;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::transmit::Socket;

const SERVER_ID: u64 = 0xfeed;

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address of the test")
}

fn millis(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn with_interfaces(mut discovery: Discovery) -> Discovery {
    discovery.set_interfaces(&[Prefix {
        address: [10, 0, 0, 1].into(),
        len: 24,
    }]);
    discovery
}

fn announce(interval: Option<Duration>) -> AnnounceConfig {
    AnnounceConfig {
        name: "Tom's server".to_string(),
        port: 8080,
        players_max: 32,
        interval,
    }
}

fn server() -> Discovery {
    let config = Some(announce(None));
    with_interfaces(Discovery::new(config, SERVER_ID, Instant::ZERO))
}

/// A searcher 10 s long that has just sent its first question.
fn searcher() -> Discovery {
    let mut searcher = with_interfaces(Discovery::new(None, 1, Instant::ZERO));
    discover(&mut searcher, &["10.0.0.255:8081"], 10_000).expect("a good query");
    assert_eq!(questions(&mut searcher, Instant::ZERO), 1);
    searcher
}

fn discover(
    discovery: &mut Discovery,
    targets: &[&str],
    timeout_millis: u64,
) -> Result<(), DiscoverError> {
    let query = DiscoveryQuery {
        targets: targets.iter().map(|target| at(target)).collect(),
        timeout: Duration::from_millis(timeout_millis),
    };
    discovery.discover(Instant::ZERO, query)
}

fn ask(discovery: &mut Discovery, now: Instant, from: &str) -> Result<(), Ignored> {
    let arrival = Arrival::discovery(at(from));
    discovery.handle_text(now, &arrival, b"DISCOVER_SERVER\n")
}

fn tell(discovery: &mut Discovery, now: Instant, from: &str, text: &str) -> Result<(), Ignored> {
    let text = format!("SERVER_INFO {text}\n");
    discovery.handle_text(now, &Arrival::game(at(from)), text.as_bytes())
}

/// All that leaves now, as text.
fn sent(discovery: &mut Discovery, now: Instant) -> Vec<(Transmit, String)> {
    let mut all = Vec::new();
    let mut buf = b"kept".to_vec();
    while let Some(transmit) = discovery.poll_transmit(now, &mut buf) {
        let text = String::from_utf8(buf.split_off(4)).expect("discovery is text");
        assert_eq!(transmit.len, text.len());
        assert_eq!(buf, b"kept");
        all.push((transmit, text));
    }
    all
}

fn questions(discovery: &mut Discovery, now: Instant) -> usize {
    let all = sent(discovery, now);
    all.iter().for_each(|(transmit, text)| {
        assert_eq!(text, "DISCOVER_SERVER\n");
        assert_eq!(transmit.socket, Socket::Game);
    });
    all.len()
}

/// What the events say: `+` found, `-` expired, `.` ended.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other events, also those of the future, fail the test"
)]
fn events(discovery: &mut Discovery) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(event) = discovery.poll_event() {
        let (sign, server) = match event {
            Event::ServerFound(server) => ('+', server),
            Event::ServerExpired(server) => ('-', server),
            Event::DiscoveryEnded => {
                all.push(".".to_string());
                continue;
            }
            other => panic!("no event of discovery: {other:?}"),
        };
        let ServerInfo {
            name,
            address,
            players,
            ..
        } = server;
        all.push(format!("{sign}{name} {players} {address}"));
    }
    all
}

/// Runs the timeouts as a driver would, until `end`; returns when questions left.
fn run_until(discovery: &mut Discovery, end: Instant) -> Vec<u64> {
    let mut asked = Vec::new();
    while let Some(due) = discovery.poll_timeout().filter(|&due| due <= end) {
        discovery.handle_timeout(due);
        if questions(discovery, due) > 0 {
            asked.push(due.as_micros() / 1_000);
        }
        if discovery.poll_timeout().is_some_and(|next| next <= due) {
            break; // an event waits
        }
    }
    asked
}

#[derive(Clone, Debug)]
enum Input {
    Datagram(u8, Vec<u8>),
    Pause(u64),
    Discover,
    PollEvents,
    PollTransmits,
}

fn input() -> impl Strategy<Value = Input> {
    let text = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        Just(b"DISCOVER_SERVER".to_vec()),
        "SERVER_INFO name=[ab%]{1,2} port=[0-9]{1,2}( id=000000000000000[0-3])?( .{0,8})?"
            .prop_map(String::into_bytes),
    ];
    prop_oneof![
        4 => (0_u8..20, text).prop_map(|(host, bytes)| Input::Datagram(host, bytes)),
        2 => (0_u64..2_000).prop_map(Input::Pause),
        1 => Just(Input::Discover),
        1 => Just(Input::PollEvents),
        1 => Just(Input::PollTransmits),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_in_owner_and_machine_agree(inputs in prop::collection::vec(input(), 0..200)) {
        let mut discovery = server();
        let mut now = Instant::ZERO;
        for input in inputs {
            match input {
                Input::Datagram(host, bytes) => {
                    let from = SocketAddr::new([10, 0, 0, host].into(), 8_081);
                    let _ = discovery.handle_text(now, &Arrival::game(from), &bytes);
                }
                Input::Pause(pause_millis) => {
                    now = now + Duration::from_millis(pause_millis);
                    discovery.handle_timeout(now);
                }
                Input::Discover => {
                    let targets = vec![at("10.0.0.255:8081")];
                    let timeout = Duration::from_secs(7);
                    let _ = discovery.discover(now, DiscoveryQuery { targets, timeout });
                }
                Input::PollEvents => drop(events(&mut discovery)),
                Input::PollTransmits => prop_assert!(sent(&mut discovery, now).len() <= 101),
            }
        }
        discovery.handle_timeout(now);
        sent(&mut discovery, now);
        events(&mut discovery);
        // With all polled, a deadline is in the future: a driver that sleeps until then does not spin.
        prop_assert!(discovery.poll_timeout().is_none_or(|due| due > now));
    }
}
