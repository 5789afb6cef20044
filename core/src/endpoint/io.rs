//! Input and output: datagrams, time, events.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::Endpoint;
use crate::event::Event;
use crate::journal::Entry;
use crate::machine::Revealed;
use crate::record::Call;
use crate::time::Instant;
use crate::trace::Content;
use crate::transmit::{Arrival, Transmit};

/// Input: total, whatever the network brings.
impl Endpoint {
    /// Takes a datagram, which is decrypted in place. Whatever it holds, this returns: what is
    /// not ours or not authentic is counted in [`stats`](Self::stats) and changes nothing else.
    pub fn handle_datagram(&mut self, now: Instant, arrival: Arrival, datagram: &mut [u8]) {
        let call = Call::HandleDatagram { arrival, datagram };
        self.begin(Some(now), &call);
        let len = datagram.len();
        self.machine.handle_datagram(now, arrival, datagram);
        self.redact_arrival(now, len, arrival.ecn);
        if let Some(revealed) = self.machine.take_revealed() {
            self.end_revealed(&revealed);
        }
    }

    fn end_revealed(&mut self, revealed: &Revealed) {
        if let Some(recorder) = &mut self.recorder {
            recorder.end_revealed(revealed);
        }
        if let Some(ring) = &mut self.ring {
            ring.end_revealed(revealed);
        }
    }

    /// The operating system did not send a datagram of `len` bytes to `to`: it is longer than the interface takes (`EMSGSIZE`).
    /// Datagrams to that peer are shorter from here on, if its path MTU is looked for; what was in this one is lost and
    /// comes again. For drivers: it must not follow from what the network says, as an ICMP message, which anybody can forge.
    pub fn handle_too_long(&mut self, now: Instant, to: SocketAddr, len: usize) {
        self.begin(Some(now), &Call::HandleTooLong { to, len });
        self.machine.handle_too_long(now, to, len);
    }

    /// Deadlines may have passed. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.begin(Some(now), &Call::HandleTimeout);
        self.machine.handle_timeout(now);
        self.redact_timeout(now);
    }
}

/// Output: call each until `None`, after every input and command.
impl Endpoint {
    /// Appends the next datagram to `buf` and says where it goes. Answers to strangers come first, then
    /// discovery, then peers in the order in which they got something to send.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        let start = buf.len();
        self.begin(Some(now), &Call::PollTransmit);
        let transmit = self.machine.poll_transmit(now, buf);
        if let Some(recorder) = &mut self.recorder {
            recorder.end_transmit(transmit.as_ref(), &buf[start..]);
        }
        if let Some(ring) = &mut self.ring {
            ring.end_transmit(transmit.as_ref(), &buf[start..]);
        }
        self.redact_transmit(now, transmit.as_ref());
        transmit
    }

    /// The next event. Events appear inside other calls only: poll after those. Of one peer they come in
    /// the order in which they happened; ticks come after everything that arrived before them.
    ///
    /// What is not polled stays, and fills the credit of its sender: an owner that cannot keep up stops polling.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.begin(None, &Call::PollEvent);
        let event = self.machine.poll_event();
        self.end(event)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) or [`poll_transmit`](Self::poll_transmit) if nothing
    /// else happens. It is not after the last `now` only while one of them has something to do. An input or a command
    /// gives `poll_transmit` something to do: to find out what leaves now, and when the next deadline is.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    /// With [`set_trace`](Self::set_trace): what each datagram that `poll_transmit` handed out holds, in that order.
    /// As text it is a line: `#3 Ack(0..=2 after 1.200 ms) Ordered(ch3 m1, 20 B)`. Beyond 4,096 unpolled ones the oldest
    /// are dropped.
    #[must_use]
    pub fn poll_trace(&mut self) -> Option<Content> {
        self.machine.poll_trace()
    }

    /// With [`set_journal`](Self::set_journal): what happened to each message, step by step; first what was under way when
    /// the journal began. Take it after every call: beyond 262,144 unpolled entries the oldest are dropped.
    #[must_use]
    pub fn poll_journal(&mut self) -> Option<Entry> {
        self.machine.poll_journal()
    }

    /// With [`set_key_log`](Self::set_key_log), **which exposes secrets**: one line for each connection whose keys have
    /// been agreed, on either side, before its first packet. Beyond 4,096 unpolled ones the oldest are dropped. The line is
    /// what the Wireshark dissector takes:
    ///
    /// ```text
    /// TICKWIRE_KEYS 1 suite=aes-128-gcm client_id=c1d5 server_id=08a2 client_key=.. client_iv=.. server_key=.. server_iv=.. channels=USRO
    /// ```
    ///
    /// `1` is the version of the protocol; `client_key` and `client_iv` protect what the client sends; a connection id stands in the
    /// packets *to* its owner; `channels` has a letter for each channel's delivery: unreliable, sequenced, reliable, ordered.
    #[must_use]
    pub fn poll_key_log(&mut self) -> Option<String> {
        self.machine.poll_key_log()
    }
}
