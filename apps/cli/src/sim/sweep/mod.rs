//! `tickwire sim sweep`: goodput and latency against loss and round trip.

mod axis;
mod chart;
mod panel;
mod pool;
mod table;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use tickwire_sim::scenario::sweep::{Sweep, SweepReport};

use super::progress::Progress;
use super::source;
use crate::failure::bad_input;
use crate::{files, output};

/// Longest round trip, in milliseconds.
const RTT_MAX_MS: u64 = 60_000;

const EXAMPLES: &str = "\
Examples:
  tickwire sim sweep                                     a game and a file, as tables
  tickwire sim sweep --loss 0,1,2,5 --rtt 20,50,100 --svg sweep.svg
  tickwire sim sweep --scenario goodput --seeds 10 --json > sweep.json
  tickwire sim sweep --scenario my-world.toml --loss 0.5 --rtt 10,20,40,80,160

At each point every link of the scenario has this loss and half of this round trip in each direction; all else is as the scenario
says. Goodput is the mean over the seeds, latencies are the median. The result depends on nothing but the scenario, the points and
the seeds, whatever the number of threads. Exit codes: 0 done; 2 a file or an option is wrong, and where.";

/// Options of `sim sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a scenario that comes along, or a file
    #[arg(long, value_name = "SCENARIO", default_value = "sweep")]
    scenario: String,

    /// Losses in percent, each direction
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = loss, default_value = "0,1,2,5,10")]
    loss: Vec<u16>,

    /// Round trips in milliseconds
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = rtt, default_value = "20,50,100,200")]
    rtt: Vec<Duration>,

    /// How many seeds each point is played with
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,

    /// The first of these seeds
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Set a value of the scenario: clients.0.count=4, traffic.0.rate_hz=60
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Print the result as one JSON object, and nothing else on stdout
    #[arg(long)]
    json: bool,

    /// Draw the result into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Play on so many threads; as many as there are processors otherwise
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Show no progress
    #[arg(long)]
    no_progress: bool,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Printed<'a> {
    scenario: &'a str,
    #[serde(flatten)]
    report: &'a SweepReport,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let scenario = source::read(&args.scenario, &args.set)?;
    let sweep = Sweep::new(&args.loss, &args.rtt, args.seed, args.seeds).map_err(bad_input)?;
    if let Some(path) = &args.svg {
        // Before minutes of work, not after them.
        files::Draft::rehearse(path).map_err(|error| unwritable(path, &error))?;
    }
    let runs = sweep.runs();
    let progress = Progress::new(runs.len() as u64, "runs", args.no_progress, args.json);
    let threads = args.threads.or(std::thread::available_parallelism().ok());
    let measured = pool::map(&runs, threads, |run| {
        let measured = run.play(&scenario);
        progress.advance(1);
        measured
    });
    progress.finish();
    let report = sweep.gather(&scenario, &measured);
    if let Some(path) = &args.svg {
        write(path, &chart::svg(&report)?)?;
    }
    if args.json {
        output::json(&Printed {
            scenario: &args.scenario,
            report: &report,
        })?;
    } else {
        output::line(&table::text(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the picture whole, or not at all.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = files::replace(path, text, files::Access::World);
    written.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    let path = path.display();
    bad_input(format!(
        "cannot write {path}: {error}; give --svg a path in a directory that can be written"
    ))
}

/// A loss in percent, as thousandths.
fn loss(text: &str) -> Result<u16, String> {
    let expected = || "expected percent from 0 to 100 in steps of 0.1, such as 2.5".to_owned();
    let text = text.trim();
    let text = text.strip_suffix('%').unwrap_or(text);
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let number = |digits: &str| digits.parse::<u16>().map_err(|_| expected());
    if tenth.len() != 1 || whole.len() > 3 {
        return Err(expected());
    }
    let permille = number(whole)? * 10 + number(tenth)?;
    if permille > 1_000 {
        return Err(expected());
    }
    Ok(permille)
}

/// A round trip in whole milliseconds.
fn rtt(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let millis = text.strip_suffix("ms").unwrap_or(text).parse().ok();
    let millis = millis.filter(|millis: &u64| *millis <= RTT_MAX_MS);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| format!("expected whole milliseconds from 0 to {RTT_MAX_MS}, such as 50"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_percent_in_tenths() {
        assert_eq!(loss("0"), Ok(0));
        assert_eq!(loss(" 2.5 "), Ok(25));
        assert_eq!(loss("100%"), Ok(1_000));
        for bad in ["", "-1", "100.1", "0.25", "x", "+1.+", "1e1", "65535"] {
            assert!(loss(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn round_trips_are_milliseconds() {
        assert_eq!(rtt("20"), Ok(Duration::from_millis(20)));
        assert_eq!(rtt("20ms"), Ok(Duration::from_millis(20)));
        assert!(rtt("60001").is_err() && rtt("1.5").is_err() && rtt("").is_err());
    }
}
