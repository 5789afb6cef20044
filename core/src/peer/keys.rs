//! When keys change, and what is done where they cannot change any more.

use super::{Peer, State};
use crate::crypto::{Keys, Opener, SEALED_MAX, forged_max};
use crate::event::{CloseReason, Role, Violation};
use crate::id::PeerId;
use crate::log::debug;
use crate::machine::shared::Shared;
use crate::time::Instant;
use crate::wire::packet::ConnectionId;

/// Packet numbers are below this (RFC 9000 section 12.3).
pub(crate) const NUMBERS_END: u64 = 1 << 62;

/// So many packets are left for saying that it is over.
const RESERVE: u64 = 1_000;

/// The previous key opens what was overtaken for so many probe timeouts (RFC 9001 section 6.5).
const PREVIOUS_TIMEOUTS: u32 = 3;

/// What seals a packet, and on whose behalf.
#[derive(Debug)]
pub(crate) struct Sealer<'a> {
    pub(super) peer: PeerId,
    pub(super) role: Role,
    pub(super) local_id: &'a ConnectionId,
    pub(super) remote_id: &'a ConnectionId,
    pub(super) keys: &'a mut Keys,
}

/// The [`Sealer`] of a peer, while the packet that it is to seal borrows the peer's `recovery`.
macro_rules! sealer {
    ($peer:expr) => {
        crate::peer::keys::Sealer {
            peer: $peer.id,
            role: $peer.role,
            local_id: &$peer.local_id,
            remote_id: &$peer.remote_id,
            keys: $peer.keys.as_mut().expect("a connected peer has keys"),
        }
    };
}

pub(super) use sealer;

impl Sealer<'_> {
    /// Before a packet is sealed: goes on to other keys if those in use have sealed enough.
    pub(super) fn renew(&mut self, largest_acked: Option<u64>, shared: &mut Shared) {
        let is_due = self.keys.sealed() >= shared.config.packets_per_key;
        if is_due && self.keys.may_update(largest_acked) {
            self.keys.update(&shared.config);
            self.note_keys(shared);
        }
    }

    fn note_keys(&self, shared: &mut Shared) {
        debug!(
            "{} goes on with keys of generation {}",
            self.peer,
            self.keys.generation()
        );
        let (client, server) = match self.role {
            Role::Client => (self.local_id, self.remote_id),
            Role::Server => (self.remote_id, self.local_id),
        };
        if let Some(keys) = self.keys.session_keys(self.role) {
            shared
                .key_log
                .note(&shared.config, client, server, move || keys);
        }
    }
}

/// What an opened packet means for keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    /// It may not acknowledge this number, nor any above, because of the key that it came with.
    unknown: Option<u64>,
    acked: Option<u64>,
}

impl Peer {
    /// A packet was opened, and nothing of it was read yet.
    pub(super) fn on_opened(
        &mut self,
        now: Instant,
        opener: Opener,
        number: u64,
        shared: &mut Shared,
    ) -> Result<Opened, Violation> {
        let until = now + self.recovery.probe_timeout() * PREVIOUS_TIMEOUTS;
        let acked = self.recovery.largest_acked();
        let sealer = sealer!(self);
        let (unknown, before) = (sealer.keys.unknown_to(opener), sealer.keys.generation());
        sealer
            .keys
            .on_opened(opener, number, until, &shared.config)
            .map_err(|_| Violation::KeyUpdate)?;
        if sealer.keys.generation() != before {
            sealer.note_keys(shared);
        }
        Ok(Opened { unknown, acked })
    }

    /// Its frames were read: who acknowledges a packet must have its keys, and use them (RFC 9001 section 6.2).
    pub(super) fn check_acked(&mut self, now: Instant, opened: Opened) {
        let Some(unknown) = opened.unknown.map(Some) else {
            return;
        };
        if opened.acked < unknown && self.recovery.largest_acked() >= unknown {
            self.abort(now, CloseReason::Violation(Violation::KeyUpdate));
        }
    }

    /// A packet did not open; whether the connection ends for it, because there were so many that one might (RFC 9001 section 6.6).
    pub(super) fn on_forged(&mut self, now: Instant) -> bool {
        self.forged += 1;
        let is_over = self
            .keys
            .as_ref()
            .is_some_and(|keys| self.forged >= forged_max(keys.suite()));
        if is_over {
            self.abort(now, CloseReason::Exhausted);
        }
        is_over
    }

    /// Whether a packet may leave. Near the last that the key in use may seal, or the last number, the connection ends.
    pub(super) fn may_seal(&mut self, now: Instant, shared: &mut Shared) -> bool {
        let Some(keys) = &self.keys else { return true };
        let numbers = NUMBERS_END.saturating_sub(self.recovery.next_number());
        let left = SEALED_MAX.saturating_sub(keys.sealed()).min(numbers);
        if left > RESERVE {
            return true;
        }
        self.abort(now, CloseReason::Exhausted);
        if left > 0 {
            return true;
        }
        match self.state {
            State::Closing(_) => self.on_close_done(&mut shared.pool),
            State::Dialling(_) | State::Accepting(_) | State::Draining { .. } => self.forget(),
            State::Connected | State::Gone => {}
        }
        false
    }

    #[cfg(test)]
    pub(crate) fn keys_for_test(&mut self) -> &mut Keys {
        self.keys.as_mut().expect("connected")
    }

    /// What tests set: as if so many packets had been sealed with the key in use, or so many had been forged.
    #[cfg(test)]
    pub(crate) fn wear(&mut self, sealed: Option<u64>, forged: Option<u64>) {
        if let Some(sealed) = sealed {
            sealer!(self).keys.wear(sealed);
        }
        self.forged = forged.unwrap_or(self.forged);
    }
}
