//! The end: the outcome, and what of the expectations was not met.

use std::time::Duration;

use tickwire_core::Instant;

use super::flow::Kind;
use super::{Run, World};
use crate::scenario::Scenario;
use crate::scenario::outcome::{Connections, Direction, Ending, Outcome, TrafficOutcome, Volume};
use crate::scenario::traffic::{Bounds, Pace};
use crate::scenario::units::show_time;

impl Run<'_> {
    pub(super) fn finish(mut self, seed: u64) -> (Outcome, World) {
        let scenario = self.scenario;
        let clients = self.clients.iter();
        let names = clients
            .map(|client| scenario.groups[client.place.group].client_name(client.place.number));
        let names: Vec<String> = names.collect();
        let connected = self
            .clients
            .iter()
            .filter(|client| client.connected().is_some())
            .count();
        let ended = self.world.now().as_micros();
        let kinds = std::mem::take(&mut self.flows.kinds);
        let series =
            std::mem::replace(&mut self.sampler, super::Sampler::new(scenario)).finish(kinds.len());
        let traffic = kinds.into_iter().map(|kind| kind.finish(scenario));
        let mut outcome = Outcome {
            title: scenario.title.clone(),
            seed,
            network: None,
            duration_us: micros(scenario.duration),
            ended_us: ended,
            clients: names,
            wire_hash: format!("{:016x}", self.world.wire_hash()),
            traffic: traffic.collect(),
            connections: Connections {
                dialled: self.dialled,
                handshake: self.handshake.finish(),
                disconnects: self.disconnects,
                endings: self
                    .endings
                    .into_iter()
                    .map(|((at_server, reason), count)| Ending {
                        at_server,
                        reason,
                        count,
                    })
                    .collect(),
                reconnect: self.reconnect.finish(),
                connected_at_end: connected as u64,
            },
            wire_up: Volume::default(),
            wire_down: Volume::default(),
            faults: self
                .world
                .faults()
                .kinds()
                .filter(|(_, count)| *count > 0)
                .map(|(kind, count)| (kind.to_owned(), count))
                .collect(),
            unmet: Vec::new(),
            log: self.log,
            series,
        };
        for host in self.world.hosts() {
            let (datagrams, bytes) = self.world.sent(host);
            let volume = if host == self.server {
                &mut outcome.wire_down
            } else {
                &mut outcome.wire_up
            };
            volume.datagrams += datagrams;
            volume.bytes += bytes;
        }
        outcome.log.sort_by_key(|entry| entry.at_us);
        outcome.unmet = unmet(scenario, &outcome);
        (outcome, self.world)
    }
}

impl Kind {
    fn finish(self, scenario: &Scenario) -> TrafficOutcome {
        let until = self.traffic.until.unwrap_or(scenario.duration);
        let until = until.min(scenario.duration);
        let longest_gap = self.longest_gap(Instant::ZERO + until);
        let Self {
            traffic, counts, ..
        } = self;
        let complete = self.complete.finish();
        let is_bulk = matches!(traffic.pace, Pace::Bulk { .. });
        let clients = scenario.count(traffic.who);
        // What has an end is as fast as it was until then.
        let time = match is_bulk && complete.count == clients {
            true => complete.mean_us,
            false => micros(until.saturating_sub(traffic.from)),
        };
        let bits = u128::from(counts.delivered_bytes) * 8_000_000;
        let per_client = bits / u128::from(time.max(1)) / u128::from(clients.max(1));
        TrafficOutcome {
            name: traffic.name,
            channel: u8::try_from(self.channel.index()).unwrap_or(u8::MAX),
            delivery: format!("{:?}", traffic.delivery).to_lowercase(),
            direction: self.direction,
            sent: counts.sent,
            sent_bytes: counts.sent_bytes,
            refused: counts.refused,
            unsent: counts.unsent,
            delivered: counts.delivered,
            delivered_bytes: counts.delivered_bytes,
            lost: counts.sent - counts.delivered,
            late: counts.late,
            duplicated: counts.duplicated,
            receipts: traffic.message.has_receipts().then_some(counts.receipts),
            goodput_bps: u64::try_from(per_client).unwrap_or(u64::MAX),
            longest_gap_us: micros(longest_gap),
            latency: self.latency.finish(),
            complete: is_bulk.then_some(complete),
        }
    }
}

/// The expectations that were not met, as sentences.
fn unmet(scenario: &Scenario, outcome: &Outcome) -> Vec<String> {
    let mut unmet = Vec::new();
    let mut expect = |is_met: bool, text: String| {
        if !is_met {
            unmet.push(text);
        }
    };
    let expected = &scenario.expect;
    let connections = &outcome.connections;
    if let Some(most) = expected.disconnects_max {
        let found = connections.disconnects;
        expect(
            found <= most.into(),
            format!("{found} disconnects, expected at most {most}"),
        );
    }
    if let Some(most) = expected.handshake_max {
        let found = connections.handshake.max_us;
        expect(
            found <= micros(most),
            format!(
                "a handshake took {}, expected at most {}",
                show(found),
                show_time(most)
            ),
        );
    }
    if let Some(most) = expected.reconnect_within {
        let found = connections.reconnect.max_us;
        expect(
            found <= micros(most),
            format!(
                "a client came back after {}, expected at most {}",
                show(found),
                show_time(most)
            ),
        );
    }
    if expected.all_connected {
        let (found, all) = (connections.connected_at_end, outcome.clients.len());
        expect(
            found == all as u64,
            format!("{found} of {all} clients are connected at the end"),
        );
    }
    for kind in &expected.faults {
        expect(
            outcome.faults.contains_key(*kind),
            format!("the fault `{kind}` never struck"),
        );
    }
    for found in &outcome.traffic {
        let is_reliable = found.delivery == "reliable" || found.delivery == "ordered";
        let name = label(found);
        expect(
            found.duplicated == 0,
            format!("{name}: {} messages arrived twice", found.duplicated),
        );
        let traffic = scenario
            .traffic
            .iter()
            .find(|traffic| traffic.name == found.name);
        let gives_up = traffic.is_some_and(|traffic| traffic.message.gives_up());
        if expected.all_reliable_delivered && is_reliable && !gives_up {
            expect(
                found.lost == 0,
                format!("{name}: {} messages were lost", found.lost),
            );
        }
        if let Some(traffic) = traffic {
            traffic
                .expect
                .judge(found, scenario.count(traffic.who), &name, &mut expect);
        }
    }
    unmet
}

impl Bounds {
    fn judge(
        &self,
        found: &TrafficOutcome,
        clients: u64,
        name: &str,
        expect: &mut impl FnMut(bool, String),
    ) {
        let latency = &found.latency;
        let times = [
            ("p50", latency.p50_us, self.p50_max),
            ("p99", latency.p99_us, self.p99_max),
            ("the latest", latency.max_us, self.latency_max),
            ("the longest gap", found.longest_gap_us, self.gap_max),
        ];
        for (what, found_us, most) in times {
            if let Some(most) = most {
                let is_met = latency.count > 0 && found_us <= micros(most);
                expect(
                    is_met,
                    format!(
                        "{name}: {what} is {}, expected at most {}",
                        show(found_us),
                        show_time(most)
                    ),
                );
            }
        }
        let shares = [
            ("lost", found.lost, found.sent, self.lost_max),
            ("late", found.late, found.delivered, self.late_max),
        ];
        for (what, count, all, most) in shares {
            if let Some(most) = most {
                let is_met = all > 0 && count * 1_000 <= all * u64::from(most);
                let (whole, tenth) = (most / 10, most % 10);
                expect(
                    is_met,
                    format!("{name}: {count} of {all} {what}, expected at most {whole}.{tenth}%"),
                );
            }
        }
        if let Some(least) = self.goodput_min {
            expect(
                found.goodput_bps >= least,
                format!(
                    "{name}: {} bit/s, expected at least {least} bit/s",
                    found.goodput_bps
                ),
            );
        }
        if let (Some(most), Some(complete)) = (self.complete_within, &found.complete) {
            let is_met = complete.count == clients && complete.max_us <= micros(most);
            expect(
                is_met,
                format!(
                    "{name}: {} of {clients} clients have everything, the last after {}; expected all within {}",
                    complete.count,
                    show(complete.max_us),
                    show_time(most)
                ),
            );
        }
    }
}

fn label(traffic: &TrafficOutcome) -> String {
    let way = match traffic.direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    format!("{} {way}", traffic.name)
}

fn show(micros: u64) -> String {
    format!("{}.{:03}ms", micros / 1_000, micros % 1_000)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
