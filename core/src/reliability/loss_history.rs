//! How many of the latest packets were lost.

use crate::saved::saved;

/// Packets remembered.
const PACKETS: u16 = 256;

/// The fates of the latest 256 packets, as a ring of bits: one is lost.
#[derive(Debug, Default)]
pub(crate) struct LossHistory {
    lost: [u64; PACKETS as usize / 64],
    next: u16,
    decided: u16,
    lost_count: u16,
}

saved!(LossHistory {
    lost,
    next,
    decided,
    lost_count
});

impl LossHistory {
    /// Remembers one fate, and forgets the oldest if there are 256.
    pub(crate) const fn push(&mut self, is_lost: bool) {
        let word = &mut self.lost[self.next as usize / 64];
        let bit = 1 << (self.next % 64);
        if *word & bit != 0 {
            self.lost_count -= 1;
            *word &= !bit;
        }
        if is_lost {
            self.lost_count += 1;
            *word |= bit;
        }
        self.next = (self.next + 1) % PACKETS;
        if self.decided < PACKETS {
            self.decided += 1;
        }
    }

    /// Lost packets in tenths of a percent, 0 to 1,000; 0 before the first fate.
    pub(crate) fn permille(&self) -> u16 {
        if self.decided == 0 {
            return 0;
        }
        let permille = u32::from(self.lost_count) * 1_000 / u32::from(self.decided);
        u16::try_from(permille).unwrap_or(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_packets_count() {
        let mut history = LossHistory::default();
        assert_eq!(history.permille(), 0);
        history.push(true);
        assert_eq!(history.permille(), 1_000);
        for _ in 0..3 {
            history.push(false);
        }
        assert_eq!(history.permille(), 250);
        for _ in 0..256 {
            history.push(false);
        }
        assert_eq!(history.permille(), 0);
        for i in 0..1_000 {
            history.push(i % 8 == 0);
        }
        assert_eq!(history.permille(), 125);
    }
}
