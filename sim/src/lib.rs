//! A network in a box: Tickwire endpoints in virtual time, on links that lose, delay, repeat and damage
//! what crosses them, all from one seed.
//!
//! Nothing here waits and nothing is left to luck. A minute of play takes milliseconds, the same seed gives the
//! same bytes on every machine, and a test that fails prints the command that fails again.
//!
//! # A first test
//!
//! A [`Pair`] is a client and a server. Put a [`Link`] between them, connect, and let time pass:
//!
//! ```
//! use tickwire_sim::{Link, Pair, ms};
//!
//! // 50 ms there and back; the server's datagrams all arrive, one in ten of the client's does not.
//! let mut pair = Pair::new(7)
//!     .link_to_server(Link::new().latency(ms(25)).loss(100))
//!     .link_to_client(Link::new().latency(ms(25)))
//!     .connect();
//!
//! const ORDERED: u8 = 3;
//! pair.send_to_server(ORDERED, b"jump").expect("the queue has room");
//! pair.send_to_server(ORDERED, b"shoot").expect("the queue has room");
//! pair.run_for(ms(1_000));
//!
//! let heard = pair.server_messages();
//! assert_eq!(heard[0].payload, "jump");
//! assert_eq!(heard[1].payload, "shoot");
//! ```
//!
//! # Faults by plan
//!
//! Loss by probability finds bugs; a plan explains them. A [`Schedule`] lists the [`Fate`] of each of the next
//! datagrams of a link, and the wire trace shows what became of them:
//!
//! ```
//! # use tickwire_sim::{Fate, Link, Pair, ms};
//! let mut pair = Pair::new(7)
//!     .link_to_server(Link::new().latency(ms(25)).schedule([Fate::Drop]))
//!     .link_to_client(Link::new().latency(ms(25)))
//!     .traced()
//!     .connect();
//! assert!(pair.trace().contains("✗ dropped"));
//! ```
//!
//! # What was promised
//!
//! An [`Oracle`] follows one channel in one direction. It makes messages that tell their number, and it knows what
//! each delivery allows; see [`oracle`].
//!
//! # More than two
//!
//! A [`World`] has any number of hosts, on one LAN, for discovery too. A pair is a world of two;
//! [`Pair::world`] reaches everything that has no shorter way. [`World::play_for`] puts a game of yours above the endpoints.
//!
//! # What happened elsewhere
//!
//! A driver, or [`World::record`], records every call of an endpoint. A [`Replay`] makes the calls of such a
//! [`Recording`] again, to the byte, and stops where anything else comes out than did then:
//!
//! ```
//! # use tickwire_sim::{Pair, Recording, Replay, ms};
//! let mut pair = Pair::new(7);
//! pair.world.record(pair.server);
//! let mut pair = pair.connect();
//! pair.run_for(ms(1_000));
//!
//! let recording = Recording::read(pair.world.end_recording(pair.server))?;
//! let report = Replay::new(&recording).run();
//! assert!(report.is_identical());
//! assert_eq!(report.stats.datagrams_out, pair.world.view(pair.server).stats().datagrams_sent);
//! # Ok::<(), tickwire_sim::RecordingError>(())
//! ```
//!
//! # Worlds as bad as the real one
//!
//! | what fails  | how                                                                        | where                    |
//! |-------------|----------------------------------------------------------------------------|--------------------------|
//! | links       | jitter, bursts, storms, damage, slow queues, CoDel, MTU, outages           | [`Link`]                 |
//! | the network | partitions, both ways or one way                                           | [`World::partition`]     |
//! | hosts       | clocks that drift and jump, stalls, late timers, blocked sockets, crashes  | [`World::stall`], ...    |
//! | NATs        | mapping, filtering, ports, timeouts, hairpin, reboots, chains              | [`Nat`]                  |
//!
//! [`World::faults`] tells how often each kind struck, and [`World::heal`] ends them all. A [`Mix`] draws some of them from a
//! seed, for tests over many seeds that look everywhere:
//!
//! ```
//! use tickwire_sim::{Bursts, Link, Pair, Rate, ms};
//!
//! let uplink = Link::new()
//!     .latency(ms(40))
//!     .bursts(Bursts::by_time(ms(80), ms(1_920)))
//!     .rate(Rate::bits_per_second(256_000).codel());
//! let mut pair = Pair::new(7).link_to_server(uplink).connect();
//! pair.world.stall(pair.server, ms(300));
//! pair.send_to_server(2, b"still there?").expect("the queue has room");
//! pair.run_for(ms(2_000));
//! assert_eq!(pair.server_messages().len(), 1);
//! assert_eq!(pair.world.faults().stalled, 1);
//! ```
//!
//! # Pictures
//!
//! [`World::capture`] keeps all that crosses the wire. [`capture`] makes files of it, for Wireshark and as qlog, and [`report`] a page
//! of a scenario's run that any browser opens:
//!
//! ```
//! use tickwire_sim::capture::CaptureLimits;
//! use tickwire_sim::report::Report;
//! use tickwire_sim::scenario::{Player, library};
//!
//! let scenario = library::find("perfect").expect("it comes along").read()?;
//! let (outcome, mut world) = Player::new(&scenario, 7).captured(CaptureLimits::default()).run();
//! let capture = world.take_capture();
//! let mut page = Vec::new();
//! let report = Report { command: "as in the docs", outcome: &outcome, capture: capture.as_ref() };
//! report.write(&mut page).expect("a Vec takes everything");
//! assert!(page.starts_with(b"<!doctype html>"));
//! # Ok::<(), tickwire_sim::ScenarioError>(())
//! ```
//!
//! # Invariants kept here
//!
//! - Everything follows from the seed. No clock, no thread, no operating system's chance, no float.
//! - Each user of chance has a stream of its own: a new draw in one place does not shift the others.
//! - At one instant datagrams arrive in the order they were sent, before deadlines, which fire by host.
//! - The world drains an endpoint after each input in the order the endpoint's contract asks for.
//! - Removing an element from a schedule leaves a valid schedule.

mod address;
pub mod capture;
mod clock;
mod driver;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each side picks the steps and ends that concern it"
)]
pub mod explain;
mod fate;
mod faults;
mod host;
mod invariants;
mod link;
pub mod mix;
mod narrate;
mod nat;
mod network;
pub mod oracle;
mod pair;
mod replay;
pub mod report;
mod rng;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each step of a scenario picks the few kinds that concern it"
)]
pub mod scenario;
pub mod seeds;
#[cfg(feature = "insta")]
pub mod snapshot;
pub mod survey;
mod trace;
mod world;

use std::time::Duration;

pub use capture::{Capture, CaptureLimits};
pub use fate::{Fate, FateCounts, Schedule};
pub use faults::{DropCause, FaultCounts};
pub use host::{HostId, Message};
pub use link::Link;
pub use link::bursts::Bursts;
pub use link::ecn::EcnPath;
pub use link::jitter::Jitter;
pub use link::rate::Rate;
pub use link::recorded::{Capacity, Conditions, TraceError};
pub use mix::Mix;
pub use nat::realms::NatId;
pub use nat::{Dependence, Hairpin, Nat, Pooling, Ports, Refresh};
pub use oracle::Oracle;
pub use pair::Pair;
pub use replay::{Divergence, RecordedPanic, Replay, ReplayReport, ReplayStats, quiet_replays};
pub use rng::Rng;
pub use scenario::{Outcome, Scenario, ScenarioError};
pub use survey::Survey;
pub use tickwire_core::record::{Recording, RecordingError, RedactedRecording};
pub use trace::Datagram;
pub use world::World;

/// Milliseconds, for tests to read well.
#[must_use]
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
