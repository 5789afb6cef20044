//! Programs above the endpoints: a game of yours, played in a world.

use std::time::Duration;

use tickwire_core::{Endpoint, Event, Instant, PeerId, ServerIdentity};

use super::World;
use crate::host::HostId;
use crate::link::Link;

impl World {
    /// Puts the same link in place in both directions.
    pub fn link_both(&mut self, one: HostId, other: HostId, link: Link) {
        self.link(one, other, link.clone());
        self.link(other, one, link);
    }

    /// Has a host connect to another, whose key it knows. The name of the connection is the dialling host's.
    ///
    /// # Panics
    ///
    /// If the endpoint refuses: it is connected to this host already, or has no room.
    pub fn dial(&mut self, from: HostId, to: HostId) -> PeerId {
        let (address, key) = (self.address(to), self.view(to).public_key());
        let dialled = self.act(from, |endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::Known(key))
        });
        dialled.expect("the host can dial")
    }

    /// Lets time pass, and hands each event to `play` when it comes, with the endpoint that told it and what that host's
    /// clock shows: the place for a game's own logic, on all hosts.
    ///
    /// Events that nobody took before are handed out first. At one instant they come by host, and of a host in order; a
    /// host that crashed or stands still is told nothing.
    ///
    /// ```
    /// use tickwire_core::{ChannelId, Config, Event};
    /// use tickwire_sim::{Link, World, ms};
    ///
    /// let mut world = World::new(7);
    /// world.default_link(Link::new().latency(ms(25)).loss(50));
    /// let server = world.add(Config::builder().accepts(true).build()?);
    /// let client = world.add(Config::default());
    /// world.dial(client, server);
    ///
    /// let (mut heard, ordered) = (Vec::new(), ChannelId::new(3));
    /// world.play_for(ms(2_000), |host, event, endpoint, now| match event {
    ///     Event::Connected { peer, .. } if host == client => {
    ///         endpoint.send(now, *peer, ordered, b"jump").expect("the queue has room");
    ///     }
    ///     Event::Message { payload, .. } => heard.push((host, payload.clone())),
    ///     _ => {}
    /// });
    /// assert_eq!(heard, [(server, "jump".into())]);
    /// # Ok::<(), tickwire_core::ConfigError>(())
    /// ```
    pub fn play_for(
        &mut self,
        duration: Duration,
        play: impl FnMut(HostId, &Event, &mut Endpoint, Instant),
    ) {
        self.play_until(|_| false, duration, play);
    }

    /// As [`play_for`](Self::play_for), until `done` but no longer than `limit`; tells whether it is done.
    pub fn play_until(
        &mut self,
        mut done: impl FnMut(&mut Self) -> bool,
        limit: Duration,
        mut play: impl FnMut(HostId, &Event, &mut Endpoint, Instant),
    ) -> bool {
        let turn = |world: &mut Self| {
            world.hand_out(&mut play);
            done(world)
        };
        self.run_until(turn, limit)
    }

    /// Hands out what the endpoints told their owners. What the owners answer leaves when time next passes.
    fn hand_out(&mut self, play: &mut impl FnMut(HostId, &Event, &mut Endpoint, Instant)) {
        for id in self.hosts() {
            let host = &mut self.hosts[id.index()];
            if host.events.is_empty() || !host.driver.is_running() {
                continue;
            }
            let now = host.clock.read(self.now);
            self.agenda.touch(id);
            while let Some((_, event)) = host.events.pop_front() {
                play(id, &event, &mut host.endpoint, now);
            }
        }
    }
}
