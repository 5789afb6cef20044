//! The mappings of a NAT, found from inside and from outside.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tickwire_core::Instant;

use super::behaviour::Dependence;
use super::ports::Chooser;
use crate::rng::Rng;

/// What one mapping is for: an inside socket and as much of the destination as the mapping depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    inside: SocketAddr,
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl Key {
    pub(crate) fn new(inside: SocketAddr, dependence: Dependence, dst: SocketAddr) -> Self {
        Self {
            inside,
            address: (dependence >= Dependence::Address).then_some(dst.ip()),
            port: (dependence >= Dependence::AddressAndPort).then_some(dst.port()),
        }
    }
}

/// An inside socket's outside address.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) inside: SocketAddr,
    pub(crate) outside: SocketAddr,
    pub(crate) last_used: Instant,
    /// Whether anything came back.
    pub(crate) is_replied: bool,
    /// To whom something was sent, and when last.
    pub(crate) contacted: BTreeMap<SocketAddr, Instant>,
}

impl Mapping {
    pub(crate) fn new(inside: SocketAddr, outside: SocketAddr, now: Instant) -> Self {
        Self {
            inside,
            outside,
            last_used: now,
            is_replied: false,
            contacted: BTreeMap::new(),
        }
    }

    /// Whether `src` may send to it: it was contacted, as far as the filter asks, and not too long ago.
    pub(crate) fn lets_in(
        &self,
        filtering: Dependence,
        src: SocketAddr,
        now: Instant,
        timeout: Duration,
    ) -> bool {
        let is_recent = |at: &Instant| now < *at + timeout;
        match filtering {
            Dependence::Independent => true,
            Dependence::Address => self
                .contacted
                .iter()
                .any(|(to, at)| to.ip() == src.ip() && is_recent(at)),
            Dependence::AddressAndPort => self.contacted.get(&src).is_some_and(is_recent),
        }
    }
}

/// All mappings, and the pairs of addresses that strangers have taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    mappings: BTreeMap<Key, Mapping>,
    by_outside: BTreeMap<SocketAddr, Key>,
    /// Remote and outside address that an unsolicited datagram took, until when.
    taken: BTreeMap<(SocketAddr, SocketAddr), Instant>,
    pub(super) chooser: Chooser,
}

impl Table {
    pub(crate) fn plug_in(&mut self, first: Ipv4Addr, rng: Rng) {
        self.chooser = Chooser::new(first, rng);
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Mapping> {
        self.mappings.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Mapping> {
        self.mappings.get_mut(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Mapping)> {
        self.mappings.iter()
    }

    pub(crate) fn by_outside(&self, outside: SocketAddr) -> Option<Key> {
        self.by_outside.get(&outside).copied()
    }

    pub(crate) fn is_free(&self, outside: SocketAddr) -> bool {
        !self.by_outside.contains_key(&outside)
    }

    /// Mappings of one inside address.
    pub(crate) fn count(&self, inside: IpAddr) -> usize {
        let is_its = |key: &&Key| key.inside.ip() == inside;
        self.mappings.keys().filter(is_its).count()
    }

    pub(crate) fn insert(&mut self, key: Key, mapping: Mapping) {
        self.by_outside.insert(mapping.outside, key);
        self.mappings.insert(key, mapping);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(mapping) = self.mappings.remove(key) {
            self.by_outside.remove(&mapping.outside);
        }
    }

    /// A stranger's datagram came from `remote` to `outside`.
    pub(crate) fn take(&mut self, remote: SocketAddr, outside: SocketAddr, until: Instant) {
        self.taken.insert((remote, outside), until);
    }

    /// Whether a stranger took this pair and still has it.
    pub(crate) fn is_taken(&self, remote: SocketAddr, outside: SocketAddr, now: Instant) -> bool {
        let until = self.taken.get(&(remote, outside));
        until.is_some_and(|until| now < *until)
    }

    pub(crate) fn forget(&mut self) {
        self.mappings.clear();
        self.by_outside.clear();
        self.taken.clear();
        self.chooser.forget();
    }

    /// Everything again at other addresses.
    pub(crate) fn renumber(&mut self, addresses: u8) {
        self.forget();
        self.chooser.renumber(addresses);
    }
}
