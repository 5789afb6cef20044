//! The side that is found: answers questions and announces itself.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::Ignored;
use super::limiter::{IN_ALL_MAX, Limiter};
use super::targets::Targets;
use super::text::Answer;
use crate::config::AnnounceConfig;
use crate::log::debug;
use crate::saved::saved;
use crate::time::Instant;
use crate::transmit::{Arrival, Socket, Transmit};

/// Answers that may wait to be sent: those of one second.
const WAITING_MAX: usize = IN_ALL_MAX;

#[derive(Debug)]
pub(super) struct Responder {
    answer: Answer,
    id: u64,
    limiter: Limiter,
    waiting: VecDeque<Reply>,
    answers_sent: u64,
    announce_interval: Option<Duration>,
    next_announcement: Instant,
    announce_targets: Targets,
}

saved!(Responder {
    answer,
    id,
    limiter,
    waiting,
    answers_sent,
    announce_interval,
    next_announcement,
    announce_targets,
});

/// An answer that waits. Its text is made when it leaves, so that it tells the players of that moment.
#[derive(Debug)]
struct Reply {
    to: SocketAddr,
    from: Option<IpAddr>,
    socket: Socket,
}

saved!(Reply { to, from, socket });

impl Responder {
    pub(super) fn new(announce: AnnounceConfig, id: u64, now: Instant) -> Self {
        Self {
            answer: Answer {
                name: announce.name,
                players: 0,
                players_max: announce.players_max,
                port: announce.port,
                id: Some(id),
            },
            id,
            limiter: Limiter::new(),
            waiting: VecDeque::with_capacity(WAITING_MAX),
            answers_sent: 0,
            announce_interval: announce.interval,
            next_announcement: now,
            announce_targets: Targets::new(&[]),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn answers_sent(&self) -> u64 {
        self.answers_sent
    }

    pub(super) fn set_players(&mut self, players: u32) {
        self.answer.players = players;
    }

    pub(super) fn set_port(&mut self, port: u16) {
        self.answer.port = port;
    }

    pub(super) fn set_targets(&mut self, targets: &[SocketAddr]) {
        self.announce_targets = Targets::new(targets);
    }

    /// A question from a source on link. The answer leaves by the socket that was asked, from the address that was
    /// asked (`from`) if that is ours alone.
    pub(super) fn on_question(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        from: Option<IpAddr>,
    ) -> Result<(), Ignored> {
        if self.answer.port == 0 {
            return Err(Ignored::Foreign);
        }
        let has_room = self.waiting.len() < WAITING_MAX;
        if !has_room || !self.limiter.admit(now, arrival.from.ip()) {
            return Err(Ignored::RateLimited);
        }
        debug!("{} looks for servers and is answered", arrival.from);
        self.waiting.push_back(Reply {
            to: arrival.from,
            from,
            socket: arrival.socket,
        });
        Ok(())
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let (Some(interval), Some(due)) = (self.announce_interval, self.poll_timeout()) else {
            return;
        };
        if now < due {
            return;
        }
        self.announce_targets.start_round();
        self.next_announcement = now + interval;
    }

    /// Nothing is due before there is somebody to tell and something to say; then it is due at once.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let announces = self.announce_interval.is_some()
            && !self.announce_targets.is_empty()
            && self.answer.port != 0;
        announces.then_some(self.next_announcement)
    }

    pub(super) fn has_transmit(&self) -> bool {
        !self.waiting.is_empty() || self.announce_targets.is_round_waiting()
    }

    pub(super) fn poll_answer(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let reply = self.waiting.pop_front()?;
        self.answers_sent += 1;
        Some(Transmit {
            from: reply.from,
            socket: reply.socket,
            ..self.append_answer(reply.to, buf)
        })
    }

    pub(super) fn poll_announcement(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let to = self.announce_targets.poll()?;
        Some(self.append_answer(to, buf))
    }

    fn append_answer(&self, to: SocketAddr, buf: &mut Vec<u8>) -> Transmit {
        let start = buf.len();
        self.answer.encode(buf);
        Transmit::game(to, buf.len() - start)
    }
}
