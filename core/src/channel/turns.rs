//! The outbox's way into a packet: a piece of one channel at a time, of the one whose turn it is.

use super::Outbox;
use super::qos::Qos;
use super::shares::Set;
use crate::id::ChannelId;
use crate::journal::Pen;
use crate::peer::packet::PacketBuilder;
use crate::pool::Pool;
use crate::stats::ChannelStats;
use crate::time::Instant;

/// What may go into a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takes {
    /// Unreliable messages.
    pub(crate) fresh: bool,
    /// What was lost.
    pub(crate) lost: bool,
    /// Reliable messages that never left.
    pub(crate) new: bool,
    /// What leaves counts for its channel's share: the others would have had its place.
    pub(crate) counts: bool,
}

/// Channels with something to send.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    lost: Set,
    new: Set,
}

impl Outbox {
    /// Puts what may leave into the packet, as far as it fits.
    pub(crate) fn fill(
        &mut self,
        now: Instant,
        takes: Takes,
        packet: &mut PacketBuilder<'_>,
        pool: &mut Pool,
        pen: &mut Pen<'_>,
    ) {
        let mut due = Due::default();
        // Less what does not fit into this packet.
        let mut candidates = Due::default();
        for channel in self.busy.iter() {
            self.look(now, channel, &mut due);
            self.admit(channel, takes, due, &mut candidates);
        }
        while let Some((channel, is_lost)) = self.shares.next(candidates.lost, candidates.new) {
            let sender = &mut self.channels[channel];
            let (all, copies) = (&mut self.all, &mut self.copies);
            let bytes = match is_lost {
                true => sender.put_lost(now, copies, packet, pen),
                false => sender.put_new(now, all, copies, packet, pool, pen),
            };
            let Some(bytes) = bytes else {
                match is_lost {
                    true => candidates.lost.set(channel, false),
                    false => candidates.new.set(channel, false),
                }
                continue;
            };
            self.retransmissions += u64::from(is_lost);
            if takes.counts {
                self.shares.serve(channel, bytes, due.lost.and(due.new));
            }
            let before = candidates;
            self.look(now, channel, &mut due);
            self.admit(channel, takes, due, &mut candidates);
            // What did not fit does not fit later.
            if !before.new.has(channel) {
                candidates.new.set(channel, false);
            }
        }
        if due.lost.is_empty() && due.new.is_empty() {
            self.shares.rest();
        }
        for channel in self.busy.iter() {
            self.rest(channel);
        }
    }

    /// Whether a channel has something that may leave.
    fn look(&mut self, now: Instant, channel: usize, due: &mut Due) {
        let sender = &mut self.channels[channel];
        due.lost.set(channel, sender.has_lost_due(now));
        due.new.set(channel, sender.has_new_due(now, &self.all));
    }

    /// Takes it into the choice if it is what the packet takes.
    fn admit(&self, channel: usize, takes: Takes, due: Due, into: &mut Due) {
        let takes_new = match self.channels[channel].is_reliable() {
            true => takes.new,
            false => takes.fresh,
        };
        into.lost.set(channel, takes.lost && due.lost.has(channel));
        into.new.set(channel, takes_new && due.new.has(channel));
    }

    /// Serves a channel so from here on.
    pub(crate) fn set_qos(&mut self, now: Instant, channel: ChannelId, qos: &Qos) {
        self.shares.set(channel.index(), qos);
        self.channels[channel.index()].meter.set(now, qos.rate);
    }

    /// `None` if there is no such channel.
    pub(crate) fn channel_stats(&self, channel: ChannelId) -> Option<ChannelStats> {
        let sender = self.channels.get(channel.index())?;
        let (priority, weight) = self.shares.of(channel.index());
        let meter = &sender.meter;
        Some(ChannelStats {
            qos: Qos {
                priority,
                weight,
                rate: meter.limit(),
            },
            queued_bytes: sender.queued_bytes() as u64,
            bytes_sent: meter.bytes_sent,
            rate_waits: meter.rate_waits,
        })
    }
}
