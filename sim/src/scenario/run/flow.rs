//! What is said, message by message: a flow is one kind of traffic between one client and the server in one direction.
//!
//! A message tells its number and its client; the rest of it follows from the number, so that the receiver can check it.

use std::time::Duration;

use bytes::Bytes;
use tickwire_core::{Abandonment, ChannelId, Event, Instant, PeerId, SendError};

use super::World;
use super::sampler::Sampler;
use crate::host::HostId;
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::scenario::distribution::Times;
use crate::scenario::outcome::{Direction, Receipts};
use crate::scenario::traffic::{Pace, Traffic, Ways};

/// All flows, and what became of each kind.
#[derive(Debug)]
pub(super) struct Flows {
    clients: usize,
    until: Instant,
    /// By kind and direction; see [`Kind::flows`] for the clients'.
    pub(super) kinds: Vec<Kind>,
    buf: Vec<u8>,
}

/// One kind of traffic in one direction.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) traffic: Traffic,
    pub(super) channel: ChannelId,
    pub(super) direction: Direction,
    pub(super) counts: Counts,
    pub(super) latency: Times,
    pub(super) complete: Times,
    flows: Vec<Flow>,
    /// By client: whether it says or hears this.
    members: Vec<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) sent_bytes: u64,
    pub(super) refused: u64,
    pub(super) unsent: u64,
    pub(super) delivered: u64,
    pub(super) delivered_bytes: u64,
    pub(super) late: u64,
    pub(super) duplicated: u64,
    pub(super) receipts: Receipts,
}

#[derive(Debug)]
struct Flow {
    /// Of sizes.
    rng: Rng,
    /// Bursts that were due so far, sent or not.
    bursts: u64,
    /// When each message was sent, and whether it has arrived.
    messages: Vec<(Instant, bool)>,
    sent_bytes: u64,
    delivered_bytes: u64,
    /// When the last message arrived, and the longest wait for one.
    heard_at: Option<Instant>,
    longest_gap: Duration,
}

impl Flows {
    pub(super) fn new(scenario: &Scenario, world: &World) -> Self {
        let clients = usize::try_from(scenario.clients()).unwrap_or(usize::MAX);
        let numbered = |index: usize, count: u32| (0..count).map(move |number| (index, number));
        let groups = scenario.groups.iter().enumerate();
        let places: Vec<(usize, u32)> = groups
            .flat_map(|(index, group)| numbered(index, group.count))
            .collect();
        let mut kinds = Vec::new();
        for (index, traffic) in (1_u8..).zip(&scenario.traffic) {
            for direction in [Direction::Up, Direction::Down] {
                if traffic.ways.has(direction) {
                    let rng = world.fork_rng(&format!("{} {direction:?}", traffic.name));
                    kinds.push(Kind {
                        traffic: traffic.clone(),
                        channel: ChannelId::new(index),
                        direction,
                        counts: Counts::default(),
                        latency: Times::default(),
                        complete: Times::default(),
                        members: places
                            .iter()
                            .map(|(group, number)| traffic.who.is(*group, *number))
                            .collect(),
                        flows: (0..clients as u64)
                            .map(|client| Flow::new(rng.fork_nth("client", client)))
                            .collect(),
                    });
                }
            }
        }
        Self {
            clients,
            until: Instant::ZERO + scenario.duration,
            kinds,
            buf: Vec::new(),
        }
    }

    /// Says what is due between a client and the server in one direction; `peer` is the other side, if connected.
    pub(super) fn speak(
        &mut self,
        world: &mut World,
        host: HostId,
        client: usize,
        direction: Direction,
        peer: Option<PeerId>,
    ) {
        let now = world.now();
        for kind in &mut self.kinds {
            if kind.direction == direction && kind.members[client] {
                let from = Instant::ZERO + kind.traffic.from;
                let until = kind
                    .traffic
                    .until
                    .map_or(self.until, |until| (Instant::ZERO + until).min(self.until));
                if now >= from && now < until {
                    kind.speak(world, host, client, peer, &mut self.buf);
                }
            }
        }
    }

    /// A receipt of what was said in this direction came.
    pub(super) fn on_receipt(&mut self, direction: Direction, event: &Event) {
        let (Event::Delivered { channel, .. } | Event::Abandoned { channel, .. }) = event else {
            return;
        };
        let mut kinds = self.kinds.iter_mut();
        let kind = kinds.find(|kind| kind.channel == *channel && kind.direction == direction);
        let Some(kind) = kind else { return };
        let receipts = &mut kind.counts.receipts;
        match event {
            Event::Abandoned {
                why: Abandonment::Expired,
                ..
            } => receipts.expired += 1,
            Event::Abandoned { .. } => receipts.superseded += 1,
            _ => receipts.delivered += 1,
        }
    }

    /// A message arrived at `at`.
    pub(super) fn hear(
        &mut self,
        at: Instant,
        client: usize,
        direction: Direction,
        channel: ChannelId,
        payload: &Bytes,
        sampler: &mut Sampler,
    ) {
        assert!(
            client < self.clients,
            "a message of a client that is not there"
        );
        let found = self
            .kinds
            .iter_mut()
            .enumerate()
            .find(|(_, kind)| kind.channel == channel && kind.direction == direction);
        let (index, kind) = found.expect("messages come on the channels of their kinds");
        if let Some(latency) = kind.hear(at, client, payload) {
            sampler.on_message(index, at, latency);
        }
    }
}

impl Kind {
    /// The longest wait of any client, if all that was said was said by `until`.
    pub(super) fn longest_gap(&self, until: Instant) -> Duration {
        if matches!(self.traffic.pace, Pace::Bulk { .. }) {
            return Duration::ZERO;
        }
        let gaps = self.flows.iter().map(|flow| {
            let last = flow
                .heard_at
                .map(|since| until.saturating_duration_since(since));
            flow.longest_gap.max(last.unwrap_or_default())
        });
        gaps.max().unwrap_or_default()
    }

    fn speak(
        &mut self,
        world: &mut World,
        host: HostId,
        client: usize,
        peer: Option<PeerId>,
        buf: &mut Vec<u8>,
    ) {
        match self.traffic.pace {
            Pace::Steady { rate_hz, burst } => {
                let age = world
                    .now()
                    .saturating_duration_since(Instant::ZERO + self.traffic.from);
                // The first at once, then one each so long.
                let due = age.as_nanos() * u128::from(rate_hz) / 1_000_000_000 + 1;
                let flow = &mut self.flows[client];
                let bursts = u64::try_from(due).unwrap_or(u64::MAX) - flow.bursts;
                flow.bursts += bursts;
                for _ in 0..bursts * u64::from(burst) {
                    match peer {
                        Some(peer) => _ = self.send(world, host, client, peer, buf),
                        None => self.counts.unsent += 1,
                    }
                }
            }
            Pace::Bulk { total } => {
                let Some(peer) = peer else { return };
                while self.flows[client].sent_bytes < total {
                    if !self.send(world, host, client, peer, buf) {
                        break;
                    }
                }
            }
        }
    }

    /// Sends the next message; false if there is no room, or no connection any more.
    fn send(
        &mut self,
        world: &mut World,
        host: HostId,
        client: usize,
        peer: PeerId,
        buf: &mut Vec<u8>,
    ) -> bool {
        let now = world.now();
        let flow = &mut self.flows[client];
        let size = flow
            .rng
            .clone()
            .between(self.traffic.size_min.into(), self.traffic.size_max.into());
        let number = u32::try_from(flow.messages.len()).unwrap_or(u32::MAX);
        compose(
            buf,
            number,
            client,
            usize::try_from(size).unwrap_or(usize::MAX),
        );
        let channel = self.channel;
        let options = self.traffic.message.options(number);
        let said = world.act(host, |endpoint, now| {
            endpoint.send_with(now, peer, channel, buf, &options)
        });
        match said {
            Ok(_) => {
                flow.rng.draw();
                flow.messages.push((now, false));
                flow.sent_bytes += size;
                self.counts.sent += 1;
                self.counts.sent_bytes += size;
                true
            }
            Err(SendError::QueueFull) => {
                self.counts.refused += 1;
                false
            }
            // The connection is over; its end is still to be heard.
            Err(_) => {
                self.counts.unsent += u64::from(matches!(self.traffic.pace, Pace::Steady { .. }));
                false
            }
        }
    }

    /// Tells how late it is, in microseconds, if it comes for the first time.
    fn hear(&mut self, at: Instant, client: usize, payload: &[u8]) -> Option<u64> {
        let number = payload
            .first_chunk()
            .map(|bytes| u32::from_be_bytes(*bytes));
        let index = number.map_or(usize::MAX, |number| {
            usize::try_from(number).unwrap_or(usize::MAX)
        });
        let flow = &mut self.flows[client];
        let (sent_at, has_arrived) = flow
            .messages
            .get_mut(index)
            .expect("only what was sent arrives");
        let mut expected = Vec::new();
        compose(&mut expected, number.unwrap_or(0), client, payload.len());
        assert_eq!(expected, payload, "a message arrives as it was sent");
        if std::mem::replace(has_arrived, true) {
            self.counts.duplicated += 1;
            return None;
        }
        let latency = at.saturating_duration_since(*sent_at);
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.counts.delivered += 1;
        self.counts.delivered_bytes += payload.len() as u64;
        self.counts.late += u64::from(latency > self.traffic.late_after);
        self.latency.add(micros);
        flow.delivered_bytes += payload.len() as u64;
        flow.end_gap(at);
        if let Pace::Bulk { total } = self.traffic.pace
            && flow.delivered_bytes == flow.sent_bytes
            && flow.sent_bytes >= total
        {
            let began = flow.messages.first().map_or(at, |(sent_at, _)| *sent_at);
            let took = at.saturating_duration_since(began).as_micros();
            self.complete.add(u64::try_from(took).unwrap_or(u64::MAX));
        }
        Some(micros)
    }
}

impl Flow {
    fn end_gap(&mut self, at: Instant) {
        let gap = self
            .heard_at
            .map(|since| at.saturating_duration_since(since));
        self.longest_gap = self.longest_gap.max(gap.unwrap_or_default());
        self.heard_at = self.heard_at.max(Some(at));
    }

    fn new(rng: Rng) -> Self {
        Self {
            rng,
            bursts: 0,
            messages: Vec::new(),
            sent_bytes: 0,
            delivered_bytes: 0,
            heard_at: None,
            longest_gap: Duration::ZERO,
        }
    }
}

impl Ways {
    fn has(self, direction: Direction) -> bool {
        match self {
            Self::Both => true,
            Self::Up => direction == Direction::Up,
            Self::Down => direction == Direction::Down,
        }
    }
}

/// A message: its number, its client, and a filling that follows from both.
fn compose(buf: &mut Vec<u8>, number: u32, client: usize, size: usize) {
    let client = u16::try_from(client).unwrap_or(u16::MAX);
    let filling = number.to_le_bytes()[0] ^ client.to_le_bytes()[0];
    buf.clear();
    buf.extend_from_slice(&number.to_be_bytes());
    buf.extend_from_slice(&client.to_be_bytes());
    buf.resize(size, filling);
}

/// The client that a message names.
pub(super) fn sender(payload: &[u8]) -> usize {
    let client = payload.get(4..).and_then(|rest| rest.first_chunk());
    client.map_or(usize::MAX, |bytes| u16::from_be_bytes(*bytes).into())
}
