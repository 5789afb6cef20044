//! How many of the latest packets were lost, and how many of them in a row.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// Packets remembered.
const PACKETS: u16 = 256;
/// So many fates since the latest pause tell how the path is now.
const KNOWN: u16 = 24;
/// A pause: what was before it may not hold any more.
const PAUSE: Duration = Duration::from_secs(3);

/// The fates of the latest 256 packets, as two rings of bits: one is lost; and it is the first of a row.
#[derive(Debug, Default)]
pub(crate) struct LossHistory {
    lost: [u64; PACKETS as usize / 64],
    firsts: [u64; PACKETS as usize / 64],
    next: u16,
    decided: u16,
    lost_count: u16,
    firsts_count: u16,
    /// Fates since the latest pause.
    fresh: u16,
    arrived_at: Option<Instant>,
}

saved!(LossHistory {
    lost,
    firsts,
    next,
    decided,
    lost_count,
    firsts_count,
    fresh,
    arrived_at
});

impl LossHistory {
    /// A packet arrived.
    pub(crate) fn push_arrived(&mut self, now: Instant) {
        let is_paused = |at| now.saturating_duration_since(at) >= PAUSE;
        if self.arrived_at.is_some_and(is_paused) {
            self.fresh = 0;
        }
        self.arrived_at = Some(now);
        self.push(false, false);
    }

    /// A packet was lost; `again`: like the one sent before it.
    pub(crate) fn push_lost(&mut self, again: bool) {
        self.push(true, !again);
    }

    /// Remembers one fate, and forgets the oldest if there are 256.
    fn push(&mut self, is_lost: bool, is_first: bool) {
        let (word, bit) = (usize::from(self.next / 64), 1 << (self.next % 64));
        self.lost_count -= u16::from(self.lost[word] & bit != 0);
        self.firsts_count -= u16::from(self.firsts[word] & bit != 0);
        self.lost[word] &= !bit;
        self.firsts[word] &= !bit;
        if is_lost {
            self.lost_count += 1;
            self.lost[word] |= bit;
        }
        if is_first {
            self.firsts_count += 1;
            self.firsts[word] |= bit;
        }
        self.next = (self.next + 1) % PACKETS;
        self.decided = (self.decided + 1).min(PACKETS);
        self.fresh = (self.fresh + 1).min(PACKETS);
    }

    /// Whether this tells how the path is now.
    pub(crate) fn is_known(&self, now: Instant) -> bool {
        let is_recent = |at| now.saturating_duration_since(at) < PAUSE;
        self.fresh >= KNOWN && self.arrived_at.is_some_and(is_recent)
    }

    /// Lost packets in tenths of a percent, 0 to 1,000; 0 before the first fate.
    pub(crate) fn permille(&self) -> u16 {
        permille(self.lost_count, self.decided)
    }

    /// How often a packet is lost that follows a lost one, in tenths of a percent. Of few losses this says little, so some
    /// that were single are taken for granted.
    pub(crate) fn repeat_permille(&self) -> u16 {
        const SINGLE: u16 = 8;
        let repeats = self.lost_count.saturating_sub(self.firsts_count);
        permille(repeats, self.lost_count + SINGLE)
    }

    /// Mean number of packets lost in a row, in tenths; 0 if none was lost.
    pub(crate) fn run_tenths(&self) -> u16 {
        let runs = self.firsts_count.max(1);
        self.lost_count * 10 / runs
    }
}

fn permille(part: u16, of: u16) -> u16 {
    if of == 0 {
        return 0;
    }
    let permille = u32::from(part) * 1_000 / u32::from(of);
    u16::try_from(permille).unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    proptest! {
        /// As with a list of all fates, of which the latest 256 count.
        #[test]
        fn it_is_the_list_of_the_latest_256(
            fates in prop::collection::vec(prop_oneof![
                4 => Just(None),
                1 => Just(Some(false)),
                2 => Just(Some(true)),
            ], 1..700),
        ) {
            let mut history = LossHistory::default();
            for end in 0..fates.len() {
                match fates[end] {
                    None => history.push_arrived(at(0)),
                    Some(again) => history.push_lost(again),
                }
                let latest = &fates[(end + 1).saturating_sub(256)..=end];
                let lost = latest.iter().flatten().count();
                let firsts = latest.iter().flatten().filter(|again| !**again).count();
                prop_assert_eq!(usize::from(history.permille()), lost * 1_000 / latest.len());
                prop_assert_eq!(usize::from(history.run_tenths()), lost * 10 / firsts.max(1));
                let repeats = (lost - firsts) * 1_000 / (lost + 8);
                prop_assert_eq!(usize::from(history.repeat_permille()), repeats);
                let is_fresh = end + 1 >= 24 && fates[..=end].contains(&None);
                prop_assert_eq!(history.is_known(at(2_999)), is_fresh);
            }
        }
    }

    #[test]
    fn only_the_latest_packets_count() {
        let mut history = LossHistory::default();
        assert_eq!(history.permille(), 0);
        history.push_lost(false);
        assert_eq!(history.permille(), 1_000);
        for _ in 0..3 {
            history.push_arrived(at(0));
        }
        assert_eq!(history.permille(), 250);
        for _ in 0..256 {
            history.push_arrived(at(0));
        }
        assert_eq!((history.permille(), history.run_tenths()), (0, 0));
        for i in 0..1_000 {
            match i % 8 == 0 {
                true => history.push_lost(false),
                false => history.push_arrived(at(0)),
            }
        }
        assert_eq!(history.permille(), 125);
    }

    #[test]
    fn losses_in_a_row_are_told_from_single_ones() {
        let mut history = LossHistory::default();
        for _ in 0..20 {
            history.push_lost(false);
            (0..9).for_each(|_| history.push_arrived(at(0)));
        }
        assert_eq!((history.run_tenths(), history.repeat_permille()), (10, 0));
        for _ in 0..40 {
            history.push_lost(false);
            (0..3).for_each(|_| history.push_lost(true));
            (0..36).for_each(|_| history.push_arrived(at(0)));
        }
        assert_eq!(history.run_tenths(), 40);
        assert!((500..750).contains(&history.repeat_permille()));
    }

    #[test]
    fn after_a_pause_nothing_is_known() {
        let mut history = LossHistory::default();
        assert!(!history.is_known(at(0)));
        (0..23).for_each(|_| history.push_arrived(at(10)));
        assert!(!history.is_known(at(10)));
        history.push_arrived(at(20));
        assert!(history.is_known(at(3_019)));
        assert!(!history.is_known(at(3_020)));
        history.push_arrived(at(3_020));
        assert!(!history.is_known(at(3_020)));
    }
}
