//! The side that looks: when it asks, what it lists, what it tells its owner.

use super::super::directory::SERVERS_MAX;
use super::*;

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

#[test]
fn an_answer_from_an_address_of_many_hosts_is_not_listed() {
    let mut searcher = Discovery::new(None, 1, Instant::ZERO);
    let group = "239.255.84.87:8081";
    discover(&mut searcher, &[group], 1_000).expect("a good query");
    let forged = tell(&mut searcher, Instant::ZERO, group, "name=a port=7");
    assert_eq!(forged, Err(Ignored::OffLink));
}
