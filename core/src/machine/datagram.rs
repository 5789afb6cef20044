//! A datagram's way to whom it concerns.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::{Answer, Machine};
use crate::crypto::RESET_TOKEN_LEN;
use crate::discovery::Ignored;
use crate::event::Event;
use crate::log::debug;
use crate::notice::Notice;
use crate::peer::Refused;
use crate::planted::Bug;
use crate::transmit::{Arrival, Socket};
use crate::wire::Kind;
use crate::wire::handshake::{self, PROBE_LEN, PROBE_REPLY, RESET, RESET_LEN};
use crate::wire::packet::Header;

/// Answers that wait to be polled; more are dropped and counted.
pub(super) const ANSWERS_MAX: usize = 256;

impl Machine {
    pub(super) fn route(&mut self, arrival: Arrival, datagram: &mut [u8]) {
        let Some(first) = datagram.first() else {
            self.stats.drops.empty += 1;
            return;
        };
        let kind = Kind::of(*first);
        if arrival.socket == Socket::Discovery && kind != Kind::Text {
            self.stats.drops.foreign += 1;
            return;
        }
        match kind {
            Kind::Text => self.handle_text(&arrival, datagram),
            Kind::Packet => self.handle_packet(&arrival, datagram),
            Kind::Hello => self.handle_hello(&arrival, datagram),
            Kind::Welcome => self.handle_welcome(arrival.from, datagram),
            Kind::Refuse => self.handle_refuse(arrival.from, datagram),
            Kind::Reset => self.handle_reset(arrival.from, datagram),
            Kind::Probe => self.handle_probe(&arrival, datagram),
            Kind::ProbeReply => self.handle_probe_reply(arrival.from, datagram),
            Kind::Retry => self.handle_retry(arrival.from, datagram),
            Kind::Stun | Kind::Unknown => self.stats.drops.foreign += 1,
        }
    }

    fn handle_text(&mut self, arrival: &Arrival, datagram: &[u8]) {
        match self.discovery.handle_text(self.now, arrival, datagram) {
            Ok(()) => {}
            Err(Ignored::Foreign) => self.stats.drops.foreign += 1,
            Err(Ignored::OffLink) => {
                debug!(
                    "discovery text from {} is ignored: it is not of this LAN",
                    arrival.from
                );
                self.stats.drops.discovery_off_link += 1;
            }
            Err(Ignored::RateLimited) => {
                debug!(
                    "discovery text from {} is ignored: it is too much",
                    arrival.from
                );
                self.stats.drops.rate_limited += 1;
            }
        }
    }

    fn handle_packet(&mut self, arrival: &Arrival, datagram: &mut [u8]) {
        let id_len = self.slots.id_len();
        let Some(header) = Header::decode(datagram, id_len) else {
            self.stats.drops.malformed += 1;
            if self.shared.config.planted.has(Bug::ResetForAnything) {
                self.answer_with_reset(arrival, &[0; 2]);
            }
            return;
        };
        let Some(slot) = self.slots.find(&datagram[1..=id_len]) else {
            self.stats.drops.unknown_connection += 1;
            self.answer_with_reset(arrival, &datagram[1..=id_len]);
            return;
        };
        let Some(found) = self.slots.get_mut(slot) else {
            return;
        };
        let (peer, address) = (found.peer.id, found.peer.address);
        match found
            .peer
            .handle_packet(self.now, header, arrival, datagram, &mut self.shared)
        {
            Ok(()) => {
                self.on_heard(slot, address);
                self.update(slot);
            }
            Err(Refused::Duplicate) => self.shared.notices.push(Notice::PacketRepeated { peer }),
            Err(Refused::Over) => self.stats.drops.unknown_connection += 1,
            Err(refused @ (Refused::Unauthentic | Refused::Exhausted)) => {
                self.stats.drops.unauthentic += 1;
                self.shared.notices.push(Notice::PacketForged { peer });
                if refused == Refused::Exhausted {
                    self.update(slot);
                }
            }
        }
    }

    /// Tells a client of an earlier life of this server that its connection is gone. Shorter than any
    /// packet, and never sent in answer to itself.
    fn answer_with_reset(&mut self, arrival: &Arrival, id: &[u8]) {
        if !self.identity.is_lasting() {
            return;
        }
        let key = self.identity.reset_key();
        let mut bytes = Vec::with_capacity(RESET_LEN);
        bytes.push(RESET);
        bytes.extend_from_slice(&key.token(id, arrival.from));
        self.answer_stranger(arrival.from, arrival.to, bytes);
    }

    fn handle_welcome(&mut self, from: SocketAddr, datagram: &[u8]) {
        let Some(slot) = self.addressee(from, datagram) else {
            return;
        };
        let message = &datagram[1 + self.slots.id_len()..];
        let peer = &mut self.slots.get_mut(slot).expect("it was found").peer;
        if peer.handle_welcome(self.now, message, &mut self.shared) {
            let peer = peer.id;
            self.shared.notices.push(Notice::HandshakeTaken { peer });
            self.update(slot);
        } else {
            self.stats.drops.unexpected_handshake += 1;
        }
    }

    /// The peer whose connection id stands behind the first byte of an answer to a handshake, if the answer comes from its address.
    pub(super) fn addressee(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<u32> {
        let id = datagram.get(1..=self.slots.id_len());
        let slot = id.and_then(|id| self.slots.find(id));
        let found = slot.filter(|slot| {
            let found = self.slots.get(*slot);
            found.is_some_and(|found| found.peer.address == from)
        });
        if found.is_none() {
            self.stats.drops.unexpected_handshake += 1;
        }
        found
    }

    fn handle_refuse(&mut self, from: SocketAddr, datagram: &[u8]) {
        let id_len = self.slots.id_len();
        let Some((refusal, check)) = handshake::decode_refuse(datagram, id_len) else {
            self.stats.drops.malformed += 1;
            return;
        };
        let Some(slot) = self.addressee(from, datagram) else {
            return;
        };
        let found = self.slots.get_mut(slot).expect("it was found");
        if found.peer.handle_refuse(self.now, refusal, check) {
            self.update(slot);
        } else {
            self.stats.drops.unexpected_handshake += 1;
        }
    }

    fn handle_reset(&mut self, from: SocketAddr, datagram: &[u8]) {
        let token: Result<[u8; RESET_TOKEN_LEN], _> = datagram[1..].try_into();
        let Ok(token) = token else {
            self.stats.drops.malformed += 1;
            return;
        };
        let slot = self.by_address.get(&from).copied();
        let Some((slot, found)) = slot.and_then(|slot| Some((slot, self.slots.get_mut(slot)?)))
        else {
            self.stats.drops.unknown_connection += 1;
            return;
        };
        if found.peer.handle_reset(&token, &mut self.shared) {
            self.update(slot);
        } else {
            self.stats.drops.unauthentic += 1;
        }
    }

    fn handle_probe(&mut self, arrival: &Arrival, datagram: &[u8]) {
        if datagram.len() != PROBE_LEN {
            self.stats.drops.malformed += 1;
            return;
        }
        // Our own, sent back by something that echoes: answering would make the echo look like an endpoint.
        if self.probes.iter().any(|probe| probe.nonce == datagram[1..]) {
            self.stats.drops.foreign += 1;
            return;
        }
        let mut bytes = datagram.to_vec();
        bytes[0] = PROBE_REPLY;
        if self.shared.config.planted.has(Bug::ProbeReplyTooLong) {
            bytes.resize(4 * PROBE_LEN, 0);
        }
        self.answer_stranger(arrival.from, arrival.to, bytes);
    }

    fn handle_probe_reply(&mut self, from: SocketAddr, datagram: &[u8]) {
        let nonce = &datagram[1..];
        let Some(position) = self
            .probes
            .iter()
            .position(|probe| probe.nonce == nonce && probe.to == from)
        else {
            self.stats.drops.unexpected_handshake += 1;
            return;
        };
        let Some(probe) = self.probes.remove(position) else {
            return;
        };
        let rtt = self.now.saturating_duration_since(probe.sent_at);
        self.events
            .push_back(Event::ProbeAnswered { address: from, rtt });
    }

    /// Answers somebody unproven: limited, and by its callers never longer than the question.
    pub(super) fn answer_stranger(&mut self, to: SocketAddr, from: Option<IpAddr>, bytes: Vec<u8>) {
        if self.answers.len() >= ANSWERS_MAX || !self.answer_limit.take(self.now) {
            self.stats.drops.rate_limited += 1;
            return;
        }
        self.answer(to, from, bytes);
    }

    pub(super) fn answer(&mut self, to: SocketAddr, from: Option<IpAddr>, bytes: Vec<u8>) {
        self.answers.push_back(Answer { to, from, bytes });
    }
}
