//! What a datagram holds, in clear: for traces, captures and reports. Only its sender can tell, before it encrypts.
//!
//! `Display` is the line of a wire trace: `#3 Ack(0..=2 after 1.200 ms) Ordered(ch3 m1, 20 B)`. Payloads are not kept,
//! only their lengths.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::ops::RangeInclusive;

use crate::config::Delivery;
use crate::event::Refusal;
use crate::transmit::EcnCounts;
use crate::wire::frame::close;

/// What one datagram holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A packet of a connection.
    Packet {
        /// Its number, in full.
        number: u64,
        /// How often the keys of its direction were changed before.
        generation: u64,
        /// The low 8 bits of the compact acknowledgement, if it has one.
        compact_ack: Option<u8>,
        /// Its frames, in order.
        frames: Vec<Frame>,
    },
    /// A client's first datagram; whether the client knew the server's key. `None` if that cannot be read.
    Hello {
        /// Noise NK if true, NX if false.
        known_key: Option<bool>,
        /// Whether it brings a connect token.
        has_token: bool,
    },
    /// A server's answer inside the handshake.
    Welcome {
        /// Whether the client may come in.
        accepted: bool,
    },
    /// A server's answer outside of the handshake. `None` if it cannot be read.
    Refuse(Option<Refusal>),
    /// The connection is gone.
    Reset,
    /// Does anybody listen?
    Probe,
    /// Somebody does.
    ProbeReply,
    /// A loaded server asks a client to say hello again, with the cookie in it.
    Retry,
    /// A line of discovery, without the white space around it.
    Discovery(String),
    /// A STUN message.
    Stun,
    /// Nothing of ours.
    Unknown,
}

/// One frame of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// Nothing, to the packet's end.
    Padding,
    /// Asks for an acknowledgement.
    Ping,
    /// Acknowledges packets.
    Ack {
        /// Their numbers, the newest range first.
        ranges: Vec<RangeInclusive<u64>>,
        /// Time between the arrival of the newest and this frame, in microseconds.
        delay_us: u64,
        /// How many packets arrived with each mark so far, if that is told.
        ecn: Option<EcnCounts>,
    },
    /// Lets the other side send more.
    Credit {
        /// On this channel; `None`: on all reliable ones together.
        channel: Option<u8>,
        /// Bytes since the connection began.
        limit: u64,
    },
    /// Ends the connection.
    Close {
        /// 0 farewell, 1 violation, 2 undeliverable, 3 refused (code 0: full), 4 replaced, 5 exhausted.
        kind: u8,
        /// Its meaning depends on the kind.
        code: u32,
        /// For people.
        text: String,
    },
    /// A reliable message will not come.
    Skip {
        /// Its channel.
        channel: u8,
        /// The low 16 bits of its id.
        id: u16,
    },
    /// What fragments of a message have in common, by which one that is lost comes back.
    Parity {
        /// Its channel.
        channel: u8,
        /// The low 16 bits of what names the message.
        id: u16,
        /// The bytes of the message that it stands for: where they begin and end.
        covered: (u32, u32),
        /// Bytes of the message.
        total: u32,
        /// Its own bytes.
        len: usize,
    },
    /// Asks who is at the address to which it goes to say this back.
    PathChallenge {
        /// What to say.
        data: [u8; 8],
    },
    /// Says it.
    PathResponse {
        /// What was asked for.
        data: [u8; 8],
    },
    /// The server's reset token for the client's present address; not shown.
    ResetToken,
    /// A message, or a fragment of one.
    Message {
        /// Its channel.
        channel: u8,
        /// The promise of that channel; `None` if there is no such channel.
        delivery: Option<Delivery>,
        /// The low 16 bits of its id, where it carries one.
        id: Option<u16>,
        /// Of a fragment, how many bytes of the message are before it, and how many the message has.
        fragment: Option<(u32, u32)>,
        /// Bytes of its payload in this frame.
        len: usize,
        /// It is in another packet too that was not given up: redundancy.
        is_copy: bool,
    },
    /// What cannot be read, and the packet's rest with it.
    Unknown,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet {
                number,
                generation,
                compact_ack,
                frames,
            } => show_packet((*number, *generation), *compact_ack, frames, f),
            Self::Hello {
                known_key: None, ..
            } => f.write_str("Hello(?)"),
            Self::Hello {
                known_key: Some(known_key),
                has_token,
            } => {
                let psk = if *has_token { "psk2" } else { "" };
                let token = if *has_token { ", token" } else { "" };
                match known_key {
                    false => write!(f, "Hello(NX{psk}, any key{token})"),
                    true => write!(f, "Hello(NK{psk}, known key{token})"),
                }
            }
            Self::Welcome { accepted: true } => f.write_str("Welcome(accepted)"),
            Self::Welcome { accepted: false } => f.write_str("Welcome(refused)"),
            Self::Refuse(Some(refusal)) => write!(f, "Refuse({refusal})"),
            Self::Refuse(None) => f.write_str("Refuse(?)"),
            Self::Reset => f.write_str("Reset"),
            Self::Probe => f.write_str("Probe"),
            Self::ProbeReply => f.write_str("ProbeReply"),
            Self::Retry => f.write_str("Retry"),
            Self::Discovery(text) => f.write_str(text),
            Self::Stun => f.write_str("Stun"),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

fn show_packet(
    (number, generation): (u64, u64),
    compact_ack: Option<u8>,
    frames: &[Frame],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "#{number}")?;
    if generation > 0 {
        write!(f, " key {generation}")?;
    }
    if let Some(low) = compact_ack {
        write!(f, " Ack(..={low})")?;
    }
    frames.iter().try_for_each(|frame| write!(f, " {frame}"))
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Padding => f.write_str("Padding"),
            Self::Ping => f.write_str("Ping"),
            Self::Ack {
                ranges,
                delay_us,
                ecn,
            } => show_ack(ranges, *delay_us, *ecn, f),
            Self::Credit {
                channel: Some(channel),
                limit,
            } => write!(f, "Credit(ch{channel} to {limit} B)"),
            Self::Credit {
                channel: None,
                limit,
            } => write!(f, "Credit(all to {limit} B)"),
            Self::PathChallenge { data } => show_path("PathChallenge", *data, f),
            Self::PathResponse { data } => show_path("PathResponse", *data, f),
            Self::ResetToken => f.write_str("ResetToken"),
            Self::Close { kind, code, text } => show_close(*kind, *code, text, f),
            Self::Skip { channel, id } => write!(f, "Skip(ch{channel} m{id})"),
            Self::Parity {
                channel,
                id,
                covered: (start, end),
                total,
                len,
            } => write!(
                f,
                "Parity(ch{channel} m{id} of {start}..{end} of {total}, {len} B)"
            ),
            Self::Message {
                channel,
                delivery,
                id,
                fragment,
                len,
                is_copy,
            } => {
                write!(f, "{}(ch{channel}", message_name(*delivery))?;
                if let Some(id) = id {
                    write!(f, " m{id}")?;
                }
                if let Some((offset, total)) = fragment {
                    write!(f, " part at {offset} of {total}")?;
                }
                let copy = if *is_copy { ", copy" } else { "" };
                write!(f, ", {len} B{copy})")
            }
            Self::Unknown => f.write_char('?'),
        }
    }
}

fn message_name(delivery: Option<Delivery>) -> &'static str {
    match delivery {
        Some(Delivery::Unreliable) => "Unreliable",
        Some(Delivery::Sequenced) => "Sequenced",
        Some(Delivery::Reliable) => "Reliable",
        Some(Delivery::Ordered) => "Ordered",
        None => "Message",
    }
}

fn show_ack(
    ranges: &[RangeInclusive<u64>],
    delay_us: u64,
    ecn: Option<EcnCounts>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.write_str("Ack(")?;
    for (index, range) in ranges.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        if range.start() == range.end() {
            write!(f, "{comma}{}", range.start())?;
        } else {
            write!(f, "{comma}{}..={}", range.start(), range.end())?;
        }
    }
    if delay_us > 0 {
        let (millis, micros) = (delay_us / 1_000, delay_us % 1_000);
        write!(f, " after {millis}.{micros:03} ms")?;
    }
    if let Some(EcnCounts { ect0, ect1, ce }) = ecn {
        write!(f, ", marks {ect0}/{ect1}/{ce}")?;
    }
    f.write_char(')')
}

fn show_path(name: &str, data: [u8; 8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{name}({:016x})", u64::from_be_bytes(data))
}

fn show_close(kind: u8, code: u32, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (kind, code, text) {
        (close::APPLICATION, code, "") => write!(f, "Close(code {code})"),
        (close::APPLICATION, 0, text) => write!(f, "Close({text:?})"),
        (close::APPLICATION, code, text) => write!(f, "Close(code {code}, {text:?})"),
        (close::VIOLATION, code, _) => write!(f, "Close(violation {code})"),
        (close::UNDELIVERABLE, channel, _) => write!(f, "Close(undeliverable on ch{channel})"),
        (close::REFUSED, 0, _) => write!(f, "Close(full)"),
        (close::REFUSED, ..) => write!(f, "Close(refused {code})"),
        (close::REPLACED, ..) => write!(f, "Close(replaced)"),
        (close::EXHAUSTED, ..) => write!(f, "Close(exhausted)"),
        (kind, code, text) => write!(f, "Close(kind {kind}, code {code}, {text:?})"),
    }
}
