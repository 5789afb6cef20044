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
        self.drop_parities(pool);
    }

    /// Those of fragments that left in longer datagrams would fit into none.
    fn drop_parities(&mut self, pool: &mut Pool) {
        if self.parity == 0 {
            return;
        }
        let ids = self.base..self.base + self.queue.len() as u64;
        for id in ids {
            let fragments = self.find(id).and_then(|message| message.fragments.as_mut());
            if let Some(fragments) = fragments.filter(|fragments| fragments.group().0 > 0) {
                fragments.clear_parity();
                self.finish(id, pool);
            }
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
        message.cut(name, self.parity, pool);
        self.long_count += 1;
    }
}
