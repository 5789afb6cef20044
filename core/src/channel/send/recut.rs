//! What is done with messages that wait when datagrams become shorter.

use super::super::outgoing::Fragments;
use super::SendChannel;
use crate::channel::{FRAGMENT_LEN_MAX, message_cost, whole_len};
use crate::journal::Pen;
use crate::pool::Pool;

impl SendChannel {
    /// Cuts the unreliable messages that do not fit whole any more; returns how many older ones made room for what their
    /// pieces cost more. Reliable ones are short, or in short pieces already.
    pub(crate) fn recut(
        &mut self,
        datagram_size: usize,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> u64 {
        if self.is_reliable() {
            return 0;
        }
        let whole_len = whole_len(datagram_size);
        for message in &mut self.queue {
            if message.fragments.is_some() || message.bytes.len() <= whole_len {
                continue;
            }
            let len = message.bytes.len();
            let name = self.long_count;
            message.fragments = Some(Fragments::new(name, len, FRAGMENT_LEN_MAX, pool));
            self.long_count += 1;
            let cost = message_cost(len, FRAGMENT_LEN_MAX);
            self.queued_bytes += cost - message.cost;
            message.cost = cost;
        }
        let mut dropped = 0;
        while self.queued_bytes > self.queue_bytes_max {
            self.drop_oldest(pool, pen);
            dropped += 1;
        }
        dropped
    }
}
