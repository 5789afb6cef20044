//! The messages of a peer that may ride along again: which, when, and in which packet last.
//!
//! A small reliable message is watched from when it first leaves until it is acknowledged. At its time it is put into a
//! datagram that leaves anyway, behind all that is new, so that it displaces nothing. Only if none leaves for about a tick,
//! and losses were seen, is it a reason for a datagram.
//!
//! The list is short and bounded, so nothing here grows with the number of messages queued. What finds no place in it is
//! sent once, as without redundancy.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::SHORT_LEN;
use crate::audit::{Checked, at_most};
use crate::reliability::redundancy::{Budget, Cadence, Outlook, UDP_IP_LEN};
use crate::saved::saved;
use crate::time::Instant;

/// Messages watched at a time.
const WATCHED_MAX: usize = 64;
/// Longer messages are not copied, in bytes of payload: few would fit, a copy may not cost more than the budget holds, and what
/// goes whole through every datagram is never cut.
pub(crate) const COPIED_LEN_MAX: usize = SHORT_LEN;
/// After so many copies by evidence the time between them doubles, and after so many more again: a path that is down needs
/// no copies, and one that was down gets one soon.
const EVIDENT_STEP: u8 = 16;
const EVIDENT_DOUBLINGS_MAX: u8 = 4;
/// What a datagram of a copy's own costs beside it: header, frame and tag.
pub(crate) const OWN_DATAGRAM_LEN: u64 = UDP_IP_LEN + 32;

/// A message that is watched.
#[derive(Clone, Copy, Debug)]
struct Watched {
    channel: u8,
    id: u64,
    /// Bytes of its frame.
    len: u16,
    /// Copies that left.
    copies: u8,
    /// Those of them that left because no answer came.
    evident: u8,
    /// The packet that carried it last, and when that left.
    packet: u64,
    sent_at: Instant,
    /// When it left first.
    since: Instant,
    /// When the next copy may ride along that leaves blindly.
    due: Instant,
}

saved!(Watched {
    channel,
    id,
    len,
    copies,
    evident,
    packet,
    sent_at,
    since,
    due
});

/// The messages watched, and the budget for their copies.
#[derive(Debug)]
pub(crate) struct Copies {
    watched: VecDeque<Watched>,
    budget: Budget,
    cadence: Cadence,
    /// Copies that left, and the bytes of their frames, ever.
    pub(crate) sent: u64,
    pub(crate) bytes: u64,
}

saved!(Copies { watched, budget, cadence, sent, bytes } if |copies, _| copies.watched.len() <= WATCHED_MAX);

impl Copies {
    pub(crate) fn new(tick: Option<Duration>) -> Self {
        Self {
            watched: VecDeque::new(),
            budget: Budget::new(),
            cadence: Cadence::new(tick),
            sent: 0,
            bytes: 0,
        }
    }

    /// A message left in a packet, for the first time or again. `is_only`: no other packet in flight carries it.
    pub(crate) fn on_left(
        &mut self,
        now: Instant,
        message: (u8, u64),
        len: usize,
        packet: u64,
        is_only: bool,
    ) {
        let (channel, id) = message;
        let due = now + self.ticks(1);
        let due_again = self.cadence.tick() / 4;
        let watched = Watched {
            channel,
            id,
            len: len as u16,
            copies: 0,
            evident: 0,
            packet,
            sent_at: now,
            since: now,
            due,
        };
        if let Some(known) = self.find(message) {
            // Repair and probes leave between ticks; the copies go on with the ticks. Once all that left was lost they begin
            // anew, with the next tick, and there is no need to wait for evidence again.
            known.packet = packet;
            if is_only {
                *known = Watched {
                    due: now + due_again,
                    evident: known.evident,
                    since: known.since,
                    ..watched
                };
            }
            return;
        }
        if self.watched.len() == WATCHED_MAX {
            return;
        }
        self.watched.push_back(watched);
    }

    /// A message needs no copies any more.
    pub(crate) fn forget(&mut self, message: (u8, u64)) {
        let is_it = |watched: &Watched| (watched.channel, watched.id) == message;
        if let Some(index) = self.watched.iter().position(is_it) {
            self.watched.remove(index);
        }
    }

    /// The next message of which a copy may go into `packet` now, from place `from` on: its place. Copies pay for `more` bytes
    /// beside their own.
    pub(crate) fn next(
        &self,
        from: usize,
        now: Instant,
        packet: u64,
        more: u64,
        outlook: &Outlook,
    ) -> Option<usize> {
        (from..self.watched.len()).find(|&index| {
            let watched = &self.watched[index];
            watched.packet != packet
                && self.due(watched, outlook).is_some_and(|due| due <= now)
                && self.affords(watched, now, more, outlook)
        })
    }

    pub(crate) fn is_any(&self) -> bool {
        !self.watched.is_empty()
    }

    /// The channel and number of the message at `index`.
    pub(crate) fn message(&self, index: usize) -> (u8, u64) {
        let watched = &self.watched[index];
        (watched.channel, watched.id)
    }

    /// A copy of the message at `index` left.
    pub(crate) fn on_copied(&mut self, index: usize, now: Instant, packet: u64, outlook: &Outlook) {
        let mut watched = self.watched[index];
        let is_evident = is_evident(&watched, now, outlook);
        watched.evident = watched.evident.saturating_add(is_evident.into());
        watched.copies = watched.copies.saturating_add(1);
        watched.packet = packet;
        watched.sent_at = now;
        watched.due = now + self.ticks(outlook.gap(watched.copies.saturating_add(1)));
        self.watched[index] = watched;
        let len = u64::from(watched.len);
        self.budget.spend(len);
        self.sent += 1;
        self.bytes += len;
    }

    /// When a copy is worth a datagram of its own.
    /// `ready_at`: when the rate of a channel lets so many bytes leave.
    pub(crate) fn alone_at(
        &self,
        outlook: &Outlook,
        ready_at: impl Fn(u8, usize) -> Instant,
    ) -> Option<Instant> {
        if !outlook.is_lossy() {
            return None;
        }
        let worth = self
            .watched
            .iter()
            .filter_map(|watched| Some((watched, self.due(watched, outlook)?)))
            .filter(|(watched, due)| self.affords(watched, *due, OWN_DATAGRAM_LEN, outlook));
        let due = worth.map(|(watched, due)| {
            let due = due + self.cadence.tick() / 2;
            due.max(ready_at(watched.channel, watched.len.into()))
        });
        due.min()
    }

    /// A packet left: so many bytes of its datagram, with its headers, are no copies. `is_new`: it held data of the owner's
    /// that had not left before.
    pub(crate) fn on_packet_sent(&mut self, now: Instant, bytes: u64, is_new: bool, percent: u8) {
        self.budget.earn(bytes, percent);
        self.on_tick(now, is_new);
    }

    /// A packet left, with or without data of the owner's that had not left before.
    pub(crate) fn on_tick(&mut self, now: Instant, is_new: bool) {
        if is_new {
            self.cadence.on_sent(now);
        }
    }

    /// When the next such packet leaves at the latest, if they leave regularly.
    pub(crate) fn next_tick_by(&self, now: Instant) -> Option<Instant> {
        self.cadence.next_by(now)
    }

    /// A packet left for the sake of copies: they pay for its header and tag too. `bytes` are those beside the copies; an
    /// acknowledgement among them rides free.
    pub(crate) fn on_alone(&mut self, bytes: u64) {
        let bytes = bytes.min(OWN_DATAGRAM_LEN);
        self.budget.spend(bytes);
        self.bytes += bytes;
    }

    pub(crate) fn clear(&mut self) {
        self.watched = VecDeque::new();
    }

    pub(crate) fn watched(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        self.watched
            .iter()
            .map(|watched| (watched.channel, watched.id))
    }

    pub(crate) fn audit(&self) -> Checked {
        at_most(
            4,
            "messages watched for copies",
            self.watched.len() as u64,
            WATCHED_MAX as u64,
        )?;
        at_most(
            4,
            "bytes for copies",
            self.budget.bytes(),
            Budget::BYTES_MAX,
        )
    }

    /// When the next copy may leave; `None`: not as things are.
    fn due(&self, watched: &Watched, outlook: &Outlook) -> Option<Instant> {
        let blind = (watched.copies < outlook.copies()).then_some(watched.due);
        if !outlook.is_lossy() {
            return blind;
        }
        let doublings = (watched.evident / EVIDENT_STEP).min(EVIDENT_DOUBLINGS_MAX);
        let next_at = watched.sent_at + self.ticks(1 << doublings);
        if outlook.is_overtaken(watched.packet, watched.sent_at) {
            return Some(next_at);
        }
        // No answer came in the usual time.
        let evident = next_at.max(watched.since + outlook.answer);
        Some(blind.map_or(evident, |blind| blind.min(evident)))
    }

    /// First copies and those by evidence may take all of the budget, further blind ones leave some of it to them.
    fn affords(&self, watched: &Watched, at: Instant, more: u64, outlook: &Outlook) -> bool {
        let is_free = watched.copies == 0 || is_evident(watched, at, outlook);
        let reserve = match is_free {
            true => 0,
            false => Budget::BYTES_MAX / 4 * u64::from(watched.copies),
        };
        self.budget.covers(u64::from(watched.len) + more, reserve)
    }

    fn find(&mut self, (channel, id): (u8, u64)) -> Option<&mut Watched> {
        let mut watched = self.watched.iter_mut();
        watched.find(|watched| (watched.channel, watched.id) == (channel, id))
    }

    /// So many ticks, less a quarter: owners are not punctual, and what is due a little later waits for another tick.
    fn ticks(&self, count: u32) -> Duration {
        let tick = self.cadence.tick();
        tick * count - tick / 4
    }
}

/// Whether no answer came in the usual time, or another packet has overtaken it.
fn is_evident(watched: &Watched, at: Instant, outlook: &Outlook) -> bool {
    at >= watched.since + outlook.answer || outlook.is_overtaken(watched.packet, watched.sent_at)
}

#[cfg(test)]
mod tests;
