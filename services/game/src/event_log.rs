//! Counts events by their numbers, so that a lost one and a repeated one can be seen.

/// What arrived of a series numbered 0, 1, 2, ... by its sender.
///
/// The last [`WINDOW`](Self::WINDOW) numbers are remembered one by one; an older number counts as a repeat.
/// The length of the series is known for sure only once its sender said goodbye; until then it is what
/// the largest number tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLog {
    /// One above the largest number seen.
    end: u64,
    /// Bit `n % WINDOW` says whether `n` was seen, for the `WINDOW` numbers below `end`.
    seen: [u64; WORDS],
    received: u64,
    duplicated: u64,
    told: Option<u64>,
}

const WORDS: usize = 16;

impl EventLog {
    /// Numbers remembered one by one.
    pub const WINDOW: u64 = WORDS as u64 * 64;

    /// Notes an event and returns whether it is new; a repeat must not be acted on.
    pub fn note(&mut self, number: u32) -> bool {
        let number = u64::from(number);
        self.advance(number + 1);
        let too_old = number + Self::WINDOW < self.end;
        if too_old || self.has(number) {
            self.duplicated += 1;
            return false;
        }
        self.set(number, true);
        self.received += 1;
        true
    }

    /// Notes the sender's goodbye, whose number is the count of events before it.
    pub fn note_goodbye(&mut self, number: u32) {
        self.told = Some(u64::from(number));
    }

    /// Events sent: what the sender's goodbye tells, or else what the largest number shows.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.told.unwrap_or(0).max(self.end)
    }

    /// Different events received.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Events received again.
    #[must_use]
    pub const fn duplicated(&self) -> u64 {
        self.duplicated
    }

    /// Whether the sender said goodbye, so that [`expected`](Self::expected) is the whole series.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.told.is_some()
    }

    /// Moves the window up to `end`, forgetting the numbers that leave it.
    fn advance(&mut self, end: u64) {
        if end <= self.end {
            return;
        }
        if end - self.end >= Self::WINDOW {
            self.seen = [0; WORDS];
        } else {
            for number in self.end..end {
                self.set(number, false);
            }
        }
        self.end = end;
    }

    fn place(number: u64) -> (usize, u64) {
        let bit = number % Self::WINDOW;
        let word = usize::try_from(bit / 64).expect("fewer words than 16");
        (word, 1 << (bit % 64))
    }

    fn has(&self, number: u64) -> bool {
        let (word, mask) = Self::place(number);
        self.seen[word] & mask != 0
    }

    fn set(&mut self, number: u64, seen: bool) {
        let (word, mask) = Self::place(number);
        if seen {
            self.seen[word] |= mask;
        } else {
            self.seen[word] &= !mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(numbers: impl IntoIterator<Item = u32>) -> EventLog {
        let mut log = EventLog::default();
        for number in numbers {
            log.note(number);
        }
        log
    }

    #[test]
    fn a_complete_series_is_received_once_each() {
        let mut log = log(0..3_000);
        log.note_goodbye(3_000);
        assert!(log.is_complete());
        assert_eq!(
            (log.expected(), log.received(), log.duplicated()),
            (3_000, 3_000, 0)
        );
    }

    #[test]
    fn a_lost_event_shows_as_a_gap() {
        let log = log([0, 1, 3]);
        assert_eq!(
            (log.expected(), log.received(), log.duplicated()),
            (4, 3, 0)
        );
    }

    #[test]
    fn a_loss_at_the_end_shows_once_the_sender_says_goodbye() {
        let mut log = log([0, 1]);
        assert_eq!(log.expected(), 2);
        log.note_goodbye(5);
        assert_eq!((log.expected(), log.received()), (5, 2));
    }

    #[test]
    fn a_repeat_is_counted_and_not_new() {
        let mut log = log([0, 1, 2]);
        assert!(!log.note(1));
        assert_eq!(
            (log.expected(), log.received(), log.duplicated()),
            (3, 3, 1)
        );
    }

    #[test]
    fn events_out_of_order_are_neither_lost_nor_repeated() {
        let log = log([2, 0, 1]);
        assert_eq!(
            (log.expected(), log.received(), log.duplicated()),
            (3, 3, 0)
        );
    }

    #[test]
    fn a_hostile_jump_costs_nothing_and_shows_as_loss() {
        let mut log = log([u32::MAX, 0, u32::MAX - 1]);
        assert_eq!((log.received(), log.duplicated()), (2, 1));
        assert_eq!(log.expected(), 1 << 32);
        assert!(log.note(u32::MAX - 1_023), "the oldest within the window");
        assert!(!log.note(u32::MAX - 1_024), "beyond the window");
    }
}
