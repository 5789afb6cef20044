//! The order of calls, shared by all drivers.
//!
//! Invariants: transmits leave in the order the endpoint gave them; a blocked one waits with its batch and nothing new
//! is polled before it has left; at most one batch waits; nothing is allocated once the buffers have grown.

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{Arrival, Endpoint, Instant, Socket, Transmit};

/// What became of a transmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The operating system has it.
    Done,
    /// The socket takes nothing now: try again when it is writable.
    Blocked,
    /// It is longer than the interface takes: lost, counted, and told to the endpoint.
    TooLong,
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
/// 1. every datagram received goes into the endpoint;
/// 2. what was left over from a blocked socket is sent;
/// 3. the endpoint is polled for transmits, a batch at a time, and each batch is sent;
/// 4. while its deadline has come, the timeout goes in and 3 is done again: what arrived may have moved the deadline, and
///    what was sent may make a probe needless;
/// 5. the endpoint says when to wake it.
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
    /// Of a batch: where datagrams of what length could not go.
    too_long: Vec<(SocketAddr, usize)>,
}

/// A batch ends with the transmit that reaches either number.
const BATCH_TRANSMITS: usize = 64;
const BATCH_BYTES: usize = 128 * 1024;

/// Batches of one turn, at most, so that receiving is not starved by sending.
const TURN_BATCHES: usize = 16;

/// Timeouts of one turn, at most: one may bring another at the same instant, as a loss that makes a probe due.
const TURN_TIMEOUTS: usize = 16;

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
            too_long: Vec::with_capacity(BATCH_TRANSMITS),
        }
    }

    /// Takes one turn. Call it after every wait, whatever ended the wait, and after every command to the endpoint.
    pub fn turn(&mut self, endpoint: &mut impl Access, io: &mut impl Io) -> Next {
        endpoint.with(|endpoint, now| {
            io.drain(&mut |arrival, datagram| endpoint.handle_datagram(now, arrival, datagram));
        });
        let mut progress = Progress::More;
        for _ in 0..TURN_TIMEOUTS {
            progress = self.transmit(endpoint, io);
            let was_due = endpoint.with(fire_if_due);
            if !was_due || progress != Progress::Drained {
                break;
            }
        }
        endpoint.with(|endpoint, now| progress.next(endpoint, now))
    }

    /// Sends what is left over and then what the endpoint has, batch by batch.
    fn transmit(&mut self, endpoint: &mut impl Access, io: &mut impl Io) -> Progress {
        for _ in 0..TURN_BATCHES {
            if let Some(socket) = self.send(io) {
                return Progress::Blocked(socket);
            }
            if endpoint.with(|endpoint, now| self.poll(endpoint, now)) == 0 {
                return Progress::Drained;
            }
        }
        self.send(io).map_or(Progress::More, Progress::Blocked)
    }

    /// Tells the endpoint what could not leave.
    fn tell(&mut self, endpoint: &mut Endpoint, now: Instant) {
        for (to, len) in self.too_long.drain(..) {
            endpoint.handle_too_long(now, to, len);
        }
    }

    /// Tells the endpoint what of the last batch could not leave, and fills the empty batch from it; returns how many transmits it has.
    fn poll(&mut self, endpoint: &mut Endpoint, now: Instant) -> usize {
        self.tell(endpoint, now);
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
                Sent::TooLong => self
                    .too_long
                    .push((transmit.to, transmit.segment_size.unwrap_or(transmit.len))),
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

/// How far transmitting came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The endpoint has nothing more to send.
    Drained,
    /// This socket takes nothing more.
    Blocked(Socket),
    /// The endpoint may have more, for another turn.
    More,
}

impl Progress {
    fn next(self, endpoint: &Endpoint, now: Instant) -> Next {
        let due_at = || endpoint.poll_timeout();
        let retried = |at: Instant| if at <= now { now + RETRY } else { at };
        match self {
            Self::Drained => Next {
                wake_at: due_at().map(retried),
                blocked: None,
            },
            Self::Blocked(socket) => Next {
                wake_at: due_at().map(retried),
                blocked: Some(socket),
            },
            Self::More => Next {
                wake_at: Some(now),
                blocked: None,
            },
        }
    }
}

/// Fires the endpoint's deadline if it has come, and tells whether it had.
fn fire_if_due(endpoint: &mut Endpoint, now: Instant) -> bool {
    let is_due = endpoint.poll_timeout().is_some_and(|at| at <= now);
    if is_due {
        endpoint.handle_timeout(now);
    }
    is_due
}

#[cfg(test)]
mod tests;
