//! The game over endpoints in the simulator: the same machines that `tickwire serve` and `join` run over sockets.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::{ChannelId, CloseReason, Config, ServerIdentity, TickConfig};
use tickwire_game::{
    Bot, ClientStats, EVENTS, EndpointAt, GameClient, GameConfig, GameServer, Name, Phase,
};
use tickwire_sim::seeds::for_seeds;
use tickwire_sim::{HostId, Link, World, ms};

const TICK_RATE_HZ: NonZeroU32 = NonZeroU32::new(30).expect("30 is not 0");

/// A server, and bots that join it. Every owner looks at its events each millisecond.
struct Party {
    world: World,
    host: HostId,
    server: GameServer,
    bots: Vec<(HostId, Bot)>,
}

fn config(accepts: bool) -> Config {
    let builder = tickwire_game::config()
        .accepts(accepts)
        .tick(Some(TickConfig::new(TICK_RATE_HZ)));
    builder.build().expect("it is in range")
}

impl Party {
    /// A party of so many bots over `link`, that sends each message on its channel or all on `channel_override`.
    fn new(seed: u64, bots: u32, link: &Link, channel_override: Option<ChannelId>) -> Self {
        let mut world = World::new(seed);
        world.default_link(link.clone());
        let host = world.add(config(true));
        let server = GameServer::new(GameConfig {
            channel_override,
            ..GameConfig::default()
        });
        let mut party = Self {
            world,
            host,
            server,
            bots: Vec::new(),
        };
        for number in 0..bots {
            party.join(number, channel_override);
        }
        party
    }

    fn join(&mut self, number: u32, channel_override: Option<ChannelId>) {
        let host = self.world.add(config(false));
        let address = self.world.address(self.host);
        let server = self.world.act(host, |endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::TrustOnFirstUse)
        });
        let server = server.expect("nobody is connected yet");
        let name = Name::new("bot").expect("a good name");
        let mut client = GameClient::new(server, name, TICK_RATE_HZ);
        client.set_channel_override(channel_override);
        self.bots.push((host, Bot::new(client, number)));
    }

    fn run_for(&mut self, duration: Duration) {
        for _ in 0..duration.as_millis() {
            self.world.run_for(ms(1));
            self.turn();
        }
    }

    fn turn(&mut self) {
        for event in self.world.events(self.host) {
            let server = &mut self.server;
            self.world.act(self.host, |endpoint, now| {
                server.run(&event, &mut EndpointAt { endpoint, now });
            });
        }
        for (host, bot) in &mut self.bots {
            for event in self.world.events(*host) {
                self.world.act(*host, |endpoint, now| {
                    bot.run(&event, &mut EndpointAt { endpoint, now });
                });
            }
        }
    }

    /// Ends the game and lets everybody hear it.
    fn finish(&mut self) {
        let server = &mut self.server;
        self.world.act(self.host, |endpoint, now| {
            server.finish();
            server.drain(&mut EndpointAt { endpoint, now });
        });
        self.run_for(ms(2_000));
    }

    fn stats(&self) -> Vec<ClientStats> {
        let bots = self.bots.iter();
        bots.map(|(_, bot)| bot.client().stats()).collect()
    }

    /// UDP payload of all hosts together.
    fn bytes_sent(&self) -> u64 {
        let hosts = self.world.hosts();
        hosts
            .map(|host| self.world.view(host).stats().bytes_sent)
            .sum()
    }

    fn assert_every_event_exactly_once(&self) {
        for (index, stats) in self.stats().iter().enumerate() {
            assert!(
                stats.events_final,
                "bot {index} heard no goodbye: {stats:?}"
            );
            assert_eq!(stats.events_received, stats.events_expected, "bot {index}");
            assert_eq!(stats.events_duplicated, 0, "bot {index}");
        }
    }
}

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

/// Positions that are sent again when nobody wants them, a number and an acknowledgement for each: what it
/// costs to make everything reliable because that seems safe.
#[test]
fn everything_reliable_costs_more_bytes_than_the_mixed_channels() {
    for loss_permille in [0, 50] {
        let cost = |channel_override| {
            let link = fair().loss(loss_permille);
            let mut party = Party::new(5, 8, &link, channel_override);
            party.run_for(ms(10_000));
            party.bytes_sent()
        };
        let (mixed, reliable) = (cost(None), cost(Some(EVENTS)));
        let more_permille = reliable * 1_000 / mixed - 1_000;
        eprintln!(
            "loss {loss_permille} permille: {mixed} bytes mixed, {reliable} all reliable, {more_permille} permille more"
        );
        assert!(reliable > mixed, "{reliable} <= {mixed}");
    }
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
    let address = party.world.address(party.host);
    let dial = |endpoint: &mut tickwire_core::Endpoint, now| {
        endpoint.connect(now, address, ServerIdentity::TrustOnFirstUse)
    };
    let server = party
        .world
        .act(host, dial)
        .expect("nobody is connected yet");
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
fn the_same_seed_is_the_same_game() {
    let play = |seed| {
        let mut party = Party::new(seed, 5, &fair().jitter(ms(10)).loss(50), None);
        party.run_for(ms(3_000));
        (party.stats(), party.server.stats(), party.bytes_sent())
    };
    assert_eq!(play(8), play(8));
    assert_ne!(play(8), play(9));
}
