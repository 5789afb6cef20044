//! What is done with messages that are here when datagrams become shorter.

use super::SendChannel;
use crate::channel::whole_len;
use crate::pool::Pool;

impl SendChannel {
    /// What does not fit whole any more goes in fragments, whether it left or not.
    pub(crate) fn recut(&mut self, datagram_size: usize, pool: &mut Pool) {
        for position in 0..self.queue.len() {
            self.cut(position, whole_len(datagram_size), pool);
        }
    }

    /// A message longer than this goes in fragments.
    pub(super) fn cut(&mut self, position: usize, whole_len: usize, pool: &mut Pool) {
        let id = self.base + position as u64;
        let name = match self.is_reliable() {
            true => id,
            false => self.long_count,
        };
        let message = &mut self.queue[position];
        let is_whole = message.is_open() && message.fragments.is_none();
        if !is_whole || message.bytes.len() <= whole_len {
            return;
        }
        message.cut(name, pool);
        self.long_count += 1;
    }
}
