//! What the server says, judged and kept.

use super::{GameClient, KnownPlayer, Phase};
use crate::message::{Message, Received};
use crate::name::{Name, PlayerId};
use crate::snapshot::{Position, Snapshot};

impl GameClient {
    /// Takes one message of the server. Whatever is wrong with it is counted in [`GameDrops`](crate::GameDrops).
    pub fn handle_message(&mut self, payload: &[u8]) {
        let Received { message, number } = match Message::decode(payload) {
            Ok(received) => received,
            Err(error) => return self.stats.drops.note(error),
        };
        if let Some(number) = number {
            if matches!(message, Message::Goodbye) {
                self.events.note_goodbye(number);
            } else if !self.events.note(number) {
                self.stats.drops.duplicated_event += 1;
                return;
            }
        }
        self.on_message(message);
    }

    fn on_message(&mut self, message: Message<'_>) {
        match message {
            Message::StateSnapshot(snapshot) => self.on_snapshot(snapshot),
            Message::PlayerFired { .. } => self.stats.shots_received += 1,
            Message::Welcome { id, tick_rate_hz } => self.on_welcome(id, tick_rate_hz),
            Message::PlayerJoined { id, name } => self.on_joined(id, name),
            Message::PlayerLeft { id, .. } => {
                self.players.remove(&id);
            }
            Message::PlayerScored { id, score } => {
                if let Some(player) = self.players.get_mut(&id) {
                    player.score = score;
                }
            }
            Message::GameOver { winner } => self.winner = Some(winner),
            // The server ends the connection after its goodbye; if it does not, the wait for it does.
            Message::Goodbye => self.phase = self.phase.max(Phase::Leaving),
            Message::PositionUpdate(_)
            | Message::WeaponFired(_)
            | Message::PlayerJoin { .. }
            | Message::ScoreUpdate { .. } => self.stats.drops.wrong_way += 1,
        }
    }

    fn on_welcome(&mut self, id: PlayerId, tick_rate_hz: u16) {
        self.id = Some(id);
        self.tick_rate_hz = Some(tick_rate_hz);
        if self.phase == Phase::Joining {
            self.phase = Phase::Playing;
        }
    }

    fn on_joined(&mut self, id: PlayerId, name: Name) {
        let is_full = self.players.len() >= Snapshot::PLAYERS_MAX;
        if is_full && !self.players.contains_key(&id) {
            self.stats.drops.players_too_many += 1;
            return;
        }
        let player = KnownPlayer {
            name,
            score: 0,
            position: Position::default(),
        };
        self.players.insert(id, player);
    }

    fn on_snapshot(&mut self, snapshot: Snapshot<'_>) {
        self.stats.snapshots_received += 1;
        if self
            .newest_tick
            .is_some_and(|newest| snapshot.tick <= newest)
        {
            self.stats.snapshots_stale += 1;
            return;
        }
        self.newest_tick = Some(snapshot.tick);
        let mut is_in_it = false;
        for state in snapshot.players() {
            is_in_it |= self.id == Some(state.id);
            if let Some(player) = self.players.get_mut(&state.id) {
                player.position = state.position;
            }
        }
        let is_announced = self.id.is_some_and(|id| self.players.contains_key(&id));
        self.stats.snapshots_without_me += u64::from(is_announced && !is_in_it);
    }
}
