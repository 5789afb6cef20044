//! A mix at work in a world.

use std::collections::BTreeMap;
use std::time::Duration;

use tickwire_core::Instant;

use super::{Ailment, Mix, Trouble};
use crate::host::HostId;
use crate::link::Link;
use crate::world::World;

/// A mix that plays: what is still to come, and when. To be [advanced](Self::advance) as time passes.
#[derive(Debug)]
pub struct Play {
    end: Instant,
    hosts: Vec<HostId>,
    /// What is left of the links in the end; an instant one where there is none.
    links: BTreeMap<(HostId, HostId), Link>,
    /// Who gets forged datagrams now.
    forged: Vec<HostId>,
    /// Latest first.
    steps: Vec<(Instant, Step)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Begin(HostId, Ailment),
    End(HostId, Ailment),
    CutOff(HostId),
    Mute(HostId),
    Repair,
    Forge(HostId),
    EndForging(HostId),
}

impl Mix {
    /// Puts the links and NATs in place between the hosts, the server first, and returns what is to happen later.
    ///
    /// # Panics
    ///
    /// If there are not as many [`hosts`](Self::hosts) as the mix is for.
    #[must_use]
    pub fn play(&self, world: &mut World, hosts: &[HostId]) -> Play {
        assert_eq!(hosts.len(), self.hosts, "a mix is for its number of hosts");
        let now = world.now();
        let mut play = Play {
            end: now + self.length,
            hosts: hosts.to_vec(),
            links: BTreeMap::new(),
            forged: Vec::new(),
            steps: Vec::new(),
        };
        // A link's latency comes before what is added to it.
        for trouble in &self.troubles {
            if let Trouble::Latency { from, to, latency } = trouble {
                let (from, to, link) = (hosts[*from], hosts[*to], Link::new().latency(*latency));
                world.link(from, to, link.clone());
                play.links.insert((from, to), link);
            }
        }
        for trouble in &self.troubles {
            play.install(world, trouble);
        }
        play.steps.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        play
    }
}

impl Play {
    /// When the mix is over.
    #[must_use]
    pub fn end(&self) -> Instant {
        self.end
    }

    /// Lets happen what is due.
    pub fn advance(&mut self, world: &mut World) {
        while let Some((at, step)) = self.steps.pop_if(|(at, _)| *at <= world.now()) {
            self.perform(world, at, step);
        }
        for host in &self.forged {
            world.forge(*host);
        }
    }

    /// Ends all faults: heals the world, slow links too, brings back who is down and lets everybody read.
    pub fn heal(self, world: &mut World) {
        for (_, step) in self.steps.iter().rev() {
            if let Step::End(host, ailment) = step {
                ailment.end(world, *host);
            }
        }
        world.heal();
        for from in &self.hosts {
            for to in self.hosts.iter().filter(|to| *to != from) {
                let link = self.links.get(&(*from, *to));
                world.link(*from, *to, link.cloned().unwrap_or_default());
            }
        }
    }

    fn install(&mut self, world: &mut World, trouble: &Trouble) {
        match trouble {
            Trouble::Latency { .. } => {}
            Trouble::Link { from, to, flaw } => {
                world.change_link(self.hosts[*from], self.hosts[*to], |link| flaw.apply(link));
            }
            Trouble::Host { host, at, ailment } => {
                self.plan(world, *at, Step::Begin(self.hosts[*host], *ailment));
            }
            Trouble::Partition {
                host,
                at,
                length,
                is_one_way,
            } => {
                let host = self.hosts[*host];
                let step = if *is_one_way {
                    Step::Mute(host)
                } else {
                    Step::CutOff(host)
                };
                self.plan(world, *at, step);
                self.plan(world, *at + *length, Step::Repair);
            }
            Trouble::Forger { host, at, length } => {
                let host = self.hosts[*host];
                world.overhear();
                self.plan(world, *at, Step::Forge(host));
                self.plan(world, *at + *length, Step::EndForging(host));
            }
            Trouble::Nat {
                clients,
                nat,
                outer,
            } => {
                let nat = (**nat).clone();
                let id = match outer {
                    Some(outer) => {
                        let outer = world.add_nat((**outer).clone());
                        world.add_nat_behind(nat, outer)
                    }
                    None => world.add_nat(nat),
                };
                for client in clients {
                    world.put_behind(self.hosts[*client], id);
                }
            }
        }
    }

    fn plan(&mut self, world: &World, after: Duration, step: Step) {
        self.steps.push((world.now() + after, step));
    }

    fn perform(&mut self, world: &mut World, at: Instant, step: Step) {
        match step {
            // Who is down cannot fall ill.
            Step::Begin(host, _) if world.is_down(host) => {}
            Step::Begin(host, ailment) => {
                if let Some(length) = ailment.begin(world, host) {
                    self.steps.push((at + length, Step::End(host, ailment)));
                    self.steps.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
                }
            }
            Step::End(host, ailment) => ailment.end(world, host),
            Step::CutOff(host) => world.partition(&[host], &self.others(host)),
            Step::Mute(host) => world.partition_one_way(&[host], &self.others(host)),
            Step::Repair => world.repair(),
            Step::Forge(host) => self.forged.push(host),
            Step::EndForging(host) => self.forged.retain(|forged| *forged != host),
        }
    }

    fn others(&self, host: HostId) -> Vec<HostId> {
        let others = self.hosts.iter().filter(|other| **other != host);
        others.copied().collect()
    }
}
