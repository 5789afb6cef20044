//! `tickwire discover`: the servers of the LAN. `join --discover` searches with the same code.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tickwire_core::{DiscoveryQuery, Event, ServerInfo};
use tickwire_tokio::Handle;

use crate::args;
use crate::client;
use crate::failure::{bad_input, failed};
use crate::output::{self, Table};
use crate::place::{DISCOVERY_PORT, Place};
use crate::signals::Stop;

const EXAMPLES: &str = "\
Examples:
  tickwire discover                      everybody on this LAN and this host, by broadcast and multicast
  tickwire discover --target 192.168.1.5 --timeout 0.5
  tickwire discover --json

Finding none is no failure: the exit code is 0, the table empty, and a hint is on stderr.";

/// Options of `discover`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    search: SearchArgs,

    /// Time to wait for answers
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = args::seconds, allow_negative_numbers = true)]
    timeout: Duration,

    /// Print one JSON object at the end, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

/// Where to search; part of the options of every command that does.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchArgs {
    /// Ask only here, may be repeated [default: broadcast and multicast on every network, and this host]
    #[arg(long, value_name = "HOST[:PORT]")]
    target: Vec<Place>,

    /// Port that servers listen for queries on, where a target names none [default: 8081]
    #[arg(long, value_name = "PORT", value_parser = args::whole(1_u16..=u16::MAX), allow_negative_numbers = true)]
    discovery_port: Option<u16>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let stop = Stop::listen()?;
    let servers = args.search.servers(args.timeout, &stop).await?;
    if servers.is_empty() {
        output::remark(&format!("no server found {}", args.search.advice()));
    }
    if args.json {
        return output::json(&Found::from(servers.as_slice()));
    }
    if servers.is_empty() {
        return Ok(());
    }
    output::line(&table(&servers))
}

impl SearchArgs {
    /// Whether any of these options is given.
    pub(crate) fn is_given(&self) -> bool {
        !self.target.is_empty() || self.discovery_port.is_some()
    }

    fn port(&self) -> u16 {
        self.discovery_port.unwrap_or(DISCOVERY_PORT)
    }

    /// All servers that answer in time, or until `stop`, by name.
    ///
    /// # Errors
    ///
    /// A target cannot be found, or the network not be used.
    async fn servers(&self, timeout: Duration, stop: &Stop) -> anyhow::Result<Vec<ServerInfo>> {
        let search = self.start(timeout).await?;
        let mut servers = Vec::new();
        loop {
            let answer = tokio::select! {
                answer = search.next() => answer,
                () = stop.requested() => None,
            };
            match answer {
                Some(Heard::Found(server)) => update(&mut servers, server),
                Some(Heard::Expired(server)) => {
                    servers.retain(|listed| listed.address != server.address);
                }
                None => break,
            }
        }
        servers.sort_by(|a, b| (&a.name, a.address).cmp(&(&b.name, b.address)));
        Ok(servers)
    }

    /// The first server that answers. Cancel safe.
    ///
    /// # Errors
    ///
    /// None answers in time, a target cannot be found, or the network not be used.
    pub(crate) async fn first_server(&self, timeout: Duration) -> anyhow::Result<ServerInfo> {
        let search = self.start(timeout).await?;
        loop {
            match search.next().await {
                Some(Heard::Found(server)) => return Ok(server),
                Some(Heard::Expired(_)) => {}
                None => return Err(failed(format!("no server found {}", self.advice()))),
            }
        }
    }

    async fn start(&self, timeout: Duration) -> anyhow::Result<Search> {
        let mut targets = Vec::new();
        for place in &self.target {
            targets.push(place.resolve(self.port()).await?);
        }
        let needs_v6 = targets.is_empty() || targets.iter().any(SocketAddr::is_ipv6);
        let handle = client::bind(needs_v6)?;
        if targets.is_empty() {
            targets = handle.discovery_targets(self.port());
        }
        tracing::debug!(?targets, "asking for servers");
        handle
            .discover(DiscoveryQuery { targets, timeout })
            .map_err(|error| bad_input(format!("cannot search: {error}; give fewer --target")))?;
        Ok(Search { handle })
    }

    fn advice(&self) -> String {
        let port = self.port();
        if self.target.is_empty() {
            format!(
                "on this LAN, UDP port {port}: start one with `tickwire serve`, ask a host directly with --target HOST, \
                 or join a known address"
            )
        } else {
            let targets: Vec<String> = self.target.iter().map(ToString::to_string).collect();
            format!(
                "at {}: check the address, that `tickwire serve` runs there with discovery port {port}, \
                 and that no firewall drops UDP",
                targets.join(", ")
            )
        }
    }
}

/// A query under way.
struct Search {
    handle: Handle,
}

/// What a query brings.
enum Heard {
    /// A server that is new, or has changed.
    Found(ServerInfo),
    /// A server that answers no more.
    Expired(ServerInfo),
}

impl Search {
    /// What is heard next; `None` once the time is over.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "an endpoint that only asks has no other events"
    )]
    async fn next(&self) -> Option<Heard> {
        loop {
            match self.handle.next_event().await? {
                Event::ServerFound(server) => return Some(Heard::Found(server)),
                Event::ServerExpired(server) => return Some(Heard::Expired(server)),
                Event::DiscoveryEnded => return None,
                _ => {}
            }
        }
    }
}

/// Adds a server, or brings the one that is listed up to date.
fn update(servers: &mut Vec<ServerInfo>, server: ServerInfo) {
    let is_same = |listed: &&mut ServerInfo| match (listed.id, server.id) {
        (Some(listed), Some(id)) => listed == id,
        _ => listed.address == server.address,
    };
    match servers.iter_mut().find(is_same) {
        Some(listed) => *listed = server,
        None => servers.push(server),
    }
}

fn table(servers: &[ServerInfo]) -> String {
    let mut table = Table::new(["NAME", "ADDRESS", "PLAYERS"]);
    for server in servers {
        table.row([
            server.name.clone(),
            server.address.to_string(),
            format!("{}/{}", server.players, server.players_max),
        ]);
    }
    table.render()
}

/// The result of `discover --json`.
#[derive(Debug, Serialize)]
struct Found<'a> {
    servers: Vec<FoundServer<'a>>,
}

#[derive(Debug, Serialize)]
struct FoundServer<'a> {
    name: &'a str,
    address: SocketAddr,
    players: u32,
    max_players: u32,
}

impl<'a> From<&'a [ServerInfo]> for Found<'a> {
    fn from(servers: &'a [ServerInfo]) -> Self {
        let server = |info: &'a ServerInfo| FoundServer {
            name: &info.name,
            address: info.address,
            players: info.players,
            max_players: info.players_max,
        };
        Self {
            servers: servers.iter().map(server).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: Option<u64>, name: &str, last: u8, players: u32) -> ServerInfo {
        ServerInfo {
            id,
            name: name.to_owned(),
            address: SocketAddr::from(([192, 0, 2, last], 8_080)),
            players,
            players_max: 32,
        }
    }

    #[test]
    fn a_server_that_answers_twice_is_listed_once_with_its_latest_values() {
        let mut servers = Vec::new();
        update(&mut servers, info(Some(7), "arena", 1, 0));
        update(&mut servers, info(Some(7), "arena", 2, 5));
        update(&mut servers, info(None, "old", 3, 0));
        update(&mut servers, info(None, "old", 3, 1));
        update(&mut servers, info(Some(8), "other", 2, 0));
        let players: Vec<u32> = servers.iter().map(|server| server.players).collect();
        assert_eq!(players, [5, 1, 0]);
    }

    #[test]
    fn the_json_has_the_documented_members() {
        let servers = [info(None, "my \"arena\"\n", 1, 3)];
        let json = serde_json::to_string(&Found::from(servers.as_slice()));
        assert_eq!(
            json.expect("it is plain data"),
            r#"{"servers":[{"name":"my \"arena\"\n","address":"192.0.2.1:8080","players":3,"max_players":32}]}"#
        );
    }

    #[test]
    fn the_table_is_for_people() {
        let text = table(&[info(None, "arena", 1, 3)]);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(
            text,
            "NAME   ADDRESS         PLAYERS\narena  192.0.2.1:8080  3/32"
        );
    }
}
