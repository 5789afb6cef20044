//! Deadlines. None is stored: each follows from the state that it belongs to.

use super::lifecycle::State;
use super::{Peer, Ping};
use crate::crypto::Keys;
use crate::event::{Abandonment, CloseReason, RebindStage};
use crate::log::debug;
use crate::machine::shared::Shared;
use crate::planted::Bug;
use crate::reliability::recovery::Action;
use crate::time::Instant;

impl Peer {
    /// When [`handle_timeout`](Self::handle_timeout) has something to do. Sending has its own
    /// [`transmit_at`](Self::transmit_at).
    pub(crate) fn deadline(&self, shared: &Shared) -> Option<Instant> {
        match &self.state {
            State::Dialling(dialling) => Some(dialling.give_up_at),
            State::Accepting(accepting) => Some(accepting.expires_at),
            State::Connected | State::Closing(_) => self.connected_deadline(shared),
            State::Draining { until } => Some(*until),
            State::Gone => None,
        }
    }

    fn connected_deadline(&self, shared: &Shared) -> Option<Instant> {
        let delivery = self.outbox.oldest_sent().filter(|_| self.is_established());
        let deadlines = [
            Some(self.last_heard + shared.config.idle_timeout),
            self.recovery.deadline(),
            self.inbox.deadline(),
            self.outbox.expires_at(),
            self.close_deadline(),
            self.path.deadline(),
            self.keys.as_ref().and_then(Keys::deadline),
            delivery.map(|(_, sent_at)| sent_at + shared.config.delivery_timeout),
        ];
        Instant::earliest(&deadlines)
    }

    /// Deadlines may have passed; harmless when none has.
    pub(crate) fn handle_timeout(&mut self, now: Instant, shared: &mut Shared) {
        match &self.state {
            State::Dialling(dialling) if now >= dialling.give_up_at => {
                let reason = dialling
                    .hint
                    .map_or(CloseReason::HandshakeTimeout, CloseReason::Refused);
                self.finish(reason, &mut shared.pool);
            }
            State::Accepting(accepting) if now >= accepting.expires_at => self.forget(),
            State::Draining { until } if now >= *until => self.forget(),
            State::Connected | State::Closing(_) => self.handle_connected_timeout(now, shared),
            State::Dialling(_) | State::Accepting(_) | State::Draining { .. } | State::Gone => {}
        }
    }

    fn handle_connected_timeout(&mut self, now: Instant, shared: &mut Shared) {
        if now >= self.last_heard + shared.config.idle_timeout {
            self.finish(CloseReason::IdleTimeout, &mut shared.pool);
            return;
        }
        if let Some(keys) = &mut self.keys {
            keys.handle_timeout(now);
        }
        if self.path.handle_timeout(now) {
            self.tell_rebinding(RebindStage::Failed);
        }
        let mut pen = shared.journal.pen(now, self.id);
        self.inbox.handle_timeout(now, &mut shared.pool, &mut pen);
        self.expire(now, shared);
        self.handle_recovery_timeout(now, shared);
        self.check_delivery(now, shared.config.delivery_timeout);
        self.check_flush(now);
        let is_close_over =
            matches!(&self.state, State::Closing(closing) if closing.sent_at.is_some());
        if is_close_over
            && self
                .close_deadline()
                .is_some_and(|deadline| now >= deadline)
        {
            self.on_close_done(&mut shared.pool);
        }
    }

    /// Gives up messages whose time to live is over.
    pub(super) fn expire(&mut self, now: Instant, shared: &mut Shared) {
        let mut pen = shared.journal.pen(now, self.id);
        let (outbox, inbox) = (&mut self.outbox, &mut self.inbox);
        outbox.expire(now, &mut shared.pool, &mut pen, |receipt| {
            inbox.drops.expired += 1;
            if let Some(receipt) = receipt {
                inbox.push_abandoned(receipt, Abandonment::Expired);
            }
        });
    }

    /// Losses that time tells may leave a probe overdue: it is due in the same call, or a driver would be woken twice.
    fn handle_recovery_timeout(&mut self, now: Instant, shared: &mut Shared) {
        for _ in 0..2 {
            if self.recovery.deadline().is_none_or(|due| now < due) {
                return;
            }
            let mut verdicts = core::mem::take(&mut shared.verdicts);
            let action = self
                .recovery
                .on_timeout(now, &mut |verdict, record| verdicts.push((verdict, record)));
            if action != Action::None {
                self.note_losses(now, shared);
            }
            self.on_verdicts(now, &mut verdicts, shared);
            shared.verdicts = verdicts;
            self.check_black_hole(shared);
            if shared.notices.is_watched() && action != Action::None {
                self.notice_losses(shared);
            }
            if action == Action::Probe {
                debug!("{} at {} does not answer: probing", self.id, self.address);
                self.begin_probe(now, shared);
                self.probe_again = true;
            }
        }
    }

    /// The peer's newest packet came. If it lacks an answer that was due, a probe leaves at once, and not by a deadline that has come
    /// already: who serves deadlines before he reads messages would else send other bytes than who reads first.
    pub(super) fn on_word(
        &mut self,
        now: Instant,
        before: Instant,
        missing: u64,
        shared: &mut Shared,
    ) {
        let is_alive = matches!(self.state, State::Connected | State::Closing(_));
        if is_alive && self.recovery.on_heard(now, before, missing) {
            self.handle_recovery_timeout(now, shared);
        }
    }

    /// No answer came: asks for one, with the oldest unacknowledged data if there is any.
    pub(super) fn begin_probe(&mut self, now: Instant, shared: &mut Shared) {
        self.probe = true;
        self.on_close_lost();
        let mut pen = shared.journal.pen(now, self.id);
        let short = self.is_probe_short();
        let is_queued = self.outbox.probe(short, &mut shared.pool, &mut pen);
        let forgets_credit = shared.config.planted.has(Bug::LostCreditForgotten);
        let tells_credit = !forgets_credit && self.inbox.probe_credit();
        let asks_already = is_queued || tells_credit || self.is_close_due(now);
        if !asks_already && self.ping == Ping::Idle {
            self.ping = Ping::Wanted { asked: false };
        }
        if let Ping::InFlight { asked } = self.ping {
            self.ping = Ping::Wanted { asked };
        }
    }
}
