//! Numbers that came late: reported until the peer certainly knows them.
//!
//! What the peer knows is told by the largest number of an acknowledgement that arrived. Of two with the same largest number
//! one may be from before the late number came. So a late number counts as known once one arrived that speaks of a number
//! which came after it.

use crate::saved::saved;

/// The lowest of some late numbers, and the largest number of all when the last of them came.
#[derive(Clone, Copy, Debug)]
struct Batch {
    lowest: u64,
    then: u64,
}

saved!(Batch { lowest, then });

/// Those for which a confirmation is awaited, and those that came since: of a path that reorders all the time each is
/// reported for two round trips at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    awaited: Option<Batch>,
    since: Option<Batch>,
}

saved!(Late { awaited, since });

impl Late {
    pub(super) const NONE: Self = Self {
        awaited: None,
        since: None,
    };

    /// `number` came after `largest`, the largest of all so far.
    pub(super) fn add(&mut self, number: u64, largest: u64) {
        let batch = match &mut self.awaited {
            Some(awaited) if awaited.then < largest => &mut self.since,
            _ => &mut self.awaited,
        };
        let lowest = batch.map_or(number, |batch| batch.lowest.min(number));
        *batch = Some(Batch {
            lowest,
            then: largest,
        });
    }

    /// An acknowledgement up to `largest` arrived.
    pub(super) fn on_ack_confirmed(&mut self, largest: u64) {
        let is_open = |batch: &Batch| largest <= batch.then;
        if self.awaited.is_none_or(|awaited| !is_open(&awaited)) {
            self.awaited = self.since.take().filter(is_open);
        }
    }

    /// The lowest that the peer may not know.
    pub(super) fn lowest(&self) -> Option<u64> {
        let batches = [self.awaited, self.since].into_iter().flatten();
        batches.map(|batch| batch.lowest).min()
    }
}

#[cfg(test)]
mod tests {
    use super::Late;

    #[test]
    fn a_late_number_is_known_once_a_later_one_is() {
        let mut late = Late::NONE;
        late.add(5, 7);
        late.on_ack_confirmed(7);
        assert_eq!(late.lowest(), Some(5));
        late.on_ack_confirmed(8);
        assert_eq!(late.lowest(), None);
    }

    #[test]
    fn of_several_that_came_late_the_lowest_is_told() {
        let mut late = Late::NONE;
        for (number, lowest) in [(5, 5), (6, 5), (3, 3)] {
            late.add(number, 7);
            assert_eq!(late.lowest(), Some(lowest));
        }
    }

    #[test]
    fn one_acknowledgement_may_tell_of_all_that_came_late() {
        let mut late = Late::NONE;
        late.add(5, 7);
        late.add(6, 8);
        late.on_ack_confirmed(9);
        assert_eq!(late.lowest(), None);
    }

    #[test]
    fn where_numbers_come_late_all_the_time_none_is_reported_for_longer_than_two_round_trips() {
        const ROUND_TRIP: u64 = 20;
        let mut late = Late::NONE;
        for largest in 100..1_000 {
            late.add(largest - 3, largest);
            late.on_ack_confirmed(largest - ROUND_TRIP);
            let lowest = late.lowest().expect("one was late just now");
            assert!(
                lowest + 2 * ROUND_TRIP + 5 >= largest,
                "{lowest} of {largest}"
            );
        }
    }
}
