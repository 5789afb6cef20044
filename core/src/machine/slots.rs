//! The table of peers, and the connection ids that lead to them without a search.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::config::Config;
use crate::id::PeerId;
use crate::peer::{Peer, State};
use crate::rng::SecretRng;
use crate::saved::saved;
use crate::wire::packet::ConnectionId;

/// How the endpoint's books hold a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A client that has not proved itself, found by its address among the half-open.
    HalfOpen,
    /// Dialled by us, found by its address.
    Dialled,
    /// Connected, found by its address.
    Connected,
    /// Over: found by its connection id only, as long as it drains.
    Over,
}

saved!(enum Entry { 0 = HalfOpen, 1 = Dialled, 2 = Connected, 3 = Over });

/// A peer and its place in the endpoint's queues.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) peer: Box<Peer>,
    pub(crate) entry: Entry,
    /// Another peer proved itself at its address since.
    pub(crate) is_displaced: bool,
    /// It has something to send that may leave now.
    pub(crate) is_due: bool,
    /// When it wants to send, and when it is due, is to be reckoned anew.
    pub(crate) waits_for_reckoning: bool,
    /// It stands in the queue of peers with something to send.
    pub(crate) waits_to_send: bool,
    /// It stands in the queue of peers with something to read.
    pub(crate) waits_to_be_read: bool,
    /// It stands in the queue of peers that were sent something since the last flush.
    pub(crate) waits_for_flush: bool,
}

saved!(Slot {
    peer,
    entry,
    is_displaced,
    is_due,
    waits_for_reckoning,
    waits_to_send,
    waits_to_be_read,
    waits_for_flush
});

/// All peers, by slot. A slot is used again as late as possible, so that a late datagram rarely meets a stranger.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Option<Slot>>,
    generations: Vec<u32>,
    free: VecDeque<u32>,
    slots_max: u32,
    used: u32,
    id_len: usize,
    /// Hides the slot in the connection id, so that ids differ between incarnations of a server.
    mask: u32,
    rng: SecretRng,
}

saved!(Slots { slots, generations, free, slots_max, used, id_len, mask, rng } if Slots::is_sound);

impl Slots {
    pub(crate) fn new(slots_max: u32, id_len: u8, mut rng: SecretRng) -> Self {
        Self {
            slots: Vec::new(),
            generations: Vec::new(),
            free: VecDeque::new(),
            slots_max,
            used: 0,
            id_len: usize::from(id_len),
            mask: rng.next_u64() as u32,
            rng,
        }
    }

    fn is_sound(&self, config: &Config) -> bool {
        self.used as usize == self.slots.iter().flatten().count()
            && self.slots_max == config.slots_max()
            && self.slots.len() <= self.slots_max as usize
            && self.slots.len() == self.generations.len()
            && self.id_len == usize::from(config.connection_id_len)
            && self.free.iter().all(|slot| self.get(*slot).is_none())
            && (0..).zip(&self.slots).all(|(index, slot)| {
                slot.as_ref()
                    .is_none_or(|slot| slot.peer.id.slot() == index)
            })
    }

    pub(crate) const fn used(&self) -> u32 {
        self.used
    }

    /// Slots that were ever in use.
    pub(crate) const fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) const fn id_len(&self) -> usize {
        self.id_len
    }

    /// Names for a new peer, if there is a slot.
    pub(crate) fn reserve(&mut self) -> Option<(PeerId, ConnectionId)> {
        if self.used == self.slots_max {
            return None;
        }
        // A fresh slot first: it was never known to anybody.
        let slot = if self.slots.len() < self.slots_max as usize {
            self.slots.push(None);
            self.generations.push(0);
            self.slots.len() as u32 - 1
        } else {
            self.free.pop_front()?
        };
        self.used += 1;
        Some((
            PeerId::new(slot, self.generations[slot as usize]),
            self.connection_id(slot),
        ))
    }

    fn connection_id(&mut self, slot: u32) -> ConnectionId {
        let mut bytes = [0; ConnectionId::LEN_MAX];
        self.rng.fill(&mut bytes);
        let index_len = self.index_len();
        let masked = (slot ^ self.mask).to_be_bytes();
        bytes[..index_len].copy_from_slice(&masked[4 - index_len..]);
        ConnectionId::new(&bytes[..self.id_len]).expect("Config keeps the length between 2 and 8")
    }

    /// Bytes of a connection id that hold the slot; the others are random.
    const fn index_len(&self) -> usize {
        if self.id_len == 2 { 2 } else { 3 }
    }

    pub(crate) fn insert(&mut self, id: PeerId, peer: Peer, entry: Entry) {
        self.slots[id.slot()] = Some(Slot {
            peer: Box::new(peer),
            entry,
            is_displaced: false,
            is_due: false,
            waits_for_reckoning: false,
            waits_to_send: false,
            waits_to_be_read: false,
            waits_for_flush: false,
        });
    }

    /// The slot of the peer to which datagrams with this id go. Once a connection is gone nothing goes to it, though
    /// its owner may not have polled its end yet.
    pub(crate) fn find(&self, id: &[u8]) -> Option<u32> {
        let index_len = self.index_len();
        let masked = id
            .get(..index_len)?
            .iter()
            .fold(0, |index, byte| index << 8 | u32::from(*byte));
        let slot = (masked ^ self.mask) & ((1u64 << (8 * index_len)) - 1) as u32;
        let found = self.slots.get(slot as usize)?.as_ref()?;
        let is_gone = matches!(found.peer.state, State::Gone);
        (found.peer.local_id.as_bytes() == id && !is_gone).then_some(slot)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The peer of this name, if its owner may still use it.
    pub(crate) fn peer(&self, id: PeerId) -> Option<&Peer> {
        let slot = self.get(id.slot() as u32)?;
        (slot.peer.id == id && slot.peer.is_visible()).then_some(&*slot.peer)
    }

    pub(crate) fn by_id_mut(&mut self, id: PeerId) -> Option<&mut Slot> {
        self.get_mut(id.slot() as u32)
            .filter(|slot| slot.peer.id == id && slot.peer.is_visible())
    }

    pub(crate) fn peer_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.by_id_mut(id).map(|slot| &mut *slot.peer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    /// For a planted mistake: the next peer in this slot has the name of the last.
    pub(crate) fn name_again(&mut self, slot: u32) {
        let generation = &mut self.generations[slot as usize];
        *generation = generation.saturating_sub(1);
    }

    /// Frees a slot; its peer id never comes again.
    pub(crate) fn remove(&mut self, slot: u32) {
        let index = slot as usize;
        self.slots[index] = None;
        self.used -= 1;
        let Some(generation) = self.generations[index].checked_add(1) else {
            return;
        };
        self.generations[index] = generation;
        self.free.push_back(slot);
    }
}
