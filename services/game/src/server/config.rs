//! The rules of a game.

use core::num::NonZeroU32;
use core::time::Duration;

use tickwire_core::ChannelId;

#[cfg(doc)]
use crate::{GameServer, Snapshot};

/// The rules of a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameConfig {
    /// Places for players, 1 to [`Snapshot::PLAYERS_MAX`] (a value outside is moved to the nearer end). Default 32.
    pub players_max: u32,
    /// Steps a second of the endpoint's tick clock. Default 30.
    pub tick_rate_hz: NonZeroU32,
    /// Points that win the game. Default none: the game goes on until [`GameServer::finish`].
    pub score_to_win: Option<u32>,
    /// The most that one `ScoreUpdate` may add. Default 100.
    pub score_step_max: u32,
    /// Shots of one player that are passed on in one tick. Default 4.
    pub shots_per_tick_max: u32,
    /// Time without an authenticated datagram after which a player is removed, in whole ticks. Default 5 s.
    pub silence_max: Duration,
    /// Time that a connection has to ask to join, in whole ticks. Default 5 s.
    pub join_time_max: Duration,
    /// Sends everything on this channel instead of each message's own. For measurements. Default none.
    pub channel_override: Option<ChannelId>,
}

impl Default for GameConfig {
    fn default() -> Self {
        Self {
            players_max: 32,
            tick_rate_hz: NonZeroU32::new(30).expect("30 is not 0"),
            score_to_win: None,
            score_step_max: 100,
            shots_per_tick_max: 4,
            silence_max: Duration::from_secs(5),
            join_time_max: Duration::from_secs(5),
            channel_override: None,
        }
    }
}
