//! Keys, the handshake and packet protection.
//!
//! | file | idea |
//! |---|---|
//! | `aead` | the seam to a cipher implementation, and the portable one |
//! | `generations` | packet keys that are changed while a connection lives |
//! | `keys` | a server's long-term key pair, and what a client knows of it |
//! | `identity` | the long-term key as a handshake uses it, at hand or recorded |
//! | `noise` | one round trip of Noise NK or NX, which ends in [`Secrets`] |
//! | `packet` | from [`Secrets`] to one packet key for each direction |
//! | `reset` | tokens by which a restarted server ends connections it has forgotten |
//! | `token` | connect tokens: an authority says who may join |
//!
//! Vocabulary: a *secret* is what must not be guessed, a *key* is what a cipher takes, the *prologue* is
//! what both sides must have seen alike for the handshake to succeed.
//!
//! Invariants: nothing here knows a clock, a socket or a peer. Randomness comes from
//! [`SecretRng`](crate::rng::SecretRng) only. No `Debug` output shows a secret. What authenticates is
//! compared in constant time.

mod aead;
mod cookie;
mod generations;
mod identity;
mod keys;
mod noise;
mod packet;
mod reset;
mod token;

pub use aead::{AeadKey, CipherSuite, Crypto, OpenError, Portable, TAG_LEN};
pub use keys::{ParseKeyError, PublicKey, SecretKey, ServerIdentity};
pub use token::{
    ConnectToken, Grant, IssueError, TokenAuthority, TokenContent, TokenError, TokenKey,
    TokenServer,
};

pub(crate) use cookie::{COOKIE_LEN, Cookie, CookieKey};
pub(crate) use generations::{Keys, Opener, SEALED_MAX, Sealed, Unopened, forged_max};
pub(crate) use identity::{Agreed, Identity};
pub(crate) use noise::{ClientHandshake, Pattern, ServerHandshake};
pub(crate) use packet::{Secrets, SessionKeys};
pub(crate) use reset::{RESET_TOKEN_LEN, ResetKey, tokens_equal};
#[cfg(feature = "fuzz")]
pub(crate) use token::{CHECK_LEN as TOKEN_CHECK_LEN, check as token_check};
pub(crate) use token::{Opened, Psk, SERVERS_MAX, ServerName, TokenBytes};
