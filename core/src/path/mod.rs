//! The way between two endpoints: who is at its other end, and how it changes while a connection lives.
//!
//! A connection is found by its id, whatever address its packets come from; what is *sent* goes to one proven address. When
//! a client's packets begin to come from elsewhere, that address must prove itself first: it is asked to say eight bytes
//! back that nobody can guess (RFC 9000 section 8.2). Until it has, everything goes the old way, and the unproven address
//! gets no more bytes than it sent.
//!
//! | file         | idea                                                                     |
//! |--------------|--------------------------------------------------------------------------|
//! | `validation` | one address that is to prove itself, and what it may be sent until then  |
//! | `migration`  | a server follows its client: which packet moves a connection             |
//! | `rebinding`  | a client moves to another socket, and asks whether its server hears it   |
//! | `mtu`        | how long datagrams may be                                                |
//! | `keepalive`  | how long an idle connection may be silent                                |
//!
//! Where we differ from RFC 9000 section 9, and why:
//! - Nothing but validation goes to an unproven address (section 9.3 lets data go there at once, at three times the bytes
//!   received): one round trip of silence on a way that may be dead costs less than a victim that is flooded.
//! - A client that moves uses the new way at once (section 9.2 probes it first): see `rebinding`.
//! - The response counts only if it comes from the address that was asked (section 8.2.3 takes it from anywhere): who
//!   forwards a client's packets faster than the network, and cannot read them, then sees the client itself answer from its
//!   own address, and has moved nothing (section 9.3.3).
//! - A challenge is repeated with the same data (section 8.2.1 wants new data each time): it goes to one address only, so a
//!   late answer to an earlier copy proves as much.
//! - Challenges are not padded to 1,200 bytes (section 8.2.1): whether the new way carries long datagrams is found out by
//!   those that are sent, as after every change of a path.
//! - There is one connection id for each side and connection (section 9.5 changes it): who watches both networks can link
//!   them. A game's packets every few milliseconds link them anyway.

pub(crate) mod keepalive;
mod migration;
pub(crate) mod mtu;
mod rebinding;
mod validation;

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use alloc::boxed::Box;

use self::rebinding::Rebinding;
use self::validation::Validation;
use crate::audit::Checked;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::PathData;

/// One way to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) remote: SocketAddr,
    /// Our address as the peer knows it, where the socket told.
    pub(crate) local: Option<IpAddr>,
}

saved!(Way { remote, local });

/// What an authentic packet says about ways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// Where it came from.
    pub(crate) way: Way,
    pub(crate) len: usize,
    /// No packet with a higher number was authentic before.
    pub(crate) is_newest: bool,
    /// It holds more than questions and answers about ways (RFC 9000 section 9.1, "probing frames").
    pub(crate) moves: bool,
    pub(crate) challenge: Option<PathData>,
    pub(crate) response: Option<PathData>,
}

/// How long a way is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Pause between the first challenges.
    pub(crate) interval: Duration,
    /// After this it failed.
    pub(crate) limit: Duration,
}

/// A way proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) way: Way,
    /// From the latest challenge to its response.
    pub(crate) round_trip: Option<Duration>,
}

/// What is to leave about ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathFrames {
    pub(crate) way: Way,
    pub(crate) response: Option<PathData>,
    pub(crate) challenge: Option<PathData>,
    /// The first question of a rebinding.
    pub(crate) begins_rebinding: bool,
}

/// How often ways changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathCounts {
    /// Addresses that were asked to prove themselves.
    pub(crate) asked: u64,
    /// Times that the connection moved.
    pub(crate) changed: u64,
    /// Addresses that did not prove themselves in time.
    pub(crate) failed: u64,
}

saved!(PathCounts {
    asked,
    changed,
    failed
});

/// A challenge that is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owed {
    way: Way,
    data: PathData,
}

saved!(Owed { way, data });

/// The ways of one connection besides the one that it uses.
#[derive(Debug, Default)]
pub(crate) struct Path {
    /// The address that is to prove itself. One at a time: the newest packet says where the client is now.
    candidate: Option<Box<Validation>>,
    owed: Option<Owed>,
    /// A client that moved: the server is asked whether it hears it.
    rebinding: Option<Box<Rebinding>>,
    pub(crate) counts: PathCounts,
}

saved!(Path {
    candidate,
    owed,
    rebinding,
    counts
});

impl Path {
    /// When [`poll`](Self::poll) has something, of `overhead` bytes beside its frames; `now` or earlier means at once.
    pub(crate) fn transmit_at(&self, now: Instant, overhead: usize) -> Option<Instant> {
        if self.answerable(overhead).is_some() {
            return Some(now);
        }
        if let Some(rebinding) = &self.rebinding {
            return Some(rebinding.challenge_at());
        }
        let candidate = self.candidate.as_ref()?;
        candidate.challenge_at(overhead)
    }

    /// What is to leave now, in a packet of its own of `overhead` bytes beside its frames. It must be sent.
    pub(crate) fn poll(&mut self, now: Instant, overhead: usize) -> Option<PathFrames> {
        if let Some(frames) = self.poll_rebinding(now) {
            return Some(frames);
        }
        let owed = self.answerable(overhead);
        let candidate = self.candidate.as_deref_mut();
        let is_due = |found: &Validation| found.challenge_at(overhead).is_some_and(|at| at <= now);
        if let Some(owed) = owed {
            self.owed = None;
            let both = overhead + validation::FRAME_LEN;
            let asks = candidate.filter(|found| {
                found.way.remote == owed.way.remote
                    && found.challenge_at(both).is_some_and(|at| at <= now)
            });
            return Some(PathFrames {
                way: owed.way,
                response: Some(owed.data),
                challenge: asks.map(|found| found.challenge(now)),
                begins_rebinding: false,
            });
        }
        let candidate = candidate.filter(|found| is_due(found))?;
        Some(PathFrames {
            way: candidate.way,
            response: None,
            challenge: Some(candidate.challenge(now)),
            begins_rebinding: false,
        })
    }

    /// A packet of [`poll`](Self::poll)'s left with `len` bytes.
    pub(crate) fn on_sent(&mut self, to: SocketAddr, len: usize) {
        if let Some(candidate) = &mut self.candidate
            && candidate.way.remote == to
        {
            candidate.on_sent(len);
        }
    }

    /// A challenge came that is to be answered this way, which is proven.
    pub(crate) fn owe(&mut self, way: Way, challenge: Option<PathData>) {
        if let Some(data) = challenge {
            self.owed = Some(Owed { way, data });
        }
    }

    /// The challenge to answer, if its sender may be sent so much.
    fn answerable(&self, overhead: usize) -> Option<Owed> {
        let owed = self.owed?;
        let is_allowed = match &self.candidate {
            Some(candidate) if candidate.way.remote == owed.way.remote => {
                candidate.may_be_sent(overhead + validation::FRAME_LEN)
            }
            Some(_) | None => true,
        };
        is_allowed.then_some(owed)
    }

    /// When [`handle_timeout`](Self::handle_timeout) gives up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let candidate = self.candidate.as_ref();
        let rebinding = self.rebinding.as_ref();
        rebinding
            .map(|rebinding| rebinding.give_up_at())
            .or_else(|| candidate.map(|candidate| candidate.give_up_at))
    }

    /// Gives up on an address that is silent. The connection stays where it is. Tells whether a rebinding failed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return false;
        }
        if self.rebinding.take().is_some() {
            self.counts.failed += 1;
            return true;
        }
        self.owed = None;
        let candidate = self.candidate.take();
        let is_failed = candidate.is_some_and(|candidate| !candidate.is_proven);
        self.counts.failed += u64::from(is_failed);
        false
    }

    /// I1: an unproven address got no more than it sent.
    pub(crate) fn audit(&self) -> Checked {
        self.candidate
            .as_ref()
            .map_or(Ok(()), |candidate| candidate.audit())
    }
}
