//! What waits to leave, and what else fits.

use super::SendChannel;
use crate::MESSAGE_COST;
use crate::channel::credit::Allowance;
use crate::channel::outgoing::Fragments;
use crate::channel::ranges::Piece;
use crate::channel::{FRAGMENT_LEN_MIN, SHORT_LEN};

impl SendChannel {
    /// Bytes that wait to leave, for the first time or again; counts no further than `enough`.
    pub(crate) fn waiting_bytes(&self, enough: u64) -> u64 {
        let mut bytes = 0;
        for id in &self.lost {
            let message = self.message(*id).filter(|message| message.is_open());
            bytes += message.map_or(0, |message| match &message.fragments {
                Some(fragments) => fragments.lost_bytes() as u64,
                None => message.bytes.len() as u64,
            });
            if bytes >= enough {
                return bytes;
            }
        }
        let unsent = self.unsent.iter().map(|id| &self.queue[self.position(id)]);
        for message in unsent.filter(|message| message.is_open()) {
            let fragments = message.fragments.as_ref();
            let rest = fragments.map_or(message.bytes.len(), Fragments::rest_len);
            bytes += (rest + message.piece_len(Piece::Parity)) as u64;
            if bytes >= enough {
                return bytes;
            }
        }
        bytes
    }

    /// Payload bytes that a message may have for the queue to take it and, on reliable channels, for credit to cover it.
    pub(crate) fn room_bytes(&self, all: &Allowance) -> u64 {
        let queue = self.queue_bytes_max.saturating_sub(self.queued_bytes) as u64;
        let cost = match self.is_reliable() {
            true => queue.min(self.allowance.left()).min(all.left()),
            false => queue,
        };
        let cost = (cost as usize).saturating_sub(MESSAGE_COST);
        // Turned round from the cost of a message that may come in fragments.
        let each = FRAGMENT_LEN_MIN / 8;
        let long = cost / (each + 1) * each + (cost % (each + 1)).min(each - 1);
        cost.min(SHORT_LEN.max(long)) as u64
    }
}
