#![no_std]
#![forbid(unsafe_code)]
//! Under construction.

extern crate alloc;

mod channel;
mod codec;
mod event_log;
mod message;
mod name;
mod outbox;
mod outlet;
mod snapshot;

pub use channel::{EVENTS, PROTOCOL_ID, SHOTS, STATE, channels, config};
pub use codec::{DecodeError, DecodeReason};
pub use event_log::EventLog;
pub use message::{Message, Received, Shot};
pub use name::{Name, NameError, PlayerId};
pub use outbox::Outgoing;
pub use outlet::{EndpointAt, Outlet};
pub use snapshot::{PlayerState, Position, Snapshot};
