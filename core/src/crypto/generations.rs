//! Keys that are changed while a connection lives (RFC 9001 section 6): before a cipher has sealed more with one than its proofs
//! allow.
//!
//! A *generation* is a pair of keys, one for each direction. The lowest bit of its number is the key phase in each packet's
//! header. Who sends enough goes on to the next generation by itself; the other side sees the phase, opens the packet with the key
//! that it has derived beforehand, and follows. Packet numbers go on over all generations.
//!
//! ```text
//!              first packet opened          packet of the next one opened          three probe timeouts later
//!   previous       -                            the former current                       -
//!   current        opens                        the former next                          opens
//!   next           derived                      derived                                  waits
//! ```
//!
//! Invariants: a packet is tried with one key, whatever its phase; nothing is derived for a packet that was not opened; keys
//! of a generation are never made twice; nobody goes on before the other side has followed.
//!
//! Where we differ from RFC 9001, and why:
//! - The key phase is in clear (section 5.4 hides it): headers are not hidden at all here, since their packet numbers would be
//!   worth less than the 16 bytes of ciphertext that hiding needs in the smallest packets.
//! - A side goes on once the previous key is dropped, not after a time of its own (section 6.5): which is the same three probe timeouts.

use super::packet::{Chain, PacketKey, SessionKeys};
use crate::audit::{Checked, at_most, holds};
use crate::config::Config;
use crate::crypto::{CipherSuite, Crypto, OpenError, TAG_LEN};
use crate::event::Role;
use crate::planted::Bug;
use crate::saved::saved;
use crate::time::Instant;

/// Packets that are sealed with one key, at most. RFC 9001 section 6.6 has 2^23 for AES-GCM with packets of any length and appendix
/// B.1 2^28 for packets below 2^11 bytes, as ours; ChaCha20-Poly1305 has no limit that packet numbers would reach.
pub(crate) const SEALED_MAX: u64 = 1 << 23;

/// Packets of a connection that did not open, at most: 2^52 for AES-128-GCM, 2^36 for ChaCha20-Poly1305 (RFC 9001 section 6.6).
pub(crate) const fn forged_max(suite: CipherSuite) -> u64 {
    match suite {
        CipherSuite::Aes128Gcm => 1 << 52,
        CipherSuite::ChaCha20Poly1305 => 1 << 36,
    }
}

/// All keys that one side of a connection has.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) send: PacketKey,
    to_send: Chain,
    /// Of `send`.
    generation: u64,
    /// Packets sealed with `send`, and the number of the first.
    sealed: u64,
    first_sealed: Option<u64>,
    pub(crate) receive: PacketKey,
    to_receive: Chain,
    /// Of `receive`: that of `send`, or the one before.
    receive_generation: u64,
    /// Least number opened with `receive`.
    since: Option<u64>,
    /// Greatest number opened with a key before it.
    until: Option<u64>,
    newest: Option<u64>,
    /// What was overtaken by the first packets of this generation, until then.
    previous: Option<PacketKey>,
    previous_until: Instant,
    /// There is none before a packet of this generation was opened: the peer may not go on before.
    next: Option<PacketKey>,
}

saved!(Keys {
    send,
    to_send,
    generation,
    sealed,
    first_sealed,
    receive,
    to_receive,
    receive_generation,
    since,
    until,
    newest,
    previous,
    previous_until,
    next,
});

/// A packet before it is opened.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    pub(crate) number: u64,
    /// Its key phase.
    pub(crate) phase: bool,
    pub(crate) header: &'a [u8],
    pub(crate) body: &'a mut [u8],
    pub(crate) tag: &'a [u8; TAG_LEN],
}

/// With which key a packet was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    Previous,
    Current,
    Next,
}

/// Why a packet was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// There is no key of its phase: nothing was tried.
    NoKey,
    /// Its tag is wrong.
    Forged,
}

/// The peer changed keys when it must not, or used older ones after newer ones (RFC 9001 sections 6.4 and 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadUpdate;

impl Keys {
    pub(super) fn new(mut to_send: Chain, mut to_receive: Chain, crypto: &dyn Crypto) -> Self {
        Self {
            send: to_send.next_key(crypto),
            to_send,
            generation: 0,
            sealed: 0,
            first_sealed: None,
            receive: to_receive.next_key(crypto),
            to_receive,
            receive_generation: 0,
            since: None,
            until: None,
            newest: None,
            previous: None,
            previous_until: Instant::ZERO,
            next: None,
        }
    }

    /// How often the keys of what is sent were changed.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The key phase of what is sent.
    pub(crate) const fn phase(&self) -> bool {
        self.generation % 2 == 1
    }

    /// Packets sealed with the key in use.
    pub(crate) const fn sealed(&self) -> u64 {
        self.sealed
    }

    pub(crate) const fn suite(&self) -> CipherSuite {
        self.to_send.suite()
    }

    /// Encrypts a packet's body in place and counts it.
    pub(crate) fn seal(&mut self, number: u64, header: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
        self.sealed += 1;
        self.first_sealed.get_or_insert(number);
        self.send.seal(number, header, body)
    }

    /// Decrypts a packet's body in place. Nothing but the bytes changes.
    pub(crate) fn open(&self, packet: Sealed<'_>) -> Result<Opener, Unopened> {
        let (opener, key) = self
            .opener(packet.number, packet.phase)
            .ok_or(Unopened::NoKey)?;
        let Sealed {
            number,
            phase: _,
            header,
            body,
            tag,
        } = packet;
        match key.open(number, header, body, tag) {
            Ok(()) => Ok(opener),
            Err(OpenError) => Err(Unopened::Forged),
        }
    }

    /// The one key with which a packet may open. In the other phase, what is older than all of this generation is of the previous
    /// one, and everything else of the next.
    fn opener(&self, number: u64, phase: bool) -> Option<(Opener, &PacketKey)> {
        if phase == (self.receive_generation % 2 == 1) {
            return Some((Opener::Current, &self.receive));
        }
        if self.since.is_some_and(|since| number < since) {
            return Some((Opener::Previous, self.previous.as_ref()?));
        }
        Some((Opener::Next, self.next.as_ref()?))
    }

    /// A packet was opened.
    ///
    /// # Errors
    ///
    /// If the peer changed keys when it must not; nothing has changed then.
    pub(crate) fn on_opened(
        &mut self,
        opener: Opener,
        number: u64,
        previous_until: Instant,
        config: &Config,
    ) -> Result<(), BadUpdate> {
        match opener {
            Opener::Previous => self.until = self.until.max(Some(number)),
            Opener::Current => {
                if self.until >= Some(number) {
                    return Err(BadUpdate);
                }
                self.since = Some(self.since.map_or(number, |since| since.min(number)));
                if self.next.is_none() {
                    self.next = Some(self.to_receive.next_key(&*config.crypto));
                }
            }
            Opener::Next => self.follow(number, previous_until, config)?,
        }
        self.newest = self.newest.max(Some(number));
        Ok(())
    }

    /// The peer went on to the next generation, or followed us there.
    fn follow(
        &mut self,
        number: u64,
        previous_until: Instant,
        config: &Config,
    ) -> Result<(), BadUpdate> {
        let is_ahead = self.generation > self.receive_generation;
        // Who was not answered in this generation must not go on to the next.
        let is_early = !is_ahead && self.first_sealed.is_none();
        let is_backward = self.newest >= Some(number);
        if is_early || is_backward {
            return Err(BadUpdate);
        }
        let Some(next) = self.next.take() else {
            return Err(BadUpdate);
        };
        self.previous = Some(core::mem::replace(&mut self.receive, next));
        self.previous_until = previous_until;
        self.receive_generation += 1;
        self.until = self.newest;
        self.since = Some(number);
        self.next = Some(self.to_receive.next_key(&*config.crypto));
        if !is_ahead {
            self.go_on(config);
        }
        Ok(())
    }

    /// Whether this side may go on to the next generation: the peer followed to this one and said that it got a packet of it, and
    /// nothing is left of the one before.
    pub(crate) fn may_update(&self, largest_acked: Option<u64>) -> bool {
        let is_answered = self
            .first_sealed
            .is_some_and(|first| largest_acked >= Some(first));
        let is_settled = self.generation == self.receive_generation && self.next.is_some();
        is_answered && is_settled && self.previous.is_none()
    }

    /// Goes on to the next generation. Call it if [`may_update`](Self::may_update).
    pub(crate) fn update(&mut self, config: &Config) {
        debug_assert!(self.generation == self.receive_generation);
        self.go_on(config);
    }

    fn go_on(&mut self, config: &Config) {
        let secret = self.to_send.secret();
        self.send = self.to_send.next_key(&*config.crypto);
        if config.planted.has(Bug::KeyKept) {
            self.to_send.set_secret(secret);
        }
        self.generation += 1;
        self.sealed = 0;
        self.first_sealed = None;
    }

    /// The least number that no packet opened so may acknowledge: whoever got it has followed us, and says so with the new keys only.
    pub(crate) fn unknown_to(&self, opener: Opener) -> Option<u64> {
        let opened = match opener {
            Opener::Previous => self.receive_generation.saturating_sub(1),
            Opener::Current => self.receive_generation,
            Opener::Next => self.receive_generation + 1,
        };
        self.first_sealed.filter(|_| self.generation > opened)
    }

    pub(crate) fn audit(&self) -> Checked {
        at_most(6, "packets sealed with a key", self.sealed, SEALED_MAX)?;
        let ahead = self.generation.checked_sub(self.receive_generation);
        holds(
            6,
            "one generation ahead at most",
            ahead.is_some_and(|ahead| ahead <= 1),
        )?;
        let is_in_order = self.since.is_none_or(|since| self.until < Some(since));
        holds(6, "newer keys for higher numbers", is_in_order)?;
        let is_first = self.receive_generation == 0;
        holds(
            6,
            "no key before the first",
            !is_first || self.previous.is_none(),
        )
    }

    /// When the previous key is dropped.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.previous.is_some().then_some(self.previous_until)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| now >= at) {
            self.previous = None;
        }
    }

    /// Both keys of the generation in use by this side, to be written down.
    pub(crate) fn session_keys(&self, role: Role) -> Option<SessionKeys> {
        let is_ahead = self.generation > self.receive_generation;
        let receive = match is_ahead {
            true => self.next.as_ref()?,
            false => &self.receive,
        };
        let (client, server) = match role {
            Role::Client => (&self.send, receive),
            Role::Server => (receive, &self.send),
        };
        Some(SessionKeys::of_generation(self.generation, client, server))
    }

    /// Goes on as a hostile peer does, whether the other side has followed or not.
    #[cfg(test)]
    pub(crate) fn force(&mut self, config: &Config) {
        self.go_on(config);
    }

    /// As if so many packets had been sealed with the key in use.
    #[cfg(test)]
    pub(crate) const fn wear(&mut self, sealed: u64) {
        self.sealed = sealed;
    }
}

#[cfg(test)]
mod tests;
