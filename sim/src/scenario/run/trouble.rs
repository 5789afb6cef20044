//! Events: how each begins and ends.

use std::time::Duration;

use tickwire_core::Farewell;

use super::owner::Phase;
use super::{Action, Run};
use crate::host::HostId;
use crate::scenario::event::{What, Who};

impl Run<'_> {
    pub(super) fn begin(&mut self, event: usize) {
        let scenario = self.scenario;
        let happening = &scenario.events[event];
        match &happening.what {
            // Part of the links from the beginning.
            What::Blackhole(..) | What::Hold(..) => {}
            What::Partition(length, _) => {
                self.partitions.push(event);
                self.cut();
                self.plan_end(event, *length);
            }
            What::Link(change) => {
                for client in self.chosen(happening.who) {
                    let link = &mut self.clients[client].link;
                    link.up = change.up.over(&link.up);
                    link.down = change.down.over(&link.down);
                    self.put_link(client);
                }
            }
            What::RebindPort | What::RebindAddress | What::NatReboot => self.change_nats(event),
            What::Leave(length) => {
                self.leave(happening.who);
                self.plan_end(event, *length);
            }
            What::Crash(length) | What::NotReading(length) => {
                self.befall(happening.who, &happening.what);
                self.plan_end(event, *length);
            }
            What::Stall(_)
            | What::SocketBlocked(_)
            | What::ClockDrift(_)
            | What::ClockAhead(_)
            | What::ClockBack(_)
            | What::LateTimers(_) => self.befall(happening.who, &happening.what),
        }
    }

    pub(super) fn end(&mut self, event: usize) {
        let happening = &self.scenario.events[event];
        match happening.what {
            What::Partition(..) => {
                let index = self.partitions.iter().position(|other| *other == event);
                index.map(|index| self.partitions.remove(index));
                self.cut();
            }
            What::Crash(_) => self.restart(happening.who),
            What::NotReading(_) => {
                for host in self.hosts(happening.who) {
                    self.world.set_reading(host, true);
                }
            }
            What::Leave(_) => {
                for client in self.chosen(happening.who) {
                    self.dial(client);
                }
            }
            _ => {}
        }
    }

    fn plan_end(&mut self, event: usize, after: Duration) {
        let now = self.world.now();
        self.plan(now + after, Action::End(event));
    }

    /// Puts the partitions in place that are not over.
    fn cut(&mut self) {
        self.world.repair();
        for event in self.partitions.clone() {
            let happening = &self.scenario.events[event];
            let What::Partition(_, ways) = happening.what else {
                continue;
            };
            let (clients, server) = (self.hosts(happening.who), [self.server]);
            match (ways.up, ways.down) {
                (true, true) => self.world.partition(&clients, &server),
                (true, false) => self.world.partition_one_way(&clients, &server),
                (false, _) => self.world.partition_one_way(&server, &clients),
            }
        }
    }

    fn change_nats(&mut self, event: usize) {
        let happening = &self.scenario.events[event];
        let chosen = self.chosen(happening.who);
        let nats = chosen
            .into_iter()
            .filter_map(|client| self.clients[client].place.nat);
        // A group may share one.
        let mut nats: Vec<_> = nats.collect();
        nats.dedup();
        for nat in nats {
            match happening.what {
                What::RebindPort => self.world.rebind_nat(nat),
                What::RebindAddress => self.world.renumber_nat(nat),
                _ => self.world.reboot_nat(nat),
            }
        }
    }

    fn leave(&mut self, who: Who) {
        for client in self.chosen(who) {
            let Some(peer) = self.clients[client].connected() else {
                continue;
            };
            let host = self.clients[client].place.host;
            let goodbye = Farewell::new(0, "leaves");
            self.world.act(host, |endpoint, now| {
                endpoint.disconnect(now, peer, goodbye)
            });
            let now = self.world.now();
            self.note(now, client, "leaves");
        }
    }

    fn befall(&mut self, who: Who, what: &What) {
        for host in self.hosts(who) {
            let world = &mut self.world;
            match *what {
                What::Stall(length) => {
                    world.stall(host, length);
                    self.stall_owner(who, length);
                }
                What::SocketBlocked(length) => world.block_socket(host, length),
                What::NotReading(_) => world.set_reading(host, false),
                What::Crash(_) => world.crash(host),
                What::ClockDrift(ppm) => world.drift(host, ppm),
                What::ClockAhead(by) => world.jump_ahead(host, by),
                What::ClockBack(by) => world.jump_back(host, by),
                What::LateTimers(by) => world.late_timers(host, by),
                _ => {}
            }
        }
    }

    fn stall_owner(&mut self, who: Who, length: Duration) {
        let until = self.world.now() + length;
        if who == Who::Server {
            self.server_stalled_until = until;
        }
        for client in self.chosen(who) {
            self.clients[client].stalled_until = until;
        }
    }

    fn restart(&mut self, who: Who) {
        for host in self
            .hosts(who)
            .into_iter()
            .filter(|host| self.world.is_down(*host))
            .collect::<Vec<_>>()
        {
            let config = self.world.view(host).config().clone();
            self.world.restart(host, config);
        }
        if who == Who::Server {
            self.forget_clients();
        }
        for client in self.chosen(who) {
            self.clients[client].phase = Phase::Away;
            self.dial(client);
        }
    }

    /// The clients that are meant.
    fn chosen(&self, who: Who) -> Vec<usize> {
        let clients = self.clients.iter().enumerate();
        let chosen = clients.filter(|(_, client)| who.is(client.place.group, client.place.number));
        chosen.map(|(index, _)| index).collect()
    }

    fn hosts(&self, who: Who) -> Vec<HostId> {
        match who {
            Who::Server => vec![self.server],
            Who::AllClients | Who::Group(_) | Who::Client(..) => {
                let chosen = self.chosen(who).into_iter();
                chosen
                    .map(|client| self.clients[client].place.host)
                    .collect()
            }
        }
    }
}
