//! `tickwire sim`: scenarios, played in virtual time.

mod check;
mod list;
mod network;
mod pictures;
mod progress;
mod run;
mod show;
mod source;
mod sweep;

use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  tickwire sim list                              the scenarios that come along
  tickwire sim run lossy-wifi                    one of them, as a table
  tickwire sim run my-world.toml --seed 7 --json a file of yours
  tickwire sim run --link-from match.twred       over the network that a recording saw
  tickwire sim sweep --svg sweep.svg             goodput and latency against loss and round trip
  tickwire sim check my-world.toml               is it a scenario?

A run depends on nothing but the scenario and the seed: the same two give the same result on every machine. How scenarios are
written is in docs/SCENARIOS.md. Exit codes: 0 all is as the scenario expects; 1 something is not, and what; 2 a file or an option
is wrong, and where.";

/// Options of `sim`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Play a scenario and tell what came of it
    Run(run::Args),
    /// Measure goodput and latency of a scenario against loss and round trip
    Sweep(sweep::Args),
    /// List the scenarios that come along
    List(list::Args),
    /// Check that a file is a scenario, traces included, without playing it
    Check(check::Args),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Run(args) => run::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::List(args) => list::run(args),
        Command::Check(args) => check::run(args),
    }
}
