//! One message on its way out, and which of its bytes are acknowledged.

use alloc::vec::Vec;

use super::FRAGMENT_LEN_MIN;
use super::options::Priority;
use super::parity::{Due, Group};
use super::ranges::{Part, Parts, Piece};
use crate::config::Config;
use crate::pool::Pool;
use crate::saved::saved;
use crate::time::Instant;

/// A queued message.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    /// What it is charged in the queue; once abandoned, the credit that was spent on it.
    pub(crate) cost: usize,
    pub(crate) queued_at: Instant,
    /// When its first piece left for the first time.
    pub(crate) sent_at: Option<Instant>,
    pub(crate) priority: Priority,
    pub(crate) receipt: bool,
    /// Nothing more is to be done: acknowledged, or unreliable and sent or given up.
    pub(crate) settled: bool,
    /// Reliable: given up, and the peer is to be told.
    pub(crate) is_abandoned: bool,
    /// Something of it waits to leave again.
    pub(crate) resend_queued: bool,
    /// Whole messages: packets in flight that carry it.
    pub(crate) carriers: u32,
    pub(crate) fragments: Option<Fragments>,
}

saved!(Outgoing {
    bytes,
    cost,
    queued_at,
    sent_at,
    priority,
    receipt,
    settled,
    is_abandoned,
    resend_queued,
    carriers,
    fragments
});

/// Which bytes of a message that is sent in fragments have left, are acknowledged, and are to leave again.
#[derive(Debug)]
pub(crate) struct Fragments {
    /// Names the message to the peer: its id, or on unreliable channels the number of long messages before it.
    pub(crate) id: u64,
    /// Bytes of the message.
    len: u32,
    /// The first byte that never left.
    left: u32,
    acked: Parts,
    /// What left, is not acknowledged, and is to leave again.
    lost: Parts,
    group: Group,
}

saved!(Fragments { id, len, left, acked, lost, group } if Fragments::is_sound);

impl Fragments {
    /// `group`: fragments that a parity stands for; 0: none does.
    pub(crate) fn new(id: u64, len: usize, group: u8, pool: &mut Pool) -> Self {
        Self {
            id,
            len: len as u32,
            left: 0,
            acked: pool.take_parts(),
            lost: pool.take_parts(),
            group: Group::new(group),
        }
    }

    fn is_sound(&self, _: &Config) -> bool {
        let within = |parts: &Parts| parts.iter().all(|part| part.end <= self.left);
        let parity = self.group.due(true).map_or(0, |due| due.part.end);
        self.left <= self.len && within(&self.acked) && within(&self.lost) && parity <= self.left
    }

    const fn all(&self) -> Part {
        Part::new(0, self.len)
    }

    /// Bytes of the message.
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// What never left.
    const fn rest(&self) -> Part {
        Part::new(self.left, self.len)
    }

    /// Bytes that never left.
    pub(crate) const fn rest_len(&self) -> usize {
        self.rest().len()
    }

    /// All of it left, and what is to leave with it.
    pub(crate) fn is_sent_in_full(&self) -> bool {
        self.left == self.len && self.parity().is_none()
    }

    /// The parity that leaves next.
    pub(crate) fn parity(&self) -> Option<Due> {
        self.group.due(self.left == self.len)
    }

    /// The parity that was to leave did, or is not to leave any more.
    pub(crate) const fn clear_parity(&mut self) {
        self.group.clear();
    }

    /// As numbers, for a fingerprint.
    pub(crate) const fn group(&self) -> (u8, u32, u32) {
        self.group.state()
    }

    /// Bytes that are to leave again.
    pub(crate) fn lost_bytes(&self) -> usize {
        self.lost.bytes()
    }

    /// The next bytes left that never had.
    pub(crate) fn on_left(&mut self, part: Part) {
        self.group.on_left(self.left, part);
        self.left = self.left.max(part.end);
    }

    /// What was lost left again. Returns whether nothing more is to leave again.
    pub(crate) fn on_left_again(&mut self, part: Part) -> bool {
        self.lost.remove(part);
        self.lost.is_empty()
    }

    /// What of it is not acknowledged is to leave again. Returns whether any of that is not already.
    pub(crate) fn lose(&mut self, part: Part) -> bool {
        let before = self.lost.bytes();
        self.lost.insert(part);
        for acked in self.acked.iter() {
            self.lost.remove(acked);
        }
        self.lost.bytes() > before
    }

    fn on_acked(&mut self, part: Part) {
        self.acked.insert(part);
        self.lost.remove(part);
    }

    fn is_acked(&self, part: Part) -> bool {
        self.acked.covers(part)
    }

    /// What is acknowledged.
    pub(crate) fn acked(&self) -> impl Iterator<Item = Part> + '_ {
        self.acked.iter()
    }

    /// The first bytes that left and are not acknowledged, so many at most.
    fn first_unacked(&self, len_max: usize) -> Option<Part> {
        let Part { start, end } = self.acked.first_gap(self.left)?;
        Some(Part::new(start, end.min(start + len_max as u32)))
    }

    /// As much of `part` as fits into `room` bytes of payload, if it is worth a frame. What is left over can be a fragment too;
    /// and what is too short for one takes bytes before it along, which the peer may have.
    pub(crate) fn fit(part: Part, room: usize, least: usize) -> Option<Part> {
        let len_min = FRAGMENT_LEN_MIN as u32;
        if part.len() <= room && part.len() >= FRAGMENT_LEN_MIN {
            return Some(part);
        }
        if part.len() < FRAGMENT_LEN_MIN {
            let start = part.end.saturating_sub(len_min);
            let longer = Part::new(start, part.end.max(len_min));
            return (room >= FRAGMENT_LEN_MIN).then_some(longer);
        }
        let most = part.len() - FRAGMENT_LEN_MIN;
        let (len, least) = (room.min(most), least.min(most).max(FRAGMENT_LEN_MIN));
        (len >= least).then(|| Part::new(part.start, part.start + len as u32))
    }

    fn release(self, pool: &mut Pool) {
        pool.give_parts(self.acked);
        pool.give_parts(self.lost);
    }
}

impl Outgoing {
    /// One piece without options, at no cost.
    pub(crate) const fn new(queued_at: Instant, bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            cost: 0,
            queued_at,
            sent_at: None,
            priority: Priority::Normal,
            receipt: false,
            settled: false,
            is_abandoned: false,
            resend_queued: false,
            carriers: 0,
            fragments: None,
        }
    }

    /// Whether it is still to be delivered.
    pub(crate) const fn is_open(&self) -> bool {
        !self.settled && !self.is_abandoned
    }

    /// Whether the piece is still to be acknowledged; of an abandoned message that is the note, or what settles it.
    pub(crate) fn wants(&self, piece: Piece) -> bool {
        if self.settled {
            return false;
        }
        match (piece, &self.fragments) {
            (Piece::Skip, _) => self.is_abandoned,
            _ if self.is_abandoned => false,
            (Piece::Part(part), Some(fragments)) => !fragments.is_acked(part),
            (Piece::Parity, Some(fragments)) => fragments.parity().is_some(),
            (Piece::Whole, _) => true,
            (Piece::Part(_) | Piece::Parity, None) => false,
        }
    }

    /// What leaves next of one that has not left in full.
    pub(crate) fn next_piece(&self) -> Piece {
        match &self.fragments {
            _ if self.is_abandoned => Piece::Skip,
            Some(fragments) if fragments.parity().is_some() => Piece::Parity,
            Some(fragments) => Piece::Part(fragments.rest()),
            None => Piece::Whole,
        }
    }

    /// What is to leave again, if anything is.
    pub(crate) fn next_lost(&self) -> Option<Piece> {
        if !self.resend_queued || self.settled {
            return None;
        }
        match &self.fragments {
            _ if self.is_abandoned => Some(Piece::Skip),
            Some(fragments) => fragments.lost.first().map(Piece::Part),
            None => Some(Piece::Whole),
        }
    }

    /// The first piece that was sent and is not acknowledged; of a message in fragments so many bytes at most.
    pub(crate) fn first_unacked(&self, len_max: usize) -> Option<Piece> {
        match &self.fragments {
            _ if self.is_abandoned => Some(Piece::Skip),
            Some(fragments) => fragments.first_unacked(len_max).map(Piece::Part),
            None => Some(Piece::Whole),
        }
    }

    /// What is to leave again includes this piece from here on. Returns whether it did not before.
    pub(crate) fn lose(&mut self, piece: Piece) -> bool {
        let was_queued = core::mem::replace(&mut self.resend_queued, true);
        match (&mut self.fragments, piece) {
            (Some(fragments), Piece::Part(part)) => fragments.lose(part),
            (Some(fragments), Piece::Whole) => fragments.lose(fragments.all()),
            (_, Piece::Skip | Piece::Parity) | (None, _) => !was_queued,
        }
    }

    /// A piece is acknowledged; returns whether all of it is.
    pub(crate) fn on_acked(&mut self, piece: Piece) -> bool {
        let (Some(fragments), Piece::Part(part)) = (&mut self.fragments, piece) else {
            return true;
        };
        fragments.on_acked(part);
        fragments.is_acked(fragments.all())
    }

    /// Datagrams have become too short for it: from here on it is sent in fragments, with this name.
    pub(crate) fn cut(&mut self, name: u64, group: u8, pool: &mut Pool) {
        let mut fragments = Fragments::new(name, self.bytes.len(), group, pool);
        if self.sent_at.is_some() {
            fragments.left = fragments.len;
        }
        if self.resend_queued {
            fragments.lose(fragments.all());
        }
        self.fragments = Some(fragments);
    }

    pub(crate) fn is_sent_in_full(&self) -> bool {
        let fragments = self.fragments.as_ref();
        self.sent_at.is_some() && fragments.is_none_or(Fragments::is_sent_in_full)
    }

    /// Gives it up: its memory goes back, and what stays is the credit spent on it.
    pub(crate) fn abandon(&mut self, pool: &mut Pool) {
        self.is_abandoned = true;
        self.resend_queued = false;
        if self.sent_at.is_none() {
            self.cost = 0;
        }
        self.release(pool);
    }

    /// The bytes of a piece that has any of its own.
    pub(crate) fn piece(&self, piece: Piece) -> &[u8] {
        match piece {
            Piece::Whole => &self.bytes,
            Piece::Part(part) => &self.bytes[part.range()],
            Piece::Parity | Piece::Skip => &[],
        }
    }

    /// Bytes that a piece carries.
    pub(crate) fn piece_len(&self, piece: Piece) -> usize {
        match piece {
            Piece::Whole | Piece::Part(_) | Piece::Skip => self.piece(piece).len(),
            Piece::Parity => self.parity().map_or(0, |due| due.stride),
        }
    }

    /// The parity that leaves next.
    pub(crate) fn parity(&self) -> Option<Due> {
        self.fragments.as_ref().and_then(Fragments::parity)
    }

    /// Gives the memory back; the entry stays until those before it are acknowledged too.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        pool.give(core::mem::take(&mut self.bytes));
        if let Some(fragments) = self.fragments.take() {
            fragments.release(pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Fragments, Outgoing, Part, Piece};
    use crate::channel::{FRAGMENT_LEN_MIN, SHORT_LEN};
    use crate::pool::Pool;
    use crate::time::Instant;

    /// A message of `len` bytes that is sent in fragments.
    fn long(len: usize, pool: &mut Pool) -> Outgoing {
        Outgoing {
            fragments: Some(Fragments::new(0, len, 3, pool)),
            ..Outgoing::new(Instant::ZERO, alloc::vec![7; len])
        }
    }

    proptest! {
        /// Whatever room packets have, and whatever becomes of them: each fragment is possible, and in the end all is there.
        #[test]
        fn all_of_a_message_leaves_and_leaves_again_until_it_is_acknowledged(
            len in SHORT_LEN + 1..20_000,
            steps in prop::collection::vec((100usize..1_400, any::<bool>(), any::<bool>()), 1..200),
        ) {
            let mut pool = Pool::default();
            let mut message = long(len, &mut pool);
            let ends = (0..).map(|_| (1_000, true, false));
            let mut flying = alloc::vec::Vec::new();
            for (room, arrives, late) in steps.into_iter().chain(ends).take(1_000) {
                let again = message.next_lost();
                let next = again.or((!message.is_sent_in_full()).then(|| message.next_piece()));
                message.sent_at = Some(Instant::ZERO);
                if let Some(Piece::Parity) = next {
                    let fragments = message.fragments.as_mut().expect("long");
                    fragments.clear_parity();
                }
                if let Some(Piece::Part(part)) = next && let Some(part) = Fragments::fit(part, room, 0) {
                    prop_assert!((FRAGMENT_LEN_MIN..=room).contains(&part.len()) && part.end as usize <= len);
                    let fragments = message.fragments.as_mut().expect("long");
                    match again {
                        Some(_) => message.resend_queued = !fragments.on_left_again(part),
                        None => fragments.on_left(part),
                    }
                    flying.push((part, arrives));
                }
                if late {
                    continue;
                }
                for (part, arrives) in flying.drain(..) {
                    let piece = Piece::Part(part);
                    if arrives && message.on_acked(piece) {
                        return Ok(());
                    }
                    if !arrives && message.wants(piece) {
                        message.lose(piece);
                    }
                }
            }
            prop_assert!(false, "never all of it");
        }
    }

    #[test]
    fn what_is_too_short_for_a_fragment_takes_bytes_before_it_along() {
        let fit = |start, end, room| Fragments::fit(Part::new(start, end), room, 0);
        assert_eq!(fit(0, 1_000, 1_000), Some(Part::new(0, 1_000)));
        assert_eq!(fit(0, 1_000, 999), Some(Part::new(0, 872)));
        assert_eq!(fit(0, 1_000, 127), None);
        assert_eq!(
            fit(0, 200, 180),
            None,
            "what is left over would be too short"
        );
        assert_eq!(fit(500, 501, 400), Some(Part::new(373, 501)));
        assert_eq!(fit(3, 9, 400), Some(Part::new(0, 128)));
        let fresh = |end, room| Fragments::fit(Part::new(0, end), room, 476);
        assert_eq!(fresh(1_000, 300), None);
        assert_eq!(fresh(560, 540), Some(Part::new(0, 432)), "no more can be");
    }

    #[test]
    fn a_message_that_left_whole_leaves_again_in_fragments() {
        let mut pool = Pool::default();
        let mut message = Outgoing::new(Instant::ZERO, alloc::vec![7; 900]);
        message.sent_at = Some(Instant::ZERO);
        assert!(message.lose(Piece::Whole));
        message.cut(3, 0, &mut pool);
        assert_eq!(message.next_lost(), Some(Piece::Part(Part::new(0, 900))));
        assert!(!message.lose(Piece::Whole), "it waits already");
        assert!(!message.on_acked(Piece::Part(Part::new(0, 450))));
        assert_eq!(message.next_lost(), Some(Piece::Part(Part::new(450, 900))));
        assert!(message.on_acked(Piece::Whole), "late, and all at once");
    }
}
