//! The ring: the latest of what happened, in memory, written to a file once it is wanted.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tickwire_core::record::EndReason;
use tickwire_core::{CloseReason, Endpoint, Event, Instant};

use super::Kind;
use super::dump::{Cause, Destination, Dump};

/// Time from one dump that nobody asked for to the next, panics aside.
const INTERVAL: Duration = Duration::from_secs(30);

/// A ring: what it keeps, how much of it, and where it is dumped to by itself.
///
/// By default nothing is dumped unless [`Handle::dump_ring`](crate::Handle::dump_ring) asks for it.
#[derive(Clone, Debug)]
#[must_use]
pub struct RingOptions {
    kind: Kind,
    bytes: usize,
    directory: Option<PathBuf>,
    /// Codes of farewells.
    dump_on: Vec<u32>,
}

impl RingOptions {
    /// Keeps sizes, times and losses of datagrams in this many bytes (64 KiB at least): no content, no address, no key. A
    /// datagram takes 3 to 6 bytes.
    pub fn redacted(bytes: usize) -> Self {
        Self {
            kind: Kind::Redacted,
            bytes,
            directory: None,
            dump_on: Vec::new(),
        }
    }

    /// Keeps every call in this many bytes (64 KiB at least), after a checkpoint of the endpoint's state: its dump can be
    /// replayed. **It holds the secrets of all sessions**, though never the configured long-term key.
    pub fn full(bytes: usize) -> Self {
        Self {
            kind: Kind::Full,
            ..Self::redacted(bytes)
        }
    }

    /// Dumps the ring to a new file in this directory (mode 0600, on Unix) when the endpoint or who uses it panics, and when
    /// a connection ends by a timeout, by a breach of the protocol, undeliverable, or because the peer lost its state. Of
    /// the latter at most one in 30 s is dumped; and nothing while 32 dumps are in the directory.
    pub fn dump_to(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// A connection that either side's owner ends with one of these codes ended abnormally too: for those who give peers up
    /// by rules of their own.
    pub fn dump_on(mut self, codes: impl IntoIterator<Item = u32>) -> Self {
        self.dump_on.extend(codes);
        self
    }
}

/// What became of a ring so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingStats {
    /// Dumps that nobody asked for and that were written.
    pub dumped: u64,
    /// Those that were not: too soon after another, too many in the directory, or not possible to write.
    pub skipped: u64,
}

/// The same for the thread that writes.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) dumped: AtomicU64,
    pub(super) skipped: AtomicU64,
}

/// The ring of one endpoint.
#[derive(Debug)]
pub(super) struct Ring {
    options: RingOptions,
    dumped_at: Option<Instant>,
    counters: Arc<Counters>,
}

impl Ring {
    pub(super) fn new(options: RingOptions, endpoint: &mut Endpoint, now: Instant) -> Self {
        match options.kind {
            Kind::Full => endpoint.keep_ring(Some(options.bytes)),
            Kind::Redacted => endpoint.keep_redacted_ring(now, Some(options.bytes)),
        }
        Self {
            options,
            dumped_at: None,
            counters: Arc::default(),
        }
    }

    pub(super) fn end(self, endpoint: &mut Endpoint, now: Instant) {
        match self.options.kind {
            Kind::Full => endpoint.keep_ring(None),
            Kind::Redacted => endpoint.keep_redacted_ring(now, None),
        }
    }

    pub(super) fn stats(&self) -> RingStats {
        RingStats {
            dumped: self.counters.dumped.load(Ordering::Relaxed),
            skipped: self.counters.skipped.load(Ordering::Relaxed),
        }
    }

    /// What it holds; `None` while the endpoint's state is too large for it.
    pub(super) fn content(&self, endpoint: &Endpoint, reason: EndReason) -> Option<Vec<u8>> {
        match self.options.kind {
            Kind::Full => endpoint.dump_ring(reason),
            Kind::Redacted => endpoint.dump_redacted_ring(reason),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.options.kind
    }

    /// The dump that an event is worth, if it is and another one was not just before.
    pub(super) fn on_event(
        &mut self,
        event: &Event,
        endpoint: &Endpoint,
        now: Instant,
    ) -> Option<Dump> {
        let Event::Disconnected { peer, reason, .. } = event else {
            return None;
        };
        let cause = self.abnormal(reason)?;
        self.options.directory.as_ref()?;
        let next_at = self.dumped_at.map(|at| at + INTERVAL);
        if next_at.is_some_and(|at| now < at) {
            self.skip(cause, "another one was dumped just before");
            return None;
        }
        let dump = self.dump(cause, EndReason::Finished, endpoint)?;
        tracing::info!(%peer, %reason, "a connection ended abnormally: the ring is dumped");
        self.dumped_at = Some(now);
        Some(dump)
    }

    /// What is dumped by itself, if there is a place for it.
    pub(super) fn dump(
        &self,
        cause: Cause,
        reason: EndReason,
        endpoint: &Endpoint,
    ) -> Option<Dump> {
        let directory = self.options.directory.clone()?;
        let Some(bytes) = self.content(endpoint, reason) else {
            self.skip(cause, "the endpoint's state is too large for it");
            return None;
        };
        Some(Dump {
            bytes,
            kind: self.options.kind,
            to: Destination::Directory { directory, cause },
            counters: Some(Arc::clone(&self.counters)),
        })
    }

    /// The first is worth a warning, a flood of them is not.
    fn skip(&self, cause: Cause, why: &str) {
        let before = self.counters.skipped.fetch_add(1, Ordering::Relaxed);
        match before {
            0 => {
                tracing::warn!(%cause, "the ring is not dumped: {why}; more of this is counted and not told")
            }
            _ => tracing::debug!(%cause, "the ring is not dumped: {why}"),
        }
    }

    /// Whether a connection ended as it should not, and what the file is named after.
    fn abnormal(&self, reason: &CloseReason) -> Option<Cause> {
        match reason {
            CloseReason::IdleTimeout | CloseReason::HandshakeTimeout => Some(Cause::Timeout),
            CloseReason::Undeliverable { .. } | CloseReason::PeerCouldNotDeliver => {
                Some(Cause::Undeliverable)
            }
            CloseReason::Violation(_) | CloseReason::PeerSawViolation(_) => Some(Cause::Violation),
            CloseReason::Exhausted => Some(Cause::Exhausted),
            CloseReason::Reset => Some(Cause::Reset),
            CloseReason::Local(farewell) | CloseReason::Remote(farewell) => {
                let is_listed = self.options.dump_on.contains(&farewell.code);
                is_listed.then_some(Cause::GivenUp)
            }
            CloseReason::Refused(_) | CloseReason::Replaced | _ => None,
        }
    }
}
