//! A game in the simulator: a server and its bots, the same machines that `tickwire serve` and `join` run over sockets.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::{ChannelId, Config, Event, Instant, PeerId, ServerIdentity, TickConfig};
use tickwire_game::{
    Bot, ClientStats, EndpointAt, GameClient, GameConfig, GameServer, Message, Name, Phase,
};
use tickwire_sim::{HostId, Link, World, ms};

pub(crate) const TICK_RATE_HZ: NonZeroU32 = NonZeroU32::new(30).expect("30 is not 0");

/// A server, and bots that join it. Every owner takes its events as soon as they come.
pub(crate) struct Party {
    pub(crate) world: World,
    pub(crate) host: HostId,
    pub(crate) server: GameServer,
    pub(crate) bots: Vec<(HostId, Bot)>,
    /// How old each snapshot was when a bot got it: the time since its tick.
    pub(crate) ages: Vec<Duration>,
}

pub(crate) fn config(accepts: bool) -> Config {
    let builder = tickwire_game::config()
        .accepts(accepts)
        .tick(Some(TickConfig::new(TICK_RATE_HZ)));
    builder.build().expect("it is in range")
}

impl Party {
    /// A party of so many bots over `link`, that sends each message on its channel or all on `channel_override`.
    pub(crate) fn new(
        seed: u64,
        bots: u32,
        link: &Link,
        channel_override: Option<ChannelId>,
    ) -> Self {
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
            ages: Vec::new(),
        };
        for number in 0..bots {
            party.join(number, channel_override);
        }
        party
    }

    pub(crate) fn join(&mut self, number: u32, channel_override: Option<ChannelId>) {
        let host = self.world.add(config(false));
        let server = self.dial(host);
        let name = Name::new("bot").expect("a good name");
        let mut client = GameClient::new(server, name, TICK_RATE_HZ);
        client.set_channel_override(channel_override);
        self.bots.push((host, Bot::new(client, number)));
    }

    /// Has a host connect to the server.
    pub(crate) fn dial(&mut self, host: HostId) -> PeerId {
        let address = self.world.address(self.host);
        let dialled = self.world.act(host, |endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::TrustOnFirstUse)
        });
        dialled.expect("nobody is connected yet")
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_until(|_| false, duration);
    }

    /// Runs until everybody plays.
    pub(crate) fn run_until_all_play(&mut self) {
        let all_play = |bots: &[(HostId, Bot)]| {
            let mut bots = bots.iter();
            bots.all(|(_, bot)| bot.client().phase() == Phase::Playing)
        };
        assert!(self.run_until(all_play, ms(5_000)), "somebody cannot join");
    }

    fn run_until(&mut self, done: impl Fn(&[(HostId, Bot)]) -> bool, limit: Duration) -> bool {
        let Self {
            world,
            host,
            server,
            bots,
            ages,
        } = self;
        let turn = |world: &mut World| {
            for event in world.events(*host) {
                world.act(*host, |endpoint, now| {
                    server.run(&event, &mut EndpointAt { endpoint, now });
                });
            }
            for (host, bot) in bots.iter_mut() {
                for event in world.events(*host) {
                    ages.extend(snapshot_age(&event, world.now()));
                    world.act(*host, |endpoint, now| {
                        bot.run(&event, &mut EndpointAt { endpoint, now });
                    });
                }
            }
            done(bots)
        };
        world.run_until(turn, limit)
    }

    /// Ends the game and lets everybody hear it.
    pub(crate) fn finish(&mut self) {
        let server = &mut self.server;
        self.world.act(self.host, |endpoint, now| {
            server.finish();
            server.drain(&mut EndpointAt { endpoint, now });
        });
        self.run_for(ms(2_000));
    }

    pub(crate) fn stats(&self) -> Vec<ClientStats> {
        let bots = self.bots.iter();
        bots.map(|(_, bot)| bot.client().stats()).collect()
    }

    /// UDP payload of all hosts together.
    pub(crate) fn bytes_sent(&self) -> u64 {
        let hosts = self.world.hosts();
        hosts
            .map(|host| self.world.view(host).stats().bytes_sent)
            .sum()
    }

    /// Datagrams from the server to each bot that have not arrived: lost, or still on their way.
    pub(crate) fn missing_datagrams(&self) -> Vec<u64> {
        let server = self.world.view(self.host);
        let missing = |(host, bot): &(HostId, Bot)| {
            let address = Some(self.world.address(*host));
            let peer = server
                .peers()
                .find(|peer| server.peer_address(*peer) == address)?;
            let received = self.world.view(*host).peer_stats(bot.client().server())?;
            Some(server.peer_stats(peer)?.datagrams_sent - received.datagrams_received)
        };
        let bots = self.bots.iter();
        bots.map(|bot| missing(bot).expect("all are connected"))
            .collect()
    }

    pub(crate) fn assert_every_event_exactly_once(&self) {
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

/// The time since the tick that a snapshot shows; the server's first tick was at zero.
fn snapshot_age(event: &Event, now: Instant) -> Option<Duration> {
    let Event::Message { payload, .. } = event else {
        return None;
    };
    let Message::StateSnapshot(snapshot) = Message::decode(payload).ok()?.message else {
        return None;
    };
    let tick_at =
        Duration::from_nanos(snapshot.tick * 1_000_000_000 / u64::from(TICK_RATE_HZ.get()));
    Some(now.saturating_duration_since(Instant::ZERO + tick_at))
}
