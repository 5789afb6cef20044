//! Who is behind which NAT, and the way of a datagram through them.
//!
//! Each NAT has an inside: a realm of hosts, and of further NATs, that see each other directly. Outside all of
//! them is the public realm. A datagram climbs from its sender's realm through NAT after NAT until its destination
//! is in sight, and then goes down through those that own the destination. All translations happen when it is sent;
//! the time on the way belongs to the link between the two hosts.

use std::net::SocketAddr;

use tickwire_core::Instant;

use super::{Hairpin, Nat};
use crate::address::{self, Receiver};
use crate::faults::{DropCause, FaultCounts};
use crate::host::HostId;
use crate::rng::Rng;

/// Names a NAT of a [`World`](crate::World).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NatId(u16);

impl NatId {
    fn index(self) -> usize {
        self.0.into()
    }
}

/// The inside of a NAT, or the public realm.
type Realm = Option<NatId>;

/// All NATs and who is behind them.
#[derive(Debug, Default)]
pub(crate) struct Realms {
    nats: Vec<(Nat, Realm)>,
    /// Of each host; missing ones are public.
    hosts: Vec<Realm>,
}

/// Where a datagram ends, and what its receiver takes for its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    To {
        host: HostId,
        src: SocketAddr,
        dst: SocketAddr,
    },
    /// Broadcast or multicast.
    Everybody,
    Nobody,
    Stopped(DropCause),
}

/// Most NATs on one way, there and back: more is a circle.
const HOPS_MAX: usize = 16;

impl Realms {
    pub(crate) fn add(&mut self, mut nat: Nat, outer: Realm, now: Instant, rng: &Rng) -> NatId {
        let number = u16::try_from(self.nats.len()).expect("at most 8,192 NATs");
        nat.plug_in(
            now,
            address::nat_address(number),
            rng.fork_nth("nat", number.into()),
        );
        self.nats.push((nat, outer));
        NatId(number)
    }

    pub(crate) fn put_behind(&mut self, host: HostId, nat: Realm) {
        if self.hosts.len() <= host.index() {
            self.hosts.resize(host.index() + 1, None);
        }
        self.hosts[host.index()] = nat;
    }

    pub(crate) fn nat_mut(&mut self, nat: NatId) -> &mut Nat {
        &mut self.nats[nat.index()].0
    }

    pub(crate) fn heal(&mut self) {
        self.nats.iter_mut().for_each(|(nat, _)| nat.heal());
    }

    pub(crate) fn faults(&self) -> FaultCounts {
        let mut faults = FaultCounts::default();
        self.nats.iter().for_each(|(nat, _)| faults += nat.faults);
        faults
    }

    pub(crate) fn realm(&self, host: HostId) -> Realm {
        self.hosts.get(host.index()).copied().flatten()
    }

    /// The way of a datagram among `hosts` hosts.
    pub(crate) fn way(
        &mut self,
        now: Instant,
        from: HostId,
        (src, dst): (SocketAddr, SocketAddr),
        hosts: usize,
    ) -> Way {
        if self.nats.is_empty() {
            return direct(address::receiver(dst, hosts), src, dst);
        }
        if address::receiver(dst, hosts) == Receiver::Everybody {
            return Way::Everybody;
        }
        match self.walk(now, from, (src, dst), hosts) {
            Ok(way) => way,
            Err(cause) => Way::Stopped(cause),
        }
    }

    fn walk(
        &mut self,
        now: Instant,
        from: HostId,
        (mut src, mut dst): (SocketAddr, SocketAddr),
        hosts: usize,
    ) -> Result<Way, DropCause> {
        let mut realm = self.realm(from);
        for _ in 0..HOPS_MAX {
            if let Receiver::Host(host) = address::receiver(dst, hosts)
                && self.realm(host) == realm
            {
                return Ok(Way::To { host, src, dst });
            }
            if let Some(nat) = self.owner(dst, realm) {
                dst = self.nat_mut(nat).inbound(src, dst, now)?;
                realm = Some(nat);
            } else if let Some(id) = realm {
                (src, dst, realm) = self.climb(now, id, src, dst)?;
            } else {
                break;
            }
        }
        Ok(Way::Nobody)
    }

    /// Out of a NAT, or back from its outer wall.
    fn climb(
        &mut self,
        now: Instant,
        id: NatId,
        src: SocketAddr,
        dst: SocketAddr,
    ) -> Result<(SocketAddr, SocketAddr, Realm), DropCause> {
        let (nat, outer) = &mut self.nats[id.index()];
        let outside = nat.outbound(src, dst, now)?;
        if !nat.owns(dst.ip()) {
            return Ok((outside, dst, *outer));
        }
        let seen = match nat.turns_around() {
            Hairpin::Off => return Err(DropCause::NatNotTurned),
            Hairpin::InternalSource => src,
            Hairpin::ExternalSource => outside,
        };
        Ok((seen, nat.inbound(outside, dst, now)?, Some(id)))
    }

    /// The NAT in this realm that has this outside address.
    fn owner(&self, dst: SocketAddr, realm: Realm) -> Option<NatId> {
        let id = address::nat_number(dst.ip()).map(NatId)?;
        let (nat, outer) = self.nats.get(id.index())?;
        (*outer == realm && nat.owns(dst.ip())).then_some(id)
    }
}

fn direct(receiver: Receiver, src: SocketAddr, dst: SocketAddr) -> Way {
    match receiver {
        Receiver::Host(host) => Way::To { host, src, dst },
        Receiver::Everybody => Way::Everybody,
        Receiver::Nobody => Way::Nobody,
    }
}

#[cfg(test)]
mod tests;
