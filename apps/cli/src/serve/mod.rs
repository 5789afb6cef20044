//! `tickwire serve`: an authoritative game server that anyone can run.

mod attendance;
mod bots;
mod run;
mod summary;
mod table;
mod tokens;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use tickwire_core::CongestionControl;

use crate::args;
use crate::failure::bad_input;
use crate::place::DISCOVERY_PORT;
use crate::record::RecordArgs;
use crate::signals::Stop;

const EXAMPLES: &str = "\
Examples:
  tickwire serve --bots 8                a game with 8 simulated players, on UDP port 8080 of all interfaces
  tickwire serve --name Arena --max-players 64 --tick-rate 60
  tickwire serve --key arena.key         known again after a restart: join --server-key with what it prints
  tickwire serve --key arena.key --require-token --token-key authority.key
  tickwire serve --record match.twrec    every datagram and command, for `tickwire replay`
  tickwire serve --ring-dir rings        a flight recorder without secrets, dumped when something goes wrong
  tickwire serve --bind 127.0.0.1:0 --ready-file ready.json --duration 10 --bots 8 --json

The ready file holds `game`, `discovery` (null if its port cannot be had) and `public_key`. On Unix, SIGUSR1 begins
a recording of every call, and ends it: to the file of --record with a number added, or to tickwire-serve-PID.twrec. SIGUSR2
dumps the ring of --ring-dir; by itself it is dumped at most once in 30 s, panics aside, and while fewer than 32 dumps are in the
directory. With --json, `players` is the
number when the end began, round trip and loss are means over them, bytes and datagrams are the server's, and
snapshots and events are sums over the server's own bots, which `bots` lists.";

const TICK_RATE_MAX: NonZeroU32 = NonZeroU32::new(1_000).expect("1000 is not 0");

/// Options of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where to listen for the game, UDP; port 0 takes a free one, `[::]` serves IPv6 and IPv4
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8080", value_parser = args::bind_address)]
    bind: SocketAddr,

    /// Name shown to those who look for servers, 1 to 64 bytes
    #[arg(long, value_name = "NAME", default_value = "Tickwire server", value_parser = server_name)]
    name: String,

    /// Places for players, bots included
    #[arg(long, value_name = "N", default_value = "32", value_parser = args::whole(1_u32..=2_000), allow_negative_numbers = true)]
    max_players: u32,

    /// Simulation steps, and snapshots, a second
    #[arg(long, value_name = "HZ", default_value = "30", value_parser = args::whole(NonZeroU32::MIN..=TICK_RATE_MAX), allow_negative_numbers = true)]
    tick_rate: NonZeroU32,

    /// How fast to send to each player: game, cubic, new-reno, bbr or fixed:BYTES_PER_SECOND
    #[arg(long, value_name = "NAME", default_value_t, value_parser = args::congestion)]
    congestion: CongestionControl,

    /// Bytes that copies of small messages may add against loss, in percent of all others; 0 sends none
    #[arg(long, value_name = "PERCENT", default_value = "40", value_parser = args::whole(0_u8..=100), allow_negative_numbers = true)]
    redundancy: u8,

    /// Port on which to answer those who look for servers, UDP; several servers of a host share it
    #[arg(long, value_name = "PORT", default_value_t = DISCOVERY_PORT, value_parser = args::whole(0_u16..=u16::MAX), allow_negative_numbers = true)]
    discovery_port: u16,

    /// Simulated players that join over loopback, as real clients
    #[arg(long, value_name = "N", default_value = "0", value_parser = args::whole(0_u32..=1_000), allow_negative_numbers = true)]
    bots: u32,

    /// Stop after this many seconds [default: at Ctrl-C]
    #[arg(long, value_name = "SECONDS", value_parser = args::seconds, allow_negative_numbers = true)]
    duration: Option<Duration>,

    /// Print one JSON object at the end, and nothing else on stdout
    #[arg(long)]
    json: bool,

    /// The server's secret key, made on first start and readable by its owner only [default: a new key every start]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    #[command(flatten)]
    tokens: tokens::TokenArgs,

    /// Write the addresses and the public key to this file as JSON once all listens
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,

    #[command(flatten)]
    record: RecordArgs,

    /// Tell the LAN of this server unasked, every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = announce_interval, allow_negative_numbers = true)]
    announce: Option<Duration>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    if args.bots > args.max_players {
        return Err(bad_input(format!(
            "--bots {} do not fit into --max-players {}: raise the one or lower the other",
            args.bots, args.max_players
        )));
    }
    args.record.check()?;
    args.tokens.check()?;
    let stop = Stop::listen()?;
    run::serve(&args, &stop).await
}

fn server_name(text: &str) -> Result<String, String> {
    let good = !text.trim().is_empty() && text.len() <= 64 && !text.chars().any(char::is_control);
    if !good {
        return Err("expected 1 to 64 bytes without control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn announce_interval(text: &str) -> Result<Duration, String> {
    let interval = args::seconds(text)?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(3_600);
    if !allowed.contains(&interval) {
        return Err("expected seconds from 1 to 3600".to_owned());
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_intervals_are_checked() {
        assert_eq!(server_name("Größe 7"), Ok("Größe 7".to_owned()));
        for bad in ["", " ", "a\nb", &"x".repeat(65)] {
            assert!(server_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(announce_interval("1.5"), Ok(Duration::from_millis(1_500)));
        for bad in ["0.5", "3601", "never"] {
            assert!(announce_interval(bad).is_err(), "{bad}");
        }
    }
}
