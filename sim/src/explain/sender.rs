//! All that is sent to one peer.

use std::collections::BTreeMap;

use tickwire_core::journal::Step;
use tickwire_core::{ChannelId, Instant};

use super::sent::{Bounds, SendChannel, Sent};
use super::story::End;

/// A message of a channel.
pub(super) type Name = (ChannelId, u64);

/// What is sent to one peer.
#[derive(Debug, Default)]
pub(super) struct Sender {
    pub(super) channels: BTreeMap<ChannelId, SendChannel>,
    /// Packets not known to have arrived: the parts of messages in each.
    packets: BTreeMap<u64, Vec<(Name, Bounds)>>,
}

impl Sender {
    /// Takes a step that concerns what is sent. Returns the message that came to its end by it.
    pub(super) fn take(&mut self, at: Instant, step: Step, is_reliable: bool) -> Option<Name> {
        match step {
            Step::Queued { channel, id, len } => self.channel(channel).on_queued(at, id, len),
            Step::Waits {
                channel,
                again,
                hold,
            } => self.channel(channel).on_waits(at, again, hold),
            Step::Left {
                channel,
                id,
                part,
                packet,
            } => return self.on_left(at, ((channel, id), part), packet, is_reliable),
            Step::Copied {
                channel,
                id,
                packet,
            } => {
                let name = (channel, id);
                self.with(name, |sent| sent.on_copied(at, packet));
                self.packets.entry(packet).or_default().push((name, None));
            }
            Step::ParityLeft {
                channel,
                id,
                part,
                packet,
            } => self.with((channel, id), |sent| sent.on_parity(at, part, packet)),
            Step::PacketLost { packet, cause } => {
                for ((channel, id), part) in self.packets.get(&packet).cloned().unwrap_or_default()
                {
                    let sent = self.channel(channel).lives.get_mut(&id);
                    sent.into_iter()
                        .for_each(|sent| sent.on_lost(at, part, packet, cause));
                }
            }
            Step::PacketsAcked { first, last } => self.on_packets_acked(at, first, last),
            Step::Requeued {
                channel,
                id,
                part,
                is_probe,
            } => self.with((channel, id), |sent| sent.on_requeued(at, part, is_probe)),
            Step::PieceAcked { channel, id, part } => {
                self.with((channel, id), |sent| sent.on_part_acked(at, part));
            }
            Step::Delivered { channel, id } => {
                return self.end(at, (channel, id), End::Acknowledged);
            }
            Step::Dropped { channel, id } => return self.end(at, (channel, id), End::Dropped),
            Step::Abandoned { channel, id, why } => {
                return self.end(at, (channel, id), End::Abandoned(why));
            }
            _ => {}
        }
        None
    }

    fn channel(&mut self, channel: ChannelId) -> &mut SendChannel {
        self.channels.entry(channel).or_default()
    }

    fn with(&mut self, (channel, id): Name, what: impl FnOnce(&mut Sent)) {
        if let Some(sent) = self.channel(channel).lives.get_mut(&id) {
            what(sent);
        }
    }

    fn on_left(
        &mut self,
        at: Instant,
        (name, part): (Name, Bounds),
        packet: u64,
        is_reliable: bool,
    ) -> Option<Name> {
        let (channel, id) = name;
        self.channel(channel).on_left(at, id, part, packet);
        let has_left = self.channel(channel).lives.get(&id)?.has_left();
        self.packets.entry(packet).or_default().push((name, part));
        if has_left && !is_reliable {
            return self.end(at, name, End::Left);
        }
        None
    }

    fn on_packets_acked(&mut self, at: Instant, first: u64, last: u64) {
        let acked = self.packets.range(first..=last).map(|(packet, _)| *packet);
        for packet in acked.collect::<Vec<_>>() {
            for (name, part) in self.packets.remove(&packet).unwrap_or_default() {
                self.with(name, |sent| sent.on_packet_acked(at, part, packet));
            }
        }
    }

    fn end(&mut self, at: Instant, name: Name, end: End) -> Option<Name> {
        let (channel, id) = name;
        let sent = self.channel(channel).lives.get_mut(&id)?;
        if sent.end.is_some() {
            return None;
        }
        sent.end = Some((at, end));
        Some(name)
    }

    /// The connection is over. Returns the messages that came to their end by it.
    pub(super) fn end_all(&mut self, at: Instant) -> Vec<Name> {
        let channels = self.channels.iter_mut();
        let lives = channels.flat_map(|(channel, sends)| {
            let lives = sends.lives.iter_mut();
            lives.map(|(id, sent)| ((*channel, *id), sent))
        });
        let open = lives.filter(|(_, sent)| sent.end.is_none());
        open.map(|(name, sent)| {
            sent.end = Some((at, End::ConnectionOver));
            name
        })
        .collect()
    }

    /// Forgets a message.
    pub(super) fn remove(&mut self, (channel, id): Name) {
        let Some(sent) = self.channel(channel).lives.remove(&id) else {
            return;
        };
        for packet in sent.packets() {
            if let Some(parts) = self.packets.get_mut(&packet) {
                parts.retain(|(name, _)| *name != (channel, id));
                if parts.is_empty() {
                    self.packets.remove(&packet);
                }
            }
        }
    }
}
