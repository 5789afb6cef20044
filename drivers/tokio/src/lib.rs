//! The Tickwire endpoint on tokio.
//!
//! [`bind`] opens the sockets, spawns one task and returns a [`Handle`]. A server is then a loop over events:
//!
//! ```no_run
//! use tickwire_core::{Config, Event, Farewell};
//! use tickwire_tokio::{Options, bind};
//!
//! # async fn example() -> std::io::Result<()> {
//! let config = Config::builder().accepts(true).peers_max(64);
//! let server = bind(Options::new(config).game(([0, 0, 0, 0], 8080).into()))?;
//! println!("listening on {}", server.local_addr());
//!
//! while let Some(event) = server.next_event().await {
//!     match event {
//!         Event::Connected { peer, address, .. } => println!("{peer} came from {address}"),
//!         Event::Message { peer, channel, payload } => {
//!             // Back to the sender. A full queue is refused here and now, not somewhere later.
//!             if let Err(refusal) = server.send(peer, channel, &payload) {
//!                 println!("not echoed to {peer}: {refusal}");
//!             }
//!         }
//!         Event::Disconnected { peer, reason, .. } => println!("{peer} left: {reason}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A client dials, and says goodbye so that nothing it queued is lost:
//!
//! ```no_run
//! # use tickwire_core::{ChannelId, Config, Event, Farewell, ServerIdentity};
//! # use tickwire_tokio::{Options, bind};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = bind(Options::new(Config::builder()))?;
//! let server = client.connect("192.0.2.7:8080".parse()?, ServerIdentity::TrustOnFirstUse)?;
//! while let Some(event) = client.next_event().await {
//!     if let Event::Connected { .. } = event {
//!         client.send(server, ChannelId::new(2), b"reliable by the default channels")?;
//!         break;
//!     }
//! }
//! let report = client.shutdown(Farewell::new(0, "done")).await;
//! println!("{} messages were not delivered", report.undelivered);
//! # Ok(())
//! # }
//! ```
//!
//! # What to know
//!
//! - **Commands do not wait.** They act on the endpoint under a short lock and refuse at once, each with its own small
//!   error. Only [`Handle::next_event`] and [`Handle::shutdown`] are `async`.
//! - **Messages of a tick share datagrams.** Queue them, then call [`Handle::flush`]. Without it a datagram leaves after
//!   the configured delay, which tokio's timers round up to the next millisecond.
//! - **Back-pressure is yours to give.** Events stay in the endpoint until they are read. A reader that stops reading
//!   stops its peers, whose `send` then refuses with `QueueFull`; nothing that was acknowledged is dropped.
//! - **Services** are written against [`Endpoint`]; [`Handle::with`] lends it to them.
//! - **What happened can be lived again.** [`Options::record`] writes every call of the endpoint to a file, which
//!   `tickwire replay` and `tickwire_sim::Replay` make again, to the byte. [`Options::record_redacted`] keeps what the
//!   network did and no secret; [`Options::keep_ring`] keeps the latest of either in memory, and dumps it when something
//!   goes wrong. Recordings begin and end while the endpoint runs, too: [`Handle::start_recording`].
//! - **A client may move.** [`Handle::rebind`] takes another socket, of another network for example; its connections live on.
//! - **Errors of sockets end nothing.** They are counted in [`Handle::io_stats`].
//!
//! # Tests without sockets
//!
//! [`drive`] runs the same task on sockets and a clock of the caller. It needs no runtime then: poll the future until it
//! is pending, move the clock to [`Handle::wake_at`] or hand in a datagram, poll again. All calls to the endpoint are made by
//! [`tickwire_udp::Pump`], so what is sent is the same to the byte as with a pump in a loop or with a simulator that calls the
//! endpoint in that order.

mod handle;
mod options;
mod rebind;
mod recording;
mod shared;
mod sockets;
mod task;

use std::future::Future;
use std::io;
use std::sync::Arc;

use tickwire_core::{DISCOVERY_PORT, Endpoint};
use tickwire_udp::Clock;

pub use handle::Handle;
pub use options::Options;
pub use rebind::RebindFailure;
pub use recording::{
    DumpError, RecordError, Recorded, RingOptions, RingStats, StartRecordingError,
    StopRecordingError,
};
pub use shared::ShutdownReport;
pub use sockets::Sockets;
pub use tickwire_udp::{BindError, Interfaces, IoStats, JoinFailure};

use recording::{RecordingFile, Recordings};
use shared::Shared;
use sockets::{Bound, UdpSockets};
use task::Task;

/// Opens the sockets and spawns the endpoint's task on the current runtime.
///
/// # Errors
///
/// When the game socket cannot be bound: the error holds a [`BindError`], which says to what address, why and what to do.
/// When the configuration is invalid (`InvalidInput`, holding a [`ConfigError`](tickwire_core::ConfigError)). When the
/// operating system has no randomness. When the file of [`Options::record`] or [`Options::record_redacted`] cannot be made: the
/// error holds a [`RecordError`]. When there is no runtime.
///
/// # Panics
///
/// If the current runtime was built without its I/O or its time driver.
pub fn bind(options: Options) -> io::Result<Handle> {
    let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
    let (sockets, bound) = UdpSockets::bind(&options)?;
    let (handle, task) = start(options, sockets, bound, Clock::start())?;
    runtime.spawn(task);
    Ok(handle)
}

/// Makes an endpoint on sockets of the caller, and the future that runs it. With [`Clock::manual`] it needs no runtime
/// (see the crate's text). [`Options::game`] is only what [`Handle::local_addr`] says.
///
/// # Errors
///
/// When the configuration is invalid, or the operating system has no randomness where
/// [`Options::entropy`] gives none.
pub fn drive(
    options: Options,
    sockets: impl Sockets,
    clock: Clock,
) -> io::Result<(Handle, impl Future<Output = ()> + Send)> {
    let bound = Bound {
        game: options.game,
        discovery: None,
        join_failures: Vec::new(),
    };
    start(options, sockets, bound, clock)
}

fn start<S: Sockets>(
    options: Options,
    sockets: S,
    bound: Bound,
    clock: Clock,
) -> io::Result<(Handle, impl Future<Output = ()> + Send + use<S>)> {
    let config = options.config(bound.game.port())?;
    let entropy = match options.entropy {
        Some(entropy) => entropy,
        None => tickwire_udp::entropy()?,
    };
    let files = [&options.record, &options.record_redacted];
    let files = files.into_iter().flatten().map(RecordingFile::create);
    let recordings = files.collect::<Result<Vec<_>, _>>()?;
    let now = clock.now();
    let mut endpoint = match &options.record {
        Some(_) => Endpoint::recorded(config, entropy, now),
        None => Endpoint::new(config, entropy, now),
    };
    if options.record_redacted.is_some() {
        endpoint.record_redacted(now);
    }
    let mut recordings = Recordings::new(recordings);
    recordings.keep_ring(options.ring, &mut endpoint, now);
    let shared = Arc::new(Shared::new(endpoint, recordings, clock, bound.game));
    let discovery_port = match &bound.discovery {
        Some(Ok(address)) => address.port(),
        Some(Err(_)) | None => DISCOVERY_PORT,
    };
    let task = Task::new(Arc::clone(&shared), sockets, bound.game, discovery_port);
    Ok((Handle::new(shared, bound), task.run()))
}
