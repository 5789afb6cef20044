//! Who is there, for the log: players that came and went since the tick before.

use std::collections::BTreeMap;

use tickwire_game::{GameServer, PlayerId};

/// The players at the last look.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    present: BTreeMap<PlayerId, String>,
}

impl Attendance {
    /// Logs who came and who left.
    pub(super) fn note(&mut self, game: &GameServer) {
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        for player in game.players() {
            let name = player.name.as_str();
            self.present.entry(player.state.id).or_insert_with(|| {
                tracing::info!(peer = %player.peer, "{name} joined");
                name.to_owned()
            });
        }
        if self.present.len() == game.players_now() as usize {
            return;
        }
        self.present.retain(|id, name| {
            let stays = game.players().any(|player| player.state.id == *id);
            if !stays {
                tracing::info!("{name} left");
            }
            stays
        });
    }
}
