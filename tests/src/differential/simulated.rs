//! The simulator as a stage.

use tickwire_core::{Endpoint, Entropy, Instant};
use tickwire_sim::{HostId, Link, Rate, World};

use super::record::{Record, Sent, Told};
use super::script::{Path, Script};
use super::{ADDRESSES, CLIENT, SERVER, Stage};

pub(super) struct Simulated {
    world: World,
    hosts: [HostId; 2],
    record: Record,
}

impl Simulated {
    pub(super) fn new(script: &Script) -> Self {
        let mut world = World::new(script.seed);
        let hosts = [CLIENT, SERVER].map(|host| {
            let config = script.config(host).build();
            world.add(config.expect("a valid configuration"))
        });
        assert_eq!(hosts.map(|host| world.address(host)), ADDRESSES);
        world.link(hosts[CLIENT], hosts[SERVER], link(&script.paths[CLIENT]));
        world.link(hosts[SERVER], hosts[CLIENT], link(&script.paths[SERVER]));
        world.record_trace();
        Self {
            world,
            hosts,
            record: Record::default(),
        }
    }

    /// What the endpoints were born with.
    pub(super) fn entropy(&self) -> [Entropy; 2] {
        self.hosts.map(|host| self.world.entropy(host))
    }
}

fn link(path: &Path) -> Link {
    let fates = path.fates.iter().copied();
    let link = Link::new()
        .latency(path.latency)
        .rate(Rate::bytes_per_second(path.rate));
    link.schedule(fates)
}

impl Stage for Simulated {
    fn run_until(&mut self, end: Instant) {
        let limit = end.saturating_duration_since(self.world.now());
        let (hosts, told) = (self.hosts, &mut self.record.told);
        // Never done: it is asked after each step, which is when to note what owners were told.
        let note = |world: &mut World| {
            for host in [CLIENT, SERVER] {
                let events = world.events(hosts[host]).into_iter();
                let now = world.now();
                told.extend(events.map(|event| (now, host, Told::Event(event))));
            }
            false
        };
        self.world.run_until(note, limit);
    }

    fn with<R>(&mut self, host: usize, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        self.world.act(self.hosts[host], f)
    }

    fn set_reading(&mut self, host: usize, is_reading: bool) {
        self.world.set_reading(self.hosts[host], is_reading);
    }

    fn record(&mut self, host: usize, told: Told) {
        self.record.told.push((self.world.now(), host, told));
    }

    fn finish(mut self) -> Record {
        let hosts = self.hosts;
        self.record.sent = self
            .world
            .datagrams()
            .iter()
            .map(|datagram| Sent {
                at: datagram.at,
                from: usize::from(datagram.from == hosts[SERVER]),
                bytes: datagram.bytes.clone(),
                text: datagram.text.clone(),
            })
            .collect();
        self.record
    }
}
