//! Counters, all integers with their unit in the name. They only grow, except where they say "now".

use crate::codec::{DecodeError, DecodeReason};
use crate::name::NameError;

/// Messages of peers that were refused, by reason. The connection goes on unless the reason says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GameDrops {
    /// The bytes ended within a field.
    pub truncated: u64,
    /// Bytes after the last field.
    pub trailing: u64,
    /// A type byte without meaning.
    pub unknown_type: u64,
    /// A coordinate that is infinite or not a number.
    pub not_finite: u64,
    /// A name that is empty. A join under it ends the connection, as with the next three.
    pub name_empty: u64,
    /// A name of more than 32 characters.
    pub name_too_long: u64,
    /// A name with control characters.
    pub name_control_character: u64,
    /// A name that is not UTF-8.
    pub name_not_utf8: u64,
    /// A message only the other side may send.
    pub wrong_way: u64,
    /// A message of a peer that does not play (yet, or no more).
    pub not_playing: u64,
    /// A second request to join on one connection.
    pub joined_already: u64,
    /// An event that was seen before.
    pub duplicated_event: u64,
    /// A score that is not more than before, or too much more.
    pub score_implausible: u64,
    /// A score after the game was decided.
    pub score_after_end: u64,
    /// Shots above the limit of one tick.
    pub shots_too_many: u64,
    /// Announced players beyond the most a server may have.
    pub players_too_many: u64,
}

impl GameDrops {
    pub(crate) fn note(&mut self, error: DecodeError) {
        let counter = match error.reason {
            DecodeReason::Truncated => &mut self.truncated,
            DecodeReason::Trailing => &mut self.trailing,
            DecodeReason::UnknownType => &mut self.unknown_type,
            DecodeReason::NotFinite => &mut self.not_finite,
            DecodeReason::Name(NameError::Empty) => &mut self.name_empty,
            DecodeReason::Name(NameError::TooLong) => &mut self.name_too_long,
            DecodeReason::Name(NameError::ControlCharacter) => &mut self.name_control_character,
            DecodeReason::Name(NameError::NotUtf8) => &mut self.name_not_utf8,
        };
        *counter += 1;
    }
}

/// What a server did and how it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// Players now.
    pub players_now: u64,
    /// Players ever.
    pub players_ever: u64,
    /// Players at most at one time.
    pub players_most: u64,
    /// Steps done.
    pub ticks: u64,
    /// Steps left out because the server was too far behind.
    pub ticks_skipped: u64,
    /// Steps handed out more than half a step after their time.
    pub ticks_late: u64,
    /// The most a step was late, in microseconds.
    pub tick_late_max_us: u64,
    /// Snapshots sent, counted once for each receiver.
    pub snapshots_sent: u64,
    /// Events sent, counted once for each receiver.
    pub events_sent: u64,
    /// Shots passed on, counted once for each receiver.
    pub shots_sent: u64,
    /// Events that players sent, as far as their numbers and goodbyes tell.
    pub events_expected: u64,
    /// Different events received from players.
    pub events_received: u64,
    /// Events received again.
    pub events_duplicated: u64,
    /// Players removed because nothing was heard of them.
    pub players_silent: u64,
    /// Players removed because their queue of events was full.
    pub players_queue_full: u64,
    /// Messages that the endpoint refused because the connection was closing or gone.
    pub sends_refused: u64,
    /// Messages refused, by reason.
    pub drops: GameDrops,
}

/// What a client saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStats {
    /// Steps of the client's own clock.
    pub ticks: u64,
    /// Snapshots received.
    pub snapshots_received: u64,
    /// Snapshots that were not newer than one received before.
    pub snapshots_stale: u64,
    /// Snapshots without the receiver, though it had been announced.
    pub snapshots_without_me: u64,
    /// Shots of others.
    pub shots_received: u64,
    /// Events sent by the server, as far as their numbers tell; for sure once `events_final` says so.
    pub events_expected: u64,
    /// Different events received.
    pub events_received: u64,
    /// Events received again.
    pub events_duplicated: u64,
    /// Whether the server said goodbye, so that `events_expected` is the whole series.
    pub events_final: bool,
    /// Events sent to the server.
    pub events_sent: u64,
    /// Messages that the endpoint refused because the connection was closing or gone.
    pub sends_refused: u64,
    /// Messages refused, by reason.
    pub drops: GameDrops,
}
