//! What players see of each other.

use super::*;

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
