//! Waiting for a moment that may not be set.

use tokio::time::{Instant, sleep_until};

/// Resolves at `instant`, or never without one. Cancel safe.
pub(crate) async fn reached(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
