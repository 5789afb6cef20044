//! Probes of longer datagrams, and what is done when a way carries less than it did.

use alloc::vec::Vec;

use super::Peer;
use super::packet::PacketBuilder;
use crate::machine::shared::Shared;
use crate::notice::Notice;
use crate::reliability::recovery::{Permit, Verdict};
use crate::time::Instant;
use crate::wire::DATAGRAM_FLOOR;

/// From this many unanswered probes on (RFC 9002 section 6.2.4) the next is short: perhaps only long datagrams do not arrive.
const SHORT_PROBES_FROM: u32 = 2;

impl Peer {
    /// Bytes of the next packet, at most.
    pub(super) fn packet_size_max(&self) -> usize {
        let size = self.mtu.size();
        if self.probe
            && self.recovery.backoff() >= SHORT_PROBES_FROM
            && self.mtu.suspects_above().is_some()
        {
            size.min(DATAGRAM_FLOOR)
        } else {
            size
        }
    }

    /// When a probe of the path's MTU is due.
    pub(super) fn mtu_probe_at(&mut self, now: Instant) -> Option<Instant> {
        if !self.is_established() {
            return None;
        }
        let size = self.mtu.probe_size(now)?;
        match self.recovery.permit(now, size) {
            Permit::Now => Some(now),
            Permit::At(at) => Some(at),
            Permit::WindowFull | Permit::LedgerFull => None,
        }
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
        let Some(size) = self.mtu.probe_size(now) else {
            return false;
        };
        let mut packet = PacketBuilder::new(buf, &mut self.recovery, &self.remote_id, None, size);
        packet.mtu_probe(size);
        if shared.notes.is_on {
            let checked = packet.audit(&shared.config.channels);
            shared.notes.note(self.id, checked);
        }
        shared.trace(|config| packet.describe(&config.channels));
        let keys = self.keys.as_ref().expect("a connected peer has keys");
        let built = packet.seal(&keys.send);
        shared.notices.push(Notice::PacketSent {
            peer: self.id,
            number: self.recovery.next_number(),
        });
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
    pub(super) fn check_black_hole(&mut self, now: Instant, shared: &mut Shared) {
        let (in_a_row, arrived) = self.recovery.suspects_lost();
        if self.mtu.on_losses(in_a_row, arrived as usize) {
            self.on_shorter(now, shared);
        }
    }

    /// Datagrams are shorter from here on.
    pub(super) fn on_shorter(&mut self, now: Instant, shared: &mut Shared) {
        let mut pen = shared.journal.pen(now, self.id);
        let size = self.mtu.size();
        let dropped = self.outbox.recut(size, &mut shared.pool, &mut pen);
        self.inbox.drops.send_queue_full += dropped;
        self.suspect();
    }

    /// Losses of long packets are watched from here on.
    pub(super) fn suspect(&mut self) {
        self.recovery.on_datagram_size(self.mtu.size());
        self.recovery.suspect_above(self.mtu.suspects_above());
    }
}
