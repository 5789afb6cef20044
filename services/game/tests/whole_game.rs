//! A whole game of bots without a network: messages are carried by hand, and sometimes lost or carried twice.
//! It shows that the counts of the clients are honest before any transport is involved.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::{ChannelId, CloseReason, Event, Farewell, PeerId, PeerStats, Role, SendError};
use tickwire_game::{
    Bot, ClientStats, EVENTS, GameClient, GameConfig, GameServer, Name, Outlet, Phase,
};

/// What happens to the messages of one sender.
#[derive(Default)]
struct Carrier {
    messages: Vec<(PeerId, Vec<u8>)>,
    farewells: Vec<(PeerId, Farewell)>,
    events: u32,
    lost_event: Option<u32>,
    repeated_event: Option<u32>,
}

impl Outlet for Carrier {
    fn send(&mut self, peer: PeerId, channel: ChannelId, payload: &[u8]) -> Result<(), SendError> {
        let mut copies = 1;
        if channel == EVENTS {
            copies -= usize::from(self.lost_event == Some(self.events));
            copies += usize::from(self.repeated_event == Some(self.events));
            self.events += 1;
        }
        let copy = (peer, payload.to_vec());
        self.messages.extend(std::iter::repeat_n(copy, copies));
        Ok(())
    }

    fn disconnect(&mut self, peer: PeerId, farewell: Farewell) {
        self.farewells.push((peer, farewell));
    }

    fn flush(&mut self) {}

    fn peer_stats(&self, _: PeerId) -> Option<PeerStats> {
        None
    }

    fn set_players(&mut self, _: u32) {}
}

struct Game {
    server: GameServer,
    bots: BTreeMap<PeerId, Bot>,
    carrier: Carrier,
    tick: u64,
}

/// Every bot knows the server by this id.
const SERVER: PeerId = PeerId::new(0, 9);

fn connected(peer: PeerId, role: Role) -> Event {
    Event::Connected {
        peer,
        address: ([127, 0, 0, 1], 1).into(),
        role,
        server_key: None,
        client: None,
    }
}

fn message(peer: PeerId, payload: Vec<u8>) -> Event {
    Event::Message {
        peer,
        channel: EVENTS,
        payload: payload.into(),
    }
}

impl Game {
    fn new(bots: u32) -> Self {
        let mut game = Self {
            server: GameServer::new(GameConfig::default()),
            bots: BTreeMap::new(),
            carrier: Carrier::default(),
            tick: 0,
        };
        for number in 0..bots {
            let rate = NonZeroU32::new(30).expect("not 0");
            let name = Name::new("bot").expect("a good name");
            let client = GameClient::new(SERVER, name, rate);
            let peer = PeerId::new(number, 0);
            game.bots.insert(peer, Bot::new(client, number));
            game.tell_server(&connected(peer, Role::Server));
            game.tell_bot(peer, &connected(SERVER, Role::Client));
        }
        game
    }

    fn tell_server(&mut self, event: &Event) {
        self.server.run(event, &mut self.carrier);
        self.carry_down();
    }

    fn carry_down(&mut self) {
        for (peer, payload) in std::mem::take(&mut self.carrier.messages) {
            self.tell_bot(peer, &message(SERVER, payload));
        }
        for (peer, farewell) in std::mem::take(&mut self.carrier.farewells) {
            let gone = Event::Disconnected {
                peer: SERVER,
                reason: CloseReason::Remote(farewell),
                undelivered: 0,
            };
            self.tell_bot(peer, &gone);
        }
    }

    fn tell_bot(&mut self, peer: PeerId, event: &Event) {
        let mut up = Carrier::default();
        let bot = self.bots.get_mut(&peer).expect("a bot for each peer");
        bot.run(event, &mut up);
        for (_, payload) in up.messages {
            self.tell_server(&message(peer, payload));
        }
    }

    fn run(&mut self, ticks: u64) {
        for _ in 0..ticks {
            let tick = Event::Tick {
                tick: self.tick,
                skipped: 0,
                late: Duration::ZERO,
            };
            self.tick += 1;
            for peer in self.bots.keys().copied().collect::<Vec<_>>() {
                self.tell_bot(peer, &tick);
            }
            self.tell_server(&tick);
        }
    }

    fn finish(&mut self) {
        self.server.finish();
        self.server.drain(&mut self.carrier);
        self.carry_down();
        for bot in self.bots.values() {
            assert_eq!(bot.client().phase(), Phase::Ended);
            assert!(bot.client().stats().events_final);
        }
    }

    fn stats(&self) -> Vec<ClientStats> {
        let bots = self.bots.values();
        bots.map(|bot| bot.client().stats()).collect()
    }
}

fn lost(stats: &ClientStats) -> u64 {
    stats.events_expected - stats.events_received
}

#[test]
fn eight_bots_get_every_snapshot_and_every_event_exactly_once() {
    let mut game = Game::new(8);
    game.run(300);
    game.finish();
    let mut events = 0;
    for stats in game.stats() {
        assert_eq!(stats.snapshots_received, 300);
        assert_eq!((stats.snapshots_stale, stats.snapshots_without_me), (0, 0));
        assert_eq!((lost(&stats), stats.events_duplicated), (0, 0));
        assert!(stats.events_received >= 80, "10 points of 8 bots each");
        assert!(stats.shots_received > 0);
        events += stats.events_expected;
    }
    let server = game.server.stats();
    assert_eq!(server.events_sent, events);
    assert_eq!(server.events_expected, server.events_received);
    assert_eq!(server.drops, Default::default());
}

#[test]
fn one_lost_event_shows_in_exactly_one_client() {
    let mut game = Game::new(4);
    game.carrier.lost_event = Some(game.carrier.events + 10);
    game.run(100);
    game.finish();
    let lost: Vec<u64> = game.stats().iter().map(lost).collect();
    assert_eq!(lost.iter().sum::<u64>(), 1, "{lost:?}");
}

#[test]
fn one_repeated_event_shows_in_exactly_one_client() {
    let mut game = Game::new(4);
    game.carrier.repeated_event = Some(game.carrier.events + 10);
    game.run(100);
    game.finish();
    let repeated = game
        .stats()
        .iter()
        .map(|stats| stats.events_duplicated)
        .sum::<u64>();
    assert_eq!(repeated, 1);
    assert_eq!(game.stats().iter().map(lost).sum::<u64>(), 0);
}

#[test]
fn the_same_game_twice_is_the_same_game() {
    let run = || {
        let mut game = Game::new(5);
        game.run(200);
        game.finish();
        (game.stats(), game.server.stats())
    };
    assert_eq!(run(), run());
}
