//! One QUIC connection, and its stream of messages.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use quinn_proto::{Connection, ConnectionHandle, Dir, Endpoint, Event, StreamEvent, StreamId};

use crate::lab::Class;

/// Bytes of the length before a message.
const PREFIX: usize = 2;

pub(super) struct Peer {
    pub(super) handle: ConnectionHandle,
    pub(super) connection: Connection,
    pub(super) is_connected: bool,
    pub(super) is_gone: bool,
    outgoing: Option<StreamId>,
    incoming: Option<StreamId>,
    /// What the stream brought and is not whole yet.
    partial: Vec<u8>,
    /// What the stream did not take of the last message.
    unwritten: Vec<u8>,
    /// The datagram that is being made.
    datagram: Vec<u8>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({:?})", self.handle)
    }
}

impl Peer {
    pub(super) fn new(handle: ConnectionHandle, connection: Connection) -> Self {
        Self {
            handle,
            connection,
            is_connected: false,
            is_gone: false,
            outgoing: None,
            incoming: None,
            partial: Vec::new(),
            unwritten: Vec::new(),
            datagram: Vec::new(),
        }
    }

    /// Timers, what the endpoint must know, and what happened.
    pub(super) fn advance(&mut self, now: Instant, endpoint: &mut Endpoint) {
        if self.connection.poll_timeout().is_some_and(|due| due <= now) {
            self.connection.handle_timeout(now);
        }
        while let Some(event) = self.connection.poll_endpoint_events() {
            self.is_gone |= event.is_drained();
            if let Some(event) = endpoint.handle_event(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        while let Some(event) = self.connection.poll() {
            match event {
                Event::Connected => self.is_connected = true,
                Event::ConnectionLost { .. } => self.is_connected = false,
                Event::Stream(StreamEvent::Opened { dir: Dir::Uni }) => {
                    self.incoming = self.connection.streams().accept(Dir::Uni);
                }
                _ => {}
            }
        }
    }

    /// Takes a message for the stream: as much at once as it has room for, the rest when more is written.
    pub(super) fn write(&mut self, payload: &[u8]) -> bool {
        if !self.is_connected || !self.write_rest() {
            return false;
        }
        let len = u16::try_from(payload.len()).expect("messages of the lab are short");
        self.unwritten.extend_from_slice(&len.to_be_bytes());
        self.unwritten.extend_from_slice(payload);
        self.write_rest();
        true
    }

    /// Whether nothing is left to write.
    fn write_rest(&mut self) -> bool {
        if self.outgoing.is_none() {
            self.outgoing = self.connection.streams().open(Dir::Uni);
        }
        let Some(stream) = self.outgoing else {
            return false;
        };
        while !self.unwritten.is_empty() {
            let mut stream = self.connection.send_stream(stream);
            match stream.write(&self.unwritten) {
                Ok(written) => self.unwritten.drain(..written),
                Err(_) => return false,
            };
        }
        true
    }

    pub(super) fn receive(&mut self, sink: &mut dyn FnMut(Class, &[u8])) {
        while let Some(state) = self.connection.datagrams().recv() {
            sink(Class::Unreliable, &state);
        }
        self.read();
        let mut rest = &self.partial[..];
        while let Some((prefix, after)) = rest.split_at_checked(PREFIX) {
            let len = usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
            let Some((message, after)) = after.split_at_checked(len) else {
                break;
            };
            sink(Class::Reliable, message);
            rest = after;
        }
        let taken = self.partial.len() - rest.len();
        self.partial.drain(..taken);
        // What did not fit may fit now.
        if !self.unwritten.is_empty() {
            self.write_rest();
        }
    }

    fn read(&mut self) {
        let Some(stream) = self.incoming else { return };
        let mut stream = self.connection.recv_stream(stream);
        let Ok(mut chunks) = stream.read(true) else {
            return;
        };
        while let Ok(Some(chunk)) = chunks.next(usize::MAX) {
            self.partial.extend_from_slice(&chunk.bytes);
        }
        // Credit that this gives leaves with the next datagrams: all of them are asked for in any case.
        let _ = chunks.finalize();
    }

    /// The next datagram: where it goes and how many states it has.
    pub(super) fn transmit(
        &mut self,
        now: Instant,
        buf: &mut Vec<u8>,
        counts_states: bool,
    ) -> Option<(SocketAddr, u32)> {
        let before = self.states_sent(counts_states);
        // It takes what is in its buffer already for a part of this datagram.
        self.datagram.clear();
        let transmit = self.connection.poll_transmit(now, 1, &mut self.datagram)?;
        buf.extend_from_slice(&self.datagram[..transmit.size]);
        let states = self.states_sent(counts_states) - before;
        Some((transmit.destination, states as u32))
    }

    fn states_sent(&self, is_wanted: bool) -> u64 {
        if is_wanted {
            self.connection.stats().frame_tx.datagram
        } else {
            0
        }
    }
}
