//! The tables of each measurement.

use super::Table;
use super::figures::{fraction, ms, percent, seconds, share, tenths, three, two};
use crate::work::{Bulk, Cpu, Fairness, Handshake, Latency, Reliable, Wire};

/// A table with a row for each contender and a column for each link.
fn across<'a, R>(
    title: &str,
    results: &'a [R],
    contender: impl Fn(&'a R) -> &'a str,
    link: impl Fn(&'a R) -> String,
    cell: impl Fn(&'a R) -> String,
) -> Table {
    let (mut rows, mut links): (Vec<&str>, Vec<String>) = Default::default();
    for result in results {
        if !rows.contains(&contender(result)) {
            rows.push(contender(result));
        }
        if !links.contains(&link(result)) {
            links.push(link(result));
        }
    }
    let columns = std::iter::once(String::new()).chain(links.iter().cloned());
    let mut table = Table::new(title, columns);
    for row in rows {
        let of = |name: &String| {
            let mut mine = results.iter().filter(|result| contender(result) == row);
            mine.find(|result| link(result) == *name)
                .map_or("-".to_owned(), &cell)
        };
        let cells = links.iter().map(of);
        table.row(std::iter::once(row.to_owned()).chain(cells).collect());
    }
    table
}

/// W1.
pub(crate) fn latency(results: &[Latency]) -> Vec<Table> {
    let table = |title: &str, cell: fn(&Latency) -> String| {
        across(
            title,
            results,
            |r| &r.contender,
            |r| r.link.to_owned(),
            cell,
        )
    };
    vec![
        table("Reliable messages, p50/p99/p99.9 in ms:", |r| {
            let mut cell = three(r.reliable);
            if r.disconnects > 0 {
                cell += &format!(", {} disconnects", r.disconnects);
            }
            if r.undelivered > 0 {
                cell += &format!(", {} undelivered", r.undelivered);
            }
            if r.wrong > 0 {
                cell += &format!(", {} wrong", r.wrong);
            }
            cell
        }),
        table("Bytes a second on the wire, up/down:", |r| {
            format!("{}/{}", r.up_bytes, r.down_bytes)
        }),
        table("Datagrams a second, up/down:", |r| {
            let (up, down) = (r.up_datagrams_tenths, r.down_datagrams_tenths);
            format!("{}/{}", tenths(up), tenths(down))
        }),
        table(
            "Unreliable state that arrived, up; datagrams that the link let through; p50/p99 in ms:",
            |r| {
                let (state, link) = (percent(r.state_up_ppm), percent(r.link_up_ppm));
                format!("{state} of {link}; {}", two(r.state_up))
            },
        ),
    ]
}

/// W2.
pub(crate) fn bulk(results: &[Bulk]) -> Vec<Table> {
    let title = "5 MB beside state at 60 Hz, 10 Mbit/s, 64 kB queue, 50 ms round trip. State lost otherwise: not by the link's chance.";
    let columns = [
        "",
        "loss",
        "completion, s (median)",
        "slowest",
        "state p50/p99, ms",
        "state delivered",
        "lost otherwise",
        "wire bytes a payload byte",
    ];
    let mut table = Table::new(title, columns);
    for result in results {
        let mut completion = seconds(result.completion);
        if result.unfinished > 0 {
            completion += &format!(", {} unfinished", result.unfinished);
        }
        if result.wrong > 0 {
            completion += &format!(", {} wrong", result.wrong);
        }
        let otherwise = result.states_lost_otherwise;
        table.row(vec![
            result.contender.clone(),
            format!("{} %", result.loss_percent),
            completion,
            seconds(result.slowest),
            two(result.state),
            share(result.states_delivered, result.states_sent),
            format!("{otherwise} of {}", result.states_sent),
            fraction(result.wire_per_payload_ppm, 1_000_000, 3),
        ]);
    }
    vec![table]
}

/// W3.
pub(crate) fn wire(results: &[Wire]) -> Vec<Table> {
    let columns = [
        "",
        "bytes a second, total",
        "up",
        "down",
        "datagrams a second, up/down",
    ];
    let mut table = Table::new("One side talks, nothing is lost:", columns);
    for result in results {
        let (up, down) = (result.up_datagrams_tenths, result.down_datagrams_tenths);
        table.row(vec![
            result.contender.clone(),
            (result.up_bytes + result.down_bytes).to_string(),
            result.up_bytes.to_string(),
            result.down_bytes.to_string(),
            format!("{}/{}", tenths(up), tenths(down)),
        ]);
    }
    vec![table]
}

/// W5.
pub(crate) fn handshake(results: &[Handshake]) -> Vec<Table> {
    let title = "From dialling to the first message at the server's application:";
    let columns = [
        "",
        "loss",
        "p50, ms",
        "p99",
        "max",
        "failed",
        "bytes until then",
    ];
    let mut table = Table::new(title, columns);
    for result in results {
        table.row(vec![
            result.contender.clone(),
            format!("{} %", result.loss_percent),
            ms(result.first_message.p50),
            ms(result.first_message.p99),
            ms(result.first_message.max),
            format!("{} of {}", result.failed, result.seeds),
            result.bytes.to_string(),
        ]);
    }
    vec![table]
}

/// Fairness.
pub(crate) fn fairness(results: &[Fairness]) -> Vec<Table> {
    let title = "Two transfers through 10 Mbit/s, 64 kB queue, 50 ms round trip:";
    let columns = [
        "",
        "Jain's index, least",
        "share of the first: least, mean, most",
        "payload of both, of the rate",
    ];
    let mut table = Table::new(title, columns);
    for result in results {
        let [least, mean, most] = result.share_permille.map(|share| fraction(share, 10, 1));
        table.row(vec![
            format!("{} beside {}", result.first, result.second),
            fraction(result.jain_permille_min, 1_000, 3),
            format!("{least}, {mean}, {most} %"),
            format!("{} %", fraction(result.used_permille, 10, 1)),
        ]);
    }
    vec![table]
}

/// Reliability.
pub(crate) fn reliable(results: &[Reliable]) -> Vec<Table> {
    let title = "10 MB alone, no bottleneck:";
    let columns = [
        "",
        "network",
        "exact to the bit",
        "disconnected",
        "after 2 h",
        "median, s",
        "slowest",
    ];
    let mut table = Table::new(title, columns);
    for result in results {
        table.row(vec![
            result.contender.clone(),
            result.network.to_owned(),
            format!("{} of {}", result.exact, result.seeds),
            result.disconnected.to_string(),
            result.too_late.to_string(),
            seconds(result.took.p50),
            seconds(result.took.max),
        ]);
    }
    vec![table]
}

/// W4.
pub(crate) fn cpu(results: &[Cpu]) -> Vec<Table> {
    let title = "A server, of each client and tick; memory of each idle connection:";
    let columns = [
        "",
        "instructions, 64 clients",
        "512 clients",
        "allocations",
        "bytes allocated",
        "heap bytes of an idle connection",
    ];
    let mut table = Table::new(title, columns);
    let or_dash = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    for result in results {
        let [few, many] = result.instructions.map(or_dash);
        let idle = result.idle_connection_bytes;
        table.row(vec![
            result.contender.clone(),
            few,
            many,
            result.allocations_tenths.map_or("-".to_owned(), tenths),
            or_dash(result.allocated_bytes),
            idle.map_or("-".to_owned(), |bytes| bytes.to_string()),
        ]);
    }
    vec![table]
}
