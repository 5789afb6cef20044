//! All that one peer is to receive.

use alloc::vec::Vec;

use super::copies::{Copies, OWN_DATAGRAM_LEN};
use super::credit::Allowance;
use super::options::SendOptions;
use super::ranges::Piece;
use super::send::{QueueFull, Queued, Receipt, SendChannel, Terms};
use super::shares::{Set, Shares};
use super::whole_len;
use crate::audit::{Checked, Depth, Fingerprint, at_most, holds};
use crate::config::{Config, TickConfig};
use crate::id::ChannelId;
use crate::journal::{Hold, Pen};
use crate::peer::packet::PacketBuilder;
use crate::pool::Pool;
use crate::reliability::recovery::Verdict;
use crate::reliability::redundancy::Outlook;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::handshake::Credits;

/// What the owner wants sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) channel: ChannelId,
    pub(crate) payload: &'a [u8],
    pub(crate) options: SendOptions,
}

/// The send side of every channel. Whose turn it is, [`Shares`] says.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(super) channels: Vec<SendChannel>,
    /// Those that may hold something: all others are at rest, and cost no call anything.
    pub(super) busy: Set,
    pub(super) shares: Shares,
    pub(crate) copies: Copies,
    pub(super) all: Allowance,
    /// Receipts promised and not yet polled, at most [`RECEIPTS_MAX`].
    receipts: u32,
    pub(crate) retransmissions: u64,
    pub(crate) parities_sent: u64,
    pub(crate) parity_bytes_sent: u64,
}

saved!(Outbox {
    channels, busy, shares, copies, all, receipts, retransmissions, parities_sent, parity_bytes_sent,
} if Outbox::is_sound);

/// Receipts that may be outstanding or unpolled; more are refused as a full queue.
const RECEIPTS_MAX: u32 = 4_096;

impl Outbox {
    pub(crate) fn new(config: &Config) -> Self {
        let channels = config.channels.iter().enumerate();
        let shares = config.channels.iter();
        let shares = shares.map(|channel| (channel.qos, !channel.delivery.is_reliable()));
        Self {
            busy: Set::default(),
            shares: Shares::new(shares),
            channels: channels
                .map(|(index, channel)| {
                    let mut channel = SendChannel::new(index as u8, channel);
                    channel.allow_copies(config.redundancy_percent_max > 0);
                    channel.begin_at(config.planted.first_message());
                    channel
                })
                .collect(),
            copies: Copies::new(config.tick.map(TickConfig::length)),
            all: Allowance::default(),
            receipts: 0,
            retransmissions: 0,
            parities_sent: 0,
            parity_bytes_sent: 0,
        }
    }

    fn is_sound(&self, config: &Config) -> bool {
        self.channels.len() == config.channels.len()
            && self.busy.iter().all(|index| index < self.channels.len())
            && self.audit_busy().is_ok()
    }

    /// What the peer's handshake allows at first.
    pub(crate) fn grant(&mut self, credits: &Credits) {
        self.all.raise(credits.all);
        for (channel, credit) in self.channels.iter_mut().zip(&credits.channels) {
            channel.allowance.raise(*credit);
        }
    }

    /// The peer raised a channel's limit. `None` if there is no such channel.
    pub(crate) fn raise(&mut self, channel: u8, limit: u64) -> Option<()> {
        self.channels
            .get_mut(usize::from(channel))?
            .allowance
            .raise(limit);
        Some(())
    }

    pub(crate) fn raise_all(&mut self, limit: u64) {
        self.all.raise(limit);
    }

    /// Queues a message on a channel that exists; see [`SendChannel::push`].
    pub(crate) fn push(
        &mut self,
        now: Instant,
        Request {
            channel,
            payload,
            mut options,
        }: Request<'_>,
        datagram_size: usize,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Result<Queued, QueueFull> {
        let name = channel.as_u8();
        self.busy.set(channel.index(), true);
        let channel = &mut self.channels[channel.index()];
        let receipt = options.receipt && channel.is_reliable();
        if receipt && self.receipts == RECEIPTS_MAX {
            return Err(QueueFull);
        }
        options.receipt = receipt;
        let queued = channel.push(now, payload, &options, datagram_size, pool, pen)?;
        if let Some(old) = queued.superseded {
            self.copies.forget((name, old.id));
        }
        self.receipts += u32::from(receipt);
        Ok(queued)
    }

    /// When the next message expires.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        self.busy().filter_map(SendChannel::expires_at).min()
    }

    /// Gives up what has expired; `told` hears of each, and of its receipt if one is due.
    pub(crate) fn expire(
        &mut self,
        now: Instant,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
        mut told: impl FnMut(Option<Receipt>),
    ) {
        for index in self.busy.iter() {
            let (name, channel) = (index as u8, &mut self.channels[index]);
            while let Some(expired) = channel.expire(now, pool, pen) {
                self.copies.forget((name, expired.id));
                told(expired.receipt);
            }
        }
    }

    /// Datagrams have become shorter: see [`SendChannel::recut`].
    pub(crate) fn recut(&mut self, datagram_size: usize, pool: &mut Pool) {
        for channel in &mut self.channels {
            channel.recut(datagram_size, pool);
        }
    }

    /// A packet left with so many parities.
    pub(crate) const fn on_parities(&mut self, count: u32, bytes: usize) {
        self.parities_sent += count as u64;
        self.parity_bytes_sent += bytes as u64;
    }

    /// The owner polled a receipt.
    pub(crate) const fn on_receipt_polled(&mut self) {
        self.receipts = self.receipts.saturating_sub(1);
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.busy().map(SendChannel::queued_bytes).sum()
    }

    /// Reliable messages that are not acknowledged.
    pub(crate) fn undelivered(&self) -> u32 {
        let reliable = self.channels.iter().filter(|channel| channel.is_reliable());
        reliable.map(SendChannel::pending).sum()
    }

    /// The channels that may hold something.
    fn busy(&self) -> impl Iterator<Item = &SendChannel> {
        self.busy.iter().map(|index| &self.channels[index])
    }

    /// A channel that has nothing left is busy no more.
    pub(super) fn rest(&mut self, channel: usize) {
        if self.channels[channel].is_at_rest() {
            self.busy.set(channel, false);
        }
    }

    /// The channel whose oldest unacknowledged message was first sent earliest, and when.
    pub(crate) fn oldest_sent(&self) -> Option<(ChannelId, Instant)> {
        let sent = self.busy.iter().filter_map(|index| {
            let at = self.channels[index].oldest_sent_at()?;
            Some((ChannelId::new(index as u8), at))
        });
        sent.min_by_key(|(_, at)| *at)
    }

    /// Whether there is nothing to send, neither new nor lost.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy().all(SendChannel::is_idle)
    }

    /// When the first piece that never left may leave, as far as channels say.
    pub(crate) fn new_at(&self, terms: Terms<'_>) -> Option<Instant> {
        let all = self.busy();
        all.filter_map(|channel| channel.new_at(&self.all, terms))
            .min()
    }

    /// When the first lost piece may leave.
    pub(crate) fn lost_at(&self) -> Option<Instant> {
        self.busy().filter_map(SendChannel::lost_at).min()
    }

    /// Whether something may leave now, apart from the owner's tick.
    pub(crate) fn is_any_due(&self, now: Instant, config: &Config) -> bool {
        let flush = true;
        let dues = [self.lost_at(), self.new_at(Terms { flush, config })];
        dues.into_iter().flatten().any(|at| at <= now)
    }

    /// Whether all that is lost or new, and may leave by its rate, fits into a datagram of this size.
    pub(crate) fn fits_into(&self, now: Instant, datagram_size: usize) -> bool {
        let mut room = whole_len(datagram_size);
        self.busy().all(|channel| channel.fits_into(now, &mut room))
    }

    /// The first unreliable message that may still leave: when it may, and the bytes of its next piece. `is_paced`: only pacing
    /// keeps reliable ones, and then those go before an unreliable channel that is ahead of its share.
    pub(crate) fn fresh(
        &self,
        now: Instant,
        terms: Terms<'_>,
        is_paced: bool,
    ) -> Option<(Instant, usize)> {
        let yields = |index| {
            is_paced && self.shares.is_ahead(index) && self.is_reliable_due(now, terms.config)
        };
        let channels = self.busy.iter().filter(|index| !yields(*index));
        let first = channels.filter_map(|index| self.channels[index].fresh(now, terms));
        first.min().map(|(at, _, bytes)| (at, bytes))
    }

    /// Whether something reliable may leave now, apart from the owner's tick.
    fn is_reliable_due(&self, now: Instant, config: &Config) -> bool {
        let terms = Terms {
            flush: true,
            config,
        };
        let mut reliable = self.busy().filter(|channel| channel.is_reliable());
        reliable.any(|channel| {
            let dues = [channel.lost_at(), channel.new_at(&self.all, terms)];
            dues.into_iter().flatten().any(|at| at <= now)
        })
    }

    /// Bytes that wait to leave and may by their rate until then, unreliable ones and all; counts not much further than
    /// `enough`.
    pub(crate) fn waiting_bytes(&self, until: Instant, enough: u64) -> (u64, u64) {
        let (mut fresh, mut sum) = (0, 0);
        for channel in self.busy() {
            let bytes = channel
                .waiting_bytes(enough)
                .min(channel.meter.bytes_until(until));
            sum += bytes;
            fresh += if channel.is_reliable() { 0 } else { bytes };
        }
        (fresh, sum)
    }

    /// What a channel's rate lets leave until then, beside what waits already.
    pub(crate) fn rate_bytes(&self, channel: ChannelId, until: Instant) -> u64 {
        let channel = self.channels.get(channel.index());
        channel.map_or(0, |channel| {
            let bytes = channel.meter.bytes_until(until);
            match bytes {
                u64::MAX => bytes,
                _ => bytes.saturating_sub(channel.waiting_bytes(bytes)),
            }
        })
    }

    /// See [`SendChannel::room_bytes`]; 0 if there is no such channel.
    pub(crate) fn room_bytes(&self, channel: ChannelId) -> u64 {
        let channel = self.channels.get(channel.index());
        channel.map_or(0, |channel| channel.room_bytes(&self.all))
    }

    /// Drops unreliable messages that waited too long; returns how many.
    pub(crate) fn drop_stale(
        &mut self,
        now: Instant,
        config: &Config,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> u64 {
        let mut dropped = 0;
        for index in self.busy.iter() {
            dropped += self.channels[index].drop_stale(now, config, pool, pen);
        }
        dropped
    }

    /// When a copy is worth a datagram of its own.
    pub(crate) fn copies_alone_at(&self, outlook: &Outlook) -> Option<Instant> {
        self.copies.alone_at(outlook, |channel, bytes| {
            let meter = &self.channels[usize::from(channel)].meter;
            meter.ready_at(bytes)
        })
    }

    /// Puts copies into what is left of the packet.
    pub(crate) fn fill_copies(
        &mut self,
        now: Instant,
        outlook: &Outlook,
        packet: &mut PacketBuilder<'_>,
        pen: &mut Pen<'_>,
    ) {
        let mut from = 0;
        let more = match packet.is_eliciting() {
            true => 0,
            false => OWN_DATAGRAM_LEN,
        };
        while let Some(index) = self.copies.next(from, now, packet.number(), more, outlook) {
            let (channel, id) = self.copies.message(index);
            let channel = &mut self.channels[usize::from(channel)];
            if channel.put_copy(now, id, packet, pen) {
                self.copies.on_copied(index, now, packet.number(), outlook);
            }
            from = index + 1;
        }
    }

    /// See [`SendChannel::on_verdict`].
    pub(crate) fn on_verdict(
        &mut self,
        verdict: Verdict,
        channel: u8,
        id: u64,
        piece: Piece,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) -> Option<Receipt> {
        let name = channel;
        let channel = self.channels.get_mut(usize::from(name))?;
        let receipt = channel.on_verdict(verdict, id, piece, pool, pen);
        if verdict == Verdict::Acked {
            self.copies.forget((name, id));
        }
        self.rest(usize::from(name));
        receipt
    }

    /// Queues the oldest unacknowledged piece of every reliable channel again, to go in a `short` datagram perhaps. Returns
    /// whether there was one.
    pub(crate) fn probe(&mut self, short: bool, pool: &mut Pool, pen: &mut Pen<'_>) -> bool {
        let mut found = false;
        for index in self.busy.iter() {
            found |= self.channels[index].probe(short, pool, pen);
        }
        found
    }

    /// As [`probe`](Self::probe), of small messages that have no copies.
    pub(crate) fn probe_small(&mut self, pool: &mut Pool, pen: &mut Pen<'_>) -> bool {
        let mut found = false;
        for index in self.busy.iter() {
            found |= self.channels[index].probe_small(pool, pen);
        }
        found
    }

    /// Notes for each channel with something to send what holds it back: what was lost, and what is new and has its credit.
    pub(crate) fn note_waits(
        &self,
        now: Instant,
        lost: Hold,
        new: Hold,
        fresh: Hold,
        pen: &mut Pen<'_>,
    ) {
        for channel in self.busy() {
            let new = if channel.is_reliable() { new } else { fresh };
            channel.note_waits(now, lost, new, &self.all, pen);
        }
    }

    /// Notes all messages, as a journal begins.
    pub(crate) fn note_found(&self, pen: &mut Pen<'_>) {
        for channel in self.busy() {
            channel.note_found(pen);
        }
    }

    pub(crate) fn audit(&self, depth: Depth) -> Checked {
        at_most(4, "receipts", self.receipts.into(), RECEIPTS_MAX.into())?;
        self.all.audit()?;
        self.copies.audit()?;
        self.shares.audit(self.channels.len())?;
        for (channel, id) in self.copies.watched() {
            let channel = &self.channels[usize::from(channel)];
            holds(11, "a message watched for copies", channel.is_watchable(id))?;
        }
        if depth == Depth::Whole {
            self.audit_busy()?;
            let mut all = self.channels.iter();
            return all.try_for_each(|channel| channel.audit(depth));
        }
        self.busy().try_for_each(|channel| channel.audit(depth))
    }

    fn audit_busy(&self) -> Checked {
        let mut all = self.channels.iter().enumerate();
        let is_whole = all.all(|(index, channel)| self.busy.has(index) || channel.is_at_rest());
        holds(11, "who holds something is busy", is_whole)
    }

    pub(crate) fn fingerprint(&self, into: &mut Fingerprint) {
        into.add(&(&self.all, self.receipts, self.retransmissions, &self.copies));
        into.add(&(&self.shares, self.busy));
        for channel in &self.channels {
            channel.fingerprint(into);
        }
    }

    /// Gives all memory back; what is undelivered stays counted.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        self.copies.clear();
        self.channels
            .iter_mut()
            .for_each(|channel| channel.release(pool));
    }
}
