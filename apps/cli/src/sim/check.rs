//! `tickwire sim check`.

use std::process::ExitCode;

use super::source;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  tickwire sim check my-world.toml
  tickwire sim check my-world.toml --set link.loss=5%";

/// Options of `sim check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A file, or the name of a scenario that comes along
    #[arg(value_name = "SCENARIO")]
    scenario: String,

    /// Set a value, whatever the file says: link.delay=80ms, traffic.0.rate_hz=60
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let scenario = source::read(&args.scenario, &args.set)?;
    output::line(&format!(
        "{}: {} ({} clients, {:?})",
        output::clean(&args.scenario),
        output::clean(scenario.title()),
        scenario.clients(),
        scenario.duration()
    ))?;
    Ok(ExitCode::SUCCESS)
}
