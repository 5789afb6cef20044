//! The game's three channels and what else both sides must agree on.

use alloc::vec::Vec;
use core::time::Duration;

use tickwire_core::{ChannelConfig, ChannelId, Config, ConfigBuilder, Delivery};

/// Names the game and the version of its messages: peers with another id are refused. ASCII `twgame` and the version.
pub const PROTOCOL_ID: u64 = 0x7477_6761_6d65_0001;

/// Positions and snapshots: only the newest counts, so an older one is dropped (`Sequenced`).
pub const STATE: ChannelId = ChannelId::new(0);
/// Shots: each counts for itself and is worth nothing when late (`Unreliable`).
pub const SHOTS: ChannelId = ChannelId::new(1);
/// Joins, leaves, scores, the end: each exactly once and in order (`Ordered`).
pub const EVENTS: ChannelId = ChannelId::new(2);

const DELIVERIES: [Delivery; 3] = [Delivery::Sequenced, Delivery::Unreliable, Delivery::Ordered];

/// The channels in order of their ids, the same on both sides.
#[must_use]
pub fn channels() -> Vec<ChannelConfig> {
    DELIVERIES.map(ChannelConfig::new).to_vec()
}

/// Starts the configuration of an endpoint for the game, either side: its protocol id, its channels, a
/// keepalive each second, so that a player who stands still is not taken for silent, and two seconds at most for
/// the last messages of a connection.
pub fn config() -> ConfigBuilder {
    Config::builder()
        .protocol_id(PROTOCOL_ID)
        .channels(channels())
        .keepalive_interval(Duration::from_secs(1))
        .close_timeout(Duration::from_secs(2))
}

/// Whether a message on this channel must arrive.
pub(crate) fn is_reliable(channel: ChannelId) -> bool {
    DELIVERIES
        .get(channel.index())
        .is_some_and(|delivery| delivery.is_reliable())
}
