//! Messages on their way out: encoded at once into a buffer that is reused, so that nothing is allocated once it has grown.

use alloc::vec::Vec;
use core::ops::Range;

use tickwire_core::{ChannelId, PeerId};

use crate::message::Message;

/// One message for one peer, ready for `Endpoint::send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Receiver.
    pub peer: PeerId,
    /// Channel.
    pub channel: ChannelId,
    /// The encoded message.
    pub payload: &'a [u8],
}

#[derive(Clone, Debug)]
struct Entry {
    peer: PeerId,
    channel: ChannelId,
    payload: Range<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Entries handed out so far.
    taken: usize,
}

impl Outbox {
    /// Adds one message for one peer. `number` matters for events only.
    pub(crate) fn push(
        &mut self,
        peer: PeerId,
        channel: ChannelId,
        number: u32,
        message: &Message<'_>,
    ) {
        let payload = self.write(number, message);
        self.entries.push(Entry {
            peer,
            channel,
            payload,
        });
    }

    /// Adds one message without number for many peers: its bytes are written once.
    pub(crate) fn push_shared(
        &mut self,
        peers: impl Iterator<Item = PeerId>,
        channel: ChannelId,
        message: &Message<'_>,
    ) {
        debug_assert!(!message.is_event(), "events are numbered for each receiver");
        let payload = self.write(0, message);
        self.entries.extend(peers.map(|peer| Entry {
            peer,
            channel,
            payload: payload.clone(),
        }));
    }

    fn write(&mut self, number: u32, message: &Message<'_>) -> Range<usize> {
        self.reclaim();
        let start = self.bytes.len();
        message.encode(number, &mut self.bytes);
        start..self.bytes.len()
    }

    /// The next message, in the order pushed.
    pub(crate) fn poll(&mut self) -> Option<Outgoing<'_>> {
        let Some(entry) = self.entries.get(self.taken) else {
            self.reclaim();
            return None;
        };
        self.taken += 1;
        Some(Outgoing {
            peer: entry.peer,
            channel: entry.channel,
            payload: &self.bytes[entry.payload.clone()],
        })
    }

    /// Empties the buffers once all entries are taken; their memory stays.
    fn reclaim(&mut self) {
        if self.taken == self.entries.len() {
            self.entries.clear();
            self.bytes.clear();
            self.taken = 0;
        }
    }
}
