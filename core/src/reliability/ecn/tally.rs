//! How many packets arrived with each mark, and when that is news to their sender.
//!
//! Where we differ from RFC 9000 section 19.3.2: counts are in an acknowledgement only if they are news, since they would be
//! most of it. They are in the first ones, in one each second, and in the next two after a mark of congestion. Who never saw
//! a mark tells of none, and pays nothing.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;
use crate::transmit::{Ecn, EcnCounts};

/// The first reports are in every ACK frame, so that one that is lost makes nobody believe that marks are taken away.
const FIRST: u32 = 8;
const INTERVAL: Duration = Duration::from_secs(1);
/// ACK frames that tell of a mark of congestion.
const REPEATS: u8 = 2;

/// The marks that arrived.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: EcnCounts,
    /// The latest packet met congestion.
    is_congested: bool,
    /// ACK frames that must still tell of congestion.
    news: u8,
    reports: u32,
    reported_at: Instant,
}

saved!(Tally {
    counts,
    is_congested,
    news,
    reports,
    reported_at
});

impl Tally {
    pub(crate) const fn new() -> Self {
        Self {
            counts: EcnCounts {
                ect0: 0,
                ect1: 0,
                ce: 0,
            },
            is_congested: false,
            news: 0,
            reports: 0,
            reported_at: Instant::ZERO,
        }
    }

    /// A packet was taken. Whether it is the first to have met congestion after one that had not: that is to be told at once.
    ///
    /// RFC 9000 section 13.2.1 asks for it with each packet so marked; one answer for each row of them tells the same.
    pub(crate) const fn on_packet(&mut self, ecn: Option<Ecn>) -> bool {
        let was_congested = self.is_congested;
        self.is_congested = matches!(ecn, Some(Ecn::Ce));
        match ecn {
            None => {}
            Some(Ecn::Ect0) => self.counts.ect0 += 1,
            Some(Ecn::Ect1) => self.counts.ect1 += 1,
            Some(Ecn::Ce) => {
                self.counts.ce += 1;
                self.news = REPEATS;
            }
        }
        self.is_congested && !was_congested
    }

    /// Whether congestion is to be told: an acknowledgement that cannot tell it will not do.
    pub(crate) const fn has_news(&self) -> bool {
        self.news > 0
    }

    /// What the next ACK frame has to tell.
    pub(crate) fn due(&self, now: Instant) -> Option<EcnCounts> {
        let is_any = self.counts != EcnCounts::default();
        let is_due = self.reports < FIRST
            || self.has_news()
            || now.saturating_duration_since(self.reported_at) >= INTERVAL;
        (is_any && is_due).then_some(self.counts)
    }

    /// An ACK frame left with what was due.
    pub(crate) const fn on_reported(&mut self, now: Instant) {
        self.news = self.news.saturating_sub(1);
        self.reports = self.reports.saturating_add(1);
        self.reported_at = now;
    }

    /// What arrived.
    pub(crate) const fn counts(&self) -> EcnCounts {
        self.counts
    }
}
