//! `tickwire sim list`.

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;
use tickwire_sim::scenario::library;

use crate::output::{self, Table};

const EXAMPLES: &str = "\
Examples:
  tickwire sim list
  tickwire sim list --json";

/// Options of `sim list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Print one JSON list, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    title: String,
    clients: u32,
    duration_ms: u64,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut listed = Vec::new();
    for entry in library::ENTRIES {
        let scenario = entry
            .read()
            .with_context(|| format!("the scenario {}", entry.name))?;
        listed.push(Listed {
            name: entry.name,
            title: scenario.title().to_owned(),
            clients: scenario.clients(),
            duration_ms: u64::try_from(scenario.duration().as_millis()).unwrap_or(u64::MAX),
        });
    }
    if args.json {
        output::json(&listed)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["NAME", "CLIENTS", "SECONDS", "WHAT"]);
    for entry in &listed {
        let seconds = entry.duration_ms.div_ceil(1_000);
        table.row([
            entry.name.to_owned(),
            entry.clients.to_string(),
            seconds.to_string(),
            entry.title.clone(),
        ]);
    }
    output::line(&table.render())?;
    Ok(ExitCode::SUCCESS)
}
