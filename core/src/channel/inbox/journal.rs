//! What the inbox tells the journal.

use super::{Inbox, Item};
use crate::id::ChannelId;
use crate::journal::{Pen, Step};
use crate::wire::frame::Message;

impl Inbox {
    /// Notes that a message came and could not be taken, since too much is unread.
    pub(crate) fn note_refused(&self, message: &Message<'_>, packet: u64, pen: &mut Pen<'_>) {
        if let Some(channel) = self.channels.get(usize::from(message.channel)) {
            channel.note_refused(message, packet, pen);
        }
    }

    /// Notes all that came and was not polled, as a journal begins. What is ready has lost its number.
    pub(crate) fn note_found(&self, pen: &mut Pen<'_>) {
        for item in &self.items {
            if let Item::Message { channel, .. } = item {
                pen.note(Step::Ready {
                    channel: ChannelId::new(*channel),
                    id: None,
                });
            }
        }
        for (index, channel) in self.channels.iter().enumerate() {
            channel.note_found(index, pen);
        }
    }
}
