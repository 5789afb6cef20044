//! The bytes of a message that comes in fragments: those that came, in the order in which they came.
//!
//! A fragment of 128 bytes may be of a message of a mebibyte, and nobody knows whether the rest will come. So memory follows what
//! came and not what was announced: new bytes are put behind those that are here, and two lists tell which they are. Nothing of a
//! message is here twice, however fragments overlap. When all is here it is put in order, which is nothing to do where nothing
//! was lost.
//!
//! - Of what came, at most eight times as much is held. Buffers double (from the length of the first fragment on), and an entry of a list
//!   takes eight bytes, of which a fragment, 128 bytes or more, makes one for each gap that it fills: those lie 129 bytes apart.
//! - Of what the message is charged, at most a quarter more and two short lists: no more entries are kept than one for each 129 bytes and a few. Who sends
//!   crumbs makes us put in order what is here, before it is whole.

use alloc::vec::Vec;

use super::ranges::{Part, Parts};
use crate::config::Config;
use crate::pool::Pool;
use crate::saved::saved;

/// See the module.
#[derive(Debug)]
pub(super) struct Scattered {
    /// Bytes of the message.
    total: u32,
    /// As they came.
    bytes: Vec<u8>,
    /// Which they are, in the same order.
    order: Vec<Part>,
    /// Which they are, in that of the message.
    here: Parts,
}

saved!(Scattered { total, bytes, order, here } if Scattered::is_sound);

impl Scattered {
    /// Nothing of a message of `total` bytes.
    pub(super) fn new(total: u32, pool: &mut Pool) -> Self {
        Self {
            total,
            bytes: Vec::new(),
            order: pool.take_list(),
            here: pool.take_parts(),
        }
    }

    fn is_sound(&self, _: &Config) -> bool {
        let listed: usize = self.order.iter().map(|part| part.len()).sum();
        let are_here = self.order.iter().all(|part| self.here.covers(*part));
        let end = self.here.iter().last().map_or(0, |part| part.end);
        let len = self.bytes.len();
        listed == len && self.here.bytes() == len && are_here && end <= self.total
    }

    /// Bytes of the message.
    pub(super) const fn total(&self) -> u32 {
        self.total
    }

    /// Whether all of `part` came.
    pub(super) fn covers(&self, part: Part) -> bool {
        self.here.covers(part)
    }

    /// What came, in the order of the message.
    pub(super) fn iter(&self) -> impl Iterator<Item = Part> + '_ {
        self.here.iter()
    }

    /// From the first byte of `part` that did not come to the last.
    pub(super) fn missing(&self, part: Part) -> Option<Part> {
        self.here.missing(part)
    }

    /// What came of `part`, and where it begins, in the order in which it came.
    pub(super) fn within(&self, part: Part) -> impl Iterator<Item = (u32, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.order.iter().filter_map(move |known| {
            let (bytes, others) = rest.split_at(known.len());
            rest = others;
            let (start, end) = (known.start.max(part.start), known.end.min(part.end));
            let from = start.checked_sub(known.start)? as usize;
            let len = end.checked_sub(start).filter(|len| *len > 0)? as usize;
            Some((start, &bytes[from..from + len]))
        })
    }

    /// Whether nothing came.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.bytes.len() == self.total as usize
    }

    /// Keeps a copy of what is new of the bytes from `offset` on, which end within the message. Returns how many that is.
    pub(super) fn insert(&mut self, offset: u32, payload: &[u8], pool: &mut Pool) -> usize {
        let before = self.bytes.len();
        self.make_room(payload.len(), pool);
        let part = Part::new(offset, offset + payload.len() as u32);
        let mut rest = part;
        while let Some(gap) = self.here.gap_within(rest) {
            let from = (gap.start - offset) as usize;
            self.bytes
                .extend_from_slice(&payload[from..from + gap.len()]);
            match self.order.last_mut() {
                Some(last) if last.end == gap.start => last.end = gap.end,
                _ => self.order.push(gap),
            }
            rest.start = gap.end;
        }
        self.here.insert(part);
        if self.order.len() > self.entries_max() {
            self.put_in_order(pool);
        }
        self.bytes.len() - before
    }

    fn make_room(&mut self, more: usize, pool: &mut Pool) {
        let needed = self.bytes.len() + more;
        if needed <= self.bytes.capacity() {
            return;
        }
        let ample = needed.max(2 * self.bytes.len());
        let mut grown = pool.take(ample.min(self.total as usize));
        grown.extend_from_slice(&self.bytes);
        pool.give(core::mem::replace(&mut self.bytes, grown));
    }

    /// As many entries as there are gaps, and some more: so much work is done at most for each 512 bytes of the message.
    fn entries_max(&self) -> usize {
        self.here.iter().count() + self.total as usize / 512 + 8
    }

    /// All where it is in the message; what is not here is left out.
    fn put_in_order(&mut self, pool: &mut Pool) {
        let mut spread = pool.take(self.total as usize);
        spread.resize(self.total as usize, 0);
        let mut rest = self.bytes.as_slice();
        for part in &self.order {
            let (bytes, others) = rest.split_at(part.len());
            spread[part.range()].copy_from_slice(bytes);
            rest = others;
        }
        self.order.clear();
        self.order.extend(self.here.iter());
        if self.is_whole() {
            pool.give(core::mem::replace(&mut self.bytes, spread));
            return;
        }
        self.bytes.clear();
        for part in &self.order {
            self.bytes.extend_from_slice(&spread[part.range()]);
        }
        pool.give(spread);
    }

    /// The message, of which all came.
    pub(super) fn into_whole(mut self, pool: &mut Pool) -> Vec<u8> {
        if self.order.len() > 1 {
            self.put_in_order(pool);
        }
        let whole = core::mem::take(&mut self.bytes);
        self.release(pool);
        whole
    }

    /// Gives the memory back.
    pub(super) fn release(self, pool: &mut Pool) {
        pool.give(self.bytes);
        pool.give_list(self.order);
        pool.give_parts(self.here);
    }

    /// Bytes of memory.
    #[cfg(test)]
    pub(super) fn retained(&self) -> usize {
        let entries = self.order.capacity() + self.here.capacity();
        size_of::<Self>() + self.bytes.capacity() + entries * size_of::<Part>()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::Scattered;
    use crate::channel::{FRAGMENT_LEN_MIN, message_cost};
    use crate::pool::Pool;

    fn message(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    /// Puts fragments of these places and lengths in; checks what is held after each. All that came, and whether it is whole.
    fn receive(
        message: &[u8],
        fragments: impl IntoIterator<Item = (usize, usize)>,
        pool: &mut Pool,
    ) -> (usize, Scattered) {
        let mut scattered = Scattered::new(message.len() as u32, pool);
        let (mut received, mut new) = (0, 0);
        for (at, len) in fragments {
            new += scattered.insert(at as u32, &message[at..at + len], pool);
            received += len;
            let (held, cost) = (scattered.retained(), message_cost(message.len()));
            assert!(held <= 8 * received, "{held} bytes held for {received}");
            assert!(
                held * 4 <= cost * 5 + 4_000,
                "{held} bytes held for a cost of {cost}"
            );
            assert_eq!(new, scattered.bytes.len());
            assert!(scattered.order.len() <= scattered.entries_max());
        }
        (received, scattered)
    }

    proptest! {
        /// Whatever comes, in whatever order, and as often as it likes.
        #[test]
        fn a_message_is_whole_when_all_came_and_no_more_is_held_than_came(
            len in FRAGMENT_LEN_MIN..40_000,
            parts in prop::collection::vec((any::<prop::sample::Index>(), 0..1_400usize), 0..60),
            step in FRAGMENT_LEN_MIN..1_400,
            backwards in any::<bool>(),
        ) {
            let message = message(len);
            let part = |(at, more): (prop::sample::Index, usize)| {
                let at = at.index(len - FRAGMENT_LEN_MIN + 1);
                (at, (FRAGMENT_LEN_MIN + more).min(len - at))
            };
            let mut rest: Vec<_> = (0..len).step_by(step).map(|at| {
                let at = at.min(len - FRAGMENT_LEN_MIN);
                (at, step.min(len - at))
            }).collect();
            if backwards {
                rest.reverse();
            }
            let mut pool = Pool::default();
            let fragments: Vec<_> = parts.into_iter().map(part).chain(rest).collect();
            let (_, scattered) = receive(&message, fragments, &mut pool);
            prop_assert!(scattered.is_whole());
            prop_assert!(scattered.into_whole(&mut pool) == message);
        }
    }

    #[test]
    fn a_peer_that_sends_a_little_of_each_kibibyte_gets_as_little_memory() {
        let message = message(1 << 20);
        let mut pool = Pool::default();
        let fragments = (0..1 << 10).map(|nth| ((nth << 10) + 1_000, FRAGMENT_LEN_MIN));
        let fragments = fragments.filter(|(at, len)| at + len <= 1 << 20);
        let (received, scattered) = receive(&message, fragments, &mut pool);
        assert!(scattered.retained() < 3 * received);
        assert!(!scattered.is_whole());
    }

    #[test]
    fn crumbs_do_not_make_lists_grow() {
        const LEN: usize = 1 << 16;
        let message = message(LEN);
        let mut pool = Pool::default();
        // A byte more of each of two places in turn, from the end to the beginning: none of them follows the one before.
        let crumbs = (0..LEN / 2 - FRAGMENT_LEN_MIN).rev();
        let crumbs = crumbs.flat_map(|at| [at, at + LEN / 2]);
        let (_, scattered) = receive(&message, crumbs.map(|at| (at, FRAGMENT_LEN_MIN)), &mut pool);
        assert!(scattered.order.len() < 150, "{}", scattered.order.len());
        let here: Vec<_> = scattered
            .iter()
            .flat_map(|part| message[part.range()].to_vec())
            .collect();
        let mut scattered = scattered;
        scattered.put_in_order(&mut pool);
        assert!(scattered.bytes == here);
    }

    #[test]
    fn what_comes_in_order_is_the_message_without_a_copy_at_the_end() {
        let message = message(9_000);
        let mut pool = Pool::default();
        let fragments = (0..9).map(|nth| (nth * 1_000, 1_000));
        let (_, scattered) = receive(&message, fragments, &mut pool);
        let address = scattered.bytes.as_ptr();
        let whole = scattered.into_whole(&mut pool);
        assert_eq!((whole.as_ptr(), whole == message), (address, true));
    }

    #[test]
    fn memory_is_taken_again() {
        let message = message(5_000);
        let mut pool = Pool::default();
        let places = [
            (0, 1_000),
            (2_000, 1_000),
            (1_000, 1_000),
            (4_000, 1_000),
            (3_000, 1_000),
        ];
        let idle = [0; 3].map(|_| {
            let (_, scattered) = receive(&message, places, &mut pool);
            let whole = scattered.into_whole(&mut pool);
            pool.give(whole);
            pool.idle_bytes()
        });
        assert_eq!(idle, [idle[0]; 3], "nothing was allocated again");
    }
}
