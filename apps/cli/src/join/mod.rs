//! `tickwire join`: headless players that move, shoot and score, and count what they get.

pub(crate) mod bot;
mod ending;
pub(crate) mod summary;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use tickwire_core::{CongestionControl, ConnectToken};
use tickwire_game::Name;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args;
use crate::discover::SearchArgs;
use crate::failure::{bad_input, failed};
use crate::identity::{IdentityArgs, Origin};
use crate::output;
use crate::place::{GAME_PORT, Place};
use crate::record::{self, RecordArgs};
use crate::signals::Stop;
use crate::token::unix_time;
use bot::{BotTrust, Order, Plan, Report};
use summary::Summary;

const EXAMPLES: &str = "\
Examples:
  tickwire join 127.0.0.1 --name Ada     play on a server of this host, until Ctrl-C
  tickwire join --discover --duration 10 --json
  tickwire join game.example.org:9000 --server-key KEY
  tickwire join --token ada.token --name Ada
  tickwire join 192.168.1.5 --record match.twrec
  tickwire join 192.168.1.5 --bots 8 --trust-on-first-use

Recordings are of one client: --record, --record-redacted and --ring-dir do not go with --bots, and a signal only says so
there. On Unix, SIGUSR1 begins a recording of every call, and ends it: to the file of --record with a number added, or to
tickwire-join-PID.twrec. SIGUSR2 dumps the ring of --ring-dir. Counts of --json are sums over all bots, round trip and loss
are means; `bots` lists each. Exit code 1 if a bot cannot join or loses its connection.";

/// Ticks a second of the bots' own clocks.
const TICK_RATE_HZ: NonZeroU32 = NonZeroU32::new(30).expect("30 is not 0");
/// How long `--discover` waits for the first answer.
const DISCOVERY_TIME: Duration = Duration::from_secs(5);

/// Options of `join`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The server, port 8080 unless given
    #[arg(value_name = "HOST[:PORT]", conflicts_with = "discover")]
    server: Option<Place>,

    /// Join the first server of the LAN that answers
    #[arg(long)]
    discover: bool,

    /// Name to play under, 1 to 32 characters; the server adds a number where it is taken
    #[arg(long, value_name = "NAME", default_value = "Bot")]
    name: Name,

    /// Players to simulate, each with a socket and a connection of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = args::whole(1_u32..=1_000), allow_negative_numbers = true)]
    bots: u32,

    /// How fast to send: game, cubic, new-reno, bbr or fixed:BYTES_PER_SECOND
    #[arg(long, value_name = "NAME", default_value_t, value_parser = args::congestion)]
    congestion: CongestionControl,

    /// Bytes that copies of small messages may add against loss, in percent of all others; 0 sends none
    #[arg(long, value_name = "PERCENT", default_value = "40", value_parser = args::whole(0_u8..=100), allow_negative_numbers = true)]
    redundancy: u8,

    /// Move to another socket every so many seconds, as a phone that changes its network does
    #[arg(long, value_name = "SECONDS", value_parser = args::seconds, allow_negative_numbers = true)]
    rebind_every: Option<Duration>,

    /// Leave after this many seconds of play [default: at Ctrl-C]
    #[arg(long, value_name = "SECONDS", value_parser = args::seconds, allow_negative_numbers = true)]
    duration: Option<Duration>,

    /// Print one JSON object at the end, and nothing else on stdout
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    record: RecordArgs,

    #[command(flatten)]
    search: SearchArgs,

    #[command(flatten)]
    identity: IdentityArgs,

    /// Join with this connect token, whose first server it is unless one is given; it says which key the server must have
    #[arg(long, value_name = "FILE", conflicts_with_all = ["discover", "server_key", "trust_on_first_use"])]
    token: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    if args.record.is_given() && args.bots > 1 {
        return Err(bad_input(
            "--record, --record-redacted and --ring-dir are for one client: leave --bots out, or record on the server",
        ));
    }
    args.record.check()?;
    if args.token.is_some() && args.bots > 1 {
        return Err(bad_input(
            "--token is for one client, since it is good once: leave --bots out",
        ));
    }
    let token = args.token.as_deref().map(crate::token::read).transpose()?;
    let stop = Stop::listen()?;
    let found = tokio::select! {
        found = find(&args, token.as_ref()) => Some(found?),
        () = stop.requested() => None,
    };
    let Some((server, origin)) = found else {
        return Ok(());
    };
    let trust = match token {
        Some(token) => BotTrust::Token(checked(token, server)?),
        None => BotTrust::Judged(args.identity.trust(server, origin)?),
    };
    tracing::info!(%server, bots = args.bots, "joining");
    let mut reports = play(&args, server, &trust, &stop).await?;
    let summary = Summary::new(&reports);
    let failure = reports.iter_mut().find_map(|report| report.failure.take());
    if args.json {
        output::json(&summary)?;
    } else if reports.iter().any(|report| report.has_played) {
        output::line(&summary.line())?;
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// A token that can be used for this server, as far as can be told here.
fn checked(token: ConnectToken, server: SocketAddr) -> anyhow::Result<ConnectToken> {
    let good_for: Vec<String> = token
        .servers()
        .iter()
        .map(|known| known.address.to_string())
        .collect();
    if !good_for.contains(&server.to_string()) {
        return Err(bad_input(format!(
            "the token is not good for {server}, but for {}: give one of these, or no server",
            good_for.join(", ")
        )));
    }
    let late = unix_time().as_secs().checked_sub(token.expires_at());
    if let Some(late) = late {
        return Err(bad_input(format!(
            "the token expired {late} s ago: ask for another one"
        )));
    }
    Ok(token)
}

async fn find(args: &Args, token: Option<&ConnectToken>) -> anyhow::Result<(SocketAddr, Origin)> {
    if let Some(place) = &args.server {
        if args.search.is_given() {
            return Err(bad_input(
                "--target and --discovery-port are for --discover: give either it or a server",
            ));
        }
        return Ok((place.resolve(GAME_PORT).await?, Origin::Given));
    }
    if let Some(server) = token.and_then(|token| token.servers().first()) {
        return Ok((server.address, Origin::Given));
    }
    if !args.discover {
        return Err(bad_input(
            "which server? give HOST[:PORT], a --token FILE that names it, or --discover to join one of this LAN",
        ));
    }
    let server = args.search.first_server(DISCOVERY_TIME).await?;
    Ok((server.address, Origin::Discovered))
}

/// Runs all bots to their ends.
async fn play(
    args: &Args,
    server: SocketAddr,
    trust: &BotTrust,
    stop: &Stop,
) -> anyhow::Result<Vec<Report>> {
    let (orders, receiver) = watch::channel(Order::Play);
    let _declined = (args.bots > 1).then(record::decline).transpose()?;
    let mut bots = JoinSet::new();
    for number in 0..args.bots {
        let plan = Plan {
            server,
            trust: trust.clone(),
            name: args.name.clone(),
            number,
            tick_rate_hz: TICK_RATE_HZ,
            congestion: args.congestion,
            redundancy: args.redundancy,
            is_announced: number == 0 && !args.json,
            duration: args.duration,
            rebind_every: args.rebind_every,
            record: (args.bots == 1).then(|| args.record.clone()),
        };
        bots.spawn(bot::play(plan, receiver.clone()));
    }
    let mut reports = Vec::new();
    loop {
        tokio::select! {
            report = bots.join_next() => match report {
                Some(report) => reports.push(report.map_err(broken)??),
                None => break,
            },
            () = stop.requested(), if *orders.borrow() == Order::Play => {
                orders.send_replace(Order::Leave);
            }
        }
    }
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reports)
}

/// A bot's task panicked: a mistake of ours.
pub(crate) fn broken(error: tokio::task::JoinError) -> anyhow::Error {
    failed(format!("a bot broke: {error}"))
}
