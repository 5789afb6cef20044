//! Network address translators: what stands between a home and the world, along the axes of RFC 4787.
//!
//! | axis      | question                                                         | RFC 4787              |
//! |-----------|------------------------------------------------------------------|-----------------------|
//! | mapping   | do two destinations see the same outside address of one socket?  | 4.1, REQ-1            |
//! | pooling   | do all sockets of one host get the same outside address?         | 4.1, REQ-2            |
//! | ports     | which port does a new mapping get?                               | 4.2                   |
//! | timeouts  | when does an unused mapping end, and what counts as use?         | 4.3, REQ-5 and REQ-6  |
//! | filtering | who may send to a mapping?                                       | 5, REQ-8              |
//! | hairpin   | can two hosts behind it meet at their outside addresses?         | 6, REQ-9              |
//!
//! A [`Nat`] is a pure state machine: addresses and the time go in, addresses or a refusal come out. It never holds
//! datagrams. The popular names for kinds of NAT are points in this space: "full cone" is independent mapping and
//! filtering, "symmetric" is mapping by address and port.
//!
//! Two sorts of trouble go beyond the RFC. A NAT may [forget](Nat::reboot_at), [change its
//! ports](Nat::rebind_every) or [its address](Nat::renumber_every) under a living connection. And a NAT that keeps
//! ports may have them [taken by strangers](Nat::inbound_clash): Linux without a rule that drops unsolicited datagrams
//! keeps one that came too early as a flow of its own, and gives the later outbound flow another port.

mod behaviour;
mod ports;
pub(crate) mod realms;
mod table;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tickwire_core::Instant;

pub use self::behaviour::{Dependence, Hairpin, Pooling, Ports, Refresh};
use self::table::{Key, Mapping, Table};
use crate::faults::{DropCause, FaultCounts};
use crate::rng::Rng;

/// A translator with its state. The default is a good home router: independent mapping, filtering by address and port,
/// ports kept where possible, no hairpin, 30 s for a mapping without an answer and 120 s for others, as Linux has it.
///
/// ```
/// use tickwire_sim::{Dependence, Nat, World, ms};
/// # use tickwire_core::Config;
///
/// let mut world = World::new(7);
/// let _server = world.add(Config::default());
/// let player = world.add(Config::default());
/// // The player's router is behind its provider's: two translations.
/// let carrier = world.add_nat(Nat::new().mapping(Dependence::AddressAndPort));
/// let home = world.add_nat_behind(Nat::new().timeouts(ms(10_000), ms(30_000)), carrier);
/// world.put_behind(player, home);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Nat {
    mapping: Dependence,
    filtering: Dependence,
    ports: Ports,
    pooling: Pooling,
    hairpin: Hairpin,
    unreplied_timeout: Duration,
    stream_timeout: Duration,
    refresh: Refresh,
    quota: usize,
    has_clashes: bool,
    is_blocking: bool,
    /// Times at which it forgets everything, ascending.
    reboots: Vec<Instant>,
    rebind_interval: Option<Duration>,
    renumber_interval: Option<Duration>,
    table: Table,
    /// How often it changed its ports, and its addresses.
    rebindings: u64,
    renumberings: u64,
    pub(crate) faults: FaultCounts,
}

impl Default for Nat {
    fn default() -> Self {
        Self {
            mapping: Dependence::Independent,
            filtering: Dependence::AddressAndPort,
            ports: Ports::PreserveElseRandom,
            pooling: Pooling::Paired { addresses: 1 },
            hairpin: Hairpin::Off,
            unreplied_timeout: Duration::from_secs(30),
            stream_timeout: Duration::from_secs(120),
            refresh: Refresh::Both,
            quota: 4_096,
            has_clashes: false,
            is_blocking: false,
            reboots: Vec::new(),
            rebind_interval: None,
            renumber_interval: None,
            table: Table::default(),
            rebindings: 0,
            renumberings: 0,
            faults: FaultCounts::default(),
        }
    }
}

impl Nat {
    /// A good home router.
    pub fn new() -> Self {
        Self::default()
    }

    /// On what of the destination a mapping depends.
    pub fn mapping(mut self, dependence: Dependence) -> Self {
        self.mapping = dependence;
        self
    }

    /// What of a sender must have been contacted through a mapping before it may use that.
    pub fn filtering(mut self, dependence: Dependence) -> Self {
        self.filtering = dependence;
        self
    }

    /// How ports are chosen.
    pub fn ports(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }

    /// How many outside addresses there are, and which one a mapping gets.
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = pooling;
        self
    }

    /// What happens to a datagram from inside to an outside address of this NAT.
    pub fn hairpin(mut self, hairpin: Hairpin) -> Self {
        self.hairpin = hairpin;
        self
    }

    /// How long an unused mapping lives before anything came back through it, and after.
    pub fn timeouts(mut self, unreplied: Duration, stream: Duration) -> Self {
        (self.unreplied_timeout, self.stream_timeout) = (unreplied, stream);
        self
    }

    /// What counts as use of a mapping.
    pub fn refresh(mut self, refresh: Refresh) -> Self {
        self.refresh = refresh;
        self
    }

    /// Mappings that one inside address may have at once.
    pub fn quota(mut self, mappings: usize) -> Self {
        self.quota = mappings;
        self
    }

    /// An unsolicited datagram from outside takes its pair of addresses: a later mapping that wants the same pair gets
    /// another port, for that destination only.
    pub fn inbound_clash(mut self) -> Self {
        self.has_clashes = true;
        self
    }

    /// Lets no UDP out.
    pub fn block_udp(mut self) -> Self {
        self.is_blocking = true;
        self
    }

    /// Forgets everything at these times of the world.
    pub fn reboot_at(mut self, times: impl IntoIterator<Item = Instant>) -> Self {
        self.reboots = times.into_iter().collect();
        self.reboots.sort_unstable();
        self
    }

    /// Gives all its mappings new ports this often.
    pub fn rebind_every(mut self, interval: Duration) -> Self {
        self.rebind_interval = Some(interval.max(Duration::from_millis(1)));
        self
    }

    /// Moves to other outside addresses this often.
    pub fn renumber_every(mut self, interval: Duration) -> Self {
        self.renumber_interval = Some(interval.max(Duration::from_millis(1)));
        self
    }

    /// Gets its addresses, `first` and those behind it, and its chance.
    pub(crate) fn plug_in(&mut self, now: Instant, first: Ipv4Addr, rng: Rng) {
        self.table.plug_in(first, rng);
        self.rebindings = epoch(now, self.rebind_interval);
        self.renumberings = epoch(now, self.renumber_interval);
    }

    /// A good router of the same kind: no trouble by plan, patience, and room for everybody.
    pub(crate) fn heal(&mut self) {
        let usual = Self::default();
        self.unreplied_timeout = self.unreplied_timeout.max(usual.unreplied_timeout);
        self.stream_timeout = self.stream_timeout.max(usual.stream_timeout);
        self.quota = self.quota.max(usual.quota);
        if self.ports == Ports::Preserve {
            self.ports = usual.ports;
        }
        self.is_blocking = false;
        self.reboots.clear();
        self.rebind_interval = None;
        self.renumber_interval = None;
    }

    /// Forgets everything.
    pub(crate) fn reboot(&mut self) {
        self.table.forget();
        self.faults.nat_rebooted += 1;
    }

    /// Gives all its mappings other ports, now and from now on.
    pub(crate) fn rebind(&mut self) {
        self.ports = Ports::Random;
        self.table.forget();
        self.faults.nat_rebound += 1;
    }

    /// Moves to other outside addresses.
    pub(crate) fn renumber(&mut self) {
        self.table.renumber(self.pooling.addresses());
        self.faults.nat_renumbered += 1;
    }

    /// Whether this is one of its outside addresses.
    pub(crate) fn owns(&self, address: IpAddr) -> bool {
        self.table
            .outside_index(address, self.pooling.addresses())
            .is_some()
    }

    pub(crate) fn turns_around(&self) -> Hairpin {
        self.hairpin
    }

    /// A datagram leaves: the address that the world sees it come from.
    pub(crate) fn outbound(
        &mut self,
        src: SocketAddr,
        dst: SocketAddr,
        now: Instant,
    ) -> Result<SocketAddr, DropCause> {
        self.on_time(now);
        if self.is_blocking {
            return Err(DropCause::NatBlocked);
        }
        let own_way = Key::new(src, Dependence::AddressAndPort, dst);
        let usual = Key::new(src, self.mapping, dst);
        self.expire(&own_way, now);
        self.expire(&usual, now);
        let is_apart = self.table.get(&own_way).is_some();
        let mut key = if is_apart { own_way } else { usual };
        if self.table.get(&key).is_none() {
            self.open(key, src, now)?;
        }
        let outside = self.table.get(&key).map(|mapping| mapping.outside);
        if let Some(outside) = outside
            && self.table.is_taken(dst, outside, now)
        {
            key = own_way;
            self.open_apart(key, src, now)?;
        }
        let mapping = self.table.get_mut(&key).ok_or(DropCause::NatFull)?;
        mapping.last_used = now;
        mapping.contacted.insert(dst, now);
        Ok(mapping.outside)
    }

    /// A datagram comes to an outside address: the inside address it is for.
    pub(crate) fn inbound(
        &mut self,
        src: SocketAddr,
        dst: SocketAddr,
        now: Instant,
    ) -> Result<SocketAddr, DropCause> {
        self.on_time(now);
        let Some(key) = self.table.by_outside(dst) else {
            return Err(self.turn_away(src, dst, now, DropCause::NatUnmapped));
        };
        self.expire(&key, now);
        let Some(mapping) = self.table.get(&key) else {
            return Err(self.turn_away(src, dst, now, DropCause::NatUnmapped));
        };
        let timeout = self.timeout(mapping);
        if !mapping.lets_in(self.filtering, src, now, timeout) {
            return Err(self.turn_away(src, dst, now, DropCause::NatFiltered));
        }
        let refresh = self.refresh;
        let mapping = self.table.get_mut(&key).ok_or(DropCause::NatUnmapped)?;
        mapping.is_replied = true;
        if refresh == Refresh::Both {
            mapping.last_used = now;
            if let Some(contacted) = mapping.contacted.get_mut(&src) {
                *contacted = now;
            }
        }
        Ok(mapping.inside)
    }

    fn turn_away(
        &mut self,
        src: SocketAddr,
        dst: SocketAddr,
        now: Instant,
        cause: DropCause,
    ) -> DropCause {
        if self.has_clashes {
            self.table.take(src, dst, now + self.unreplied_timeout);
        }
        cause
    }

    fn timeout(&self, mapping: &Mapping) -> Duration {
        match mapping.is_replied {
            true => self.stream_timeout,
            false => self.unreplied_timeout,
        }
    }

    fn expire(&mut self, key: &Key, now: Instant) {
        let is_over = |mapping: &Mapping| now >= mapping.last_used + self.timeout(mapping);
        if self.table.get(key).is_some_and(is_over) {
            self.table.remove(key);
            self.faults.nat_expired += 1;
        }
    }

    fn open(&mut self, key: Key, src: SocketAddr, now: Instant) -> Result<(), DropCause> {
        let ports = if self.rebindings > 0 {
            Ports::Random
        } else {
            self.ports
        };
        self.open_with(ports, key, src, now)
    }

    /// A mapping for one destination, with any port but the usual one.
    fn open_apart(&mut self, key: Key, src: SocketAddr, now: Instant) -> Result<(), DropCause> {
        self.table.remove(&key);
        self.open_with(Ports::Random, key, src, now)
    }

    fn open_with(
        &mut self,
        ports: Ports,
        key: Key,
        src: SocketAddr,
        now: Instant,
    ) -> Result<(), DropCause> {
        let over: Vec<Key> = self
            .table
            .iter()
            .filter(|(_, mapping)| now >= mapping.last_used + self.timeout(mapping))
            .map(|(key, _)| *key)
            .collect();
        over.iter().for_each(|key| self.expire(key, now));
        if self.table.count(src.ip()) >= self.quota {
            return Err(DropCause::NatFull);
        }
        let outside = self.table.free(ports, self.pooling, src);
        let outside = outside.ok_or(DropCause::NatFull)?;
        self.table.insert(key, Mapping::new(src, outside, now));
        Ok(())
    }

    /// Lets happen what its plan says for the time that has passed.
    fn on_time(&mut self, now: Instant) {
        let due = self.reboots.iter().take_while(|at| **at <= now).count();
        if due > 0 {
            self.reboots.drain(..due);
            self.reboot();
        }
        let rebindings = epoch(now, self.rebind_interval);
        if rebindings > self.rebindings {
            self.rebindings = rebindings;
            self.table.forget();
            self.faults.nat_rebound += 1;
        }
        let renumberings = epoch(now, self.renumber_interval);
        if renumberings > self.renumberings {
            self.renumberings = renumberings;
            self.renumber();
        }
    }
}

/// One line with all settings.
impl fmt::Display for Nat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NAT(map {:?}, filter {:?}", self.mapping, self.filtering)?;
        write!(f, ", {:?}, {:?}", self.ports, self.pooling)?;
        write!(
            f,
            ", hairpin {:?}, refresh {:?}",
            self.hairpin, self.refresh
        )?;
        let (unreplied, stream) = (self.unreplied_timeout, self.stream_timeout);
        write!(f, ", {unreplied:?}/{stream:?}, quota {}", self.quota)?;
        for reboot in &self.reboots {
            write!(f, ", reboot at {reboot}")?;
        }
        if let Some(interval) = self.rebind_interval {
            write!(f, ", rebinds every {interval:?}")?;
        }
        if let Some(interval) = self.renumber_interval {
            write!(f, ", renumbers every {interval:?}")?;
        }
        f.write_str(if self.has_clashes { ", clashes" } else { "" })?;
        f.write_str(if self.is_blocking { ", no UDP)" } else { ")" })
    }
}

/// How many intervals have passed.
fn epoch(now: Instant, interval: Option<Duration>) -> u64 {
    let nanos = interval.map_or(u128::MAX, |interval| interval.as_nanos());
    u64::try_from(u128::from(now.as_nanos()) / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
