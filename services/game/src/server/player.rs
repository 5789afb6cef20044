//! What the server knows of one player, and the order players are kept in.

use alloc::collections::BTreeMap;

use tickwire_core::PeerId;

use crate::event_log::EventLog;
use crate::name::{Name, PlayerId};
use crate::snapshot::{PlayerState, Position};

#[derive(Clone, Debug)]
pub(super) struct Player {
    pub(super) id: PlayerId,
    pub(super) peer: PeerId,
    pub(super) name: Name,
    pub(super) position: Position,
    pub(super) score: u32,
    /// The score that the others know.
    pub(super) score_announced: u32,
    pub(super) shots_this_tick: u32,
    /// Steps since something authentic arrived.
    pub(super) silent_ticks: u32,
    /// Authentic datagrams, when last asked.
    pub(super) datagrams_seen: u64,
    /// Events sent to it so far: the next one's number.
    pub(super) events_sent: u32,
    /// Events received from it.
    pub(super) events: EventLog,
}

impl Player {
    pub(super) fn new(id: PlayerId, peer: PeerId, name: Name, events: EventLog) -> Self {
        Self {
            id,
            peer,
            name,
            position: Position::default(),
            score: 0,
            score_announced: 0,
            shots_this_tick: 0,
            silent_ticks: 0,
            datagrams_seen: 0,
            events_sent: 0,
            events,
        }
    }

    /// Notes how many authenticated datagrams came so far: more than last time is a sign of life.
    pub(super) const fn hear(&mut self, datagrams_received: u64) {
        if datagrams_received != self.datagrams_seen {
            self.datagrams_seen = datagrams_received;
            self.silent_ticks = 0;
        }
    }

    pub(super) const fn state(&self) -> PlayerState {
        PlayerState {
            id: self.id,
            score: self.score,
            position: self.position,
        }
    }
}

/// The players, found by peer and visited by id, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Players {
    by_id: BTreeMap<PlayerId, Player>,
    ids: BTreeMap<PeerId, PlayerId>,
}

impl Players {
    pub(super) fn insert(&mut self, player: Player) {
        self.ids.insert(player.peer, player.id);
        self.by_id.insert(player.id, player);
    }

    pub(super) fn remove(&mut self, peer: PeerId) -> Option<Player> {
        let id = self.ids.remove(&peer)?;
        self.by_id.remove(&id)
    }

    pub(super) fn find_mut(&mut self, peer: PeerId) -> Option<&mut Player> {
        self.by_id.get_mut(self.ids.get(&peer)?)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Player> {
        self.by_id.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Player> {
        self.by_id.values_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn is_named(&self, name: &Name) -> bool {
        self.iter().any(|player| player.name == *name)
    }
}
