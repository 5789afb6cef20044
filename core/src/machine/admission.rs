//! Connect tokens at a server: opening them, judging them, and remembering which were used.
//!
//! A token counts as used once its client has proved that it has the pre-shared key, not when a HELLO brings it: who only saw
//! the HELLO cannot use it up. What is remembered is one entry for each client, its newest serial: a token that is not newer
//! is refused, so each is used once, and an older one never after a newer one. An entry is kept until every token that it
//! stands for has expired.
//!
//! Invariants: a token that is refused changes nothing. What is remembered is bounded in bytes; when full, tokens of clients
//! that are not remembered are refused and counted, and nobody is forgotten before its time. A wall clock that is set back
//! makes no used token good again.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use crate::audit::{Checked, at_most, equal};
use crate::config::Config;
use crate::crypto::{Opened, Psk, PublicKey, ServerName, TokenBytes};
use crate::event::{Refusal, TokenClient};
use crate::saved::saved;
use crate::time::Instant;

/// Memory that one remembered client takes at most: an entry in each of two half-filled trees.
const USED_COST: usize = 96;

/// What a connection's token said, for as long as it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) client: TokenClient,
    pub(crate) serial: u64,
    pub(crate) expires_at: u64,
}

saved!(Holder {
    client,
    serial,
    expires_at
});

/// What time it is by the calendar: told once in a while, and counted on from there.
#[derive(Clone, Copy, Debug)]
struct WallClock {
    at: Instant,
    since_epoch: Duration,
}

saved!(WallClock { at, since_epoch });

/// What is remembered of a client.
#[derive(Clone, Copy, Debug)]
struct Used {
    /// Of its newest token that was used.
    serial: u64,
    /// Of all its tokens that were used, the latest.
    expires_at: u64,
}

saved!(Used { serial, expires_at });

/// Who may come in by token, and who did.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    clock: Option<WallClock>,
    used: BTreeMap<u64, Used>,
    /// The same by expiry, to forget in that order.
    expiries: BTreeSet<(u64, u64)>,
    /// Whoever was forgotten had no token that expired after this.
    forgotten_until: u64,
    /// Slots of the connected, by client.
    present: BTreeMap<u64, u32>,
}

saved!(Admission {
    clock,
    used,
    expiries,
    forgotten_until,
    present
});

impl Admission {
    pub(super) fn set_clock(&mut self, at: Instant, since_epoch: Duration) {
        self.clock = Some(WallClock { at, since_epoch });
    }

    /// Seconds since 1970; `None` until somebody told.
    pub(super) fn unix_time(&self, now: Instant) -> Option<u64> {
        let clock = self.clock?;
        let passed = now.saturating_duration_since(clock.at);
        Some(clock.since_epoch.saturating_add(passed).as_secs())
    }

    /// Whether a token may be used here and now.
    pub(super) fn judge(
        &self,
        now: Instant,
        opened: &Opened,
        names: &[ServerName],
        bytes_max: usize,
    ) -> Result<(), Refusal> {
        let now = self.unix_time(now).ok_or(Refusal::TokenClock)?;
        if opened.expires_at <= now {
            return Err(Refusal::TokenExpired);
        }
        if !opened.servers.iter().any(|name| names.contains(name)) {
            return Err(Refusal::TokenElsewhere);
        }
        self.check(
            now,
            opened.client_id,
            opened.serial,
            opened.expires_at,
            bytes_max,
        )
    }

    /// Whether a client's token is new here, and there is room to remember it.
    fn check(
        &self,
        now: u64,
        client: u64,
        serial: u64,
        expires_at: u64,
        bytes_max: usize,
    ) -> Result<(), Refusal> {
        match self.used.get(&client) {
            Some(used) if serial == used.serial => Err(Refusal::TokenUsed),
            Some(used) if serial < used.serial => Err(Refusal::TokenOutdated),
            Some(_) => Ok(()),
            // Perhaps it was used: the clock was set back since.
            None if expires_at <= self.forgotten_until => Err(Refusal::TokenExpired),
            None if self.is_full(now, bytes_max) => Err(Refusal::TokensFull),
            None => Ok(()),
        }
    }

    fn is_full(&self, now: u64, bytes_max: usize) -> bool {
        let is_free = self
            .expiries
            .first()
            .is_some_and(|(expires_at, _)| *expires_at <= now);
        !is_free && self.used.len() >= bytes_max / USED_COST
    }

    /// The client in `slot` proved itself: its token is used. Gives the slot of its connection before, if that lasts.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        holder: &Holder,
        slot: u32,
        bytes_max: usize,
    ) -> Result<Option<u32>, Refusal> {
        let now = self.unix_time(now).ok_or(Refusal::TokenClock)?;
        let (client, serial, expires_at) = (holder.client.id, holder.serial, holder.expires_at);
        self.check(now, client, serial, expires_at, bytes_max)?;
        self.forget_expired(now);
        let before = self.used.get(&client).copied();
        let mut used = Used { serial, expires_at };
        if let Some(before) = before {
            self.expiries.remove(&(before.expires_at, client));
            used.expires_at = used.expires_at.max(before.expires_at);
        }
        self.used.insert(client, used);
        self.expiries.insert((used.expires_at, client));
        Ok(self.present.insert(client, slot))
    }

    fn forget_expired(&mut self, now: u64) {
        while let Some((expires_at, client)) = self.expiries.first().copied()
            && expires_at <= now
        {
            self.expiries.pop_first();
            self.used.remove(&client);
            self.forgotten_until = self.forgotten_until.max(expires_at);
        }
    }

    /// The connection in `slot` is over.
    pub(super) fn leave(&mut self, client: u64, slot: u32) {
        if self.present.get(&client) == Some(&slot) {
            self.present.remove(&client);
        }
    }

    /// Whether a connection of this client lasts, whose place a newer one takes.
    pub(super) fn is_present(&self, client: u64) -> bool {
        self.present.contains_key(&client)
    }

    /// Clients remembered.
    pub(super) fn remembered(&self) -> u64 {
        self.used.len() as u64
    }

    /// Who is connected by token, and in which slot.
    pub(super) fn present(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.present.iter().map(|(client, slot)| (*client, *slot))
    }

    pub(super) fn audit(&self, bytes_max: usize) -> Checked {
        let used = self.remembered();
        at_most(
            4,
            "clients whose tokens were used",
            used,
            (bytes_max / USED_COST) as u64,
        )?;
        equal(
            4,
            "expiries of used tokens",
            self.expiries.len() as u64,
            used,
        )
    }

    /// The books, for a fingerprint.
    pub(super) fn books(&self) -> impl fmt::Debug + '_ {
        (
            &self.used,
            &self.expiries,
            self.forgotten_until,
            &self.present,
        )
    }
}

/// Opens tokens, with the authority's keys or from a recording.
#[derive(Default)]
pub(crate) struct Opener {
    /// This server, as tokens name it.
    names: Vec<ServerName>,
    /// For a replay: what the next token says.
    expected: Option<TokenBytes>,
    /// What the latest one said, for a recorder to take.
    kept: Option<TokenBytes>,
    is_kept: bool,
}

impl Opener {
    pub(super) fn new(config: &Config, key: &PublicKey) -> Self {
        let authority = config.tokens.as_ref();
        let addresses = authority.map_or(&[][..], |authority| &authority.addresses);
        let mut names = Vec::from([ServerName::of_key(key)]);
        names.extend(addresses.iter().copied().map(ServerName::of_address));
        Self {
            names,
            ..Self::default()
        }
    }

    pub(super) fn names(&self) -> &[ServerName] {
        &self.names
    }

    /// What a sealed part says, if it is one of our authority.
    pub(super) fn open(&mut self, config: &Config, sealed: &[u8]) -> Option<Opened> {
        let authority = config.tokens.as_ref()?;
        let content = match authority.is_recorded() {
            true => self.expected.take()?,
            false => authority.unseal(sealed)?,
        };
        let opened = Opened::decode(content.as_bytes()).ok()?;
        if self.is_kept {
            self.kept = Some(content);
        }
        Some(opened)
    }

    /// Whether what tokens said is kept from here on, for [`take`](Self::take).
    pub(super) fn keep(&mut self, keep: bool) {
        self.is_kept = keep;
        if !keep {
            self.kept = None;
        }
    }

    /// What the latest token said, if one was opened since the last call.
    pub(super) fn take(&mut self) -> Option<TokenBytes> {
        self.kept.take()
    }

    /// For a replay: what the next token says.
    pub(super) fn expect(&mut self, content: Option<TokenBytes>) {
        self.expected = content;
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// What a token gives to a handshake.
pub(super) fn split(opened: Opened) -> (Psk, Box<Holder>) {
    let Opened {
        client_id,
        serial,
        expires_at,
        psk,
        servers: _,
        user_data,
    } = opened;
    let client = TokenClient {
        id: client_id,
        user_data: Bytes::from(user_data),
    };
    let holder = Holder {
        client,
        serial,
        expires_at,
    };
    (psk, Box::new(holder))
}
