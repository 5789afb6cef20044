//! The server at work: from the first socket to the last goodbye.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use serde::Serialize;
use tickwire_core::{AnnounceConfig, Event, TickConfig};
use tickwire_game::{Dismissal, EndpointAt, GameConfig, GameServer};
use tickwire_tokio::{BindError, Handle, Options, ShutdownReport};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::Args;
use super::attendance::Attendance;
use super::bots::Bots;
use super::summary::{Ending, Summary};
use super::table::LiveTable;
use super::tokens::Tokens;
use crate::deadline;
use crate::failure::{bad_input, cannot_listen};
use crate::hex;
use crate::keyfile;
use crate::output::{self, ReadyFile, clean};
use crate::place;
use crate::record;
use crate::signals::Stop;

/// Time between two drawings of the table.
const TABLE_INTERVAL: Duration = Duration::from_millis(500);
/// Time after which the user is told what the end waits for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Content of the ready file.
#[derive(Debug, Serialize)]
struct Ready {
    game: SocketAddr,
    discovery: Option<SocketAddr>,
    public_key: String,
}

pub(super) async fn serve(args: &Args, stop: &Stop) -> anyhow::Result<()> {
    let ready_file = ReadyFile::prepare(args.ready_file.as_deref())?;
    let tokens = args.tokens.tokens()?;
    let mut server = Server {
        args,
        handle: bind(args, &tokens)?,
        game: GameServer::new(GameConfig {
            players_max: args.max_players,
            tick_rate_hz: args.tick_rate,
            ..GameConfig::default()
        }),
        attendance: Attendance::default(),
    };
    let ready = server.ready();
    let _obedience = record::obey(&server.handle, &args.record, "serve")?;
    ready_file.write(&ready)?;
    server.say_where(&ready)?;

    let key = server.handle.public_key();
    let bots = Bots::start(args, ready.game, key, &tokens)?;
    let mut table = LiveTable::default();
    server.play(&mut table, stop).await?;
    let ending = server.end().await;
    let reports = bots.finish().await?;
    table.settle().await?;

    let summary = Summary::new(args.tick_rate.get(), &ending, &reports);
    if args.json {
        return output::json(&summary);
    }
    output::line(&summary.line())
}

fn bind(args: &Args, tokens: &Tokens) -> anyhow::Result<Handle> {
    let mut config = tickwire_game::config()
        .accepts(true)
        .peers_max(args.max_players)
        .congestion(args.congestion)
        .redundancy_percent_max(args.redundancy)
        .tokens(tokens.authority.clone())
        .tick(Some(TickConfig::new(args.tick_rate)));
    if let Some(path) = &args.key {
        config = config.identity(Some(keyfile::load_or_create(path)?));
    }
    let mut options = Options::new(config)
        .game(args.bind)
        .discovery(Some(discovery_address(args)))
        .announce(AnnounceConfig {
            name: args.name.clone(),
            port: 0,
            players_max: args.max_players,
            interval: args.announce,
        });
    options = args.record.apply(options);
    let handle = tickwire_tokio::bind(options).map_err(|error| cannot_bind(args.bind, &error))?;
    args.record.remark();
    Ok(handle)
}

/// Queries come by broadcast and multicast, which only the unspecified address receives.
fn discovery_address(args: &Args) -> SocketAddr {
    SocketAddr::new(place::any_address(args.bind.is_ipv6()), args.discovery_port)
}

fn cannot_bind(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(BindError { source, .. }) => cannot_listen("UDP", address, "--bind", source),
        None => bad_input(format!("cannot start the server: {error}")),
    }
}

struct Server<'a> {
    args: &'a Args,
    handle: Handle,
    game: GameServer,
    attendance: Attendance,
}

impl Server<'_> {
    fn ready(&self) -> Ready {
        Ready {
            game: self.handle.local_addr(),
            discovery: self.handle.discovery().and_then(Result::ok),
            public_key: hex::encode(self.handle.public_key().as_bytes()),
        }
    }

    /// On stdout for people; on stderr if stdout is for the result only.
    fn say_where(&self, ready: &Ready) -> anyhow::Result<()> {
        let discovery = match ready.discovery {
            Some(address) => format!("discovery on {address}"),
            None => "no discovery".to_owned(),
        };
        let text = format!(
            "{} listens on {} (UDP), {discovery}; Ctrl-C stops it\npublic key {}",
            clean(&self.args.name),
            ready.game,
            ready.public_key
        );
        if self.args.json {
            output::remark(&text);
        } else {
            output::line(&text)?;
        }
        if let Some(Err(error)) = self.handle.discovery() {
            output::remark(&format!(
                "players cannot find this server by discovery: {error}; it goes on, they can join by its address"
            ));
        }
        for failure in self.handle.join_failures() {
            tracing::info!("discovery: {failure}");
        }
        Ok(())
    }

    /// Plays until the time is over or the end is asked for.
    async fn play(&mut self, table: &mut LiveTable, stop: &Stop) -> anyhow::Result<()> {
        let end = self.args.duration.map(|duration| Instant::now() + duration);
        let is_live = !self.args.json && output::can_redraw();
        let mut redraw = interval(TABLE_INTERVAL);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                event = self.handle.next_event() => match event {
                    Some(event) => self.on_event(&event),
                    None => break,
                },
                _ = redraw.tick(), if is_live => self.draw(table).await?,
                () = deadline::reached(end) => break,
                () = stop.requested() => break,
            }
        }
        if is_live {
            self.draw(table).await?;
        }
        Ok(())
    }

    async fn draw(&self, table: &mut LiveTable) -> anyhow::Result<()> {
        let Args {
            name, max_players, ..
        } = self.args;
        table
            .draw(name, *max_players, &self.game, &self.handle)
            .await
    }

    fn on_event(&mut self, event: &Event) {
        let game = &mut self.game;
        self.handle
            .with(|endpoint, now| game.run(event, &mut EndpointAt { endpoint, now }));
        if matches!(event, Event::Tick { .. }) {
            self.attendance.note(&self.game);
        }
    }

    /// Says goodbye to everybody, and waits until they have heard it.
    async fn end(&mut self) -> Ending {
        let ending = Ending::of(&self.game, &self.handle);
        let game = &mut self.game;
        self.handle.with(|endpoint, now| {
            game.finish();
            game.drain(&mut EndpointAt { endpoint, now });
            endpoint.flush(now);
        });
        let report = self.shut_down().await;
        tracing::info!(?report, "shut down");
        ending.after(report, self.game.stats(), self.handle.stats())
    }

    async fn shut_down(&self) -> ShutdownReport {
        let mut shutdown = pin!(self.handle.shutdown(Dismissal::ServerStops.farewell()));
        if let Ok(report) = timeout(PATIENCE, &mut shutdown).await {
            return report;
        }
        output::remark(
            "waiting for players that do not answer, 5 s at most; ask again to stop at once",
        );
        shutdown.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_bad_input_that_names_the_option() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8_080));
        let cause = BindError {
            socket: tickwire_core::Socket::Game,
            address,
            source: io::Error::from(io::ErrorKind::AddrInUse),
        };
        let error = cannot_bind(address, &io::Error::from(cause));
        assert_eq!(crate::failure::exit_code(&error), 2);
        let text = error.to_string();
        assert!(
            text.contains("127.0.0.1:8080: the port is in use"),
            "{text}"
        );
        assert!(text.contains("--bind"), "{text}");
    }
}
