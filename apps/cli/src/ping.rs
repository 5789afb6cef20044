//! `tickwire ping`: round trips to a server, without joining it.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tickwire_core::Event;
use tickwire_tokio::Handle;
use tokio::time::{Instant, interval, sleep_until};

use crate::args;
use crate::client;
use crate::failure::failed;
use crate::output;
use crate::place::{GAME_PORT, Place};
use crate::signals::Stop;

const EXAMPLES: &str = "\
Examples:
  tickwire ping 127.0.0.1                5 round trips to a server on this host, port 8080
  tickwire ping game.example.org:9000 --count 100 --interval 0.1
  tickwire ping 192.168.1.5 --json

Exit code 1 if no answer comes at all. A plain UDP echo is no Tickwire server and does not count.";

/// Options of `ping`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The server, port 8080 unless given
    #[arg(value_name = "HOST[:PORT]")]
    server: Place,

    /// Probes to send
    #[arg(long, value_name = "N", default_value = "5", value_parser = args::whole(1_u32..=1_000_000), allow_negative_numbers = true)]
    count: u32,

    /// Time from one probe to the next
    #[arg(long, value_name = "SECONDS", default_value = "0.2", value_parser = args::seconds, allow_negative_numbers = true)]
    interval: Duration,

    /// Time to wait for answers after the last probe
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = args::seconds, allow_negative_numbers = true)]
    timeout: Duration,

    /// Print one JSON object at the end, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let stop = Stop::listen()?;
    let address = args.server.resolve(GAME_PORT).await?;
    let handle = client::bind(address.is_ipv6())?;
    let summary = probe(&handle, address, &args, &stop).await?;
    if args.json {
        output::json(&summary)?;
    } else {
        output::line(&summary.line())?;
    }
    if summary.received == 0 && !stop.is_requested() {
        return Err(failed(format!(
            "no answer from {address}: check the address and the port, that `tickwire serve` runs there, \
             and that no firewall drops UDP"
        )));
    }
    Ok(())
}

/// Sends probes and collects the answers, until all are there or the time is over.
async fn probe(
    handle: &Handle,
    address: SocketAddr,
    args: &Args,
    stop: &Stop,
) -> anyhow::Result<Summary> {
    let mut round_trips = Vec::new();
    let mut sent = 0;
    let mut due = interval(args.interval);
    let mut last_sent = Instant::now();
    loop {
        tokio::select! {
            _ = due.tick(), if sent < args.count => {
                handle.probe(address);
                sent += 1;
                last_sent = Instant::now();
            }
            event = handle.next_event() => match event {
                Some(Event::ProbeAnswered { address: from, rtt }) if from == address => {
                    round_trips.push(rtt);
                    if !args.json {
                        output::line(&format!("answer from {from}: {}", millis_text(rtt)))?;
                    }
                }
                Some(_) => {}
                None => break,
            },
            () = sleep_until(last_sent + args.timeout), if sent == args.count => break,
            () = stop.requested() => break,
        }
        if round_trips.len() >= args.count as usize {
            break;
        }
    }
    Ok(Summary::new(address, sent, round_trips))
}

/// The result of `ping --json`. Times are milliseconds, and absent without an answer.
#[derive(Debug, Serialize)]
struct Summary {
    address: SocketAddr,
    sent: u32,
    received: u32,
    loss_pct: f64,
    /// The median.
    rtt_ms: Option<f64>,
    rtt_min_ms: Option<f64>,
    rtt_max_ms: Option<f64>,
}

impl Summary {
    fn new(address: SocketAddr, sent: u32, mut round_trips: Vec<Duration>) -> Self {
        round_trips.sort_unstable();
        let received = round_trips.len() as u32;
        let lost = sent.saturating_sub(received);
        Self {
            address,
            sent,
            received,
            loss_pct: f64::from(lost) * 100.0 / f64::from(sent.max(1)),
            rtt_ms: median(&round_trips).map(millis),
            rtt_min_ms: round_trips.first().copied().map(millis),
            rtt_max_ms: round_trips.last().copied().map(millis),
        }
    }

    /// For people.
    fn line(&self) -> String {
        let Self {
            sent,
            received,
            loss_pct,
            ..
        } = self;
        let counts = format!("{sent} sent, {received} answered, {loss_pct:.1} % lost");
        match (self.rtt_min_ms, self.rtt_ms, self.rtt_max_ms) {
            (Some(min), Some(median), Some(max)) => {
                format!("{counts}; round trip min {min:.3}, median {median:.3}, max {max:.3} ms")
            }
            _ => counts,
        }
    }
}

/// The middle one, or the mean of both middle ones.
fn median(sorted: &[Duration]) -> Option<Duration> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some((lower + upper) / 2)
}

/// Milliseconds to the microsecond.
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

fn millis_text(duration: Duration) -> String {
    format!("{:.3} ms", millis(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(sent: u32, micros: &[u64]) -> Summary {
        let address = SocketAddr::from(([192, 0, 2, 1], GAME_PORT));
        let round_trips = micros.iter().map(|us| Duration::from_micros(*us)).collect();
        Summary::new(address, sent, round_trips)
    }

    #[test]
    fn least_median_and_greatest_do_not_depend_on_the_order() {
        assert_eq!(
            summary(4, &[3_000, 1_000, 2_000]).line(),
            "4 sent, 3 answered, 25.0 % lost; round trip min 1.000, median 2.000, max 3.000 ms"
        );
        assert_eq!(summary(2, &[2_000, 1_000]).rtt_ms, Some(1.5));
    }

    #[test]
    fn without_an_answer_there_are_no_times() {
        let summary = summary(5, &[]);
        assert_eq!(summary.line(), "5 sent, 0 answered, 100.0 % lost");
        let json = serde_json::to_value(&summary).expect("it is plain data");
        assert_eq!(json["rtt_ms"], serde_json::Value::Null);
    }

    #[test]
    fn stopped_before_the_first_probe_nothing_is_lost() {
        assert_eq!(summary(0, &[]).line(), "0 sent, 0 answered, 0.0 % lost");
    }
}
