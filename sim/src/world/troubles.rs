//! What a test may do to a world: partitions, hosts that fail, NATs in between, and the end of it all.

use std::time::Duration;

use tickwire_core::{Config, Instant};

use super::World;
use crate::fate::FateCounts;
use crate::faults::FaultCounts;
use crate::host::HostId;
use crate::link::Link;
use crate::nat::Nat;
use crate::nat::realms::NatId;

/// The network.
impl World {
    /// Puts a link in place from `from` to `to`: one direction. Datagrams under way are not affected, except that
    /// those that wait before a slow link leave at once.
    pub fn link(&mut self, from: HostId, to: HostId, link: Link) {
        self.network.set_link(self.now, from, to, link);
    }

    /// Puts a link in place for every direction that has none of its own.
    pub fn default_link(&mut self, link: Link) {
        self.network.set_default_link(self.now, link);
    }

    /// Changes the link of one direction, which begins anew: `|link| link.mtu(576)`.
    pub fn change_link(&mut self, from: HostId, to: HostId, change: impl FnOnce(Link) -> Link) {
        let link = change(self.network.link(from, to).clone());
        self.link(from, to, link);
    }

    /// Cuts every link between a host of `left` and one of `right`, both ways. Datagrams under way still arrive.
    pub fn partition(&mut self, left: &[HostId], right: &[HostId]) {
        self.network.partitions().cut(left, right);
    }

    /// Cuts every link from a host of `from` to one of `to`, but not the way back.
    pub fn partition_one_way(&mut self, from: &[HostId], to: &[HostId]) {
        self.network.partitions().cut_one_way(from, to);
    }

    /// Ends all partitions.
    pub fn repair(&mut self) {
        self.network.partitions().repair();
    }

    /// Adds a NAT to the public network; [`put_behind`](Self::put_behind) gives it hosts.
    pub fn add_nat(&mut self, nat: Nat) -> NatId {
        self.realms.add(nat, None, self.now, &self.rng)
    }

    /// Adds a NAT behind another: a home router behind its provider's.
    pub fn add_nat_behind(&mut self, nat: Nat, outer: NatId) -> NatId {
        self.realms.add(nat, Some(outer), self.now, &self.rng)
    }

    /// Moves a host behind a NAT. From outside it can then be reached only through the NAT's mappings; those behind
    /// the same NAT share a LAN with it.
    pub fn put_behind(&mut self, host: HostId, nat: NatId) {
        self.realms.put_behind(host, Some(nat));
    }

    /// Moves a host back to the public network.
    pub fn put_in_public(&mut self, host: HostId) {
        self.realms.put_behind(host, None);
    }

    /// Makes a NAT forget everything now.
    pub fn reboot_nat(&mut self, nat: NatId) {
        self.realms.nat_mut(nat).reboot();
    }

    /// Makes a NAT give all its mappings other ports now.
    pub fn rebind_nat(&mut self, nat: NatId) {
        self.realms.nat_mut(nat).rebind();
    }

    /// Makes a NAT move to other outside addresses now.
    pub fn renumber_nat(&mut self, nat: NatId) {
        self.realms.nat_mut(nat).renumber();
    }

    /// Bytes that wait before a slow link, headers included; 0 for others.
    #[must_use]
    pub fn queued_bytes(&self, from: HostId, to: HostId) -> usize {
        self.network.queued_bytes((from, to))
    }
}

/// Hosts.
impl World {
    /// Makes a host's clock run too fast by `ppm` parts per million, or too slow if negative; ±500,000 at most.
    pub fn drift(&mut self, host: HostId, ppm: i32) {
        let now = self.now;
        self.faults.clock_drifted += u64::from(ppm != 0);
        self.hosts[host.index()].clock.drift(now, ppm);
        self.agenda.touch(host);
    }

    /// Makes a host's clock jump ahead, as after a sleep.
    pub fn jump_ahead(&mut self, host: HostId, by: Duration) {
        let now = self.now;
        self.faults.clock_jumped_ahead += 1;
        self.hosts[host.index()].clock.jump_ahead(now, by);
        self.agenda.touch(host);
    }

    /// Makes a host's clock jump back. An endpoint ignores that: for it time stands still until the clock shows
    /// again what it showed before.
    pub fn jump_back(&mut self, host: HostId, by: Duration) {
        let now = self.now;
        self.faults.clock_jumped_back += 1;
        self.hosts[host.index()].clock.jump_back(now, by);
        self.agenda.touch(host);
    }

    /// Makes a host stand still: no datagram is read and no deadline fires for this long, while its clock runs on. Then
    /// its driver gets everything that waits in one batch, unless its [buffer](Self::receive_buffer) was full.
    pub fn stall(&mut self, host: HostId, length: Duration) {
        self.settle();
        let now = self.now;
        self.faults.stalled += 1;
        self.hosts[host.index()].driver.stall(now + length);
        self.on_driver_changed(host);
    }

    /// The driver stands still, or no longer.
    fn on_driver_changed(&mut self, host: HostId) {
        let wake_at = self.hosts[host.index()].wake_at(self.now);
        self.agenda.wake(host, wake_at);
    }

    /// How many bytes wait in a host's socket while it stands still, instead of 208 KiB; what comes then is lost.
    pub fn receive_buffer(&mut self, host: HostId, bytes: usize) {
        self.hosts[host.index()].driver.buffer(bytes);
    }

    /// Makes each deadline of a host fire up to this much late, from the next one on; zero makes it punctual.
    pub fn late_timers(&mut self, host: HostId, lateness_max: Duration) {
        self.hosts[host.index()].driver.be_late(lateness_max);
    }

    /// Makes a host's socket take nothing for this long: its send buffer is full. What is to be sent stays in the
    /// endpoint.
    pub fn block_socket(&mut self, host: HostId, length: Duration) {
        self.settle();
        let now = self.now;
        self.hosts[host.index()].driver.block(now + length);
        self.on_driver_changed(host);
    }

    /// Kills a host: it hears nothing and does nothing until it is [restarted](Self::restart).
    pub fn crash(&mut self, host: HostId) {
        self.settle();
        self.faults.crashed += 1;
        self.hosts[host.index()].driver.crash();
        self.on_driver_changed(host);
    }

    /// Whether a host is crashed and not restarted yet.
    #[must_use]
    pub fn is_down(&self, host: HostId) -> bool {
        self.hosts[host.index()].driver.is_down()
    }

    /// How often a host was restarted.
    #[must_use]
    pub fn restarts(&self, host: HostId) -> u64 {
        self.hosts[host.index()].restarts()
    }

    /// Datagrams that a host's endpoints handed out, and their bytes of UDP payload, over all its lives.
    #[must_use]
    pub fn sent(&self, host: HostId) -> (u64, u64) {
        self.hosts[host.index()].sent()
    }

    /// Replaces a host's endpoint, as a crash and a restart on the same address do: nothing is said to anybody,
    /// unread events are gone, entropy is new.
    pub fn restart(&mut self, host: HostId, config: Config) {
        let now = self.now;
        self.faults.crashed += u64::from(!self.is_down(host));
        self.hosts[host.index()].restart(config, &self.rng, now);
        self.agenda.touch(host);
        self.set_trace(host);
    }
}

/// The end of it all.
impl World {
    /// Ends all faults: links keep their latency and rate, partitions and stalls end, sockets and UDP are unblocked,
    /// deadlines are punctual, clocks run at the right pace from here on, NATs stay in place, have no
    /// trouble any more, have room for everybody and keep their mappings as long as usual. Hosts that are down stay so.
    pub fn heal(&mut self) {
        for from in self.hosts() {
            for to in self.hosts().filter(|to| *to != from) {
                let healed = self.network.link(from, to).healed();
                self.network.set_link(self.now, from, to, healed);
            }
        }
        self.repair();
        self.realms.heal();
        let now = self.now;
        for id in self.hosts() {
            let host = &mut self.hosts[id.index()];
            host.clock.drift(now, 0);
            host.driver.heal(now);
            self.on_driver_changed(id);
        }
    }

    /// When the last of the datagrams that are under way arrives, those before slow links not counted; the epoch if there
    /// are none.
    #[must_use]
    pub fn last_arrival(&self) -> Instant {
        self.network.last_arrival()
    }

    /// What became of all datagrams that met a link so far.
    #[must_use]
    pub fn fates(&self) -> FateCounts {
        self.network.fates()
    }

    /// How often each kind of fault struck so far.
    #[must_use]
    pub fn faults(&self) -> FaultCounts {
        let mut faults = self.faults;
        faults.lied = self.hosts.iter().map(|host| host.guard.lies()).sum();
        faults += self.network.faults;
        faults += self.realms.faults();
        faults
    }
}
