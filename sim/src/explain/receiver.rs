//! All that came from one peer.

use std::collections::{BTreeMap, VecDeque};

use tickwire_core::journal::Step;
use tickwire_core::{ChannelId, Instant};

use super::received::{Came, ReceiveChannel};
use super::sender::Name;
use super::story::End;

/// What came from one peer.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    pub(super) channels: BTreeMap<ChannelId, ReceiveChannel>,
    /// What its owner can poll, in order; `None` was ready before the journal began.
    ready: VecDeque<Option<Name>>,
}

impl Receiver {
    /// Takes a step that concerns what came. Returns the message that came to its end by it.
    pub(super) fn take(&mut self, at: Instant, step: Step, is_reliable: bool) -> Option<Name> {
        match step {
            Step::Arrived {
                channel,
                name,
                offset,
                total,
                len,
                packet,
            } => self.of(channel, is_reliable).on_arrived(Came {
                at,
                name,
                offset,
                total,
                len,
                packet,
            }),
            Step::Recovered {
                channel,
                name,
                offset,
                len,
                packet,
            } => self
                .of(channel, is_reliable)
                .on_recovered(at, name, offset, len, packet),
            Step::Refused {
                channel,
                name,
                packet,
            } => {
                let id = self.of(channel, is_reliable).on_refused(at, name, packet)?;
                return Some((channel, id));
            }
            Step::Held {
                channel,
                id,
                missing,
            } => self.of(channel, is_reliable).on_held(at, id, missing),
            Step::Discarded { channel, name, why } => {
                let id = self.of(channel, is_reliable).on_discarded(at, name, why)?;
                return Some((channel, id));
            }
            Step::Ready { channel, id } => {
                let id = self.of(channel, is_reliable).on_ready(at, id);
                self.ready.push_back(id.map(|id| (channel, id)));
            }
            Step::HandedOut { .. } => {
                let (channel, id) = self.ready.pop_front()??;
                self.of(channel, is_reliable).on_handed_out(at, id);
                return Some((channel, id));
            }
            _ => {}
        }
        None
    }

    fn of(&mut self, channel: ChannelId, is_reliable: bool) -> &mut ReceiveChannel {
        let new = || ReceiveChannel::new(is_reliable);
        self.channels.entry(channel).or_insert_with(new)
    }

    /// The connection is over: what is not ready will never be. Returns those messages.
    pub(super) fn end_all(&mut self, at: Instant) -> Vec<Name> {
        let channels = self.channels.iter_mut();
        let lives = channels.flat_map(|(channel, receives)| {
            let lives = receives.lives.iter_mut();
            lives.map(|(id, received)| ((*channel, *id), received))
        });
        let open = lives.filter(|(_, received)| received.end.is_none() && !received.is_ready());
        open.map(|(name, received)| {
            received.end = Some((at, End::ConnectionOver));
            name
        })
        .collect()
    }

    /// Forgets a message.
    pub(super) fn remove(&mut self, (channel, id): Name) {
        if let Some(channel) = self.channels.get_mut(&channel) {
            channel.lives.remove(&id);
        }
    }
}
