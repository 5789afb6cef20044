//! LAN discovery: who plays here?
//!
//! A *searcher* sends the **question** `DISCOVER_SERVER` to its targets: broadcast, multicast or single
//! addresses. Every endpoint with an [`AnnounceConfig`] hears it on either of its sockets and sends back one line,
//! the **answer** `SERVER_INFO name=... players=... max=... port=... id=...`. An answer that nobody asked for,
//! sent every `announce.interval`, is an **announcement**. All of it is text that a person can type
//! (docs/PROTOCOL.md has the grammar), and none of it is authenticated: it finds servers, it proves nothing.
//!
//! Invariants:
//! - An answer is the one thing the endpoint sends that may be longer than what triggered it. So it has at most
//!   512 bytes, goes only to sources on the same link, and leaves at most 10 times in any second to one address
//!   and 100 times in all.
//! - The server's `id=` is drawn anew at each start. One server heard over several paths is listed once, at the
//!   address heard first, for as long as that path is heard.
//! - Answers count only during a search, and only from sources on the same link or asked by address.
//! - Everything kept has a bound: answers waiting, servers listed, and with them the events waiting.
//!
//! Transmits leave in this order: answers, questions, announcements. Events leave in the order in which their
//! servers were first heard, the end of the search last.

mod directory;
mod limiter;
mod prefix;
mod responder;
mod search;
mod targets;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use self::prefix::Interfaces;
pub use self::prefix::Prefix;
use self::responder::Responder;
use self::search::Search;
use self::text::Answer;
use crate::config::AnnounceConfig;
use crate::error::DiscoverError;
use crate::event::Event;
use crate::saved::saved;
use crate::time::Instant;
use crate::transmit::{Arrival, Transmit};

/// The well-known UDP port of discovery; the servers of one host share it.
pub const DISCOVERY_PORT: u16 = 8081;

/// The IPv4 group that servers join for discovery, of the IPv4 local scope 239.255.0.0/16 (RFC 2365 section 6.1).
pub const MULTICAST_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 84, 87);

/// The IPv6 group that servers join for discovery: link-local scope, with a group id from the range that no
/// registry assigns (RFC 3307 section 4.3).
pub const MULTICAST_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x8000, 0x5457);

/// A server found on the LAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// The server's `id=`, new at each of its starts: one server seen over several paths is listed once.
    pub id: Option<u64>,
    /// Name for people, 1 to 64 bytes. Control characters were replaced by `?`, so it is safe to print.
    pub name: String,
    /// Where to connect: the answer's source address with the answer's `port=`.
    pub address: SocketAddr,
    /// Players now.
    pub players: u32,
    /// Places.
    pub players_max: u32,
}

saved!(ServerInfo {
    id,
    name,
    address,
    players,
    players_max
});

/// A search for servers.
///
/// It starts with an empty list. The question goes out at once, again after 200 ms and 600 ms, then each second:
/// a lost one costs little, and a server that hears it over three paths stays within its limit of 10 answers a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryQuery {
    /// Where to ask: broadcast, multicast or single addresses, at most [`TARGETS_MAX`](Self::TARGETS_MAX).
    /// Those with port 0 are left out.
    pub targets: Vec<SocketAddr>,
    /// How long to listen for answers. The question is repeated meanwhile.
    pub timeout: Duration,
}

impl DiscoveryQuery {
    /// Most targets of one query.
    pub const TARGETS_MAX: usize = 64;
}

/// Why a datagram had no effect, for the endpoint's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// No discovery text, or none that is meant for this endpoint at this time: a question though it announces
    /// nothing, an answer though it does not search.
    Foreign,
    /// From outside the LAN.
    OffLink,
    /// More than the limits allow: of answers to send, or of servers to list.
    RateLimited,
}

/// The discovery part of an endpoint: answers questions, and searches.
#[derive(Debug)]
pub(crate) struct Discovery {
    now: Instant,
    interfaces: Interfaces,
    responder: Option<Responder>,
    search: Option<Search>,
}

saved!(Discovery {
    now,
    interfaces,
    responder,
    search
});

impl Discovery {
    /// `id` is random: it tells this server from all others, and from itself before a restart.
    pub(crate) fn new(announce: Option<AnnounceConfig>, id: u64, now: Instant) -> Self {
        Self {
            now,
            interfaces: Interfaces::default(),
            responder: announce.map(|announce| Responder::new(announce, id, now)),
            search: None,
        }
    }

    pub(crate) fn set_players(&mut self, players: u32) {
        if let Some(responder) = &mut self.responder {
            responder.set_players(players);
        }
    }

    /// The game port as bound, where the configuration says 0. A server whose port is 0 does not answer.
    pub(crate) fn set_port(&mut self, port: u16) {
        if let Some(responder) = &mut self.responder {
            responder.set_port(port);
        }
    }

    /// The first [`DiscoveryQuery::TARGETS_MAX`] with a port are used.
    pub(crate) fn set_announce_targets(&mut self, targets: &[SocketAddr]) {
        if let Some(responder) = &mut self.responder {
            responder.set_targets(targets);
        }
    }

    pub(crate) fn set_interfaces(&mut self, interfaces: &[Prefix]) {
        self.interfaces.set(interfaces);
    }

    /// Answers handed out ever, announcements not counted.
    pub(crate) fn answers_sent(&self) -> u64 {
        self.responder.as_ref().map_or(0, Responder::answers_sent)
    }

    /// Takes any datagram that is not of a connection.
    pub(crate) fn handle_text(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &[u8],
    ) -> Result<(), Ignored> {
        self.now = now;
        if text::is_question(datagram) {
            return self.on_question(now, arrival);
        }
        self.on_answer(now, arrival, datagram)
    }

    fn on_question(&mut self, now: Instant, arrival: &Arrival) -> Result<(), Ignored> {
        let Some(responder) = &mut self.responder else {
            return Err(Ignored::Foreign);
        };
        if arrival.from.port() == 0 || !self.interfaces.is_on_link(arrival.from.ip()) {
            return Err(Ignored::OffLink);
        }
        let from = arrival.to.filter(|&to| self.interfaces.is_unicast(to));
        responder.on_question(now, arrival, from)
    }

    fn on_answer(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &[u8],
    ) -> Result<(), Ignored> {
        let Some(search) = self.search.as_mut().filter(|search| search.is_running()) else {
            return Err(Ignored::Foreign);
        };
        let answer = Answer::parse(datagram).ok_or(Ignored::Foreign)?;
        let ours = self.responder.as_ref().map(Responder::id);
        if ours.is_some() && ours == answer.id {
            return Err(Ignored::Foreign);
        }
        let source = arrival.from.ip();
        let was_asked = search.has_asked(source) && self.interfaces.is_unicast(source);
        if !was_asked && !self.interfaces.is_on_link(source) {
            return Err(Ignored::OffLink);
        }
        search.on_answer(now, arrival.from, answer)
    }

    pub(crate) fn discover(
        &mut self,
        now: Instant,
        query: DiscoveryQuery,
    ) -> Result<(), DiscoverError> {
        if self.search.is_some() {
            return Err(DiscoverError::Busy);
        }
        let search = Search::new(now, query)?;
        self.now = now;
        self.search = Some(search);
        Ok(())
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if let Some(responder) = &mut self.responder {
            responder.handle_timeout(now);
        }
        if let Some(search) = &mut self.search {
            search.handle_timeout(now);
        }
    }

    /// The next deadline; the last instant seen while a transmit waits.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let responder = self.responder.as_ref();
        let search = self.search.as_ref();
        if responder.is_some_and(Responder::has_transmit)
            || search.is_some_and(Search::has_transmit)
        {
            return Some(self.now);
        }
        let deadlines = [
            responder.and_then(Responder::poll_timeout),
            search.and_then(Search::poll_timeout),
        ];
        Instant::earliest(&deadlines)
    }

    /// Appends one datagram to `buf`.
    pub(crate) fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        self.now = now;
        let responder = self.responder.as_mut();
        let answer = responder.and_then(|responder| responder.poll_answer(buf));
        if answer.is_some() {
            return answer;
        }
        let search = self.search.as_mut();
        let question = search.and_then(|search| search.poll_transmit(buf));
        if question.is_some() {
            return question;
        }
        self.responder.as_mut()?.poll_announcement(buf)
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.search.as_mut()?.poll_event()?;
        if event == Event::DiscoveryEnded {
            self.search = None;
        }
        Some(event)
    }
}

/// The same address in its one form: IPv4 where IPv6 only wraps it.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(IpAddr::V4(ip), address.port()),
        IpAddr::V6(_) => address,
    }
}
