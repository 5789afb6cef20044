//! What is remembered of used tokens, and who takes over by a newer one.

use super::*;

#[test]
fn a_newer_token_takes_over_from_any_address_and_an_older_one_does_not() {
    let mut pair = pair();
    assert!(is_connected(&join(&mut pair, &token(7, 5))));
    let old_peer = pair.server.peer.expect("connected");
    let mut first = other_client(&mut pair, 3);
    // An older one is refused, and changes nothing.
    assert_eq!(
        refusal(join(&mut pair, &token(7, 4))),
        Some(Refusal::TokenOutdated)
    );
    assert!(refused(&pair).token_outdated > 0);
    assert!(pair.server.endpoint.client(old_peer).is_some());

    let _ = other_client(&mut pair, 4);
    dial(&mut pair.client, pair.now, &token(7, 6));
    pair.exchange();
    assert!(is_connected(pair.client.events.last().expect("connected")));
    // The first one is told why, by its own connection.
    for (transmit, datagram) in pair.server.transmits(pair.now) {
        assert_eq!(transmit.to, first.address);
        first.take(pair.now, address(2), &datagram);
    }
    // The pair's harness has carried the CLOSE to the wrong client before: it is said again.
    pair.now = pair.now + Duration::from_millis(100);
    pair.server.endpoint.handle_timeout(pair.now);
    for datagram in pair.server.datagrams(pair.now) {
        first.take(pair.now, address(2), &datagram);
    }
    first.poll();
    assert!(
        matches!(
            first.events.last(),
            Some(Event::Disconnected {
                reason: CloseReason::Replaced,
                ..
            })
        ),
        "{:?}",
        first.events
    );
    pair.run_for(Duration::from_secs(2));
    let ends: Vec<_> = pair
        .server
        .events
        .iter()
        .filter(|event| matches!(event, Event::Disconnected { .. }))
        .collect();
    let [
        Event::Disconnected {
            peer,
            reason: CloseReason::Replaced,
            ..
        },
    ] = ends[..]
    else {
        panic!("{ends:?}");
    };
    assert_eq!(*peer, old_peer);
    assert_eq!(pair.server.endpoint.stats().peers_now, 1);
    pair.server
        .endpoint
        .audit(0)
        .expect("the books are in order");
}

#[test]
fn who_takes_over_needs_no_free_place() {
    let authority = TokenAuthority::new(authority_key());
    let mut pair = Pair::new(Config::builder(), server_with(authority).peers_max(1));
    pair.server
        .endpoint
        .set_unix_time(pair.now, Duration::from_secs(START));
    assert!(is_connected(&join(&mut pair, &token(7, 1))));
    let _first = other_client(&mut pair, 3);
    assert_eq!(refusal(join(&mut pair, &token(8, 1))), Some(Refusal::Full));
    let _second = other_client(&mut pair, 4);
    assert!(is_connected(&join(&mut pair, &token(7, 2))));
}

#[test]
fn what_is_remembered_is_bounded_and_nobody_is_forgotten_too_early() {
    let authority = TokenAuthority::new(authority_key()).used_bytes_max(1_024);
    let mut pair = pair_with(authority);
    for client in 0..10 {
        assert!(
            is_connected(&join(&mut pair, &token(client, 1))),
            "{client}"
        );
        other_client(&mut pair, 20 + client as u8);
    }
    assert_eq!(
        refusal(join(&mut pair, &token(10, 1))),
        Some(Refusal::TokensFull)
    );
    assert!(refused(&pair).tokens_full > 0);
    // Who is remembered already takes no more room.
    other_client(&mut pair, 40);
    assert!(is_connected(&join(&mut pair, &token(3, 2))));
    // Once they have expired there is room again.
    pair.run_for(Duration::from_secs(30));
    other_client(&mut pair, 41);
    let late = issue(&Grant {
        expires_at: START + 90,
        ..grant(10, 1)
    });
    assert!(is_connected(&join(&mut pair, &late)));
    assert_eq!(pair.server.endpoint.stats().used_tokens_now, 1);
}

#[test]
fn a_calendar_that_is_set_back_makes_no_used_token_good_again() {
    let mut pair = pair();
    let first = token(7, 1);
    assert!(is_connected(&join(&mut pair, &first)));
    pair.run_for(Duration::from_secs(40));
    other_client(&mut pair, 3);
    let late = issue(&Grant {
        expires_at: START + 90,
        ..grant(8, 1)
    });
    assert!(
        is_connected(&join(&mut pair, &late)),
        "the first is forgotten now"
    );
    pair.server
        .endpoint
        .set_unix_time(pair.now, Duration::from_secs(START));
    other_client(&mut pair, 4);
    assert_eq!(
        refusal(join(&mut pair, &first)),
        Some(Refusal::TokenExpired)
    );
    other_client(&mut pair, 5);
    let new = issue(&Grant {
        expires_at: START + 31,
        ..grant(9, 1)
    });
    assert!(is_connected(&join(&mut pair, &new)), "others get in");
}
