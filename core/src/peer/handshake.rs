//! One round trip to common keys: HELLO, WELCOME, and the client's first packet as proof.

use alloc::vec::Vec;
use core::time::Duration;

use super::lifecycle::State;
use super::{Birth, Peer, Ping, Repeat};
use crate::config::Config;
use crate::crypto::{
    ClientHandshake, ConnectToken, Cookie, Pattern, PublicKey, Secrets, ServerIdentity,
};
use crate::event::{CloseReason, Event, Refusal, Role, TokenClient};
use crate::machine::admission::Holder;
use crate::machine::shared::Shared;
use crate::reliability::recovery::Recovery;
use crate::rng::SecretRng;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::handshake::{self, ClientOffer, Credits, Hello, RefuseCheck, ServerAnswer};
use crate::wire::{DATAGRAM_BASE, DATAGRAM_FLOOR};

use alloc::boxed::Box;

/// A HELLO is repeated this often at first: a lost one costs a few of these, not a second. The length of
/// a first datagram, 1,200 bytes, times this rate stays below the rate of a game.
const HELLO_INTERVAL: Duration = Duration::from_millis(50);

/// So many HELLOs are 1,200 bytes long, in 325 ms; those after them 548, should the way carry no more.
const LONG_HELLOS: u8 = 7;

/// After an unauthentic refusal a client waits this long for a better answer, which an attacker cannot suppress.
const HINT_WAIT: Duration = Duration::from_millis(500);

/// So many cookies are sent back at once; a server makes a new one every ten seconds.
const PROMPT_RETRIES: u8 = 8;

/// And repeats its HELLO only this often: most such refusals are true.
const HINTED_HELLO_INTERVAL: Duration = Duration::from_millis(200);

/// A client that waits for the server's answer.
#[derive(Debug)]
pub(crate) struct Dialling {
    noise: ClientHandshake,
    hello: Vec<u8>,
    /// Where a cookie goes into the HELLO: what is before never changes.
    cookie_at: usize,
    /// New cookies that are still sent back at once.
    prompt_retries: u8,
    pub(super) repeat: Repeat,
    pub(super) sent_at: Option<Instant>,
    tries: u8,
    pub(super) give_up_at: Instant,
    /// An unauthentic refusal, believed if nothing better comes until `give_up_at`.
    pub(super) hint: Option<Refusal>,
}

saved!(Dialling {
    noise,
    hello,
    cookie_at,
    prompt_retries,
    repeat,
    sent_at,
    tries,
    give_up_at,
    hint
});

impl Dialling {
    /// The HELLO to send now: after a few that got no answer a short one, since the way may not carry more.
    fn next_hello(&mut self) -> &[u8] {
        let is_long = self.tries < LONG_HELLOS;
        self.tries = self.tries.saturating_add(1).min(LONG_HELLOS + 1);
        let len = if is_long {
            self.hello.len()
        } else {
            DATAGRAM_FLOOR
        };
        &self.hello[..len]
    }

    /// Whether a refusal with this check answers a HELLO as we send it, long or short: not one that was damaged on its way, nor
    /// one that somebody else made up.
    fn is_answered_by(&self, refusal: Refusal, check: RefuseCheck) -> bool {
        [self.hello.len(), DATAGRAM_FLOOR]
            .into_iter()
            .any(|len| handshake::refuse_check(&self.hello[..len], refusal) == check)
    }

    /// Whether it is our own, long or short.
    fn is_hello(&self, datagram: &[u8]) -> bool {
        datagram.len() >= DATAGRAM_FLOOR && datagram.starts_with(&self.hello[..self.cookie_at])
    }
}

/// A server that waits for the client's proof.
#[derive(Debug)]
pub(crate) struct Accepting {
    welcome: Vec<u8>,
    pub(super) is_due: bool,
    pub(super) sent_at: Option<Instant>,
    pub(super) expires_at: Instant,
}

saved!(Accepting {
    welcome,
    is_due,
    sent_at,
    expires_at
});

/// What `connect` needs.
#[derive(Debug)]
pub(crate) struct Dialled<'a> {
    pub(crate) server: ServerIdentity,
    pub(crate) token: Option<&'a ConnectToken>,
    pub(crate) config: &'a Config,
    pub(crate) rng: &'a mut SecretRng,
}

/// What a server agreed with a client.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    pub(crate) config: &'a Config,
    pub(crate) offer: &'a ClientOffer,
    pub(crate) suite: crate::crypto::CipherSuite,
    pub(crate) secrets: &'a Secrets,
    pub(crate) hello: &'a [u8],
    /// Length of its datagram.
    pub(crate) hello_len: usize,
    pub(crate) welcome: Vec<u8>,
    /// What its token said.
    pub(crate) holder: Option<Box<Holder>>,
}

impl Peer {
    /// A peer that is to be reached.
    pub(crate) fn dial(now: Instant, birth: Birth, dialled: Dialled<'_>) -> Self {
        let Dialled {
            server,
            token,
            config,
            rng,
        } = dialled;
        let mut hello = Vec::new();
        let pattern = Pattern::of(server, token.is_some());
        let sealed = token.map(ConnectToken::sealed);
        Hello::encode_prologue(&birth.local_id, pattern, sealed, &mut hello);
        let mut offer = Vec::new();
        ClientOffer::from_config(config).encode(&mut offer);
        let mut message = Vec::new();
        let psk = token.map(ConnectToken::psk);
        let noise = ClientHandshake::start(server, psk, &hello, &offer, rng, &mut message);
        let cookie_at = Hello::encode_rest(&message, &mut hello);
        let dialling = Dialling {
            noise,
            hello,
            cookie_at,
            prompt_retries: PROMPT_RETRIES,
            repeat: Repeat::new(now, HELLO_INTERVAL),
            sent_at: None,
            tries: 0,
            give_up_at: now + config.handshake_timeout,
            hint: None,
        };
        let mut peer = Self::new(now, birth, State::Dialling(Box::new(dialling)), config);
        peer.began_with = hello_key(&message);
        peer
    }

    /// A peer that asked in and was answered, and must show that it got the answer.
    pub(crate) fn accept(now: Instant, birth: Birth, accepted: Accepted<'_>) -> Self {
        let accepting = Accepting {
            welcome: accepted.welcome,
            is_due: true,
            sent_at: None,
            expires_at: now + accepted.config.handshake_timeout,
        };
        let mut peer = Self::new(
            now,
            birth,
            State::Accepting(Box::new(accepting)),
            accepted.config,
        );
        peer.began_with = hello_key(accepted.hello);
        peer.holder = accepted.holder;
        if accepted.hello_len < DATAGRAM_BASE {
            peer.mtu.begin_at_floor();
        }
        peer.keys = Some(accepted.secrets.keys(
            accepted.suite,
            Role::Server,
            &*accepted.config.crypto,
        ));
        peer.agree(
            accepted.config,
            accepted.offer.ack_delay_max_ms,
            &accepted.offer.credits,
        );
        peer
    }

    fn agree(&mut self, config: &Config, ack_delay_max_ms: u8, credits: &Credits) {
        let ack_delay_max = Duration::from_millis(u64::from(ack_delay_max_ms));
        self.recovery = Recovery::new(
            self.recovery.congestion_control(),
            DATAGRAM_BASE,
            ack_delay_max,
        )
        .with_ecn(config.ecn)
        .with_seed(self.seed());
        self.recovery.begin_at(config.planted.first_packet());
        self.outbox.grant(credits);
    }

    /// A number of this connection alone: what its congestion control leaves to chance differs from that of others.
    fn seed(&self) -> u64 {
        let ids = [self.local_id.as_bytes(), self.remote_id.as_bytes()];
        let bytes = ids.into_iter().flatten();
        bytes.fold(self.id.slot() as u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// Whether this client began with this Noise message.
    pub(crate) fn began_with(&self, hello: &[u8]) -> bool {
        self.role == Role::Server && self.began_with == hello_key(hello)
    }

    /// Whether this peer is being called by this very HELLO.
    pub(crate) fn is_dialling_with(&self, hello: &[u8]) -> bool {
        matches!(&self.state, State::Dialling(dialling) if dialling.is_hello(hello))
    }

    /// Whether this attempt of ours goes before that of a peer which dials us at the same time with this Noise message.
    ///
    /// Each side compares the same two keys, so both let the same attempt live. It counts until we heard from the peer:
    /// by then it has accepted us, and its own attempt is over.
    pub(crate) fn outranks(&self, hello: &[u8]) -> bool {
        let is_under_way = matches!(self.state, State::Dialling(_)) || self.confirm.is_some();
        self.role == Role::Client && is_under_way && self.began_with <= hello_key(hello)
    }

    /// The client repeated its HELLO: so does the server with its WELCOME. One for one, each shorter.
    pub(crate) fn repeat_welcome(&mut self) {
        if let State::Accepting(accepting) = &mut self.state {
            accepting.is_due = true;
        }
    }

    /// Appends the HELLO or WELCOME that is due.
    pub(super) fn transmit_handshake(&mut self, now: Instant, buf: &mut Vec<u8>) -> bool {
        if let State::Dialling(dialling) = &mut self.state
            && dialling.repeat.at <= now
        {
            dialling.repeat.advance(now);
            dialling.sent_at = Some(now);
            buf.extend_from_slice(dialling.next_hello());
            return true;
        }
        if let State::Accepting(accepting) = &mut self.state
            && accepting.is_due
        {
            accepting.is_due = false;
            accepting.sent_at = Some(now);
            buf.extend_from_slice(&accepting.welcome);
            return true;
        }
        false
    }

    /// Takes what may be the server's answer (Noise message 2). `false`: it is not, and nothing has changed.
    pub(crate) fn handle_welcome(
        &mut self,
        now: Instant,
        message: &[u8],
        shared: &mut Shared,
    ) -> bool {
        let Shared {
            config,
            pool,
            key_log,
            ..
        } = shared;
        let State::Dialling(dialling) = &mut self.state else {
            return false;
        };
        let mut payload = Vec::new();
        let Ok(finished) = dialling.noise.finish(message, &mut payload) else {
            return false;
        };
        let sent_at = dialling.sent_at.unwrap_or(now);
        match ServerAnswer::decode(&payload) {
            Ok(ServerAnswer::Refused(refusal)) => self.finish(CloseReason::Refused(refusal), pool),
            Ok(ServerAnswer::Accepted {
                suite,
                is_way_short,
                connection_id,
                reset_token,
                ack_delay_max_ms,
                credits,
            }) if config.ciphers.contains(&suite) && credits.suit(config) => {
                key_log.note(config, &self.local_id, &connection_id, || {
                    finished.secrets.session_keys(suite)
                });
                self.keys = Some(finished.secrets.keys(suite, Role::Client, &*config.crypto));
                self.remote_id = connection_id;
                if is_way_short {
                    self.mtu.begin_at_floor();
                }
                self.reset_token = Some(reset_token);
                self.agree(config, ack_delay_max_ms, &credits);
                self.seed_rtt(now, sent_at);
                self.ping = Ping::Wanted { asked: false };
                let interval =
                    (now.saturating_duration_since(sent_at) / 2).max(Duration::from_millis(20));
                self.confirm = Some(Repeat::new(now + interval, interval));
                self.on_connected(now, Some(finished.server_key));
            }
            // The server authenticated itself and answers nonsense: there is nothing to wait for.
            _ => self.finish(CloseReason::Refused(Refusal::WrongChannels), pool),
        }
        true
    }

    /// A server wants to see this cookie. Anybody can have said so: whatever came last is tried, and a few times at once. `false` if
    /// no HELLO is under way.
    pub(crate) fn handle_retry(&mut self, now: Instant, cookie: &Cookie) -> bool {
        let State::Dialling(dialling) = &mut self.state else {
            return false;
        };
        let is_new = handshake::put_cookie(cookie, dialling.cookie_at, &mut dialling.hello);
        if is_new && let Some(left) = dialling.prompt_retries.checked_sub(1) {
            dialling.prompt_retries = left;
            dialling.repeat.at = now;
        }
        true
    }

    /// A refusal that anybody who saw our HELLO can have sent: believed if nothing better comes soon. `false` if it is not one of
    /// ours.
    pub(crate) fn handle_refuse(
        &mut self,
        now: Instant,
        refusal: Refusal,
        check: RefuseCheck,
    ) -> bool {
        let State::Dialling(dialling) = &mut self.state else {
            return false;
        };
        if !dialling.is_answered_by(refusal, check) {
            return false;
        }
        if dialling.hint.is_none() {
            dialling.repeat = Repeat::new(now + HINTED_HELLO_INTERVAL, HINTED_HELLO_INTERVAL);
        }
        dialling.hint = Some(refusal);
        dialling.give_up_at = dialling.give_up_at.min(now + HINT_WAIT);
        true
    }

    /// The client proved that it got the WELCOME.
    pub(super) fn on_proven(&mut self, now: Instant) {
        let State::Accepting(accepting) = &self.state else {
            return;
        };
        let sent_at = accepting.sent_at.unwrap_or(now);
        self.seed_rtt(now, sent_at);
        self.on_connected(now, None);
    }

    /// The last HELLO or WELCOME may not be the one that was answered; a sample too short is soon corrected.
    fn seed_rtt(&mut self, now: Instant, sent_at: Instant) {
        let sample = now.saturating_duration_since(sent_at);
        self.recovery
            .seed_rtt(sample.max(Duration::from_micros(100)));
    }

    fn on_connected(&mut self, now: Instant, server_key: Option<PublicKey>) {
        self.state = State::Connected;
        self.last_heard = now;
        self.last_sent = now;
        self.suspect();
        self.inbox.push(Event::Connected {
            peer: self.id,
            address: self.address,
            role: self.role,
            server_key,
            client: self.client(),
        });
    }

    /// What its token said, of a client that has one.
    pub(crate) fn holder(&self) -> Option<&Holder> {
        self.holder.as_deref()
    }

    /// Who the client is, by its token.
    pub(crate) fn client(&self) -> Option<TokenClient> {
        self.holder().map(|holder| holder.client.clone())
    }
}

/// Tells HELLOs apart: the client's ephemeral key, with which Noise message 1 begins and which is never used twice.
pub(crate) type HelloKey = [u8; 32];

/// The key of a HELLO with this Noise message 1.
pub(crate) fn hello_key(hello: &[u8]) -> HelloKey {
    let mut key = [0; 32];
    let len = hello.len().min(key.len());
    key[..len].copy_from_slice(&hello[..len]);
    key
}
