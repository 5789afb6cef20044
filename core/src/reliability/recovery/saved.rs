//! Recovery in a checkpoint.

use alloc::vec::Vec;

use super::Recovery;
use crate::saved::{Loader, Saved};
use crate::wire::DecodeError;

/// Without `losses`, which are empty between two calls' ends.
impl Saved for Recovery {
    fn save(&self, out: &mut Vec<u8>) {
        let Self {
            next_number,
            largest_acked,
            ledger,
            rtt,
            measured_at,
            peer_ack_delay_max,
            datagram_size_max,
            controller,
            pacer,
            loss_at,
            backoff,
            probed_at,
            history,
            packets_lost,
            probes,
            path_from,
            losses: _,
        } = self;
        next_number.save(out);
        largest_acked.save(out);
        ledger.save(out);
        rtt.save(out);
        measured_at.save(out);
        peer_ack_delay_max.save(out);
        datagram_size_max.save(out);
        controller.save(out);
        pacer.save(out);
        loss_at.save(out);
        backoff.save(out);
        probed_at.save(out);
        history.save(out);
        packets_lost.save(out);
        probes.save(out);
        path_from.save(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            next_number: from.field("Recovery.next_number")?,
            largest_acked: from.field("Recovery.largest_acked")?,
            ledger: from.field("Recovery.ledger")?,
            rtt: from.field("Recovery.rtt")?,
            measured_at: from.field("Recovery.measured_at")?,
            peer_ack_delay_max: from.field("Recovery.peer_ack_delay_max")?,
            datagram_size_max: from.field("Recovery.datagram_size_max")?,
            controller: from.field("Recovery.controller")?,
            pacer: from.field("Recovery.pacer")?,
            loss_at: from.field("Recovery.loss_at")?,
            backoff: from.field("Recovery.backoff")?,
            probed_at: from.field("Recovery.probed_at")?,
            history: from.field("Recovery.history")?,
            packets_lost: from.field("Recovery.packets_lost")?,
            probes: from.field("Recovery.probes")?,
            path_from: from.field("Recovery.path_from")?,
            losses: Vec::new(),
        })
    }
}
