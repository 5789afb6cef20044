//! The bytes on the wire: the whole protocol, types only. docs/PROTOCOL.md is the same for readers of bytes.
//!
//! | first byte   | datagram                                                    |
//! |--------------|-------------------------------------------------------------|
//! | `0x00..0x04` | STUN, left alone (RFC 7983)                                 |
//! | `0x04..0x80` | ASCII text: discovery                                       |
//! | `0x80..0xC0` | [`packet`]: header, then frames and a tag, encrypted        |
//! | `0xC0..`     | [`handshake`]: hello, welcome, retry, refuse, reset; probe  |
//!
//! All integers are big-endian; a varint is that of RFC 9000 section 16. Decoders are total: any bytes
//! give a value or a [`DecodeError`]. Encoders append and cannot fail.

pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod number;
pub(crate) mod packet;
pub(crate) mod reader;
pub(crate) mod show;
pub(crate) mod varint;

pub(crate) use reader::{DecodeError, Reader};

/// Length of datagrams that nearly every way carries (RFC 9000 section 14.1), and of a client's first one, so that no answer
/// is longer (section 8.1).
pub(crate) const DATAGRAM_BASE: usize = 1_200;

/// Length that every IPv4 way carries: 576 bytes (RFC 791) without the headers of IP and UDP. A HELLO is so long at least.
pub(crate) const DATAGRAM_FLOOR: usize = 548;

/// The longest that is ever made: 1,500 bytes of IPv6 and UDP hold it.
pub(crate) const DATAGRAM_MAX: usize = 1_452;

/// Reliable messages of one channel may be this far apart, oldest unacknowledged to newest sent.
pub(crate) const MESSAGE_WINDOW: u64 = 4_096;

/// Messages with an id of one channel in one packet, at most.
///
/// Ids travel truncated to 16 bits. A packet may be late by the replay window of 1,024 packets, so ids
/// move on by at most 24 * 1,024 + [`MESSAGE_WINDOW`] = 28,672 meanwhile: below half of 2^16, hence never ambiguous.
pub(crate) const NUMBERED_MESSAGES_PER_PACKET_MAX: u32 = 24;

/// The fates of a first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Stun,
    Text,
    Packet,
    Hello,
    Welcome,
    Refuse,
    Reset,
    Probe,
    ProbeReply,
    Retry,
    Unknown,
}

impl Kind {
    pub(crate) const fn of(first: u8) -> Self {
        match first {
            0x00..=0x03 => Self::Stun,
            0x04..=0x7F => Self::Text,
            0x80..=0xBF => Self::Packet,
            0xC0 => Self::Hello,
            0xC1 => Self::Welcome,
            0xC2 => Self::Refuse,
            0xC3 => Self::Reset,
            0xC4 => Self::Probe,
            0xC5 => Self::ProbeReply,
            0xC6 => Self::Retry,
            _ => Self::Unknown,
        }
    }
}
