//! Output: call each until `None`, after every input and command.

use alloc::string::String;
use alloc::vec::Vec;

use super::Machine;
use crate::event::Event;
use crate::journal::Entry;
use crate::planted::Bug;
use crate::tick::TickClock;
use crate::time::Instant;
use crate::trace::Content;
use crate::transmit::Transmit;
use crate::wire::show;

impl Machine {
    pub(crate) fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        self.advance(now);
        self.reckon();
        let transmit = self
            .transmit_answer(buf)
            .or_else(|| self.transmit_discovery(buf))
            .or_else(|| self.transmit_peer(buf))?;
        self.stats.datagrams_sent += 1;
        self.stats.bytes_sent += transmit.len as u64;
        Some(transmit)
    }

    fn transmit_answer(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let answer = self.answers.pop_front()?;
        self.shared.trace(|_| show::other(&answer.bytes));
        buf.extend_from_slice(&answer.bytes);
        Some(Transmit {
            from: answer.from,
            ..Transmit::game(answer.to, answer.bytes.len())
        })
    }

    fn transmit_discovery(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let start = buf.len();
        let transmit = self.discovery.poll_transmit(self.now, buf)?;
        self.shared.trace(|_| show::other(&buf[start..]));
        Some(transmit)
    }

    fn transmit_peer(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        while let Some(slot) = self.ready.front(&mut self.slots) {
            let found = self.slots.get_mut(slot)?;
            let transmit = found.peer.poll_transmit(self.now, &mut self.shared, buf);
            self.update(slot);
            self.reckon();
            if transmit.is_some() {
                self.leave_unless_due(slot);
                return transmit;
            }
            self.ready.leave(slot, &mut self.slots);
            self.expect_not_due(slot);
        }
        None
    }

    /// It goes on being served until it has nothing more to send: its datagrams leave in a row.
    fn leave_unless_due(&mut self, slot: u32) {
        let is_due = self.slots.get(slot).is_some_and(|found| found.is_due);
        if !is_due {
            self.ready.leave(slot, &mut self.slots);
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.poll_peer_event()
            .or_else(|| self.events.pop_front())
            .or_else(|| self.discovery.poll_event())
            .or_else(|| self.tick.as_mut()?.poll_event())
    }

    fn poll_peer_event(&mut self) -> Option<Event> {
        let slot = self.unread.pop(&mut self.slots)?;
        let shared = &mut self.shared;
        let peer = &mut *self.slots.get_mut(slot)?.peer;
        let unread_bytes = shared.unread_bytes;
        let event = peer.inbox.poll(
            peer.id,
            &mut shared.unread_bytes,
            &mut shared.pool,
            &mut shared.blocks,
            &mut shared.journal.pen(self.now, peer.id),
        );
        if shared.config.planted.has(Bug::UnreadNeverFreed) && peer.is_over() {
            shared.unread_bytes = unread_bytes;
        }
        if matches!(
            event,
            Some(Event::Delivered { .. } | Event::Abandoned { .. })
        ) {
            peer.outbox.on_receipt_polled();
        }
        self.on_event_polled(slot);
        event
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if !self.answers.is_empty() || self.due > 0 || !self.changed.is_empty() {
            return Some(self.now);
        }
        let tick = self.tick.as_ref().and_then(TickClock::poll_timeout);
        Instant::earliest(&[self.schedule.next(), self.discovery.poll_timeout(), tick])
    }

    pub(crate) fn poll_trace(&mut self) -> Option<Content> {
        self.shared.poll_trace()
    }

    pub(crate) fn poll_journal(&mut self) -> Option<Entry> {
        self.shared.journal.poll()
    }

    pub(crate) fn poll_key_log(&mut self) -> Option<String> {
        self.shared.key_log.poll()
    }
}
