//! Datagrams that wait to be taken, in buffers that are used again.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::lab::Outgoing;

/// First in, first out.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(Outgoing, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Outbox {
    /// Takes the parts of a datagram.
    pub(super) fn push(&mut self, sent: Outgoing, parts: &[&[u8]]) {
        let mut buffer = self.spare.pop().unwrap_or_default();
        for part in parts {
            buffer.extend_from_slice(part);
        }
        self.waiting.push_back((sent, buffer));
    }

    /// The next datagram, appended to `buf`.
    pub(super) fn pop(&mut self, buf: &mut Vec<u8>) -> Option<Outgoing> {
        let (sent, mut buffer) = self.waiting.pop_front()?;
        buf.extend_from_slice(&buffer);
        buffer.clear();
        self.spare.push(buffer);
        Some(sent)
    }
}

/// A datagram from here to there.
pub(super) fn outgoing(from: SocketAddr, to: SocketAddr, states: u32) -> Outgoing {
    Outgoing { from, to, states }
}
