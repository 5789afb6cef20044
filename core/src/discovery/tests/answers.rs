//! The side that is found: who gets an answer, what it says, how often.

use super::*;

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
