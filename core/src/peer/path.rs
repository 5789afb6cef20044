//! The ways of a connection: what packets say of them, the packets about them, and what a change means for the rest.

use alloc::vec::Vec;
use core::time::Duration;

use super::keys::sealer;
use super::packet::PacketBuilder;
use super::{Peer, State};
use crate::crypto::{RESET_TOKEN_LEN, TAG_LEN};
use crate::event::{Event, RebindStage, Role};
use crate::log::debug;
use crate::machine::shared::Shared;
use crate::path::{Heard, Patience, Proven, Way};
use crate::reliability::recovery::{Eliciting, Verdict};
use crate::time::Instant;

/// A challenge is repeated no faster than this.
const CHALLENGE_INTERVAL_MIN: Duration = Duration::from_millis(20);
/// RFC 9000 section 8.2.4: three times the probe timeout, of the present way or of a new one, whichever is longer.
const GIVE_UP_TIMEOUTS: u32 = 3;
const NEW_PATH_TIMEOUT: Duration = Duration::from_secs(1);

/// What a server tells its client so that it knows the server's end after a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TokenState {
    /// The one of the handshake, or of a frame that was acknowledged.
    #[default]
    Told,
    /// A RESET_TOKEN frame is to be sent.
    Due([u8; RESET_TOKEN_LEN]),
    /// It is under way.
    InFlight([u8; RESET_TOKEN_LEN]),
}

crate::saved::saved!(enum TokenState { 0 = Told, 1 = Due(token), 2 = InFlight(token) });

impl Peer {
    /// A packet was taken: where is the peer, and what does it want to know?
    pub(super) fn on_heard(&mut self, now: Instant, heard: &Heard, shared: &mut Shared) {
        if !matches!(self.state, State::Connected | State::Closing(_)) {
            return;
        }
        // Only clients move (RFC 9000 section 9): a client answers to its server's address, whatever it sees.
        if self.role == Role::Client {
            let way = self.way();
            self.path.owe(way, heard.challenge);
            if let Some(data) = heard.response {
                self.on_path_response(now, data, shared);
            }
            return;
        }
        let patience = self.path_patience();
        let rng = &mut shared.path_rng;
        let proven = self.path.follow(now, heard, self.address, patience, rng);
        if let Some(proven) = proven {
            self.move_to(now, proven, shared);
        }
    }

    pub(super) const fn way(&self) -> Way {
        Way {
            remote: self.address,
            local: self.local,
        }
    }

    pub(super) fn path_patience(&self) -> Patience {
        let timeout = self.recovery.probe_timeout();
        let rtt = Duration::from_micros(self.recovery.rtt().smoothed_us());
        Patience {
            interval: (rtt * 5 / 4).max(CHALLENGE_INTERVAL_MIN),
            limit: timeout.max(NEW_PATH_TIMEOUT) * GIVE_UP_TIMEOUTS,
        }
    }

    /// The client is there now: from here on everything goes to it there.
    fn move_to(&mut self, now: Instant, proven: Proven, shared: &mut Shared) {
        let from = core::mem::replace(&mut self.address, proven.way.remote);
        let to = self.address;
        self.local = proven.way.local;
        debug!("{} moved from {} to {}", self.id, from, to);
        self.inbox.push(Event::PathChanged {
            peer: self.id,
            from,
            to,
        });
        // Another port of the same address is most likely the same network behind the same translator (RFC 9000 section 9.4).
        let is_other_network = from.ip().to_canonical() != to.ip().to_canonical();
        let sample = proven.round_trip.filter(|_| is_other_network);
        self.recovery.on_path_changed(now, is_other_network, sample);
        match is_other_network {
            true => self.keepalive.begin_anew(&shared.config),
            false => self.keepalive.on_port_changed(&shared.config),
        }
        if is_other_network && self.mtu.on_network_changed() {
            self.on_shorter(shared);
        }
        // What was sent to the old address since it fell silent is lost: the answer to this tells it.
        self.begin_probe(now, shared);
    }

    /// The token that holds at the client's new address, for it to keep.
    pub(crate) const fn tell_reset_token(&mut self, token: [u8; RESET_TOKEN_LEN]) {
        self.token = TokenState::Due(token);
    }

    pub(super) const fn is_token_due(&self) -> bool {
        matches!(self.token, TokenState::Due(_))
    }

    pub(super) const fn on_token_verdict(&mut self, verdict: Verdict) {
        match (self.token, verdict) {
            (TokenState::InFlight(token), Verdict::Lost) => self.token = TokenState::Due(token),
            (TokenState::InFlight(_), Verdict::Acked) => self.token = TokenState::Told,
            (TokenState::Told | TokenState::Due(_), _) => {}
        }
    }

    /// A server told its client a new token, in the packet of this number. One that was overtaken by a later one is old.
    pub(super) fn on_token(&mut self, number: u64, token: [u8; RESET_TOKEN_LEN]) {
        if self.role == Role::Client && number >= self.token_from {
            self.token_from = number;
            self.reset_token = Some(token);
        }
    }

    /// When a packet about ways is due.
    pub(super) fn path_at(&self, now: Instant) -> Option<Instant> {
        self.path.transmit_at(now, self.path_overhead())
    }

    /// Bytes of such a packet beside its frames, at most.
    fn path_overhead(&self) -> usize {
        path_overhead(self.remote_id.as_bytes().len())
    }

    /// Appends the packet about ways that is due, and tells which way it goes. It is not acknowledged, and not counted as
    /// in flight: what it asks is repeated until it is answered.
    pub(super) fn transmit_path(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        buf: &mut Vec<u8>,
    ) -> Option<Way> {
        let overhead = self.path_overhead();
        let frames = self.path.poll(now, overhead)?;
        let size_max = self.mtu.size();
        let mut packet =
            PacketBuilder::new(buf, &mut self.recovery, &self.remote_id, None, size_max);
        if let Some(data) = frames.response {
            packet.path_response(data);
        }
        if let Some(data) = frames.challenge {
            packet.path_challenge(data);
        }
        let built = packet.finish(&mut sealer!(self), shared);
        self.recovery
            .on_sent(now, built.len, Eliciting::No, None, true);
        self.path.on_sent(frames.way.remote, built.len);
        let checked = self.path.audit();
        shared.notes.note(self.id, checked);
        if frames.begins_rebinding {
            self.tell_rebinding(RebindStage::Validating);
        }
        Some(frames.way)
    }
}

/// Bytes of a packet about ways beside its frames, at most: flags, connection id, packet number, tag.
const fn path_overhead(id_len: usize) -> usize {
    1 + id_len + 4 + TAG_LEN
}

/// A packet of a client's that asks something is so long at least that its server may send a challenge in answer, should
/// it come from an address that is new to it. The server's packets bear the client's connection id.
pub(super) const fn question_len(client_id_len: usize) -> usize {
    path_overhead(client_id_len) + crate::wire::frame::PATH_FRAME_LEN
}
