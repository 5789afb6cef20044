#![no_std]
#![forbid(unsafe_code)]
//! Under construction.

extern crate alloc;
// What `arbitrary` derives names `std`: the feature is for fuzzers, which have it.
#[cfg(feature = "arbitrary")]
extern crate std;

mod channel;
mod config;
mod congestion;
mod crypto;
mod discovery;
mod endpoint;
mod entropy;
mod error;
mod event;
mod id;
mod peer;
mod pool;
mod reliability;
mod rng;
mod stats;
mod tick;
mod time;
mod transmit;
mod wire;

pub use config::{AnnounceConfig, ChannelConfig, Config, ConfigBuilder, Delivery, TickConfig};
pub use crypto::{
    AeadKey, CipherSuite, Crypto, OpenError, ParseKeyError, Portable, PublicKey, SecretKey,
    ServerIdentity, TAG_LEN,
};
pub use discovery::{
    DISCOVERY_PORT, DiscoveryQuery, MULTICAST_V4, MULTICAST_V6, Prefix, ServerInfo,
};
pub use endpoint::Endpoint;
pub use entropy::Entropy;
pub use error::{ConfigError, ConnectError, DiscoverError, PingError, SendError};
pub use event::{CloseReason, Event, Farewell, Refusal, Role, Violation};
pub use id::{ChannelId, MessageId, PeerId};
pub use stats::{DatagramDrops, EndpointStats, PeerDrops, PeerStats, RefusedStats};
pub use time::Instant;
pub use transmit::{Arrival, Ecn, Socket, Transmit};

/// Version of the bytes on the wire (docs/PROTOCOL.md). Sides with different versions refuse each other.
pub const PROTOCOL_VERSION: u8 = 1;

/// Bytes that a message costs in queues and credit beside its payload, for each datagram it fills: what its bookkeeping takes.
pub const MESSAGE_COST: usize = 128;
