//! The order of calls, shared by all drivers.
//!
//! Invariants: transmits leave in the order the endpoint gave them; a blocked one waits with its batch and nothing new
//! is polled before it has left; at most one batch waits; nothing is allocated once the buffers have grown.

use std::time::Duration;

use tickwire_core::{Arrival, Endpoint, Instant, Socket, Transmit};

/// What became of a transmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The operating system has it.
    Done,
    /// The socket takes nothing now: try again when it is writable.
    Blocked,
    /// It is lost, and counted. As with any lost datagram the endpoint finds out by itself.
    Failed,
}

/// The sockets of an endpoint, as the pump sees them.
pub trait Io {
    /// Hands on every datagram that was received and not handed on yet, oldest first.
    fn drain(&mut self, handle: &mut dyn FnMut(Arrival, &mut [u8]));

    /// Sends `bytes` as `transmit` says. Must not wait.
    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Sent;
}

/// Where the endpoint is: at hand ([`Owned`]), or behind a lock that others want too.
pub trait Access {
    /// Calls `f` with the endpoint and the time now. Sockets are never written meanwhile.
    fn with<R>(&mut self, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R;
}

/// An endpoint at hand, at one moment.
#[derive(Debug)]
pub struct Owned<'a> {
    /// The endpoint.
    pub endpoint: &'a mut Endpoint,
    /// The time of the whole turn.
    pub now: Instant,
}

impl Access for Owned<'_> {
    fn with<R>(&mut self, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        f(self.endpoint, self.now)
    }
}

/// What to wait for after a turn, beside datagrams and commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When to take the next turn at the latest; `None` if nothing is due ever.
    pub wake_at: Option<Instant>,
    /// The socket that must be writable for the rest to leave.
    pub blocked: Option<Socket>,
}

/// Moves datagrams between an endpoint and its sockets. One for each endpoint.
///
/// One [`turn`](Self::turn):
///
/// 1. every datagram received goes into the endpoint, and the timeout if its deadline has come;
/// 2. what was left over from a blocked socket is sent;
/// 3. the endpoint is polled for transmits, a batch at a time, and each batch is sent;
/// 4. the endpoint says when to wake it.
///
/// Events are not polled here: the application takes them when it can, and until then the endpoint holds them and stops
/// the peers by its credit.
#[derive(Debug)]
pub struct Pump {
    bytes: Vec<u8>,
    transmits: Vec<Transmit>,
    /// How many of `transmits` have left, and how many bytes they had.
    sent: usize,
    sent_bytes: usize,
}

/// A batch ends with the transmit that reaches either number.
const BATCH_TRANSMITS: usize = 64;
const BATCH_BYTES: usize = 128 * 1024;

/// Batches of one turn, at most, so that receiving is not starved by sending.
const TURN_BATCHES: usize = 16;

/// A deadline that stays in the past though all was polled (the application leaves events unread, or a socket is
/// blocked) is tried again after this long, so that no driver ever spins.
const RETRY: Duration = Duration::from_millis(1);

impl Default for Pump {
    fn default() -> Self {
        Self::new()
    }
}

impl Pump {
    /// A pump with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(BATCH_BYTES),
            transmits: Vec::with_capacity(BATCH_TRANSMITS),
            sent: 0,
            sent_bytes: 0,
        }
    }

    /// Takes one turn. Call it after every wait, whatever ended the wait, and after every command to the endpoint.
    pub fn turn(&mut self, endpoint: &mut impl Access, io: &mut impl Io) -> Next {
        endpoint.with(|endpoint, now| take_input(endpoint, now, io));
        for _ in 0..TURN_BATCHES {
            let blocked = self.send(io);
            if blocked.is_some() {
                return endpoint.with(|endpoint, now| Next {
                    wake_at: deadline(endpoint, now + RETRY),
                    blocked,
                });
            }
            let drained = endpoint.with(|endpoint, now| {
                let polled = self.poll(endpoint, now);
                (polled == 0).then(|| deadline(endpoint, now + RETRY))
            });
            if let Some(wake_at) = drained {
                return Next {
                    wake_at,
                    blocked: None,
                };
            }
        }
        let blocked = self.send(io);
        endpoint.with(|_, now| Next {
            wake_at: Some(now),
            blocked,
        })
    }

    /// Fills the empty batch from the endpoint; returns how many transmits it has.
    fn poll(&mut self, endpoint: &mut Endpoint, now: Instant) -> usize {
        while self.transmits.len() < BATCH_TRANSMITS && self.bytes.len() < BATCH_BYTES {
            let Some(transmit) = endpoint.poll_transmit(now, &mut self.bytes) else {
                break;
            };
            self.transmits.push(transmit);
        }
        self.transmits.len()
    }

    /// Sends the batch, or as much as goes; returns the socket that blocks the rest.
    fn send(&mut self, io: &mut impl Io) -> Option<Socket> {
        for transmit in &self.transmits[self.sent..] {
            let end = self.sent_bytes + transmit.len;
            match io.send(transmit, &self.bytes[self.sent_bytes..end]) {
                Sent::Done | Sent::Failed => {}
                Sent::Blocked => return Some(transmit.socket),
            }
            self.sent += 1;
            self.sent_bytes = end;
        }
        self.transmits.clear();
        self.bytes.clear();
        self.sent = 0;
        self.sent_bytes = 0;
        None
    }
}

fn take_input(endpoint: &mut Endpoint, now: Instant, io: &mut impl Io) {
    io.drain(&mut |arrival, datagram| endpoint.handle_datagram(now, arrival, datagram));
    if endpoint.poll_timeout().is_some_and(|at| at <= now) {
        endpoint.handle_timeout(now);
    }
}

fn deadline(endpoint: &Endpoint, earliest: Instant) -> Option<Instant> {
    let at = endpoint.poll_timeout()?;
    let now = earliest - RETRY;
    Some(if at <= now { earliest } else { at })
}

#[cfg(test)]
mod tests;
