//! All of a machine as bytes, for a checkpoint.
//!
//! Left out: the configuration and the long-term key's public half, which the header of a recording holds, and what is
//! only memory or scratch.

use alloc::vec::Vec;

use super::admission::Opener;
use super::shared::Shared;
use super::{
    Machine, WAITS_FOR_FLUSH, WAITS_FOR_RECKONING, WAITS_TO_BE_READ, WAITS_TO_SEND, Waiting,
};
use crate::crypto::Identity;
use crate::saved::{Loader, Saved};
use crate::time::Instant;
use crate::wire::DecodeError;

impl Machine {
    /// The latest time that was told.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Appends the whole state to `out`.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let Self {
            now,
            shared,
            identity: _,
            opener: _,
            admission,
            slots,
            schedule,
            changed,
            ready,
            unread,
            unflushed,
            due,
            by_address,
            half_open,
            banned,
            is_accepting,
            answers,
            answer_limit,
            unproven_limit,
            cookie_key,
            probes,
            events,
            discovery,
            connected,
            players,
            tick,
            handshake_rng,
            probe_rng,
            stats,
        } = self;
        now.save(out);
        shared.save(out);
        admission.save(out);
        slots.save(out);
        schedule.save(out);
        changed.save(out);
        ready.save(out);
        unread.save(out);
        unflushed.save(out);
        due.save(out);
        by_address.save(out);
        half_open.save(out);
        banned.save(out);
        is_accepting.save(out);
        answers.save(out);
        answer_limit.save(out);
        unproven_limit.save(out);
        cookie_key.save(out);
        probes.save(out);
        events.save(out);
        discovery.save(out);
        connected.save(out);
        players.save(out);
        tick.save(out);
        handshake_rng.save(out);
        probe_rng.save(out);
        stats.save(out);
    }

    /// The machine that [`save`](Self::save) wrote down, with the same configuration and long-term key.
    pub(crate) fn load(from: &mut Loader<'_>, identity: Identity) -> Result<Self, DecodeError> {
        Ok(Self {
            now: from.field("now")?,
            shared: Shared::load(from)?,
            admission: from.field("admission")?,
            opener: Opener::new(from.config(), &identity.public_key()),
            identity,
            slots: from.field("slots")?,
            schedule: from.field("schedule")?,
            changed: Waiting::load(from, WAITS_FOR_RECKONING)?,
            ready: Waiting::load(from, WAITS_TO_SEND)?,
            unread: Waiting::load(from, WAITS_TO_BE_READ)?,
            unflushed: Waiting::load(from, WAITS_FOR_FLUSH)?,
            due: from.field("due")?,
            by_address: from.field("by_address")?,
            half_open: from.field("half_open")?,
            banned: from.field("banned")?,
            is_accepting: from.field("is_accepting")?,
            answers: from.field("answers")?,
            answer_limit: from.field("answer_limit")?,
            unproven_limit: from.field("unproven_limit")?,
            cookie_key: from.field("cookie_key")?,
            probes: from.field("probes")?,
            events: from.field("events")?,
            discovery: from.field("discovery")?,
            connected: from.field("connected")?,
            players: from.field("players")?,
            tick: from.field("tick")?,
            handshake_rng: from.field("handshake_rng")?,
            probe_rng: from.field("probe_rng")?,
            stats: from.field("stats")?,
        })
    }
}
