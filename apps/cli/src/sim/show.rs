//! An outcome, for people.

use tickwire_sim::Outcome;
use tickwire_sim::scenario::{
    Direction, Distribution, RecordedNetwork, RecordedPath, RecordedWay, TrafficOutcome,
};
use tickwire_sim::survey::Side;

use crate::output::{Table, clean};

/// All of it, without a line break at the end.
pub(super) fn text(outcome: &Outcome) -> String {
    let mut lines = vec![format!("{}, seed {}", clean(&outcome.title), outcome.seed)];
    lines.extend(outcome.network.iter().flat_map(network));
    lines.extend([String::new(), traffic(outcome), String::new()]);
    lines.extend(outcome.traffic.iter().filter_map(receipts));
    lines.extend(connections(outcome));
    lines.push(wire(outcome));
    lines.push(faults(outcome));
    lines.push(String::new());
    match outcome.unmet.is_empty() {
        true => lines.push("all is as the scenario expects".to_owned()),
        false => lines.extend(
            outcome
                .unmet
                .iter()
                .map(|unmet| format!("not as expected: {unmet}")),
        ),
    }
    lines.join("\n")
}

/// A line for each path, as many as there are clients.
fn network(network: &RecordedNetwork) -> impl Iterator<Item = String> {
    let source = clean(&network.source);
    let paths = network.paths.iter();
    paths.map(move |found| path(&source, found))
}

fn path(source: &str, path: &RecordedPath) -> String {
    let side = match path.recorded_by {
        Side::Client => "client",
        Side::Server => "server",
    };
    let way = |way: RecordedWay| {
        let share = tenths(way.lost * 100, way.datagrams.max(1));
        format!("{} of {} lost ({share}%)", way.lost, way.datagrams)
    };
    format!(
        "over the network of {source}, peer {}, recorded {} {side}: {} s, {} ms there and back at least; up {}, down {}",
        path.peer,
        if path.is_side_assumed {
            "probably by the"
        } else {
            "by the"
        },
        tenths(path.length_us, 1_000_000),
        tenths(path.round_trip_min_us, 1_000),
        way(path.up),
        way(path.down),
    )
}

fn traffic(outcome: &Outcome) -> String {
    let mut table = Table::new([
        "TRAFFIC", "DELIVERY", "SENT", "LOST", "LATE", "KBIT/S", "P50 MS", "P90", "P99", "P99.9",
        "MAX",
    ]);
    for found in &outcome.traffic {
        let latency = &found.latency;
        let way = match found.direction {
            Direction::Up => '↑',
            Direction::Down => '↓',
        };
        table.row([
            format!("{} {way}", found.name),
            found.delivery.clone(),
            found.sent.to_string(),
            lost(found),
            found.late.to_string(),
            tenths(found.goodput_bps, 1_000),
            millis(latency, latency.p50_us),
            millis(latency, latency.p90_us),
            millis(latency, latency.p99_us),
            millis(latency, latency.p999_us),
            millis(latency, latency.max_us),
        ]);
    }
    table.render()
}

fn lost(found: &TrafficOutcome) -> String {
    match found.lost {
        0 => "0".to_owned(),
        lost => format!("{lost} ({}%)", tenths(lost * 100, found.sent.max(1))),
    }
}

/// What senders were told, where they asked.
fn receipts(found: &TrafficOutcome) -> Option<String> {
    let receipts = found.receipts?;
    let way = match found.direction {
        Direction::Up => '↑',
        Direction::Down => '↓',
    };
    Some(format!(
        "receipts of {} {way}: {} delivered, {} expired, {} superseded",
        found.name, receipts.delivered, receipts.expired, receipts.superseded
    ))
}

fn connections(outcome: &Outcome) -> Vec<String> {
    let found = &outcome.connections;
    let handshake = &found.handshake;
    let mut lines = vec![format!(
        "{} of {} clients connected at the end; {} handshakes, p50 {} ms, max {} ms",
        found.connected_at_end,
        outcome.clients.len(),
        handshake.count,
        millis(handshake, handshake.p50_us),
        millis(handshake, handshake.max_us),
    )];
    if found.disconnects > 0 {
        let back = &found.reconnect;
        lines.push(format!(
            "{} disconnects; {} came back, the last after {} ms",
            found.disconnects,
            back.count,
            millis(back, back.max_us)
        ));
    }
    lines.extend(found.endings.iter().map(|ending| {
        let side = if ending.at_server { "server" } else { "client" };
        format!(
            "  {side}: {} ({} times)",
            clean(&ending.reason),
            ending.count
        )
    }));
    if let Some(complete) = outcome
        .traffic
        .iter()
        .find_map(|found| found.complete.as_ref())
    {
        lines.push(format!(
            "{} transfers complete, the last after {} ms",
            complete.count,
            millis(complete, complete.max_us)
        ));
    }
    lines
}

fn wire(outcome: &Outcome) -> String {
    let (up, down) = (outcome.wire_up, outcome.wire_down);
    format!(
        "{} datagrams up ({} B), {} down ({} B); wire {}",
        up.datagrams, up.bytes, down.datagrams, down.bytes, outcome.wire_hash
    )
}

fn faults(outcome: &Outcome) -> String {
    let faults = outcome.faults.iter();
    let listed: Vec<String> = faults
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    match listed.is_empty() {
        true => "no faults".to_owned(),
        false => format!("faults: {}", listed.join(", ")),
    }
}

/// Milliseconds with one place, or a dash if there is nothing to tell.
pub(super) fn millis(times: &Distribution, micros: u64) -> String {
    match times.count {
        0 => "-".to_owned(),
        _ => tenths(micros, 1_000),
    }
}

/// `number / unit`, with one place.
pub(super) fn tenths(number: u64, unit: u64) -> String {
    let tenths = (u128::from(number) * 10 + u128::from(unit) / 2) / u128::from(unit);
    format!("{}.{}", tenths / 10, tenths % 10)
}
