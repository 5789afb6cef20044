//! Datagrams outside of connections: the handshake, resets and probes.
//!
//! ```text
//! HELLO    0xC0 | version | id length | client's connection id | pattern
//!               | token length (2 B) | sealed part of the token           patterns with a pre-shared key only
//!               | message length (2 B) | Noise message 1 | cookie length (0 or 17) | cookie | zeros to 1200 or 548 B
//! WELCOME  0xC1 | client's connection id | Noise message 2
//! REFUSE   0xC2 | client's connection id | reason | server's version | check (4 B)   not authenticated: a hint
//! RESET    0xC3 | token (16 B)                                            proves that the server lost the connection
//! PROBE    0xC4 | nonce (8 B)
//! PROBE_REPLY 0xC5 | nonce (8 B)
//! RETRY    0xC6 | client's connection id | cookie (17 B)                  not authenticated: say hello again, with it
//! ```
//! Type, version, id length and id keep their places in every version. The Noise prologue is the
//! HELLO up to its message length; the payloads inside the Noise messages are [`ClientOffer`] and [`ServerAnswer`].

use alloc::vec::Vec;

use blake2::{Blake2s256, Digest};

use super::packet::ConnectionId;
use super::{DATAGRAM_BASE, DATAGRAM_FLOOR, DecodeError, Reader, varint};
use crate::channel::message_cost;
use crate::config::{ChannelConfig, Config, Delivery};
use crate::crypto::{COOKIE_LEN, CipherSuite, Cookie, Pattern};
use crate::event::Refusal;

pub(crate) const HELLO: u8 = 0xC0;
pub(crate) const WELCOME: u8 = 0xC1;
pub(crate) const REFUSE: u8 = 0xC2;
pub(crate) const RESET: u8 = 0xC3;
pub(crate) const PROBE: u8 = 0xC4;
pub(crate) const PROBE_REPLY: u8 = 0xC5;
pub(crate) const RETRY: u8 = 0xC6;

/// Bytes of a probe and of its reply.
pub(crate) const PROBE_LEN: usize = 9;
/// Bytes of a refusal after the connection id.
pub(crate) const REFUSE_END_LEN: usize = 6;
/// Bytes of a reset: shorter than the shortest packet, so that a reset never answers a reset.
pub(crate) const RESET_LEN: usize = 17;

/// A client's first datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello<'a> {
    pub(crate) version: u8,
    pub(crate) connection_id: ConnectionId,
    /// `None` for another version than ours, whose rest is not ours to read.
    pub(crate) body: Option<HelloBody<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HelloBody<'a> {
    pub(crate) pattern: Pattern,
    /// The sealed part of a connect token, with the patterns that take their pre-shared key from it.
    pub(crate) token: Option<&'a [u8]>,
    pub(crate) prologue: &'a [u8],
    pub(crate) message: &'a [u8],
    /// What a RETRY asked for.
    pub(crate) cookie: Option<Cookie>,
}

impl<'a> Hello<'a> {
    pub(crate) fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(datagram);
        reader.u8("type")?;
        let version = reader.u8("version")?;
        let connection_id = read_id(&mut reader)?;
        if datagram.len() < DATAGRAM_FLOOR {
            return Err(reader.error("padding"));
        }
        if version != crate::PROTOCOL_VERSION {
            return Ok(Self {
                version,
                connection_id,
                body: None,
            });
        }
        let error = reader.error("pattern");
        let pattern = Pattern::from_code(reader.u8("pattern")?).ok_or(error)?;
        let token = match pattern.has_psk() {
            true => {
                let len = usize::from(reader.u16("token length")?);
                Some(reader.take(len, "token")?)
            }
            false => None,
        };
        let prologue = &datagram[..reader.offset()];
        let len = usize::from(reader.u16("message length")?);
        let message = reader.take(len, "message")?;
        let cookie = match reader.u8("cookie length") {
            Ok(len) if usize::from(len) == COOKIE_LEN => reader.array("cookie").ok(),
            Ok(_) | Err(_) => None,
        };
        Ok(Self {
            version,
            connection_id,
            body: Some(HelloBody {
                pattern,
                token,
                prologue,
                message,
                cookie,
            }),
        })
    }

    /// Appends the clear header, which is the Noise prologue. The pattern says whether there is a token.
    pub(crate) fn encode_prologue(
        id: &ConnectionId,
        pattern: Pattern,
        token: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) {
        debug_assert_eq!(pattern.has_psk(), token.is_some());
        out.extend_from_slice(&[HELLO, crate::PROTOCOL_VERSION]);
        write_id(id, out);
        out.push(pattern.code());
        if let Some(token) = token {
            out.extend_from_slice(&(token.len() as u16).to_be_bytes());
            out.extend_from_slice(token);
        }
    }

    /// Appends the Noise message with its length and pads. Returns where the cookie stands: behind the message.
    pub(crate) fn encode_rest(message: &[u8], out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&(message.len() as u16).to_be_bytes());
        out.extend_from_slice(message);
        let cookie_at = out.len();
        let len = cookie_at + 1 + COOKIE_LEN;
        debug_assert!(len <= DATAGRAM_FLOOR, "it can be sent short");
        if out.len() < DATAGRAM_BASE {
            out.resize(DATAGRAM_BASE, 0);
        }
        cookie_at
    }

    /// Bytes of a sealed token for which a HELLO to be sent short has room.
    pub(crate) fn token_room(id_len: usize, config: &Config) -> usize {
        let mut offer = Vec::new();
        ClientOffer::from_config(config).encode(&mut offer);
        let message = Pattern::NkPsk.first_overhead() + offer.len();
        let rest = 3 + id_len + 1 + 2 + 2 + message + 1 + COOKIE_LEN;
        DATAGRAM_FLOOR.saturating_sub(rest)
    }
}

/// Puts a cookie into a HELLO, `at` bytes from its start. Tells whether it is another one than before.
pub(crate) fn put_cookie(cookie: &Cookie, at: usize, hello: &mut [u8]) -> bool {
    hello[at] = COOKIE_LEN as u8;
    let place = &mut hello[at + 1..at + 1 + COOKIE_LEN];
    let is_new = *place != cookie[..];
    place.copy_from_slice(cookie);
    is_new
}

fn read_id(reader: &mut Reader<'_>) -> Result<ConnectionId, DecodeError> {
    let len = usize::from(reader.u8("connection id length")?);
    let bytes = reader.take(len, "connection id")?;
    ConnectionId::new(bytes).ok_or(reader.error("connection id"))
}

fn write_id(id: &ConnectionId, out: &mut Vec<u8>) {
    out.push(id.as_bytes().len() as u8);
    out.extend_from_slice(id.as_bytes());
}

/// How many bytes each reliable channel, and all together, may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credits {
    pub(crate) all: u64,
    pub(crate) channels: Vec<u64>,
}

impl Credits {
    pub(crate) fn granted_by(config: &Config) -> Self {
        Self {
            all: config.connection_bytes_max as u64,
            channels: config
                .channels
                .iter()
                .map(|c| c.receive_bytes_max as u64)
                .collect(),
        }
    }

    /// Whether they are for these channels and let the largest message of each one through. With less, `send` would take
    /// a message that can never leave.
    pub(crate) fn suit(&self, config: &Config) -> bool {
        let covers = |(channel, credit): (&ChannelConfig, &u64)| {
            let cost = message_cost(channel.message_size_max) as u64;
            !channel.delivery.is_reliable() || cost <= self.all.min(*credit)
        };
        self.channels.len() == config.channels.len()
            && config.channels.iter().zip(&self.channels).all(covers)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        varint::encode(self.all, out);
        out.push(self.channels.len() as u8);
        for credit in &self.channels {
            varint::encode(*credit, out);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let all = reader.varint("credit")?;
        let count = reader.u8("channel count")?;
        let channels = (0..count)
            .map(|_| reader.varint("channel credit"))
            .collect::<Result<_, _>>()?;
        Ok(Self { all, channels })
    }
}

/// What the client tells inside Noise message 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientOffer {
    pub(crate) protocol_id: u64,
    pub(crate) channels: u64,
    /// Bit 0 AES-128-GCM, bit 1 ChaCha20-Poly1305.
    pub(crate) ciphers: u8,
    pub(crate) ack_delay_max_ms: u8,
    pub(crate) credits: Credits,
}

impl ClientOffer {
    pub(crate) fn from_config(config: &Config) -> Self {
        Self {
            protocol_id: config.protocol_id,
            channels: channels_fingerprint(config),
            ciphers: config
                .ciphers
                .iter()
                .fold(0, |bits, suite| bits | suite_bit(*suite)),
            ack_delay_max_ms: config.ack_delay_max.as_millis() as u8,
            credits: Credits::granted_by(config),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.protocol_id.to_be_bytes());
        out.extend_from_slice(&self.channels.to_be_bytes());
        out.extend_from_slice(&[self.ciphers, self.ack_delay_max_ms]);
        self.credits.encode(out);
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Ok(Self {
            protocol_id: reader.u64("protocol id")?,
            channels: reader.u64("channels")?,
            ciphers: reader.u8("ciphers")?,
            ack_delay_max_ms: reader.u8("ack delay")?,
            credits: Credits::decode(&mut reader)?,
        })
    }
}

/// Beside the cipher suite of an answer: [`ServerAnswer::Accepted::is_way_short`].
const SHORT_WAY: u8 = 0x80;

/// What the server tells inside Noise message 2: authentic, whichever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerAnswer {
    Accepted {
        suite: CipherSuite,
        /// The HELLO that came first was a short one.
        is_way_short: bool,
        connection_id: ConnectionId,
        reset_token: [u8; 16],
        ack_delay_max_ms: u8,
        credits: Credits,
    },
    Refused(Refusal),
}

impl ServerAnswer {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Accepted {
                suite,
                is_way_short,
                connection_id,
                reset_token,
                ack_delay_max_ms,
                credits,
            } => {
                let way = if *is_way_short { SHORT_WAY } else { 0 };
                out.extend_from_slice(&[0, suite_bit(*suite) | way]);
                write_id(connection_id, out);
                out.extend_from_slice(reset_token);
                out.push(*ack_delay_max_ms);
                credits.encode(out);
            }
            Self::Refused(refusal) => out.push(refusal_code(*refusal)),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let status = reader.u8("status")?;
        if status != 0 {
            let refusal = refusal_from_code(status, crate::PROTOCOL_VERSION);
            return refusal.map(Self::Refused).ok_or(reader.error("status"));
        }
        let byte = reader.u8("cipher suite")?;
        let suite = match byte & !SHORT_WAY {
            1 => CipherSuite::Aes128Gcm,
            2 => CipherSuite::ChaCha20Poly1305,
            _ => return Err(reader.error("cipher suite")),
        };
        Ok(Self::Accepted {
            suite,
            is_way_short: byte & SHORT_WAY != 0,
            connection_id: read_id(&mut reader)?,
            reset_token: reader.array("reset token")?,
            ack_delay_max_ms: reader.u8("ack delay")?,
            credits: Credits::decode(&mut reader)?,
        })
    }
}

/// The bit that stands for a suite in [`ClientOffer::ciphers`], also its code in an answer.
pub(crate) const fn suite_bit(suite: CipherSuite) -> u8 {
    match suite {
        CipherSuite::Aes128Gcm => 1,
        CipherSuite::ChaCha20Poly1305 => 2,
    }
}

pub(crate) const fn refusal_code(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::Full => 1,
        Refusal::WrongVersion { .. } => 2,
        Refusal::WrongProtocolId => 3,
        Refusal::WrongChannels => 4,
        Refusal::Banned => 5,
        Refusal::WrongKey => 6,
        Refusal::NotAccepting => 7,
        Refusal::NoCipher => 8,
        Refusal::TokenMissing => 9,
        Refusal::TokenInvalid => 10,
        Refusal::TokenExpired => 11,
        Refusal::TokenElsewhere => 12,
        Refusal::TokenUsed => 13,
        Refusal::TokenOutdated => 14,
        Refusal::TokensFull => 15,
        Refusal::TokenClock => 16,
    }
}

pub(crate) const fn refusal_from_code(code: u8, server: u8) -> Option<Refusal> {
    Some(match code {
        1 => Refusal::Full,
        2 => Refusal::WrongVersion { server },
        3 => Refusal::WrongProtocolId,
        4 => Refusal::WrongChannels,
        5 => Refusal::Banned,
        6 => Refusal::WrongKey,
        7 => Refusal::NotAccepting,
        8 => Refusal::NoCipher,
        9 => Refusal::TokenMissing,
        10 => Refusal::TokenInvalid,
        11 => Refusal::TokenExpired,
        12 => Refusal::TokenElsewhere,
        13 => Refusal::TokenUsed,
        14 => Refusal::TokenOutdated,
        15 => Refusal::TokensFull,
        16 => Refusal::TokenClock,
        _ => return None,
    })
}

/// Shows which HELLO a REFUSE answers, and that both arrived as they were sent: a hash of the HELLO's datagram and of the
/// refusal's own end.
pub(crate) type RefuseCheck = [u8; 4];

/// The check of a refusal of this HELLO.
pub(crate) fn refuse_check(hello: &[u8], refusal: Refusal) -> RefuseCheck {
    let server = if let Refusal::WrongVersion { server } = refusal {
        server
    } else {
        crate::PROTOCOL_VERSION
    };
    let mut hash = Blake2s256::new();
    hash.update(hello);
    hash.update([refusal_code(refusal), server]);
    let hash: [u8; 32] = hash.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// Appends a REFUSE.
pub(crate) fn encode_refuse(
    id: &ConnectionId,
    refusal: Refusal,
    check: RefuseCheck,
    out: &mut Vec<u8>,
) {
    out.push(REFUSE);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(&[refusal_code(refusal), crate::PROTOCOL_VERSION]);
    out.extend_from_slice(&check);
}

/// The refusal in a REFUSE whose connection id has `id_len` bytes, and its check.
pub(crate) fn decode_refuse(datagram: &[u8], id_len: usize) -> Option<(Refusal, RefuseCheck)> {
    let [code, server, check @ ..] = datagram.get(1 + id_len..)? else {
        return None;
    };
    Some((refusal_from_code(*code, *server)?, check.try_into().ok()?))
}

/// Appends a RETRY.
pub(crate) fn encode_retry(id: &ConnectionId, cookie: &Cookie, out: &mut Vec<u8>) {
    out.push(RETRY);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(cookie);
}

/// The cookie in a RETRY whose connection id has `id_len` bytes.
pub(crate) fn decode_retry(datagram: &[u8], id_len: usize) -> Option<Cookie> {
    datagram.get(1 + id_len..)?.try_into().ok()
}

/// Two sides talk only if this agrees: 64 bits of FNV-1a over the channels' deliveries, in order.
pub(crate) fn channels_fingerprint(config: &Config) -> u64 {
    config
        .channels
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, channel| {
            let code = match channel.delivery {
                Delivery::Unreliable => 1,
                Delivery::Sequenced => 2,
                Delivery::Reliable => 3,
                Delivery::Ordered => 4,
            };
            (hash ^ code).wrapping_mul(0x0100_0000_01b3)
        })
}
