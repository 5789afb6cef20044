//! The world that a scenario asks for: hosts, links and NATs in place, and everything that is to happen planned.

use std::time::Duration;

use tickwire_core::{ChannelConfig, Config, ConfigBuilder, Delivery, Instant, SecretKey};

use super::flow::Flows;
use super::owner::Client;
use super::sampler::{INTERVAL, Sampler};
use super::{Action, BTreeMap, Place, Run, Times, World};
use crate::host::HostId;
use crate::link::Link;
use crate::nat::realms::NatId;
use crate::scenario::clients::{Group, HostKeys};
use crate::scenario::event::{Happening, What, Who};
use crate::scenario::traffic::Traffic;
use crate::scenario::{EndpointKeys, Scenario, nat};

/// Channel on which clients say who they are.
pub(super) const JOIN_CHANNEL: u8 = 0;

impl<'a> Run<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        seed: u64,
        is_traced: bool,
        links: &[(Link, Link)],
    ) -> Self {
        let mut world = World::new(seed);
        let clients = scenario.clients();
        let config = scenario.endpoint.config(clients, &scenario.traffic);
        let identity = SecretKey::from_bytes([5; 32]);
        let server_key = identity.public_key();
        let server_config = config.clone().accepts(true).identity(Some(identity));
        let server = world.add(server_config.build().expect("the scenario was checked"));
        world.set_name(server, "S");
        afflict(&mut world, server, &scenario.server);
        let config = config.build().expect("the scenario was checked");
        let mut run = Self {
            scenario,
            server,
            server_key,
            server_stalled_until: Instant::ZERO,
            clients_by_peer: BTreeMap::new(),
            clients: Vec::new(),
            timeline: BTreeMap::new(),
            planned: 0,
            partitions: Vec::new(),
            flows: Flows::new(scenario, &world),
            sampler: Sampler::new(scenario),
            log: Vec::new(),
            dialled: 0,
            disconnects: 0,
            endings: BTreeMap::new(),
            handshake: Times::default(),
            reconnect: Times::default(),
            world,
        };
        for (index, group) in scenario.groups.iter().enumerate() {
            run.add_group(index, group, &config);
        }
        run.put_links(links);
        if is_traced {
            run.world.record_trace();
        }
        run.plan_all();
        run
    }

    fn add_group(&mut self, index: usize, group: &Group, config: &Config) {
        let mut shared = None;
        for number in 0..group.count {
            let host = self.world.add(config.clone());
            self.world
                .set_name(host, &format!("C{}", self.clients.len() + 1));
            afflict(&mut self.world, host, &group.host);
            let place = Place {
                host,
                nat: self.nat(index, number, group, &mut shared),
                group: index,
                number,
            };
            if let Some(nat) = place.nat {
                self.world.put_behind(host, nat);
            }
            self.clients.push(Client::new(place, group));
        }
    }

    /// The client's NAT: its own, the group's, or one that nobody notices if an event needs it.
    fn nat(
        &mut self,
        group_index: usize,
        number: u32,
        group: &Group,
        shared: &mut Option<NatId>,
    ) -> Option<NatId> {
        if let Some(keys) = &group.nat {
            if let Some(shared) = *shared {
                return Some(shared);
            }
            let nat = match keys.carrier {
                true => {
                    let carrier = self.world.add_nat(nat::carrier());
                    self.world.add_nat_behind(keys.nat.clone(), carrier)
                }
                false => self.world.add_nat(keys.nat.clone()),
            };
            *shared = keys.is_shared.then_some(nat);
            return Some(nat);
        }
        let mut events = self.scenario.events.iter();
        let needs_one =
            events.any(|event| event.what.is_of_a_nat() && event.who.is(group_index, number));
        needs_one.then(|| self.world.add_nat(nat::unnoticed()))
    }

    /// The scenario's links, or these in turn.
    fn put_links(&mut self, links: &[(Link, Link)]) {
        for client in 0..self.clients.len() {
            match links.get(client % links.len().max(1)) {
                None => self.put_link(client),
                Some((up, down)) => self.put_ways(client, up.clone(), down.clone()),
            }
        }
    }

    /// Puts a client's links in place as its keys now are, with the outages that are to come.
    pub(super) fn put_link(&mut self, client: usize) {
        let link = &self.clients[client].link;
        self.put_ways(client, link.up.build(), link.down.build());
    }

    /// Puts these links in place for a client, with the outages that are to come.
    fn put_ways(&mut self, client: usize, mut up: Link, mut down: Link) {
        let place = &self.clients[client].place;
        let now = self.world.now().saturating_duration_since(Instant::ZERO);
        for event in &self.scenario.events {
            if !event.who.is(place.group, place.number) {
                continue;
            }
            for at in times(event, self.scenario.duration) {
                let (What::Blackhole(length, ways) | What::Hold(length, ways)) = event.what else {
                    break;
                };
                let Some(left) = (at + length)
                    .checked_sub(now)
                    .filter(|left| !left.is_zero())
                else {
                    continue;
                };
                let (at, length) = (at.saturating_sub(now), left.min(length));
                let add = |link: Link| match event.what {
                    What::Hold(..) => link.hold(at, length),
                    _ => link.blackhole(at, length),
                };
                up = if ways.up { add(up) } else { up };
                down = if ways.down { add(down) } else { down };
            }
        }
        let host = place.host;
        self.world.link(host, self.server, up);
        self.world.link(self.server, host, down);
    }

    fn plan_all(&mut self) {
        let scenario = self.scenario;
        for (index, event) in scenario.events.iter().enumerate() {
            for at in times(event, scenario.duration) {
                self.plan(Instant::ZERO + at, Action::Begin(index));
            }
        }
        let mut rng = self.world.fork_rng("ticks");
        let tick = u64::try_from(self.tick_length().as_nanos()).unwrap_or(u64::MAX);
        self.plan(Instant::ZERO, Action::ServerTick);
        for client in 0..self.clients.len() {
            let offset = Duration::from_nanos(rng.below(tick));
            self.plan(Instant::ZERO + offset, Action::ClientTick(client));
            let Place { group, number, .. } = self.clients[client].place;
            let group = &scenario.groups[group];
            let join_at = Instant::ZERO + group.join_at + group.join_every * number;
            self.plan(join_at, Action::Dial(client));
        }
        self.plan(Instant::ZERO + INTERVAL, Action::Sample);
    }
}

/// The times at which an event begins, within so long.
fn times(event: &Happening, within: Duration) -> impl Iterator<Item = Duration> + use<> {
    let (first, every) = (event.at, event.every);
    std::iter::successors(Some(first), move |at| Some(*at + every?))
        .take_while(move |at| *at < within)
}

impl Who {
    /// Whether this client, the so-and-so-manyth of its group, is meant.
    pub(crate) fn is(self, group: usize, number: u32) -> bool {
        match self {
            Self::Server => false,
            Self::AllClients => true,
            Self::Group(index) => index == group,
            Self::Client(index, nth) => (index, nth) == (group, number),
        }
    }
}

fn afflict(world: &mut World, host: HostId, keys: &HostKeys) {
    if keys.clock_drift_ppm != 0 {
        world.drift(host, keys.clock_drift_ppm);
    }
    if !keys.late_timers.is_zero() {
        world.late_timers(host, keys.late_timers);
    }
    if let Some(bytes) = keys.receive_buffer {
        world.receive_buffer(host, bytes);
    }
}

impl EndpointKeys {
    /// The configuration of an endpoint with room for so many clients.
    pub(in crate::scenario) fn config(&self, clients: u32, traffic: &[Traffic]) -> ConfigBuilder {
        let channel = |delivery| {
            let channel = ChannelConfig::new(delivery);
            match self.send_queue_bytes_max {
                Some(bytes) => {
                    channel.send_queue_bytes_max(usize::try_from(bytes).unwrap_or(usize::MAX))
                }
                None => channel,
            }
        };
        let mut channels = vec![channel(Delivery::Reliable)];
        channels.extend(traffic.iter().map(|traffic| {
            let channel = traffic.channel.of(channel(traffic.delivery));
            // What a rate can bear depends on the longest message, which is known here.
            match traffic.channel.qos.rate {
                Some(_) => channel.message_size_max(traffic.size_max as usize),
                None => channel,
            }
        }));
        // A client that comes again is there twice for a while.
        let mut config = Config::builder()
            .channels(channels)
            .peers_max(2 * clients + 16);
        if let Some(time) = self.idle_timeout {
            config = config.idle_timeout(time);
        }
        if let Some(time) = self.keepalive_interval {
            config = config.keepalive_interval(time);
        }
        if let Some(time) = self.handshake_timeout {
            config = config.handshake_timeout(time);
        }
        if let Some(time) = self.delivery_timeout {
            config = config.delivery_timeout(time);
        }
        if let Some(time) = self.ack_delay_max {
            config = config.ack_delay_max(time);
        }
        if let Some(bytes) = self.datagram_size_max {
            config = config.datagram_size_max(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        if let Some(is_on) = self.mtu_discovery {
            config = config.mtu_discovery(is_on);
        }
        if let Some(count) = self.half_open_max {
            config = config.half_open_max(count);
        }
        if let Some(count) = self.unproven_max {
            config = config.unproven_max(count);
        }
        if let Some(packets) = self.packets_per_key {
            config = config.packets_per_key(packets.into());
        }
        if let Some(congestion) = self.congestion {
            config = config.congestion(congestion);
        }
        if let Some(percent) = self.redundancy_percent_max {
            config = config.redundancy_percent_max(percent);
        }
        if let Some(ecn) = self.ecn {
            config = config.ecn(ecn);
        }
        config
    }
}
