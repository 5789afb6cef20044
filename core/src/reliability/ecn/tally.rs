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

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn mark() -> impl Strategy<Value = Option<Ecn>> {
        prop::sample::select(&[None, Some(Ecn::Ect0), Some(Ecn::Ect1), Some(Ecn::Ce)][..])
    }

    proptest! {
        /// What is counted is what came; each row of congestion is told at once and by the next two frames at least, and what
        /// is not told now is told within a second.
        #[test]
        fn it_counts_what_came_and_tells_of_congestion(
            steps in prop::collection::vec((mark(), prop::bool::weighted(0.4), 0u64..400), 1..200),
        ) {
            let (mut tally, mut now) = (Tally::new(), Instant::ZERO);
            let (mut came, mut frames, mut told_at) = (Vec::new(), 0u32, Instant::ZERO);
            let mut frames_since_ce = None;
            for (mark, reports, millis) in steps {
                now = now + Duration::from_millis(millis);
                let was_ce = came.last() == Some(&Some(Ecn::Ce));
                came.push(mark);
                let is_ce = mark == Some(Ecn::Ce);
                prop_assert_eq!(tally.on_packet(mark), is_ce && !was_ce);
                if is_ce {
                    frames_since_ce = Some(0);
                }
                let count = |wanted| came.iter().filter(|mark| **mark == Some(wanted)).count() as u64;
                let counts = EcnCounts {
                    ect0: count(Ecn::Ect0),
                    ect1: count(Ecn::Ect1),
                    ce: count(Ecn::Ce),
                };
                prop_assert_eq!(tally.counts(), counts);
                let has_news = frames_since_ce.is_some_and(|frames| frames < 2);
                prop_assert_eq!(tally.has_news(), has_news);
                let is_old = now.saturating_duration_since(told_at) >= Duration::from_secs(1);
                let is_due = counts != EcnCounts::default() && (frames < 8 || has_news || is_old);
                prop_assert_eq!(tally.due(now), is_due.then_some(counts));
                if reports {
                    tally.on_reported(now);
                    (frames, told_at) = (frames + 1, now);
                    frames_since_ce = frames_since_ce.map(|frames: u32| frames + 1);
                }
            }
        }
    }
}
