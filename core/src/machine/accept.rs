//! A stranger's HELLO: refuse it, repeat an answer, or keep it half-open until it proves itself.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::Machine;
use super::admission;
use super::slots::Entry;
use crate::crypto::{CipherSuite, Opened, ServerHandshake};
use crate::event::{Refusal, Role};
use crate::log::debug;
use crate::peer::{Accepted, Birth, HelloKey, Peer, hello_key};
use crate::transmit::Arrival;
use crate::wire::handshake::{self, ClientOffer, Credits, Hello, HelloBody, ServerAnswer, WELCOME};
use crate::wire::packet::ConnectionId;
use crate::wire::{DATAGRAM_BASE, DATAGRAM_FLOOR};

/// Half-open handshakes under one address. The first ones stay: whoever sees a client's HELLO comes too late to push it
/// out with others under its address.
const HALF_OPEN_PER_ADDRESS_MAX: usize = 4;

impl Machine {
    pub(super) fn handle_hello(&mut self, arrival: &Arrival, datagram: &[u8]) {
        let Ok(hello) = Hello::decode(datagram) else {
            self.stats.drops.malformed += 1;
            return;
        };
        if self.is_our_own(&hello.connection_id, datagram) {
            self.stats.drops.foreign += 1;
            return;
        }
        if let Some(body) = &hello.body
            && (self.is_repeated(arrival.from, body) || self.is_outranked(arrival.from, body))
        {
            return;
        }
        let refusal = match hello.body {
            None => Some(Refusal::WrongVersion {
                server: crate::PROTOCOL_VERSION,
            }),
            Some(_) if !self.is_accepting => Some(Refusal::NotAccepting),
            Some(_) if self.banned.contains(&arrival.from.ip().to_canonical()) => {
                Some(Refusal::Banned)
            }
            Some(body) if body.token.is_none() && self.wants_token() => Some(Refusal::TokenMissing),
            Some(_) => None,
        };
        if let Some(body) = &hello.body
            && refusal.is_none()
            && !self.is_admitted(arrival.from, body)
        {
            self.retry(arrival, &hello.connection_id, body);
            return;
        }
        self.stats.attempts += 1;
        if let Some(refusal) = refusal {
            self.refuse(arrival, &hello.connection_id, datagram, refusal);
            return;
        }
        if let Some(body) = hello.body {
            self.answer_hello(arrival, hello.connection_id, &body, datagram);
        }
    }

    /// Our HELLO, sent back by something that echoes. Answering would refuse, or let in, ourselves.
    fn is_our_own(&self, id: &ConnectionId, datagram: &[u8]) -> bool {
        let slot = self.slots.find(id.as_bytes());
        slot.and_then(|slot| self.slots.get(slot))
            .is_some_and(|found| found.peer.is_dialling_with(datagram))
    }

    /// A HELLO whose WELCOME was sent: it is sent again if the client has not proved itself yet.
    fn is_repeated(&mut self, from: SocketAddr, body: &HelloBody<'_>) -> bool {
        let hello = (from, hello_key(body.message));
        let Some(slot) = self.half_open.get(&hello).copied() else {
            return self.is_late(from, body);
        };
        let Some(found) = self.slots.get_mut(slot) else {
            return false;
        };
        found.peer.repeat_welcome();
        self.update(slot);
        true
    }

    /// A HELLO that was overtaken by its client's own first packet.
    fn is_late(&mut self, from: SocketAddr, body: &HelloBody<'_>) -> bool {
        let slot = self.by_address.get(&from).copied();
        let is_late = slot
            .and_then(|slot| self.slots.get(slot))
            .is_some_and(|found| found.peer.began_with(body.message));
        if is_late {
            self.stats.drops.unexpected_handshake += 1;
        }
        is_late
    }

    /// A HELLO that crossed ours on the way, and gives way to it.
    fn is_outranked(&mut self, from: SocketAddr, body: &HelloBody<'_>) -> bool {
        let slot = self.by_address.get(&from).copied();
        let is_outranked = slot
            .and_then(|slot| self.slots.get(slot))
            .is_some_and(|found| found.peer.outranks(body.message));
        if is_outranked {
            self.stats.drops.unexpected_handshake += 1;
        }
        is_outranked
    }

    fn answer_hello(
        &mut self,
        arrival: &Arrival,
        remote_id: ConnectionId,
        body: &HelloBody<'_>,
        datagram: &[u8],
    ) {
        if self.is_half_open_full(arrival.from) {
            self.stats.drops.half_open_full += 1;
            return;
        }
        let HelloBody {
            pattern,
            token,
            prologue,
            message,
            cookie: _,
        } = *body;
        // The token first: it costs a fiftieth of what follows.
        let opened = match token.map(|sealed| self.open_token(sealed)).transpose() {
            Ok(opened) => opened,
            Err(refusal) => return self.refuse(arrival, &remote_id, datagram, refusal),
        };
        let (psk, holder) = opened.map(admission::split).unzip();
        let mut offer = Vec::new();
        let noise = ServerHandshake::read(
            &mut self.identity,
            pattern,
            psk.as_ref(),
            prologue,
            message,
            &mut offer,
            &mut self.handshake_rng,
        );
        let Ok(noise) = noise else {
            self.refuse(arrival, &remote_id, datagram, Refusal::WrongKey);
            return;
        };
        let Ok(offer) = ClientOffer::decode(&offer) else {
            self.stats.drops.malformed += 1;
            return;
        };
        let client = holder.as_ref().map(|holder| holder.client.id);
        let suite = match self.judge(arrival.from, client, &offer) {
            Ok(suite) => suite,
            Err(refusal) => return self.refuse_authentically(arrival, &remote_id, noise, refusal),
        };
        let Some((id, local_id)) = self.slots.reserve() else {
            return self.refuse_authentically(arrival, &remote_id, noise, Refusal::Full);
        };
        let config = &self.shared.config;
        let answer = ServerAnswer::Accepted {
            suite,
            is_way_short: datagram.len() < DATAGRAM_BASE,
            connection_id: local_id,
            reset_token: self.reset_token(&local_id, arrival.from),
            ack_delay_max_ms: config.ack_delay_max.as_millis() as u8,
            credits: Credits::granted_by(config),
        };
        let (welcome, secrets) = write_welcome(&remote_id, noise, &answer);
        debug_assert!(welcome.len() <= DATAGRAM_FLOOR, "no answer is longer");
        let birth = Birth {
            id,
            address: arrival.from,
            local: arrival.to,
            role: Role::Server,
            local_id,
            remote_id,
        };
        self.shared.key_log.note(config, &remote_id, &local_id, || {
            secrets.session_keys(suite)
        });
        let accepted = Accepted {
            config,
            offer: &offer,
            suite,
            secrets: &secrets,
            hello: message,
            hello_len: datagram.len(),
            welcome,
            holder,
        };
        let peer = Peer::accept(self.now, birth, accepted);
        debug!("{} said hello and is answered", arrival.from);
        self.slots.insert(id, peer, Entry::HalfOpen);
        self.half_open
            .insert((arrival.from, hello_key(message)), id.slot() as u32);
        self.update(id.slot() as u32);
    }

    fn is_half_open_full(&self, from: SocketAddr) -> bool {
        let under_address = self.half_open_from(from, HelloKey::default());
        self.half_open.len() >= self.shared.config.half_open_max as usize
            || under_address.count() >= HALF_OPEN_PER_ADDRESS_MAX
            || self.is_network_full(from)
    }

    /// Whether only clients with a token may come in.
    fn wants_token(&self) -> bool {
        let authority = self.shared.config.tokens.as_ref();
        authority.is_some_and(|authority| authority.required)
    }

    /// What a token says, if it may be used here and now.
    fn open_token(&mut self, sealed: &[u8]) -> Result<Opened, Refusal> {
        let config = &self.shared.config;
        let opened = self.opener.open(config, sealed);
        let opened = opened.ok_or(Refusal::TokenInvalid)?;
        let (names, bytes_max) = (self.opener.names(), config.used_tokens_bytes_max());
        self.admission.judge(self.now, &opened, names, bytes_max)?;
        Ok(opened)
    }

    /// Whether the client may come in, and with which cipher.
    fn judge(
        &self,
        from: SocketAddr,
        client: Option<u64>,
        offer: &ClientOffer,
    ) -> Result<CipherSuite, Refusal> {
        let config = &self.shared.config;
        if offer.protocol_id != config.protocol_id {
            return Err(Refusal::WrongProtocolId);
        }
        let has_our_channels =
            offer.channels == handshake::channels_fingerprint(config) && offer.credits.suit(config);
        if !has_our_channels {
            return Err(Refusal::WrongChannels);
        }
        let replaces_itself = self.by_address.contains_key(&from)
            || client.is_some_and(|client| self.admission.is_present(client));
        if !replaces_itself && self.places_used() >= config.peers_max {
            return Err(Refusal::Full);
        }
        let suite = config
            .ciphers
            .iter()
            .copied()
            .find(|suite| offer.ciphers & handshake::suite_bit(*suite) != 0);
        suite.ok_or(Refusal::NoCipher)
    }

    /// Without a key that survives a restart the token is never used; it is then unguessable all the same.
    pub(super) fn reset_token(&self, id: &ConnectionId, client: SocketAddr) -> [u8; 16] {
        self.identity.reset_key().token(id.as_bytes(), client)
    }

    /// Slots of the half-open handshakes under an address whose key is not below `least`.
    fn half_open_from(&self, from: SocketAddr, least: HelloKey) -> impl Iterator<Item = u32> + '_ {
        let range = (from, least)..=(from, [0xFF; 32]);
        self.half_open.range(range).map(|(_, slot)| *slot)
    }

    /// Forgets the half-open handshakes under an address whose key is not below `least`: they were earlier attempts of
    /// the client that has proved itself, or nobody's; or they give way to an attempt of ours.
    pub(super) fn forget_half_open(&mut self, from: SocketAddr, least: HelloKey) {
        let others: Vec<u32> = self.half_open_from(from, least).collect();
        for slot in others {
            if let Some(found) = self.slots.get_mut(slot) {
                found.peer.forget();
            }
            self.update(slot);
        }
    }

    /// Refuses without proof: the client takes it for a hint. Cheap, and shorter than the HELLO.
    fn refuse(&mut self, arrival: &Arrival, id: &ConnectionId, hello: &[u8], refusal: Refusal) {
        self.count_refusal(arrival.from, refusal);
        let mut bytes = Vec::new();
        let check = handshake::refuse_check(hello, refusal);
        handshake::encode_refuse(id, refusal, check, &mut bytes);
        self.answer_stranger(arrival.from, arrival.to, bytes);
    }

    /// Refuses inside the handshake, so that nobody else can.
    fn refuse_authentically(
        &mut self,
        arrival: &Arrival,
        id: &ConnectionId,
        noise: ServerHandshake,
        refusal: Refusal,
    ) {
        self.count_refusal(arrival.from, refusal);
        let (welcome, _) = write_welcome(id, noise, &ServerAnswer::Refused(refusal));
        self.answer_stranger(arrival.from, arrival.to, welcome);
    }

    pub(super) fn count_refusal(&mut self, client: SocketAddr, refusal: Refusal) {
        debug!("{} said hello and is refused: {}", client, refusal);
        let refused = &mut self.stats.refused;
        *match refusal {
            Refusal::Full => &mut refused.full,
            Refusal::WrongVersion { .. } => &mut refused.wrong_version,
            Refusal::WrongProtocolId => &mut refused.wrong_protocol_id,
            Refusal::WrongChannels => &mut refused.wrong_channels,
            Refusal::Banned => &mut refused.banned,
            Refusal::WrongKey => &mut refused.wrong_key,
            Refusal::NotAccepting => &mut refused.not_accepting,
            Refusal::NoCipher => &mut refused.no_cipher,
            Refusal::TokenMissing => &mut refused.token_missing,
            Refusal::TokenInvalid => &mut refused.token_invalid,
            Refusal::TokenExpired => &mut refused.token_expired,
            Refusal::TokenElsewhere => &mut refused.token_elsewhere,
            Refusal::TokenUsed => &mut refused.token_used,
            Refusal::TokenOutdated => &mut refused.token_outdated,
            Refusal::TokensFull => &mut refused.tokens_full,
            Refusal::TokenClock => &mut refused.token_clock,
        } += 1;
    }
}

fn write_welcome(
    id: &ConnectionId,
    noise: ServerHandshake,
    answer: &ServerAnswer,
) -> (Vec<u8>, crate::crypto::Secrets) {
    let mut payload = Vec::new();
    answer.encode(&mut payload);
    let mut welcome = Vec::new();
    welcome.push(WELCOME);
    welcome.extend_from_slice(id.as_bytes());
    let secrets = noise.reply(&payload, &mut welcome);
    (welcome, secrets)
}
