//! The game's client: joins, keeps what the server tells, and counts whether all of it came exactly once.
//!
//! ```text
//!            Connected           Welcome            leave()                Goodbye
//! Connecting ─────────► Joining ─────────► Playing ─────────► Leaving ───────────────► Ended
//!     └─────────────────────┴─────────────────┴──────────────────┴── Disconnected ──────►┘
//! ```
//! A client that leaves waits for the server's goodbye, because it tells how many events there were; two seconds
//! without it end the connection all the same.

use alloc::collections::BTreeMap;
use core::num::NonZeroU32;
use core::time::Duration;

use tickwire_core::{ChannelId, CloseReason, Event, PeerId, SendError};

use crate::channel::is_reliable;
use crate::event_log::EventLog;
use crate::farewell::Dismissal;
use crate::message::Message;
use crate::name::{Name, PlayerId};
use crate::outbox::{Outbox, Outgoing};
use crate::outlet::Outlet;
use crate::snapshot::Position;
use crate::stats::ClientStats;

mod inbox;

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The connection is not complete yet.
    Connecting,
    /// Asked to join.
    Joining,
    /// In the game.
    Playing,
    /// Asked to leave.
    Leaving,
    /// The connection has ended.
    Ended,
}

/// What a client knows of a player.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownPlayer {
    /// Its name, as announced.
    pub name: Name,
    /// Its points, as announced.
    pub score: u32,
    /// Its position, as the newest snapshot says.
    pub position: Position,
}

/// A client's state.
#[derive(Debug)]
pub struct GameClient {
    server: PeerId,
    name: Name,
    phase: Phase,
    id: Option<PlayerId>,
    /// Snapshots a second, as the server says.
    tick_rate_hz: Option<u16>,
    players: BTreeMap<PlayerId, KnownPlayer>,
    newest_tick: Option<u64>,
    winner: Option<PlayerId>,
    leaving_ticks: u32,
    leaving_ticks_max: u32,
    close_reason: Option<CloseReason>,
    events_sent: u32,
    events: EventLog,
    channel_override: Option<ChannelId>,
    outbox: Outbox,
    dismissal: Option<Dismissal>,
    stats: ClientStats,
}

/// How long a client waits for the server's goodbye.
const LEAVING_MAX: Duration = Duration::from_secs(2);

impl GameClient {
    /// A client that will play as `name` over the connection to `server`, which is on its way.
    /// `tick_rate_hz` is the rate of the tick clock of the client's endpoint.
    #[must_use]
    pub fn new(server: PeerId, name: Name, tick_rate_hz: NonZeroU32) -> Self {
        let leaving_ticks_max = LEAVING_MAX.as_secs() * u64::from(tick_rate_hz.get());
        Self {
            server,
            name,
            phase: Phase::Connecting,
            id: None,
            tick_rate_hz: None,
            players: BTreeMap::new(),
            newest_tick: None,
            winner: None,
            leaving_ticks: 0,
            leaving_ticks_max: u32::try_from(leaving_ticks_max).unwrap_or(u32::MAX),
            close_reason: None,
            events_sent: 0,
            events: EventLog::default(),
            channel_override: None,
            outbox: Outbox::default(),
            dismissal: None,
            stats: ClientStats::default(),
        }
    }

    /// Sends everything on this channel instead of each message's own. For measurements.
    pub fn set_channel_override(&mut self, channel: Option<ChannelId>) {
        self.channel_override = channel;
    }

    /// Takes one event of the endpoint; events of other peers change nothing.
    pub fn handle_event(&mut self, event: &Event) {
        match event {
            Event::Connected { peer, .. } if *peer == self.server => self.on_connected(),
            Event::Message { peer, payload, .. } if *peer == self.server => {
                self.handle_message(payload);
            }
            Event::Disconnected { peer, reason, .. } if *peer == self.server => {
                self.phase = Phase::Ended;
                self.close_reason = Some(reason.clone());
            }
            Event::Tick { .. } => self.handle_tick(),
            Event::Connected { .. }
            | Event::Message { .. }
            | Event::Disconnected { .. }
            | Event::Delivered { .. }
            | Event::Pong { .. }
            | Event::ProbeAnswered { .. }
            | Event::ServerFound(_)
            | Event::ServerExpired(_)
            | Event::DiscoveryEnded
            | Event::PathChanged { .. }
            | _ => {}
        }
    }

    /// One step of the client's own clock.
    pub fn handle_tick(&mut self) {
        self.stats.ticks += 1;
        if self.phase != Phase::Leaving {
            return;
        }
        self.leaving_ticks += 1;
        if self.leaving_ticks == self.leaving_ticks_max {
            self.dismissal = Some(Dismissal::Goodbye);
        }
    }

    /// Sends `message` on its channel. Nothing is sent before the connection is complete or after the goodbye.
    pub fn send(&mut self, message: &Message<'_>) {
        self.send_on(message.channel(), message);
    }

    /// As [`send`](Self::send), on `channel`.
    pub fn send_on(&mut self, channel: ChannelId, message: &Message<'_>) {
        if !matches!(self.phase, Phase::Joining | Phase::Playing) {
            return;
        }
        let channel = self.channel_override.unwrap_or(channel);
        self.outbox
            .push(self.server, channel, self.events_sent, message);
        // A goodbye ends the count of events, it is none itself.
        let is_counted = message.is_event() && !matches!(message, Message::Goodbye);
        self.events_sent += u32::from(is_counted);
    }

    /// Asks to leave. The connection ends with the server's goodbye, or without it after two seconds.
    pub fn leave(&mut self) {
        match self.phase {
            Phase::Connecting => self.dismissal = Some(Dismissal::Goodbye),
            Phase::Joining | Phase::Playing => self.send(&Message::Goodbye),
            Phase::Leaving | Phase::Ended => return,
        }
        self.phase = Phase::Leaving;
    }

    /// The next message to hand to the endpoint. Its bytes are in a buffer that is reused.
    #[must_use]
    pub fn poll_send(&mut self) -> Option<Outgoing<'_>> {
        self.outbox.poll()
    }

    /// Tells that the endpoint refused a message returned by [`poll_send`](Self::poll_send). A full queue of a
    /// reliable channel ends the connection, because the server would miss an event.
    pub fn on_send_refused(&mut self, channel: ChannelId, error: SendError) {
        self.stats.sends_refused += 1;
        if error == SendError::QueueFull && is_reliable(channel) {
            self.dismissal = Some(Dismissal::QueueFull);
        }
    }

    /// The reason to end the connection, once there is one and no message is left to send.
    #[must_use]
    pub fn poll_dismissal(&mut self) -> Option<Dismissal> {
        self.dismissal.take()
    }

    /// Takes one event and gives all that follows from it to the endpoint behind `outlet`.
    pub fn run(&mut self, event: &Event, outlet: &mut impl Outlet) {
        self.handle_event(event);
        self.drain(outlet);
        if matches!(event, Event::Tick { .. }) {
            outlet.flush();
        }
    }

    /// Gives everything that waits to the endpoint behind `outlet`.
    pub fn drain(&mut self, outlet: &mut impl Outlet) {
        while let Some(outgoing) = self.outbox.poll() {
            let channel = outgoing.channel;
            if let Err(error) = outlet.send(outgoing.peer, channel, outgoing.payload) {
                self.on_send_refused(channel, error);
            }
        }
        if let Some(dismissal) = self.poll_dismissal() {
            outlet.disconnect(self.server, dismissal.farewell());
        }
    }

    /// How far the client is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The connection to the server.
    #[must_use]
    pub const fn server(&self) -> PeerId {
        self.server
    }

    /// The name asked for.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The client's id, once welcomed.
    #[must_use]
    pub const fn id(&self) -> Option<PlayerId> {
        self.id
    }

    /// Snapshots a second, once welcomed.
    #[must_use]
    pub const fn tick_rate_hz(&self) -> Option<u16> {
        self.tick_rate_hz
    }

    /// The players present, this one included, by id.
    #[must_use]
    pub const fn players(&self) -> &BTreeMap<PlayerId, KnownPlayer> {
        &self.players
    }

    /// The winner, once the game is decided.
    #[must_use]
    pub const fn winner(&self) -> Option<PlayerId> {
        self.winner
    }

    /// Why the connection ended, once it has.
    #[must_use]
    pub const fn close_reason(&self) -> Option<&CloseReason> {
        self.close_reason.as_ref()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> ClientStats {
        let mut stats = self.stats;
        stats.events_expected = self.events.expected();
        stats.events_received = self.events.received();
        stats.events_duplicated = self.events.duplicated();
        stats.events_final = self.events.is_complete();
        stats.events_sent = u64::from(self.events_sent);
        stats
    }

    fn on_connected(&mut self) {
        if self.phase != Phase::Connecting {
            return;
        }
        self.phase = Phase::Joining;
        let name = self.name.clone();
        self.send(&Message::PlayerJoin { name });
    }
}

#[cfg(test)]
mod tests;
