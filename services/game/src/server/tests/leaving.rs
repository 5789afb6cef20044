//! How players leave, and how the game ends.

use super::*;

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
