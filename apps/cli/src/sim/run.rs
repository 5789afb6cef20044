//! `tickwire sim run`.

use std::process::ExitCode;

use tickwire_sim::Outcome;
use tickwire_sim::scenario::Player;

use super::pictures::Pictures;
use super::progress::Progress;
use super::{network, show, source};
use crate::output;

/// Who plays over a recorded network if no scenario is named.
const ONE_PLAYER: &str = include_str!("one-player.toml");

const EXAMPLES: &str = "\
Examples:
  tickwire sim run lossy-wifi
  tickwire sim run lossy-wifi --seed 7 --json > outcome.json
  tickwire sim run handover --report run.html        tables, charts and a ladder, for a browser
  tickwire sim run handover --trace wire.txt         every datagram, as text
  tickwire sim run handover --pcap wire.pcapng       for Wireshark: docs/TRACES.md
  tickwire sim run lan --set link.loss=5% --set clients.0.count=16
  tickwire sim run my-world.toml
  tickwire sim run --link-from match.twred           one player over the network that a recording saw
  tickwire sim run my-world.toml --link-from match.twred

The same scenario and seed give the same result, byte for byte, on every machine. Exit codes: 0 all is as the scenario expects;
1 something is not, and what; 2 a file or an option is wrong, and where.";

/// Options of `sim run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a scenario that comes along, or a file; with --link-from one player if none is named
    #[arg(value_name = "SCENARIO", required_unless_present = "link_from")]
    scenario: Option<String>,

    /// The seed of all chance
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Set a value, whatever the file says: link.delay=80ms, traffic.0.rate_hz=60
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Print the outcome as one JSON object, and nothing else on stdout
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    network: network::Args,

    #[command(flatten)]
    pictures: Pictures,

    /// Show no progress
    #[arg(long)]
    no_progress: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let scenario = match &args.scenario {
        Some(name) => source::read(name, &args.set)?,
        None => source::read_text(ONE_PLAYER, "one player", &args.set)?,
    };
    let clients = usize::try_from(scenario.clients()).unwrap_or(usize::MAX);
    let network = args.network.read(clients)?;
    args.pictures.rehearse()?;
    let whole = scenario.duration() + scenario.drain();
    let progress = Progress::new(whole.as_secs(), "s played", args.no_progress, args.json);
    let player = Player::new(&scenario, args.seed);
    let mut player = player.on_progress(|passed, _| progress.reach(passed.as_secs()));
    if let Some(network) = &network {
        player = network.under(player);
    }
    let player = args.pictures.prepare(player);
    let (outcome, mut world) = player.run();
    progress.finish();
    args.pictures.write(&outcome, &mut world)?;
    report(&outcome, args.json)?;
    Ok(ExitCode::from(u8::from(!outcome.unmet.is_empty())))
}

fn report(outcome: &Outcome, is_json: bool) -> anyhow::Result<()> {
    if is_json {
        return output::json(outcome);
    }
    output::line(&show::text(outcome))
}
