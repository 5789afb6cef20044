//! How connections live and end: kept alive, cut, closed, replaced, reset, held up.

use std::time::Duration;

use tickwire_core::{
    CloseReason, Config, Delivery, Event, Farewell, Instant, SecretKey, SendError,
};
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{Link, Oracle, Pair, ms};

use crate::conversation::channel;

const UNRELIABLE: u8 = 0;
const RELIABLE: u8 = 2;
const TICK: Duration = Duration::from_micros(33_333);

fn link() -> Link {
    Link::new().latency(ms(25))
}

fn pair() -> Pair {
    Pair::new(1).link(link()).connect()
}

/// Why the connection ended, if it did.
fn end(events: &[Event]) -> Option<CloseReason> {
    events.iter().find_map(|event| {
        let Event::Disconnected { reason, .. } = event else {
            return None;
        };
        Some(reason.clone())
    })
}

#[test]
fn a_one_way_unreliable_flow_costs_at_most_two_acknowledgements_a_second() {
    let mut pair = pair();
    pair.run_for(ms(1_000));
    let before = pair.client_stats().expect("connected").datagrams_sent;
    for _ in 0..30 * 60 {
        pair.send_to_client(UNRELIABLE, &[7; 40]).expect("room");
        pair.run_for(TICK);
    }
    let sent = pair.client_stats().expect("connected").datagrams_sent - before;
    assert!(sent <= 120, "{sent} datagrams in a minute");
}

#[test]
fn a_reliable_message_lost_in_a_one_way_flow_is_soon_repaired() {
    let mut pair = pair();
    let mut slowest = Duration::ZERO;
    for lost in 0..40 {
        for _ in 0..20 + lost {
            pair.send_to_client(UNRELIABLE, &[7; 40]).expect("room");
            pair.run_for(TICK);
        }
        let _ = pair.client_messages();
        pair = pair.link_to_client(link().drop_nth([0]));
        pair.send_to_client(RELIABLE, b"lost").expect("room");
        let sent_at = pair.world.now();
        loop {
            pair.run_for(TICK);
            let messages = pair.client_messages();
            if messages.iter().any(|message| message.payload == "lost") {
                break;
            }
            pair.send_to_client(UNRELIABLE, &[7; 40]).expect("room");
        }
        slowest = slowest.max(pair.world.now().saturating_duration_since(sent_at));
    }
    assert!(slowest < ms(250), "{slowest:?}");
}

#[test]
fn a_silent_connection_lives_for_ever() {
    let mut pair = pair();
    pair.run_for(Duration::from_secs(3_600));
    assert_eq!(end(&pair.client_events()), None);
    assert_eq!(end(&pair.server_events()), None);
    // Each keepalive is one datagram and its answer, after a third of the idle timeout.
    let sent = pair.client_stats().expect("connected").datagrams_sent;
    assert!((1_050..1_100).contains(&sent), "{sent} datagrams");
}

#[test]
fn a_cut_connection_ends_after_the_idle_timeout_and_not_before() {
    let mut pair = pair();
    pair.run_for(ms(1_000));
    let last_heard = last_heard(&pair);
    pair = pair.link(link().loss(1_000));
    let client = pair.client;
    let is_over = pair.run_until(
        |world| end(&world.events(client)) == Some(CloseReason::IdleTimeout),
        Duration::from_secs(60),
    );
    assert!(is_over);
    let silence = pair.world.now().saturating_duration_since(last_heard);
    assert_eq!(silence, Duration::from_secs(10));
}

/// When the client heard of the server.
fn last_heard(pair: &Pair) -> Instant {
    let peer = pair.server_peer().expect("it dialled");
    let heard = pair.world.view(pair.client).last_heard(peer);
    heard.expect("connected")
}

#[test]
fn nothing_times_out_while_the_clock_stands_still() {
    let mut pair = Pair::new(1).link(link());
    pair.dial();
    pair.run_for(ms(10));
    stand_still(&mut pair);
    let mut pair = pair.connect_dialled();
    pair.send_to_server(RELIABLE, b"under way").expect("room");
    pair.run_for(ms(10));
    stand_still(&mut pair);
    pair.run_for(ms(100));
    assert_eq!(pair.server_messages().len(), 1);
    assert_eq!(end(&pair.client_events()), None);
    assert_eq!(end(&pair.server_events()), None);
}

/// Calls both endpoints as a driver does that wakes all the time while its clock shows the same instant.
fn stand_still(pair: &mut Pair) {
    let sent = pair.world.fates();
    for host in [pair.client, pair.server] {
        for _ in 0..10_000 {
            pair.world
                .act(host, |endpoint, now| endpoint.handle_timeout(now));
            assert_eq!(end(&pair.world.events(host)), None);
        }
    }
    assert_eq!(pair.world.fates(), sent, "and nothing is sent");
}

#[test]
fn both_sides_learn_the_reason_of_a_graceful_close_at_twenty_percent_loss() {
    for_seeds(0..1_000, |seed| {
        let mut pair = Pair::new(seed).link(link()).connect();
        pair.run_for(ms(500));
        pair = pair.link(link().loss(200));
        pair.send_to_server(RELIABLE, b"last words").expect("room");
        let farewell = Farewell::new(7, "good night");
        pair.disconnect_client(farewell.clone());
        pair.run_for(Duration::from_secs(8));
        let local = end(&pair.client_events());
        assert_eq!(local, Some(CloseReason::Local(farewell.clone())));
        assert_eq!(pair.server_messages().len(), 1);
        let remote = end(&pair.server_events());
        assert_eq!(remote, Some(CloseReason::Remote(farewell)));
    });
}

/// Its CLOSE does not wait for a congestion window that nobody will open, nor does the endpoint spin meanwhile.
#[test]
fn a_close_over_a_cut_link_full_of_data_ends_on_time() {
    let client = Config::builder().close_timeout(ms(1_000)).build();
    let server = Config::builder().accepts(true).build();
    let configs = [client, server].map(|config| config.expect("valid"));
    let [client, server] = configs;
    let mut pair = Pair::with_configs(1, client, server).link(link()).connect();
    pair = pair.link_to_server(Link::new().loss(1_000));
    for _ in 0..20 {
        pair.send_to_server(RELIABLE, &[7; 10_000]).expect("room");
    }
    pair.disconnect_client(Farewell::new(3, "enough"));
    pair.run_for(ms(1_000));
    assert_eq!(end(&pair.client_events()), None, "it still tries");
    pair.run_for(ms(900));
    let reason = CloseReason::Local(Farewell::new(3, "enough"));
    assert_eq!(end(&pair.client_events()), Some(reason));
}

#[test]
fn a_restarted_server_ends_its_old_connections_at_once() {
    let server = || {
        let identity = Some(SecretKey::from_bytes([5; 32]));
        let config = Config::builder().accepts(true).identity(identity);
        config.build().expect("a valid configuration")
    };
    let mut pair = Pair::with_configs(1, Config::default(), server())
        .link(link())
        .connect();
    pair.run_for(ms(1_000));
    pair.world.restart(pair.server, server());
    pair.send_to_server(UNRELIABLE, b"at 3,4").expect("room");
    pair.run_for(ms(50));
    assert_eq!(end(&pair.client_events()), Some(CloseReason::Reset));
    let mut pair = pair.connect();
    pair.send_to_server(RELIABLE, b"again").expect("connected");
    pair.run_for(ms(50));
    assert_eq!(pair.server_messages().len(), 1);
}

#[test]
fn a_client_replaces_its_former_self_only_when_its_new_handshake_is_complete() {
    let mut pair = pair();
    pair.run_for(ms(1_000));
    pair.world.restart(pair.client, Config::default());
    // Its HELLO arrives, its proof does not.
    let proofs_lost = link().drop_nth(1..20);
    pair = pair.link_to_server(proofs_lost);
    pair.dial();
    pair.run_for(ms(200));
    assert_eq!(pair.server_events(), []);
    assert_eq!(pair.world.view(pair.server).stats().half_open_now, 1);
    assert_eq!(pair.world.view(pair.server).stats().peers_now, 1);
    pair.heal();
    pair.run_for(ms(1_000));
    let events = pair.server_events();
    assert_eq!(end(&events), Some(CloseReason::Replaced));
    assert!(matches!(events.last(), Some(Event::Connected { .. })));
    let stats = pair.world.view(pair.server).stats();
    assert_eq!((stats.peers_now, stats.half_open_now), (1, 0));
}

#[test]
fn a_receiver_that_looks_away_loses_nothing() {
    for delivery in [Delivery::Reliable, Delivery::Ordered] {
        for_seeds(0..50, |seed| look_away(seed, delivery));
    }
}

/// The server's owner stops to read until the client's queue is full, and reads again.
fn look_away(seed: u64, delivery: Delivery) {
    let lossy = link().loss(50).duplication(50);
    let mut pair = Pair::new(seed).link(link()).connect().link(lossy);
    let mut oracle = Oracle::new(delivery);
    pair.world.set_reading(pair.server, false);
    let mut refused = 0;
    for size in (0..2_000).map(|number| 4 + number * 37 % 9_000) {
        let sent = oracle.send(size, |bytes| pair.send_to_server(channel(delivery), bytes));
        if let Err(reason) = sent {
            assert_eq!(reason, SendError::QueueFull);
            refused += 1;
        }
        pair.run_for(ms(5));
    }
    assert!(refused > 100, "{refused} sends refused");
    let held = pair
        .server_stats()
        .expect("connected")
        .receive_buffered_bytes;
    assert!(held <= 256 * 1024, "{held} bytes held");
    pair.world.set_reading(pair.server, true);
    for _ in 0..100 {
        pair.run_for(ms(100));
        for message in pair.server_messages() {
            oracle.on_received(&message.payload).expect("as promised");
        }
    }
    oracle.complete().expect("all has arrived");
    assert_eq!(pair.client_stats().expect("connected").queued_bytes, 0);
}
