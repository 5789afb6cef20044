//! The states of a connection.
//!
//! ```text
//!            connect()                         first HELLO
//!               │                                  │
//!               ▼                                  ▼
//!         ┌───────────┐ WELCOME            ┌───────────┐ first authentic packet
//!         │ Dialling  ├───────────┐        │ Accepting ├───────────┐
//!         └────┬──────┘           ▼        └────┬──────┘           ▼
//!              │            ┌───────────┐       │            ┌───────────┐
//!   refused,   │            │ Connected │       │ expired    │ Connected │
//!   timed out  │            └──┬─────┬──┘       ▼            └───────────┘
//!              │ disconnect(), │     │ CLOSE   (forgotten
//!              │ violation     ▼     │ received without a trace)
//!              │        ┌─────────┐  │
//!              │        │ Closing │  │
//!              │        └───┬──┬──┘  │
//!              │  acked, or │  │     ▼
//!              │  gave up   │  └►┌──────────┐
//!              ▼            ▼    │ Draining │ acknowledges the peer's CLOSE
//!            ┌────────────────┐  └────┬─────┘
//!            │      Gone      │◄──────┘
//!            └────────────────┘   until the owner has polled what is left
//! ```
//! The owner hears of a connection once it is Connected (or dialled), and of its end exactly once.

use core::time::Duration;

use super::handshake::{Accepting, Dialling};
use super::{Peer, Repeat};
use crate::config::Config;
use crate::event::{CloseReason, Event, Farewell, Refusal, Violation};
use crate::id::ChannelId;
use crate::log::debug;
use crate::pool::Pool;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::Close;
use crate::wire::frame::close::{
    APPLICATION, EXHAUSTED, REFUSED, REPLACED, UNDELIVERABLE, VIOLATION,
};
use crate::wire::handshake::{refusal_code, refusal_from_code};

use alloc::boxed::Box;

/// Where in its life a connection is.
#[derive(Debug)]
pub(crate) enum State {
    /// Client: HELLO sent, WELCOME awaited.
    Dialling(Box<Dialling>),
    /// Server: WELCOME sent, the client's proof awaited. The owner does not know of it yet.
    Accepting(Box<Accepting>),
    Connected,
    /// This side ends the connection.
    Closing(Box<Closing>),
    /// The peer ended the connection: acknowledges its CLOSE until then.
    Draining {
        until: Instant,
    },
    /// Only what the owner has not polled is left.
    Gone,
}

saved!(enum State {
    0 = Dialling(dialling), 1 = Accepting(accepting), 2 = Connected, 3 = Closing(closing), 4 = Draining { until },
    5 = Gone,
});

/// How this side ends the connection: reliable messages first, then CLOSE until acknowledged.
#[derive(Debug)]
pub(crate) struct Closing {
    reason: CloseReason,
    /// Delivering what is queued ends here.
    flush_until: Instant,
    /// CLOSE was sent first at this time.
    pub(super) sent_at: Option<Instant>,
    pub(super) in_flight: bool,
    /// When CLOSE is said again if no answer comes.
    again: Option<Repeat>,
}

saved!(Closing {
    reason,
    flush_until,
    sent_at,
    in_flight,
    again
});

/// Wait for the acknowledgement of a CLOSE: this many probe timeouts, within these bounds. Time for nine attempts, so
/// that one lost datagram in five leaves nobody without the reason, and below the second that an owner waits gladly.
const CLOSE_WAIT_TIMEOUTS: u32 = 6;
const CLOSE_WAIT_MIN: Duration = Duration::from_millis(200);
const CLOSE_WAIT_MAX: Duration = Duration::from_millis(800);

/// CLOSE is repeated after a round trip and a quarter, but not faster than this.
const CLOSE_INTERVAL_MIN: Duration = Duration::from_millis(20);

impl Peer {
    pub(crate) const fn is_established(&self) -> bool {
        matches!(self.state, State::Connected)
    }

    /// The other side showed that it has the keys, whatever it did with them since.
    pub(crate) const fn is_proven(&self) -> bool {
        matches!(
            self.state,
            State::Connected | State::Closing(_) | State::Draining { .. }
        )
    }

    /// The owner's commands are refused and its views end here.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, State::Draining { .. } | State::Gone)
    }

    /// Nothing is left but what the owner has not polled.
    pub(super) const fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// The owner knows this peer.
    pub(crate) const fn is_visible(&self) -> bool {
        matches!(
            self.state,
            State::Dialling(_) | State::Connected | State::Closing(_)
        )
    }

    /// Nothing is left: the slot can be used again.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self.state, State::Gone) && !self.inbox.has_items()
    }

    /// The owner ends the connection: what is queued reliably is delivered first.
    pub(crate) fn disconnect(
        &mut self,
        now: Instant,
        farewell: Farewell,
        config: &Config,
        pool: &mut Pool,
    ) {
        let reason = CloseReason::Local(farewell);
        match self.state {
            State::Dialling(_) => self.finish(reason, pool),
            State::Connected => self.close(now, reason, now + config.close_timeout),
            State::Accepting(_) | State::Closing(_) | State::Draining { .. } | State::Gone => {}
        }
    }

    /// This side ends the connection for a reason of the protocol: at once.
    pub(super) fn abort(&mut self, now: Instant, reason: CloseReason) {
        if self.is_established() {
            self.close(now, reason, now);
        }
    }

    /// There is no room for this client any more, now that it has proved itself.
    pub(crate) fn refuse_late(&mut self, now: Instant, refusal: Refusal) {
        self.abort(now, CloseReason::Refused(refusal));
    }

    /// The same client came again, with a newer token.
    pub(crate) fn give_way(&mut self, now: Instant) {
        self.abort(now, CloseReason::Replaced);
    }

    fn close(&mut self, now: Instant, reason: CloseReason, flush_until: Instant) {
        self.flush = true;
        self.state = State::Closing(Box::new(Closing {
            reason,
            flush_until,
            sent_at: None,
            in_flight: false,
            again: None,
        }));
        self.check_flush(now);
    }

    /// Time to deliver the rest is up: the CLOSE leaves like a probe, however full the path is.
    pub(super) fn check_flush(&mut self, now: Instant) {
        if let State::Closing(closing) = &self.state {
            self.probe |= closing.sent_at.is_none() && now >= closing.flush_until;
        }
    }

    /// The peer's CLOSE arrived.
    pub(super) fn on_close(&mut self, now: Instant, close: &Close<'_>, pool: &mut Pool) {
        let reason = match close.kind {
            VIOLATION => CloseReason::PeerSawViolation(violation_from_code(close.code)),
            UNDELIVERABLE => CloseReason::PeerCouldNotDeliver,
            REFUSED => CloseReason::Refused(late_refusal(close.code)),
            REPLACED => CloseReason::Replaced,
            EXHAUSTED => CloseReason::Exhausted,
            _ => CloseReason::Remote(Farewell::new(close.code, close.text)),
        };
        let until = now + self.close_wait();
        self.finish(reason, pool);
        self.state = State::Draining { until };
    }

    /// The connection is over; the owner is told. Nothing more is sent.
    pub(crate) fn finish(&mut self, reason: CloseReason, pool: &mut Pool) {
        let undelivered = self.outbox.undelivered();
        debug!("{} at {} is over: {}", self.id, self.address, reason);
        self.outbox.release(pool);
        self.inbox.release(pool);
        self.inbox.push(Event::Disconnected {
            peer: self.id,
            reason,
            undelivered,
        });
        self.state = State::Gone;
    }

    /// For a planted mistake.
    pub(super) fn tell_end_again(&mut self) {
        self.inbox.push(Event::Disconnected {
            peer: self.id,
            reason: CloseReason::Remote(Farewell::default()),
            undelivered: 0,
        });
    }

    /// A half-open connection whose client never proved itself: the owner never hears of it.
    pub(crate) fn forget(&mut self) {
        self.state = State::Gone;
    }

    /// Our CLOSE was acknowledged, or nobody is there to do so.
    pub(super) fn on_close_done(&mut self, pool: &mut Pool) {
        let State::Closing(closing) = &self.state else {
            return;
        };
        let reason = closing.reason.clone();
        self.finish(reason, pool);
    }

    /// When the CLOSE is due, or when waiting for its acknowledgement ends.
    pub(super) fn close_deadline(&self) -> Option<Instant> {
        let State::Closing(closing) = &self.state else {
            return None;
        };
        let Some(sent_at) = closing.sent_at else {
            return Some(closing.flush_until);
        };
        Some(sent_at + self.close_wait())
    }

    fn close_wait(&self) -> Duration {
        let wait = self.recovery.probe_timeout() * CLOSE_WAIT_TIMEOUTS;
        wait.clamp(CLOSE_WAIT_MIN, CLOSE_WAIT_MAX)
    }

    /// When CLOSE is to be said again: it is answered at once, so an answer that is late is lost.
    pub(super) fn close_again_at(&self) -> Option<Instant> {
        match &self.state {
            State::Closing(closing) => closing.again.map(|again| again.at),
            State::Dialling(_)
            | State::Accepting(_)
            | State::Connected
            | State::Draining { .. }
            | State::Gone => None,
        }
    }

    /// Says CLOSE again if it is time to, whatever else is in flight.
    pub(super) fn repeat_close(&mut self, now: Instant) {
        let State::Closing(closing) = &mut self.state else {
            return;
        };
        if let Some(again) = &mut closing.again
            && again.at <= now
        {
            again.advance(now);
            closing.in_flight = false;
            self.probe = true;
        }
    }

    /// Whether a CLOSE should leave now: everything reliable is delivered, or time is up.
    pub(super) fn is_close_due(&self, now: Instant) -> bool {
        let State::Closing(closing) = &self.state else {
            return false;
        };
        !closing.in_flight && (now >= closing.flush_until || self.outbox.undelivered() == 0)
    }

    /// The CLOSE frame for our reason; notes that it leaves now.
    pub(super) fn take_close(&mut self, now: Instant) -> Option<(u8, u32, Farewell)> {
        let rtt = Duration::from_micros(self.recovery.rtt().smoothed_us());
        let State::Closing(closing) = &mut self.state else {
            return None;
        };
        closing.sent_at.get_or_insert(now);
        closing.in_flight = true;
        let interval = (rtt * 5 / 4).max(CLOSE_INTERVAL_MIN);
        closing
            .again
            .get_or_insert(Repeat::new(now + interval, interval));
        Some(match &closing.reason {
            CloseReason::Local(farewell) => (APPLICATION, farewell.code, farewell.clone()),
            CloseReason::Violation(violation) => {
                (VIOLATION, violation_code(*violation), Farewell::default())
            }
            CloseReason::Undeliverable { channel } => (
                UNDELIVERABLE,
                u32::from(channel.as_u8()),
                Farewell::default(),
            ),
            CloseReason::Exhausted => (EXHAUSTED, 0, Farewell::default()),
            CloseReason::Refused(refusal) => {
                (REFUSED, late_refusal_code(*refusal), Farewell::default())
            }
            CloseReason::Replaced => (REPLACED, 0, Farewell::default()),
            CloseReason::Remote(_)
            | CloseReason::IdleTimeout
            | CloseReason::HandshakeTimeout
            | CloseReason::PeerSawViolation(_)
            | CloseReason::PeerCouldNotDeliver
            | CloseReason::Reset => (REFUSED, 0, Farewell::default()),
        })
    }

    /// A packet with our CLOSE was lost.
    pub(super) fn on_close_lost(&mut self) {
        if let State::Closing(closing) = &mut self.state {
            closing.in_flight = false;
        }
    }

    /// Ends the connection if a reliable message has waited too long for its acknowledgement.
    pub(super) fn check_delivery(&mut self, now: Instant, timeout: Duration) {
        let Some((channel, sent_at)) = self.outbox.oldest_sent() else {
            return;
        };
        if now >= sent_at + timeout {
            self.abort(
                now,
                CloseReason::Undeliverable {
                    channel: ChannelId::new(channel.as_u8()),
                },
            );
        }
    }
}

/// The code of a refusal in a CLOSE: as in the handshake, but 0 for full.
const fn late_refusal_code(refusal: Refusal) -> u32 {
    if matches!(refusal, Refusal::Full) {
        return 0;
    }
    refusal_code(refusal) as u32
}

fn late_refusal(code: u32) -> Refusal {
    let code = u8::try_from(code).unwrap_or_default();
    refusal_from_code(code, crate::PROTOCOL_VERSION).unwrap_or(Refusal::Full)
}

const fn violation_code(violation: Violation) -> u32 {
    match violation {
        Violation::BadFrame => 1,
        Violation::AckOfUnsent => 2,
        Violation::UnknownChannel => 3,
        Violation::OverCredit => 4,
        Violation::TooLarge => 5,
        Violation::BadFragment => 6,
        Violation::KeyUpdate => 7,
    }
}

const fn violation_from_code(code: u32) -> Violation {
    match code {
        2 => Violation::AckOfUnsent,
        3 => Violation::UnknownChannel,
        4 => Violation::OverCredit,
        5 => Violation::TooLarge,
        6 => Violation::BadFragment,
        7 => Violation::KeyUpdate,
        _ => Violation::BadFrame,
    }
}
