//! Reliable messages one after the other, as fast as a transport takes them, and whether they come out as they went in.

use crate::lab::content::{self, Head};
use crate::lab::{Class, Host, Micros};

/// A sender and its receiver.
#[derive(Debug)]
pub(super) struct Stream {
    /// Messages in all.
    count: u32,
    len: usize,
    offered: u32,
    pub(super) received: u32,
    /// Messages that came out of turn or with a wrong bit.
    pub(super) wrong: u64,
    /// The message that is offered.
    at_hand: Vec<u8>,
}

impl Stream {
    pub(super) fn new(count: u32, len: usize) -> Self {
        Self {
            count,
            len,
            offered: 0,
            received: 0,
            wrong: 0,
            at_hand: Vec::new(),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.received == self.count
    }

    pub(super) fn received_bytes(&self) -> u64 {
        u64::from(self.received) * self.len as u64
    }

    /// Gives the transport as many messages as it takes.
    pub(super) fn offer(&mut self, now: Micros, host: &mut dyn Host) {
        while self.offered < self.count {
            if self.at_hand.is_empty() {
                let head = Head {
                    number: self.offered,
                    sent: now,
                };
                content::write(&mut self.at_hand, Class::Reliable, head, self.len);
            }
            if !host.send(now, 0, Class::Reliable, &self.at_hand) {
                break;
            }
            self.offered += 1;
            self.at_hand.clear();
        }
    }

    /// Takes a message that has arrived.
    pub(super) fn take(&mut self, payload: &[u8]) {
        let head = content::read(Class::Reliable, payload);
        let is_next = head.is_some_and(|head| head.number == self.received);
        self.wrong += u64::from(!is_next || payload.len() != self.len);
        self.received += 1;
    }
}
