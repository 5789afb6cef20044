//! What players say, judged and acted on.

use tickwire_core::PeerId;

use super::{GameServer, To};
use crate::codec::DecodeReason;
use crate::event_log::EventLog;
use crate::farewell::Dismissal;
use crate::message::{Message, Received, Shot};
use crate::snapshot::Position;

impl GameServer {
    /// Takes one message of `peer`. Whatever is wrong with it is counted in [`GameDrops`](crate::GameDrops).
    pub fn handle_message(&mut self, peer: PeerId, payload: &[u8]) {
        let Received { message, number } = match Message::decode(payload) {
            Ok(received) => received,
            Err(error) => {
                self.stats.drops.note(error);
                if matches!(error.reason, DecodeReason::Name(_)) {
                    self.on_bad_name(peer);
                }
                return;
            }
        };
        if self.waiting.contains_key(&peer) {
            return self.on_first_message(peer, &message, number);
        }
        let Some(player) = self.players.find_mut(peer) else {
            self.stats.drops.not_playing += 1;
            return;
        };
        player.silent_ticks = 0;
        if let Some(number) = number {
            if matches!(message, Message::Goodbye) {
                player.events.note_goodbye(number);
            } else if !player.events.note(number) {
                self.stats.drops.duplicated_event += 1;
                return;
            }
        }
        self.on_message(peer, &message);
    }

    fn on_first_message(&mut self, peer: PeerId, message: &Message<'_>, number: Option<u32>) {
        let (Message::PlayerJoin { name }, Some(number)) = (message, number) else {
            self.stats.drops.not_playing += 1;
            return;
        };
        let mut events = EventLog::default();
        events.note(number);
        self.on_join(peer, name, events);
    }

    fn on_message(&mut self, peer: PeerId, message: &Message<'_>) {
        match message {
            Message::PositionUpdate(position) => self.on_position(peer, *position),
            Message::WeaponFired(shot) => self.on_shot(peer, *shot),
            Message::ScoreUpdate { score } => self.on_score(peer, *score),
            Message::PlayerJoin { .. } => self.stats.drops.joined_already += 1,
            Message::Goodbye => self.on_goodbye(peer),
            Message::StateSnapshot(_)
            | Message::PlayerFired { .. }
            | Message::Welcome { .. }
            | Message::PlayerJoined { .. }
            | Message::PlayerLeft { .. }
            | Message::PlayerScored { .. }
            | Message::GameOver { .. } => self.stats.drops.wrong_way += 1,
        }
    }

    /// A join under a bad name is the end of the connection; it would only wait for an answer.
    fn on_bad_name(&mut self, peer: PeerId) {
        if self.waiting.remove(&peer).is_some() {
            self.dismiss(peer, Dismissal::BadName);
        }
    }

    fn on_position(&mut self, peer: PeerId, position: Position) {
        if let Some(player) = self.players.find_mut(peer) {
            player.position = position;
        }
    }

    fn on_shot(&mut self, peer: PeerId, shot: Shot) {
        let Some(player) = self.players.find_mut(peer) else {
            return;
        };
        if player.shots_this_tick >= self.config.shots_per_tick_max {
            self.stats.drops.shots_too_many += 1;
            return;
        }
        player.shots_this_tick += 1;
        let id = player.id;
        self.stats.shots_sent += u64::from(self.players_now() - 1);
        self.send(To::AllBut(peer), &Message::PlayerFired { id, shot });
    }

    fn on_score(&mut self, peer: PeerId, score: u32) {
        if self.winner.is_some() {
            self.stats.drops.score_after_end += 1;
            return;
        }
        let Some(player) = self.players.find_mut(peer) else {
            return;
        };
        let is_plausible =
            score > player.score && score - player.score <= self.config.score_step_max;
        if !is_plausible {
            self.stats.drops.score_implausible += 1;
            return;
        }
        player.score = score;
    }
}
