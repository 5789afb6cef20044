//! The Tickwire endpoint: reliable and unreliable messages over UDP, ticks and LAN discovery in one
//! synchronous, deterministic state machine.
//!
//! An [`Endpoint`] does no I/O and reads no clock. Its owner, a *driver*, hands it datagrams and the time, and takes
//! datagrams, events and deadlines from it. So the very same code runs on tokio in production, in a simulator
//! that loses packets by a seed, and in a replay of what happened last night.
//!
//! ```text
//!            handle_datagram(now, arrival, bytes)       poll_transmit(now, &mut buf) -> Transmit
//!  socket ─────────────────────────────────►┌────────┐──────────────────────────────────────────► socket
//!  clock  ── handle_timeout(now) ──────────►│Endpoint│── poll_timeout() -> Option<Instant> ──────► timer
//!  game   ── connect / send / flush ───────►└────────┘── poll_event() -> Option<Event> ──────────► game
//! ```
//!
//! # The run loop
//!
//! 1. Hand in every datagram that waits ([`Endpoint::handle_datagram`]), then the time ([`Endpoint::handle_timeout`]).
//! 2. Take events until there is none ([`Endpoint::poll_event`]). On [`Event::Tick`] run a step of the game.
//! 3. Give commands ([`Endpoint::send`] ...) and end the step with [`Endpoint::flush`]. Commands only enqueue.
//! 4. Send datagrams until there is none ([`Endpoint::poll_transmit`]).
//! 5. Sleep until a datagram comes or [`Endpoint::poll_timeout`] has passed. Begin again.
//!
//! Two endpoints and a network that is a variable:
//!
//! ```
//! use tickwire_core::{Arrival, ChannelId, Config, Endpoint, Entropy, Event, Instant, ServerIdentity};
//!
//! let now = Instant::ZERO;
//! let (here, there) = ("10.0.0.1:7000".parse()?, "10.0.0.2:7000".parse()?);
//! let server_config = Config::builder().accepts(true).build()?;
//! let mut server = Endpoint::new(server_config, Entropy::from_seed(1), now);
//! let mut client = Endpoint::new(Config::builder().build()?, Entropy::from_seed(2), now);
//! let peer = client.connect(now, there, ServerIdentity::Known(server.public_key()))?;
//!
//! // What a driver does with sockets: carry datagrams until both are silent.
//! let carry = |client: &mut Endpoint, server: &mut Endpoint| {
//!     let mut buf = Vec::new();
//!     for _ in 0..4 {
//!         while client.poll_transmit(now, &mut buf).is_some() {
//!             server.handle_datagram(now, Arrival::game(here), &mut buf);
//!             buf.clear();
//!         }
//!         while server.poll_transmit(now, &mut buf).is_some() {
//!             client.handle_datagram(now, Arrival::game(there), &mut buf);
//!             buf.clear();
//!         }
//!     }
//! };
//! carry(&mut client, &mut server);
//! assert!(matches!(client.poll_event(), Some(Event::Connected { .. })));
//! assert!(matches!(server.poll_event(), Some(Event::Connected { .. })));
//!
//! let ordered = ChannelId::new(3); // the last of the default channels
//! client.send(now, peer, ordered, b"hello")?;
//! client.flush(now);
//! carry(&mut client, &mut server);
//! let Some(Event::Message { payload, .. }) = server.poll_event() else { panic!("no message") };
//! assert_eq!(payload, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! - *Total inputs.* No datagram makes it fail, panic, loop or grow; bad ones are counted ([`EndpointStats`]).
//! - *Refusal or delivery.* A command is refused at once, with a reason and without effect, or done. A reliable message
//!   that was accepted is delivered once, or the connection ends with a [`CloseReason`] and a count of what is undelivered.
//! - *Bounds.* Every queue has one, in bytes, from [`Config`]. Memory pinned by a message is charged with it ([`MESSAGE_COST`]).
//! - *Determinism.* The same [`Config`], [`Entropy`] and inputs give the same bytes on every platform. There is no
//!   clock, no thread, no hash order and no randomness but [`Entropy`] in here.
//! - *Nothing allocated* for a datagram or a message in steady state; only a message above 8 KiB is handed out in memory
//!   of its own.
//! - *No timeout while the clock stands still.* Time passes only through `now`: an owner that loads a level or sits in
//!   a debugger keeps `now` where it is.
//!
//! # Words
//!
//! | word | meaning |
//! |------|---------|
//! | datagram | one UDP payload as it crosses a socket |
//! | packet | our decoded datagram: header with number, then frames |
//! | frame | one typed item inside a packet |
//! | message | what the application sends and receives |
//! | fragment | part of a message too long for one packet |
//! | channel | a stream of messages with one delivery promise ([`Delivery`]) |
//! | peer | the remote endpoint as we know it ([`PeerId`]) |
//! | tick | number of a step of the game; never a duration |
//! | deadline, timeout | an [`Instant`] to wake at, the fact that it has passed |
//! | seed, secret | reproduces behaviour, must not be guessed |
//!
//! # Features
//!
//! None is on by default. `tracing` logs decisions at debug level (never keys); `arbitrary` derives `Arbitrary` for the
//! plain types, for fuzzing; `fuzz` shows decoders to fuzzers and `planted` lets tests plant mistakes on purpose: both are for
//! nothing else.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
// What `arbitrary` derives names `std`: the feature is for fuzzers, which have it.
#[cfg(feature = "arbitrary")]
extern crate std;

mod audit;
mod channel;
mod config;
mod congestion;
mod crypto;
mod discovery;
mod endpoint;
mod entropy;
mod error;
mod event;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod id;
pub mod journal;
mod key_log;
mod log;
mod machine;
mod notice;
mod path;
mod peer;
#[cfg_attr(
    not(feature = "planted"),
    expect(unreachable_pub, reason = "its bugs are public with the feature")
)]
mod planted;
mod pool;
pub mod record;
mod reliability;
mod repeat;
mod rng;
mod saved;
mod stats;
mod tick;
mod time;
pub mod trace;
mod transmit;
mod wire;

pub use audit::Unsound;
pub use channel::options::{Priority, SendOptions};
pub use channel::qos::{Qos, RateLimit};
pub use config::{
    AnnounceConfig, ChannelConfig, Config, ConfigBuilder, Delivery, KeepaliveInterval, TickConfig,
};
pub use congestion::{CongestionControl, UnknownCongestionControl};
pub use crypto::{
    AeadKey, CipherSuite, ConnectToken, Crypto, Grant, IssueError, OpenError, ParseKeyError,
    Portable, PublicKey, SecretKey, ServerIdentity, TAG_LEN, TokenAuthority, TokenContent,
    TokenError, TokenKey, TokenServer,
};
pub use discovery::{
    DISCOVERY_PORT, DiscoveryQuery, MULTICAST_V4, MULTICAST_V6, Prefix, ServerInfo,
};
pub use endpoint::Endpoint;
pub use entropy::Entropy;
pub use error::{
    ConfigError, CongestionError, ConnectError, DiscoverError, PingError, QosError, RebindError,
    SendError,
};
pub use event::{
    Abandonment, CloseReason, Event, Farewell, RebindStage, Refusal, Role, TokenClient, Violation,
};
pub use id::{ChannelId, MessageId, PeerId};
#[cfg(feature = "planted")]
#[doc(hidden)]
pub use planted::Bug;
pub use stats::{
    ChannelStats, DatagramDrops, EcnState, EndpointStats, PeerDrops, PeerStats, RefusedStats,
};
pub use time::Instant;
pub use transmit::{Arrival, Ecn, EcnCounts, Socket, Transmit};

/// Version of the bytes on the wire (docs/PROTOCOL.md). Sides with different versions refuse each other.
pub const PROTOCOL_VERSION: u8 = 1;

/// Bytes that a message costs in queues and credit beside its payload, for each datagram it fills: what its bookkeeping takes.
pub const MESSAGE_COST: usize = 128;
