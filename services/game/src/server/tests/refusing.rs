//! Who is not let in, and what is not believed.

use super::*;

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
