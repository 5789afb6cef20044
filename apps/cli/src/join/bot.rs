//! One simulated player over real sockets: its own endpoint, its own connection. `join` and `serve --bots` run the same.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::{
    CloseReason, CongestionControl, ConnectError, ConnectToken, EndpointStats, Event, Farewell,
    PeerId, PeerStats, PublicKey, ServerIdentity, TickConfig,
};
use tickwire_game::{Bot, ClientStats, EndpointAt, GameClient, Name, Phase};
use tickwire_tokio::{Handle, Options};
use tokio::sync::watch;
use tokio::time::Instant;

use super::ending;
use crate::deadline;
use crate::failure::{cannot_bind, failed};
use crate::identity::Trust;
use crate::output;
use crate::place;
use crate::record::{self, RecordArgs};

/// What all bots of a command are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Play.
    Play,
    /// Say goodbye, and end with the server's answer.
    Leave,
    /// End as you are.
    Abandon,
}

/// What a bot needs to know before it starts.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    pub(crate) trust: BotTrust,
    pub(crate) name: Name,
    /// Makes bots different from each other.
    pub(crate) number: u32,
    pub(crate) tick_rate_hz: NonZeroU32,
    pub(crate) congestion: CongestionControl,
    /// Percent.
    pub(crate) redundancy: u8,
    /// Whether to tell the user once it plays.
    pub(crate) is_announced: bool,
    /// Time to play, counted from when the connection is complete.
    pub(crate) duration: Option<Duration>,
    /// Pause between moves to another socket.
    pub(crate) rebind_every: Option<Duration>,
    /// What of it is recorded; if anything may be, it obeys the signals that begin and end it.
    pub(crate) record: Option<RecordArgs>,
}

/// What a bot believes of its server.
#[derive(Clone, Debug)]
pub(crate) enum BotTrust {
    /// What the options say.
    Judged(Trust),
    /// The server of this very process.
    Own(PublicKey),
    /// What this connect token says.
    Token(ConnectToken),
}

impl BotTrust {
    fn connect(&self, handle: &Handle, server: SocketAddr) -> Result<PeerId, ConnectError> {
        match self {
            Self::Judged(trust) => handle.connect(server, trust.identity()),
            Self::Own(key) => handle.connect(server, ServerIdentity::Known(*key)),
            Self::Token(token) => handle.connect_with_token(server, token),
        }
    }

    fn accept(&self, key: Option<PublicKey>) -> anyhow::Result<()> {
        match (self, key) {
            (Self::Judged(trust), Some(key)) => trust.accept(key),
            // The endpoint has checked a key that it was told, and that the server could open the token; it shows the
            // server's key to whoever dialled.
            (Self::Judged(_), None) | (Self::Own(_) | Self::Token(_), _) => Ok(()),
        }
    }

    pub(super) fn wrong_key(&self) -> anyhow::Error {
        match self {
            Self::Judged(trust) => trust.wrong_key(),
            Self::Own(_) => failed("the server of this process has another key than its own"),
            Self::Token(_) => failed(
                "the server has another key than the token says: ask for another token, made for the key that the server prints",
            ),
        }
    }
}

/// What a bot saw.
#[derive(Debug)]
pub(crate) struct Report {
    /// The name it played under, if it did.
    pub(crate) name: String,
    /// Whether it was let in.
    pub(crate) has_played: bool,
    /// Players in the game when it last looked.
    pub(crate) players: usize,
    /// Snapshots a second, as the server told.
    pub(crate) tick_rate_hz: u16,
    pub(crate) game: ClientStats,
    pub(crate) peer: PeerStats,
    pub(crate) endpoint: EndpointStats,
    /// Why it did not end as it should.
    pub(crate) failure: Option<anyhow::Error>,
}

/// Plays until the time is over, the order to leave comes, or the connection ends.
///
/// # Errors
///
/// The socket cannot be had. What goes wrong later is in the report.
pub(crate) async fn play(plan: Plan, orders: watch::Receiver<Order>) -> anyhow::Result<Report> {
    let handle = bind(&plan)?;
    let record = plan.record.as_ref();
    let _obedience = record
        .map(|record| record::obey(&handle, record, "join"))
        .transpose()?;
    let server = plan
        .trust
        .connect(&handle, plan.server)
        .map_err(|error| failed(format!("cannot connect to {}: {error}", plan.server)))?;
    let client = GameClient::new(server, plan.name.clone(), plan.tick_rate_hz);
    let mut player = Player {
        bot: Bot::new(client, plan.number),
        plan,
        handle,
        server,
        orders,
        leave_at: None,
        rebind_at: None,
        peer: PeerStats::default(),
        players: 0,
        failure: None,
    };
    player.run().await;
    Ok(player.finish())
}

fn bind(plan: &Plan) -> anyhow::Result<Handle> {
    let config = tickwire_game::config()
        .congestion(plan.congestion)
        .redundancy_percent_max(plan.redundancy)
        .tick(Some(TickConfig::new(plan.tick_rate_hz)));
    let any = place::any_address(plan.server.is_ipv6());
    let options = Options::new(config).game(SocketAddr::new(any, 0));
    let record = plan.record.clone().unwrap_or_default();
    let bound = tickwire_tokio::bind(record.apply(options));
    let handle = bound.map_err(|error| match record.is_given() {
        true => cannot_bind(&error),
        false => failed(error.to_string()),
    })?;
    record.remark();
    Ok(handle)
}

struct Player {
    bot: Bot,
    plan: Plan,
    handle: Handle,
    server: PeerId,
    orders: watch::Receiver<Order>,
    leave_at: Option<Instant>,
    rebind_at: Option<Instant>,
    /// As of the last tick: gone with the connection.
    peer: PeerStats,
    players: usize,
    failure: Option<anyhow::Error>,
}

impl Player {
    async fn run(&mut self) {
        while self.bot.client().phase() != Phase::Ended {
            let order = tokio::select! {
                event = self.handle.next_event() => match event {
                    Some(event) => {
                        self.on_event(&event);
                        continue;
                    }
                    None => return,
                },
                order = next_order(&mut self.orders) => order,
                () = deadline::reached(self.leave_at) => Order::Leave,
                () = deadline::reached(self.rebind_at) => {
                    self.rebind();
                    continue;
                }
            };
            match order {
                Order::Play => {}
                Order::Leave => self.leave(),
                Order::Abandon => return,
            }
        }
    }

    fn on_event(&mut self, event: &Event) {
        match event {
            Event::Connected { server_key, .. } => self.on_connected(*server_key),
            Event::Disconnected { reason, .. } => self.on_disconnected(reason),
            Event::Tick { .. } => self.look(),
            Event::Rebinding { stage, .. } => tracing::info!("moving: {stage:?}"),
            Event::Message { .. }
            | Event::Delivered { .. }
            | Event::Pong { .. }
            | Event::ProbeAnswered { .. }
            | Event::ServerFound(_)
            | Event::ServerExpired(_)
            | Event::DiscoveryEnded
            | Event::PathChanged { .. }
            | _ => {}
        }
        // Not a word to a server whose key was not accepted: only the end of its connection is of interest.
        let is_distrusted = self.failure.is_some();
        if is_distrusted && !matches!(event, Event::Disconnected { .. }) {
            return;
        }
        self.with_bot(|bot, endpoint| bot.run(event, endpoint));
        if self.plan.is_announced && self.bot.client().phase() == Phase::Playing {
            self.plan.is_announced = false;
            self.announce();
        }
    }

    fn announce(&self) {
        let Plan { server, name, .. } = &self.plan;
        if let Err(error) = output::line(&format!("{name} plays on {server}; Ctrl-C leaves")) {
            tracing::debug!("{error:#}");
        }
    }

    fn on_connected(&mut self, server_key: Option<PublicKey>) {
        if let Err(error) = self.plan.trust.accept(server_key) {
            self.failure = Some(error);
            self.handle
                .disconnect(self.server, Farewell::new(0, "your key is not accepted"));
            return;
        }
        self.leave_at = self.plan.duration.map(|duration| Instant::now() + duration);
        self.rebind_at = self.plan.rebind_every.map(|pause| Instant::now() + pause);
    }

    fn rebind(&mut self) {
        self.rebind_at = self.plan.rebind_every.map(|pause| Instant::now() + pause);
        let any = place::any_address(self.plan.server.is_ipv6());
        match self.handle.rebind(SocketAddr::new(any, 0)) {
            Ok(address) => tracing::info!("moves to {address}"),
            Err(error) => tracing::warn!("{error}"),
        }
    }

    fn on_disconnected(&mut self, reason: &CloseReason) {
        if self.failure.is_none() {
            let phase = self.bot.client().phase();
            self.failure = ending::failure(reason, phase, &self.plan);
        }
    }

    /// Notes what cannot be asked for once the connection is gone.
    fn look(&mut self) {
        if let Some(stats) = self.handle.peer_stats(self.server) {
            self.peer = stats;
        }
        if self.bot.client().phase() == Phase::Playing {
            self.players = self.bot.client().players().len();
        }
    }

    fn leave(&mut self) {
        self.leave_at = None;
        self.look();
        self.with_bot(|bot, endpoint| bot.leave(endpoint));
        self.handle.flush();
    }

    fn with_bot(&mut self, act: impl FnOnce(&mut Bot, &mut EndpointAt<'_>)) {
        let bot = &mut self.bot;
        self.handle
            .with(|endpoint, now| act(bot, &mut EndpointAt { endpoint, now }));
    }

    fn finish(self) -> Report {
        let client = self.bot.client();
        let known = client.id().and_then(|id| client.players().get(&id));
        let name = known.map_or(client.name(), |player| &player.name);
        Report {
            name: name.as_str().to_owned(),
            has_played: client.id().is_some(),
            players: self.players,
            tick_rate_hz: client.tick_rate_hz().unwrap_or(0),
            game: client.stats(),
            peer: self.peer,
            endpoint: self.handle.stats(),
            failure: self.failure,
        }
    }
}

/// The next order; if nobody gives orders any more, to leave.
async fn next_order(orders: &mut watch::Receiver<Order>) -> Order {
    match orders.changed().await {
        Ok(()) => *orders.borrow_and_update(),
        Err(_) => Order::Leave,
    }
}
