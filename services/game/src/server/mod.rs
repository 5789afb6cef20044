//! The game's server: who plays, where and with how many points.
//!
//! A synchronous value like the endpoint: events go in ([`GameServer::handle_event`]), messages and dismissals come
//! out ([`GameServer::poll_send`], [`GameServer::poll_dismissal`]); [`GameServer::run`] does it all with an [`Outlet`].
//! It has no clock: time is counted in ticks.
//!
//! Kept here:
//! - A connection becomes a player by `PlayerJoin`; who does not ask within the join time is dismissed.
//! - Every event goes to every player present, numbered for each of them; who joins is told the players present
//!   and their points before any later event.
//! - A player id is never used again. A name is distinct: the second `Ann` plays as `Ann (2)`.
//! - Points are announced once a tick at most, however often a client claims them, and shots above a limit are
//!   dropped: no client can fill the queues of the others.
//! - A player whose queue of events is full is dismissed: no event is ever left out silently.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use tickwire_core::{ChannelId, Event, PeerId, Role, SendError};

use crate::channel::is_reliable;
use crate::event_log::EventLog;
use crate::farewell::Dismissal;
use crate::message::Message;
use crate::name::{Name, PlayerId};
use crate::outbox::{Outbox, Outgoing};
use crate::outlet::Outlet;
use crate::snapshot::{PlayerState, Snapshot};
use crate::stats::ServerStats;

mod config;
mod inbox;
mod player;
mod step;

pub use config::GameConfig;
use player::{Player, Players};

/// Who gets a message, among the players present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// This one.
    One(PeerId),
    /// Each.
    All,
    /// Each but this one.
    AllBut(PeerId),
}

impl To {
    fn includes(self, peer: PeerId) -> bool {
        match self {
            Self::One(one) => peer == one,
            Self::All => true,
            Self::AllBut(other) => peer != other,
        }
    }
}

/// A player as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerView<'a> {
    /// Its connection.
    pub peer: PeerId,
    /// Its name.
    pub name: &'a Name,
    /// Its id, score and position.
    pub state: PlayerState,
}

/// The server's state.
#[derive(Debug)]
pub struct GameServer {
    config: GameConfig,
    players: Players,
    /// Connections that did not ask to join yet, with the ticks they waited.
    waiting: BTreeMap<PeerId, u32>,
    next_id: u32,
    winner: Option<PlayerId>,
    is_finished: bool,
    outbox: Outbox,
    dismissals: VecDeque<(PeerId, Dismissal)>,
    /// Reused for the records of each snapshot.
    records: Vec<u8>,
    stats: ServerStats,
}

impl GameServer {
    /// A server with nobody in it.
    #[must_use]
    pub fn new(mut config: GameConfig) -> Self {
        let limit = u32::try_from(Snapshot::PLAYERS_MAX).expect("a small constant");
        config.players_max = config.players_max.clamp(1, limit);
        Self {
            config,
            players: Players::default(),
            waiting: BTreeMap::new(),
            next_id: 1,
            winner: None,
            is_finished: false,
            outbox: Outbox::default(),
            dismissals: VecDeque::new(),
            records: Vec::new(),
            stats: ServerStats::default(),
        }
    }

    /// Takes one event of the endpoint; afterwards poll until both polls are empty.
    pub fn handle_event(&mut self, event: &Event) {
        match event {
            Event::Connected { peer, role, .. } => self.on_connected(*peer, *role),
            Event::Message { peer, payload, .. } => self.handle_message(*peer, payload),
            Event::Disconnected { peer, .. } => self.on_disconnected(*peer),
            Event::Tick {
                tick,
                skipped,
                late,
            } => self.handle_tick(*tick, *skipped, *late),
            Event::Delivered { .. }
            | Event::Pong { .. }
            | Event::ProbeAnswered { .. }
            | Event::ServerFound(_)
            | Event::ServerExpired(_)
            | Event::DiscoveryEnded
            | Event::PathChanged { .. }
            | _ => {}
        }
    }

    /// Tells how many authenticated datagrams came from `peer` so far; one more than last time is a sign of life.
    pub fn handle_heard(&mut self, peer: PeerId, datagrams_received: u64) {
        if let Some(player) = self.players.find_mut(peer) {
            player.hear(datagrams_received);
        }
    }

    /// Sends `message` on its channel.
    pub fn send(&mut self, to: To, message: &Message<'_>) {
        self.send_on(to, message.channel(), message);
    }

    /// Sends `message` on `channel`. On an unreliable channel an event may be lost, and then shows as lost at the receiver.
    pub fn send_on(&mut self, to: To, channel: ChannelId, message: &Message<'_>) {
        let channel = self.config.channel_override.unwrap_or(channel);
        let receivers = self
            .players
            .iter_mut()
            .filter(|player| to.includes(player.peer));
        if !message.is_event() {
            self.outbox
                .push_shared(receivers.map(|player| player.peer), channel, message);
            return;
        }
        for player in receivers {
            self.outbox
                .push(player.peer, channel, player.events_sent, message);
            player.events_sent += 1;
            // A goodbye ends the count of events, it is none itself.
            self.stats.events_sent += u64::from(!matches!(message, Message::Goodbye));
        }
    }

    /// Ends the game: announces the winner (the leader, if nobody won), says goodbye and dismisses everybody.
    /// Whoever connects later is dismissed too.
    pub fn finish(&mut self) {
        if self.is_finished {
            return;
        }
        self.is_finished = true;
        if self.winner.is_none()
            && let Some(leader) = self.leader()
        {
            self.decide(leader.id);
        }
        let peers: Vec<PeerId> = self.players.iter().map(|player| player.peer).collect();
        self.send(To::All, &Message::Goodbye);
        for peer in peers {
            self.retire(peer);
            self.dismiss(peer, Dismissal::ServerStops);
        }
        let waiting = core::mem::take(&mut self.waiting);
        for peer in waiting.into_keys() {
            self.dismiss(peer, Dismissal::ServerStops);
        }
    }

    /// The next message to hand to the endpoint. Its bytes are in a buffer that is reused.
    #[must_use]
    pub fn poll_send(&mut self) -> Option<Outgoing<'_>> {
        self.outbox.poll()
    }

    /// Tells that the endpoint refused a message returned by [`poll_send`](Self::poll_send). A full queue of a
    /// reliable channel ends the player's connection, because it would miss an event.
    pub fn on_send_refused(&mut self, peer: PeerId, channel: ChannelId, error: SendError) {
        if error != SendError::QueueFull || !is_reliable(channel) {
            self.stats.sends_refused += 1;
            return;
        }
        if self.remove(peer) {
            self.stats.players_queue_full += 1;
            self.dismiss(peer, Dismissal::QueueFull);
        }
    }

    /// The next connection to end, once no message is left to send.
    #[must_use]
    pub fn poll_dismissal(&mut self) -> Option<(PeerId, Dismissal)> {
        self.dismissals.pop_front()
    }

    /// Takes one event and gives all that follows from it to the endpoint behind `outlet`.
    pub fn run(&mut self, event: &Event, outlet: &mut impl Outlet) {
        let is_tick = matches!(event, Event::Tick { .. });
        if is_tick {
            self.listen(outlet);
        }
        self.handle_event(event);
        self.drain(outlet);
        if is_tick {
            outlet.flush();
        }
    }

    /// Gives everything that waits to the endpoint behind `outlet`.
    pub fn drain(&mut self, outlet: &mut impl Outlet) {
        loop {
            while let Some(outgoing) = self.outbox.poll() {
                let (peer, channel) = (outgoing.peer, outgoing.channel);
                if let Err(error) = outlet.send(peer, channel, outgoing.payload) {
                    self.on_send_refused(peer, channel, error);
                }
            }
            let Some((peer, dismissal)) = self.poll_dismissal() else {
                break;
            };
            outlet.disconnect(peer, dismissal.farewell());
        }
        outlet.set_players(self.players_now());
    }

    /// Number of players.
    #[must_use]
    pub fn players_now(&self) -> u32 {
        u32::try_from(self.players.len()).expect("at most PLAYERS_MAX")
    }

    /// The players, by id: the oldest first.
    pub fn players(&self) -> impl Iterator<Item = PlayerView<'_>> {
        self.players.iter().map(|player| PlayerView {
            peer: player.peer,
            name: &player.name,
            state: player.state(),
        })
    }

    /// The winner, once the game is decided.
    #[must_use]
    pub const fn winner(&self) -> Option<PlayerId> {
        self.winner
    }

    /// The counters. Events of players who are still here are included.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        let mut stats = self.stats;
        stats.players_now = u64::from(self.players_now());
        for player in self.players.iter() {
            add_events(&mut stats, &player.events);
        }
        stats
    }

    // Connections and players

    fn on_connected(&mut self, peer: PeerId, role: Role) {
        if role == Role::Client {
            return;
        }
        if self.is_finished {
            return self.dismiss(peer, Dismissal::ServerStops);
        }
        self.waiting.insert(peer, 0);
    }

    fn on_disconnected(&mut self, peer: PeerId) {
        self.waiting.remove(&peer);
        self.remove(peer);
    }

    fn on_join(&mut self, peer: PeerId, name: &Name, events: EventLog) {
        self.waiting.remove(&peer);
        if self.players_now() >= self.config.players_max {
            return self.dismiss(peer, Dismissal::Full);
        }
        let id = PlayerId::new(self.next_id);
        self.next_id += 1;
        let name = name.made_distinct(|name| self.players.is_named(name));
        let present: Vec<Player> = self.players.iter().cloned().collect();
        self.players
            .insert(Player::new(id, peer, name.clone(), events));
        self.stats.players_ever += 1;
        self.stats.players_most = self.stats.players_most.max(u64::from(self.players_now()));

        self.welcome(peer, id, &present);
        self.send(To::All, &Message::PlayerJoined { id, name });
    }

    /// Tells a new player its id and who is present. Points not announced yet follow with the next tick, to all.
    fn welcome(&mut self, peer: PeerId, id: PlayerId, present: &[Player]) {
        let rate = self.config.tick_rate_hz.get();
        let tick_rate_hz = u16::try_from(rate).unwrap_or(u16::MAX);
        self.send(To::One(peer), &Message::Welcome { id, tick_rate_hz });
        for player in present {
            let (id, name) = (player.id, player.name.clone());
            self.send(To::One(peer), &Message::PlayerJoined { id, name });
            let score = player.score_announced;
            if score > 0 {
                self.send(To::One(peer), &Message::PlayerScored { id, score });
            }
        }
        if let Some(winner) = self.winner {
            self.send(To::One(peer), &Message::GameOver { winner });
        }
    }

    /// A player asked to leave: it gets the goodbye that tells it how many events there were.
    fn on_goodbye(&mut self, peer: PeerId) {
        self.send(To::One(peer), &Message::Goodbye);
        self.remove(peer);
        self.dismiss(peer, Dismissal::Goodbye);
    }

    fn decide(&mut self, winner: PlayerId) {
        self.winner = Some(winner);
        self.send(To::All, &Message::GameOver { winner });
    }

    /// The player with most points; of equals the one who joined first.
    fn leader(&self) -> Option<&Player> {
        self.players.iter().rev().max_by_key(|player| player.score)
    }

    /// Takes a player out and announces it; false if the peer does not play.
    fn remove(&mut self, peer: PeerId) -> bool {
        let Some(player) = self.retire(peer) else {
            return false;
        };
        let (id, name) = (player.id, player.name);
        self.send(To::All, &Message::PlayerLeft { id, name });
        true
    }

    /// Takes a player out and keeps its counts.
    fn retire(&mut self, peer: PeerId) -> Option<Player> {
        let player = self.players.remove(peer)?;
        add_events(&mut self.stats, &player.events);
        Some(player)
    }

    fn dismiss(&mut self, peer: PeerId, dismissal: Dismissal) {
        self.dismissals.push_back((peer, dismissal));
    }
}

fn add_events(stats: &mut ServerStats, events: &EventLog) {
    stats.events_expected += events.expected();
    stats.events_received += events.received();
    stats.events_duplicated += events.duplicated();
}

#[cfg(test)]
mod tests;
