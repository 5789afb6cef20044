//! A server, and a client that dials, to whom anything comes: datagrams from four addresses, on both sockets, while time passes and
//! the owner does this and that.

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{Arrival, ChannelId, Config, Endpoint, Event, Farewell, Instant};

use crate::Target;
use crate::input::{Input, put_datagram};
use crate::session::{
    BEGIN, CLIENT, SERVER, Session, address, client, client_settings, drain, server,
    server_settings, settings,
};

/// What a short run takes with small bounds; a peer's place, and what it said.
const MEMORY: (u64, u64) = (1 << 20, 64);

pub(crate) const SERVER_DATAGRAMS: Target = Target {
    name: "server_datagrams",
    run: |data| {
        attack(true, data);
    },
    seeds: || seeds(true),
    memory: MEMORY,
    weight: 2,
};

pub(crate) const CLIENT_DATAGRAMS: Target = Target {
    name: "client_datagrams",
    run: |data| {
        attack(false, data);
    },
    seeds: || seeds(false),
    memory: MEMORY,
    weight: 2,
};

/// Things that happen in one input, at most.
const ACTS_MAX: usize = 48;
/// A datagram: below this; bits 0 and 1 its address, bit 4 the socket.
const DATAGRAM: u8 = 0xC0;
/// Time passes: below this.
const TIME: u8 = 0xE0;

/// Tells how many connections there were.
fn attack(is_server: bool, data: &[u8]) -> u64 {
    let mut input = Input::new(data);
    let mut victim = Victim::born(is_server, input.byte());
    for _ in 0..ACTS_MAX {
        if input.is_empty() {
            break;
        }
        match input.byte() {
            what if what < DATAGRAM => victim.receives(what, input.datagram()),
            what if what < TIME => {
                let millis = u64::from(input.byte()) << (what & 7);
                victim.wakes(victim.now + Duration::from_millis(millis));
            }
            what => victim.is_told(what, &mut input),
        }
    }
    victim.stays_alone()
}

/// An endpoint, with what it may answer.
struct Victim {
    endpoint: Endpoint,
    now: Instant,
    reads: bool,
    round: u64,
    half_open_max: u64,
    ended: u64,
    begun: u64,
}

impl Victim {
    /// Bit 0 chooses between a loaded server and one that is not, or a client that knows its server and one that does not.
    fn born(is_server: bool, manners: u8) -> Self {
        let bit = |bit: u8| manners >> bit & 1 == 1;
        let settings = settings()
            .unproven_max(if bit(0) { 0 } else { 2 })
            .connection_id_len(if bit(1) { 3 } else { 2 })
            .mtu_discovery(bit(2));
        let endpoint = match is_server {
            true => server(server_settings(settings)),
            false => client(client_settings(settings), bit(0)).0,
        };
        Self {
            endpoint,
            now: BEGIN,
            reads: !bit(3),
            round: 0,
            half_open_max: 4,
            ended: 0,
            begun: u64::from(!is_server),
        }
    }

    fn receives(&mut self, what: u8, mut datagram: Vec<u8>) {
        let from = match what & 3 {
            0 => SERVER,
            1 => CLIENT,
            host => address(2 + host),
        };
        let arrival = match what & 0x10 {
            0 => Arrival::game(from),
            _ => Arrival::discovery(from),
        };
        let _earlier = drain(&mut self.endpoint, self.now);
        let trigger = datagram.len();
        self.endpoint
            .handle_datagram(self.now, arrival, &mut datagram);
        let answers = drain(&mut self.endpoint, self.now);
        if self.endpoint.stats().connections_ever == 0 {
            answers_are_short(&answers, from, trigger);
        }
        self.goes_on();
    }

    fn wakes(&mut self, at: Instant) {
        // What is due meanwhile is done when it is due, as far as that goes.
        for _ in 0..64 {
            let due = self.endpoint.poll_timeout().filter(|due| *due < at);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            let _sent = drain(&mut self.endpoint, self.now);
            self.goes_on();
        }
        self.now = at;
        self.endpoint.handle_timeout(at);
        let _sent = drain(&mut self.endpoint, at);
        self.goes_on();
    }

    fn is_told(&mut self, what: u8, input: &mut Input<'_>) {
        let now = self.now;
        let peers: Vec<_> = self.endpoint.peers().collect();
        match what & 7 {
            0 => self.reads = !self.reads,
            1 => self.endpoint.ban(address(4).ip()),
            2 => self.endpoint.unban(address(4).ip()),
            3 => self.endpoint.set_accepting(input.byte() & 1 == 0),
            4 => peers.iter().for_each(|peer| {
                let farewell = Farewell::new(7, "bye");
                self.endpoint.disconnect(now, *peer, farewell);
            }),
            5 => self.endpoint.probe(now, SERVER),
            _ => {
                let channel = ChannelId::new(input.byte() & 3);
                let payload = vec![7; input.below(4_000)];
                for peer in peers {
                    let _refused = self.endpoint.send(now, peer, channel, &payload);
                }
                self.endpoint.flush(now);
            }
        }
        let _sent = drain(&mut self.endpoint, now);
        self.goes_on();
    }

    /// What holds at all times.
    fn goes_on(&mut self) {
        while self.reads {
            let Some(event) = self.endpoint.poll_event() else {
                break;
            };
            self.begun += u64::from(matches!(event, Event::Connected { .. }));
            self.ended += u64::from(matches!(event, Event::Disconnected { .. }));
        }
        self.round += 1;
        let sound = self.endpoint.audit(self.round);
        sound.unwrap_or_else(|unsound| panic!("{unsound}"));
        let stats = self.endpoint.stats();
        assert!(stats.half_open_now <= self.half_open_max);
        assert!(stats.peers_now <= 8, "{stats:?}");
        // One message may be above the bound: it was there before the bound was.
        assert!(stats.unread_bytes <= 48_000 + 9_000, "{stats:?}");
    }

    /// Nothing comes any more: all that is left of anybody goes.
    fn stays_alone(mut self) -> u64 {
        self.reads = true;
        for _ in 0..40 {
            self.wakes(self.now + Duration::from_secs(2));
        }
        let stats = self.endpoint.stats();
        assert_eq!((stats.peers_now, stats.half_open_now), (0, 0), "{stats:?}");
        assert_eq!(stats.unread_bytes, 0);
        assert!(self.ended <= self.begun + 1);
        stats.connections_ever
    }
}

/// Nobody who has not proven where he is gets more than he sent, and nobody else gets anything; discovery's answers alone are
/// longer, within their own bound.
fn answers_are_short(answers: &[(SocketAddr, Vec<u8>)], from: SocketAddr, trigger: usize) {
    let mut bytes = 0;
    for (to, answer) in answers {
        match answer.starts_with(b"SERVER_INFO ") {
            true => assert!(answer.len() <= 512),
            // A client that dials goes on to say hello to its server.
            false if *to == SERVER && answer[0] == 0xC0 => {}
            false => {
                assert_eq!(*to, from);
                bytes += answer.len();
            }
        }
    }
    assert!(bytes <= trigger, "{bytes} bytes for {trigger}");
}

/// What crosses the wire of sessions to this side, up to its third, sixth and ninth datagram; and what belongs to nobody.
fn seeds(is_server: bool) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for manners in [0_u8, 1] {
        let unproven_max = if manners == 1 { 0 } else { 2 };
        let is_known = manners == 1;
        let mut session = Session::new(settings().unproven_max(unproven_max), is_known);
        session.run_for(Duration::from_millis(100));
        session.talk(5);
        session.run_for(Duration::from_millis(100));
        let heard = session
            .wire
            .iter()
            .filter(|(to_server, _)| *to_server == is_server);
        let mut seed = vec![manners];
        for (number, (_, datagram)) in heard.take(9).enumerate() {
            seed.push(u8::from(is_server));
            put_datagram(datagram, &mut seed);
            if number % 3 == 2 {
                seeds.push(seed.clone());
            }
        }
    }
    for outside in [
        &b"DISCOVER_SERVER\n"[..],
        &[0xC4, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xC3; 17],
    ] {
        let mut seed = vec![0, 0x11];
        put_datagram(outside, &mut seed);
        seeds.push(seed);
    }
    seeds
}

/// The settings that the frames' targets share.
pub(crate) fn usual(is_server: bool) -> Config {
    match is_server {
        true => server_settings(settings()),
        false => client_settings(settings()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_lead_into_connections() {
        for is_server in [true, false] {
            let begun: Vec<u64> = seeds(is_server)
                .iter()
                .map(|seed| attack(is_server, seed))
                .collect();
            assert!(
                begun.iter().filter(|begun| **begun > 0).count() > 2,
                "{begun:?}"
            );
            assert!(begun.contains(&0), "{begun:?}");
        }
    }
}
