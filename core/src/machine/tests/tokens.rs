//! Connect tokens: who gets in, who does not, and what is remembered.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::pair::{Pair, Side, address};
use crate::config::ConfigBuilder;
use crate::{
    CloseReason, Config, ConnectError, ConnectToken, Entropy, Event, Grant, Instant, PeerId,
    Refusal, RefusedStats, SecretKey, TokenAuthority, TokenKey, TokenServer,
};

mod used;

/// The calendar's time when the tests begin.
const START: u64 = 1_800_000_000;

fn authority_key() -> TokenKey {
    TokenKey::from_bytes([5; 32])
}

fn server_key() -> SecretKey {
    SecretKey::from_bytes([6; 32])
}

fn server_with(authority: TokenAuthority) -> ConfigBuilder {
    Config::builder()
        .identity(Some(server_key()))
        .tokens(Some(authority))
}

/// A server that wants tokens, and a client without connection. Both know the time.
fn pair_with(authority: TokenAuthority) -> Pair {
    let mut pair = Pair::new(Config::builder(), server_with(authority));
    for side in [&mut pair.client, &mut pair.server] {
        let since_epoch = Duration::from_secs(START);
        side.endpoint.set_unix_time(pair.now, since_epoch);
        side.endpoint.set_audit(true);
    }
    pair
}

fn pair() -> Pair {
    pair_with(TokenAuthority::new(authority_key()))
}

fn grant(client_id: u64, serial: u64) -> Grant {
    Grant {
        client_id,
        serial,
        expires_at: START + 30,
        servers: vec![TokenServer {
            address: address(2),
            key: Some(server_key().public_key()),
        }],
        user_data: b"red team".to_vec(),
    }
}

fn issue(grant: &Grant) -> ConnectToken {
    // Each grant of these tests has a secret of its own.
    let secret = Entropy::from_seed(grant.client_id << 32 ^ grant.serial ^ grant.expires_at).secret;
    authority_key().issue(grant, secret).expect("a fair grant")
}

fn token(client_id: u64, serial: u64) -> ConnectToken {
    issue(&grant(client_id, serial))
}

fn dial(side: &mut Side, now: Instant, token: &ConnectToken) -> PeerId {
    side.endpoint
        .connect_with_token(now, address(2), token)
        .expect("free, and good for this server")
}

/// Lets a client dial with a token and waits; gives its last event.
fn join(pair: &mut Pair, token: &ConnectToken) -> Event {
    dial(&mut pair.client, pair.now, token);
    pair.run_for(Duration::from_secs(2));
    pair.server
        .endpoint
        .audit(0)
        .expect("the books are in order");
    pair.client.events.last().cloned().expect("an end")
}

fn refusal(event: Event) -> Option<Refusal> {
    let Event::Disconnected {
        reason: CloseReason::Refused(refusal),
        ..
    } = event
    else {
        return None;
    };
    Some(refusal)
}

fn is_connected(event: &Event) -> bool {
    matches!(event, Event::Connected { .. })
}

/// Another client, at another address, in the place of the pair's.
fn other_client(pair: &mut Pair, host: u8) -> Side {
    let mut other = Side::new(Config::builder(), host, pair.now);
    core::mem::swap(&mut pair.client, &mut other);
    other
}

fn refused(pair: &Pair) -> RefusedStats {
    pair.server.endpoint.stats().refused
}

#[test]
fn a_client_with_a_token_joins_in_one_round_trip_and_the_owner_learns_who_it_is() {
    for has_key in [true, false] {
        let authority = TokenAuthority::new(authority_key()).address(address(2));
        let mut pair = pair_with(authority);
        let mut grant = grant(7, 1);
        grant.servers[0].key = grant.servers[0].key.filter(|_| has_key);
        let token = issue(&grant);
        dial(&mut pair.client, pair.now, &token);
        // No time passes on this path: what is not connected at once took more than HELLO, WELCOME and a proof.
        pair.exchange();
        let Some(Event::Connected {
            server_key: Some(key),
            client: None,
            ..
        }) = pair.client.events.last()
        else {
            panic!("{:?}", pair.client.events);
        };
        assert_eq!(*key, server_key().public_key());
        let Some(Event::Connected {
            peer,
            client: Some(client),
            ..
        }) = pair.server.events.last()
        else {
            panic!("{:?}", pair.server.events);
        };
        assert_eq!((client.id, &client.user_data[..]), (7, &b"red team"[..]));
        assert_eq!(pair.server.endpoint.client(*peer).as_ref(), Some(client));
        assert_eq!(pair.server.endpoint.stats().used_tokens_now, 1);
        assert_eq!(pair.server.endpoint.stats().datagrams_received, 2);
    }
}

#[test]
fn without_a_token_nobody_joins_unless_the_server_lets_them() {
    let mut pair = pair();
    pair.dial();
    pair.run_for(Duration::from_secs(2));
    let end = pair.client.events.pop().and_then(refusal);
    assert_eq!(end, Some(Refusal::TokenMissing));
    assert!(pair.server.events.is_empty());
    assert!(refused(&pair).token_missing > 0);

    let mut pair = pair_with(TokenAuthority::new(authority_key()).required(false));
    pair.dial();
    pair.run_for(Duration::from_secs(1));
    assert!(matches!(
        pair.server.events.last(),
        Some(Event::Connected { client: None, .. })
    ));
}

#[test]
fn a_token_is_good_once() {
    let mut pair = pair();
    let token = token(7, 1);
    assert!(is_connected(&join(&mut pair, &token)));
    let _first = other_client(&mut pair, 3);
    assert_eq!(refusal(join(&mut pair, &token)), Some(Refusal::TokenUsed));
    assert!(refused(&pair).token_used > 0);
    assert_eq!(pair.server.events.len(), 1, "the owner hears of nothing");
}

#[test]
fn a_token_is_not_used_up_by_an_attempt_that_nobody_completed() {
    let mut pair = pair();
    let token = token(7, 1);
    // The server hears the HELLO, and its WELCOME is lost.
    let peer = dial(&mut pair.client, pair.now, &token);
    let hello = pair.client.datagrams(pair.now).remove(0);
    pair.server.take(pair.now, address(1), &hello);
    assert!(!pair.server.datagrams(pair.now).is_empty());
    pair.client
        .endpoint
        .disconnect(pair.now, peer, crate::Farewell::default());
    pair.client.poll();
    assert!(is_connected(&join(&mut pair, &token)));
}

#[test]
fn who_saw_the_hello_gets_nowhere_with_it_and_does_not_keep_its_client_out() {
    let mut pair = pair();
    let token = token(7, 1);
    dial(&mut pair.client, pair.now, &token);
    let hello = pair.client.datagrams(pair.now).remove(0);
    // He is faster, and sends it from four addresses of his own.
    for host in 11..15 {
        pair.server.take(pair.now, address(host), &hello);
    }
    let welcomes = pair.server.transmits(pair.now);
    assert_eq!(welcomes.len(), 4, "they are answered, one for one");
    for (transmit, welcome) in &welcomes {
        assert!(welcome.len() < hello.len());
        // What he could send: the WELCOME itself, and packets under keys that he guesses.
        pair.server.take(pair.now, transmit.to, welcome);
        let mut packet = vec![0x80, welcome[3], welcome[4], 0];
        packet.extend([7; 40]);
        pair.server.take(pair.now, transmit.to, &packet);
    }
    assert!(pair.server.endpoint.poll_event().is_none());
    pair.server.take(pair.now, address(1), &hello);
    pair.exchange();
    assert!(is_connected(pair.client.events.last().expect("connected")));
    assert_eq!(
        pair.server.endpoint.stats().half_open_now,
        0,
        "rivals are forgotten"
    );
    pair.server
        .endpoint
        .audit(0)
        .expect("the books are in order");
    for host in 11..15 {
        pair.server.take(pair.now, address(host), &hello);
    }
    assert_eq!(refused(&pair).token_used, 4, "then it is used");
}

#[test]
fn an_expired_token_is_refused_at_the_second() {
    for (wait, expected) in [(29_000, None), (29_998, Some(Refusal::TokenExpired))] {
        let mut pair = pair();
        let token = token(7, 1);
        // The client's own clock is behind: it tries all the same.
        let behind = Duration::from_secs(START - 1_000);
        pair.run_for(Duration::from_millis(wait));
        pair.client.endpoint.set_unix_time(pair.now, behind);
        pair.now = pair.now + Duration::from_millis(2);
        assert_eq!(
            refusal(join(&mut pair, &token)),
            expected,
            "after {wait} ms"
        );
        assert_eq!(refused(&pair).token_expired > 0, expected.is_some());
    }
}

#[test]
fn a_token_for_another_server_is_refused_here() {
    let mut pair = pair();
    let mut grant = grant(7, 1);
    grant.servers[0].key = Some(SecretKey::from_bytes([8; 32]).public_key());
    assert_eq!(
        refusal(join(&mut pair, &issue(&grant))),
        Some(Refusal::TokenElsewhere)
    );
    // Named by an address that this server was not told is its own.
    grant.servers[0].key = None;
    let _ = other_client(&mut pair, 3);
    assert_eq!(
        refusal(join(&mut pair, &issue(&grant))),
        Some(Refusal::TokenElsewhere)
    );
    assert!(refused(&pair).token_elsewhere > 0);
}

#[test]
fn a_token_of_another_authority_is_refused_and_so_is_any_where_there_is_none() {
    let forged = TokenKey::from_bytes([4; 32])
        .issue(&grant(7, 1), [1; 32])
        .expect("fair");
    assert_eq!(
        refusal(join(&mut pair(), &forged)),
        Some(Refusal::TokenInvalid)
    );
    let mut plain = Pair::new(
        Config::builder(),
        Config::builder().identity(Some(server_key())),
    );
    assert_eq!(
        refusal(join(&mut plain, &token(7, 1))),
        Some(Refusal::TokenInvalid)
    );
    assert!(refused(&plain).token_invalid > 0);
}

#[test]
fn a_server_that_was_not_told_the_time_takes_no_token() {
    let authority = TokenAuthority::new(authority_key());
    let mut pair = Pair::new(Config::builder(), server_with(authority));
    assert_eq!(
        refusal(join(&mut pair, &token(7, 1))),
        Some(Refusal::TokenClock)
    );
    assert!(refused(&pair).token_clock > 0);
}

#[test]
fn a_client_is_told_at_once_what_cannot_succeed() {
    let mut pair = pair();
    let mut connect = |to: SocketAddr, token: &ConnectToken| {
        pair.client.endpoint.connect_with_token(pair.now, to, token)
    };
    assert_eq!(
        connect(address(3), &token(7, 1)),
        Err(ConnectError::NotInToken)
    );
    let late = issue(&Grant {
        expires_at: START,
        ..grant(7, 1)
    });
    assert_eq!(connect(address(2), &late), Err(ConnectError::TokenExpired));
    assert!(pair.client.endpoint.poll_event().is_none());
}

#[test]
fn the_largest_token_fits_a_short_hello_of_six_channels_and_a_longer_offer_leaves_less() {
    let channel = crate::ChannelConfig::new(crate::Delivery::Ordered);
    let largest = |channels: usize, len: usize| {
        let servers = (2..10).map(|host| TokenServer {
            address: address(host),
            key: None,
        });
        let grant = Grant {
            servers: servers.collect(),
            user_data: vec![1; len],
            ..grant(7, 1)
        };
        let settings = Config::builder()
            .connection_id_len(8)
            .channels(vec![channel.clone(); channels]);
        let authority = TokenAuthority::new(authority_key()).address(address(2));
        let server = server_with(authority).channels(vec![channel.clone(); channels]);
        let mut pair = Pair::new(settings, server);
        pair.server
            .endpoint
            .set_unix_time(pair.now, Duration::from_secs(START));
        let dialled = pair
            .client
            .endpoint
            .connect_with_token(pair.now, address(2), &issue(&grant));
        dialled.map(|_| {
            // Only short datagrams arrive.
            let mut hello = pair.client.datagrams(pair.now).remove(0);
            assert!(hello[548..].iter().all(|byte| *byte == 0));
            hello.truncate(548);
            pair.server.take(pair.now, address(1), &hello);
            let welcome = pair.server.datagrams(pair.now).remove(0);
            assert!(welcome.len() <= 548);
            pair.client.take(pair.now, address(2), &welcome);
            pair.exchange();
            assert!(is_connected(pair.server.events.last().expect("connected")));
        })
    };
    assert_eq!(largest(6, 256), Ok(()));
    assert_eq!(largest(7, 256), Err(ConnectError::TokenTooLong));
    assert_eq!(largest(31, 157), Ok(()));
    assert_eq!(largest(31, 158), Err(ConnectError::TokenTooLong));
}

#[test]
fn nobody_takes_the_token_out_of_a_hello() {
    let open = TokenAuthority::new(authority_key()).required(false);
    let mut pair = pair_with(open);
    dial(&mut pair.client, pair.now, &token(7, 1));
    let hello = pair.client.datagrams(pair.now).remove(0);
    let id_len = usize::from(hello[2]);
    let (pattern, token_at) = (3 + id_len, 6 + id_len);
    let token_len = usize::from(u16::from_be_bytes([hello[pattern + 1], hello[pattern + 2]]));
    // The man in the middle says that it is an NK or NX without one.
    for code in [0, 1] {
        let mut forged = hello[..pattern].to_vec();
        forged.push(code);
        forged.extend(&hello[token_at + token_len..]);
        forged.resize(1_200, 0);
        pair.server.take(pair.now, address(1), &forged);
        for answer in pair.server.datagrams(pair.now) {
            pair.client.take(pair.now, address(2), &answer);
        }
    }
    assert!(pair.client.endpoint.poll_event().is_none());
    assert!(pair.server.endpoint.poll_event().is_none());
    // The true one still gets through.
    pair.server.take(pair.now, address(1), &hello);
    pair.exchange();
    assert!(
        matches!(
            pair.server.events.last(),
            Some(Event::Connected {
                client: Some(_),
                ..
            })
        ),
        "{:?}",
        pair.server.events
    );
}

#[test]
fn a_refused_token_leaves_nothing_behind() {
    let mut pair = pair();
    let token = token(7, 1);
    dial(&mut pair.client, pair.now, &token);
    let hello = pair.client.datagrams(pair.now).remove(0);
    let before = pair.server.endpoint.fingerprint();
    let start = 6 + usize::from(hello[2]);
    for at in start..start + token.sealed().len() {
        let mut forged = hello.clone();
        forged[at] ^= 0x80;
        pair.server.take(pair.now, address(9), &forged);
        pair.server.datagrams(pair.now);
    }
    let count = token.sealed().len() as u64;
    // One answer for each while they are not too many; a server that is loaded asks for a cookie first.
    let stats = pair.server.endpoint.stats();
    assert_eq!(stats.refused.token_invalid, count);
    assert_eq!(pair.server.endpoint.fingerprint(), before);
}
