//! The game over endpoints in the simulator: the same machines that `tickwire serve` and `join` run over sockets.

use tickwire_core::CloseReason;
use tickwire_game::{EndpointAt, GameClient, Name, Phase};
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{Link, ms};

use crate::party::{Party, TICK_RATE_HZ, config};

fn fair() -> Link {
    Link::new().latency(ms(25))
}

#[test]
fn bots_get_300_snapshots_in_10_s_and_every_event_exactly_once() {
    let mut party = Party::new(1, 8, &fair(), None);
    party.run_for(ms(10_000));
    for stats in party.stats() {
        let snapshots = stats.snapshots_received;
        assert!((290..=310).contains(&snapshots), "{snapshots}");
        assert_eq!((stats.snapshots_stale, stats.snapshots_without_me), (0, 0));
    }
    let drops = party.server.stats().drops;
    assert_eq!(drops, tickwire_game::GameDrops::default());
    party.finish();
    party.assert_every_event_exactly_once();
    let server = party.server.stats();
    assert_eq!(server.events_received, server.events_expected);
}

/// Each lost datagram costs a snapshot at most, and an event never.
#[test]
fn at_5_percent_loss_only_snapshots_in_lost_datagrams_are_missing() {
    for_seeds(0..10, |seed| {
        let mut party = Party::new(seed, 8, &fair().loss(50), None);
        party.run_until_all_play();
        let (before, missing_before) = (party.stats(), party.missing_datagrams());
        party.run_for(ms(10_000));
        let (after, missing_after) = (party.stats(), party.missing_datagrams());
        let mut lost_by_all = 0;
        for bot in 0..8 {
            let got = after[bot].snapshots_received - before[bot].snapshots_received;
            // Those under way when the time began are still counted as missing then.
            let lost = missing_after[bot] + 2 - missing_before[bot];
            assert!(got <= 302, "bot {bot} got {got} of 300");
            assert!(got + lost >= 298, "bot {bot} got {got}, lost {lost}");
            lost_by_all += lost;
        }
        assert!(
            lost_by_all > 80,
            "5 % of 8 times 300 is 120, and not {lost_by_all}"
        );
        party.finish();
        party.assert_every_event_exactly_once();
        let server = party.server.stats();
        assert_eq!(server.events_received, server.events_expected);
        assert_eq!(server.events_duplicated, 0);
    });
}

#[test]
fn who_joins_late_sees_who_is_there_and_their_points() {
    let mut party = Party::new(2, 4, &fair(), None);
    party.run_for(ms(3_000));
    party.join(4, None);
    party.run_until_all_play();
    party.run_for(ms(100));
    let (early, late) = (party.bots[0].1.client(), party.bots[4].1.client());
    // What is announced meanwhile reaches both at once, so they know the same.
    assert_eq!(late.players().len(), 5);
    for (id, seen) in late.players() {
        let known = &early.players()[id];
        assert_eq!((&seen.name, seen.score), (&known.name, known.score));
        assert!(late.id() == Some(*id) || seen.score > 0, "{id}: {seen:?}");
    }
    assert!(late.stats().snapshots_received > 0);
    for (_, bot) in &party.bots {
        assert_eq!(bot.client().players().len(), 5, "all know the newcomer");
    }
}

#[test]
fn every_event_arrives_exactly_once_over_a_bad_network() {
    let link = fair()
        .jitter(ms(20))
        .loss(100)
        .duplication(50)
        .reordering(50, ms(40))
        .corruption(20);
    for_seeds(0..10, |seed| {
        let mut party = Party::new(seed, 4, &link, None);
        party.run_for(ms(5_000));
        for stats in party.stats() {
            assert!(stats.snapshots_received > 100, "{stats:?}");
            assert_eq!(stats.snapshots_stale, 0, "sequenced drops the stale");
        }
        party.world.heal();
        party.finish();
        party.assert_every_event_exactly_once();
    });
}

#[test]
fn a_player_who_falls_silent_is_removed_after_5_s_and_the_others_are_told() {
    let mut party = Party::new(3, 3, &fair(), None);
    party.run_for(ms(1_000));
    let (lost, _) = party.bots[0];
    party.world.link(lost, party.host, Link::new().loss(1_000));
    party.run_for(ms(4_900));
    assert_eq!(party.server.players_now(), 3);
    party.run_for(ms(300));
    assert_eq!(party.server.players_now(), 2);
    assert_eq!(party.server.stats().players_silent, 1);
    party.run_for(ms(100));
    for (_, bot) in &party.bots[1..] {
        assert_eq!(bot.client().players().len(), 2);
    }
}

#[test]
fn a_player_who_stands_still_is_not_taken_for_silent() {
    let mut party = Party::new(3, 0, &fair(), None);
    let host = party.world.add(config(false));
    let server = party.dial(host);
    let name = Name::new("statue").expect("a good name");
    let mut client = GameClient::new(server, name, TICK_RATE_HZ);
    for _ in 0..20_000 {
        party.run_for(ms(1));
        for event in party.world.events(host) {
            party.world.act(host, |endpoint, now| {
                client.run(&event, &mut EndpointAt { endpoint, now });
            });
        }
    }
    assert_eq!(client.phase(), Phase::Playing);
    assert_eq!(party.server.players_now(), 1);
}

#[test]
fn who_leaves_hears_goodbye_and_the_others_hear_of_it() {
    let mut party = Party::new(4, 2, &fair(), None);
    party.run_for(ms(1_000));
    let (host, bot) = &mut party.bots[0];
    party.world.act(*host, |endpoint, now| {
        bot.leave(&mut EndpointAt { endpoint, now });
    });
    party.run_for(ms(500));
    let (left, stayed) = (party.bots[0].1.client(), party.bots[1].1.client());
    assert_eq!(left.phase(), Phase::Ended);
    assert!(left.stats().events_final);
    assert!(matches!(left.close_reason(), Some(CloseReason::Remote(_))));
    assert_eq!(stayed.players().len(), 1);
}

/// A client that reads nothing stops the server's reliable queue to it, and only that.
#[test]
fn a_player_that_does_not_read_is_dismissed_and_the_others_play_on() {
    let mut party = Party::new(6, 2, &fair(), None);
    party.run_for(ms(1_000));
    let (stuck, _) = party.bots[0];
    party.world.set_reading(stuck, false);
    // Events enough to fill every bound on the way to it.
    let winner = tickwire_game::PlayerId::new(2);
    let message = tickwire_game::Message::GameOver { winner };
    for _ in 0..2_000 {
        for _ in 0..20 {
            party.server.send(tickwire_game::To::All, &message);
        }
        party.run_for(ms(5));
        if party.server.players_now() == 1 {
            break;
        }
    }
    assert_eq!(party.server.players_now(), 1);
    assert_eq!(party.server.stats().players_queue_full, 1);
    let snapshots = party.stats()[1].snapshots_received;
    party.run_for(ms(1_000));
    assert!(party.stats()[1].snapshots_received >= snapshots + 29);
    party.finish();
    let stayed = party.stats()[1];
    assert_eq!(stayed.events_received, stayed.events_expected);
}

#[test]
fn the_same_seed_is_the_same_game_to_the_byte() {
    let play = |seed| {
        let mut party = Party::new(seed, 8, &fair().jitter(ms(10)).loss(50), None);
        party.run_for(ms(10_000));
        party.finish();
        let wire = party.world.wire_hash();
        (wire, party.stats(), party.server.stats())
    };
    assert_eq!(play(8), play(8));
    assert_ne!(play(8).0, play(9).0);
}
