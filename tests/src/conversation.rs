//! A client and a server that talk on one channel in both directions, with an oracle on each.

use std::fmt;
use std::time::Duration;

use tickwire_core::{ChannelId, CloseReason, Delivery, Event};
use tickwire_sim::oracle::Breach;
use tickwire_sim::{Link, Message, Oracle, Pair, Rng, ms};

/// What must not happen.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A delivery's promise to this side was broken.
    Breach(&'static str, Breach),
    /// A message came on a channel that nobody used.
    WrongChannel(ChannelId),
    /// The connection ended though its faults were survivable.
    Ended(CloseReason),
    /// All was received but an endpoint still holds bytes of it.
    NotIdle(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Breach(side, breach) => write!(f, "at the {side}: {breach}"),
            Self::WrongChannel(channel) => write!(f, "a message on {channel}, which nobody used"),
            Self::Ended(reason) => write!(f, "the connection ended: {reason}"),
            Self::NotIdle(stats) => write!(f, "all has arrived, but bytes are held: {stats}"),
        }
    }
}

/// How much is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    /// Ticks in which messages are sent.
    pub(crate) ticks: u64,
    /// Most messages in one tick and direction.
    pub(crate) messages_max: u64,
    /// Longest message, in bytes.
    pub(crate) size_max: u64,
}

/// The conversation. Its messages' times and sizes follow from the seed.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) pair: Pair,
    channel: u8,
    rng: Rng,
    to_server: Oracle,
    to_client: Oracle,
}

/// Time for what is under way to arrive, late copies too.
const LATEST: Duration = Duration::from_millis(500);
/// Time for everything reliable to arrive once faults have stopped.
const HEALING_LIMIT: Duration = Duration::from_secs(10);

impl Conversation {
    /// Connects over faultless links and then puts the real ones in place.
    pub(crate) fn new(seed: u64, delivery: Delivery, to_server: Link, to_client: Link) -> Self {
        Self::among(Pair::new(seed), delivery, to_server, to_client)
    }

    /// The same between these two, who have not met.
    pub(crate) fn among(pair: Pair, delivery: Delivery, to_server: Link, to_client: Link) -> Self {
        let pair = pair
            .link_to_server(to_server.healed())
            .link_to_client(to_client.healed())
            .connect()
            .link_to_server(to_server)
            .link_to_client(to_client);
        Self {
            rng: pair.world.fork_rng("conversation"),
            pair,
            channel: channel(delivery),
            to_server: Oracle::new(delivery),
            to_client: Oracle::new(delivery),
        }
    }

    /// Plays the script, then heals the links and waits for all that is reliable.
    pub(crate) fn hold(&mut self, script: Script) -> Result<(), Failure> {
        for _ in 0..script.ticks {
            self.tick(script)?;
        }
        self.pair.heal();
        let end = self.pair.world.now() + HEALING_LIMIT;
        self.pair.run_for(LATEST);
        self.listen()?;
        while self.pair.world.now() < end && !self.is_settled() {
            self.pair.run_for(ms(50));
            self.listen()?;
        }
        self.complete()
    }

    /// Messages received, by the server and by the client.
    pub(crate) fn received(&self) -> (usize, usize) {
        (self.to_server.received(), self.to_client.received())
    }

    /// Messages sent, by the client and by the server.
    pub(crate) fn sent(&self) -> (usize, usize) {
        (self.to_server.sent(), self.to_client.sent())
    }

    fn tick(&mut self, script: Script) -> Result<(), Failure> {
        for _ in 0..self.rng.between(0, script.messages_max) {
            let size = size(&mut self.rng, script.size_max);
            let send = |message: &[u8]| self.pair.send_to_server(self.channel, message);
            // A full queue is an answer too: the message is not counted as sent.
            let _full = self.to_server.send(size, send);
        }
        for _ in 0..self.rng.between(0, script.messages_max) {
            let size = size(&mut self.rng, script.size_max);
            let send = |message: &[u8]| self.pair.send_to_client(self.channel, message);
            let _full = self.to_client.send(size, send);
        }
        self.pair.run_for(ms(self.rng.between(8, 50)));
        self.listen()
    }

    /// Shows the oracles what arrived.
    fn listen(&mut self) -> Result<(), Failure> {
        for message in self.pair.server_messages() {
            check("server", self.channel, &mut self.to_server, message)?;
        }
        for message in self.pair.client_messages() {
            check("client", self.channel, &mut self.to_client, message)?;
        }
        for event in [self.pair.server_events(), self.pair.client_events()].concat() {
            if let Event::Disconnected { reason, .. } = event {
                return Err(Failure::Ended(reason));
            }
        }
        Ok(())
    }

    fn complete(&self) -> Result<(), Failure> {
        let breach = |side| move |breach| Failure::Breach(side, breach);
        self.to_server.complete().map_err(breach("server"))?;
        self.to_client.complete().map_err(breach("client"))?;
        match self.is_settled() {
            true => Ok(()),
            false => Err(Failure::NotIdle(format!(
                "client {:?}, server {:?}",
                self.pair.client_stats(),
                self.pair.server_stats()
            ))),
        }
    }

    /// Whether neither endpoint holds bytes of any message.
    fn is_settled(&self) -> bool {
        [self.pair.client_stats(), self.pair.server_stats()]
            .into_iter()
            .flatten()
            .all(|stats| stats.queued_bytes == 0 && stats.receive_buffered_bytes == 0)
    }
}

/// The channel of this delivery in the default configuration.
pub(crate) const fn channel(delivery: Delivery) -> u8 {
    match delivery {
        Delivery::Unreliable => 0,
        Delivery::Sequenced => 1,
        Delivery::Reliable => 2,
        Delivery::Ordered => 3,
    }
}

fn check(
    side: &'static str,
    channel: u8,
    oracle: &mut Oracle,
    message: Message,
) -> Result<(), Failure> {
    if message.channel.index() != usize::from(channel) {
        return Err(Failure::WrongChannel(message.channel));
    }
    match oracle.on_received(&message.payload) {
        Ok(_) => Ok(()),
        Err(breach) => Err(Failure::Breach(side, breach)),
    }
}

/// Mostly small messages, some that fill a datagram, a few of many fragments.
fn size(rng: &mut Rng, size_max: u64) -> usize {
    let most = match rng.below(10) {
        0..=5 => 64,
        6..=8 => 1_200,
        _ => size_max,
    };
    let size = rng.between(4, most.min(size_max));
    usize::try_from(size).expect("a small number")
}
