//! Messages that came: from the first part to the owner.

use std::collections::BTreeMap;

use tickwire_core::Instant;
use tickwire_core::journal::Discard;

use super::cause::{Cause, Span, Spans};
use super::story::{End, Happening, Moment, Moments, Told, reason};

/// What came from one peer on one channel.
#[derive(Debug)]
pub(super) struct ReceiveChannel {
    is_reliable: bool,
    pub(super) lives: BTreeMap<u64, Received>,
    /// Unreliable: which message the parts with this name belong to.
    by_name: BTreeMap<u64, u64>,
    /// Unreliable: messages that came so far.
    count: u64,
    /// What came last, and in which packet.
    latest: Option<(u64, Option<u64>)>,
}

/// A message.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) began_at: Instant,
    pub(super) end: Option<(Instant, End)>,
    /// Bytes of it, as soon as any came.
    total: Option<u32>,
    arrived: Vec<Arrived>,
    refused: Vec<(Instant, u64)>,
    held: Option<(Instant, u64)>,
    /// What it waited for came, in this packet.
    released_by: Option<(u64, Option<u64>)>,
    ready_at: Option<Instant>,
}

#[derive(Debug)]
struct Arrived {
    at: Instant,
    offset: u32,
    len: usize,
    packet: Option<u64>,
    /// It follows from a parity.
    is_recovered: bool,
}

/// A part, as the journal tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    pub(super) at: Instant,
    pub(super) name: Option<u64>,
    pub(super) offset: u32,
    pub(super) total: u32,
    pub(super) len: usize,
    pub(super) packet: Option<u64>,
}

impl ReceiveChannel {
    pub(super) const fn new(is_reliable: bool) -> Self {
        Self {
            is_reliable,
            lives: BTreeMap::new(),
            by_name: BTreeMap::new(),
            count: 0,
            latest: None,
        }
    }

    /// The number of the message that a part belongs to.
    fn number(&mut self, name: Option<u64>) -> u64 {
        match name {
            Some(name) if self.is_reliable => return name,
            Some(name) => {
                if let Some(id) = self.by_name.get(&name) {
                    return *id;
                }
                self.by_name.insert(name, self.count);
            }
            None => {}
        }
        self.count += 1;
        self.count - 1
    }

    fn life(&mut self, at: Instant, name: Option<u64>) -> (u64, &mut Received) {
        let id = self.number(name);
        let life = self.lives.entry(id).or_insert_with(|| Received {
            began_at: at,
            end: None,
            total: None,
            arrived: Vec::new(),
            refused: Vec::new(),
            held: None,
            released_by: None,
            ready_at: None,
        });
        (id, life)
    }

    pub(super) fn on_arrived(&mut self, came: Came) {
        let (id, life) = self.life(came.at, came.name);
        life.total = Some(came.total);
        life.arrived.push(Arrived {
            at: came.at,
            offset: came.offset,
            len: came.len,
            packet: came.packet,
            is_recovered: false,
        });
        self.latest = Some((id, came.packet));
    }

    /// Bytes that did not come are here.
    pub(super) fn on_recovered(
        &mut self,
        at: Instant,
        name: u64,
        offset: u32,
        len: usize,
        packet: u64,
    ) {
        let (id, life) = self.life(at, Some(name));
        life.arrived.push(Arrived {
            at,
            offset,
            len,
            packet: Some(packet),
            is_recovered: true,
        });
        self.latest = Some((id, Some(packet)));
    }

    /// Returns the number of the message, if it is given up.
    pub(super) fn on_refused(
        &mut self,
        at: Instant,
        name: Option<u64>,
        packet: u64,
    ) -> Option<u64> {
        let is_over = !self.is_reliable && name.is_none();
        let (id, life) = self.life(at, name);
        life.refused.push((at, packet));
        if is_over {
            life.end = Some((at, End::Discarded(Discard::NoRoom)));
        }
        is_over.then_some(id)
    }

    pub(super) fn on_held(&mut self, at: Instant, id: u64, missing: u64) {
        if let Some(life) = self.lives.get_mut(&id) {
            life.held = Some((at, missing));
        }
    }

    /// Returns the number of the message, if it is known.
    pub(super) fn on_ready(&mut self, at: Instant, id: Option<u64>) -> Option<u64> {
        let latest = self.latest;
        let id = match id {
            Some(id) => id,
            None if self.is_reliable => return None,
            None => latest?.0,
        };
        if !self.is_reliable {
            self.by_name.retain(|_, known| *known != id);
        }
        let life = self.lives.get_mut(&id)?;
        life.ready_at = Some(at);
        life.released_by = latest.filter(|_| life.held.is_some());
        Some(id)
    }

    /// Returns the number of the message, if it is given up as a whole.
    pub(super) fn on_discarded(
        &mut self,
        at: Instant,
        name: Option<u64>,
        why: Discard,
    ) -> Option<u64> {
        let id = match name {
            None => self.latest?.0,
            // A part without room; others of it may be here.
            Some(_) if why == Discard::NoRoom => return None,
            Some(name) if self.is_reliable => name,
            Some(name) => self.by_name.remove(&name)?,
        };
        self.by_name.retain(|_, known| *known != id);
        self.lives.get_mut(&id)?.end = Some((at, End::Discarded(why)));
        Some(id)
    }

    pub(super) fn on_handed_out(&mut self, at: Instant, id: u64) {
        if let Some(life) = self.lives.get_mut(&id) {
            life.end = Some((at, End::HandedOut));
        }
    }
}

impl ReceiveChannel {
    /// The story of a message, up to `last` if it is not done.
    pub(super) fn tell(&self, id: u64, origin: Instant, last: Instant) -> Option<Told> {
        let received = self.lives.get(&id)?;
        let (ended_at, end) = received.end.unwrap_or((last, End::RecordingOver));
        Some(Told {
            len: received.len(),
            parts: received.part_count(),
            began_at: received.began_at,
            ended_at,
            end,
            moments: received.moments(),
            spans: received.explain(origin, ended_at),
        })
    }
}

impl Received {
    /// It waits for nothing but its owner.
    pub(super) const fn is_ready(&self) -> bool {
        self.ready_at.is_some()
    }

    /// Bytes that are here.
    fn len(&self) -> usize {
        self.arrived.iter().map(|arrived| arrived.len).sum()
    }

    /// In how many parts it came, as far as known.
    fn part_count(&self) -> u32 {
        let is_missing = self.total.is_some_and(|total| self.len() < total as usize);
        (self.arrived.len() as u32 + u32::from(is_missing)).max(1)
    }

    /// When all of it was there.
    fn whole_at(&self) -> Option<Instant> {
        let is_whole = self.total.is_some_and(|total| self.len() >= total as usize);
        self.arrived
            .iter()
            .map(|arrived| arrived.at)
            .max()
            .filter(|_| is_whole)
    }

    /// Where its time went.
    fn explain(&self, origin: Instant, ended_at: Instant) -> Vec<Span> {
        let mut spans = Spans::new(self.began_at, origin);
        let whole_at = self.whole_at().unwrap_or(ended_at);
        // What was refused has to come again: from then on its owner is what it waits for.
        if let Some((refused_at, _)) = self.refused.first().filter(|(at, _)| *at < whole_at) {
            spans.until(*refused_at, Cause::Parts);
            spans.until(whole_at, Cause::Owner);
        }
        spans.until(whole_at, Cause::Parts);
        spans.until(self.ready_at.unwrap_or(ended_at), Cause::Order);
        spans.until(ended_at, Cause::Owner);
        spans.finish()
    }

    /// What happened, in order.
    pub(super) fn moments(&self) -> Vec<Moment> {
        let mut parts = Moments::default();
        for (at, packet) in &self.refused {
            parts.add(*at, Happening::Refused, None, Some(*packet));
        }
        let mut offsets: Vec<u32> = self.arrived.iter().map(|arrived| arrived.offset).collect();
        offsets.sort_unstable();
        for arrived in &self.arrived {
            let part = offsets.partition_point(|offset| *offset < arrived.offset) as u32;
            let what = match arrived.packet {
                Some(_) if arrived.is_recovered => Happening::Recovered,
                Some(_) => Happening::Comes,
                None => Happening::WasThere,
            };
            parts.add(arrived.at, what, Some(part), arrived.packet);
        }
        let mut all = parts.finish(self.part_count());
        let mut tell = |at, what: String| all.push(Moment { at, what });
        if let Some((at, missing)) = self.held {
            tell(
                at,
                format!("it is whole; the first message before it that is missing is {missing}"),
            );
        }
        if let (Some(at), Some((id, packet))) = (self.ready_at, self.released_by) {
            let packet = packet.map_or(String::new(), |packet| format!(" in packet {packet}"));
            tell(
                at,
                format!("message {id} comes{packet}, and all before it are there"),
            );
        }
        match self.end {
            Some((at, End::HandedOut)) => tell(at, "its owner polls it".to_owned()),
            Some((at, End::Discarded(why))) => tell(at, format!("given up: {}", reason(why))),
            Some((at, End::ConnectionOver)) => tell(at, "the connection is over".to_owned()),
            _ => {}
        }
        all
    }
}
