//! Whose turn it is: priorities without starvation.
//!
//! Each channel has a count of what it was *served*: bytes, divided by its weight. Of the channels that have something to
//! send, the one that was served least is at 0, so each count says how far its channel is ahead of its share. The channel
//! with the highest priority goes next, and among equals the one that was served least; but who is ahead by more than
//! [`LEAD`] goes behind all who are not. So priorities decide what leaves first, and weights what leaves in the long run.
//!
//! This is start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) with priorities until a channel is `LEAD` ahead. As
//! there, and as with deficit round robin (Shreedhar and Varghese, SIGCOMM 1995; the weighted scheduler of RFC 8260 section
//! 3.6 leaves the choice open), two channels that both always have something to send are served alike to within a constant:
//! here `LEAD` and a piece each. Fair queueing and not round robin, because a packet takes a few pieces: a round of all
//! channels does not fit into one, and a counter says the same without a place in the round. Who has nothing to send falls
//! back to 0 as the others go on, so idle time buys nothing later (the virtual time of fair queueing is the 0 here).
//!
//! Unreliable channels are served first whatever their priority, until they are ahead, and each of their bytes counts a
//! sixteenth: what is fresh goes before bulk and bulk gets the rest, but not nothing. While a full congestion window keeps all
//! reliable messages, what is fresh leaves and counts nothing: it takes nothing from anybody.

use alloc::vec::Vec;

use super::options::Priority;
use super::qos::{Qos, WEIGHT_MAX};
use crate::audit::{Checked, at_most, holds};
use crate::saved::saved;

/// One byte of a channel with weight 1.
const SCALE: u64 = 1 << 16;
/// How far a channel may be ahead, in bytes for each unit of its weight: with the default weight about eight datagrams.
const LEAD_BYTES: u64 = 1_024;
const LEAD: u64 = LEAD_BYTES * SCALE;
/// What a byte of an unreliable channel counts: one of so many.
const FRESH_BYTES: u64 = 16;

/// Channels, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u32);

saved!(Set(bits));

impl Set {
    pub(super) fn set(&mut self, channel: usize, is_in: bool) {
        self.0 = self.0 & !(1 << channel) | u32::from(is_in) << channel;
    }

    pub(super) const fn has(self, channel: usize) -> bool {
        self.0 & 1 << channel != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let next = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (next < u32::BITS).then_some(next as usize)
        })
    }
}

/// One channel among the others.
#[derive(Clone, Copy, Debug)]
struct Share {
    priority: Priority,
    weight: u8,
    is_fresh: bool,
    /// How far it is ahead: bytes times [`SCALE`] by weight.
    served: u64,
}

saved!(Share {
    priority,
    weight,
    is_fresh,
    served
});

/// All channels of a peer.
#[derive(Debug, Default)]
pub(super) struct Shares {
    list: Vec<Share>,
}

saved!(Shares { list } if |shares, config| {
    let weights = 1..=WEIGHT_MAX;
    shares.list.len() == config.channels.len()
        && shares.list.iter().all(|share| weights.contains(&share.weight))
});

impl Shares {
    pub(super) fn new(channels: impl Iterator<Item = (Qos, bool)>) -> Self {
        let list = channels.map(|(qos, is_fresh)| Share {
            priority: qos.priority,
            weight: qos.weight,
            is_fresh,
            served: 0,
        });
        Self {
            list: list.collect(),
        }
    }

    pub(super) fn set(&mut self, channel: usize, qos: &Qos) {
        let share = &mut self.list[channel];
        (share.priority, share.weight) = (qos.priority, qos.weight);
    }

    /// Priority and weight of a channel.
    pub(super) fn of(&self, channel: usize) -> (Priority, u8) {
        let share = &self.list[channel];
        (share.priority, share.weight)
    }

    /// Whether a channel is ahead of its share, and goes behind all that are not.
    pub(super) fn is_ahead(&self, channel: usize) -> bool {
        self.list[channel].is_ahead()
    }

    /// The next of `lost` and `new`, and whether it is of `lost`: of equal priorities what was lost goes first.
    pub(super) fn next(&self, lost: Set, new: Set) -> Option<(usize, bool)> {
        let key = |channel: usize| {
            let share = &self.list[channel];
            let is_new = !lost.has(channel);
            let priority = core::cmp::Reverse(share.priority);
            let order = (!share.is_fresh, priority, is_new);
            (share.is_ahead(), order, share.served, channel)
        };
        let next = lost.and(new).iter().min_by_key(|channel| key(*channel))?;
        Some((next, lost.has(next)))
    }

    /// So many bytes of `channel` go, while these have something to send.
    pub(super) fn serve(&mut self, channel: usize, bytes: usize, all: Set) {
        let share = &mut self.list[channel];
        let bytes = bytes as u64 * SCALE;
        share.served = share.served.saturating_add(bytes / share.rate());
        let least = all.iter().map(|channel| self.list[channel].served).min();
        for share in &mut self.list {
            share.served = share.served.saturating_sub(least.unwrap_or(0));
        }
    }

    /// Nobody has anything to send: what was does not count any more.
    pub(super) fn rest(&mut self) {
        for share in &mut self.list {
            share.served = 0;
        }
    }

    pub(super) fn audit(&self, channels: usize) -> Checked {
        let is_complete = self.list.len() == channels;
        holds(11, "every channel has a share", is_complete)?;
        let weights = self.list.iter().map(|share| share.weight);
        let most = weights.max().unwrap_or(0);
        at_most(
            11,
            "the weight of a channel",
            most.into(),
            WEIGHT_MAX.into(),
        )
    }
}

impl Share {
    /// Bytes that count as one of weight 1.
    fn rate(&self) -> u64 {
        let bytes = if self.is_fresh { FRESH_BYTES } else { 1 };
        u64::from(self.weight) * bytes
    }

    /// So few of their bytes count, and yet they are ahead as soon as others.
    fn is_ahead(&self) -> bool {
        let bytes = if self.is_fresh { FRESH_BYTES } else { 1 };
        self.served >= LEAD / bytes
    }
}

#[cfg(test)]
mod tests;
