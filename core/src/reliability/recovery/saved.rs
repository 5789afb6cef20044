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
            ack_time,
            silence,
            reordering,
            newest_acked_at,
            measured_at,
            peer_ack_delay_max,
            trickle,
            acked_at,
            congestion,
            marking,
            loss_at,
            backoff,
            probed_at,
            copied_at,
            history,
            packets_lost,
            probes,
            path_from,
            suspects,
            network_from,
            losses: _,
        } = self;
        next_number.save(out);
        largest_acked.save(out);
        ledger.save(out);
        rtt.save(out);
        ack_time.save(out);
        silence.save(out);
        reordering.save(out);
        newest_acked_at.save(out);
        measured_at.save(out);
        peer_ack_delay_max.save(out);
        trickle.save(out);
        acked_at.save(out);
        congestion.save(out);
        marking.save(out);
        loss_at.save(out);
        backoff.save(out);
        probed_at.save(out);
        copied_at.save(out);
        history.save(out);
        packets_lost.save(out);
        probes.save(out);
        path_from.save(out);
        suspects.save(out);
        network_from.save(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            next_number: from.field("Recovery.next_number")?,
            largest_acked: from.field("Recovery.largest_acked")?,
            ledger: from.field("Recovery.ledger")?,
            rtt: from.field("Recovery.rtt")?,
            ack_time: from.field("Recovery.ack_time")?,
            silence: from.field("Recovery.silence")?,
            reordering: from.field("Recovery.reordering")?,
            newest_acked_at: from.field("Recovery.newest_acked_at")?,
            measured_at: from.field("Recovery.measured_at")?,
            peer_ack_delay_max: from.field("Recovery.peer_ack_delay_max")?,
            trickle: from.field("Recovery.trickle")?,
            acked_at: from.field("Recovery.acked_at")?,
            congestion: from.field("Recovery.congestion")?,
            marking: from.field("Recovery.marking")?,
            loss_at: from.field("Recovery.loss_at")?,
            backoff: from.field("Recovery.backoff")?,
            probed_at: from.field("Recovery.probed_at")?,
            copied_at: from.field("Recovery.copied_at")?,
            history: from.field("Recovery.history")?,
            packets_lost: from.field("Recovery.packets_lost")?,
            probes: from.field("Recovery.probes")?,
            path_from: from.field("Recovery.path_from")?,
            suspects: from.field("Recovery.suspects")?,
            network_from: from.field("Recovery.network_from")?,
            losses: Vec::new(),
        })
    }
}
