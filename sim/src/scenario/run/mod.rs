//! A scenario at work: the world it asks for, owners who talk in it, and a ledger of what arrived.
//!
//! Each host has an owner with a tick. At its tick an owner hears what came since, says what is due and flushes; between
//! ticks only endpoints work. How late a message is counts from `send` to the moment the receiver's endpoint hands it
//! out, whatever the receiver's tick.

mod flow;
mod judge;
mod owner;
mod sampler;
mod setup;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use tickwire_core::{Instant, PeerId, PublicKey};

use self::flow::Flows;
use self::owner::Client;
use self::sampler::Sampler;
use super::Scenario;
use super::distribution::Times;
use super::outcome::{ConnectionLog, Outcome, RecordedNetwork};
use crate::capture::CaptureLimits;
use crate::host::HostId;
use crate::link::Link;
use crate::nat::realms::NatId;
use crate::world::World;

/// Plays a scenario, with what a picture needs besides the outcome.
pub struct Player<'a> {
    scenario: &'a Scenario,
    seed: u64,
    is_traced: bool,
    capture: Option<CaptureLimits>,
    links: Vec<(Link, Link)>,
    network: Option<RecordedNetwork>,
    on_progress: Box<dyn FnMut(Duration, Duration) + 'a>,
}

impl std::fmt::Debug for Player<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player")
            .field("seed", &self.seed)
            .field("is_traced", &self.is_traced)
            .finish_non_exhaustive()
    }
}

impl<'a> Player<'a> {
    /// A player with this seed.
    #[must_use]
    pub fn new(scenario: &'a Scenario, seed: u64) -> Self {
        Self {
            scenario,
            seed,
            is_traced: false,
            capture: None,
            links: Vec::new(),
            network: None,
            on_progress: Box::new(|_, _| {}),
        }
    }

    /// Records the wire from the first datagram on: see [`World::trace`] and [`World::datagrams`]. Takes memory for each of
    /// them.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.is_traced = true;
        self
    }

    /// Keeps what crosses the wire from the first datagram on, with the keys, within these limits: see
    /// [`World::take_capture`].
    #[must_use]
    pub fn captured(mut self, limits: CaptureLimits) -> Self {
        self.capture = Some(limits);
        self
    }

    /// Puts these links, up and down, in the place of every client's, for as long as no event changes them: a network that
    /// was recorded elsewhere.
    #[must_use]
    pub fn links(self, up: Link, down: Link) -> Self {
        self.links_in_turn([(up, down)])
    }

    /// As [`links`](Self::links), with several pairs: the first client gets the first, the next one the next, and again from
    /// the first. Without any the scenario's links stay.
    #[must_use]
    pub fn links_in_turn(mut self, pairs: impl IntoIterator<Item = (Link, Link)>) -> Self {
        self.links = pairs.into_iter().collect();
        self
    }

    /// Says in the outcome where the [`links`](Self::links) are from.
    #[must_use]
    pub fn told(mut self, network: RecordedNetwork) -> Self {
        self.network = Some(network);
        self
    }

    /// Is called each 100 ms of virtual time with the time that has passed, and with how much there is in all.
    #[must_use]
    pub fn on_progress(mut self, on_progress: impl FnMut(Duration, Duration) + 'a) -> Self {
        self.on_progress = Box::new(on_progress);
        self
    }

    /// Plays to the end. The first host of the world that remains is the server; the others are the clients, in their
    /// order.
    #[must_use]
    pub fn run(mut self) -> (Outcome, World) {
        let mut run = Run::new(self.scenario, self.seed, self.is_traced, &self.links);
        if let Some(limits) = self.capture {
            run.world.capture(limits);
        }
        let whole = self.scenario.duration + self.scenario.drain;
        while let Some(((at, _), action)) = run.timeline.pop_first() {
            if at > Instant::ZERO + whole {
                break;
            }
            run.world
                .run_for(at.saturating_duration_since(run.world.now()));
            run.perform(action);
            if action == Action::Sample {
                (self.on_progress)(at.saturating_duration_since(Instant::ZERO), whole);
            }
        }
        let (mut outcome, world) = run.finish(self.seed);
        outcome.network = self.network;
        (outcome, world)
    }
}

/// What is to be done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// An event begins, or ends.
    Begin(usize),
    End(usize),
    /// A host's owner has its tick: the server, or the client of this number.
    ServerTick,
    ClientTick(usize),
    /// A client dials, unless it has done so already.
    Dial(usize),
    Sample,
}

/// Everything that a run consists of.
struct Run<'a> {
    scenario: &'a Scenario,
    world: World,
    server: HostId,
    server_key: PublicKey,
    /// Until then the server's owner stands still.
    server_stalled_until: Instant,
    /// By the server's name for them.
    clients_by_peer: BTreeMap<PeerId, usize>,
    clients: Vec<Client>,
    /// What is to come, by time and in the order in which it was planned.
    timeline: BTreeMap<(Instant, u64), Action>,
    planned: u64,
    /// Events that cut clients off, and are not over.
    partitions: Vec<usize>,
    flows: Flows,
    sampler: Sampler,
    log: Vec<ConnectionLog>,
    dialled: u64,
    disconnects: u64,
    endings: BTreeMap<(bool, String), u64>,
    handshake: Times,
    reconnect: Times,
}

/// What a run knows of one client besides what its owner does.
#[derive(Debug)]
struct Place {
    host: HostId,
    nat: Option<NatId>,
    group: usize,
    /// Within its group.
    number: u32,
}

impl Run<'_> {
    fn plan(&mut self, at: Instant, action: Action) {
        self.timeline.insert((at, self.planned), action);
        self.planned += 1;
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Begin(event) => self.begin(event),
            Action::End(event) => self.end(event),
            Action::ServerTick => self.server_tick(),
            Action::ClientTick(client) => self.client_tick(client),
            Action::Dial(client) => self.dial(client),
            Action::Sample => self.sample(),
        }
    }

    /// Whether things are still said.
    fn is_talking(&self) -> bool {
        self.world.now() < Instant::ZERO + self.scenario.duration
    }

    fn tick_length(&self) -> Duration {
        Duration::from_nanos(1_000_000_000 / u64::from(self.scenario.tick_rate_hz))
    }

    fn note(&mut self, at: Instant, client: usize, what: impl Into<String>) {
        self.log.push(ConnectionLog {
            at_us: at.as_micros(),
            client: u32::try_from(client).unwrap_or(u32::MAX),
            what: what.into(),
        });
    }
}
