//! Why was it late? Follows messages through an endpoint's [journal](tickwire_core::journal), and tells what each one's
//! time went into.
//!
//! | file       | idea                                                         |
//! |------------|--------------------------------------------------------------|
//! | `mod`      | the journal's entries, to those whom they concern            |
//! | `question` | which messages are asked for                                 |
//! | `sender`, `sent` | a message's life from `send` to the acknowledgement    |
//! | `receiver`, `received` | a message's life from its first part to its owner |
//! | `cause`    | what time goes into                                          |
//! | `story`    | the answer, and how people read it                           |
//!
//! Invariants: what is told is what the endpoint itself noted, of the side that recorded; nothing is guessed of the other
//! side. The time between the beginning and the end of a message goes into causes without a rest.

mod cause;
mod question;
mod received;
mod receiver;
mod sender;
mod sent;
mod story;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use tickwire_core::journal::{Entry, Step};
use tickwire_core::{ChannelId, Delivery, Endpoint, Instant, PeerId};

use receiver::Receiver;
use sender::{Name, Sender};

pub use cause::{Cause, Span};
pub use question::{Direction, NoQuestion, Question, Which, With};
pub use story::{End, Explanation, Moment};

/// The answer to a [`Question`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Those asked for: one, or the slowest, the slowest first.
    pub explanations: Vec<Explanation>,
    /// What messages there are.
    pub known: Vec<Known>,
}

/// Messages of a channel that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// Which way they went.
    pub direction: Direction,
    /// To or from whom.
    pub peer: PeerId,
    /// Where that was.
    pub address: Option<SocketAddr>,
    /// On which channel.
    pub channel: ChannelId,
    /// The least number.
    pub first: u64,
    /// The greatest.
    pub last: u64,
}

/// Follows messages.
#[derive(Debug)]
pub(crate) struct Explainer {
    question: Question,
    /// Of the slowest, if it is known which they are: they are followed to the end of the recording.
    slowest_known: BTreeSet<(Direction, PeerId, Name)>,
    origin: Instant,
    last: Instant,
    peers: BTreeMap<PeerId, Peer>,
    known: BTreeMap<(Direction, PeerId, ChannelId), Known>,
    /// The slowest so far, if they are asked for.
    slowest: Vec<Explanation>,
}

#[derive(Debug, Default)]
struct Peer {
    address: Option<SocketAddr>,
    sender: Sender,
    receiver: Receiver,
}

impl Explainer {
    /// For an endpoint whose recording begins at `origin`.
    pub(crate) fn new(question: Question, origin: Instant) -> Self {
        Self {
            question,
            slowest_known: BTreeSet::new(),
            origin,
            last: origin,
            peers: BTreeMap::new(),
            known: BTreeMap::new(),
            slowest: Vec::new(),
        }
    }

    /// For the slowest again, now that it is known which they are.
    pub(crate) fn of(slowest: &[Explanation], origin: Instant) -> Self {
        let names = slowest.iter().map(|found| {
            let name = (found.channel, found.id);
            (found.direction, found.peer, name)
        });
        Self {
            slowest_known: names.collect(),
            ..Self::new(Question::Late(slowest.len()), origin)
        }
    }

    /// Takes an entry that `endpoint` has just noted.
    pub(crate) fn take(&mut self, entry: &Entry, endpoint: &Endpoint) {
        let Entry { at, peer, step } = *entry;
        self.last = self.last.max(at);
        let is_reliable =
            channel_of(step).is_some_and(|channel| delivery(endpoint, channel).is_reliable());
        let of = self.peers.entry(peer).or_default();
        of.address = of.address.or_else(|| endpoint.peer_address(peer));
        if step == Step::Ended {
            let (sent, received) = (of.sender.end_all(at), of.receiver.end_all(at));
            sent.into_iter()
                .for_each(|name| self.finish(Direction::Sent, peer, name, endpoint));
            received
                .into_iter()
                .for_each(|name| self.finish(Direction::Received, peer, name, endpoint));
        } else if let Some(name) = of.sender.take(at, step, is_reliable) {
            of.note_round_trip(
                name,
                endpoint.peer_stats(peer).map_or(0, |stats| stats.rtt_us),
            );
            self.finish(Direction::Sent, peer, name, endpoint);
        } else if let Some(name) = of.receiver.take(at, step, is_reliable) {
            self.finish(Direction::Received, peer, name, endpoint);
        }
    }

    /// A message came to its end: it is kept if it was asked for, and else forgotten.
    fn finish(&mut self, direction: Direction, peer: PeerId, name: Name, endpoint: &Endpoint) {
        self.see(direction, peer, name);
        if self.is_asked_for(direction, peer, name) {
            return;
        }
        if let Question::Late(count) = self.question {
            self.rank(direction, peer, name, endpoint, count);
        }
        let Some(of) = self.peers.get_mut(&peer) else {
            return;
        };
        match direction {
            Direction::Sent => of.sender.remove(name),
            Direction::Received => of.receiver.remove(name),
        }
    }

    fn see(&mut self, direction: Direction, peer: PeerId, (channel, id): Name) {
        let address = self.peers.get(&peer).and_then(|peer| peer.address);
        let known = self
            .known
            .entry((direction, peer, channel))
            .or_insert(Known {
                direction,
                peer,
                address,
                channel,
                first: id,
                last: id,
            });
        known.first = known.first.min(id);
        known.last = known.last.max(id);
    }

    fn is_asked_for(&self, direction: Direction, peer: PeerId, (channel, id): Name) -> bool {
        let Question::Message(which) = self.question else {
            return self
                .slowest_known
                .contains(&(direction, peer, (channel, id)));
        };
        let address = self.peers.get(&peer).and_then(|peer| peer.address);
        let is_with = match which.with {
            None => true,
            Some(With::Peer(with)) => with == peer,
            Some(With::Address(with)) => Some(with) == address,
        };
        let is_direction = which.direction.is_none_or(|asked| asked == direction);
        is_with && is_direction && (which.channel, which.id) == (channel, id)
    }

    /// Keeps a message if it is one of the slowest.
    fn rank(
        &mut self,
        direction: Direction,
        peer: PeerId,
        name: Name,
        endpoint: &Endpoint,
        count: usize,
    ) {
        if !self.slowest_known.is_empty() {
            return;
        }
        let Some(explanation) = self.explain(direction, peer, name, endpoint) else {
            return;
        };
        self.slowest.push(explanation);
        if self.slowest.len() >= count.saturating_mul(2).max(64) {
            self.cut(count);
        }
    }

    fn cut(&mut self, count: usize) {
        // A stable sort: of equals the one that was done first.
        self.slowest
            .sort_by_key(|explanation| std::cmp::Reverse(explanation.total()));
        self.slowest.truncate(count);
    }

    fn explain(
        &self,
        direction: Direction,
        peer: PeerId,
        name: Name,
        endpoint: &Endpoint,
    ) -> Option<Explanation> {
        let of = self.peers.get(&peer)?;
        let (channel, id) = name;
        let delivery = delivery(endpoint, channel);
        let mut told = match direction {
            Direction::Sent => {
                of.sender
                    .channels
                    .get(&channel)?
                    .tell(id, delivery, self.origin, self.last)?
            }
            Direction::Received => {
                of.receiver
                    .channels
                    .get(&channel)?
                    .tell(id, self.origin, self.last)?
            }
        };
        told.moments.sort_by_key(|moment| moment.at);
        Some(Explanation {
            direction,
            peer,
            address: of.address,
            channel,
            delivery,
            id,
            len: told.len,
            parts: told.parts,
            origin: self.origin,
            began_at: told.began_at,
            ended_at: told.ended_at,
            end: told.end,
            moments: told.moments,
            spans: told.spans,
        })
    }

    /// The answer, when the recording ends at `last`.
    pub(crate) fn answer(mut self, last: Instant, endpoint: &Endpoint) -> Answer {
        self.last = self.last.max(last);
        let mut explanations = Vec::new();
        for (direction, peer, name) in self.names() {
            self.see(direction, peer, name);
            if self.is_asked_for(direction, peer, name) {
                explanations.extend(self.explain(direction, peer, name, endpoint));
            } else if let Question::Late(count) = self.question {
                self.rank(direction, peer, name, endpoint, count);
            }
        }
        if let Question::Late(count) = self.question {
            self.slowest.append(&mut explanations);
            self.cut(count);
            explanations = self.slowest;
        }
        Answer {
            explanations,
            known: self.known.into_values().collect(),
        }
    }

    /// All messages that are not forgotten.
    fn names(&self) -> Vec<(Direction, PeerId, Name)> {
        let mut names = Vec::new();
        for (peer, of) in &self.peers {
            for (channel, sends) in &of.sender.channels {
                let ids = sends.lives.keys();
                names.extend(ids.map(|id| (Direction::Sent, *peer, (*channel, *id))));
            }
            for (channel, receives) in &of.receiver.channels {
                let ids = receives.lives.keys();
                names.extend(ids.map(|id| (Direction::Received, *peer, (*channel, *id))));
            }
        }
        names
    }
}

impl Peer {
    fn note_round_trip(&mut self, (channel, id): Name, rtt_us: u64) {
        let channel = self.sender.channels.get_mut(&channel);
        if let Some(sent) = channel.and_then(|channel| channel.lives.get_mut(&id)) {
            sent.rtt_us = rtt_us;
        }
    }
}

fn delivery(endpoint: &Endpoint, channel: ChannelId) -> Delivery {
    let channels = &endpoint.config().channels();
    channels
        .get(channel.index())
        .map_or(Delivery::Unreliable, |channel| channel.delivery)
}

/// The channel of a step that is of one.
const fn channel_of(step: Step) -> Option<ChannelId> {
    match step {
        Step::Queued { channel, .. }
        | Step::Dropped { channel, .. }
        | Step::Abandoned { channel, .. }
        | Step::Waits { channel, .. }
        | Step::Left { channel, .. }
        | Step::ParityLeft { channel, .. }
        | Step::Copied { channel, .. }
        | Step::Requeued { channel, .. }
        | Step::PieceAcked { channel, .. }
        | Step::Delivered { channel, .. }
        | Step::Arrived { channel, .. }
        | Step::Recovered { channel, .. }
        | Step::Refused { channel, .. }
        | Step::Held { channel, .. }
        | Step::Discarded { channel, .. }
        | Step::Ready { channel, .. }
        | Step::HandedOut { channel } => Some(channel),
        Step::PacketLost { .. } | Step::PacketsAcked { .. } | Step::Ended | _ => None,
    }
}
