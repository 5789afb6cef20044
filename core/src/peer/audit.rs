//! What no state of a peer may be.

use super::{Peer, State};
use crate::audit::{Checked, Depth, Fingerprint, Unsound, at_most, equal, holds};
use crate::crypto::Keys;
use crate::time::Instant;

impl Peer {
    pub(crate) fn audit(&self, now: Instant, depth: Depth) -> Result<(), Unsound> {
        self.audit_parts(now, depth)
            .map_err(|unsound| unsound.of(self.id))
    }

    fn audit_parts(&self, now: Instant, depth: Depth) -> Checked {
        holds(13, "heard of in the past", self.last_heard <= now)?;
        holds(13, "sent to in the past", self.last_sent <= now)?;
        self.recovery.audit(depth)?;
        self.received.audit()?;
        self.path.audit()?;
        self.keys.as_ref().map_or(Ok(()), Keys::audit)?;
        self.mtu.audit()?;
        self.keepalive.audit()?;
        if matches!(self.state, State::Accepting(_)) {
            return self.audit_half_open();
        }
        if self.is_over() {
            return equal(
                4,
                "bytes queued when over",
                self.outbox.queued_bytes() as u64,
                0,
            );
        }
        let newest = self.received.largest().unwrap_or(0);
        at_most(6, "the newest number", newest, self.newest)?;
        self.outbox.audit(depth)?;
        self.inbox.audit(depth)
    }

    /// Before the client's proof nothing is kept for it but the answer.
    fn audit_half_open(&self) -> Checked {
        let bytes = self.outbox.queued_bytes() + self.inbox.buffered_bytes();
        equal(2, "bytes of messages of a half-open peer", bytes as u64, 0)?;
        at_most(
            2,
            "bytes in flight to a half-open peer",
            self.recovery.in_flight(),
            0,
        )
    }

    /// Everything but the counters of drops.
    pub(crate) fn fingerprint(&self, into: &mut Fingerprint) {
        into.add(&(self.id, self.address, self.local, self.role, &self.state));
        into.add(&(
            &self.local_id,
            &self.remote_id,
            &self.keys,
            &self.reset_token,
        ));
        into.add(&(
            &self.began_with,
            &self.received,
            self.newest,
            &self.recovery,
        ));
        into.add(&(self.last_heard, self.last_sent, self.flush));
        into.add(&(self.probe, self.probe_again, self.short_probe));
        into.add(&(self.ping, &self.confirm, self.messages_sent));
        into.add(&(&self.path, &self.mtu, &self.keepalive));
        into.add(&(self.token, self.token_from));
        into.add(&(self.datagrams_sent, self.datagrams_received));
        into.add(&(self.bytes_sent, self.bytes_received));
        self.outbox.fingerprint(into);
        self.inbox.fingerprint(into);
    }
}
