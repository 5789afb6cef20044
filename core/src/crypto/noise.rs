//! The handshake: one round trip of the Noise protocol framework (revision 34), by `snow`.
//!
//! ```text
//!   client                                          server (long-term key s)
//!     message 1:  NK  e, es, payload   ───────────►
//!                 NX  e, payload
//!     message 2:  NK  e, ee, payload   ◄───────────
//!                 NX  e, ee, s, es, payload
//! ```
//!
//! What the payloads can hold:
//! - Message 1 of NX is in clear and authenticated only by message 2. That of NK is encrypted for the server's
//!   key: who steals that key later can read it, and anybody can send it again.
//! - Message 2 is encrypted with forward secrecy in both, and only the holder of the server's key can have made it.
//!   With NX the client learns that key here and cannot know yet whether it is the right one.
//!
//! With a connect token both sides have a pre-shared key, which enters at the end of message 2 (`NXpsk2`, `NKpsk2`: section 9
//! of Noise). Message 1 does not depend on it; message 2 and all that follows can be made and read only by who has it. With
//! NX it is what shows the client that the server is one of the authority's.
//!
//! The prologue and both messages enter the hash that [`Secrets`] are bound to. An X25519 output of zeros is not
//! refused, as section 12.1 of Noise recommends: the public keys are in that hash.
//!
//! Nothing here is retained or sent twice: who resends a message keeps its bytes.

mod resolver;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

use self::resolver::Resolver;
use crate::crypto::{Identity, Psk, PublicKey, Secrets, ServerIdentity, TAG_LEN};
use crate::rng::SecretRng;
use crate::saved::{Loader, Saved, saved};
use crate::wire::DecodeError;

/// Bytes of an X25519 public key.
const DH_LEN: usize = 32;

/// Bytes of a payload, at most: with all else they fit a Noise message.
const PAYLOAD_LEN_MAX: usize = 65_000;

/// Where the pre-shared key enters: at the end of message 2.
const PSK_PLACE: u8 = 2;

/// Which handshake: chosen by the client, told in clear beside message 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// The client learns the server's key.
    Nx,
    /// The client knows the server's key.
    Nk,
    /// As NX, and both have a pre-shared key.
    NxPsk,
    /// As NK, and both have a pre-shared key.
    NkPsk,
}

impl Pattern {
    pub(crate) const fn of(server: ServerIdentity, has_psk: bool) -> Self {
        match (server, has_psk) {
            (ServerIdentity::TrustOnFirstUse, false) => Self::Nx,
            (ServerIdentity::Known(_), false) => Self::Nk,
            (ServerIdentity::TrustOnFirstUse, true) => Self::NxPsk,
            (ServerIdentity::Known(_), true) => Self::NkPsk,
        }
    }

    /// As a HELLO tells it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Nx => 0,
            Self::Nk => 1,
            Self::NxPsk => 2,
            Self::NkPsk => 3,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Nx,
            1 => Self::Nk,
            2 => Self::NxPsk,
            3 => Self::NkPsk,
            _ => return None,
        })
    }

    /// Whether a connect token brings a pre-shared key.
    pub(crate) const fn has_psk(self) -> bool {
        matches!(self, Self::NxPsk | Self::NkPsk)
    }

    /// Whether the client knows the server's key.
    pub(crate) const fn knows_key(self) -> bool {
        matches!(self, Self::Nk | Self::NkPsk)
    }

    /// Bytes of message 1 beside its payload.
    pub(crate) const fn first_overhead(self) -> usize {
        match self {
            Self::Nx => DH_LEN,
            // With a pre-shared key even NX encrypts here, though with a key that everybody knows.
            Self::Nk | Self::NxPsk | Self::NkPsk => DH_LEN + TAG_LEN,
        }
    }

    /// Bytes of message 2 beside its payload.
    pub(crate) const fn second_overhead(self) -> usize {
        match self {
            Self::Nx | Self::NxPsk => DH_LEN + (DH_LEN + TAG_LEN) + TAG_LEN,
            Self::Nk | Self::NkPsk => DH_LEN + TAG_LEN,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Nx => "Noise_NX_25519_ChaChaPoly_BLAKE2s",
            Self::Nk => "Noise_NK_25519_ChaChaPoly_BLAKE2s",
            Self::NxPsk => "Noise_NXpsk2_25519_ChaChaPoly_BLAKE2s",
            Self::NkPsk => "Noise_NKpsk2_25519_ChaChaPoly_BLAKE2s",
        }
    }
}

/// The message is too short, or not made for this handshake by who must have made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeError;

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message does not belong to this handshake")
    }
}

impl core::error::Error for HandshakeError {}

impl From<snow::Error> for HandshakeError {
    fn from(_: snow::Error) -> Self {
        Self
    }
}

/// A client that has sent message 1 and waits for message 2.
#[derive(Debug)]
pub(crate) struct ClientHandshake {
    noise: Box<HandshakeState>,
    beginning: Beginning,
}

/// What a client began with: `snow` cannot save its state, but the same beginning leads to the same one. What failed
/// since left nothing behind that counts.
struct Beginning {
    server: ServerIdentity,
    psk: Option<Psk>,
    prologue: Vec<u8>,
    payload: Vec<u8>,
    secret: Zeroizing<[u8; 32]>,
}

saved!(Beginning { server, psk, prologue, payload, secret } if |beginning, _| beginning.payload.len() <= PAYLOAD_LEN_MAX);

impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beginning(..)")
    }
}

impl Saved for ClientHandshake {
    fn save(&self, out: &mut Vec<u8>) {
        let Self {
            noise: _,
            beginning,
        } = self;
        beginning.save(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let beginning = Beginning::load(from)?;
        Ok(Self::begin(beginning, &mut Vec::new()))
    }
}

/// What a client has when the handshake is complete.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) secrets: Secrets,
    /// The long-term key whose holder answered.
    pub(crate) server_key: PublicKey,
}

impl ClientHandshake {
    /// Begins: appends message 1 to `out`.
    ///
    /// # Panics
    ///
    /// If `payload` is longer than [`PAYLOAD_LEN_MAX`].
    pub(crate) fn start(
        server: ServerIdentity,
        psk: Option<&Psk>,
        prologue: &[u8],
        payload: &[u8],
        rng: &mut SecretRng,
        out: &mut Vec<u8>,
    ) -> Self {
        let beginning = Beginning {
            server,
            psk: psk.cloned(),
            prologue: Vec::from(prologue),
            payload: Vec::from(payload),
            secret: Resolver::draw(rng),
        };
        Self::begin(beginning, out)
    }

    fn begin(beginning: Beginning, out: &mut Vec<u8>) -> Self {
        let Beginning {
            server,
            psk,
            prologue,
            payload,
            secret,
        } = &beginning;
        let pattern = Pattern::of(*server, psk.is_some());
        let mut builder = builder(pattern, prologue, Resolver::new(secret.clone()));
        if let Some(psk) = psk {
            builder = builder
                .psk(PSK_PLACE, psk)
                .expect("the key is set once, where the pattern wants it");
        }
        let mut noise = match server {
            ServerIdentity::Known(key) => builder
                .remote_public_key(key.as_bytes())
                .and_then(Builder::build_initiator),
            ServerIdentity::TrustOnFirstUse => builder.build_initiator(),
        }
        .expect("the pattern has all that it needs");
        append(&mut noise, payload, pattern.first_overhead(), out);
        Self {
            noise: Box::new(noise),
            beginning,
        }
    }

    /// Takes what may be message 2 and puts its content into `payload`, whatever that held.
    ///
    /// # Errors
    ///
    /// If it is not: the handshake goes on waiting, as if nothing had come. Once finished, always.
    pub(crate) fn finish(
        &mut self,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Finished, HandshakeError> {
        // A failed read leaves behind a remote ephemeral key and a cipher key. Both are set again by the first two
        // tokens of message 2, `e` and `ee`, before they are used; `snow` itself restores its hash and chaining key.
        read(&mut self.noise, message, payload)?;
        let server_key = self
            .noise
            .get_remote_static()
            .and_then(|key| key.try_into().ok())
            .map(PublicKey::from_bytes)
            .expect("both patterns end with the server's key known");
        Ok(Finished {
            secrets: split(&mut self.noise),
            server_key,
        })
    }
}

/// A server that has read message 1 and has not answered yet.
#[derive(Debug)]
pub(crate) struct ServerHandshake {
    noise: Box<HandshakeState>,
    pattern: Pattern,
}

impl ServerHandshake {
    /// Reads message 1 and puts its content into `payload`, whatever that held. A pattern with a pre-shared key needs one.
    ///
    /// # Errors
    ///
    /// If it is too short, or, with NK, not made for this `identity` and `prologue`. With NX every message
    /// that is long enough passes here.
    pub(crate) fn read(
        identity: &mut Identity,
        pattern: Pattern,
        psk: Option<&Psk>,
        prologue: &[u8],
        message: &[u8],
        payload: &mut Vec<u8>,
        rng: &mut SecretRng,
    ) -> Result<Self, HandshakeError> {
        // `snow` would miss the key in message 2 only.
        if pattern.has_psk() != psk.is_some() {
            return Err(HandshakeError);
        }
        let resolver = Resolver::new(Resolver::draw(rng));
        // Both patterns begin with the client's ephemeral key, and ask the long-term key for nothing but this.
        let remote = message.first_chunk().ok_or(HandshakeError)?;
        let agreed = identity.agree(remote);
        let mut builder = builder(pattern, prologue, resolver.agreed(remote, agreed));
        if let Some(psk) = psk {
            builder = builder.psk(PSK_PLACE, psk)?;
        }
        let mut noise = builder
            .local_private_key(identity.public_key().as_bytes())
            .and_then(Builder::build_responder)
            .expect("the pattern has all that it needs");
        read(&mut noise, message, payload)?;
        Ok(Self {
            noise: Box::new(noise),
            pattern,
        })
    }

    /// Answers: appends message 2 to `out`.
    ///
    /// # Panics
    ///
    /// If `payload` is longer than 65,000 bytes.
    pub(crate) fn reply(mut self, payload: &[u8], out: &mut Vec<u8>) -> Secrets {
        append(
            &mut self.noise,
            payload,
            self.pattern.second_overhead(),
            out,
        );
        split(&mut self.noise)
    }
}

fn builder(pattern: Pattern, prologue: &[u8], resolver: Resolver) -> Builder<'_> {
    let params = pattern.name().parse().expect("a pattern that snow knows");
    Builder::with_resolver(params, Box::new(resolver))
        .prologue(prologue)
        .expect("the prologue is set once")
}

fn append(noise: &mut HandshakeState, payload: &[u8], overhead: usize, out: &mut Vec<u8>) {
    let start = out.len();
    // `snow` wants room for a tag even where it writes none.
    out.resize(start + overhead + payload.len() + TAG_LEN, 0);
    let written = noise
        .write_message(payload, &mut out[start..])
        .expect("our turn, and the payload fits a noise message");
    debug_assert_eq!(written, overhead + payload.len());
    out.truncate(start + written);
}

fn read(
    noise: &mut HandshakeState,
    message: &[u8],
    payload: &mut Vec<u8>,
) -> Result<(), HandshakeError> {
    payload.clear();
    payload.resize(message.len(), 0);
    let result = noise.read_message(message, payload);
    payload.truncate(*result.as_ref().unwrap_or(&0));
    result?;
    Ok(())
}

fn split(noise: &mut HandshakeState) -> Secrets {
    let transcript = noise
        .get_handshake_hash()
        .try_into()
        .expect("BLAKE2s gives 32 bytes");
    let (client, server) = noise.dangerously_get_raw_split();
    Secrets::new(client, server, transcript)
}
