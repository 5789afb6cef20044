//! A survey in a few numbers.

use std::time::Duration;

use super::{Outcome, PeerSurvey, Way};

/// The numbers of one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerSummary {
    /// Its number in the recording.
    pub peer: u32,
    /// Datagrams to it.
    pub to_peer: WaySummary,
    /// Datagrams from it.
    pub from_peer: WaySummary,
    /// Round trips; `None` if none was measured.
    pub round_trips: Option<RoundTrips>,
    /// Packets that arrived twice.
    pub repeated: u64,
    /// Datagrams that arrived damaged or forged.
    pub forged: u64,
    /// Datagrams with a mark of congestion.
    pub congestion_marks: u64,
}

/// The numbers of one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaySummary {
    /// Datagrams.
    pub datagrams: u64,
    /// Bytes of UDP payload, of lost ones only as far as they are known.
    pub bytes: u64,
    /// Datagrams that were lost.
    pub lost: u64,
    /// Datagrams of which nobody knows.
    pub unknown: u64,
    /// Datagrams that were overtaken by one sent later.
    pub overtaken: u64,
    /// How the losses came.
    pub losses: Losses,
}

/// Losses in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// Rows of one datagram or more.
    pub rows: u64,
    /// Rows of one datagram.
    pub single: u64,
    /// Rows of 2 to 5.
    pub short: u64,
    /// Rows of more than 5.
    pub long: u64,
    /// The longest.
    pub longest: u64,
}

/// Round trips, by how many were faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrips {
    /// How many were measured.
    pub count: u64,
    /// The fastest.
    pub min: Duration,
    /// Half were not slower.
    pub p50: Duration,
    /// Of 100, 95 were not slower.
    pub p95: Duration,
    /// Of 100, 99 were not slower.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

impl PeerSurvey {
    /// The numbers.
    #[must_use]
    pub fn summary(&self) -> PeerSummary {
        PeerSummary {
            peer: self.peer,
            to_peer: self.to_peer.summary(),
            from_peer: self.from_peer.summary(),
            round_trips: RoundTrips::of(&self.round_trips),
            repeated: self.repeated,
            forged: self.forged,
            congestion_marks: self.congestion_marks,
        }
    }
}

impl Way {
    /// The numbers.
    #[must_use]
    pub fn summary(&self) -> WaySummary {
        let mut summary = WaySummary::default();
        let mut row = 0;
        for crossing in &self.crossings {
            summary.datagrams += 1;
            summary.bytes += crossing.len.unwrap_or(0);
            summary.lost += u64::from(crossing.fate == Outcome::Lost);
            summary.unknown += u64::from(crossing.fate == Outcome::Unknown);
            summary.overtaken += u64::from(crossing.is_overtaken);
            if crossing.fate == Outcome::Lost {
                row += 1;
            } else {
                summary.losses.add(std::mem::take(&mut row));
            }
        }
        summary.losses.add(row);
        summary
    }
}

impl WaySummary {
    /// Lost datagrams of a thousand of which one knows.
    #[must_use]
    pub fn loss_permille(&self) -> u64 {
        let known = self.datagrams - self.unknown;
        (self.lost * 1_000).checked_div(known).unwrap_or(0)
    }
}

impl Losses {
    fn add(&mut self, row: u64) {
        match row {
            0 => return,
            1 => self.single += 1,
            2..=5 => self.short += 1,
            _ => self.long += 1,
        }
        self.rows += 1;
        self.longest = self.longest.max(row);
    }
}

impl RoundTrips {
    fn of(times: &[Duration]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let percentile = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        Some(Self {
            count: sorted.len() as u64,
            min,
            p50: percentile(50),
            p95: percentile(95),
            p99: percentile(99),
            max,
        })
    }
}
