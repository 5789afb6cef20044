use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use tickwire_core::{CloseReason, Farewell, PeerStats};

use super::*;
use crate::channel::{EVENTS, SHOTS, STATE};
use crate::message::Shot;
use crate::snapshot::Position;

/// A server fed by hand; what it says is kept as one line of text for each message.
struct Table {
    server: GameServer,
    tick: u64,
    sent: BTreeMap<PeerId, u32>,
}

fn peer(slot: u32) -> PeerId {
    PeerId::new(slot, 0)
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a good name")
}

fn connected(peer: PeerId) -> Event {
    Event::Connected {
        peer,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        role: Role::Server,
        server_key: None,
    }
}

fn disconnected(peer: PeerId) -> Event {
    Event::Disconnected {
        peer,
        reason: CloseReason::Remote(Farewell::default()),
        undelivered: 0,
    }
}

impl Table {
    fn new(config: GameConfig) -> Self {
        Self {
            server: GameServer::new(config),
            tick: 0,
            sent: BTreeMap::new(),
        }
    }

    /// A game of these players, whose peers are numbered from 0; what was said so far is forgotten.
    fn of(names: &[&str]) -> Self {
        let mut table = Self::new(GameConfig::default());
        for (slot, name) in (0..).zip(names) {
            table.join(peer(slot), name);
        }
        table.said();
        table
    }

    fn say(&mut self, peer: PeerId, message: &Message<'_>) {
        let number = self.sent.entry(peer).or_default();
        let mut bytes = Vec::new();
        message.encode(*number, &mut bytes);
        *number += u32::from(message.is_event());
        self.server.handle_message(peer, &bytes);
    }

    fn join(&mut self, peer: PeerId, text: &str) {
        self.server.handle_event(&connected(peer));
        self.say(peer, &Message::PlayerJoin { name: name(text) });
    }

    fn tick(&mut self) {
        self.server.handle_tick(self.tick, 0, Duration::ZERO);
        self.tick += 1;
    }

    /// All that the server said since the last call, then whom it dismissed.
    fn said(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(outgoing) = self.server.poll_send() {
            lines.push(line(&outgoing));
        }
        while let Some((peer, dismissal)) = self.server.poll_dismissal() {
            lines.push(format!("{peer} dismissed: {dismissal:?}"));
        }
        lines
    }

    /// As [`said`](Self::said), without the snapshots.
    fn said_beside_snapshots(&mut self) -> Vec<String> {
        let mut lines = self.said();
        lines.retain(|line| !line.contains("snapshot"));
        lines
    }
}

fn line(outgoing: &Outgoing<'_>) -> String {
    let received = Message::decode(outgoing.payload).expect("the server's own bytes");
    let text = match received.message {
        Message::Welcome { id, tick_rate_hz } => format!("welcome {id}, {tick_rate_hz} Hz"),
        Message::PlayerJoined { id, name } => format!("{id} {name} joined"),
        Message::PlayerLeft { id, name } => format!("{id} {name} left"),
        Message::PlayerScored { id, score } => format!("{id} scored {score}"),
        Message::PlayerFired { id, .. } => format!("{id} fired"),
        Message::GameOver { winner } => format!("{winner} won"),
        Message::Goodbye => "goodbye".to_string(),
        Message::StateSnapshot(snapshot) => {
            let ids = snapshot.players().map(|player| player.id.number());
            format!(
                "snapshot {} of {:?}",
                snapshot.tick,
                ids.collect::<Vec<_>>()
            )
        }
        up @ (Message::PositionUpdate(_)
        | Message::WeaponFired(_)
        | Message::PlayerJoin { .. }
        | Message::ScoreUpdate { .. }) => format!("{up:?}"),
    };
    let number = received.number.map(|number| format!(" #{number}"));
    let (peer, channel) = (outgoing.peer, outgoing.channel);
    format!("{peer} {channel}{}: {text}", number.unwrap_or_default())
}

#[test]
fn a_player_is_welcomed_and_announced_to_all_with_itself() {
    let mut table = Table::new(GameConfig::default());
    table.join(peer(0), "Ann");
    assert_eq!(
        table.said(),
        [
            "p0.0 ch2 #0: welcome player 1, 30 Hz",
            "p0.0 ch2 #1: player 1 Ann joined",
        ]
    );
}

#[test]
fn a_late_joiner_learns_players_and_points_before_later_events() {
    let mut table = Table::of(&["Ann", "Ben"]);
    table.say(peer(0), &Message::ScoreUpdate { score: 3 });
    table.tick();
    table.said();
    table.join(peer(2), "Cid");
    assert_eq!(
        table.said(),
        [
            "p2.0 ch2 #0: welcome player 3, 30 Hz",
            "p2.0 ch2 #1: player 1 Ann joined",
            "p2.0 ch2 #2: player 1 scored 3",
            "p2.0 ch2 #3: player 2 Ben joined",
            "p0.0 ch2 #4: player 3 Cid joined",
            "p1.0 ch2 #4: player 3 Cid joined",
            "p2.0 ch2 #4: player 3 Cid joined",
        ]
    );
}

#[test]
fn each_tick_sends_every_player_one_snapshot_of_all() {
    let mut table = Table::of(&["Ann", "Ben"]);
    let position = Position::new(1.0, 2.0, 3.0, 4.0).expect("finite");
    table.say(peer(1), &Message::PositionUpdate(position));
    table.tick();
    assert_eq!(
        table.said(),
        [
            "p0.0 ch0: snapshot 0 of [1, 2]",
            "p1.0 ch0: snapshot 0 of [1, 2]",
        ]
    );
    let ben = table.server.players().nth(1).expect("two players");
    assert_eq!(ben.state.position, position);
    assert_eq!(table.server.stats().snapshots_sent, 2);
}

#[test]
fn a_shot_goes_to_all_but_the_shooter_and_only_so_many_a_tick() {
    let mut table = Table::of(&["Ann", "Ben", "Cid"]);
    let shot = Message::WeaponFired(Shot::new(1, 2.0, 3.0).expect("finite"));
    table.say(peer(1), &shot);
    assert_eq!(
        table.said(),
        ["p0.0 ch1: player 2 fired", "p2.0 ch1: player 2 fired"]
    );
    for _ in 0..9 {
        table.say(peer(1), &shot);
    }
    assert_eq!(table.said().len(), 6);
    assert_eq!(table.server.stats().drops.shots_too_many, 6);
}

#[test]
fn points_are_announced_once_a_tick_however_often_they_are_claimed() {
    let mut table = Table::of(&["Ann"]);
    for score in 1..=50 {
        table.say(peer(0), &Message::ScoreUpdate { score });
    }
    table.tick();
    table.tick();
    assert_eq!(
        table.said_beside_snapshots(),
        ["p0.0 ch2 #2: player 1 scored 50"]
    );
}

#[test]
fn an_implausible_score_is_refused_and_counted() {
    let mut table = Table::of(&["Ann"]);
    for score in [101, 0, 10, 10, 9, u32::MAX] {
        table.say(peer(0), &Message::ScoreUpdate { score });
    }
    assert_eq!(table.server.stats().drops.score_implausible, 5);
    assert_eq!(table.server.players().next().expect("Ann").state.score, 10);
}

#[test]
fn the_game_is_over_once_at_the_configured_score() {
    let mut table = Table::new(GameConfig {
        score_to_win: Some(5),
        ..GameConfig::default()
    });
    table.join(peer(0), "Ann");
    table.join(peer(1), "Ben");
    table.said();
    table.say(peer(1), &Message::ScoreUpdate { score: 5 });
    table.tick();
    table.say(peer(0), &Message::ScoreUpdate { score: 6 });
    table.tick();
    assert_eq!(
        table.said_beside_snapshots(),
        [
            "p0.0 ch2 #3: player 2 scored 5",
            "p1.0 ch2 #3: player 2 scored 5",
            "p0.0 ch2 #4: player 2 won",
            "p1.0 ch2 #4: player 2 won",
        ]
    );
    assert_eq!(table.server.winner(), Some(PlayerId::new(2)));
    assert_eq!(table.server.stats().drops.score_after_end, 1);
}

#[test]
fn finish_names_the_leader_and_dismisses_everybody() {
    let mut table = Table::of(&["Ann", "Ben"]);
    table.server.handle_event(&connected(peer(2)));
    table.server.finish();
    table.server.finish();
    table.server.handle_event(&connected(peer(3)));
    assert_eq!(
        table.said(),
        [
            "p0.0 ch2 #3: player 1 won",
            "p1.0 ch2 #3: player 1 won",
            "p0.0 ch2 #4: goodbye",
            "p1.0 ch2 #4: goodbye",
            "p0.0 dismissed: ServerStops",
            "p1.0 dismissed: ServerStops",
            "p2.0 dismissed: ServerStops",
            "p3.0 dismissed: ServerStops",
        ]
    );
    let stats = table.server.stats();
    assert_eq!((stats.players_now, stats.events_sent), (0, 8));
}

#[test]
fn who_says_goodbye_is_told_so_and_announced_to_the_others() {
    let mut table = Table::of(&["Ann", "Ben"]);
    table.say(peer(0), &Message::Goodbye);
    assert_eq!(
        table.said(),
        [
            "p0.0 ch2 #3: goodbye",
            "p1.0 ch2 #3: player 1 Ann left",
            "p0.0 dismissed: Goodbye",
        ]
    );
    let stats = table.server.stats();
    assert_eq!((stats.events_expected, stats.events_received), (2, 2));
}

#[test]
fn a_lost_connection_is_announced_and_its_id_never_used_again() {
    let mut table = Table::of(&["Ann", "Ben"]);
    table.server.handle_event(&disconnected(peer(0)));
    assert_eq!(table.said(), ["p1.0 ch2 #3: player 1 Ann left"]);
    table.join(PeerId::new(0, 1), "Ann");
    assert_eq!(table.said()[0], "p0.1 ch2 #0: welcome player 3, 30 Hz");
}

#[test]
fn a_player_of_whom_nothing_is_heard_for_5_s_is_removed_and_announced() {
    let mut table = Table::of(&["Ann", "Ben"]);
    for tick in 0..150 {
        table.server.handle_heard(peer(1), tick);
        table.tick();
    }
    assert_eq!(table.said_beside_snapshots(), [""; 0]);
    table.server.handle_heard(peer(1), 150);
    table.tick();
    assert_eq!(
        table.said_beside_snapshots(),
        ["p1.0 ch2 #3: player 1 Ann left", "p0.0 dismissed: Silent"]
    );
    assert_eq!(table.server.stats().players_silent, 1);
}

#[test]
fn who_connects_and_does_not_join_is_dismissed() {
    let mut table = Table::new(GameConfig::default());
    table.server.handle_event(&connected(peer(0)));
    for _ in 0..151 {
        table.tick();
    }
    assert_eq!(table.said(), ["p0.0 dismissed: NoJoin"]);
}

#[test]
fn equal_names_are_made_distinct() {
    let mut table = Table::of(&["Ann", "Ann", "Ann"]);
    let names = table.server.players().map(|player| player.name.to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["Ann", "Ann (2)", "Ann (3)"]);
    table.server.handle_event(&disconnected(peer(1)));
    table.join(peer(3), "Ann");
    let last = table.server.players().last().expect("three players");
    assert_eq!(last.name.as_str(), "Ann (2)");
}

#[test]
fn a_full_game_dismisses_who_comes_next() {
    let mut table = Table::new(GameConfig {
        players_max: 1,
        ..GameConfig::default()
    });
    table.join(peer(0), "Ann");
    table.said();
    table.join(peer(1), "Ben");
    assert_eq!(table.said(), ["p1.0 dismissed: Full"]);
}

#[test]
fn a_bad_name_ends_the_connection_with_its_reason() {
    let mut table = Table::new(GameConfig::default());
    for slot in 0..3 {
        table.server.handle_event(&connected(peer(slot)));
    }
    let long = [&[0x40, 0, 0, 0, 0, 33], [b'x'; 33].as_slice()].concat();
    table.server.handle_message(peer(0), &[0x40, 0, 0, 0, 0, 0]);
    table.server.handle_message(peer(1), &long);
    table
        .server
        .handle_message(peer(2), &[0x40, 0, 0, 0, 0, 1, 7]);
    assert_eq!(
        table.said(),
        [
            "p0.0 dismissed: BadName",
            "p1.0 dismissed: BadName",
            "p2.0 dismissed: BadName",
        ]
    );
    let drops = table.server.stats().drops;
    let counted = (
        drops.name_empty,
        drops.name_too_long,
        drops.name_control_character,
    );
    assert_eq!(counted, (1, 1, 1));
}

#[test]
fn what_makes_no_sense_is_counted_and_changes_nothing() {
    let mut table = Table::of(&["Ann"]);
    let mut nan = Vec::new();
    Message::PositionUpdate(Position::default()).encode(0, &mut nan);
    nan[1..5].copy_from_slice(&f32::NAN.to_be_bytes());
    for bytes in [&[][..], &[0x01, 0], &[0x47, 0, 0, 0, 0, 0], &[0xff], &nan] {
        table.server.handle_message(peer(0), bytes);
    }
    let update = Message::PositionUpdate(Position::default());
    table.say(peer(7), &update);
    table.server.handle_event(&connected(peer(1)));
    table.say(peer(1), &update);
    let winner = PlayerId::new(1);
    table.say(peer(0), &Message::GameOver { winner });
    table.say(peer(0), &Message::PlayerJoin { name: name("Eve") });
    table.sent.insert(peer(0), 0);
    table.say(peer(0), &Message::ScoreUpdate { score: 1 });

    assert_eq!(table.said(), [""; 0]);
    let expected = crate::stats::GameDrops {
        truncated: 2,
        trailing: 1,
        unknown_type: 1,
        not_finite: 1,
        not_playing: 2,
        wrong_way: 1,
        joined_already: 1,
        duplicated_event: 1,
        ..Default::default()
    };
    let stats = table.server.stats();
    assert_eq!(stats.drops, expected);
    assert_eq!((stats.events_received, stats.events_duplicated), (3, 1));
}

#[test]
fn an_override_sends_everything_on_one_channel() {
    let mut table = Table::new(GameConfig {
        channel_override: Some(EVENTS),
        ..GameConfig::default()
    });
    table.join(peer(0), "Ann");
    table.tick();
    table.said();
    table.tick();
    assert_eq!(table.said(), ["p0.0 ch2: snapshot 1 of [1]"]);
    assert_ne!(EVENTS, STATE);

    let mut table = Table::of(&["Ann"]);
    table.server.send_on(
        To::All,
        SHOTS,
        &Message::GameOver {
            winner: PlayerId::new(1),
        },
    );
    assert_eq!(table.said(), ["p0.0 ch1 #2: player 1 won"]);
}

#[test]
fn tick_health_counts_late_and_skipped_steps() {
    let mut server = GameServer::new(GameConfig::default());
    server.handle_tick(0, 0, Duration::from_millis(16));
    server.handle_tick(4, 3, Duration::from_millis(17));
    let stats = server.stats();
    assert_eq!(
        (stats.ticks, stats.ticks_skipped, stats.ticks_late),
        (2, 3, 1)
    );
    assert_eq!(stats.tick_late_max_us, 17_000);
}

/// An endpoint whose reliable queue to one peer is full.
#[derive(Default)]
struct Crowded {
    full: Option<PeerId>,
    calls: Vec<String>,
}

impl Outlet for Crowded {
    fn send(&mut self, peer: PeerId, channel: ChannelId, _: &[u8]) -> Result<(), SendError> {
        if self.full == Some(peer) && channel == EVENTS {
            return Err(SendError::QueueFull);
        }
        self.calls.push(format!("{peer} {channel}"));
        Ok(())
    }

    fn disconnect(&mut self, peer: PeerId, farewell: Farewell) {
        self.calls.push(format!("{peer} off: {farewell}"));
    }

    fn flush(&mut self) {
        self.calls.push("flush".to_string());
    }

    fn peer_stats(&self, _: PeerId) -> Option<PeerStats> {
        None
    }

    fn set_players(&mut self, players: u32) {
        self.calls.push(format!("{players} players"));
    }
}

#[test]
fn a_player_that_cannot_take_an_event_is_dismissed_and_announced_never_skipped() {
    let mut table = Table::of(&["Ann", "Ben"]);
    let mut outlet = Crowded {
        full: Some(peer(0)),
        ..Crowded::default()
    };
    table.say(peer(1), &Message::ScoreUpdate { score: 1 });
    let tick = Event::Tick {
        tick: 0,
        skipped: 0,
        late: Duration::ZERO,
    };
    table.server.run(&tick, &mut outlet);
    assert_eq!(
        outlet.calls,
        vec![
            "p1.0 ch2",
            "p0.0 ch0",
            "p1.0 ch0",
            "p1.0 ch2",
            "p0.0 off: too slow: the queue of events is full (code 4)",
            "1 players",
            "flush",
        ]
    );
    assert_eq!(table.server.stats().players_queue_full, 1);
}

#[test]
fn buffers_are_reused_once_they_have_grown() {
    let mut table = Table::of(&["Ann", "Ben"]);
    let pointer_of_tick = |table: &mut Table| {
        table.tick();
        let outgoing = table.server.poll_send().expect("a snapshot");
        let pointer = outgoing.payload.as_ptr();
        while table.server.poll_send().is_some() {}
        pointer
    };
    let first = pointer_of_tick(&mut table);
    for _ in 0..100 {
        assert_eq!(pointer_of_tick(&mut table), first);
    }
}
