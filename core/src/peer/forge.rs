//! For tests: packets with valid keys and any content, as only a hostile peer makes them.

use alloc::vec::Vec;

use super::Peer;
use crate::reliability::recovery::Eliciting;
use crate::time::Instant;
use crate::wire::packet::Header;

impl Peer {
    /// A packet with the next number whose frames are `frames`, well formed or not.
    pub(crate) fn forge(&mut self, frames: &[u8]) -> Vec<u8> {
        let number = self.recovery.next_number();
        self.recovery
            .on_sent(Instant::ZERO, 0, Eliciting::No, None, true);
        self.forge_at(number, None, frames)
    }

    /// The same with a number and perhaps a compact acknowledgement of choice.
    pub(crate) fn forge_at(&self, number: u64, compact_ack: Option<u8>, frames: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let is_compact = compact_ack.is_some();
        let header_len = Header::encode(&self.remote_id, number, None, is_compact, &mut out);
        out.extend(compact_ack);
        out.extend_from_slice(frames);
        let (header, body) = out.split_at_mut(header_len);
        let keys = self.keys.as_ref().expect("connected");
        Header::set_key_phase(header, keys.phase());
        let tag = keys.send.seal(number, header, body);
        out.extend_from_slice(&tag);
        out
    }
}
