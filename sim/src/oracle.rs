//! What each delivery promises, as a model of a few lines, and messages whose content it can check.
//!
//! Messages carry a number, 0, 1, 2, ... in the order they were sent, and then bytes that follow from
//! the number and the length. So a received message tells which one it is, and a message put together from
//! the wrong fragments shows itself.
//!
//! | delivery   | what was received is                     | once all is quiet |
//! |------------|------------------------------------------|-------------------|
//! | Unreliable | part of what was sent, nothing twice     | the same          |
//! | Sequenced  | part of what was sent, numbers rising    | the same          |
//! | Reliable   | part of what was sent, nothing twice     | all of it         |
//! | Ordered    | the beginning of what was sent, in order | all of it         |
//!
//! A message that was sent with a time to live, or that a newer one with its key superseded, may stay away from any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tickwire_core::{Delivery, SendOptions};

/// Shortest message, in bytes: room for its number.
pub const MESSAGE_SIZE_MIN: usize = 4;

/// Follows one channel in one direction and says when its promise is broken.
///
/// ```
/// use tickwire_core::Delivery;
/// use tickwire_sim::{Oracle, oracle::Breach};
///
/// let mut oracle = Oracle::new(Delivery::Ordered);
/// let first = oracle.next_message(16);
/// oracle.on_sent(16);
/// let second = oracle.next_message(2_000);
/// oracle.on_sent(2_000);
///
/// assert_eq!(oracle.on_received(&first), Ok(0));
/// assert_eq!(oracle.on_received(&first), Err(Breach::Duplicate { number: 0 }));
/// assert_eq!(oracle.complete(), Err(Breach::Missing { number: 1 }));
/// assert_eq!(oracle.on_received(&second), Ok(1));
/// assert_eq!(oracle.complete(), Ok(()));
/// ```
#[derive(Clone, Debug)]
pub struct Oracle {
    delivery: Delivery,
    /// Length of each message sent.
    sent: Vec<usize>,
    received: BTreeSet<u32>,
    /// Those that may stay away.
    excused: BTreeSet<u32>,
    /// The newest message of each supersede key.
    newest_of: BTreeMap<u64, u32>,
}

impl Oracle {
    /// Nothing sent and nothing received yet.
    #[must_use]
    pub const fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            sent: Vec::new(),
            received: BTreeSet::new(),
            excused: BTreeSet::new(),
            newest_of: BTreeMap::new(),
        }
    }

    /// The message to send next, `size` bytes long but at least [`MESSAGE_SIZE_MIN`]. Tell with
    /// [`on_sent`](Self::on_sent) whether the endpoint took it.
    #[must_use]
    pub fn next_message(&self, size: usize) -> Vec<u8> {
        message(self.next_number(), size)
    }

    /// The endpoint took the next message, which has `size` bytes.
    pub fn on_sent(&mut self, size: usize) {
        self.sent.push(size.max(MESSAGE_SIZE_MIN));
    }

    /// The endpoint took the next message, which has `size` bytes, with these options.
    pub fn on_sent_with(&mut self, size: usize, options: &SendOptions) {
        let number = self.next_number();
        self.on_sent(size);
        if options.time_to_live.is_some() {
            self.excused.insert(number);
        }
        let old = options
            .key
            .and_then(|key| self.newest_of.insert(key, number));
        self.excused.extend(old);
    }

    /// Offers the next message to `send` and counts it if that takes it.
    ///
    /// # Errors
    ///
    /// Whatever `send` refuses with.
    pub fn send<T, E>(
        &mut self,
        size: usize,
        send: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        let taken = send(&self.next_message(size))?;
        self.on_sent(size);
        Ok(taken)
    }

    /// The receiver's owner was given this message. Returns its number.
    ///
    /// # Errors
    ///
    /// The [`Breach`] of the delivery's promise.
    pub fn on_received(&mut self, payload: &[u8]) -> Result<u32, Breach> {
        let number = self.identify(payload)?;
        let newest = self.received.last().copied();
        if !self.received.insert(number) {
            return Err(Breach::Duplicate { number });
        }
        match self.delivery {
            Delivery::Unreliable | Delivery::Reliable => Ok(number),
            Delivery::Sequenced => match newest {
                Some(newest) if number < newest => Err(Breach::Stale { number, newest }),
                Some(_) | None => Ok(number),
            },
            Delivery::Ordered => {
                let from = newest.map_or(0, |newest| newest + 1);
                let expected = (from..number).find(|between| !self.excused.contains(between));
                match expected.or((number < from).then_some(from)) {
                    None => Ok(number),
                    Some(expected) => Err(Breach::OutOfOrder { number, expected }),
                }
            }
        }
    }

    /// Checks that nothing reliable is missing. To be asked once faults have stopped and time has passed.
    ///
    /// # Errors
    ///
    /// [`Breach::Missing`] with the first one that is.
    pub fn complete(&self) -> Result<(), Breach> {
        if !self.delivery.is_reliable() {
            return Ok(());
        }
        let is_missing =
            |number: &u32| !self.received.contains(number) && !self.excused.contains(number);
        match (0..self.next_number()).find(is_missing) {
            Some(number) => Err(Breach::Missing { number }),
            None => Ok(()),
        }
    }

    /// Number of messages sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    /// Number of messages received.
    #[must_use]
    pub fn received(&self) -> usize {
        self.received.len()
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.sent.len()).expect("tests send fewer than 2^32 messages")
    }

    /// Which message this is, if it is one that was sent.
    fn identify(&self, payload: &[u8]) -> Result<u32, Breach> {
        let head = payload.first_chunk().ok_or(Breach::Invented)?;
        let number = u32::from_be_bytes(*head);
        let size = *self.sent.get(number as usize).ok_or(Breach::Invented)?;
        if payload != message(number, size) {
            return Err(Breach::Damaged { number });
        }
        Ok(number)
    }
}

/// The message with this number and size: the number, then bytes that depend on number and position.
#[must_use]
pub fn message(number: u32, size: usize) -> Vec<u8> {
    let mut message = number.to_be_bytes().to_vec();
    let mut state = number.wrapping_mul(0x9e37_79b9) | 1;
    while message.len() < size {
        // Marsaglia's xorshift32, enough that no two places look the same.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        message.extend_from_slice(&state.to_be_bytes());
    }
    message.truncate(size.max(MESSAGE_SIZE_MIN));
    message
}

/// How a promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// A message that nobody sent.
    Invented,
    /// A message with the wrong length or content.
    Damaged {
        /// Its number.
        number: u32,
    },
    /// A message for the second time.
    Duplicate {
        /// Its number.
        number: u32,
    },
    /// A sequenced message behind a newer one.
    Stale {
        /// Its number.
        number: u32,
        /// The newest before it.
        newest: u32,
    },
    /// An ordered message that was not the next one.
    OutOfOrder {
        /// Its number.
        number: u32,
        /// The next one.
        expected: u32,
    },
    /// A reliable message that never came.
    Missing {
        /// Its number.
        number: u32,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invented => f.write_str("a message that nobody sent"),
            Self::Damaged { number } => write!(f, "message {number} is damaged"),
            Self::Duplicate { number } => write!(f, "message {number} came twice"),
            Self::Stale { number, newest } => {
                write!(f, "message {number} came after the newer {newest}")
            }
            Self::OutOfOrder { number, expected } => {
                write!(f, "message {number} came when {expected} was next")
            }
            Self::Missing { number } => write!(f, "message {number} never came"),
        }
    }
}

impl std::error::Error for Breach {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends four messages and receives those with these numbers.
    fn receive(delivery: Delivery, numbers: &[u32]) -> Result<Oracle, Breach> {
        let mut oracle = Oracle::new(delivery);
        for _ in 0..4 {
            oracle.on_sent(10);
        }
        for number in numbers {
            oracle.on_received(&message(*number, 10))?;
        }
        Ok(oracle)
    }

    fn breach(delivery: Delivery, numbers: &[u32]) -> Option<Breach> {
        receive(delivery, numbers).err()
    }

    #[test]
    fn unreliable_allows_gaps_and_any_order_but_nothing_twice() {
        assert_eq!(breach(Delivery::Unreliable, &[3, 0]), None);
        let twice = breach(Delivery::Unreliable, &[3, 0, 3]);
        assert_eq!(twice, Some(Breach::Duplicate { number: 3 }));
    }

    #[test]
    fn sequenced_allows_gaps_but_no_way_back() {
        assert_eq!(breach(Delivery::Sequenced, &[0, 2, 3]), None);
        let (number, newest) = (1, 2);
        let back = breach(Delivery::Sequenced, &[0, 2, 1]);
        assert_eq!(back, Some(Breach::Stale { number, newest }));
    }

    #[test]
    fn reliable_allows_any_order_and_misses_nothing() {
        let all = receive(Delivery::Reliable, &[2, 0, 3, 1]).expect("any order");
        assert_eq!(all.complete(), Ok(()));
        let some = receive(Delivery::Reliable, &[2, 0, 3]).expect("so far");
        assert_eq!(some.complete(), Err(Breach::Missing { number: 1 }));
    }

    #[test]
    fn ordered_allows_nothing_but_the_next() {
        let all = receive(Delivery::Ordered, &[0, 1, 2, 3]).expect("in order");
        assert_eq!(all.complete(), Ok(()));
        let (number, expected) = (2, 1);
        let gap = breach(Delivery::Ordered, &[0, 2]);
        assert_eq!(gap, Some(Breach::OutOfOrder { number, expected }));
    }

    #[test]
    fn what_expires_or_is_superseded_may_stay_away() {
        for (delivery, numbers) in [(Delivery::Reliable, [3, 1]), (Delivery::Ordered, [1, 3])] {
            let mut oracle = Oracle::new(delivery);
            let (key, plain) = (SendOptions::new().key(7), SendOptions::new());
            let brief = SendOptions::new().time_to_live(std::time::Duration::from_secs(1));
            for options in [&key, &plain, &brief, &key] {
                oracle.on_sent_with(10, options);
            }
            for number in numbers {
                let received = oracle.on_received(&message(number, 10));
                assert_eq!(received, Ok(number), "{delivery:?}");
                let rest = if number == numbers[1] {
                    Ok(())
                } else {
                    Err(())
                };
                assert_eq!(oracle.complete().map_err(drop), rest, "{delivery:?}");
            }
        }
        let mut oracle = Oracle::new(Delivery::Ordered);
        oracle.on_sent(10);
        oracle.on_sent_with(10, &SendOptions::new().key(1));
        let out_of_order = Breach::OutOfOrder {
            number: 1,
            expected: 0,
        };
        assert_eq!(oracle.on_received(&message(1, 10)), Err(out_of_order));
    }

    #[test]
    fn unreliable_deliveries_may_miss_everything() {
        for delivery in [Delivery::Unreliable, Delivery::Sequenced] {
            let oracle = receive(delivery, &[]).expect("nothing received");
            assert_eq!(oracle.complete(), Ok(()));
        }
    }

    #[test]
    fn inventions_and_damage_are_seen_by_every_delivery() {
        let mut oracle = receive(Delivery::Unreliable, &[]).expect("nothing received");
        let mut damaged = message(2, 10);
        damaged[9] ^= 1;
        assert_eq!(oracle.on_received(b"abc"), Err(Breach::Invented));
        assert_eq!(oracle.on_received(&message(4, 10)), Err(Breach::Invented));
        let number = 2;
        assert_eq!(
            oracle.on_received(&damaged),
            Err(Breach::Damaged { number })
        );
        let short = message(2, 9);
        assert_eq!(oracle.on_received(&short), Err(Breach::Damaged { number }));
    }

    #[test]
    fn a_refused_message_does_not_count_as_sent() {
        let mut oracle = Oracle::new(Delivery::Reliable);
        let refused: Result<(), ()> = oracle.send(10, |_| Err(()));
        assert_eq!((refused, oracle.sent()), (Err(()), 0));
        let taken: Result<(), ()> = oracle.send(10, |_| Ok(()));
        assert_eq!((taken, oracle.sent()), (Ok(()), 1));
    }
}
