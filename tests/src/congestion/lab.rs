//! A bottleneck that several connections share: one queue before one rate, then a delay. All in virtual time.
//!
//! Hosts are polled each millisecond and tick at 60 Hz, as games do. Each flow has a client that sends, and a server
//! that receives. Bulk is ordered messages, as many as the queue takes; state is 200 bytes, unreliable, each tick.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tickwire_core::{
    Arrival, ChannelId, Config, CongestionControl, Endpoint, Entropy, Event, Instant, PeerId,
    PeerStats, ServerIdentity, Socket,
};
use tickwire_crypto::Ring;
use tickwire_sim::Rng;

const STATE: ChannelId = ChannelId::new(1);
const BULK: ChannelId = ChannelId::new(3);
const STATE_LEN: usize = 200;
/// UDP and IPv4 headers.
const OVERHEAD: usize = 28;

/// The network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// Bits a second of the way up; down is as fast, without a queue.
    pub(super) bits_per_second: u64,
    pub(super) queue_bytes: u64,
    /// Each way.
    pub(super) delay: Duration,
    /// More or less than the delay, at most, on each way.
    pub(super) jitter: Duration,
    pub(super) loss_permille: u64,
    pub(super) bulk_message_len: usize,
}

impl Path {
    /// The way of the benchmarks: 10 Mbit/s behind 64 KB, 50 ms there and back.
    pub(super) const BENCH: Self = Self {
        bits_per_second: 10_000_000,
        queue_bytes: 64_000,
        delay: Duration::from_millis(25),
        jitter: Duration::ZERO,
        loss_permille: 0,
        bulk_message_len: 10_000,
    };
}

/// Who sends what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) congestion: CongestionControl,
    /// When it begins to send, and how many bytes of bulk.
    pub(super) from: Duration,
    pub(super) bulk_bytes: u64,
    pub(super) has_state: bool,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Flow {
    plan: Plan,
    pub(super) client: Endpoint,
    server: Endpoint,
    pub(super) peer: PeerId,
    bulk_queued: u64,
    /// Sends no more bulk in a tick than the budget says.
    pub(super) obeys_budget: bool,
    /// How long the slowest bulk message took, in microseconds.
    pub(super) bulk_us_max: u64,
    pub(super) bulk_arrived: u64,
    pub(super) bulk_done_at: Option<Duration>,
    pub(super) state_sent: u64,
    /// How long each state took, in microseconds.
    pub(super) state_us: Vec<u64>,
    pub(super) wire_bytes: u64,
    /// States among the datagrams that chance took cannot be told; datagrams that the queue refused can.
    pub(super) queue_drops: u64,
}

/// The network and all connections over it.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) path: Path,
    rng: Rng,
    now: Instant,
    begun: Instant,
    busy_until: Instant,
    /// By time of arrival and order: flow, whether it goes up, bytes.
    flying: BTreeMap<(Instant, u64), (usize, bool, Vec<u8>)>,
    sent: u64,
    pub(super) flows: Vec<Flow>,
    /// The longest wait in the queue in each 10 ms.
    pub(super) queue_us: VecDeque<u64>,
    /// Time without link, if any.
    pub(super) outage: Option<(Duration, Duration)>,
}

impl Lab {
    /// All connections are complete.
    pub(super) fn new(path: Path, plans: &[Plan], seed: u64) -> Self {
        let mut lab = Self {
            path: Path {
                loss_permille: 0,
                ..path
            },
            rng: Rng::new(seed),
            now: Instant::from_millis(1_000),
            begun: Instant::from_millis(1_000),
            busy_until: Instant::ZERO,
            flying: BTreeMap::new(),
            sent: 0,
            flows: Vec::new(),
            queue_us: VecDeque::new(),
            outage: None,
        };
        for (index, plan) in plans.iter().enumerate() {
            lab.flows
                .push(flow(*plan, seed * 100 + index as u64, lab.now));
        }
        lab.begun = Instant::from_millis(3_000);
        lab.run_until(Duration::ZERO);
        lab.path = path;
        lab.queue_us.clear();
        for flow in &mut lab.flows {
            flow.wire_bytes = 0;
        }
        lab
    }

    /// Runs until so long after all were connected.
    pub(super) fn run_until(&mut self, end: Duration) {
        while self.now < self.begun + end {
            self.now = self.now + Duration::from_millis(1);
            self.step();
        }
    }

    /// Runs until all bulk has arrived; `limit` is for mistakes.
    pub(super) fn run_out(&mut self, limit: Duration) {
        while self
            .flows
            .iter()
            .any(|flow| flow.bulk_arrived < flow.plan.bulk_bytes)
        {
            let at = self.now.saturating_duration_since(self.begun);
            assert!(
                at < limit,
                "bulk arrives: {} bytes did",
                self.flows[0].bulk_arrived
            );
            self.run_until(at + Duration::from_millis(10));
        }
        let at = self.now.saturating_duration_since(self.begun);
        let plans: Vec<Plan> = self.flows.iter().map(|flow| flow.plan).collect();
        self.flows
            .iter_mut()
            .for_each(|flow| flow.plan.has_state = false);
        self.run_until(at + Duration::from_millis(300));
        self.flows
            .iter_mut()
            .zip(plans)
            .for_each(|(flow, plan)| flow.plan = plan);
    }

    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    /// Runs for so long.
    pub(super) fn run_for(&mut self, time: Duration) {
        let at = self.now.saturating_duration_since(self.begun);
        self.run_until(at + time);
    }

    /// What became of the first flow, for who reads a failure.
    pub(super) fn told(&self) -> String {
        let (flow, stats) = (&self.flows[0], self.stats(0));
        format!(
            "bulk done after {:?}; {} of {} states, half of them after {} us, 99 % after {} us, all after {} us; \
             {} permille on the wire; {} dropped by the queue, {} lost, {} again, {} stale",
            flow.bulk_done_at,
            flow.state_us.len(),
            flow.state_sent,
            flow.state_quantile_us(500),
            flow.state_quantile_us(990),
            flow.state_quantile_us(1_000),
            flow.wire_permille(),
            flow.queue_drops,
            stats.packets_lost,
            stats.retransmissions,
            stats.drops.send_stale,
        )
    }

    pub(super) fn stats(&self, flow: usize) -> PeerStats {
        let flow = &self.flows[flow];
        flow.client.peer_stats(flow.peer).expect("connected")
    }

    fn step(&mut self) {
        let mut wait = self
            .busy_until
            .saturating_duration_since(self.now)
            .as_micros() as u64;
        let millis = self.now.as_nanos() / 1_000_000;
        if !millis.is_multiple_of(10) {
            wait = wait.max(self.queue_us.pop_back().unwrap_or(0));
        }
        self.queue_us.push_back(wait);
        while let Some(entry) = self
            .flying
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let (index, is_up, mut bytes) = entry.remove();
            let flow = &mut self.flows[index];
            let endpoint = if is_up {
                &mut flow.server
            } else {
                &mut flow.client
            };
            let arrival = Arrival {
                from: address(!is_up),
                to: None,
                socket: Socket::Game,
                ecn: None,
            };
            endpoint.handle_datagram(self.now, arrival, &mut bytes);
        }
        let at = self.now.saturating_duration_since(self.begun);
        // 60 Hz on a grid of a millisecond: 50 ms have three ticks.
        let is_tick = matches!(millis % 50, 0 | 17 | 33);
        for index in 0..self.flows.len() {
            let is_begun = self.now >= self.begun && at >= self.flows[index].plan.from;
            self.flows[index].act(
                self.now,
                at,
                is_tick && is_begun,
                self.path.bulk_message_len,
            );
            self.transmit(index, true);
            self.transmit(index, false);
        }
    }

    fn transmit(&mut self, index: usize, is_up: bool) {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let flow = &mut self.flows[index];
            let endpoint = if is_up {
                &mut flow.client
            } else {
                &mut flow.server
            };
            if endpoint.poll_timeout().is_some_and(|at| at <= self.now) {
                endpoint.handle_timeout(self.now);
            }
            if endpoint.poll_transmit(self.now, &mut bytes).is_none() {
                return;
            }
            self.send(index, is_up, bytes.clone());
        }
    }

    fn send(&mut self, index: usize, is_up: bool, bytes: Vec<u8>) {
        let path = self.path;
        let len = (bytes.len() + OVERHEAD) as u64;
        self.flows[index].wire_bytes += len;
        let mut leaves = self.now;
        let at = self.now.saturating_duration_since(self.begun);
        if self.outage.is_some_and(|(from, to)| from <= at && at < to) {
            return;
        }
        if is_up {
            let wait = self.busy_until.saturating_duration_since(self.now);
            let waiting = wait.as_micros() as u64 * path.bits_per_second / 8_000_000;
            if waiting + len > path.queue_bytes {
                self.flows[index].queue_drops += 1;
                return;
            }
            let takes = Duration::from_nanos(len * 8 * 1_000_000_000 / path.bits_per_second);
            self.busy_until = self.now + wait + takes;
            leaves = self.busy_until;
        }
        if self.rng.below(1_000) < path.loss_permille {
            return;
        }
        let spread = path.jitter.as_micros() as u64 * 2;
        let jitter = Duration::from_micros(self.rng.below(spread + 1));
        let arrives = leaves + path.delay + jitter - path.jitter;
        self.sent += 1;
        self.flying
            .insert((arrives, self.sent), (index, is_up, bytes));
    }
}

impl Flow {
    fn act(&mut self, now: Instant, at: Duration, is_tick: bool, bulk_len: usize) {
        if is_tick {
            let mut budget = u64::MAX;
            if self.obeys_budget {
                budget = self.client.channel_budget(self.peer, BULK, now);
            }
            while self.bulk_queued < self.plan.bulk_bytes && budget >= bulk_len as u64 {
                budget -= bulk_len as u64;
                let len = (self.plan.bulk_bytes - self.bulk_queued).min(bulk_len as u64);
                let mut payload = vec![7; len as usize];
                if let Some(stamp) = payload.first_chunk_mut() {
                    *stamp = now.as_nanos().to_be_bytes();
                }
                if self.client.send(now, self.peer, BULK, &payload).is_err() {
                    break;
                }
                self.bulk_queued += len;
            }
            if self.plan.has_state {
                let mut payload = [0; STATE_LEN];
                payload[..8].copy_from_slice(&now.as_nanos().to_be_bytes());
                self.client
                    .send(now, self.peer, STATE, &payload)
                    .expect("state is queued always");
                self.state_sent += 1;
            }
            self.client.flush(now);
            self.server.flush(now);
        }
        while self.client.poll_event().is_some() {}
        while let Some(event) = self.server.poll_event() {
            let Event::Message {
                channel, payload, ..
            } = event
            else {
                continue;
            };
            let stamp = payload
                .first_chunk()
                .map(|stamp| u64::from_be_bytes(*stamp));
            let took_us = (now.as_nanos() - stamp.expect("eight bytes")) / 1_000;
            if channel == BULK {
                self.bulk_us_max = self.bulk_us_max.max(took_us);
                self.bulk_arrived += payload.len() as u64;
                if self.bulk_arrived == self.plan.bulk_bytes {
                    self.bulk_done_at = Some(at);
                }
                continue;
            }
            self.state_us.push(took_us);
        }
    }

    /// Bytes on the wire, both ways and with headers, in thousandths of the payload.
    pub(super) fn wire_permille(&self) -> u64 {
        self.wire_bytes * 1_000 / (self.bulk_arrived + STATE_LEN as u64 * self.state_sent).max(1)
    }

    /// The time that all but the slowest of so many permille took.
    pub(super) fn state_quantile_us(&self, permille: usize) -> u64 {
        let mut sorted = self.state_us.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() - 1) * permille / 1_000]
    }
}

fn address(is_server: bool) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::from(is_server)], 9_000))
}

fn flow(plan: Plan, seed: u64, now: Instant) -> Flow {
    let config = || {
        Config::builder()
            .congestion(plan.congestion)
            .crypto(Arc::new(Ring))
    };
    let server_config = config()
        .accepts(true)
        .build()
        .expect("a good configuration");
    let client_config = config().build().expect("a good configuration");
    let server = Endpoint::new(server_config, Entropy::from_seed(2 * seed), now);
    let mut client = Endpoint::new(client_config, Entropy::from_seed(2 * seed + 1), now);
    let peer = client
        .connect(now, address(true), ServerIdentity::TrustOnFirstUse)
        .expect("a free place");
    Flow {
        plan,
        client,
        server,
        peer,
        bulk_queued: 0,
        obeys_budget: false,
        bulk_us_max: 0,
        bulk_arrived: 0,
        bulk_done_at: None,
        state_sent: 0,
        state_us: Vec::new(),
        wire_bytes: 0,
        queue_drops: 0,
    }
}
