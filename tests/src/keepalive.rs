//! An idle connection behind a translator lives on, and its server reaches it, with as few datagrams as the translator allows.

use std::time::Duration;

use tickwire_core::{ChannelId, Config, ConfigBuilder, Event, PeerId, PeerStats, ServerIdentity};
use tickwire_sim::{HostId, Link, Nat, Ports, Refresh, World, ms};

const RELIABLE: ChannelId = ChannelId::new(2);
/// One way.
const LATENCY: Duration = Duration::from_millis(25);
const HOUR: Duration = Duration::from_secs(3_600);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Forgets after so long, and gives the same port again.
fn forgets_after(timeout: Duration) -> Nat {
    Nat::new()
        .timeouts(timeout, timeout)
        .refresh(Refresh::Outbound)
}

/// A client behind a translator, and its server.
struct Idle {
    world: World,
    hosts: [HostId; 2],
    peers: [PeerId; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Idle {
    fn new(nat: Nat, link: Link, config: &dyn Fn() -> ConfigBuilder) -> Self {
        let build = |config: ConfigBuilder| config.build().expect("valid");
        let mut world = World::new(1);
        let server = world.add(build(config().accepts(true)));
        let client = world.add(build(config()));
        let nat = world.add_nat(nat);
        world.put_behind(client, nat);
        world.link_both(server, client, link.latency(LATENCY));
        let address = world.address(server);
        let dialled = world.act(client, |endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::TrustOnFirstUse)
        });
        world.run_for(secs(2));
        let to_client = world.view(server).peers().next().expect("connected");
        Self {
            world,
            hosts: [client, server],
            peers: [dialled.expect("a free place"), to_client],
        }
    }

    /// With an idle timeout of ten minutes.
    fn patient(nat: Nat) -> Self {
        Self::new(nat, Link::new(), &|| {
            Config::builder().idle_timeout(secs(600))
        })
    }

    fn stats(&self, side: usize) -> PeerStats {
        let stats = self
            .world
            .view(self.hosts[side])
            .peer_stats(self.peers[side]);
        stats.expect("still connected")
    }

    /// Datagrams of both sides.
    fn datagrams(&self) -> u64 {
        self.stats(CLIENT).datagrams_sent + self.stats(SERVER).datagrams_sent
    }

    fn keepalives(&self) -> u64 {
        self.stats(CLIENT).keepalives_sent + self.stats(SERVER).keepalives_sent
    }

    /// Lets an hour pass in which nobody says anything; tells how many datagrams that took.
    fn hour(&mut self) -> u64 {
        let before = self.datagrams();
        self.world.run_for(HOUR);
        self.datagrams() - before
    }

    fn say(&mut self, side: usize) {
        let peer = self.peers[side];
        self.world.act(self.hosts[side], |endpoint, now| {
            endpoint
                .send(now, peer, RELIABLE, b"are you there?")
                .expect("room");
            endpoint.flush(now);
        });
    }

    /// How long something that the server says takes to arrive.
    fn reach(&mut self) -> Duration {
        let (client, begin) = (self.hosts[CLIENT], self.world.now());
        self.world.events(client);
        self.say(SERVER);
        let is_heard = |world: &mut World| {
            let events = world.events(client);
            events
                .iter()
                .any(|event| matches!(event, Event::Message { .. }))
        };
        assert!(self.world.run_until(is_heard, secs(600)));
        self.world.now().saturating_duration_since(begin)
    }
}

#[test]
fn the_longer_a_translator_remembers_the_fewer_keepalives_leave() {
    let mut datagrams = Vec::new();
    for timeout in [10, 30, 120] {
        let mut idle = Idle::patient(forgets_after(secs(timeout)));
        idle.hour();
        datagrams.push(idle.hour());
        let interval = Duration::from_micros(idle.stats(SERVER).keepalive_interval_us);
        // Three quarters of a silence that was at most a quarter too long, or the bound.
        let range = secs(timeout) * 11 / 20..secs(timeout);
        assert!(range.contains(&interval), "{interval:?} of {timeout} s");
        assert_eq!(idle.stats(SERVER).path_changes, 0, "the port is the same");
    }
    // A keepalive and its answer each 8.4, 27.5 and 100 s.
    assert_eq!(datagrams, [848, 262, 72]);
}

#[test]
fn a_server_reaches_its_idle_client_at_any_time_once_it_knows_the_translator() {
    for timeout in [10, 30, 120] {
        let mut idle = Idle::patient(forgets_after(secs(timeout)));
        idle.hour();
        for pause in 1..60 {
            idle.world.run_for(secs(pause * 7));
            let time = idle.reach();
            assert_eq!(time, LATENCY, "after {} s, of {timeout}", pause * 7);
        }
    }
}

#[test]
fn a_translator_that_gives_another_port_is_understood_at_once() {
    let nat = forgets_after(secs(30)).ports(Ports::Random);
    let mut idle = Idle::patient(nat);
    idle.hour();
    assert_eq!(
        idle.stats(SERVER).path_changes,
        1,
        "one silence was too long"
    );
    idle.world.run_for(2 * HOUR);
    assert_eq!(idle.stats(SERVER).path_changes, 1);
    assert_eq!(idle.reach(), LATENCY);
}

#[test]
fn losses_do_not_pass_for_a_translator_that_forgets() {
    let config = || Config::builder().idle_timeout(secs(600));
    let mut idle = Idle::new(
        Nat::new().timeouts(HOUR, HOUR),
        Link::new().loss(200),
        &config,
    );
    idle.world.run_for(3 * HOUR);
    assert_eq!(idle.stats(SERVER).keepalive_interval_us, 100_000_000);
}

#[test]
fn no_keepalive_leaves_where_messages_flow() {
    for side in [CLIENT, SERVER] {
        let mut idle = Idle::new(Nat::new(), Link::new(), &Config::builder);
        let before = idle.keepalives();
        for _ in 0..600 {
            idle.say(side);
            idle.world.run_for(secs(1));
        }
        assert_eq!(idle.keepalives(), before);
        idle.world.run_for(secs(10));
        assert!(idle.keepalives() > before);
    }
}

#[test]
fn a_fixed_interval_stays_whatever_the_translator_does() {
    let config = || {
        let config = Config::builder().idle_timeout(secs(600));
        config.keepalive_interval(secs(20))
    };
    let mut idle = Idle::new(forgets_after(secs(30)), Link::new(), &config);
    idle.hour();
    // 180 of them, and an answer to each.
    let sent = idle.hour();
    assert!((356..=364).contains(&sent), "{sent}");
}

#[test]
fn sides_with_different_idle_timeouts_live_on() {
    for (client, server, loss) in [(1, 600, 0), (600, 1, 0), (10, 600, 50), (600, 10, 50)] {
        let mut world = World::new(2);
        let config = |idle| Config::builder().idle_timeout(secs(idle));
        let hosts = [
            world.add(config(client).build().expect("valid")),
            world.add(config(server).accepts(true).build().expect("valid")),
        ];
        world.link_both(hosts[0], hosts[1], Link::new().latency(LATENCY).loss(loss));
        let address = world.address(hosts[1]);
        let dialled = world.act(hosts[0], |endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::TrustOnFirstUse)
        });
        dialled.expect("a free place");
        world.run_for(ms(1_000) + HOUR);
        let is_connected = |host| world.view(host).peers().count() == 1;
        assert!(
            hosts.into_iter().all(is_connected),
            "{client} s, {server} s"
        );
    }
}
