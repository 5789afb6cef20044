//! A packet's way out: is there reason to send, and may it leave now?

use alloc::vec::Vec;

use super::keys::sealer;
use super::lifecycle::State;
use super::packet::{Built, PacketBuilder};
use super::path::{TokenState, question_len};
use super::{Peer, Ping};
use crate::audit::at_most;
use crate::channel::send::Terms;
use crate::channel::turns::Takes;
use crate::config::Config;
use crate::crypto::TAG_LEN;
use crate::event::Role;
use crate::machine::shared::Shared;
use crate::notice::Notice;
use crate::path::keepalive::Spoken;
use crate::planted::{Bug, Planted};
use crate::reliability::received::AckForm;
use crate::reliability::recovery::{Eliciting, Permit};
use crate::reliability::redundancy::{Outlook, UDP_IP_LEN};
use crate::time::{Instant, micros};
use crate::transmit::Transmit;
use crate::wire::frame::Close;
use crate::wire::show;

/// What may go into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// Acknowledgements only.
    Ack,
    /// Unreliable messages too, and what is small: the window is full, or pacing holds the rest back.
    Fresh,
    /// Whatever there is.
    All,
}

impl Peer {
    /// The owner's tick is over: what is queued leaves now.
    pub(crate) fn flush(&mut self, now: Instant, config: &Config) {
        self.flush = self.outbox.is_any_due(now, config);
    }

    pub(super) fn terms<'a>(&self, config: &'a Config) -> Terms<'a> {
        Terms {
            flush: self.flush,
            config,
        }
    }

    /// The owner wants to know the round trip now.
    pub(crate) fn ping(&mut self) {
        self.ping = Ping::Wanted { asked: true };
    }

    pub(crate) const fn on_message_queued(&mut self) {
        self.messages_sent += 1;
    }

    /// When [`poll_transmit`](Self::poll_transmit) yields a datagram if nothing else happens: `now` or
    /// earlier means at once.
    pub(crate) fn transmit_at(&mut self, now: Instant, shared: &Shared) -> Option<Instant> {
        match &self.state {
            State::Dialling(dialling) => Some(dialling.repeat.at),
            State::Accepting(accepting) => accepting.is_due.then_some(now),
            State::Connected | State::Closing(_) => self.packet_at(now, shared),
            State::Draining { .. } => self.received.ack_deadline(None),
            State::Gone => None,
        }
    }

    fn packet_at(&mut self, now: Instant, shared: &Shared) -> Option<Instant> {
        if self.probe {
            return Some(now);
        }
        let data = self.data_at(now, shared);
        let data = if data <= now {
            self.permitted_at(now, shared)
        } else {
            Some(data)
        };
        let spins =
            shared.config.planted.has(Bug::SpinOnFullWindow) && self.data_at(now, shared) <= now;
        let data = if spins { data.or(Some(now)) } else { data };
        let fresh = match data {
            Some(at) if at <= now => None,
            Some(_) | None => self.fresh_at(now, shared),
        };
        let deadlines = [
            self.ack_deadline(now),
            self.confirm.map(|confirm| confirm.at),
            self.close_again_at(),
            self.path_at(now),
            self.mtu_probe_at(now),
            data,
            fresh,
        ];
        Instant::earliest(&deadlines)
    }

    /// When an acknowledgement must leave even if nothing else does.
    fn ack_deadline(&self, now: Instant) -> Option<Instant> {
        let company = self.outbox.copies.next_tick_by(now);
        self.received.ack_deadline(company)
    }

    /// When there is reason to send a packet that the peer must acknowledge.
    pub(super) fn data_at(&self, now: Instant, shared: &Shared) -> Instant {
        let is_control_due = matches!(self.ping, Ping::Wanted { .. })
            || self.inbox.is_credit_due()
            || self.is_token_due()
            || self.is_close_due(now);
        if is_control_due {
            return now;
        }
        let keepalive = self.keepalive.due_at(self.last_sent, self.last_heard);
        let keepalive = self
            .copies_at(now, shared)
            .map_or(keepalive, |at| at.min(keepalive));
        if self.outbox.is_idle() {
            return keepalive;
        }
        let data = [
            self.outbox.lost_at(),
            self.outbox.new_at(self.terms(&shared.config)),
        ];
        data.into_iter().flatten().fold(keepalive, Instant::min)
    }

    /// When copies are reason enough for a packet.
    fn copies_at(&self, now: Instant, shared: &Shared) -> Option<Instant> {
        if shared.config.redundancy_percent_max == 0 || !self.outbox.copies.is_any() {
            return None;
        }
        self.outbox.copies_alone_at(&self.outlook(now))
    }

    fn outlook(&self, now: Instant) -> Outlook {
        self.recovery.outlook(now, self.received.missing_permille())
    }

    /// When unreliable messages may leave though nothing else may: they never wait behind bulk.
    fn fresh_at(&mut self, now: Instant, shared: &Shared) -> Option<Instant> {
        if self.outbox.is_idle() {
            return None;
        }
        let is_paced = self.is_paced(now);
        let terms = self.terms(&shared.config);
        let (at, bytes) = self.outbox.fresh(now, terms, is_paced)?;
        if at > now {
            return Some(at);
        }
        match self.recovery.permit_fresh(now, bytes) {
            Permit::Now => Some(now),
            Permit::At(at) => Some(at),
            Permit::WindowFull | Permit::LedgerFull => None,
        }
    }

    /// Whether it is pacing that keeps reliable messages, and not the window: they wait for a few milliseconds at most.
    pub(super) fn is_paced(&self, now: Instant) -> bool {
        let permit = self.recovery.foresee(now, self.mtu.size());
        matches!(permit, Permit::At(_))
    }

    fn permitted_at(&mut self, now: Instant, shared: &Shared) -> Option<Instant> {
        match self.recovery.permit(now, self.mtu.size()) {
            Permit::Now => Some(now),
            Permit::At(at) => Some(at),
            Permit::WindowFull if shared.config.planted.has(Bug::WindowIgnored) => Some(now),
            Permit::WindowFull => self.trickle_at(now, self.mtu.size()),
            Permit::LedgerFull => None,
        }
    }

    /// When a packet may leave although the window is full: if it takes all there is to say.
    pub(super) fn trickle_at(&self, now: Instant, datagram_size: usize) -> Option<Instant> {
        if !self.outbox.fits_into(now, datagram_size) {
            return None;
        }
        self.recovery.trickle_at(now, datagram_size)
    }

    /// Appends the next datagram to `buf`, if one is due.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        buf: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let start = buf.len();
        if !self.may_seal(now, shared) {
            return None;
        }
        let is_connected = matches!(self.state, State::Connected | State::Closing(_));
        if is_connected && let Some(way) = self.transmit_path(now, shared, buf) {
            let len = buf.len() - start;
            self.datagrams_sent += 1;
            self.bytes_sent += len as u64;
            return Some(Transmit {
                from: way.local,
                ..Transmit::game(way.remote, len)
            });
        }
        let is_probed = is_connected && self.transmit_mtu_probe(now, shared, buf);
        let is_sent = match self.state {
            State::Connected | State::Closing(_) if is_probed => true,
            State::Dialling(_) | State::Accepting(_) => {
                let is_sent = self.transmit_handshake(now, buf);
                if is_sent {
                    let peer = self.id;
                    shared.notices.push(Notice::HandshakeSent { peer });
                    shared.trace(|_| show::handshake(&buf[start..]));
                }
                is_sent
            }
            State::Connected | State::Closing(_) | State::Draining { .. } => {
                self.transmit_packet(now, shared, buf)
            }
            State::Gone => false,
        };
        if !is_sent {
            return None;
        }
        let len = buf.len() - start;
        self.datagrams_sent += 1;
        self.bytes_sent += len as u64;
        self.last_sent = now;
        Some(Transmit {
            from: self.local,
            ecn: self.recovery.sent_mark(),
            ..Transmit::game(self.address, len)
        })
    }

    fn transmit_packet(&mut self, now: Instant, shared: &mut Shared, buf: &mut Vec<u8>) -> bool {
        if self.confirm.is_some_and(|confirm| confirm.at <= now) {
            self.begin_probe(now, shared);
            if let Some(confirm) = &mut self.confirm {
                confirm.advance(now);
            }
        }
        self.repeat_close(now);
        self.expire(now, shared);
        let is_draining = matches!(self.state, State::Draining { .. });
        let load = match is_draining {
            true => Load::Ack,
            false => self.load(now, shared),
        };
        let is_ack_due = self.ack_deadline(now).is_some_and(|due| due <= now);
        if load == Load::Ack && !is_ack_due {
            return false;
        }
        self.build_packet(now, load, is_ack_due, shared, buf)
    }

    fn load(&mut self, now: Instant, shared: &mut Shared) -> Load {
        let mut pen = shared.journal.pen(now, self.id);
        let pool = &mut shared.pool;
        self.inbox.drops.send_stale += self.outbox.drop_stale(now, &shared.config, pool, &mut pen);
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self.probe
            || (self.data_at(now, shared) <= now && is_due(self.permitted_at(now, shared)))
        {
            return Load::All;
        }
        match is_due(self.fresh_at(now, shared)) {
            true => Load::Fresh,
            false => Load::Ack,
        }
    }

    fn build_packet(
        &mut self,
        now: Instant,
        load: Load,
        with_ack: bool,
        shared: &mut Shared,
        buf: &mut Vec<u8>,
    ) -> bool {
        let with_data = load != Load::Ack;
        let ack = if with_ack {
            AckForm::Ranges
        } else {
            self.received.piggyback(now)
        };
        let compact_ack = match ack {
            AckForm::Compact(low_bits) => Some(low_bits),
            AckForm::None | AckForm::Ranges => None,
        };
        let close = if with_data && self.is_close_due(now) {
            self.take_close(now)
        } else {
            None
        };
        let wants_ack = with_data && self.recovery.wants_ack();
        let percent = shared.config.redundancy_percent_max;
        let has_copies = with_data && percent > 0 && self.outbox.copies.is_any();
        let outlook = has_copies.then(|| self.outlook(now));
        let window_is_full = shared.notes.is_on
            && self.recovery.foresee(now, self.mtu.size()) == Permit::WindowFull
            && self.trickle_at(now, self.mtu.size()) == Some(now);
        // Beside what is fresh, all that is left goes along if it is little: it costs no datagram, and hurts no queue.
        let takes_all = load == Load::All || self.outbox.fits_into(now, self.mtu.size());
        let is_paced = load == Load::Fresh && self.is_paced(now);
        let planted = shared.config.planted;
        let size_max = self.packet_size_max() + planted.excess();
        let mut packet = PacketBuilder::new(
            buf,
            &mut self.recovery,
            &self.remote_id,
            compact_ack,
            size_max,
        );
        if ack == AckForm::Ranges {
            let delay = micros(self.received.ack_delay(now));
            packet.ack(self.received.ranges(), delay, self.received.marks_due(now));
        }
        let mut spoken = Spoken::Other;
        if with_data {
            if let Ping::Wanted { asked } = self.ping {
                self.ping = Ping::InFlight { asked };
                packet.ping();
            } else if wants_ack {
                packet.ping();
            }
            while packet.has_room_for_credit() {
                let Some((channel, limit)) = self.inbox.next_credit() else {
                    break;
                };
                packet.credit(channel, limit);
            }
            if let TokenState::Due(token) = self.token
                && packet.has_room_for_reset_token()
            {
                self.token = TokenState::InFlight(token);
                packet.reset_token(token);
            }
            if let Some((kind, code, farewell)) = &close {
                packet.close(&Close {
                    kind: *kind,
                    code: *code,
                    text: farewell.text(),
                });
            }
            let terms = Terms {
                flush: self.flush,
                config: &shared.config,
            };
            let new_at = self.outbox.new_at(terms);
            let is_new_due =
                self.flush || new_at.is_some_and(|at| at <= now) || packet.is_eliciting();
            let takes = Takes {
                fresh: is_new_due || load == Load::Fresh,
                lost: takes_all,
                new: takes_all && is_new_due,
                counts: load == Load::All || is_paced,
            };
            let mut pen = shared.journal.pen(now, self.id);
            let pool = &mut shared.pool;
            self.outbox.fill(now, takes, &mut packet, pool, &mut pen);
            // What follows a CLOSE is not heeded, and must not be acknowledged with it.
            if let Some(outlook) = outlook.as_ref().filter(|_| close.is_none()) {
                self.outbox.fill_copies(now, outlook, &mut packet, &mut pen);
            }
            // With an acknowledgement the packet answers what was just heard: no need to ask whether the peer is there.
            let silent_until = self.keepalive.due_at(self.last_sent, self.last_heard);
            let is_keepalive_due = ack == AckForm::None && now >= silent_until;
            let is_due = is_keepalive_due || self.probe || planted.past_says_so();
            if packet.has_data() {
                spoken = Spoken::Messages;
            }
            if !packet.is_eliciting() && is_due {
                packet.ping();
                if is_keepalive_due && !self.probe {
                    let silence = now.saturating_duration_since(self.last_heard);
                    spoken = Spoken::Keepalive(silence);
                }
            }
            // A client whose address changed unknown to itself is found by what it asks.
            let asks =
                self.confirm.is_none() && close.is_none() && (self.probe || !packet.has_data());
            if packet.is_eliciting() && asks && self.role == Role::Client {
                packet.pad_to(question_len(self.local_id.as_bytes().len()));
            }
        }
        let is_probe = core::mem::take(&mut self.probe);
        let is_short = core::mem::take(&mut self.short_probe);
        let is_exempt = is_probe || window_is_full;
        if packet.is_empty() {
            packet.discard();
            return false;
        }
        let built = packet.finish(&mut sealer!(self), shared);
        let has_more = self.outbox.is_any_due(now, &shared.config);
        let checked = at_most(
            10,
            "bytes of a datagram",
            built.len as u64,
            self.mtu.size() as u64,
        );
        shared.notes.note(self.id, checked);
        if is_probe {
            self.recovery.mark_probe();
        }
        self.keepalive.on_sent(now, spoken);
        let is_followed = is_probe && !is_short;
        self.on_packet_sent(now, ack, built, planted, has_more);
        self.on_redundancy(now, built, percent);
        if load == Load::Fresh {
            self.recovery.on_fresh_sent(built.len);
        }
        // What is exempt is known only where it is looked for.
        if load == Load::All && !is_exempt && shared.notes.is_on {
            let (in_flight, window) =
                (self.recovery.in_flight(), self.recovery.congestion_window());
            let checked = at_most(8, "bytes in flight", in_flight, window);
            shared.notes.note(self.id, checked);
        }
        if is_followed {
            self.follow_probe(built.len);
        }
        let is_again = core::mem::take(&mut self.probe_again);
        if is_probe && is_again && !self.probe {
            let mut pen = shared.journal.pen(now, self.id);
            self.probe = self.outbox.probe_small(&mut shared.pool, &mut pen);
        }
        true
    }

    /// What a packet that left means for copies: those in it are paid, and the rest of it pays for others.
    fn on_redundancy(&mut self, now: Instant, built: Built, percent: u8) {
        self.outbox.on_parities(built.parities, built.parity_bytes);
        if percent == 0 {
            self.outbox.copies.on_tick(now, built.has_new);
            return;
        }
        // Nor do parities earn any: what they add is bounded by their own option.
        let extra = built.copy_bytes + built.parity_bytes;
        let bytes = built.len as u64 + UDP_IP_LEN - extra as u64;
        if built.copy_bytes > 0 {
            self.recovery.on_copied(now);
        }
        let copies = &mut self.outbox.copies;
        if built.is_alone {
            copies.on_alone(bytes);
        } else {
            copies.on_packet_sent(now, bytes, built.has_new, percent);
        }
    }

    /// `has_more`: more could leave now, were there room on the path.
    fn on_packet_sent(
        &mut self,
        now: Instant,
        ack: AckForm,
        built: Built,
        planted: Planted,
        has_more: bool,
    ) {
        if !has_more {
            self.flush = false;
        }
        let is_app_limited = !has_more;
        if ack != AckForm::None {
            self.received.on_ack_sent(now, ack);
        }
        debug_assert!(built.len > TAG_LEN);
        if built.eliciting == Eliciting::No && planted.has(Bug::NumberUsedTwice) {
            return;
        }
        if built.eliciting == Eliciting::No {
            self.recovery
                .on_sent(now, built.len, Eliciting::No, None, is_app_limited);
            return;
        }
        self.recovery.on_sent(
            now,
            built.len,
            built.eliciting,
            built.ack_largest,
            is_app_limited,
        );
    }
}
