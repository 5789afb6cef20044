//! A server and its clients, who talk, part, come again and never tire.

mod recordings;
mod talk;

use std::collections::BTreeSet;
use std::time::Duration;

use tickwire_core::{
    ConfigBuilder, ConnectError, ConnectToken, Endpoint, Entropy, Farewell, Grant, Instant,
    PublicKey, SecretKey, SendOptions, ServerIdentity, TokenServer,
};
use tickwire_sim::mix::{Ailment, Play, Trouble};
use tickwire_sim::{FaultCounts, HostId, Mix, Rng, World, ms};

use super::case::Case;
use super::ledger::{Ledger, Side};
use super::style::Style;
use crate::tokens::{START, authority_key, tell_time};

/// The hosts of a mix, the server first.
#[derive(Debug)]
pub(super) struct Party {
    world: World,
    hosts: Vec<HostId>,
    lives: Vec<u64>,
    /// What each client dialled last, and when it may dial again.
    dialled: Vec<(Option<Side>, Instant)>,
    play: Option<Play>,
    ledger: Ledger,
    /// Hosts that lie to the server at some time.
    liars: BTreeSet<HostId>,
    rng: Rng,
    server_key: PublicKey,
    /// Hosts are silent until then.
    silent_until: Instant,
    /// Hosts fall silent in one of so many ticks.
    silence: u64,
    style: Style,
    /// What is left of the seed.
    case: Case,
    /// Of the test's own time.
    ticks: Rng,
    tick: u64,
    tokens_issued: u64,
    /// What was said and done so far, by number.
    acts: Vec<u64>,
    /// When recordings begin.
    record_at: Option<Instant>,
    /// Whose calls are recorded, and in which life.
    recorded: Vec<(HostId, u64)>,
}

/// Three idle timeouts.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);
/// Two, for what is said last.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(20);
/// One, and the time for a CLOSE.
const PARTING_LIMIT: Duration = Duration::from_secs(16);

impl Party {
    pub(super) fn new(case: &Case) -> Self {
        let mix = case.mix();
        let identity = SecretKey::from_bytes([5; 32]);
        let server_key = identity.public_key();
        let mut world = World::new(case.seed);
        let style = Style::of(case);
        let server = style.config(case, 0, 4).accepts(true);
        let server = server.identity(Some(identity));
        let client = |host| style.config(case, host, 1);
        let build = |config: ConfigBuilder| config.build().expect("a valid configuration");
        let mut hosts = vec![world.add(build(server))];
        hosts.extend((1..mix.hosts()).map(|host| world.add(build(client(host)))));
        let rng = world.fork_rng("party");
        let mut ticks = rng.fork("ticks");
        let play = mix.play(&mut world, &hosts);
        let liars = liars(&mix, &hosts);
        Self {
            lives: vec![0; hosts.len()],
            dialled: vec![(None, Instant::ZERO); hosts.len()],
            style,
            case: case.clone(),
            tick: 0,
            tokens_issued: 0,
            acts: Vec::new(),
            play: Some(play),
            ledger: Ledger::new(liars.clone()),
            liars,
            server_key,
            silent_until: Instant::ZERO,
            silence: [40, 200, 1_000][usize::try_from(ticks.below(3)).unwrap_or(0)],
            ticks,
            hosts,
            world,
            rng,
            record_at: None,
            recorded: Vec::new(),
        }
    }

    /// All phases.
    pub(super) fn play(&mut self) -> Result<(), String> {
        self.talk()?;
        self.recover()?;
        self.part()
    }

    /// What happened so far: datagrams that arrived and deadlines that fired.
    pub(super) fn events(&self) -> u64 {
        self.world.steps()
    }

    /// What was said and done, by number.
    pub(super) fn acts(&self) -> &[u64] {
        &self.acts
    }

    /// The virtual time.
    pub(super) fn ms(&self) -> u64 {
        self.world.now().as_micros() / 1_000
    }

    pub(super) fn faults(&self) -> FaultCounts {
        self.world.faults()
    }

    pub(super) fn wire_hash(&mut self) -> u64 {
        self.world.wire_hash()
    }

    /// Talks until the mix is over.
    pub(super) fn talk(&mut self) -> Result<(), String> {
        let end = self.play.as_ref().map_or(Instant::ZERO, Play::end);
        let end = end.min(Instant::from_millis(self.case.length));
        while self.world.now() < end {
            if let Some(play) = &mut self.play {
                play.advance(&mut self.world);
            }
            self.begin_recordings();
            self.bury();
            self.redial()?;
            self.chat()?;
            let time = ms(self.ticks.between(5, 40));
            self.pass(time)?;
            self.tick += 1;
        }
        Ok(())
    }

    /// Ends all faults: everybody finds the server again, and what was said arrives.
    fn recover(&mut self) -> Result<(), String> {
        if let Some(play) = self.play.take() {
            play.heal(&mut self.world);
        }
        self.bury();
        self.wait(RECOVERY_LIMIT)?;
        for side in self.ledger.connected() {
            for number in 0..4 {
                self.say(side, number, 40, &SendOptions::new())?;
            }
        }
        self.wait(LAST_WORDS_LIMIT)
    }

    /// Ends all connections: nothing is left.
    fn part(&mut self) -> Result<(), String> {
        for (host, (side, _)) in self.hosts.iter().zip(&self.dialled) {
            if let Some(side) = side {
                let goodbye = Farewell::new(7, "good night");
                self.world.act(*host, |endpoint, now| {
                    endpoint.disconnect(now, side.peer, goodbye);
                });
            }
        }
        let late = self.world.last_arrival();
        let late = late.saturating_duration_since(self.world.now());
        self.pass(late + PARTING_LIMIT)?;
        let alive = self.ledger.alive();
        if !alive.is_empty() {
            return Err(format!("I15: still alive: {alive:?}"));
        }
        for host in &self.hosts {
            is_empty(self.world.view(*host))?;
        }
        match (0..100).all(|_| self.world.step()) {
            true => Err("I9: the world does not come to rest".to_owned()),
            false => Ok(()),
        }
    }

    /// Lets time pass until everybody is connected and everything has arrived.
    fn wait(&mut self, limit: Duration) -> Result<(), String> {
        // Until the last one that was late has arrived, the faults are not over.
        let late = self.world.last_arrival();
        let limit = limit.min(ms(self.case.recovery));
        let end = late.max(self.world.now()) + limit;
        loop {
            self.redial()?;
            self.pass(ms(50))?;
            match self.is_well() {
                Ok(()) => return Ok(()),
                Err(trouble) if self.world.now() >= end => return Err(trouble),
                Err(_) => {}
            }
        }
    }

    fn is_well(&self) -> Result<(), String> {
        let connected = self.ledger.connected();
        let clients = self.case.clients.len();
        if connected.len() != 2 * clients || self.ledger.alive().len() != connected.len() {
            let alive = self.ledger.alive();
            return Err(format!(
                "I15: {clients} clients: {connected:?} of {alive:?}"
            ));
        }
        self.ledger.complete()?;
        for side in connected {
            let stats = self.world.view(side.host).peer_stats(side.peer);
            let stats = stats.ok_or_else(|| format!("I12: {side:?} has no statistics"))?;
            if stats.queued_bytes > 0 || stats.receive_buffered_bytes > 0 {
                return Err(format!("I15: {side:?} holds bytes: {stats:?}"));
            }
        }
        Ok(())
    }

    /// Tells the server the time, which a new life of it does not know.
    fn tell_time(&mut self) {
        let server = self.hosts[0];
        if self.style.has_tokens() && !self.world.is_down(server) {
            tell_time(&mut self.world, server);
        }
    }

    /// A token for a client, newer than those before.
    fn token(&mut self, client: usize) -> ConnectToken {
        let server = TokenServer {
            address: self.world.address(self.hosts[0]),
            key: Some(self.server_key),
        };
        self.tokens_issued += 1;
        let serial = self.tokens_issued;
        let grant = Grant {
            client_id: client as u64,
            serial,
            // Beyond all drifts and jumps of the server's clock.
            expires_at: START + 1_000_000,
            servers: vec![server],
            user_data: vec![client as u8; 9],
        };
        let secret = Entropy::from_seed(serial).secret;
        let issued = authority_key().issue(&grant, secret);
        issued.expect("a fair grant")
    }

    /// Clients without a connection begin one.
    fn redial(&mut self) -> Result<(), String> {
        self.tell_time();
        let server = self.world.address(self.hosts[0]);
        let now = self.world.now();
        for index in self.case.clients.clone() {
            let host = self.hosts[index];
            let (side, again_at) = self.dialled[index];
            let is_free = side.is_none_or(|side| !self.ledger.is_alive(side));
            if !is_free || now < again_at || self.world.is_down(host) {
                continue;
            }
            let identity = ServerIdentity::Known(self.server_key);
            let has_tokens = self.style.has_tokens();
            let token = has_tokens.then(|| self.token(index));
            let dialled = self.world.act(host, |endpoint, now| match &token {
                Some(token) => endpoint.connect_with_token(now, server, token),
                None => endpoint.connect(now, server, identity),
            });
            let peer = match dialled {
                // What ended a moment ago keeps its place a little longer.
                Err(ConnectError::Full) => {
                    self.dialled[index].1 = now + ms(100);
                    continue;
                }
                dialled => {
                    dialled.map_err(|error| format!("I15: {host:?} cannot dial: {error}"))?
                }
            };
            let life = self.lives[index];
            let side = Side { host, life, peer };
            self.ledger.on_dialled(side)?;
            let mut rng = self.rng.fork_nth("dial", self.tick * 10 + index as u64);
            self.dialled[index] = (Some(side), now + ms(rng.between(10, 1_000)));
        }
        Ok(())
    }

    /// Ends everybody's tick and lets time pass; then hears what was said.
    fn pass(&mut self, time: Duration) -> Result<(), String> {
        for host in &self.hosts {
            self.world.act(*host, |endpoint, now| endpoint.flush(now));
        }
        self.world.run_for(time);
        for (host, life) in self.hosts.iter().zip(&self.lives) {
            for event in self.world.events(*host) {
                self.ledger.on_event(*host, *life, event)?;
            }
        }
        Ok(())
    }

    /// Notes who has begun a new life.
    fn bury(&mut self) {
        for (host, life) in self.hosts.iter().zip(&mut self.lives) {
            let restarts = self.world.restarts(*host);
            if restarts > *life {
                self.ledger.on_death(*host, *life);
                *life = restarts;
            }
        }
    }
}

/// The hosts that lie at some time.
fn liars(mix: &Mix, hosts: &[HostId]) -> BTreeSet<HostId> {
    let liars = mix.troubles().iter().filter_map(|trouble| match trouble {
        Trouble::Host {
            host,
            ailment: Ailment::Lie(_),
            ..
        } => Some(hosts[*host]),
        Trouble::Host { .. }
        | Trouble::Latency { .. }
        | Trouble::Link { .. }
        | Trouble::Partition { .. }
        | Trouble::Forger { .. }
        | Trouble::Nat { .. } => None,
    });
    liars.collect()
}

/// Whether an endpoint without connections holds nothing either.
fn is_empty(endpoint: &Endpoint) -> Result<(), String> {
    let stats = endpoint.stats();
    let left = endpoint.peers().count() as u64 + stats.peers_now + stats.half_open_now;
    match left + stats.unread_bytes {
        0 => Ok(()),
        _ => Err(format!(
            "I4: an endpoint without connections holds {stats:?}"
        )),
    }
}
