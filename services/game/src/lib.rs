#![no_std]
#![forbid(unsafe_code)]
//! A small multiplayer game above [`tickwire_core`]: who plays, where, and with how many points.
//!
//! Everything here is pure: no clock, no socket, no randomness, no order that depends on a hash. Events of an
//! endpoint go in, messages come out, so that the same game runs in the simulator and over real sockets.
//!
//! - [`Message`]: what is said, its bytes, and the channel each kind travels on.
//! - [`GameServer`]: players by connection, snapshots each tick, events to everybody.
//! - [`GameClient`]: joins, and counts whether every event came exactly once. [`Bot`] plays by itself.
//! - [`Outlet`]: what these two need of an endpoint. With it one call does the rest:
//!
//! ```no_run
//! use tickwire_core::{Endpoint, Instant};
//! use tickwire_game::{EndpointAt, GameServer};
//!
//! fn serve(endpoint: &mut Endpoint, server: &mut GameServer, now: Instant) {
//!     while let Some(event) = endpoint.poll_event() {
//!         server.run(&event, &mut EndpointAt { endpoint, now });
//!     }
//! }
//! ```
//!
//! An *event of the game* is a message that must arrive (joins, points, the end); it has a number. A *snapshot* is
//! the world at one tick.

extern crate alloc;

mod bot;
mod channel;
mod client;
mod codec;
mod event_log;
mod farewell;
mod message;
mod name;
mod outbox;
mod outlet;
mod server;
mod snapshot;
mod stats;

pub use bot::Bot;
pub use channel::{EVENTS, PROTOCOL_ID, SHOTS, STATE, channels, config};
pub use client::{GameClient, KnownPlayer, Phase};
pub use codec::{DecodeError, DecodeReason};
pub use event_log::EventLog;
pub use farewell::Dismissal;
pub use message::{Message, Received, Shot};
pub use name::{Name, NameError, PlayerId};
pub use outbox::Outgoing;
pub use outlet::{EndpointAt, Outlet};
pub use server::{GameConfig, GameServer, PlayerView, To};
pub use snapshot::{PlayerState, Position, Snapshot};
pub use stats::{ClientStats, GameDrops, ServerStats};
