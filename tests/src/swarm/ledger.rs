//! Who said what to whom: an oracle for each channel of each connection, and the life of each connection.

use std::collections::{BTreeMap, BTreeSet};

use tickwire_core::{ChannelId, CloseReason, Delivery, Event, PeerId, SendError, SendOptions};
use tickwire_sim::{HostId, Message, Oracle};

/// One side of a connection: a host, the number of its life, and its name for the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Side {
    pub(super) host: HostId,
    pub(super) life: u64,
    pub(super) peer: PeerId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Dialled,
    Connected,
    Ended(CloseReason),
    /// Its host crashed.
    Dead,
}

/// What one side said, and who heard it.
#[derive(Debug)]
struct Line {
    side: Side,
    state: State,
    /// Of each channel, what this side sends.
    said: [Oracle; 4],
    heard_by: Option<Side>,
    hears: Option<usize>,
    /// It heard what an honest host never says.
    is_deceived: bool,
}

/// All sides of all connections, in the order in which they began. Each message begins with its sender's place.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    lines: Vec<Line>,
    places: BTreeMap<Side, usize>,
    /// Hosts that lie to the server at some time: nothing is promised to them or by them.
    liars: BTreeSet<HostId>,
}

/// Bytes before each message that tell who said it.
const TAG_LEN: usize = 4;

const DELIVERIES: [Delivery; 4] = [
    Delivery::Unreliable,
    Delivery::Sequenced,
    Delivery::Reliable,
    Delivery::Ordered,
];

impl Ledger {
    pub(super) fn new(liars: BTreeSet<HostId>) -> Self {
        Self {
            liars,
            ..Self::default()
        }
    }

    /// A host dials.
    pub(super) fn on_dialled(&mut self, side: Side) -> Result<(), String> {
        self.open(side, State::Dialled)
    }

    fn open(&mut self, side: Side, state: State) -> Result<(), String> {
        if self.places.insert(side, self.lines.len()).is_some() {
            return Err(format!("I12: {side:?} is a name that was used before"));
        }
        self.lines.push(Line {
            side,
            state,
            said: DELIVERIES.map(Oracle::new),
            heard_by: None,
            hears: None,
            is_deceived: false,
        });
        Ok(())
    }

    /// A host's life is over, and all its connections with it.
    pub(super) fn on_death(&mut self, host: HostId, life: u64) {
        let is_its = |line: &&mut Line| line.side.host == host && line.side.life <= life;
        for line in self.lines.iter_mut().filter(is_its) {
            if line.is_alive() {
                line.state = State::Dead;
            }
        }
    }

    /// Says something; `false` if the queue is full.
    pub(super) fn say(
        &mut self,
        side: Side,
        channel: u8,
        size: usize,
        options: &SendOptions,
        send: impl FnOnce(&[u8]) -> Result<(), SendError>,
    ) -> Result<bool, String> {
        let place = self.place(side)?;
        let mut message = u32::try_from(place)
            .unwrap_or(u32::MAX)
            .to_be_bytes()
            .to_vec();
        let oracle = &mut self.lines[place].said[usize::from(channel)];
        message.extend_from_slice(&oracle.next_message(size));
        match send(&message) {
            Ok(()) => {
                oracle.on_sent_with(size, options);
                Ok(true)
            }
            Err(SendError::QueueFull) => Ok(false),
            Err(error) => Err(format!("I3: {side:?} cannot send: {error}")),
        }
    }

    /// An owner was told this.
    pub(super) fn on_event(&mut self, host: HostId, life: u64, event: Event) -> Result<(), String> {
        let side = |peer| Side { host, life, peer };
        if let Event::Connected { peer, role, .. } = event {
            let side = side(peer);
            if role == tickwire_core::Role::Server {
                self.open(side, State::Dialled)?;
            }
            let line = self.line(side)?;
            if line.state != State::Dialled {
                return Err(format!(
                    "I12: {side:?} is connected when it was {:?}",
                    line.state
                ));
            }
            line.state = State::Connected;
        } else if let Event::Disconnected { peer, reason, .. } = event {
            let has_liars = !self.liars.is_empty();
            let line = self.line(side(peer))?;
            let broke = matches!(
                reason,
                CloseReason::Violation(_) | CloseReason::PeerSawViolation(_)
            );
            if broke && !has_liars {
                return Err(format!(
                    "I7: {:?} is honest and ended with: {reason}",
                    line.side
                ));
            }
            if !line.is_alive() {
                return Err(format!("I12: {:?} ended twice: {reason}", line.side));
            }
            line.state = State::Ended(reason);
        } else if let Event::Message {
            peer,
            channel,
            payload,
        } = event
        {
            let message = Message {
                peer,
                channel,
                payload,
            };
            let hearer = side(peer);
            let heard = self.on_heard(hearer, &message);
            if heard.is_err() && self.may_be_deceived(hearer) {
                self.line(hearer)?.is_deceived = true;
            } else {
                heard?;
            }
        }
        Ok(())
    }

    /// Whether a side may hear lies, or hear twice what it lied about.
    fn may_be_deceived(&self, side: Side) -> bool {
        if self.liars.is_empty() {
            return false;
        }
        let hears = self
            .place(side)
            .ok()
            .and_then(|place| self.lines[place].hears);
        let speaker = hears.and_then(|speaker| self.lines.get(speaker));
        let is_liar = |host: HostId| self.liars.contains(&host);
        is_liar(side.host) || speaker.is_none_or(|speaker| is_liar(speaker.side.host))
    }

    fn on_heard(&mut self, hearer: Side, message: &Message) -> Result<(), String> {
        let (tag, text) = message
            .payload
            .split_at_checked(TAG_LEN)
            .ok_or("I3: no tag")?;
        let tag = u32::from_be_bytes(tag.try_into().map_err(|_| "I3: no tag")?);
        let speaker = usize::try_from(tag).unwrap_or(usize::MAX);
        let line = self.line(hearer)?;
        if line.state != State::Connected {
            return Err(format!("I12: {hearer:?} hears while {:?}", line.state));
        }
        if *line.hears.get_or_insert(speaker) != speaker {
            return Err(format!("I3: {hearer:?} hears two sides"));
        }
        let line = self
            .lines
            .get_mut(speaker)
            .ok_or("I3: a message of nobody")?;
        if *line.heard_by.get_or_insert(hearer) != hearer {
            return Err(format!("I3: {:?} is heard by two sides", line.side));
        }
        let channel = message.channel.index();
        let oracle = line.said.get_mut(channel).ok_or("I3: a strange channel")?;
        match oracle.on_received(text) {
            Ok(_) => Ok(()),
            Err(breach) => Err(format!("I3: {hearer:?} on channel {channel}: {breach}")),
        }
    }

    /// The connected sides.
    pub(super) fn connected(&self) -> Vec<Side> {
        let is_connected = |line: &&Line| line.state == State::Connected;
        let connected = self.lines.iter().filter(is_connected);
        connected.map(|line| line.side).collect()
    }

    /// The same, each host's beside each other.
    pub(super) fn connected_by_host(&self) -> Vec<Side> {
        let mut connected = self.connected();
        connected.sort_by_key(|side| side.host);
        connected
    }

    pub(super) fn is_alive(&self, side: Side) -> bool {
        let place = self.places.get(&side);
        place.is_some_and(|place| self.lines[*place].is_alive())
    }

    /// The sides that are still dialling or connected.
    pub(super) fn alive(&self) -> Vec<Side> {
        let alive = self.lines.iter().filter(|line| line.is_alive());
        alive.map(|line| line.side).collect()
    }

    /// What is missing where both sides are connected.
    pub(super) fn complete(&self) -> Result<(), String> {
        for line in self
            .lines
            .iter()
            .filter(|line| line.state == State::Connected)
        {
            let hearer_is_gone = line.heard_by.is_some_and(|hearer| !self.is_alive(hearer));
            if hearer_is_gone || line.is_deceived || self.may_be_deceived(line.side) {
                continue;
            }
            for (channel, oracle) in line.said.iter().enumerate() {
                oracle.complete().map_err(|breach| {
                    format!("I15: {:?} on channel {channel}: {breach}", line.side)
                })?;
            }
        }
        Ok(())
    }

    fn place(&self, side: Side) -> Result<usize, String> {
        let place = self.places.get(&side).copied();
        place.ok_or_else(|| format!("I12: {side:?} is unknown"))
    }

    fn line(&mut self, side: Side) -> Result<&mut Line, String> {
        let place = self.place(side)?;
        Ok(&mut self.lines[place])
    }
}

impl Line {
    fn is_alive(&self) -> bool {
        matches!(self.state, State::Dialled | State::Connected)
    }
}

/// The channel with this number.
pub(super) fn channel(number: u8) -> ChannelId {
    ChannelId::new(number)
}
