//! `tickwire replay`: a recording, lived again.

mod show;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tickwire_sim::{Recording, Replay};

use crate::failure::bad_input;
use crate::{args, files, output};
use show::Summary;

const EXAMPLES: &str = "\
Examples:
  tickwire serve --bots 2 --duration 10 --record server.twrec
  tickwire replay server.twrec                   every call again: does the same come out?
  tickwire replay server.twrec --until 3.5 --trace
  tickwire replay crashed.twrec --salvage        what is whole of a file that was cut off

A recording holds session secrets: who has the file can read what was said. Exit codes: 0 all that came out is the same;
1 something else came out, the first such call is shown; 2 the file cannot be read, and why.";

/// Options of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The recording, made by `serve --record`, `join --record` or any program on Tickwire
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Stop this many seconds after the beginning
    #[arg(long, value_name = "SECONDS", value_parser = args::seconds, allow_negative_numbers = true)]
    until: Option<Duration>,

    /// Print every datagram and event, with the content of those that leave
    #[arg(long)]
    trace: bool,

    /// Print one JSON object at the end, and nothing else on stdout
    #[arg(long, conflicts_with = "trace")]
    json: bool,

    /// Replay what is whole of a file that was cut off or damaged
    #[arg(long)]
    salvage: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let recording = read(args)?;
    let mut replay = Replay::new(&recording);
    if let Some(until) = args.until {
        replay = replay.until(recording.begins_at() + until);
    }
    let report = match args.trace {
        false => replay.run(),
        true => show::traced(replay, recording.begins_at())?,
    };
    let summary = Summary::new(&recording, &report);
    if args.json {
        output::json(&summary)?;
    } else {
        output::line(&summary.text())?;
    }
    Ok(ExitCode::from(u8::from(!report.is_identical())))
}

fn read(args: &Args) -> anyhow::Result<Recording> {
    let shown = args.file.display();
    let bytes = read_bytes(&args.file)
        .map_err(|error| bad_input(format!("cannot read the recording {shown}: {error}")))?;
    let unreadable = |error| bad_input(format!("{shown} cannot be replayed: {error}"));
    let (recording, rest) = Recording::salvage(bytes).map_err(unreadable)?;
    match rest {
        None => {}
        Some(error) if args.salvage => {
            output::remark(&format!("{shown}: {error}; what is before is replayed"));
        }
        Some(error) if recording.record_count() > 0 => {
            return Err(bad_input(format!(
                "{shown} cannot be replayed: {error}; --salvage replays what is before"
            )));
        }
        Some(error) => return Err(unreadable(error)),
    }
    Ok(recording)
}

fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut file: File = files::open_regular(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).context("it cannot be read")?;
    Ok(bytes)
}
