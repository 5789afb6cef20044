//! Under construction.

mod fate;
mod link;
mod network;
pub mod oracle;
mod pair;
mod rng;
pub mod seeds;
mod trace;
mod world;

use std::time::Duration;

pub use fate::{Fate, FateCounts, Schedule};
pub use link::Link;
pub use oracle::Oracle;
pub use pair::Pair;
pub use rng::Rng;
pub use world::{HostId, Message, World};

/// Milliseconds, for tests to read well.
#[must_use]
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
