//! What waits to leave, and what else fits.

use super::{SKIP, SendChannel};
use crate::MESSAGE_COST;
use crate::channel::FRAGMENT_COST;
use crate::channel::credit::Allowance;

impl SendChannel {
    /// Bytes that wait to leave, for the first time or again; counts no further than `enough`.
    pub(crate) fn waiting_bytes(&self, enough: u64) -> u64 {
        let mut bytes = 0;
        for (id, piece) in &self.lost {
            let message = id.checked_sub(self.base).map(|place| place as usize);
            let message = message.and_then(|place| self.queue.get(place));
            let message = message.filter(|message| message.is_open() && *piece != SKIP);
            bytes += message.map_or(0, |message| message.piece(*piece).len() as u64);
            if bytes >= enough {
                return bytes;
            }
        }
        let unsent = self.unsent.iter().map(|id| &self.queue[self.position(id)]);
        for message in unsent.filter(|message| message.is_open()) {
            let begun = message
                .fragments
                .as_ref()
                .map_or(0, |fragments| fragments.next);
            let sent = u64::from(begun) * message.piece(0).len() as u64;
            bytes += (message.bytes.len() as u64).saturating_sub(sent);
            if bytes >= enough {
                return bytes;
            }
        }
        bytes
    }

    /// Payload bytes that a message may have for the queue to take it and, on reliable channels, for credit to cover it.
    pub(crate) fn room_bytes(&self, all: &Allowance, piece_len: usize) -> u64 {
        let queue = self.queue_bytes_max.saturating_sub(self.queued_bytes) as u64;
        let cost = match self.is_reliable() {
            true => queue.min(self.allowance.left()).min(all.left()),
            false => queue,
        };
        let cost = (cost as usize).saturating_sub(MESSAGE_COST - FRAGMENT_COST);
        let each = FRAGMENT_COST + piece_len;
        let whole = cost / each * piece_len;
        (whole + (cost % each).saturating_sub(FRAGMENT_COST)) as u64
    }
}
