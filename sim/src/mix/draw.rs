//! The draw: which troubles, and how bad. The ranges are those that real networks and hosts were seen with, and harsher.

use std::time::Duration;

use tickwire_core::Instant;

use super::{Ailment, Flaw, Mix, Trouble};
use crate::link::bursts::Bursts;
use crate::link::ecn::EcnPath;
use crate::link::jitter::Jitter;
use crate::link::rate::Rate;
use crate::ms;
use crate::nat::{Dependence, Hairpin, Nat, Pooling, Ports, Refresh};
use crate::rng::Rng;

pub(super) fn mix(seed: u64) -> Mix {
    let mut draw = Draw(Rng::new(seed).fork("mix"));
    let hosts = 2 + draw.index(3);
    let length = draw.time(4_000, 12_000);
    let mut troubles = Vec::new();
    for client in 1..hosts {
        for (from, to) in [(0, client), (client, 0)] {
            let latency = draw.time(1, 120);
            troubles.push(Trouble::Latency { from, to, latency });
            let flaws = draw.flaws(length);
            troubles.extend(
                flaws
                    .into_iter()
                    .map(|flaw| Trouble::Link { from, to, flaw }),
            );
        }
    }
    for host in 0..hosts {
        let ailments = draw.ailments(length);
        troubles.extend(ailments.into_iter().map(|(at, ailment)| Trouble::Host {
            host,
            at,
            ailment,
        }));
    }
    troubles.extend((1..hosts).filter_map(|host| draw.partition(host, length)));
    troubles.extend(draw.nats(hosts));
    troubles.extend(draw.attackers(hosts, length));
    // A stream of chance of its own, so that all else is as it was before these kinds came.
    let mut draw = Draw(Rng::new(seed).fork("mix of queues"));
    for client in 1..hosts {
        for (from, to) in [(0, client), (client, 0)] {
            let flaws = draw.queues();
            troubles.extend(flaws.map(|flaw| Trouble::Link { from, to, flaw }));
        }
    }
    Mix {
        seed,
        hosts,
        length,
        troubles,
    }
}

/// Chance, with the words of a mix.
struct Draw(Rng);

impl Draw {
    fn one_in(&mut self, count: u64) -> bool {
        self.0.below(count) == 0
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.0.below(count as u64)).unwrap_or(0)
    }

    fn any<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    fn number(&mut self, low: u16, high: u16) -> u16 {
        u16::try_from(self.0.between(low.into(), high.into())).unwrap_or(high)
    }

    /// Milliseconds from `low` to `high`.
    fn time(&mut self, low: u64, high: u64) -> Duration {
        ms(self.0.between(low, high))
    }

    /// From 1 to `high` of 1,000, mostly few.
    fn permille(&mut self, high: u16) -> u16 {
        let high = if self.one_in(3) {
            high
        } else {
            high.div_ceil(8)
        };
        self.number(1, high)
    }

    fn within(&mut self, length: Duration) -> Duration {
        self.time(0, u64::try_from(length.as_millis()).unwrap_or(0))
    }

    /// No flaw at all in one of four directions; otherwise each in one of six.
    fn flaws(&mut self, length: Duration) -> Vec<Flaw> {
        if self.one_in(4) {
            return Vec::new();
        }
        let kinds: [fn(&mut Self, Duration) -> Flaw; 17] = [
            |draw, _| Flaw::Jitter(draw.jitter()),
            |draw, _| Flaw::OrderedJitter(draw.jitter()),
            |draw, _| Flaw::Loss(draw.permille(500)),
            |draw, _| Flaw::Bursts(draw.bursts()),
            |draw, _| Flaw::Duplication(draw.permille(500)),
            |draw, _| Flaw::Storms(draw.number(1, 5), draw.any(&[10, 100, 1_000])),
            |draw, _| {
                Flaw::Reordering(
                    draw.permille(500),
                    draw.any(&[10, 200, 2_000, 20_000].map(ms)),
                )
            },
            |draw, _| Flaw::Corruption(draw.permille(300)),
            |draw, _| Flaw::Overwriting(draw.permille(300)),
            |draw, _| Flaw::Truncation(draw.permille(300)),
            |draw, _| Flaw::Extension(draw.permille(300)),
            |draw, _| Flaw::Splicing(draw.permille(300)),
            |draw, _| Flaw::Rate(draw.rate()),
            |draw, _| Flaw::Mtu(draw.any(&[576, 1_199, 1_200])),
            |draw, length| Flaw::Blackhole(draw.within(length), draw.outage()),
            |draw, length| Flaw::Hold(draw.within(length), draw.outage()),
            |draw, _| Flaw::Flapping(draw.time(500, 5_000), draw.time(50, 2_000)),
        ];
        let mut flaws = Vec::new();
        for kind in kinds {
            if self.one_in(6) {
                flaws.push(kind(self, length));
            }
        }
        flaws
    }

    fn outage(&mut self) -> Duration {
        let high = self.any(&[100, 2_000, 15_000]);
        self.time(10, high)
    }

    fn jitter(&mut self) -> Jitter {
        match self.index(4) {
            0 => Jitter::uniform(self.time(1, 60)),
            1 => Jitter::normal(self.time(1, 80), self.time(1, 40)),
            2 => Jitter::pareto(self.time(1, 10), self.time(100, 10_000)),
            _ => Jitter::recorded([2, 3, 3, 4, 5, 9, 40, 250].map(ms)),
        }
    }

    fn bursts(&mut self) -> Bursts {
        let bursts = match self.one_in(2) {
            true => {
                let (bad, good) = (self.any(&[2, 8, 30, 230]), self.number(20, 1_000));
                Bursts::by_datagram(bad, good.into())
            }
            false => Bursts::by_time(self.time(10, 400), self.time(200, 4_000)),
        };
        bursts.loss_in_bad(self.number(500, 1_000))
    }

    fn rate(&mut self) -> Rate {
        let rate = Rate::bits_per_second(self.any(&[64_000, 256_000, 1_000_000, 10_000_000]));
        let rate = match self.index(3) {
            0 => rate.queue_datagrams(self.any(&[5, 50, 500])),
            1 => rate.queue_bytes(self.any(&[4_000, 32_000, 250_000])),
            _ => rate,
        };
        if self.one_in(2) { rate.codel() } else { rate }
    }

    /// One in six directions does something to marks of congestion, one in six has a queue that marks or is shared. Only
    /// what has a mark meets any of that: half of the time all has one, and counts of marks are wrong.
    fn queues(&mut self) -> impl Iterator<Item = Flaw> + use<> {
        let paths = [EcnPath::Bleach, EcnPath::Drop, EcnPath::Swap, EcnPath::Mark];
        let path = self.one_in(6).then(|| self.any(&paths));
        let queue = self.one_in(6).then(|| self.queue());
        let is_ect = (path.is_some() || queue.is_some()) && self.one_in(2);
        let flaws = [
            queue.map(Flaw::Rate),
            is_ect.then_some(Flaw::Ect),
            path.map(Flaw::Ecn),
        ];
        flaws.into_iter().flatten()
    }

    /// A slow link that marks, or that others use too, or both.
    fn queue(&mut self) -> Rate {
        let bits = self.any(&[256_000, 1_000_000, 10_000_000]);
        let rate = Rate::bits_per_second(bits).queue_datagrams(self.any(&[20, 100, 500]));
        let rate = match self.index(3) {
            0 => rate.codel_with_ecn(),
            1 => rate.mark_above_datagrams(self.any(&[2, 10])),
            _ => rate,
        };
        match self.index(4) {
            0 => rate,
            1 => rate
                .cross_bits_per_second(bits * 2 / 3)
                .cross_on_off(self.time(100, 1_000), self.time(100, 3_000)),
            2 => rate.cross_bits_per_second(bits * 3 / 2),
            _ => rate.cross_flows(self.number(1, 4), self.time(5, 200)),
        }
    }

    /// Each ailment in one of sixteen hosts.
    fn ailments(&mut self, length: Duration) -> Vec<(Duration, Ailment)> {
        let kinds: [fn(&mut Self) -> Ailment; 9] = [
            |draw| Ailment::Drift(draw.any(&[-50_000, -200, -10, 10, 200, 50_000])),
            |draw| Ailment::JumpAhead(draw.any(&[50, 1_000, 9_000, 3_600_000, 86_400_000].map(ms))),
            |draw| Ailment::JumpBack(draw.any(&[1, 50, 1_000, 3_000].map(ms))),
            |draw| Ailment::Stall(draw.any(&[20, 300, 3_000, 10_000].map(ms))),
            |draw| {
                let bytes = draw.number(0, 10_000).into();
                Ailment::StallWithBuffer(bytes, draw.any(&[300, 3_000].map(ms)))
            },
            |draw| Ailment::LateTimers(draw.any(&[1, 20, 200, 1_000].map(ms))),
            |draw| Ailment::BlockSocket(draw.any(&[5, 100, 2_000].map(ms))),
            |draw| Ailment::Crash(draw.any(&[0, 100, 2_000, 12_000].map(ms))),
            |draw| Ailment::LookAway(draw.any(&[100, 2_000, 8_000].map(ms))),
        ];
        let mut ailments = Vec::new();
        for kind in kinds {
            if self.one_in(16) {
                let at = self.within(length);
                ailments.push((at, kind(self)));
            }
        }
        ailments
    }

    fn partition(&mut self, host: usize, length: Duration) -> Option<Trouble> {
        self.one_in(10).then(|| Trouble::Partition {
            host,
            at: self.within(length),
            length: self.outage(),
            is_one_way: self.one_in(2),
        })
    }

    /// One in eight mixes has a liar, one in eight hosts gets forgeries.
    fn attackers(&mut self, hosts: usize, length: Duration) -> Vec<Trouble> {
        let mut attackers = Vec::new();
        if self.one_in(8) {
            attackers.push(Trouble::Host {
                host: 1 + self.index(hosts - 1),
                at: self.within(length / 2),
                ailment: Ailment::Lie(self.time(1_000, 6_000)),
            });
        }
        for host in 0..hosts {
            if self.one_in(8) {
                let (at, length) = (self.within(length / 2), self.time(500, 5_000));
                attackers.push(Trouble::Forger { host, at, length });
            }
        }
        attackers
    }

    /// One in three mixes has a NAT before some of the clients.
    fn nats(&mut self, hosts: usize) -> Option<Trouble> {
        if !self.one_in(3) {
            return None;
        }
        let clients: Vec<usize> = (1..hosts).filter(|_| !self.one_in(3)).collect();
        let nat = Box::new(self.nat());
        let outer = self.one_in(3).then(|| Box::new(self.nat()));
        (!clients.is_empty()).then_some(Trouble::Nat {
            clients,
            nat,
            outer,
        })
    }

    fn nat(&mut self) -> Nat {
        use Dependence::{Address, AddressAndPort, Independent};
        let dependences = [Independent, Address, AddressAndPort];
        let nat = Nat::new()
            .mapping(self.any(&dependences))
            .filtering(self.any(&dependences))
            .ports(self.any(&[
                Ports::Preserve,
                Ports::PreserveElseRandom,
                Ports::Sequential { step: 1 },
                Ports::Random,
                Ports::Contiguous { block: 64 },
            ]))
            .pooling(self.any(&[
                Pooling::Paired { addresses: 1 },
                Pooling::Paired { addresses: 3 },
                Pooling::Arbitrary { addresses: 3 },
            ]))
            .hairpin(self.any(&[
                Hairpin::Off,
                Hairpin::InternalSource,
                Hairpin::ExternalSource,
            ]))
            .refresh(self.any(&[Refresh::Outbound, Refresh::Both]));
        self.nat_trouble(nat)
    }

    fn nat_trouble(&mut self, nat: Nat) -> Nat {
        let nat = match self.index(3) {
            0 => nat.timeouts(self.time(300, 2_000), self.time(300, 5_000)),
            _ => nat,
        };
        match self.index(8) {
            0 => nat.reboot_at([Instant::ZERO + self.time(0, 8_000)]),
            1 => nat.rebind_every(self.any(&[500, 3_000].map(ms))),
            2 => nat.renumber_every(self.any(&[1_000, 5_000].map(ms))),
            3 => nat.inbound_clash(),
            4 => nat.quota(1),
            5 if self.one_in(3) => nat.block_udp(),
            _ => nat,
        }
    }
}
