//! The side that looks for servers: asks in rounds and keeps the list of who answered.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::directory::Directory;
use super::targets::Targets;
use super::text::{Answer, QUESTION};
use super::{DiscoveryQuery, Ignored, ServerInfo};
use crate::error::DiscoverError;
use crate::event::Event;
use crate::saved::saved;
use crate::time::Instant;
use crate::transmit::Transmit;

/// Pauses after the first rounds of questions.
const FIRST_PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(400)];

/// Pause after every later round.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Search {
    targets: Targets,
    rounds: usize,
    next_round: Instant,
    ends: Instant,
    has_ended: bool,
    directory: Directory,
}

saved!(Search {
    targets,
    rounds,
    next_round,
    ends,
    has_ended,
    directory
});

impl Search {
    pub(super) fn new(now: Instant, query: DiscoveryQuery) -> Result<Self, DiscoverError> {
        if query.targets.len() > DiscoveryQuery::TARGETS_MAX {
            return Err(DiscoverError::TooManyTargets);
        }
        let targets = Targets::new(&query.targets);
        if targets.is_empty() {
            return Err(DiscoverError::NoTarget);
        }
        let mut search = Self {
            targets,
            rounds: 0,
            next_round: now,
            ends: now + query.timeout,
            has_ended: false,
            directory: Directory::default(),
        };
        search.start_round(now);
        Ok(search)
    }

    /// The pause counts from now: an owner that comes late skips rounds instead of asking several times at once.
    fn start_round(&mut self, now: Instant) {
        let pause = FIRST_PAUSES.get(self.rounds).copied().unwrap_or(PAUSE);
        self.rounds += 1;
        self.next_round = now + pause;
        self.targets.start_round();
    }

    /// Whether answers still count.
    pub(super) fn is_running(&self) -> bool {
        !self.has_ended
    }

    /// Whether `source` was asked by its own address, not by broadcast or multicast.
    pub(super) fn has_asked(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.targets
            .iter()
            .any(|target| target.ip().to_canonical() == source)
    }

    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        from: SocketAddr,
        answer: Answer,
    ) -> Result<(), Ignored> {
        let mut address = from;
        address.set_port(answer.port);
        let info = ServerInfo {
            id: answer.id,
            name: answer.name,
            address,
            players: answer.players,
            players_max: answer.players_max,
        };
        self.directory.on_heard(now, info)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.has_ended {
            return;
        }
        self.directory.handle_timeout(now);
        if now >= self.ends {
            self.has_ended = true;
            self.targets.cancel_round();
        } else if now >= self.next_round {
            self.start_round(now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if self.has_ended {
            return None;
        }
        let own = self.ends.min(self.next_round);
        let expiry = self.directory.poll_timeout();
        Some(expiry.map_or(own, |expiry| own.min(expiry)))
    }

    pub(super) fn has_transmit(&self) -> bool {
        self.targets.is_round_waiting()
    }

    pub(super) fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let to = self.targets.poll()?;
        buf.extend_from_slice(QUESTION);
        Some(Transmit::game(to, QUESTION.len()))
    }

    /// The last event is `DiscoveryEnded`; the search is to be dropped then.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let news = self.directory.poll_event();
        if news.is_some() {
            return news;
        }
        self.has_ended.then_some(Event::DiscoveryEnded)
    }
}
