use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};

use tickwire_core::{Farewell, Role};

use super::*;
use crate::snapshot::{PlayerState, Snapshot};

const SERVER: PeerId = PeerId::new(0, 0);

fn name(text: &str) -> Name {
    Name::new(text).expect("a good name")
}

/// A client that has joined as player 1, with the messages of that said.
fn joined() -> GameClient {
    let mut client = connected();
    let id = PlayerId::new(1);
    hear(
        &mut client,
        0,
        &Message::Welcome {
            id,
            tick_rate_hz: 60,
        },
    );
    hear(
        &mut client,
        1,
        &Message::PlayerJoined {
            id,
            name: name("Ann"),
        },
    );
    client
}

fn connected() -> GameClient {
    let rate = NonZeroU32::new(30).expect("not 0");
    let mut client = GameClient::new(SERVER, name("Ann"), rate);
    client.handle_event(&Event::Connected {
        peer: SERVER,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        role: Role::Client,
        server_key: None,
        client: None,
    });
    client
}

fn hear(client: &mut GameClient, number: u32, message: &Message<'_>) {
    let mut bytes = Vec::new();
    message.encode(number, &mut bytes);
    client.handle_message(&bytes);
}

fn hear_snapshot(client: &mut GameClient, tick: u64, ids: &[u32]) {
    let players = ids.iter().map(|id| PlayerState {
        id: PlayerId::new(*id),
        score: 0,
        position: Position::new(1.0, 2.0, 3.0, 4.0).expect("finite"),
    });
    let mut records = Vec::new();
    let snapshot = Snapshot::write(tick, players, &mut records);
    hear(client, 0, &Message::StateSnapshot(snapshot));
}

fn sent(client: &mut GameClient) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(outgoing) = client.poll_send() {
        let received = Message::decode(outgoing.payload).expect("the client's own bytes");
        messages.push(format!("{:?}", received.message));
    }
    messages
}

#[test]
fn a_client_asks_to_join_once_connected_and_plays_once_welcomed() {
    let mut client = connected();
    assert_eq!(client.phase(), Phase::Joining);
    assert_eq!(sent(&mut client), ["PlayerJoin { name: Name(\"Ann\") }"]);
    let client = joined();
    assert_eq!(client.phase(), Phase::Playing);
    assert_eq!(
        (client.id(), client.tick_rate_hz()),
        (Some(PlayerId::new(1)), Some(60))
    );
}

#[test]
fn players_come_score_and_go_as_announced() {
    let mut client = joined();
    let (id, winner) = (PlayerId::new(2), PlayerId::new(2));
    hear(
        &mut client,
        2,
        &Message::PlayerJoined {
            id,
            name: name("Ben"),
        },
    );
    hear(&mut client, 3, &Message::PlayerScored { id, score: 7 });
    hear_snapshot(&mut client, 0, &[1, 2]);
    let ben = &client.players()[&id];
    assert_eq!(
        (ben.name.as_str(), ben.score, ben.position.x()),
        ("Ben", 7, 1.0)
    );
    hear(&mut client, 4, &Message::GameOver { winner });
    hear(
        &mut client,
        5,
        &Message::PlayerLeft {
            id,
            name: name("Ben"),
        },
    );
    assert_eq!(client.players().len(), 1);
    assert_eq!(client.winner(), Some(winner));
}

#[test]
fn a_lost_and_a_repeated_event_both_show() {
    let mut client = joined();
    let id = PlayerId::new(1);
    hear(&mut client, 3, &Message::PlayerScored { id, score: 2 });
    hear(&mut client, 3, &Message::PlayerScored { id, score: 9 });
    hear(&mut client, 6, &Message::Goodbye);
    let stats = client.stats();
    assert_eq!((stats.events_expected, stats.events_received), (6, 3));
    assert_eq!((stats.events_duplicated, stats.events_final), (1, true));
    assert_eq!(client.players()[&id].score, 2, "a repeat is not acted on");
}

#[test]
fn snapshots_that_are_stale_or_lack_the_receiver_are_counted() {
    let mut client = joined();
    hear_snapshot(&mut client, 5, &[1]);
    hear_snapshot(&mut client, 5, &[1]);
    hear_snapshot(&mut client, 4, &[1]);
    hear_snapshot(&mut client, 6, &[2]);
    let stats = client.stats();
    assert_eq!(stats.snapshots_received, 4);
    assert_eq!((stats.snapshots_stale, stats.snapshots_without_me), (2, 1));
}

#[test]
fn leaving_waits_for_the_goodbye_but_not_for_ever() {
    let mut client = joined();
    sent(&mut client);
    client.leave();
    client.leave();
    assert_eq!(sent(&mut client), ["Goodbye"]);
    for _ in 0..59 {
        client.handle_tick();
    }
    assert_eq!(client.poll_dismissal(), None);
    client.handle_tick();
    assert_eq!(client.poll_dismissal(), Some(Dismissal::Goodbye));
    client.handle_event(&Event::Disconnected {
        peer: SERVER,
        reason: CloseReason::Local(Farewell::default()),
        undelivered: 0,
    });
    assert_eq!(client.phase(), Phase::Ended);
}

#[test]
fn what_only_a_client_may_say_is_refused() {
    let mut client = joined();
    hear(&mut client, 2, &Message::ScoreUpdate { score: 1 });
    client.handle_message(b"\x99");
    let drops = client.stats().drops;
    assert_eq!((drops.wrong_way, drops.unknown_type), (1, 1));
}

#[test]
fn a_full_queue_of_events_ends_the_connection() {
    let mut client = joined();
    client.on_send_refused(crate::STATE, SendError::QueueFull);
    assert_eq!(client.poll_dismissal(), None);
    client.on_send_refused(crate::EVENTS, SendError::QueueFull);
    assert_eq!(client.poll_dismissal(), Some(Dismissal::QueueFull));
}
