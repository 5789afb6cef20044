use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::directory::SERVERS_MAX;
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

#[test]
fn a_question_is_answered_with_the_players_of_the_moment() {
    let mut server = server();
    server.set_players(5);
    ask(&mut server, millis(1), "10.0.0.2:5000").expect("a good question");
    server.set_players(6);
    assert_eq!(server.poll_timeout(), Some(millis(1)));
    let answers = sent(&mut server, millis(1));
    let text = "SERVER_INFO name=Tom%27s%20server players=6 max=32 port=8080 id=000000000000feed\n";
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].1, text);
    assert_eq!(answers[0].0.to, at("10.0.0.2:5000"));
    assert_eq!(server.answers_sent(), 1);
    assert_eq!(server.poll_timeout(), None);
}

#[test]
fn an_answer_leaves_by_the_socket_and_from_the_address_that_was_asked() {
    let mut server = server();
    for (socket, to, from) in [
        (Socket::Game, "10.0.0.1", Some("10.0.0.1")),
        (Socket::Discovery, "10.0.0.1", Some("10.0.0.1")),
        (Socket::Discovery, "10.0.0.255", None),
        (Socket::Discovery, "255.255.255.255", None),
        (Socket::Discovery, "224.0.0.1", None),
        (Socket::Discovery, "239.255.84.87", None),
        (Socket::Discovery, "ff02::8000:5457", None),
    ] {
        let arrival = Arrival {
            to: Some(to.parse().expect("an address of the test")),
            socket,
            ..Arrival::game(at("10.0.0.2:5000"))
        };
        let handled = server.handle_text(Instant::ZERO, &arrival, b"DISCOVER_SERVER");
        assert_eq!(handled, Ok(()));
        let (transmit, _) = sent(&mut server, Instant::ZERO).remove(0);
        assert_eq!(transmit.socket, socket);
        let from = from.map(|from| from.parse().expect("an address of the test"));
        assert_eq!(transmit.from, from, "asked at {to}");
    }
}

#[test]
fn only_sources_on_the_same_link_get_an_answer() {
    let mut server = server();
    for far in [
        "8.8.8.8:1",
        "10.0.1.2:1",
        "[2001:db8::1]:1",
        "10.0.0.255:1",
        "10.0.0.2:0",
    ] {
        let refused = ask(&mut server, Instant::ZERO, far);
        assert_eq!(refused, Err(Ignored::OffLink), "{far}");
    }
    assert_eq!(sent(&mut server, Instant::ZERO).len(), 0);
    for near in [
        "10.0.0.2:1",
        "[::ffff:10.0.0.2]:1",
        "127.0.0.1:1",
        "[fe80::2%3]:1",
        "169.254.1.1:1",
    ] {
        assert_eq!(ask(&mut server, Instant::ZERO, near), Ok(()), "{near}");
    }
    assert_eq!(sent(&mut server, Instant::ZERO).len(), 5);
}

#[test]
fn answers_are_limited_for_each_address_and_in_all() {
    let mut server = server();
    let answered = |server: &mut Discovery, now, host: u32| {
        let from = format!("10.0.0.{host}:1");
        let asked = (0..12).filter(|_| ask(server, now, &from).is_ok()).count();
        assert_eq!(sent(server, now).len(), asked);
        asked
    };
    for host in 2..12 {
        assert_eq!(answered(&mut server, millis(u64::from(host)), host), 10);
    }
    assert_eq!(answered(&mut server, millis(500), 20), 0);
    let refused = ask(&mut server, millis(500), "10.0.0.20:1");
    assert_eq!(refused, Err(Ignored::RateLimited));
    assert_eq!(answered(&mut server, millis(1_002), 20), 10);
}

#[test]
fn answers_that_nobody_takes_away_do_not_pile_up() {
    let mut server = server();
    let taken = (0..60_u64)
        .flat_map(|second| (1..200_u64).map(move |host| (second * 1_000, host)))
        .filter(|&(now, host)| ask(&mut server, millis(now), &format!("10.0.0.{host}:1")).is_ok())
        .count();
    assert_eq!(taken, 100);
    assert_eq!(sent(&mut server, millis(60_000)).len(), 100);
}

#[test]
fn who_announces_nothing_or_has_no_port_yet_does_not_answer() {
    let mut silent = with_interfaces(Discovery::new(None, 1, Instant::ZERO));
    let asked = ask(&mut silent, Instant::ZERO, "10.0.0.2:1");
    assert_eq!(asked, Err(Ignored::Foreign));

    let mut server = server();
    server.set_port(0);
    let asked = ask(&mut server, Instant::ZERO, "10.0.0.2:1");
    assert_eq!(asked, Err(Ignored::Foreign));
    server.set_port(9);
    assert_eq!(ask(&mut server, Instant::ZERO, "10.0.0.2:1"), Ok(()));
    assert!(sent(&mut server, Instant::ZERO)[0].1.contains(" port=9 "));
}

#[test]
fn announcements_go_out_at_once_and_then_at_each_interval() {
    let config = announce(Some(Duration::from_secs(2)));
    let mut server = Discovery::new(Some(config), SERVER_ID, Instant::ZERO);
    assert_eq!(server.poll_timeout(), None);
    server.set_announce_targets(&[at("10.0.0.255:8081"), at("239.255.84.87:8081")]);
    for due in [0, 2_000, 4_000] {
        assert_eq!(server.poll_timeout(), Some(millis(due)));
        server.handle_timeout(millis(due));
        let all = sent(&mut server, millis(due));
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].0.to, at("10.0.0.255:8081"));
        assert_eq!(all[0].0.socket, Socket::Game);
        assert!(all[1].1.starts_with("SERVER_INFO name=Tom"));
    }
    assert_eq!(server.answers_sent(), 0);
}

#[test]
fn a_server_that_shall_not_announce_itself_does_not() {
    let mut server = server();
    server.set_announce_targets(&[at("10.0.0.255:8081")]);
    assert_eq!(server.poll_timeout(), None);
    server.handle_timeout(millis(1));
    assert_eq!(sent(&mut server, millis(1)).len(), 0);
}

#[test]
fn the_question_is_repeated_until_the_search_ends() {
    let mut searcher = Discovery::new(None, 1, Instant::ZERO);
    discover(&mut searcher, &["10.0.0.255:8081", "[ff02::1]:8081"], 3_000).expect("good");
    assert_eq!(searcher.poll_timeout(), Some(Instant::ZERO));
    assert_eq!(questions(&mut searcher, Instant::ZERO), 2);
    let asked = run_until(&mut searcher, millis(60_000));
    assert_eq!(asked, [200, 600, 1_600, 2_600]);
    assert_eq!(events(&mut searcher), ["."]);
    assert_eq!(searcher.poll_timeout(), None);
}

#[test]
fn a_second_search_waits_for_the_end_of_the_first() {
    let mut searcher = searcher();
    let again = discover(&mut searcher, &["10.0.0.255:8081"], 1);
    assert_eq!(again, Err(DiscoverError::Busy));
    searcher.handle_timeout(millis(10_000));
    let again = discover(&mut searcher, &["10.0.0.255:8081"], 1);
    assert_eq!(again, Err(DiscoverError::Busy));
    assert_eq!(events(&mut searcher), ["."]);
    assert_eq!(discover(&mut searcher, &["10.0.0.255:8081"], 1), Ok(()));
}

#[test]
fn impossible_searches_are_refused() {
    let mut searcher = Discovery::new(None, 1, Instant::ZERO);
    let nowhere = discover(&mut searcher, &[], 1);
    assert_eq!(nowhere, Err(DiscoverError::NoTarget));
    let no_port = discover(&mut searcher, &["10.0.0.1:0"], 1);
    assert_eq!(no_port, Err(DiscoverError::NoTarget));
    let many = discover(&mut searcher, &["10.0.0.1:1"; 65], 1);
    assert_eq!(many, Err(DiscoverError::TooManyTargets));
    assert_eq!(searcher.poll_timeout(), None);
}

#[test]
fn a_server_is_reported_once_and_again_when_its_values_change() {
    let mut searcher = searcher();
    for (now, text) in [
        (10, "name=a port=7 players=0 id=0000000000000001"),
        (20, "id=0000000000000001 port=7 name=a players=0"),
        (30, "name=a port=7 players=1 id=0000000000000001"),
    ] {
        assert_eq!(
            tell(&mut searcher, millis(now), "10.0.0.9:8081", text),
            Ok(())
        );
        let expected: &[&str] = match now {
            10 => &["+a 0 10.0.0.9:7"],
            30 => &["+a 1 10.0.0.9:7"],
            _ => &[],
        };
        assert_eq!(events(&mut searcher), expected, "at {now} ms");
    }
}

#[test]
fn a_server_heard_over_two_paths_is_listed_once_where_it_was_heard_first() {
    let mut searcher = searcher();
    let text = "name=a port=7 id=0000000000000001";
    for from in [
        "127.0.0.1:8081",
        "10.0.0.9:8081",
        "[fe80::9]:7",
        "127.0.0.1:7",
    ] {
        assert_eq!(tell(&mut searcher, millis(5), from, text), Ok(()));
    }
    assert_eq!(events(&mut searcher), ["+a 0 127.0.0.1:7"]);
}

#[test]
fn a_path_that_falls_silent_gives_way_to_one_that_is_heard() {
    let mut searcher = searcher();
    let text = "name=a port=7 id=0000000000000001";
    tell(&mut searcher, millis(0), "127.0.0.1:7", text).expect("listed");
    tell(&mut searcher, millis(4_900), "10.0.0.9:7", text).expect("known");
    assert_eq!(events(&mut searcher), ["+a 0 127.0.0.1:7"]);
    searcher.handle_timeout(millis(5_000));
    tell(&mut searcher, millis(5_100), "10.0.0.9:7", text).expect("listed");
    let expected = ["-a 0 127.0.0.1:7", "+a 0 10.0.0.9:7"];
    assert_eq!(events(&mut searcher), expected);
}

#[test]
fn servers_without_id_are_told_apart_by_address() {
    let mut searcher = searcher();
    for from in [
        "10.0.0.9:1",
        "10.0.0.9:2",
        "[::ffff:10.0.0.9]:3",
        "10.0.0.8:1",
    ] {
        tell(&mut searcher, millis(5), from, "name=a port=7").expect("listed");
    }
    let expected = ["+a 0 10.0.0.9:7", "+a 0 10.0.0.8:7"];
    assert_eq!(events(&mut searcher), expected);
}

#[test]
fn a_restarted_server_replaces_itself() {
    let mut searcher = searcher();
    for id in [1, 2] {
        let text = format!("name=a port=7 id={id:016x}");
        tell(&mut searcher, millis(id), "10.0.0.9:7", &text).expect("listed");
        assert_eq!(events(&mut searcher), ["+a 0 10.0.0.9:7"]);
    }
    searcher.handle_timeout(millis(10_000));
    assert_eq!(events(&mut searcher), ["-a 0 10.0.0.9:7", "."]);
}

#[test]
fn a_server_not_heard_for_five_seconds_expires() {
    let mut searcher = searcher();
    tell(&mut searcher, millis(100), "10.0.0.9:1", "name=a port=7").expect("listed");
    tell(&mut searcher, millis(900), "10.0.0.9:1", "name=a port=7").expect("known");
    assert_eq!(events(&mut searcher).len(), 1);
    searcher.handle_timeout(Instant::from_nanos(5_899_999_999));
    assert_eq!(events(&mut searcher).len(), 0);
    questions(&mut searcher, millis(5_899));
    assert_eq!(searcher.poll_timeout(), Some(millis(5_900)));
    searcher.handle_timeout(millis(5_900));
    assert_eq!(events(&mut searcher), ["-a 0 10.0.0.9:7"]);
}

#[test]
fn an_owner_that_polls_rarely_gets_the_newest_state_only() {
    let mut searcher = searcher();
    for players in 0..1_000 {
        let text = format!("name=a port=7 players={players}");
        tell(&mut searcher, millis(1), "10.0.0.9:1", &text).expect("known");
    }
    tell(&mut searcher, millis(2), "10.0.0.8:1", "name=gone port=7").expect("listed");
    tell(&mut searcher, millis(4_000), "10.0.0.9:1", "name=a port=7").expect("known");
    searcher.handle_timeout(millis(6_000));
    assert_eq!(events(&mut searcher), ["+a 0 10.0.0.9:7"]);
}

#[test]
fn the_list_is_bounded() {
    let mut searcher = searcher();
    for second in 0..20 {
        let now = millis(second * 450);
        searcher.handle_timeout(now);
        for port in 1..=1_000 {
            let text = format!("name=a port={port}");
            let _ = tell(&mut searcher, now, "10.0.0.9:1", &text);
        }
    }
    let full = tell(
        &mut searcher,
        millis(9_000),
        "10.0.0.9:1",
        "name=a port=999",
    );
    assert_eq!(full, Err(Ignored::RateLimited));
    assert_eq!(events(&mut searcher).len(), SERVERS_MAX);
}

#[test]
fn answers_count_only_during_a_search_and_from_the_link_or_who_was_asked() {
    let mut idle = with_interfaces(Discovery::new(None, 1, Instant::ZERO));
    let text = "name=a port=7";
    let refused = tell(&mut idle, Instant::ZERO, "10.0.0.9:1", text);
    assert_eq!(refused, Err(Ignored::Foreign));

    discover(&mut idle, &["203.0.113.5:8081"], 1_000).expect("a good query");
    let far = tell(&mut idle, Instant::ZERO, "203.0.113.6:8081", text);
    assert_eq!(far, Err(Ignored::OffLink));
    let asked = tell(&mut idle, Instant::ZERO, "203.0.113.5:8080", text);
    assert_eq!(asked, Ok(()));

    idle.handle_timeout(millis(1_000));
    let late = tell(&mut idle, millis(1_000), "10.0.0.9:1", text);
    assert_eq!(late, Err(Ignored::Foreign));
    assert_eq!(events(&mut idle), ["+a 0 203.0.113.5:7", "."]);
}

#[test]
fn a_server_that_searches_does_not_find_itself() {
    let mut server = server();
    discover(&mut server, &["10.0.0.255:8081"], 1_000).expect("a good query");
    ask(&mut server, Instant::ZERO, "10.0.0.1:8080").expect("a good question");
    let (_, own) = sent(&mut server, Instant::ZERO).remove(0);
    let arrival = Arrival::game(at("10.0.0.1:8080"));
    let heard = server.handle_text(Instant::ZERO, &arrival, own.as_bytes());
    assert_eq!(heard, Err(Ignored::Foreign));
    assert_eq!(events(&mut server).len(), 0);
}

#[test]
fn searcher_and_server_find_each_other() {
    let (mut searcher, mut server) = (searcher(), server());
    ask(&mut server, millis(1), "10.0.0.2:5000").expect("a good question");
    let (_, text) = sent(&mut server, millis(1)).remove(0);
    let arrival = Arrival::game(at("10.0.0.1:8081"));
    let heard = searcher.handle_text(millis(2), &arrival, text.as_bytes());
    assert_eq!(heard, Ok(()));
    assert_eq!(events(&mut searcher), ["+Tom's server 0 10.0.0.1:8080"]);
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
