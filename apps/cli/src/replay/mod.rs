//! `tickwire replay`: a recording, lived again.

mod explain;
mod show;
mod summary;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tickwire_core::record;
use tickwire_sim::explain::Question;
use tickwire_sim::{Recording, RecordingError, RedactedRecording, Replay, ReplayReport, Survey};

use crate::failure::{bad_input, failed};
use crate::{args, files, output};
use show::Summary;
use summary::Network;

const EXAMPLES: &str = "\
Examples:
  tickwire serve --bots 2 --duration 10 --record server.twrec
  tickwire replay server.twrec                   every call again: does the same come out?
  tickwire replay server.twrec --times 100       a hundred times: always the same?
  tickwire replay server.twrec --until 3.5 --trace
  tickwire replay crashed.twrec --salvage        what is whole of a file that was cut off
  tickwire replay server.twrec --explain late    the ten messages that took longest, and why
  tickwire replay server.twrec --explain 2.17    message 17 on channel 2: where its time went
  tickwire replay match.twrec --summary          losses and round trips, of a redacted recording too

A recording holds session secrets: who has the file can read what was said. Exit codes: 0 all that came out is the same;
1 something else came out, the first such call is shown; 2 the file cannot be read, or has no such message, and why.";

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

    /// Print what the network did instead: losses, how they came, and round trips, for each peer
    #[arg(long, conflicts_with = "trace")]
    summary: bool,

    /// Tell why a message took as long as it did: `CHANNEL.NUMBER`, before it `PEER:` (`p0.1:` or `ADDRESS:`) and `sent:` or
    /// `received:` where more than one has it; or `late`, `late:50` for the slowest
    #[arg(long, value_name = "MESSAGE", conflicts_with_all = ["trace", "summary"])]
    explain: Option<Question>,

    /// Replay what is whole of a file that was cut off or damaged
    #[arg(long)]
    salvage: bool,

    /// Replay it so many times: every time all must be the same
    #[arg(long, value_name = "N", default_value = "1", conflicts_with_all = ["trace", "summary", "explain"], value_parser = args::whole(1_u32..=1_000_000), allow_negative_numbers = true)]
    times: u32,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    tickwire_sim::quiet_replays();
    let bytes = read_bytes(&args.file)?;
    if record::is_redacted(&bytes) {
        return redacted(args, bytes);
    }
    let recording = read(args, bytes)?;
    let mut replay = Replay::new(&recording);
    if let Some(until) = args.until {
        replay = replay.until(recording.begins_at() + until);
    }
    if args.summary {
        let (redacted, divergence) = replay.redacted();
        if let Some(divergence) = divergence {
            output::remark(&format!(
                "{}: it replays differently from record {} on; this is what is before",
                args.file.display(),
                divergence.record
            ));
        }
        let redacted = RedactedRecording::read(redacted);
        let survey = Survey::of(&redacted.context("what was just written can be read")?);
        return summarize(args, &survey, false);
    }
    if let Some(question) = &args.explain {
        return explain::run(&args.file, replay, question, args.json);
    }
    let report = match args.trace {
        false => repeated(args.times, &replay)?,
        true => show::traced(replay, recording.begins_at())?,
    };
    let summary = Summary::new(&recording, &report, args.times);
    if args.json {
        output::json(&summary)?;
    } else {
        output::line(&summary.text())?;
    }
    Ok(ExitCode::from(u8::from(!report.is_identical())))
}

/// The report of all of so many replays, which must be the same.
fn repeated(times: u32, replay: &Replay<'_>) -> anyhow::Result<ReplayReport> {
    let report = replay.clone().run();
    for time in 2..=times {
        if !report.is_identical() {
            break;
        }
        if replay.clone().run() != report {
            return Err(failed(format!(
                "replay {time} was not the same as the first: that is a mistake of Tickwire's"
            )));
        }
    }
    Ok(report)
}

/// What can be done with a redacted recording.
fn redacted(args: &Args, bytes: Vec<u8>) -> anyhow::Result<ExitCode> {
    let shown = args.file.display();
    if !args.summary {
        return Err(bad_input(format!(
            "{shown} cannot be replayed: {}; --summary shows what the network did",
            RecordingError::Redacted
        )));
    }
    if args.until.is_some() {
        return Err(bad_input(
            "--until is for full recordings: of a redacted one --summary tells all or nothing",
        ));
    }
    let recording = whole(args, RedactedRecording::salvage(bytes), |recording| {
        recording.record_count()
    })?;
    summarize(args, &Survey::of(&recording), true)
}

fn summarize(args: &Args, survey: &Survey, is_redacted: bool) -> anyhow::Result<ExitCode> {
    let network = Network::new(survey, is_redacted);
    if args.json {
        output::json(&network)?;
    } else {
        output::line(&network.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read(args: &Args, bytes: Vec<u8>) -> anyhow::Result<Recording> {
    whole(args, Recording::salvage(bytes), Recording::record_count)
}

/// A recording that is whole, or what is whole of it if that is asked for.
fn whole<R>(
    args: &Args,
    salvaged: Result<(R, Option<RecordingError>), RecordingError>,
    record_count: impl Fn(&R) -> u64,
) -> anyhow::Result<R> {
    let shown = args.file.display();
    let unreadable = |error| bad_input(format!("{shown} cannot be replayed: {error}"));
    let (recording, rest) = salvaged.map_err(unreadable)?;
    match rest {
        None => {}
        Some(error) if args.salvage => {
            output::remark(&format!("{shown}: {error}; what is before is replayed"));
        }
        Some(error) if record_count(&recording) > 0 => {
            return Err(bad_input(format!(
                "{shown} cannot be replayed: {error}; --salvage replays what is before"
            )));
        }
        Some(error) => return Err(unreadable(error)),
    }
    Ok(recording)
}

pub(crate) fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || -> anyhow::Result<Vec<u8>> {
        let mut file: File = files::open_regular(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).context("it cannot be read")?;
        Ok(bytes)
    };
    let shown = path.display();
    read().map_err(|error| bad_input(format!("cannot read the recording {shown}: {error}")))
}
