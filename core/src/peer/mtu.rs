//! Probes of longer datagrams, and what is done when a way carries less than it did.

use alloc::vec::Vec;

use super::Peer;
use super::keys::sealer;
use super::packet::PacketBuilder;
use crate::machine::shared::Shared;
use crate::reliability::recovery::{Permit, Verdict};
use crate::time::Instant;
use crate::wire::DATAGRAM_FLOOR;

/// From this many unanswered probes on all are short.
const SHORT_PROBES_FROM: u32 = 2;

impl Peer {
    /// Bytes of the next packet, at most.
    pub(super) fn packet_size_max(&self) -> usize {
        let size = self.mtu.size();
        if self.probe && self.is_probe_short() {
            size.min(DATAGRAM_FLOOR)
        } else {
            size
        }
    }

    /// Whether probes for lost packets are to be short now.
    pub(super) fn is_probe_short(&self) -> bool {
        let is_short = self.short_probe || self.recovery.backoff() >= SHORT_PROBES_FROM;
        is_short && self.mtu.may_fall()
    }

    /// A probe for lost packets left. After a long one a short one follows at once (RFC 9002 section 6.2.4 allows two): perhaps only
    /// long datagrams do not arrive any more, and its answer is the first sign of it. It repeats nothing: mostly the first one was
    /// enough, or none was needed.
    pub(super) fn follow_probe(&mut self, len: usize) {
        let may_vanish = self.mtu.may_fall() && len > DATAGRAM_FLOOR;
        if self.recovery.backoff() > 0 && may_vanish {
            self.short_probe = true;
            self.probe = true;
        }
    }

    /// When a probe of the path's MTU is due.
    pub(super) fn mtu_probe_at(&mut self, now: Instant) -> Option<Instant> {
        if !self.is_established() {
            return None;
        }
        let size = self.mtu_probe_size(now)?;
        match self.recovery.permit(now, size) {
            Permit::Now => Some(now),
            Permit::At(at) => Some(at),
            Permit::WindowFull | Permit::LedgerFull => None,
        }
    }

    fn mtu_probe_size(&self, now: Instant) -> Option<usize> {
        self.mtu.probe_size(now, self.recovery.delivery_rate())
    }

    /// Appends the probe that is due: PING and padding, of the size to try.
    pub(super) fn transmit_mtu_probe(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        buf: &mut Vec<u8>,
    ) -> bool {
        if self.mtu_probe_at(now).is_none_or(|at| at > now) {
            return false;
        }
        let Some(size) = self.mtu_probe_size(now) else {
            return false;
        };
        let mut packet = PacketBuilder::new(buf, &mut self.recovery, &self.remote_id, None, size);
        packet.mtu_probe(size);
        let built = packet.finish(&mut sealer!(self), shared);
        self.mtu.on_probe_sent(size);
        self.recovery.on_mtu_probe_sent(now, built.len);
        true
    }

    pub(super) fn on_mtu_verdict(&mut self, now: Instant, verdict: Verdict, size: u16) {
        match verdict {
            Verdict::Acked => self.mtu.on_probe_acked(now, usize::from(size)),
            Verdict::Lost => self.mtu.on_probe_lost(now, usize::from(size)),
        }
        self.suspect();
    }

    /// Packets were acknowledged or lost: do only long ones get lost?
    pub(super) fn check_black_hole(&mut self, shared: &mut Shared) {
        if self.mtu.on_losses(self.recovery.suspicion()) {
            self.on_shorter(shared);
        }
    }

    /// A datagram of `len` bytes cannot even leave.
    pub(crate) fn handle_too_long(&mut self, now: Instant, len: usize, shared: &mut Shared) {
        if self.is_established() && self.mtu.on_too_long(now, len) {
            self.on_shorter(shared);
        }
    }

    /// Datagrams are shorter from here on.
    pub(super) fn on_shorter(&mut self, shared: &mut Shared) {
        self.outbox.recut(self.mtu.size(), &mut shared.pool);
        self.recovery.forget_suspects();
        self.suspect();
    }

    /// Losses of long packets are watched from here on.
    pub(super) fn suspect(&mut self) {
        self.recovery.on_datagram_size(self.mtu.size());
        self.recovery.suspect(self.mtu.may_fall());
    }
}
