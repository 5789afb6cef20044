//! The rules of a game, without sockets and clocks: events go in, messages come out through `send`.

use std::collections::BTreeMap;

use tickwire_core::{ChannelId, Event, PeerId};

/// Steps: the next one tells the same again, so nothing is lost with one.
const STEPS: ChannelId = ChannelId::new(0);
/// Where the ball and the players are: only the newest counts.
const STATE: ChannelId = ChannelId::new(1);
/// Points: each counts, in order.
const POINTS: ChannelId = ChannelId::new(3);

/// How a message leaves: by an endpoint in a test, by a driver's handle in production.
pub(crate) type Send<'a> = &'a mut dyn FnMut(PeerId, ChannelId, &[u8]);

/// Knows where everybody is. Who reaches the ball gets a point, and the ball moves on.
#[derive(Debug, Default)]
pub(crate) struct Server {
    players: BTreeMap<PeerId, Player>,
    pub(crate) ball: i16,
    joined: u8,
}

#[derive(Debug)]
struct Player {
    number: u8,
    position: i16,
    points: u8,
}

impl Server {
    pub(crate) fn on_event(&mut self, event: &Event, send: Send<'_>) {
        match event {
            Event::Connected { peer, .. } => self.join(*peer),
            Event::Disconnected { peer, .. } => drop(self.players.remove(peer)),
            Event::Message { peer, payload, .. } => self.step(*peer, payload, send),
            Event::Tick { .. } => self.tell_state(send),
            _ => {}
        }
    }

    /// Points of each player, by number.
    pub(crate) fn points(&self) -> BTreeMap<u8, u8> {
        let players = self.players.values();
        players
            .map(|player| (player.number, player.points))
            .filter(|(_, points)| *points > 0)
            .collect()
    }

    fn join(&mut self, peer: PeerId) {
        let number = self.joined;
        self.joined += 1;
        let player = Player {
            number,
            position: i16::from(number) * 10,
            points: 0,
        };
        self.players.insert(peer, player);
    }

    /// A client may say anything: only one step counts.
    fn step(&mut self, peer: PeerId, payload: &[u8], send: Send<'_>) {
        let (Some(player), [step]) = (self.players.get_mut(&peer), payload) else {
            return;
        };
        player.position += i16::from((*step as i8).signum());
        if player.position == self.ball {
            player.points += 1;
            let point = [player.number, player.points];
            self.ball = (self.ball * 7 + 13) % 100;
            self.tell_all(POINTS, &point, send);
        }
    }

    fn tell_state(&self, send: Send<'_>) {
        for (peer, player) in &self.players {
            let (ball, own) = (self.ball.to_be_bytes(), player.position.to_be_bytes());
            send(*peer, STATE, &[ball, own].concat());
        }
    }

    fn tell_all(&self, channel: ChannelId, message: &[u8], send: Send<'_>) {
        for peer in self.players.keys() {
            send(*peer, channel, message);
        }
    }
}

/// Runs to the ball, and keeps the score.
#[derive(Debug, Default)]
pub(crate) struct Client {
    server: Option<PeerId>,
    /// From here to the ball.
    way: i16,
    pub(crate) points: BTreeMap<u8, u8>,
}

impl Client {
    pub(crate) fn on_event(&mut self, event: &Event, send: Send<'_>) {
        match event {
            Event::Connected { peer, .. } => self.server = Some(*peer),
            Event::Disconnected { .. } => self.server = None,
            Event::Message { payload, .. } => self.hear(payload),
            Event::Tick { .. } => {
                let step = self.way.signum() as i8;
                if let Some(server) = self.server {
                    send(server, STEPS, &[step as u8]);
                }
            }
            _ => {}
        }
    }

    fn hear(&mut self, payload: &[u8]) {
        match *payload {
            [a, b, c, d] => {
                self.way = i16::from_be_bytes([a, b]) - i16::from_be_bytes([c, d]);
            }
            [player, points] => drop(self.points.insert(player, points)),
            _ => {}
        }
    }
}
