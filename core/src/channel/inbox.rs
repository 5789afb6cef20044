//! All that came from one peer and was not polled by the owner.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::credit::Grant;
use super::message_cost;
use super::receive::{Intake, Place, ReceiveChannel, Whole};
use super::send::Receipt;
use crate::config::Config;
use crate::event::{Abandonment, Event, Violation};
use crate::id::{ChannelId, MessageId, PeerId};
use crate::journal::{Pen, Step};
use crate::planted::Planted;
use crate::pool::{Blocks, Pool};
use crate::saved::saved;
use crate::stats::PeerDrops;
use crate::time::Instant;
use crate::wire::frame::{Message, Parity, Skip};

mod audit;
mod journal;

/// Something the owner has not polled yet, in the order it happened. Small, for what a message's cost must cover.
#[derive(Debug)]
enum Item {
    Message {
        channel: u8,
        bytes: Vec<u8>,
        cost: usize,
    },
    Delivered {
        receipt: Receipt,
        after: Duration,
    },
    Abandoned {
        receipt: Receipt,
        why: Abandonment,
    },
    Pong {
        rtt: Duration,
    },
    /// What happens once in a connection.
    Event(Box<Event>),
}

saved!(enum Item {
    0 = Message { channel, bytes, cost }, 1 = Delivered { receipt, after }, 2 = Pong { rtt }, 3 = Event(event),
    4 = Abandoned { receipt, why },
});

/// The receive side of every channel, and the items for the owner.
#[derive(Debug)]
pub(crate) struct Inbox {
    channels: Vec<ReceiveChannel>,
    items: VecDeque<Item>,
    ready: VecDeque<Whole>,
    all: Grant,
    /// Cost of unreliable messages in reassembly or unread.
    unreliable_bytes: usize,
    unreliable_bytes_max: usize,
    /// Cost of parities that wait for more of their messages, of all channels. Room for them is what unreliable messages leave.
    parity_bytes: usize,
    /// Cost of all messages unread.
    unread_bytes: usize,
    planted: Planted,
    pub(crate) drops: PeerDrops,
    pub(crate) messages_received: u64,
    /// Parities that brought missing bytes back.
    pub(crate) parities_used: u64,
}

saved!(Inbox {
    channels, items, ready, all, unreliable_bytes, unreliable_bytes_max, parity_bytes, unread_bytes, planted, drops,
    messages_received, parities_used,
} if Inbox::is_sound);

impl Inbox {
    pub(crate) fn new(config: &Config) -> Self {
        let size_max = config
            .channels
            .iter()
            .map(|channel| channel.message_size_max)
            .max()
            .unwrap_or_default();
        let message_cost_max = message_cost(size_max);
        let mut channels: Vec<_> = config.channels.iter().map(ReceiveChannel::new).collect();
        let first = config.planted.first_message();
        channels
            .iter_mut()
            .for_each(|channel| channel.begin_at(first));
        Self {
            channels,
            planted: config.planted,
            items: VecDeque::new(),
            ready: VecDeque::new(),
            all: Grant::new(config.connection_bytes_max, message_cost_max),
            unreliable_bytes: 0,
            unreliable_bytes_max: config.connection_bytes_max,
            parity_bytes: 0,
            unread_bytes: 0,
            drops: PeerDrops::default(),
            messages_received: 0,
            parities_used: 0,
        }
    }

    fn is_sound(&self, config: &Config) -> bool {
        self.channels.len() == config.channels.len()
            && (self.channels.iter().zip(&config.channels))
                .all(|(channel, settings)| channel.suits(settings))
            && self.items.iter().all(|item| match item {
                Item::Message { channel, .. } => usize::from(*channel) < self.channels.len(),
                Item::Delivered { .. }
                | Item::Abandoned { .. }
                | Item::Pong { .. }
                | Item::Event(_) => true,
            })
    }

    /// Takes a message or fragment. Adds the cost of what became readable to `unread`, the endpoint's account.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        place: Place,
        unread: &mut usize,
        pool: &mut Pool,
        pen: Pen<'_>,
    ) -> Result<(), Violation> {
        self.take_in(
            now,
            message.channel,
            unread,
            pool,
            pen,
            |channel, intake| channel.accept(message, place, intake),
        )
    }

    /// Takes a parity, as [`accept`](Self::accept) takes a message.
    pub(crate) fn accept_parity(
        &mut self,
        now: Instant,
        parity: &Parity<'_>,
        place: Place,
        unread: &mut usize,
        pool: &mut Pool,
        pen: Pen<'_>,
    ) -> Result<(), Violation> {
        let channel = parity.covered.channel;
        self.take_in(now, channel, unread, pool, pen, |channel, intake| {
            channel.accept_parity(parity, place, intake)
        })
    }

    fn take_in(
        &mut self,
        now: Instant,
        index: u8,
        unread: &mut usize,
        pool: &mut Pool,
        mut pen: Pen<'_>,
        take: impl FnOnce(&mut ReceiveChannel, &mut Intake<'_>) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let channel = self.channels.get_mut(usize::from(index));
        let channel = channel.ok_or(Violation::UnknownChannel)?;
        let taken = self.unreliable_bytes + self.parity_bytes;
        let room = self.unreliable_bytes_max.saturating_sub(taken);
        let kept = channel.parity_bytes();
        let mut intake = Intake {
            now,
            planted: self.planted,
            pool,
            drops: &mut self.drops,
            all: &mut self.all,
            unreliable_room: room,
            unreliable_taken: 0,
            unreliable_freed: 0,
            parity_room: room,
            parities_used: 0,
            ready: &mut self.ready,
            pen: pen.lend(),
        };
        take(channel, &mut intake)?;
        self.unreliable_bytes =
            self.unreliable_bytes + intake.unreliable_taken - intake.unreliable_freed;
        self.parities_used += intake.parities_used;
        self.parity_bytes = self.parity_bytes + channel.parity_bytes() - kept;
        let is_reliable = channel.is_reliable();
        self.pass_on(index, is_reliable, unread, pen);
        Ok(())
    }

    /// The peer gave a message up. Returns the violation if it cannot have.
    pub(crate) fn skip(
        &mut self,
        skip: &Skip,
        unread: &mut usize,
        pool: &mut Pool,
        mut pen: Pen<'_>,
    ) -> Result<(), Violation> {
        let channel = self
            .channels
            .get_mut(usize::from(skip.channel))
            .ok_or(Violation::UnknownChannel)?;
        let kept = channel.parity_bytes();
        let is_new = channel.skip(skip, &mut self.all, &mut self.ready, pool, &mut pen)?;
        self.parity_bytes = self.parity_bytes + channel.parity_bytes() - kept;
        self.drops.skipped += u64::from(is_new);
        self.pass_on(skip.channel, true, unread, pen);
        Ok(())
    }

    /// What became ready waits for the owner now.
    fn pass_on(&mut self, channel: u8, is_reliable: bool, unread: &mut usize, mut pen: Pen<'_>) {
        for whole in self.ready.drain(..) {
            *unread += whole.cost;
            self.unread_bytes += whole.cost;
            self.messages_received += 1;
            pen.note(Step::Ready {
                channel: ChannelId::new(channel),
                id: is_reliable.then_some(whole.id),
            });
            self.items.push_back(Item::Message {
                channel,
                bytes: whole.bytes,
                cost: whole.cost,
            });
        }
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.items.push_back(Item::Event(Box::new(event)));
    }

    pub(crate) fn push_delivered(&mut self, receipt: Receipt, after: Duration) {
        self.items.push_back(Item::Delivered { receipt, after });
    }

    pub(crate) fn push_abandoned(&mut self, receipt: Receipt, why: Abandonment) {
        self.items.push_back(Item::Abandoned { receipt, why });
    }

    pub(crate) fn push_pong(&mut self, rtt: Duration) {
        self.items.push_back(Item::Pong { rtt });
    }

    pub(crate) fn has_items(&self) -> bool {
        !self.items.is_empty()
    }

    /// The next item as an event; its memory and credit are given back.
    pub(crate) fn poll(
        &mut self,
        peer: PeerId,
        unread: &mut usize,
        pool: &mut Pool,
        blocks: &mut Blocks,
        pen: &mut Pen<'_>,
    ) -> Option<Event> {
        Some(match self.items.pop_front()? {
            Item::Event(event) => *event,
            Item::Pong { rtt } => Event::Pong { peer, rtt },
            Item::Delivered { receipt, after } => Event::Delivered {
                peer,
                channel: ChannelId::new(receipt.channel),
                message: MessageId::new(receipt.id),
                after,
            },
            Item::Abandoned { receipt, why } => Event::Abandoned {
                peer,
                channel: ChannelId::new(receipt.channel),
                message: MessageId::new(receipt.id),
                why,
            },
            Item::Message {
                channel,
                bytes,
                cost,
            } => {
                let payload = blocks.share(&bytes);
                pool.give(bytes);
                pen.note(Step::HandedOut {
                    channel: ChannelId::new(channel),
                });
                self.on_consumed(channel, cost);
                *unread -= cost;
                Event::Message {
                    peer,
                    channel: ChannelId::new(channel),
                    payload,
                }
            }
        })
    }

    fn on_consumed(&mut self, channel: u8, cost: usize) {
        self.unread_bytes -= cost;
        let channel = &mut self.channels[usize::from(channel)];
        if channel.is_reliable() {
            channel.grant.on_consumed(cost);
            self.all.on_consumed(cost);
        } else {
            self.unreliable_bytes -= cost;
        }
    }

    /// Whether a new limit should be told to the peer.
    pub(crate) fn is_credit_due(&self) -> bool {
        self.all.is_due() || self.channels.iter().any(|channel| channel.grant.is_due())
    }

    /// The next limit to tell: of a channel, or with `None` of all.
    pub(crate) fn next_credit(&mut self) -> Option<(Option<u8>, u64)> {
        if self.all.is_due() {
            return Some((None, self.all.announce()));
        }
        let index = self
            .channels
            .iter()
            .position(|channel| channel.grant.is_due())?;
        Some((Some(index as u8), self.channels[index].grant.announce()))
    }

    /// A packet with a limit was acknowledged.
    pub(crate) fn on_credit_acked(&mut self, channel: Option<u8>, limit: u64) {
        if let Some(grant) = self.grant_mut(channel) {
            grant.on_acked(limit);
        }
    }

    /// A packet with a limit was lost.
    pub(crate) fn on_credit_lost(&mut self, channel: Option<u8>, limit: u64) {
        if let Some(grant) = self.grant_mut(channel) {
            grant.on_lost(limit);
        }
    }

    /// Nothing is heard of the peer: limits that it may not know go along with the probe. Whether there are any.
    pub(crate) fn probe_credit(&mut self) -> bool {
        self.all.probe();
        for channel in &mut self.channels {
            channel.grant.probe();
        }
        self.is_credit_due()
    }

    fn grant_mut(&mut self, channel: Option<u8>) -> Option<&mut Grant> {
        match channel {
            None => Some(&mut self.all),
            Some(channel) => {
                let channel = self.channels.get_mut(usize::from(channel));
                channel.map(|channel| &mut channel.grant)
            }
        }
    }

    /// When the oldest unreliable message in reassembly expires.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        // Only what is incomplete and unreliable expires.
        if self.unreliable_bytes == 0 {
            return None;
        }
        self.channels
            .iter()
            .filter_map(ReceiveChannel::deadline)
            .min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, pool: &mut Pool, pen: &mut Pen<'_>) {
        for (index, channel) in self.channels.iter_mut().enumerate() {
            channel.note_expired(index, now, pen);
            let kept = channel.parity_bytes();
            self.unreliable_bytes -= channel.expire(now, &mut self.drops, pool);
            self.parity_bytes = self.parity_bytes + channel.parity_bytes() - kept;
        }
    }

    /// Bytes in reassembly, out of order or unread, by cost.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.unread_bytes
            + self.parity_bytes
            + self
                .channels
                .iter()
                .map(ReceiveChannel::buffered_bytes)
                .sum::<usize>()
    }

    /// Cost of what is unread, and of what is unreliable.
    #[cfg(test)]
    pub(crate) const fn accounts(&self) -> (usize, usize) {
        (self.unread_bytes, self.unreliable_bytes)
    }

    /// The connection is over: what is incomplete goes, what is unread stays for the owner.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        for channel in &mut self.channels {
            channel.release(pool);
        }
        self.parity_bytes = 0;
    }
}
