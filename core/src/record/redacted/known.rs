//! What a redactor remembers of a peer: which of its packets it has told of.

/// Packets of which it is remembered whether they were told to be acknowledged: as many as a connection remembers.
const WINDOW: u64 = 2_048;

const WORD: u64 = 64;

/// A peer in a redacted recording.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Of its slot: another one is another peer.
    pub(super) generation: u32,
    /// Its name in the recording.
    pub(super) number: u32,
    /// The generation of the ring that has told of it.
    pub(super) told_in: u32,
    /// The first packet whose sending is in the recording, and the one after the last.
    first_sent: u64,
    pub(super) next_sent: Option<u64>,
    /// The one after the largest that arrived.
    pub(super) next_taken: u64,
    /// The one after those last told to be acknowledged.
    pub(super) next_acked: u64,
    /// Bit `n % 2048` stands for packet `n`: it was told.
    told: [u64; (WINDOW / WORD) as usize],
}

impl Known {
    pub(super) const fn new(generation: u32, number: u32) -> Self {
        Self {
            generation,
            number,
            told_in: 0,
            first_sent: 0,
            next_sent: None,
            next_taken: 0,
            next_acked: 0,
            told: [0; (WINDOW / WORD) as usize],
        }
    }

    /// What the reader must know, if it has read nothing of this peer: the next packet sent, arriving, acknowledged.
    pub(super) fn stands(&self) -> Option<[u64; 3]> {
        let stands = [
            self.next_sent.unwrap_or(0),
            self.next_taken,
            self.next_acked,
        ];
        (stands != [0; 3]).then_some(stands)
    }

    /// A packet left.
    pub(super) fn on_sent(&mut self, number: u64) {
        if self.next_sent.is_none() {
            self.first_sent = number;
        }
        self.next_sent = Some(number + 1);
        self.told[word(number)] &= !(1 << (number % WORD));
    }

    /// What of `first..=last` was sent in this recording and is remembered.
    pub(super) fn clip(&self, first: u64, last: u64) -> Option<(u64, u64)> {
        let next = self.next_sent?;
        let first = first.max(self.first_sent).max(next.saturating_sub(WINDOW));
        let last = last.min(next.checked_sub(1)?);
        (first <= last).then_some((first, last))
    }

    /// Takes the first row of packets in `first..=last` that were not told yet, as its first and last.
    pub(super) fn take_row(&mut self, first: u64, last: u64) -> Option<(u64, u64)> {
        let first = first + self.run(first, last, true);
        if first > last {
            return None;
        }
        let length = self.run(first, last, false);
        let last = first + length - 1;
        self.tell(first, last);
        self.next_acked = last + 1;
        Some((first, last))
    }

    /// How many packets from `first` on are all told, or all not.
    fn run(&self, first: u64, last: u64, told: bool) -> u64 {
        let span = last + 1 - first;
        let mut length = 0;
        while length < span {
            let number = first + length;
            let word = self.told[word(number)];
            let wanted = if told { word } else { !word };
            let run = u64::from((wanted >> (number % WORD)).trailing_ones());
            length += run;
            if run < WORD - number % WORD {
                break;
            }
        }
        length.min(span)
    }

    fn tell(&mut self, first: u64, last: u64) {
        let mut number = first;
        while number <= last {
            let count = (WORD - number % WORD).min(last + 1 - number);
            let ones = u64::MAX >> (WORD - count);
            self.told[word(number)] |= ones << (number % WORD);
            number += count;
        }
    }
}

const fn word(number: u64) -> usize {
    (number % WINDOW / WORD) as usize
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    use super::{Known, WINDOW};

    fn rows(known: &mut Known, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut rows = Vec::new();
        let Some((first, last)) = known.clip(first, last) else {
            return rows;
        };
        while let Some(row) = known.take_row(first, last) {
            rows.push(row);
        }
        rows
    }

    #[test]
    fn only_packets_of_this_recording_are_told_of() {
        let mut known = Known::new(0, 1);
        assert_eq!(rows(&mut known, 0, 9), []);
        (5..8).for_each(|number| known.on_sent(number));
        assert_eq!(rows(&mut known, 0, u64::MAX), [(5, 7)]);
        assert_eq!(rows(&mut known, 0, 9), []);
    }

    proptest! {
        /// However acknowledgements overlap, each packet of the last 2,048 is told of once, in rows without a gap.
        #[test]
        fn each_packet_is_told_of_once(steps in prop::collection::vec((0u64..200, 0u64..400, 0u64..400), 1..80)) {
            let mut known = Known::new(0, 1);
            let (mut next, mut told) = (0, BTreeSet::new());
            for (sent, back, length) in steps {
                (0..sent).for_each(|_| { known.on_sent(next); next += 1; });
                let last = next.saturating_sub(back);
                let first = last.saturating_sub(length);
                let expected: Vec<u64> = (first..=last)
                    .filter(|n| *n < next && *n + WINDOW >= next && !told.contains(n))
                    .collect();
                let rows = rows(&mut known, first, last);
                let found: Vec<u64> = rows.iter().flat_map(|(first, last)| *first..=*last).collect();
                prop_assert_eq!(&found, &expected);
                prop_assert!(rows.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", rows);
                told.extend(found);
            }
        }
    }
}
