//! Messages that the endpoint sent: from `send` to the acknowledgement.

use std::collections::BTreeMap;

use tickwire_core::journal::{Hold, LossCause};
use tickwire_core::{Abandonment, Delivery, Instant};

use super::cause::{Cause, Span, Spans, Track};
use super::story::{End, Happening, Moment, Moments, Told, millis};

/// Where a part of a message begins and ends; of all of it nothing.
pub(super) type Bounds = Option<(u32, u32)>;

/// What is to be sent to one peer on one channel.
#[derive(Debug, Default)]
pub(super) struct SendChannel {
    pub(super) lives: BTreeMap<u64, Sent>,
    new: Track,
    again: Track,
    /// The newest message that began to leave.
    newest_left: Option<u64>,
}

/// A message.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) queued_at: Instant,
    pub(super) len: usize,
    pub(super) end: Option<(Instant, End)>,
    /// Messages of the channel that were to leave before it.
    before: u64,
    /// What left of it, by where it begins.
    parts: Vec<Part>,
    /// Its first bytes, so many, left.
    left: usize,
    /// The rest of it.
    rest: Part,
    /// Parities that left: when, for which bytes, in which packet.
    parities: Vec<(Instant, (u32, u32), u64)>,
    /// The smoothed round trip when it was acknowledged, in microseconds.
    pub(super) rtt_us: u64,
}

/// What is cut anew has the past of the longer part that its bytes were in.
#[derive(Clone, Debug, Default)]
struct Part {
    start: u32,
    copies: Vec<Copy>,
    requeued: Vec<Requeued>,
    acked_at: Option<Instant>,
}

/// It was to leave again, and the bytes after it up to `end`.
#[derive(Clone, Debug)]
struct Requeued {
    end: usize,
    at: Instant,
    is_probe: bool,
}

/// A part in a packet, and the bytes after it up to `end`.
#[derive(Clone, Debug)]
struct Copy {
    end: usize,
    packet: u64,
    left_at: Instant,
    /// It rode along, though nobody knew of a loss.
    is_redundant: bool,
    lost: Option<(Instant, LossCause)>,
    acked_at: Option<Instant>,
}

impl SendChannel {
    pub(super) fn on_queued(&mut self, at: Instant, id: u64, len: usize) {
        let next = self.newest_left.map_or(0, |newest| newest + 1);
        let sent = Sent {
            queued_at: at,
            len,
            end: None,
            before: id.saturating_sub(next),
            parts: Vec::new(),
            left: 0,
            rest: Part::default(),
            parities: Vec::new(),
            rtt_us: 0,
        };
        self.lives.insert(id, sent);
    }

    pub(super) fn on_waits(&mut self, at: Instant, again: bool, hold: Hold) {
        let oldest = self.lives.values().next().map_or(at, |sent| sent.queued_at);
        let track = if again {
            &mut self.again
        } else {
            &mut self.new
        };
        track.note(at, hold, oldest);
    }

    pub(super) fn on_left(&mut self, at: Instant, id: u64, part: Bounds, packet: u64) {
        self.newest_left = self.newest_left.max(Some(id));
        let Some(sent) = self.lives.get_mut(&id) else {
            return;
        };
        let (start, end) = sent.bounds(part);
        sent.left = sent.left.max(end);
        sent.part(start).copies.push(Copy {
            end,
            packet,
            left_at: at,
            is_redundant: false,
            lost: None,
            acked_at: None,
        });
    }

    /// The story of a message, up to `last` if it is not done.
    pub(super) fn tell(
        &self,
        id: u64,
        delivery: Delivery,
        origin: Instant,
        last: Instant,
    ) -> Option<Told> {
        let sent = self.lives.get(&id)?;
        let (ended_at, end) = sent.end.unwrap_or((last, End::RecordingOver));
        Some(Told {
            len: sent.len,
            parts: sent.part_count(),
            began_at: sent.queued_at,
            ended_at,
            end,
            moments: sent.moments(delivery.is_reliable()),
            spans: self.explain(sent, origin, ended_at, end),
        })
    }

    /// Where its time went.
    fn explain(&self, sent: &Sent, origin: Instant, ended_at: Instant, end: End) -> Vec<Span> {
        let mut spans = Spans::new(sent.queued_at, origin);
        let part = sent.decisive(ended_at, end);
        let left = part.copies.iter().map(|copy| copy.left_at);
        let mut begins: Vec<Instant> = left.take_while(|at| *at <= ended_at).collect();
        let arrived = part.arrived();
        begins.truncate(arrived.map_or(usize::MAX, |index| index + 1));
        let Some((latest, others)) = begins.split_last() else {
            self.explain_unsent(part, ended_at, &mut spans);
            return spans.finish();
        };
        let first = others.first().unwrap_or(latest);
        self.explain_unsent(part, *first, &mut spans);
        for (left_at, next) in others.iter().zip(&begins[1..]) {
            self.explain_lost(part, *left_at, *next, &mut spans);
        }
        match (arrived, end) {
            (Some(_), _) | (None, End::Acknowledged) => spans.until(ended_at, Cause::Network),
            (None, End::Left) => {}
            (None, _) => self.explain_unanswered(part, *latest, ended_at, &mut spans),
        }
        spans.finish()
    }

    /// Up to `to` it did not leave, in this recording at least.
    fn explain_unsent(&self, part: &Part, to: Instant, spans: &mut Spans) {
        match part.requeued.first() {
            // It left before the recording begins, and was lost.
            Some(Requeued { at, .. })
                if *at <= to && part.copies.first().is_none_or(|copy| copy.left_at >= *at) =>
            {
                self.new.explain(*at, spans);
                self.again.explain(to, spans);
            }
            _ => self.new.explain(to, spans),
        }
    }

    /// A copy that left was lost, or seemed to be; the next one left at `next`.
    fn explain_lost(&self, part: &Part, left_at: Instant, next: Instant, spans: &mut Spans) {
        let requeued = part.requeued_in(left_at, next).unwrap_or(next);
        spans.until(requeued, Cause::Loss);
        self.again.explain(next, spans);
    }

    fn explain_unanswered(&self, part: &Part, left_at: Instant, to: Instant, spans: &mut Spans) {
        match part.requeued_in(left_at, to) {
            Some(requeued) => {
                spans.until(requeued, Cause::Loss);
                self.again.explain(to, spans);
            }
            None => spans.until(to, Cause::Unanswered),
        }
    }
}

impl Part {
    /// What became of its bytes from there on.
    fn from(&self, start: usize) -> Self {
        let copies = self.copies.iter().filter(|copy| copy.end > start);
        let requeued = self.requeued.iter().filter(|requeued| requeued.end > start);
        Self {
            copies: copies.cloned().collect(),
            requeued: requeued.cloned().collect(),
            ..Self::default()
        }
    }

    /// When it was to leave again after it left at `from`.
    fn requeued_in(&self, from: Instant, to: Instant) -> Option<Instant> {
        let times = self.requeued.iter().map(|requeued| requeued.at);
        times.into_iter().find(|at| (from..=to).contains(at))
    }

    /// The first copy that is known to have arrived when the part was acknowledged.
    fn arrived(&self) -> Option<usize> {
        let acked_at = self.acked_at?;
        let has_arrived = |copy: &Copy| copy.acked_at.is_some_and(|at| at <= acked_at);
        self.copies.iter().position(has_arrived)
    }

    /// When the copy left that arrived, or the first.
    fn left_at(&self) -> Option<Instant> {
        let copy = self.copies.get(self.arrived().unwrap_or(0))?;
        Some(copy.left_at)
    }
}

impl Sent {
    pub(super) fn part_count(&self) -> u32 {
        self.parts.len().max(1) as u32
    }

    pub(super) const fn has_left(&self) -> bool {
        self.left >= self.len && !self.parts.is_empty()
    }

    /// From where to where.
    fn bounds(&self, part: Bounds) -> (u32, usize) {
        part.map_or((0, self.len), |(start, end)| (start, end as usize))
    }

    /// The part that begins there.
    fn part(&mut self, start: u32) -> &mut Part {
        let place = self.parts.partition_point(|part| part.start < start);
        if self.parts.get(place).is_none_or(|part| part.start != start) {
            let before = place.checked_sub(1).map(|place| &self.parts[place]);
            let part = before.map_or(Part::default(), |before| before.from(start as usize));
            self.parts.insert(place, Part { start, ..part });
        }
        &mut self.parts[place]
    }

    /// Those that begin within these bounds.
    fn within(&mut self, part: Bounds) -> impl Iterator<Item = &mut Part> {
        let (start, end) = self.bounds(part);
        let parts = self.parts.iter_mut();
        parts.filter(move |part| (start..end.max(1) as u32).contains(&part.start))
    }

    pub(super) fn on_lost(&mut self, at: Instant, part: Bounds, packet: u64, cause: LossCause) {
        for copy in self.copies(part, packet) {
            copy.lost.get_or_insert((at, cause));
        }
    }

    pub(super) fn on_packet_acked(&mut self, at: Instant, part: Bounds, packet: u64) {
        for copy in self.copies(part, packet) {
            copy.acked_at.get_or_insert(at);
        }
    }

    /// It rides along again, whole, in a packet.
    pub(super) fn on_copied(&mut self, at: Instant, packet: u64) {
        let end = self.len;
        self.part(0).copies.push(Copy {
            end,
            packet,
            left_at: at,
            is_redundant: true,
            lost: None,
            acked_at: None,
        });
    }

    pub(super) fn on_parity(&mut self, at: Instant, part: (u32, u32), packet: u64) {
        self.parities.push((at, part, packet));
    }

    pub(super) fn on_requeued(&mut self, at: Instant, part: Bounds, is_probe: bool) {
        let (start, end) = self.bounds(part);
        self.part(start);
        let requeued = Requeued { end, at, is_probe };
        self.within(part)
            .for_each(|part| part.requeued.push(requeued.clone()));
    }

    /// Those that begin within these bounds are there.
    pub(super) fn on_part_acked(&mut self, at: Instant, part: Bounds) {
        let (start, _) = self.bounds(part);
        self.part(start);
        for part in self.within(part) {
            part.acked_at.get_or_insert(at);
        }
    }

    pub(super) fn packets(&self) -> impl Iterator<Item = u64> + '_ {
        let copies = self.parts.iter().flat_map(|part| &part.copies);
        copies.map(|copy| copy.packet)
    }

    /// In a packet, of what began within these bounds.
    fn copies(&mut self, part: Bounds, packet: u64) -> impl Iterator<Item = &mut Copy> {
        let copies = self.within(part).flat_map(|part| &mut part.copies);
        copies.filter(move |copy| copy.packet == packet)
    }

    /// The part that was last: its time is the message's.
    fn decisive(&self, ended_at: Instant, end: End) -> &Part {
        let parts = self.parts.iter().enumerate();
        let last = match end {
            End::Acknowledged => parts
                .filter(|(_, part)| part.acked_at == Some(ended_at))
                .max_by_key(|(index, part)| (part.left_at(), *index)),
            End::Left => parts.max_by_key(|(index, part)| (part.left_at(), *index)),
            _ if self.left < self.len => None,
            _ => parts.clone().find(|(_, part)| part.acked_at.is_none()),
        };
        let first = self.parts.first().filter(|_| self.left >= self.len);
        last.map(|(_, part)| part).or(first).unwrap_or(&self.rest)
    }

    /// What happened, in order.
    pub(super) fn moments(&self, is_reliable: bool) -> Vec<Moment> {
        let mut parts = Moments::default();
        for (index, part) in self.parts.iter().enumerate() {
            part.tell(index as u32, is_reliable, self.part_count(), &mut parts);
        }
        let mut all = vec![self.beginning()];
        all.extend(parts.finish(self.part_count()));
        all.extend(self.parities.iter().map(|(at, (start, end), packet)| {
            let what = format!("a parity of its bytes {start} to {end} leaves in packet {packet}");
            Moment { at: *at, what }
        }));
        all.sort_by_key(|moment| moment.at);
        let end = self
            .end
            .and_then(|(at, end)| Some((at, self.ending(at, end)?)));
        all.extend(end.map(|(at, what)| Moment { at, what }));
        all
    }

    fn beginning(&self) -> Moment {
        let what = match self.before {
            0 => "send".to_owned(),
            1 => "send; one other message of the channel is to leave before it".to_owned(),
            before => {
                format!("send; {before} other messages of the channel are to leave before it")
            }
        };
        Moment {
            at: self.queued_at,
            what,
        }
    }

    fn ending(&self, at: Instant, end: End) -> Option<String> {
        let text = match end {
            End::Acknowledged => {
                let part = self.decisive(at, end);
                let copy = part.arrived().and_then(|index| part.copies.get(index));
                let by = copy.map_or(String::new(), |copy| format!(" by packet {}", copy.packet));
                let rtt = millis(self.rtt_us);
                format!(
                    "all of it is there{by}, and acknowledged; the smoothed round trip is {rtt} ms"
                )
            }
            End::Abandoned(Abandonment::Expired) => {
                "its time to live is over: it is given up".to_owned()
            }
            End::Abandoned(Abandonment::Superseded) => {
                "a newer message has its key: it is given up".to_owned()
            }
            End::Dropped => "dropped: newer ones need its place in the queue".to_owned(),
            End::ConnectionOver => "the connection is over".to_owned(),
            End::Left | End::HandedOut | End::Discarded(_) | End::RecordingOver => return None,
        };
        Some(text)
    }
}

impl Part {
    fn tell(&self, index: u32, is_reliable: bool, count: u32, moments: &mut Moments) {
        for (number, copy) in self.copies.iter().enumerate() {
            let leaves = match number {
                0 => Happening::Leaves,
                _ if copy.is_redundant => Happening::Copied,
                _ => Happening::LeavesAgain,
            };
            moments.add(copy.left_at, leaves, Some(index), Some(copy.packet));
            if let Some((at, cause)) = copy.lost {
                moments.add(at, Happening::Lost(cause), Some(index), Some(copy.packet));
            }
            if let Some(at) = copy
                .acked_at
                .filter(|_| !is_reliable || self.acked_at < copy.acked_at)
            {
                moments.add(at, Happening::PacketAcked, Some(index), Some(copy.packet));
            }
        }
        for Requeued { at, .. } in self.requeued.iter().filter(|requeued| requeued.is_probe) {
            moments.add(*at, Happening::Probed, Some(index), None);
        }
        if let Some(at) = self.acked_at.filter(|_| is_reliable && count > 1) {
            moments.add(at, Happening::Acked, Some(index), None);
        }
    }
}
