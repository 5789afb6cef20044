//! A survey: what a recording tells of the network between an endpoint and its peers.
//!
//! A redacted recording holds what one endpoint saw: when its datagrams left, which of them were acknowledged, when those
//! of its peers arrived and with which numbers. From that follows, for each peer and both ways, what became of each
//! datagram. A full recording tells the same once it is replayed.
//!
//! What is known and what is assumed:
//!
//! | | to the peer | from the peer |
//! |---|---|---|
//! | when it was sent | exactly | arrival less the time under way |
//! | lost | never acknowledged, while one sent three or more later was | its number never arrived, while a larger one did |
//! | time under way | half of the round trip, where it was measured | half of the round trip that the datagram itself brought; longer if it was overtaken |
//! | ... where it was not measured | on a straight line between the measurements before and after | the same |
//!
//! One endpoint cannot tell how a round trip divides into its ways: half each is an assumption, and so a path that is slow
//! one way only looks slow both ways. Jitter between two measurements is not seen. What the peer sent before the first
//! datagram that arrived is not seen either, nor what it sent after the last.
//!
//! A [`Path`] is the same as two links, to send other datagrams through.

mod gather;
mod path;
mod summary;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::record::{Recording, RedactedRecording};

use crate::{Divergence, Replay};

pub use path::Path;
pub use summary::{Losses, PeerSummary, RoundTrips, WaySummary};

/// What a recording tells of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// When the recording begins.
    pub began_at: Instant,
    /// When the latest datagram left or arrived.
    pub ended_at: Instant,
    /// The peers in the order in which they were first seen.
    pub peers: Vec<PeerSurvey>,
}

/// What it tells of one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerSurvey {
    /// Its number in the recording, from 1.
    pub peer: u32,
    /// At whose end it was recorded, if the recording holds how they met.
    pub recorded_by: Option<Side>,
    /// Datagrams to the peer.
    pub to_peer: Way,
    /// Datagrams from the peer.
    pub from_peer: Way,
    /// Round trips as they were measured, in their order.
    pub round_trips: Vec<Duration>,
    /// Packets that arrived twice.
    pub repeated: u64,
    /// Datagrams that arrived damaged, or were forged. As packets they count as lost.
    pub forged: u64,
    /// Datagrams that arrived with a mark of congestion.
    pub congestion_marks: u64,
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Who dialled.
    Client,
    /// Who was dialled.
    Server,
}

/// One way: its datagrams in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Way {
    /// The datagrams.
    pub crossings: Vec<Crossing>,
}

/// A datagram that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crossing {
    /// When it was sent, since the recording began.
    pub sent: Duration,
    /// Its packet number; none if it belongs to a handshake.
    pub number: Option<u64>,
    /// Bytes of UDP payload, where known.
    pub len: Option<u64>,
    /// What became of it.
    pub fate: Outcome,
    /// How long it was under way, or would have been.
    pub delay: Duration,
    /// Whether that was measured with this very datagram.
    pub is_measured: bool,
    /// Whether one that was sent later arrived before.
    pub is_overtaken: bool,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Arrived,
    /// It was lost.
    Lost,
    /// Nobody knows: its fate was not told before the recording ended, or it has no number.
    Unknown,
}

impl Survey {
    /// What a redacted recording tells.
    #[must_use]
    pub fn of(recording: &RedactedRecording) -> Self {
        gather::survey(recording.began_at(), recording.records())
    }

    /// What a full recording tells: it is replayed.
    ///
    /// # Errors
    ///
    /// The first call that gives anything else than it gave then; it was recorded by another version, or changed.
    pub fn of_full(recording: &Recording) -> Result<Self, Box<Divergence>> {
        let (redacted, divergence) = Replay::new(recording).redacted();
        match divergence {
            None => Ok(Self::of(
                &RedactedRecording::read(redacted).expect("it was just written"),
            )),
            Some(divergence) => Err(Box::new(divergence)),
        }
    }

    /// How long the recording is.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.ended_at.saturating_duration_since(self.began_at)
    }

    /// The peer with this number.
    #[must_use]
    pub fn peer(&self, number: u32) -> Option<&PeerSurvey> {
        self.peers.iter().find(|peer| peer.peer == number)
    }

    /// The peer with which most datagrams were exchanged; the first of several.
    #[must_use]
    pub fn busiest(&self) -> Option<&PeerSurvey> {
        self.peers.iter().rev().max_by_key(|peer| peer.datagrams())
    }
}

impl PeerSurvey {
    /// How many datagrams were exchanged with it.
    #[must_use]
    pub fn datagrams(&self) -> usize {
        self.to_peer.crossings.len() + self.from_peer.crossings.len()
    }
}

impl Way {
    /// Whether each datagram was lost, in the order in which they were sent.
    pub fn losses(&self) -> impl Iterator<Item = bool> + '_ {
        self.crossings
            .iter()
            .map(|crossing| crossing.fate == Outcome::Lost)
    }
}
