//! A server fed by hand; what it says is a line of text for each message.

mod leaving;
mod limits;
mod play;
mod refusing;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use tickwire_core::{CloseReason, Farewell, PeerStats};

use super::*;
use crate::channel::{EVENTS, SHOTS, STATE};
use crate::message::Shot;
use crate::snapshot::Position;

/// A server fed by hand; what it says is kept as one line of text for each message.
struct Table {
    server: GameServer,
    tick: u64,
    sent: BTreeMap<PeerId, u32>,
}

fn peer(slot: u32) -> PeerId {
    PeerId::new(slot, 0)
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a good name")
}

fn connected(peer: PeerId) -> Event {
    Event::Connected {
        peer,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        role: Role::Server,
        server_key: None,
        client: None,
    }
}

fn disconnected(peer: PeerId) -> Event {
    Event::Disconnected {
        peer,
        reason: CloseReason::Remote(Farewell::default()),
        undelivered: 0,
    }
}

impl Table {
    fn new(config: GameConfig) -> Self {
        Self {
            server: GameServer::new(config),
            tick: 0,
            sent: BTreeMap::new(),
        }
    }

    /// A game of these players, whose peers are numbered from 0; what was said so far is forgotten.
    fn of(names: &[&str]) -> Self {
        let mut table = Self::new(GameConfig::default());
        for (slot, name) in (0..).zip(names) {
            table.join(peer(slot), name);
        }
        table.said();
        table
    }

    fn say(&mut self, peer: PeerId, message: &Message<'_>) {
        let number = self.sent.entry(peer).or_default();
        let mut bytes = Vec::new();
        message.encode(*number, &mut bytes);
        *number += u32::from(message.is_event());
        self.server.handle_message(peer, &bytes);
    }

    fn join(&mut self, peer: PeerId, text: &str) {
        self.server.handle_event(&connected(peer));
        self.say(peer, &Message::PlayerJoin { name: name(text) });
    }

    fn tick(&mut self) {
        self.server.handle_tick(self.tick, 0, Duration::ZERO);
        self.tick += 1;
    }

    /// All that the server said since the last call, then whom it dismissed.
    fn said(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(outgoing) = self.server.poll_send() {
            lines.push(line(&outgoing));
        }
        while let Some((peer, dismissal)) = self.server.poll_dismissal() {
            lines.push(format!("{peer} dismissed: {dismissal:?}"));
        }
        lines
    }

    /// As [`said`](Self::said), without the snapshots.
    fn said_beside_snapshots(&mut self) -> Vec<String> {
        let mut lines = self.said();
        lines.retain(|line| !line.contains("snapshot"));
        lines
    }
}

fn line(outgoing: &Outgoing<'_>) -> String {
    let received = Message::decode(outgoing.payload).expect("the server's own bytes");
    let text = match received.message {
        Message::Welcome { id, tick_rate_hz } => format!("welcome {id}, {tick_rate_hz} Hz"),
        Message::PlayerJoined { id, name } => format!("{id} {name} joined"),
        Message::PlayerLeft { id, name } => format!("{id} {name} left"),
        Message::PlayerScored { id, score } => format!("{id} scored {score}"),
        Message::PlayerFired { id, .. } => format!("{id} fired"),
        Message::GameOver { winner } => format!("{winner} won"),
        Message::Goodbye => "goodbye".to_string(),
        Message::StateSnapshot(snapshot) => {
            let ids = snapshot.players().map(|player| player.id.number());
            format!(
                "snapshot {} of {:?}",
                snapshot.tick,
                ids.collect::<Vec<_>>()
            )
        }
        up @ (Message::PositionUpdate(_)
        | Message::WeaponFired(_)
        | Message::PlayerJoin { .. }
        | Message::ScoreUpdate { .. }) => format!("{up:?}"),
    };
    let number = received.number.map(|number| format!(" #{number}"));
    let (peer, channel) = (outgoing.peer, outgoing.channel);
    format!("{peer} {channel}{}: {text}", number.unwrap_or_default())
}
